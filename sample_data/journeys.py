"""How far each lead gets, and when: stage dates, first response, loss. One uniform number decides it."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_data import clock
from sample_data.declare import Business

INVALID = (("spam", 0.45), ("duplicate", 0.25), ("bounced", 0.2), ("test", 0.1))
DISQUALIFIED = (("no_need", 0.45), ("not_a_prospect", 0.25), ("no_authority", 0.18), ("no_such_product", 0.12))
LOST = (("price", 0.3), ("no_decision", 0.27), ("competitor", 0.2), ("timing", 0.15), ("no_contact", 0.08))


def reach(
    business: Business,
    source: np.ndarray,
    segment: np.ndarray,
    captured: pl.Series | None,
    day: np.ndarray,
    with_incident: bool = True,
) -> np.ndarray:
    """Probability that each lead reaches each stage, shape (leads, stages).

    The product of its source's rates; the last one times a factor of the segment and of how it was captured,
    scaled so that the mean over a source's leads is the declared rate.
    """
    chance = np.cumprod([s.rates for s in business.sources], axis=1)[source]
    chance[:, -1] *= _win_factor(business, source, segment, captured)
    incident = business.incident
    if with_incident and incident.kind == "rate":
        stage = [s.name for s in business.stages].index(incident.stage)
        hit = _during(business, day) & np.array([s.channel == incident.channel for s in business.sources])[source]
        chance[hit, stage:] *= incident.factor
    return chance


def lags(business: Business, segment: np.ndarray, captured: pl.Series, rng: np.random.Generator) -> np.ndarray:
    """Days from each stage to the next, log-normal, shape (leads, stages)."""
    days = np.array([s.days for s in business.stages])
    sigma = np.array([s.sigma for s in business.stages])
    pace = np.array([s.lag for s in business.segments])[segment] * _looked_up(captured, business.captured_lag)
    return pace[:, None] * days * np.exp(sigma * rng.standard_normal((len(segment), len(days))))


def responses(business: Business, people: pl.DataFrame, captured: pl.Series, rng: np.random.Generator) -> np.ndarray:
    """Microseconds of the first human answer: sooner for a good fit (not the other way round), in office hours."""
    n, zone = people.height, business.zone
    median = _looked_up(captured, business.response_minutes)
    minutes = median * np.exp(business.response_sigma * rng.standard_normal(n) - 0.35 * people["_z"].to_numpy())
    created, day = people["_created"].to_numpy(), people["_day"].to_numpy().astype(np.int64)
    hour = (created - clock.day_start(zone)[day]) / clock.HOUR
    weekend = np.maximum(7 - clock.WEEKDAY[day], 0) * (clock.WEEKDAY[day] >= 5)
    late = np.where(
        weekend > 0, 24 * weekend + 8.5 - hour, np.where(hour >= 18, 32.5 - hour, np.maximum(8.5 - hour, 0))
    )
    return created + ((late * (median > 5) * clock.HOUR) + minutes * clock.MINUTE).astype(np.int64)


def _win_factor(business: Business, source: np.ndarray, segment: np.ndarray, captured: pl.Series | None) -> np.ndarray:
    wins = np.array([s.win for s in business.segments])
    factor = (wins / np.dot(wins, [s.share for s in business.segments]))[segment]
    if captured is None or not business.captured_win:
        return factor
    means = np.array(
        [sum(share * business.captured_win.get(code, 1.0) for code, share in s.captured) for s in business.sources]
    )
    return factor * _looked_up(captured, business.captured_win) / means[source]


def _looked_up(labels: pl.Series, values: dict[str, float]) -> np.ndarray:
    if not values:
        return np.ones(len(labels))
    return labels.replace_strict(
        {k: float(v) for k, v in values.items()}, default=1.0, return_dtype=pl.Float64
    ).to_numpy()


def _during(business: Business, day: np.ndarray) -> np.ndarray:
    incident = business.incident
    return (day >= clock.day_index(incident.start)) & (day <= clock.day_index(incident.end))

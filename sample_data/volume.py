"""How much is spent each week, and how many leads that brings: the process a what-if must recover."""

from __future__ import annotations

import numpy as np

from sample_data import clock
from sample_data.declare import Business, Source

LAGS = 13


def weekly_spend(business: Business, seed: int) -> np.ndarray:
    """Media spend of each week (Monday to Sunday) and source, at full size, shape (weeks, sources)."""
    return np.column_stack([_plan(source, clock.stream(seed, "plan", i)) for i, source in enumerate(business.sources)])


def adstock(spend: np.ndarray, carry: float, before: float) -> np.ndarray:
    """Normalised geometric adstock over 13 weeks; weeks before the first spent `before`."""
    weights = carry ** np.arange(LAGS)
    padded = np.concatenate([np.full(LAGS - 1, before), spend])
    return np.convolve(padded, weights / weights.sum(), mode="valid")


def hill(stock: np.ndarray, source: Source) -> np.ndarray:
    """Leads a week that an adstocked spend brings."""
    power = np.maximum(stock, 0.0) ** source.slope
    return source.top * power / (source.half**source.slope + power)


def response(business: Business, spend: np.ndarray) -> np.ndarray:
    """Leads a week brought by spend, shape (weeks, sources)."""
    return np.column_stack(
        [hill(adstock(spend[:, i], source.carry, source.budget), source) for i, source in enumerate(business.sources)]
    )


def baseline(business: Business) -> np.ndarray:
    """Leads a week that come without spend: base x growth x season, shape (weeks, sources)."""
    weeks = np.arange(clock.WEEKS)
    day_of_year = np.array([(clock.START.timetuple().tm_yday + 7 * w) % 365.25 for w in weeks])
    middles = (np.arange(-1, 13) + 0.5) * 365.25 / 12
    season = np.interp(day_of_year, middles, np.take(business.season, np.arange(-1, 13), mode="wrap"))
    level = season * (1 + business.growth) ** (weeks / 52.18)
    return level[:, None] * np.array([source.base for source in business.sources])


def expected(business: Business, seed: int, with_incident: bool = True) -> np.ndarray:
    """Expected leads of each day and source at full size, shape (days, sources)."""
    weekly = (baseline(business) + response(business, weekly_spend(business, seed))) * _noise(business, seed)
    weekday = np.array(business.weekday) / sum(business.weekday)
    daily = weekly[clock.WEEK] * weekday[clock.WEEKDAY][:, None]
    return daily * _incident(business) if with_incident else daily


def counts(business: Business, rows: float, seed: int) -> np.ndarray:
    """Leads that came on each day from each source, shape (days, sources)."""
    return clock.stream(seed, "counts").poisson(rows * expected(business, seed))


def _plan(source: Source, rng: np.random.Generator) -> np.ndarray:
    if not source.budget:
        return np.zeros(clock.WEEKS)
    shape = {"steady": _steady, "flights": _flights, "events": _events, "monthly": _monthly}[source.plan](rng)
    return source.budget * shape / shape.mean()


def _steady(rng: np.random.Generator) -> np.ndarray:
    """Budget steps each quarter, drift, two tests with little and two with nearly double spend."""
    level = np.repeat(rng.permuted(np.linspace(0.5, 1.6, 11)), 13)[: clock.WEEKS]
    drift = np.convolve(rng.normal(0, 0.16, clock.WEEKS + 5), 0.6 ** np.arange(6), mode="valid")
    factor = np.ones(clock.WEEKS)
    for start, size in zip(
        rng.choice(np.arange(4, clock.WEEKS - 6, 6), 4, replace=False), (0.15, 0.3, 1.8, 1.9), strict=True
    ):
        factor[start : start + 4] = size
    return level * np.exp(drift) * factor


def _flights(rng: np.random.Generator) -> np.ndarray:
    """Flights of three to seven weeks, pauses of two or three with almost nothing."""
    lengths = np.stack([rng.integers(3, 8, 40), rng.integers(2, 4, 40)], axis=1).ravel()
    on = np.repeat(np.tile([1.0, 0.08], 40), lengths)[: clock.WEEKS]
    return _steady(rng) * on


def _events(rng: np.random.Generator) -> np.ndarray:
    """One event about every two months, nothing between."""
    weeks = np.arange(3, clock.WEEKS - 3, 9)
    weeks += rng.integers(-2, 3, len(weeks))
    return np.bincount(weeks, weights=rng.uniform(0.4, 1.6, len(weeks)), minlength=clock.WEEKS)


def _monthly(rng: np.random.Generator) -> np.ndarray:
    """An ad in each monthly issue: none, small, half or full page, paid on the first."""
    sizes = rng.permutation(np.resize([0.0, 0.5, 1.0, 1.0, 1.6, 2.2], clock.MONTHS))
    return np.bincount(clock.WEEK[clock.month_starts()], weights=sizes, minlength=clock.WEEKS)


def _noise(business: Business, seed: int) -> np.ndarray:
    shape = (clock.WEEKS, len(business.sources))
    return np.exp(clock.stream(seed, "noise").normal(-(business.noise**2) / 2, business.noise, shape))


def _incident(business: Business) -> np.ndarray:
    incident = business.incident
    factor = np.ones((clock.DAYS, len(business.sources)))
    hit = [
        incident.kind == "volume" and (source.channel, source.placement) == (incident.channel, incident.placement)
        for source in business.sources
    ]
    factor[clock.day_index(incident.start) : clock.day_index(incident.end) + 1, hit] = incident.factor
    return factor

"""Who the leads are: arrival, fit, dimensions. The part of a lead that is known at its creation."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.special import ndtr

from sample_data import clock
from sample_data.declare import Business, Mix


def arrivals(business: Business, counts: np.ndarray, days: slice, first: int, rng: np.random.Generator) -> pl.DataFrame:
    """One month's leads in order of time: number, source, day, created (microseconds), z (fit), u (outcome).

    `u` is uniform and decides how far the lead gets (the lower the further); `z` is correlated with it.
    """
    day, source = np.divmod(np.repeat(np.arange(counts.size), counts.ravel()), counts.shape[1])
    created = clock.day_start(business.zone)[days][day] + seconds(business, len(day), rng) * clock.SECOND
    order = np.argsort(created, kind="stable")
    z = rng.standard_normal(len(day))
    rest = np.sqrt(1 - business.score_weight**2) * rng.standard_normal(len(day))
    return pl.DataFrame(
        {
            "_number": first + np.arange(len(day)),
            "_source": source[order].astype(np.int16),
            "_day": (days.start + day[order]).astype(np.int16),
            "_created": created[order],
            "_z": z,
            "_u": 1 - ndtr(business.score_weight * z + rest),
        }
    )


def seconds(business: Business, n: int, rng: np.random.Generator) -> np.ndarray:
    """Seconds after local midnight, by the business's hours; never between 0:00 and 3:00."""
    hours = np.array(business.hours) / sum(business.hours)
    return rng.choice(24, n, p=hours) * 3600 + rng.integers(0, 3600, n)


def pick(mixes: list[Mix], row: np.ndarray, rng: np.random.Generator) -> pl.Series:
    """A label for each row, drawn from the mix that the row points to."""
    width = max(map(len, mixes))
    edges = np.array(
        [np.pad(np.cumsum([s for _, s in mix]), (0, width - len(mix)), constant_values=2) for mix in mixes]
    )
    edges[:, -1] = 2
    edges /= np.array([max(sum(s for _, s in mix), 1e-9) for mix in mixes])[:, None]
    labels = pl.Series([name for mix in mixes for name, _ in mix])
    starts = np.cumsum([0, *map(len, mixes[:-1])])
    drawn = rng.random(len(row))
    place = np.zeros(len(row), np.int64)
    for column in edges.T[:-1]:
        place += drawn >= column[row]
    return labels.gather(starts[row] + place)


def draw(mix: Mix, n: int, rng: np.random.Generator) -> pl.Series:
    """`n` labels from one mix."""
    return pick([mix], np.zeros(n, np.int64), rng)


def dimensions(business: Business, people: pl.DataFrame, won: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    """Channel, source … of each lead; nothing is null, what is not known is "unknown"."""
    sources, row = business.sources, people["_source"].to_numpy().astype(np.int64)
    fixed = {
        name: pl.Series([getattr(s, name) for s in sources]).gather(row)
        for name in ("channel", "source", "medium", "placement")
    }
    web = np.array([s.visit_rate > 0 for s in sources])[row]
    pages, devices = draw(business.pages, len(row), rng), draw(business.devices, len(row), rng)
    captured = pick(
        [s.captured for s in sources] + [s.captured_won or s.captured for s in sources], row + len(sources) * won, rng
    )
    return pl.DataFrame(
        {
            **fixed,
            "campaign": pick([s.campaigns for s in sources], row, rng),
            "content": pick([s.contents for s in sources], row, rng),
            "landing_page": _where(web, pages),
            "device": _where(web, devices),
            "country": draw(business.countries, len(row), rng),
            "industry": draw(business.industries, len(row), rng),
            "captured_by": captured,
        }
    )


def segments(business: Business, n: int, rng: np.random.Generator) -> np.ndarray:
    """Index of each lead's segment."""
    return np.searchsorted(np.cumsum([s.share for s in business.segments])[:-1], rng.random(n), side="right")


def score(z: np.ndarray, rng: np.random.Generator) -> pl.Series:
    """Score of 1 to 100 given at creation, from the fit alone; null for one lead in ten."""
    value = np.ceil(100 * ndtr(z) ** 1.2).clip(1, 100).astype(np.int64)
    return pl.Series(value).set(pl.Series(rng.random(len(z)) < 0.1), None)


def _where(known: np.ndarray, labels: pl.Series) -> pl.Series:
    return labels.set(pl.Series(~known), "unknown")

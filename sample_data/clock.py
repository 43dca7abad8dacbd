"""The calendar of the sample businesses: days, weeks, months, zones, and the random streams."""

from __future__ import annotations

import datetime as dt
import zlib
from functools import cache

import numpy as np
import polars as pl

START = dt.date(2024, 5, 1)
AS_OF = dt.date(2026, 10, 31)
DAYS = (AS_OF - START).days + 1
MONTHS = 30
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
INSTANT = pl.Datetime("us", "UTC")

DATE = np.arange(np.datetime64(START), np.datetime64(AS_OF) + 1)
WEEKDAY = (np.arange(DAYS) + START.weekday()) % 7
WEEK = (np.arange(DAYS) + START.weekday()) // 7
WEEKS = int(WEEK[-1]) + 1
MONTH = (DATE.astype("datetime64[M]") - np.datetime64(START, "M")).astype(int)


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The random stream of one thing, so that leaving out a table never changes another."""
    return np.random.default_rng([seed, zlib.crc32("/".join(map(str, names)).encode())])


@cache
def day_start(zone: str) -> np.ndarray:
    """Microseconds in UTC that local midnight of each day would have with the offset of that noon.

    NOTE: nobody acts between 0:00 and 3:00, so on the days that clocks change every instant is right too.
    """
    noon = pl.Series(DATE).cast(pl.Datetime("us")).dt.offset_by("12h").dt.replace_time_zone(zone)
    return noon.dt.convert_time_zone("UTC").to_physical().to_numpy() - 12 * HOUR


def end(zone: str) -> int:
    """Microseconds in UTC of the midnight that ends the export day."""
    return int(day_start(zone)[-1]) + DAY


def day_of(instants: np.ndarray, zone: str) -> np.ndarray:
    """Index of the local day of each instant, 0 being the first day of the period."""
    return np.searchsorted(day_start(zone), instants, side="right") - 1


def awake(times: np.ndarray, created: np.ndarray, zone: str) -> np.ndarray:
    """Times later than `created` (one per row) moved into 7:00 to 22:00 of their day, order kept."""
    midnight = day_start(zone)[np.clip(day_of(times, zone), 0, DAYS - 1)]
    moved = midnight + 7 * HOUR + (times - midnight) * 15 // 24
    return np.where((times > created[:, None]) & (times < end(zone)), np.maximum(moved, created[:, None]), times)


def day_index(day: dt.date) -> int:
    """Position of a date in the period."""
    return (day - START).days


def month_days(month: int) -> slice:
    """Days of one month of the period."""
    days = np.flatnonzero(month == MONTH)
    return slice(int(days[0]), int(days[-1]) + 1)


def month_starts() -> np.ndarray:
    """Indices of the days on which a month begins."""
    return np.flatnonzero(np.diff(MONTH, prepend=-1))


def instants(values: np.ndarray, known: np.ndarray | None = None) -> pl.Series:
    """Microseconds as UTC instants, whole seconds; null where not `known`."""
    whole = pl.Series("", values // SECOND * SECOND, dtype=pl.Int64).cast(INSTANT)
    return whole if known is None else whole.set(pl.Series(~known), None)

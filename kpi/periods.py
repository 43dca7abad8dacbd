"""Days, periods and buckets: which days a number covers, and which it is compared with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

Grain = Literal["1d", "1w", "1mo", "1q", "1y"]
GRAINS: tuple[Grain, ...] = ("1d", "1w", "1mo", "1q", "1y")
Against = Literal["previous", "last_year"]
PRESETS = (
    "last_30_days",
    "last_90_days",
    "this_month",
    "last_month",
    "last_3_months",
    "this_quarter",
    "last_quarter",
    "last_12_months",
    "this_year",
    "last_year",
    "all",
)
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, order=True)
class Period:
    """A run of days, both ends included.

    Example:
        >>> Period(dt.date(2025, 1, 1), dt.date(2025, 1, 31)).days
        31
    """

    start: dt.date
    end: dt.date

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise ValueError(f"the period starts on {self.start}, after its end on {self.end}")

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days + 1

    def within(self, other: Period) -> Period | None:
        """The days that both have, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start <= end else None


def preset(name: str, as_of: dt.date, first: dt.date) -> Period:
    """The period that a preset means on the day of the export.

    Args:
        name: One of `PRESETS`. `this_…` ends on `as_of`; `last_month`, `last_quarter`, `last_year`,
            `last_3_months`, `last_12_months` are whole ones that have ended (a month that ends on `as_of` has).
        as_of: The last day of the data.
        first: The first day of the data, for `all`.

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> preset("last_month", dt.date(2025, 3, 10), dt.date(2024, 1, 1))
        Period(start=datetime.date(2025, 2, 1), end=datetime.date(2025, 2, 28))
    """
    tomorrow = as_of + _DAY
    month = tomorrow.replace(day=1)
    quarter = month.replace(month=(month.month - 1) // 3 * 3 + 1)
    year = month.replace(month=1)
    this_quarter = as_of.replace(day=1, month=(as_of.month - 1) // 3 * 3 + 1)
    starts = {
        "last_30_days": (as_of - 29 * _DAY, as_of),
        "last_90_days": (as_of - 89 * _DAY, as_of),
        "this_month": (as_of.replace(day=1), as_of),
        "last_month": (shift(month, -1), month - _DAY),
        "last_3_months": (shift(month, -3), month - _DAY),
        "this_quarter": (this_quarter, as_of),
        "last_quarter": (shift(quarter, -3), quarter - _DAY),
        "last_12_months": (shift(month, -12), month - _DAY),
        "this_year": (as_of.replace(month=1, day=1), as_of),
        "last_year": (shift(year, -12), year - _DAY),
        "all": (min(first, as_of), as_of),
    }
    if name not in starts:
        raise ValueError(f"unknown period {name!r}; known: {', '.join(PRESETS)}")
    return Period(*starts[name])


def shift(day: dt.date, months: int) -> dt.date:
    """The same day of another month, or that month's last day where it is shorter.

    Example:
        >>> shift(dt.date(2025, 3, 31), -1)
        datetime.date(2025, 2, 28)
    """
    month = day.year * 12 + day.month - 1 + months
    first = dt.date(month // 12, month % 12 + 1, 1)
    following = dt.date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(first + (day.day - 1) * _DAY, following - _DAY)


def comparison(period: Period, against: Against) -> Period:
    """The earlier period of equal length and position.

    Whole months compare with as many whole months before; days since the first of a month, a quarter or a
    year with the same days of the month, quarter or year before (30 March days: 30 February days, or as many
    as it has); anything else with as many days just before. `last_year` is the same days a year earlier.

    Example:
        >>> comparison(Period(dt.date(2025, 3, 1), dt.date(2025, 3, 10)), "previous")
        Period(start=datetime.date(2025, 2, 1), end=datetime.date(2025, 2, 10))
    """
    if against not in get_args(Against):
        raise ValueError(f"unknown comparison {against!r}; known: {', '.join(get_args(Against))}")
    if against == "last_year":
        return _moved(period, -12)
    months = _months(period)
    if months:
        return _moved(period, -months)
    length = period.days * _DAY
    return Period(period.start - length, period.end - length)


def _months(period: Period) -> int:
    """How many months back the comparison lies; 0 where the period does not follow the calendar."""
    start, after = period.start, period.end + _DAY
    if start.day != 1:
        return 0
    if after.day == 1:
        return (after.year - start.year) * 12 + after.month - start.month
    covered = (period.end.year - start.year) * 12 + period.end.month - start.month + 1
    for unit in (1, 3, 12):
        if covered <= unit and (start.month - 1) % unit == 0:
            return unit
    return 0


def _moved(period: Period, months: int) -> Period:
    whole = period.start.day == 1 and (period.end + _DAY).day == 1
    end = shift(period.end + _DAY, months) - _DAY if whole else shift(period.end, months)
    return Period(shift(period.start, months), end)


def ripened(period: Period, until: dt.date) -> Period:
    """The same period as many months earlier as it takes to end by a day.

    Example:
        >>> ripened(Period(dt.date(2025, 11, 1), dt.date(2026, 10, 31)), dt.date(2026, 10, 9))
        Period(start=datetime.date(2025, 10, 1), end=datetime.date(2026, 9, 30))
    """
    months = max(0, (period.end.year - until.year) * 12 + period.end.month - until.month)
    earlier = _moved(period, -months)
    return earlier if earlier.end <= until else _moved(period, -months - 1)


def buckets(period: Period, every: Grain | None) -> pl.DataFrame:
    """One row per bucket, dense: a bucket without data is a row too.

    Returns:
        Columns `date` (the bucket's label: the first day of its week, month …), `start` and `end` (its days
        inside the period, both included). With `every=None` the whole period is one bucket.

    Example:
        >>> buckets(Period(dt.date(2025, 1, 20), dt.date(2025, 3, 5)), "1mo")["end"].to_list()
        [datetime.date(2025, 1, 31), datetime.date(2025, 2, 28), datetime.date(2025, 3, 5)]
    """
    if every is None:
        return pl.DataFrame({"date": [period.start], "start": [period.start], "end": [period.end]})
    if every not in GRAINS:
        raise ValueError(f"unknown grain {every!r}; known: {', '.join(GRAINS)}")
    days = pl.DataFrame({"day": pl.date_range(period.start, period.end, "1d", eager=True)})
    return (
        days.group_by(date=pl.col("day").dt.truncate(every))
        .agg(start=pl.col("day").min(), end=pl.col("day").max())
        .sort("date")
    )

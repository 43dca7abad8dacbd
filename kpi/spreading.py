"""Spreading: which days a cost covers. A monthly invoice is a cost of every day of its month, not of the first.

A *series* is what is billed together: one channel, campaign, placement, platform, cost type and currency.

- Dated on the first (or the last) day of months only, from two dates on: each covers its month, or its quarter, half
  year or year where all its steps are whole ones. A month left out is a month without cost.
- Otherwise regular, at least a week apart (the longest step at most a quarter longer than the shortest): each lasts
  until the day before the next, the last one as long as the longest step. Two dates alone are regular one, two or four
  weeks apart, or on the same day of the month: two fairs in a year are no rhythm.
- Anything else (daily, irregular, a single date) is a cost of its own day.
"""

from __future__ import annotations

import narwhals as nw
import polars as pl

from kpi.expressions import Added, Context, day

FROM, LASTS = "covers_from", "covers_days"
"""The first day that a cost covers, and how many days it covers from there."""
_SERIES = tuple("channel campaign placement platform cost_type currency".split())
_ON = day("date")
_CYCLES = (12, 6, 3, 1)
_WEEK, _DAY = 7, 86_400
_WEEKS = (7, 14, 28)
_GRAIN = 2.0**-32


def covered_days() -> tuple[Added, ...]:
    """The columns `covers_from` and `covers_days` of costs, in small steps, since windows do not nest."""
    return (
        Added("covers__series", ("date",), _series, uses=_SERIES),
        Added("covers__row", ("covers__series",), lambda _: nw.col(_ON).shift(-1).over("covers__series", order_by=_ON)),
        # Several rows may share a date: the next one is the latest of what follows any of them.
        Added("covers__after", ("covers__row",), lambda _: nw.col("covers__row").max().over("covers__series", _ON)),
        Added("covers__next", ("covers__after",), _later),
        Added("covers__step", ("covers__next",), lambda _: _days(nw.col("covers__next"), nw.col(_ON))),
        Added("covers__months", ("covers__next",), lambda _: _month(nw.col("covers__next")) - _month(nw.col(_ON))),
        Added("covers__edge", ("date",), _edge),
        Added("covers__cycle", ("covers__months", "covers__edge"), _cycle),
        Added(FROM, ("covers__cycle",), _from),
        Added(LASTS, (FROM, "covers__step", "covers__cycle"), _lasts),
    )


def spread(rows: pl.DataFrame) -> pl.DataFrame:
    """Amounts that each cover some days → as much of them on every one of those days, to the 10⁻⁹; their sum stays.

    Args:
        rows: `date`, the first day; `covers_days`; `amount`; any keys beside them.

    Returns:
        The same columns without `covers_days`, one row per day and keys.

    Example:
        >>> import datetime as dt
        >>> spread(pl.DataFrame({"date": [dt.date(2025, 1, 30)], "covers_days": [2], "amount": [5.0]})).rows()
        [(datetime.date(2025, 1, 30), 2.5), (datetime.date(2025, 1, 31), 2.5)]
    """
    keys = [name for name in rows.columns if name not in (LASTS, "amount")]
    amount, days, gone = pl.col("amount"), pl.col(LASTS), pl.col("gone")
    # NOTE: 300 ÷ 31 added up 31 times is not 300; whole steps of 2⁻³² add up exactly, and the last day gets the rest.
    so_far = [pl.when(day == days).then(amount).otherwise((amount * day / days / _GRAIN).floor() * _GRAIN)
              for day in (gone, gone + 1)]  # fmt: skip
    daily = rows.with_columns(gone=pl.int_ranges(days)).explode("gone")
    dated = daily.with_columns(pl.col("date") + pl.duration(days=gone), amount=so_far[1] - so_far[0])
    return dated.group_by(keys, maintain_order=True).agg(amount.sum())


# ---- the steps ------------------------------------------------------------------------------------------------------


def _series(context: Context) -> nw.Expr:
    parts = [nw.col(name).cast(nw.String).fill_null("") for name in _SERIES if context.has(name)]
    return nw.concat_str(parts, separator="\x1f") if parts else nw.lit("")


def _later(_: Context) -> nw.Expr:
    after = nw.col("covers__after")
    return nw.when(after > nw.col(_ON)).then(after)


def _edge(_: Context) -> nw.Expr:
    """1 for the first day of a month, -1 for the last, else 0."""
    on = nw.col(_ON)
    ends = nw.when(_moved(on, "1d").dt.day() == 1).then(nw.lit(-1)).otherwise(nw.lit(0))
    return nw.when(on.dt.day() == 1).then(nw.lit(1)).otherwise(ends)


def _cycle(_: Context) -> nw.Expr:
    """Months that a cost covers in a series dated by the calendar, negative where it is dated at their end."""
    months = nw.col("covers__months")
    length: nw.Expr = nw.lit(1)
    for cycle in reversed(_CYCLES[:-1]):
        length = nw.when(months % cycle == 0).then(nw.lit(cycle)).otherwise(length)
    # Each cycle divides the next, so the shortest fits all steps; a series of one date has no step, and none.
    shortest = nw.when(~months.is_null()).then(length).min().over("covers__series")
    edge = nw.col("covers__edge").mean().over("covers__series")
    return nw.when(edge == 1).then(shortest).otherwise(nw.when(edge == -1).then(0 - shortest))


def _from(_: Context) -> nw.Expr:
    found = nw.col(_ON)
    for cycle in _CYCLES:
        opened = _moved(_moved(nw.col(_ON), "1d"), f"-{cycle}mo")
        found = nw.when(nw.col("covers__cycle") == -cycle).then(opened).otherwise(found)
    return found


def _lasts(_: Context) -> nw.Expr:
    on, step, cycle = nw.col(_ON), nw.col("covers__step"), nw.col("covers__cycle")
    shortest, longest = step.min().over("covers__series"), step.max().over("covers__series")
    whole = _days(on.max().over("covers__series"), on.min().over("covers__series"))
    other = (nw.col("covers__next").dt.day() - on.dt.day()).abs()
    rhythm = (whole > longest) | longest.is_in(_WEEKS) | (other.max().over("covers__series") == 0)
    regular = (shortest >= _WEEK) & (longest * 4 <= shortest * 5) & rhythm
    length = nw.when(regular.fill_null(False)).then(nw.coalesce(step, longest)).otherwise(nw.lit(1))
    for months in _CYCLES:
        length = nw.when(cycle == months).then(_days(_moved(on, f"{months}mo"), on)).otherwise(length)
        length = nw.when(cycle == -months).then(_days(_moved(on, "1d"), nw.col(FROM))).otherwise(length)
    return length.cast(nw.Int64)


def _month(date: nw.Expr) -> nw.Expr:
    return date.dt.year().cast(nw.Int64) * 12 + date.dt.month().cast(nw.Int64)


def _days(end: nw.Expr, start: nw.Expr) -> nw.Expr:
    return (end.cast(nw.Datetime("us")) - start.cast(nw.Datetime("us"))).dt.total_seconds() // _DAY


def _moved(date: nw.Expr, by: str) -> nw.Expr:
    return date.dt.offset_by(by).cast(nw.Date)  # NOTE: DuckDB makes an instant of it.

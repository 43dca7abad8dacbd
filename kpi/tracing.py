"""Tracing: the rows behind a number, and tables to take along."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import narwhals as nw
import polars as pl

from kpi.aggregating import met, to_polars
from kpi.answering import rung
from kpi.canonical import PERSONAL
from kpi.catalog import Kpi, Measure
from kpi.cube import Cube
from kpi.expressions import day
from kpi.periods import Period
from kpi.preparing import prepare

_FORMULA = r"^\s*[=+\-@\t\r]"


def measures_behind(cube: Cube, kpi: Kpi) -> tuple[tuple[str, Measure], ...]:
    """The measures of a KPI with their side, `numerator` or `denominator`; none for a derived KPI."""
    if kpi.derived:
        return ()
    sides = [("numerator", kpi.numerator), ("denominator", kpi.denominator)]
    named = [
        (side, name) for side, expression in sides if expression is not None for name in expression.meta.root_names()
    ]
    return tuple((side, cube.measures[rung(cube.data, name, kpi)]) for side, name in named)


def behind(
    cube: Cube,
    item: Measure,
    period: Period,
    where: Mapping[str, Sequence[str]] | None = None,
    personal: bool = False,
    limit: int | None = None,
) -> pl.DataFrame:
    """The rows that a measure counts in a period: the file's own columns.

    Args:
        cube: The cube the number came from.
        item: The measure, from `measures_behind`.
        period: The days that count; for a stock, its last day.
        where: Dimension → values that count.
        personal: Whether to include columns that name a person.
        limit: At most so many rows.

    Returns:
        Rows of the measure's table; their number (or the sum of their amount) is the measure's.
    """
    known = cube.data.columns[item.table]
    named = item.columns | known | set(where or {})
    frame = prepare(cube.data, item.table, frozenset(named), cube.as_of)
    for condition in _conditions(item, where or {}, period, frame.columns):
        frame = frame.filter(condition)
    kept = [name for name in frame.columns if name in known and (personal or name not in PERSONAL)]
    rows = frame.select(kept)
    return to_polars((rows if limit is None else rows.head(limit)).to_native())


def to_csv(frame: pl.DataFrame) -> bytes:
    """A table as CSV in which no cell is a formula to a spreadsheet.

    Text that begins like a formula gets an apostrophe in front; numbers stay numbers.

    Example:
        >>> to_csv(pl.DataFrame({"a": ["=1+1", "x"], "b": [-1, 2]})).decode("utf-8-sig").split()
        ['a,b', "'=1+1,-1", 'x,2']
    """
    text = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    safe = frame.drop(nested).with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA)).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in text
    )
    names = {name: f"'{name}" for name in safe.columns if name[:1] in ("=", "+", "-", "@")}
    return safe.rename(names).write_csv(include_bom=True).encode()


def _conditions(
    item: Measure, where: Mapping[str, Sequence[str]], period: Period, columns: Sequence[str]
) -> list[nw.Expr]:
    found = [nw.col(dim).cast(nw.String).fill_null("unknown").is_in(list(values)) for dim, values in where.items()]
    kept = met(item.agg.where)
    found += [] if kept is None else [kept]
    if item.agg.column and item.agg.kind != "rows":
        found.append(~nw.col(item.agg.column).is_null())
    if item.at:
        at = _day(item.at, columns)
        return [*found, (nw.col(at) >= period.start) & (nw.col(at) <= period.end)] if at else found
    last: dt.date = period.end
    since, until = _day(item.since, columns), _day(item.until, columns)
    found += [nw.col(since) <= last] if since else []
    return found + ([nw.col(until).is_null() | (nw.col(until) > last)] if until else [])


def _day(name: str, columns: Sequence[str]) -> str | None:
    return day(name) if day(name) in columns else name if name in columns else None

"""Aggregating: rows of prepared tables → amounts by day and dimension, in one pass per table, on any engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import polars as pl

from kpi.catalog import Measure, Where
from kpi.expressions import day
from kpi.preparing import missing, prepare
from kpi.spreading import FROM, LASTS, spread
from kpi.tables import Dataset

RESPONSE_STEPS = ((600, 1), (86_400, 60))
"""Durations up to so many seconds are kept to so many seconds; longer ones to the hour."""
_HOUR, _DAY = 3_600, 86_400


def aggregate(data: Dataset, measures: Sequence[Measure], by: Sequence[str], as_of: dt.date) -> pl.DataFrame:
    """Amounts of the measures, one row per day, dimension values, currency, lag and value that occur.

    Returns:
        Columns `measure, date, *by, currency, lag, value, amount`; see `Cube.frame`.
    """
    frames = _collect([_group(data, group, by, as_of) for group in _groups(data, measures)])
    keys = {"date": pl.Date, **dict.fromkeys(by, pl.String), "currency": pl.String, "lag": pl.Int64, "value": pl.Int64}
    schema = {"measure": pl.String, **keys, "amount": pl.Float64}
    plain = [item.id for item in measures if not has_currency(data, item)]
    long = [
        _long(frame, list(keys))
        .with_columns(currency=pl.when(~pl.col("measure").is_in(plain)).then("currency"))
        .select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        for frame in frames
        if frame.height
    ]
    return pl.concat([pl.DataFrame(schema=schema), *long]).sort("measure", "date", *by, "currency", "lag", "value")


def _long(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """A row for each measure of a pass; what covers several days is spread over them."""
    lasting = [LASTS] if LASTS in frame.columns else []
    rows = frame.unpivot(index=[*keys, *lasting], variable_name="measure", value_name="amount").drop_nulls("amount")
    return spread(rows) if lasting else rows


def has_currency(data: Dataset, item: Measure) -> bool:
    """Whether the cube keeps a measure apart by currency: money, and counts of rows that name one."""
    return item.agg.money or not missing(data, item.table, "currency")


def is_spread(data: Dataset, item: Measure) -> bool:
    """Whether a measure is spread over the days that its rows cover: costs and what they bought, not their rows."""
    return item.agg.kind == "total" and item.at == "date" and not missing(data, item.table, LASTS)


def rows(data: Dataset, item: Measure, by: Sequence[str], as_of: dt.date) -> pl.DataFrame:
    """The rows of a distinct count: `key` (a number for each value), `*by`, and `date` or `since`, `until`.

    They have their `currency` too, null where their table has none.
    """
    frame = prepare(data, item.table, item.columns | {*by, "currency"}, as_of)
    schema = frame.collect_schema()
    dates = {"date": item.at} if item.at else {"since": item.since, "until": item.until}
    days = {name: _day(schema, column) for name, column in dates.items()}
    kept, since = met(item.agg.where), days.get("since")
    if since:  # a row that never began is no stock
        frame = frame.filter(~nw.col(since).is_null())
    named = (
        (frame if kept is None else frame.filter(kept))
        .select(
            nw.col(item.agg.column or "").cast(nw.String).alias("key"),
            *((nw.col(column) if column else nw.lit(None).cast(nw.Date)).alias(name) for name, column in days.items()),
            *(_dim(dim, schema).alias(dim) for dim in by),
            _currency(data, [item], schema).alias("currency"),
        )
        .filter(~nw.col("key").is_null())
        .unique()
    )
    return to_polars(named.to_native()).with_columns(pl.col("key").rank("dense").cast(pl.UInt32))


# ---- one pass -------------------------------------------------------------------------------------------------------


def _groups(data: Dataset, measures: Sequence[Measure]) -> list[list[Measure]]:
    """Measures that one pass answers: same table, dates and grain."""
    groups: dict[tuple[str | bool, ...], list[Measure]] = {}
    for item in measures:
        if item.rollup != "distinct":
            own = item.agg.column or "" if item.rollup == "distribution" else ""
            key = (item.table, item.at, item.since, item.until, item.ripens, own, is_spread(data, item))
            groups.setdefault(key, []).append(item)
    return list(groups.values())


def _group(data: Dataset, group: list[Measure], by: Sequence[str], as_of: dt.date) -> Any:
    """One lazy native frame: `date, lag, value, currency, *by` and a column for each measure of the group."""
    first = group[0]
    lasting = (FROM, LASTS) if is_spread(data, first) else ()
    columns = frozenset[str]().union(*(item.columns for item in group)) | {*by, "currency", *lasting}
    frame = prepare(data, first.table, columns, as_of)
    at = FROM if lasting else _day(frame.collect_schema(), first.since or first.at)
    until = _day(frame.collect_schema(), first.until) if first.until else None
    if at is None:  # a table without dates: one period, the whole file
        still = frame.filter(nw.col(until).is_null()) if until else frame
        return _summed(_keyed(data, group, still, by, None), group, by).to_native()
    placed = frame.filter(~nw.col(at).is_null())
    if first.ripens:  # a conversion dated after the export has not happened
        ripe = nw.col(_day(frame.collect_schema(), first.ripens) or at)
        placed = placed.filter(ripe.is_null() | (ripe <= as_of))
    opened = _summed(_keyed(data, group, placed, by, at), group, by)
    if until is None:
        # A conversion before the entry is none of it: a sale before the chat, an order before the lead.
        counted = opened.filter(nw.col("lag").is_null() | (nw.col("lag") >= 0)) if first.ripens else opened
        return counted.to_native()
    return nw.concat([opened, _closed(data, group, frame, by, at, until)], how="vertical").to_native()


def _closed(
    data: Dataset, group: list[Measure], frame: nw.LazyFrame[Any], by: Sequence[str], since: str, until: str
) -> nw.LazyFrame[Any]:
    """What leaves a stock: minus on the day a row is open no more."""
    ended = frame.filter(~nw.col(until).is_null(), ~nw.col(since).is_null())
    # NOTE: a row that ends before it begins was never open; it closes on the day it opens.
    later = nw.when(nw.col(until) < nw.col(since)).then(nw.col(since)).otherwise(nw.col(until))
    summed = _summed(_keyed(data, group, ended.with_columns(later.alias(until)), by, until), group, by)
    return summed.with_columns(*((0.0 - nw.col(item.id)).alias(item.id) for item in group))


def _summed(frame: nw.LazyFrame[Any], group: list[Measure], by: Sequence[str]) -> nw.LazyFrame[Any]:
    keys = [name for name in ("date", LASTS, "lag", "value", "currency", *by) if name in frame.collect_schema()]
    return frame.group_by(keys).agg(*(_amount(item).alias(item.id) for item in group))


def _amount(item: Measure) -> nw.Expr:
    """What adds up: 1 for a counted row, the widened value for a total; null where no row counts."""
    kept = met(item.agg.where, "of ")
    if item.agg.kind == "rows" and kept is None:
        return nw.len().cast(nw.Float64)
    column = nw.col(f"of {item.agg.column}")
    if item.agg.kind == "total":
        amount = column.cast(nw.Float64)
        # NOTE: one NaN or infinite value of a file would make every sum over it NaN; it is as unknown as null.
        counted: nw.Expr = nw.when(amount.is_finite()).then(amount)
    elif item.agg.kind == "rows":
        counted = nw.lit(1.0)
    else:
        counted = nw.when(~column.is_null()).then(nw.lit(1.0))
    counted = counted if kept is None else nw.when(kept).then(counted)
    # NOTE: Polars sums nothing to 0; a group in which no row counts must stay null.
    return nw.when(~counted.max().is_null()).then(counted.sum())


def met(where: Sequence[Where], prefix: str = "") -> nw.Expr | None:
    """Whether a row meets all conditions; None where there is none."""
    found: nw.Expr | None = None
    for condition in where:
        column = nw.col(prefix + condition.column)
        holds = column.fill_null(False) if condition.values == (True,) else column.is_in(list(condition.values))
        found = holds if found is None else found & holds
    return found


# ---- the columns a pass groups by -----------------------------------------------------------------------------------


def _keyed(
    data: Dataset, group: list[Measure], frame: nw.LazyFrame[Any], by: Sequence[str], at: str | None
) -> nw.LazyFrame[Any]:
    """The rows with the columns they are grouped by, under the names that the cube gives them."""
    first, schema = group[0], frame.collect_schema()
    nothing = nw.lit(None).cast(nw.Int64)
    keys = {
        "date": nw.col(at) if at else nw.lit(None).cast(nw.Date),
        "lag": _lag(first, schema, at) if first.ripens and at else nothing,
        "value": _binned(first) if first.rollup == "distribution" else nothing,
        "currency": _currency(data, group, schema),
        **{dim: _dim(dim, schema) for dim in by},
        **({LASTS: nw.col(LASTS)} if at == FROM else {}),
    }
    named = (name for item in group for name in (item.agg.column, *(where.column for where in item.agg.where)) if name)
    return frame.select(
        *(expression.alias(name) for name, expression in keys.items()),
        *(nw.col(name).alias(f"of {name}") for name in dict.fromkeys(named) if name in schema),
    )


def _day(schema: Any, at: str) -> str | None:
    """The column that holds the day of a date: its local day, or the date itself where it is one already."""
    return day(at) if day(at) in schema else at if at in schema else None


def _lag(item: Measure, schema: Any, at: str) -> nw.Expr:
    """Days from entry to conversion; null for rows that have not converted."""
    ripe = _day(schema, item.ripens)
    if ripe is None:
        return nw.lit(None).cast(nw.Int64)
    elapsed = nw.col(ripe).cast(nw.Datetime("us")) - nw.col(at).cast(nw.Datetime("us"))
    days = (elapsed.dt.total_seconds() // _DAY).cast(nw.Int64)
    # Stages of one lead may be dated out of order: it reached both. A sale before the lead or the chat is none of it.
    stages = item.table == "leads" and item.at != "created_at"
    return nw.when(days < 0).then(0).otherwise(days) if stages else days


def _binned(item: Measure) -> nw.Expr:
    """A duration at the resolution that its measure states, rounded to the nearest step."""
    seconds = nw.col(item.agg.column or "").cast(nw.Int64)
    if item.agg.step == "days":
        return (seconds + _DAY // 2) // _DAY
    binned = (seconds + _HOUR // 2) // _HOUR * _HOUR
    for limit, step in reversed(RESPONSE_STEPS):
        binned = nw.when(seconds <= limit).then((seconds + step // 2) // step * step).otherwise(binned)
    return binned


def _currency(data: Dataset, group: list[Measure], schema: Any) -> nw.Expr:
    own = data.assumptions.currency
    if "currency" in schema:
        return nw.col("currency").cast(nw.String).fill_null(own)
    return nw.lit(own) if any(item.agg.money for item in group) else nw.lit(None).cast(nw.String)


def _dim(dim: str, schema: Any) -> nw.Expr:
    if dim == "currency" or dim not in schema:
        return nw.lit(None).cast(nw.String)
    text = nw.col(dim).cast(nw.String)
    return nw.when(text.is_null() | (text == "")).then(nw.lit("unknown")).otherwise(text)


# ---- engines --------------------------------------------------------------------------------------------------------


def _collect(frames: list[Any]) -> list[pl.DataFrame]:
    """Run the passes together, so that Polars reads each file once; other engines answer one by one."""
    done = iter(pl.collect_all([frame for frame in frames if isinstance(frame, pl.LazyFrame)], engine="streaming"))
    return [next(done) if isinstance(frame, pl.LazyFrame) else to_polars(frame) for frame in frames]


def to_polars(frame: Any) -> pl.DataFrame:
    """Any lazy frame or relation, collected into Polars."""
    native: pl.DataFrame = nw.from_native(frame).lazy().collect(backend="polars").to_native()
    return native

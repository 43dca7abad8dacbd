"""Tracing: the rows behind a number, and tables to take along."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import narwhals as nw
import polars as pl

from kpi import catalog
from kpi.aggregating import is_spread, met, to_polars
from kpi.answering import lacks, rung
from kpi.canonical import is_personal
from kpi.catalog import Kpi, Measure
from kpi.cube import Cube, require_dims
from kpi.expressions import day
from kpi.periods import Period, buckets
from kpi.preparing import prepare
from kpi.query import Query, inputs_of, scope_of, trailing, unsplit
from kpi.spreading import FROM, LASTS
from kpi.totals import Span, clip, totals

Side = Literal["numerator", "denominator"]
SHARE = "covers_share"
"""The share of the days that a cost covers which count."""
_Rows = nw.LazyFrame[Any]
_FORMULA = r"^\s*[=+\-@\t\r]"


def measures_behind(cube: Cube, kpi: Kpi) -> tuple[tuple[Side, Measure], ...]:
    """The measures of a KPI with their side; none for a derived KPI. The denominator of a share is the whole."""
    if kpi.derived:
        return ()
    whole = kpi.numerator if kpi.over and not kpi.figure else kpi.denominator
    sides: tuple[tuple[Side, pl.Expr | None], ...] = (("numerator", kpi.numerator), ("denominator", whole))
    return tuple(
        (side, cube.measures[rung(cube.data, name, kpi)])
        for side, expression in sides
        if expression is not None
        for name in dict.fromkeys(expression.meta.root_names())
    )


def rows_behind(
    cube: Cube,
    kpi: str | Kpi,
    period: Period | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
    personal: bool = False,
) -> dict[tuple[Side, str], pl.DataFrame]:
    """The rows that a KPI counts in a period, for each side and measure.

    Their number, the sum of their amount, or the number of different keys among them is the measure's, as `evaluate`
    gives it for the same question: over the days that all tables of the KPI cover, or its own window; of a stock the
    rows open on the last day, of what a stock lost those that stood before the first day and have no successor.

    Args:
        cube: The cube the number came from.
        kpi: An id of the catalogue, or a KPI of your own.
        period: Which days; None for all of the cube's.
        where: Dimension → the values that count.
        personal: Whether to include columns that name a person.

    Returns:
        (side, measure id) → rows: the file's own columns, then the amount and the dates that the measure reads where
        preparing made them (`full_cost`, `monthly`, `lead_won_at`); money in the currency of its row. Of a share, the
        numerator has the rows of every value that `where` leaves, the denominator those of all. A cost that is spread
        over the days it covers is its own row, whole, with `covers_from`, `covers_days` and the `covers_share` of it
        that counts. Empty for a derived KPI and for one that the data cannot answer.

    Raises:
        ValueError: If the KPI or a dimension is unknown, or the cube was measured without it.

    Example:
        >>> import kpi
        >>> days = [dt.date(2025, 1, 3), dt.date(2025, 2, 9)]
        >>> cube = kpi.measure(kpi.read({"leads": pl.DataFrame({"lead_id": ["a", "b"], "created_at": days})}))
        >>> january = Period(dt.date(2025, 1, 1), dt.date(2025, 1, 31))
        >>> rows_behind(cube, "leads", january)["numerator", "leads"]["lead_id"].to_list()
        ['a']
    """
    found = catalog.find(kpi, catalog.kpis(cube.assumptions.stages))
    filters = {dim: tuple(values) for dim, values in (where or {}).items()}
    require_dims(cube, tuple(filters))
    if found.derived or lacks(cube.data, found, cube.measures):
        return {}
    query = Query(cube, (), buckets(period or cube.span, None), filters, dated=period is not None)
    if found.window:
        query = replace(query, windows=trailing(query.windows, found.window), dated=True)
    inputs = inputs_of(query, found, None)
    span, refusal = scope_of(query, inputs)
    if refusal:
        return {}
    start, end, covered = clip(query.windows, span).row(0)[1:]
    days = Period(start, end) if covered else None
    unknown = {inputs[name].id for name in unsplit(cube, inputs, tuple(filters))}
    if "currency" in filters and not _is_cut(query, inputs, span):
        query = replace(query, where={dim: values for dim, values in filters.items() if dim != "currency"})
    return {
        (side, item.id): _shown(
            cube, item, _behind(query, found, side, item, None if item.id in unknown else days, span.dated), personal
        )
        for side, item in measures_behind(cube, found)
    }


def to_csv(frame: pl.DataFrame) -> bytes:
    """A table as CSV in which no cell is a formula to a spreadsheet.

    Text and names that begin like a formula get an apostrophe in front; numbers stay numbers. Text is quoted, so that
    a semicolon in it opens no cell. Lists and bytes, which no cell can hold, are left out; durations are seconds.

    Example:
        >>> to_csv(pl.DataFrame({"a": ["=1+1", "x"], "b": [-1, 2]})).decode("utf-8-sig").split()
        ['"a","b"', '"\\'=1+1",-1', '"x",2']
    """
    beyond = [name for name, dtype in frame.schema.items() if dtype.is_nested() or dtype in (pl.Binary, pl.Object)]
    cells = frame.drop(beyond).with_columns(
        _harmless(pl.col(pl.String, pl.Categorical, pl.Enum).cast(pl.String)),
        pl.col(pl.Duration).dt.total_seconds(),
    )
    plain = cells.select(pl.lit(name).alias(name) for name in cells.columns)
    names = plain.select(_harmless(pl.all())).row(0) if plain.width else ()
    named = cells.rename(dict(zip(cells.columns, names, strict=True)))
    return named.write_csv(include_bom=True, quote_style="non_numeric").encode()


def _harmless(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(_FORMULA)).then(pl.lit("'") + text).otherwise(text).name.keep()


# ---- which rows count -----------------------------------------------------------------------------------------------


def _behind(query: Query, kpi: Kpi, side: Side, item: Measure, days: Period | None, dated: bool) -> _Rows:
    """The prepared rows of one side of a KPI that count in the question's days."""
    # A filter on the dimension of a share chooses among its shares; the whole stays whole.
    whole = kpi.over if kpi.figure or side == "denominator" else None
    where = {dim: values for dim, values in query.where.items() if dim != whole}
    data, lasting = query.cube.data, (FROM, LASTS) if is_spread(query.cube.data, item) else ()
    columns = {*item.columns, *data.columns[item.table], *where, *filter(None, [kpi.over]), *lasting}
    frame = prepare(data, item.table, frozenset(columns), query.cube.as_of)
    if days is None:
        return frame.head(0)
    frame = _chosen(frame, query.cube, item, where)
    for condition in _counted(item):
        frame = frame.filter(condition)
    if kpi.figure:  # nobody can cut an unknown source
        frame = frame.filter(_value(kpi.over or "") != "unknown")
    if item.since:
        return _standing(frame, item, days, dated)
    if lasting:
        return _covering(frame, days if dated else None)
    return _happened(frame, item, days if dated else None, query.cube.as_of)


def _is_cut(query: Query, inputs: Mapping[str, Measure], span: Span) -> bool:
    """Whether a filter by currency leaves anything out: where all the money is in it, the counts stay whole too."""
    if not any(item.agg.money for item in inputs.values()):
        return True
    return bool(totals(query.cube, inputs, (), query.windows, query.where, span)["cut"].any())


def _chosen(frame: _Rows, cube: Cube, item: Measure, where: Mapping[str, Sequence[str]]) -> _Rows:
    """What the filters leave; nothing of a count that knows no currency where one is asked for."""
    for dim, values in where.items():
        if dim != "currency":
            frame = frame.filter(_value(dim).is_in(list(values)))
    if "currency" not in where:
        return frame
    own = cube.assumptions.currency
    if "currency" in frame.collect_schema():
        return frame.filter(nw.col("currency").cast(nw.String).fill_null(own).is_in(list(where["currency"])))
    return frame if item.agg.money and own in where["currency"] else frame.head(0)


def _value(dim: str) -> nw.Expr:
    text = nw.col(dim).cast(nw.String)
    return nw.when(text.is_null() | (text == "")).then(nw.lit("unknown")).otherwise(text)


def _counted(item: Measure) -> list[nw.Expr]:
    """What a row must have to be counted, whenever it was."""
    kept = met(item.agg.where)
    found = [] if kept is None else [kept]
    column = nw.col(item.agg.column) if item.agg.column else None
    if column is not None:
        found.append(~column.is_null())
    if column is not None and item.agg.kind == "total":
        found.append(column.cast(nw.Float64).is_finite())
    return found


def _happened(frame: _Rows, item: Measure, days: Period | None, as_of: dt.date) -> _Rows:
    """The rows placed in these days, or on any; a conversion before its entry or after the export is none."""
    at = _day(item.at, frame)
    if at is None:
        return frame
    on = nw.col(at)
    frame = frame.filter(~on.is_null() if days is None else (on >= days.start) & (on <= days.end))
    if not item.ripens:
        return frame
    ripe = nw.col(_day(item.ripens, frame) or at)
    # Stages of one lead may be dated out of order: it reached both.
    stages = item.table == "leads" and item.at != "created_at"
    later = ripe <= as_of if stages else (ripe <= as_of) & (ripe >= on)
    return frame.filter(ripe.is_null() | later)


def _covering(frame: _Rows, days: Period | None) -> _Rows:
    """The costs that cover some of these days, or any, with the share of theirs that it is."""
    if days is None:
        return frame.filter(~nw.col(FROM).is_null()).with_columns(nw.lit(1.0).alias(SHARE))
    lasts, start, end = nw.col(LASTS), _days_until(days.start), _days_until(days.end) + 1
    inside = nw.min_horizontal(lasts, end) - nw.max_horizontal(nw.lit(0), start)
    return frame.with_columns((inside.cast(nw.Float64) / lasts).alias(SHARE)).filter(nw.col(SHARE) > 0)


def _days_until(date: dt.date) -> nw.Expr:
    elapsed = nw.lit(dt.datetime.combine(date, dt.time())) - nw.col(FROM).cast(nw.Datetime("us"))
    return (elapsed.dt.total_seconds() // 86_400).cast(nw.Int64)


def _standing(frame: _Rows, item: Measure, days: Period, dated: bool) -> _Rows:
    """The rows of a stock: open at the end of the days, before them, or before them and then gone."""
    if item.rollup != "distinct":
        return _open(frame, item, days.end if dated else None)
    before, after = _open(frame, item, days.start - dt.timedelta(1)), _open(frame, item, days.end)
    if item.moment == "lost":
        key = item.agg.column or ""
        return before.join(after.select(key).unique(), on=key, how="anti")
    return before if item.moment == "start" else after


def _open(frame: _Rows, item: Measure, last: dt.date | None) -> _Rows:
    """The rows open at the end of a day; without a day, those that never end."""
    since, until = _day(item.since, frame), _day(item.until, frame)
    if since:
        frame = frame.filter(~nw.col(since).is_null() if last is None else nw.col(since) <= last)
    if until:
        ended = nw.col(until)
        frame = frame.filter(ended.is_null() if last is None else ended.is_null() | (ended > last))
    return frame


def _day(name: str, frame: _Rows) -> str | None:
    columns = frame.collect_schema()
    return day(name) if day(name) in columns else name if name in columns else None


# ---- what is shown of them ------------------------------------------------------------------------------------------


def _shown(cube: Cube, item: Measure, rows: _Rows, personal: bool) -> pl.DataFrame:
    """The file's own columns, and the amount and the dates that the measure reads."""
    read = {item.agg.column, item.at, item.since, item.until, item.ripens, SHARE, FROM, LASTS}
    names = [name for name in rows.collect_schema() if name in cube.data.columns[item.table] or name in read]
    return to_polars(rows.select(name for name in names if personal or not is_personal(name)).to_native())

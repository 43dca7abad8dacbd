"""Preparing: the columns that measures read and no export holds. It only adds columns, so it never multiplies rows.

Two kinds of column are added: a table's own arithmetic (`monthly`, `days to win`), and columns lent from leads over
`lead_id`, which is made unique first. Everything runs through Narwhals, on Polars and on DuckDB alike.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import narwhals as nw

from kpi.columns import added, either
from kpi.expressions import Context, day, epoch
from kpi.tables import TABLES, Dataset

LENT = {"lead_created_at": "created_at", "lead_won_at": "customer_on", "lead_is_valid": "is_valid"}
"""Column of a deal, order, subscription or chat → the column of its lead."""
LENT_DIMENSIONS = tuple("channel source medium campaign content placement segment industry country device".split())
BORROWERS = ("deals", "orders", "subscriptions", "chats")


def missing(data: Dataset, table: str, column: str) -> frozenset[str]:
    """What the data lacks for a prepared column, as `table` or `table.column`; empty where it can be made.

    Example:
        >>> sorted(missing(Dataset({}, {"leads": frozenset({"lead_id", "created_at"})}), "leads", "mql_on"))
        ['leads.mql_at']
    """
    if column in data.columns.get(table, ()):
        return frozenset()
    if table in BORROWERS and (column in LENT or column in LENT_DIMENSIONS):
        return _missing_loan(data, table, column)
    choices = either(table, column, data.assumptions.stages)
    if choices:
        served = any(data.has(f"{table}.{name}") for name in choices)
        return frozenset() if served else frozenset({f"{table}.{choices[-1]}"})
    for item in added(table, data.assumptions.stages):
        if item.name == column:
            return frozenset().union(*(missing(data, table, need) for need in item.needs))
    return frozenset({f"{table}.{column}"})


def _missing_loan(data: Dataset, table: str, column: str) -> frozenset[str]:
    own = frozenset() if data.has(f"{table}.lead_id") else frozenset({f"{table}.lead_id"})
    if "leads" not in data.tables and "leads" not in data.columns:
        return own | {"leads"}
    return own | missing(data, "leads", LENT.get(column, column))


# ---- the prepared rows ----------------------------------------------------------------------------------------------


def prepare(data: Dataset, table: str, columns: frozenset[str], as_of: dt.date) -> nw.LazyFrame[Any]:
    """The rows of a table with the columns asked for, and the local day of every date among them.

    Args:
        data: The canonical tables.
        table: Which of them.
        columns: Canonical or added columns; those that cannot be made are left out.
        as_of: The export date.

    Returns:
        A lazy frame with at least these columns; a date `x` has its day in the workspace's zone as `x__day`.
    """
    wanted = _closure(data, table, columns)
    frame = _lazy(data.tables[table])
    frame = _with_days(frame, table, wanted, data.assumptions.zone)
    loans = frozenset(name for name in wanted if name in {*LENT, *LENT_DIMENSIONS} and name not in frame.columns)
    if table in BORROWERS and loans:
        frame = _borrow(data, table, frame, loans, as_of)
    for item in added(table, data.assumptions.stages):
        if item.name in wanted:
            context = Context(frame.collect_schema(), data.assumptions, as_of)
            frame = frame.with_columns(item.make(context).alias(item.name))
    return frame


def assumed(data: Dataset, table: str, columns: frozenset[str]) -> list[str]:
    """The assumptions that prepared columns rest on, in their order; those that change nothing left out.

    Example:
        >>> data = Dataset({}, {"leads": frozenset({"lead_id", "created_at", "score"})})
        >>> assumed(data, "leads", frozenset({"is_high_score"}))
        ['score_threshold']
    """
    given, made = data.assumptions, _closure(data, table, columns)
    names = (item.assumes for item in added(table, given.stages) if item.assumes and item.name in made)
    idle = {"hourly_rate"} - ({"hourly_rate"} if data.has(f"{table}.hours") else set())
    return [name for name in dict.fromkeys(names) if getattr(given, name) and name not in idle]


def _closure(data: Dataset, table: str, columns: frozenset[str]) -> frozenset[str]:
    """The columns asked for, all that they are made of, leaving out what cannot be made."""
    makers = {item.name: item for item in added(table, data.assumptions.stages)}
    found: set[str] = set()
    queue = [name for name in columns if not missing(data, table, name)]
    while queue:
        name = queue.pop()
        if name in found:
            continue
        found.add(name)
        if name in makers and name not in data.columns[table]:
            queue += [need for need in makers[name].needs + makers[name].uses if not missing(data, table, need)]
        elif name not in data.columns[table]:
            queue.append("lead_id")
    return frozenset(found)


def _lazy(rows: Any) -> nw.LazyFrame[Any]:
    frame: nw.LazyFrame[Any] = nw.from_native(rows).lazy()
    return frame


def _with_days(frame: nw.LazyFrame[Any], table: str, wanted: frozenset[str], zone: str) -> nw.LazyFrame[Any]:
    schema = frame.collect_schema()
    dates = [name for name, dtype in schema.items() if name in wanted and dtype in (nw.Date, nw.Datetime)]
    text = [name for name in TABLES[table].dimensions if name in wanted and name in schema] if table in TABLES else []
    aware = [name for name in dates if getattr(schema[name], "time_zone", None) is not None]
    in_sql = frame.implementation.is_duckdb() and aware
    if in_sql:
        frame = _duckdb_days(frame, aware, zone)
    expressions = [nw.col(name).cast(nw.String).fill_null("unknown") for name in text]
    expressions += [nw.col(name).cast(nw.Date).alias(day(name)) for name in dates if name not in aware]
    if not in_sql:
        expressions += [nw.col(name).dt.convert_time_zone(zone).dt.date().alias(day(name)) for name in aware]
    return frame.with_columns(*expressions) if expressions else frame


def _duckdb_days(frame: nw.LazyFrame[Any], columns: list[str], zone: str) -> nw.LazyFrame[Any]:
    """DuckDB keeps the zone in the connection, so the conversion is said in SQL."""
    days = (f'CAST(timezone(\'{zone}\', "{name}") AS DATE) AS "{day(name)}"' for name in columns)
    epochs = (f'epoch_us("{name}") AS "{epoch(name)}"' for name in columns)
    return _lazy(frame.to_native().project(", ".join(("*", *days, *epochs))))


def _borrow(
    data: Dataset, table: str, frame: nw.LazyFrame[Any], loans: frozenset[str], as_of: dt.date
) -> nw.LazyFrame[Any]:
    """The rows with columns of their lead; a lead that stands twice lends its rows once."""
    sources = {name: LENT.get(name, name) for name in sorted(loans)}
    leads = prepare(data, "leads", frozenset(sources.values()) | {"lead_id"}, as_of)
    if leads.implementation is not frame.implementation:
        raise ValueError(
            f"{table} need columns of their leads, but leads are a frame of {leads.implementation} and {table} of "
            f"{frame.implementation}; give both as frames of one engine"
        )
    lent = leads.select(
        nw.col("lead_id"),
        *(nw.col(_as_day(leads, source)).alias(name) for name, source in sources.items()),
    ).unique(subset=["lead_id"])
    joined = frame.join(lent, on="lead_id", how="left")
    unknown = [nw.col(name).fill_null("unknown") for name in sources if name in LENT_DIMENSIONS]
    return joined.with_columns(*unknown) if unknown else joined


def _as_day(frame: nw.LazyFrame[Any], column: str) -> str:
    return day(column) if day(column) in frame.collect_schema() else column

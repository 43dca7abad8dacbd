"""Quality: what is wrong with the rows of a data set, counted, so that a number can be trusted or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator

import narwhals as nw

from kpi.aggregating import to_polars
from kpi.expressions import day
from kpi.preparing import prepare
from kpi.tables import TABLES, Dataset, Issue

_BEGINS = {"leads": "created_at", "deals": "created_at", "subscriptions": "started_at", "chats": "started_at"}
"""The date before which nothing of a row can have happened."""
_PLANNED = {"deals": ("closed_at",), "subscriptions": ("ended_at", "trial_ended_at", "discount_to")}
"""Dates that may lie after the export: a planned close, a paid-up end."""
_AT_MOST = {
    "spend": ("clicks", "impressions"),
    "email": ("opens", "delivered"),
    "traffic": ("engaged_sessions", "sessions"),
}
"""Counts that cannot be larger than another."""


def check(data: Dataset, as_of: dt.date | None = None, tables: Collection[str] | None = None) -> tuple[Issue, ...]:
    """What is wrong with the rows: dates that run backwards or lie in the future, undated decisions, impossible counts.

    Args:
        data: The canonical tables.
        as_of: The export date; None: the data's own, without which nothing counts as future.
        tables: Only these; None for all.

    Returns:
        One issue per finding with the number of rows; none for clean data.

    Example:
        >>> import kpi, polars as pl
        >>> days = {"created_at": [dt.date(2025, 1, 9)], "won_at": [dt.date(2025, 1, 2)]}
        >>> [issue.check for issue in check(kpi.read({"leads": pl.DataFrame({"lead_id": ["a"], **days})}))]
        ['backwards']
    """
    limit = as_of or data.as_of
    chosen = [table for table in data.tables if table in TABLES and (tables is None or table in tables)]
    return tuple(issue for table in chosen for issue in _table(data, table, limit))


def _table(data: Dataset, table: str, as_of: dt.date | None) -> Iterator[Issue]:
    known = data.columns[table]
    dates = [
        name for name in TABLES[table].columns if name in known and TABLES[table].columns[name] in ("instant", "day")
    ]
    frame = prepare(data, table, frozenset(known & set(TABLES[table].columns)), as_of or dt.date(9999, 12, 30))
    tests = {
        **_backwards(table, dates),
        **(_future(table, dates, as_of) if as_of else {}),
        **_undated(table, known),
        **_beyond(table, known),
    }
    if not tests:
        return
    counted = (test.cast(nw.Int64).sum().alias(f"{check}|{column}") for (check, column), test in tests.items())
    for name, rows in to_polars(frame.select(*counted).to_native()).row(0, named=True).items():
        check, column = name.split("|")
        if rows:
            yield Issue(check, table, column, int(rows))


def _backwards(table: str, dates: list[str]) -> dict[tuple[str, str], nw.Expr]:
    start = _BEGINS.get(table)
    if start not in dates:
        return {}
    # A later version of a subscription repeats the dates of its trial, which lie before it.
    later = [name for name in dates if name != start and (table != "subscriptions" or name == "ended_at")]
    return {("backwards", name): (nw.col(day(name)) < nw.col(day(start))).fill_null(False) for name in later}


def _future(table: str, dates: list[str], as_of: dt.date) -> dict[tuple[str, str], nw.Expr]:
    if table in ("targets", "annotations"):
        return {}
    recorded = [name for name in dates if name not in _PLANNED.get(table, ())]
    return {("after export", name): (nw.col(day(name)) > as_of).fill_null(False) for name in recorded}


def _undated(table: str, known: frozenset[str]) -> dict[tuple[str, str], nw.Expr]:
    if table != "deals" or not {"status", "closed_at"} <= known:
        return {}
    decided = nw.col("status").is_in(["won", "lost"]).fill_null(False)
    return {("undated", "closed_at"): decided & nw.col("closed_at").is_null()}


def _beyond(table: str, known: frozenset[str]) -> dict[tuple[str, str], nw.Expr]:
    part, whole = _AT_MOST.get(table, ("", ""))
    if not {part, whole} <= known:
        return {}
    return {("beyond", part): (nw.col(part) > nw.col(whole)).fill_null(False)}

"""Dimensions: what a data set can be split by, and the values it has."""

from __future__ import annotations

import datetime as dt

import narwhals as nw
import polars as pl

from kpi.aggregating import to_polars
from kpi.canonical import is_personal
from kpi.preparing import prepare
from kpi.tables import TABLES, Dataset

SPLITS = tuple(
    """channel source medium campaign placement segment industry country device plan captured_by content term
    landing_page owner agent invalid_reason disqualified_reason lost_reason platform""".split()
)
"""Canonical dimensions that a person splits by, in the order in which they are offered."""
MOST, MOST_KEPT = 50, 20
_LATER = dt.date(9999, 12, 30)


def dimensions(data: Dataset) -> dict[str, list[str]]:
    """The dimensions that split the data, each with its values, most frequent first, `unknown` last.

    Columns of text that the tables do not know but the file has are dimensions too, if they have up to fifty values.
    Of a known one with more, the fifty most frequent are given; one without a known value splits nothing.

    Example:
        >>> import kpi
        >>> leads = pl.DataFrame({"lead_id": ["a", "b", "c"], "created_at": ["2025-01-01"] * 3})
        >>> dimensions(kpi.read({"leads": leads.with_columns(channel=pl.Series(["email", "chat", "chat"]))}))
        {'channel': ['chat', 'email']}
    """
    counts = {dim: _counts(data, dim) for dim in (*SPLITS, *_kept(data))}
    return {dim: found for dim, values in counts.items() if (found := _ordered(values))}


def sizes(data: Dataset) -> dict[str, int]:
    """How many rows each table has, repeated keys left out.

    Example:
        >>> import kpi
        >>> sizes(kpi.read({"leads": pl.DataFrame({"lead_id": ["a", "b"], "created_at": ["2025-01-01"] * 2})}))
        {'leads': 2}
    """
    frames = {name: nw.from_native(rows).lazy().select(nw.len().alias("rows")) for name, rows in data.tables.items()}
    return {name: int(to_polars(frame.to_native()).item()) for name, frame in frames.items()}


def _counts(data: Dataset, dim: str) -> pl.DataFrame:
    tables = [name for name in data.tables if name in TABLES and dim in data.columns[name]]
    frames = [
        to_polars(_named(data, name, dim).group_by(dim).agg(nw.len().cast(nw.Int64).alias("rows")).to_native())
        for name in tables
        if name not in ("targets", "annotations", "touches")
    ]
    empty = pl.DataFrame(schema={dim: pl.String, "rows": pl.Int64})
    return pl.concat([empty, *frames]).group_by(dim).agg(pl.col("rows").sum())


def _named(data: Dataset, table: str, dim: str) -> nw.LazyFrame[pl.LazyFrame]:
    frame = prepare(data, table, frozenset({dim}), _LATER)
    return frame.select(nw.col(dim).cast(nw.String).fill_null("unknown"))


def _kept(data: Dataset) -> list[str]:
    """The files' own columns of text, those that name a person left out."""
    found: list[str] = []
    for name in (name for name in data.tables if name in TABLES):
        schema = nw.from_native(data.tables[name]).collect_schema()
        own = (column for column, dtype in schema.items() if column not in TABLES[name].columns and dtype == nw.String)
        found += [column for column in own if not is_personal(column)]
    return list(dict.fromkeys(found))[:MOST_KEPT]


def _ordered(values: pl.DataFrame) -> list[str]:
    dim = values.columns[0]
    if dim not in SPLITS and values.height > MOST:
        return []
    known = pl.col(dim) != "unknown"
    found: list[str] = values.sort(~known, -pl.col("rows"), dim)[dim].to_list()
    return found[:MOST] if set(found) - {"unknown"} else []

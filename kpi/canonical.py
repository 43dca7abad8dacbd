"""Canonical: rows as they come → a canonical table in its types, with an account of what did not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import polars as pl

from kpi.tables import TABLES, Dtype, Issue, Table

_POLARS: Mapping[Dtype, pl.DataType] = {
    "text": pl.String(),
    "instant": pl.Datetime("us", "UTC"),
    "day": pl.Date(),
    "money": pl.Float64(),
    "number": pl.Float64(),
    "count": pl.Int64(),
    "flag": pl.Boolean(),
}
_TRUE, _FALSE = ("true", "1", "yes", "y", "t"), ("false", "0", "no", "n", "f")
_UNKNOWN = ("", "unknown", "(not set)", "not set", "undefined", "null", "none", "n/a", "na", "-", "--", "select")


def canonical(name: str, rows: Any) -> tuple[Any, list[Issue]]:
    """The rows of a canonical table in its types, each key once, and what did not fit.

    Args:
        name: A canonical table.
        rows: A frame of Polars, pandas or Arrow, or a DuckDB relation.

    Returns:
        A lazy Polars frame or a relation, and the findings.

    Raises:
        ValueError: If the table is unknown, lacks a required column, or the rows are no frame.
    """
    if name not in TABLES:
        raise ValueError(f"unknown table {name!r}; known: {', '.join(TABLES)}")
    table, frame = TABLES[name], _frame(rows)
    if frame is None:
        accepted = "a Polars, pandas or Arrow frame, a DuckDB relation, or the path of a file"
        raise ValueError(f"{name}: {type(rows).__name__} is no table; give {accepted}")
    lacking = [column for column in table.required if column not in names(frame)]
    if lacking and lacking != _undatable(table, lacking):
        raise ValueError(f"{name} lacks {', '.join(lacking)}; it has: {', '.join(names(frame))}")
    if not isinstance(frame, pl.LazyFrame):
        _require_dates(table, frame)
        return _repeated(table, _known_there(table, frame))
    typed, issues = _typed(table, frame)
    unique, repeated = _repeated(table, typed)
    return unique, issues + repeated


def _undatable(table: Table, lacking: list[str]) -> list[str]:
    """A table without its date still serves as one period, the whole file."""
    return [column for column in lacking if column in table.recorded]


def _frame(rows: Any) -> Any:
    """A lazy Polars frame of any eager frame, without copying; a lazy engine's relation as it is."""
    if isinstance(rows, pl.LazyFrame):
        return rows
    if isinstance(rows, pl.DataFrame):
        return rows.lazy()
    native = nw.from_native(rows, allow_series=False, pass_through=True)
    if isinstance(native, nw.LazyFrame):
        return rows
    if isinstance(native, nw.DataFrame) or hasattr(rows, "__arrow_c_stream__"):
        return pl.DataFrame(rows).lazy() if hasattr(rows, "__arrow_c_stream__") else native.to_polars().lazy()
    return None


def names(rows: Any) -> list[str]:
    """The columns of any frame or relation."""
    return list(nw.from_native(rows).collect_schema().names())


def _typed(table: Table, frame: pl.LazyFrame) -> tuple[pl.LazyFrame, list[Issue]]:
    schema = frame.collect_schema()
    plain = _plain_days(table, frame, schema)
    casts = {
        name: _cast(name, schema[name], "day" if name in plain else dtype)
        for name, dtype in table.columns.items()
        if name in schema.names()
    }
    changed = {name: cast for name, cast in casts.items() if cast is not None}
    dims = [name for name in table.dimensions if name in schema.names()]
    lost = {
        name: pl.col(name).is_not_null() & cast.is_null() & ~_blank(name, schema[name])
        for name, cast in changed.items()
    }
    issues = _lost(table, frame, lost)
    frame = frame.with_columns(cast.alias(name) for name, cast in changed.items())
    others = [name for name, dtype in table.columns.items() if dtype == "text" and name in schema and name not in dims]
    return frame.with_columns(*(_known(name) for name in dims), *(_filled(name) for name in others)), issues


def _plain_days(table: Table, frame: pl.LazyFrame, schema: pl.Schema) -> frozenset[str]:
    """Dates written without a time of day in every row: they are days of no zone, so they stay what they are."""
    written = [name for name, dtype in table.columns.items() if dtype == "instant" and schema.get(name) == pl.String]
    if not written:
        return frozenset()
    lengths = frame.select(pl.col(name).str.strip_chars().str.len_chars().max() for name in written)
    longest = lengths.collect(engine="streaming").row(0, named=True)
    return frozenset(name for name, length in longest.items() if length is not None and length <= len("2025-01-31"))


def _cast(name: str, given: pl.DataType, dtype: Dtype) -> pl.Expr | None:
    """The column in its canonical type; None where it has it already (a plain date stays a date)."""
    target, column = _POLARS[dtype], pl.col(name)
    if given == target or (dtype == "instant" and given in (pl.Date, pl.Datetime)):
        return column.dt.convert_time_zone("UTC") if _other_zone(given, dtype) else None
    if given == pl.Null:
        return column.cast(target)
    if given in (pl.Categorical, pl.Enum):
        return column.cast(pl.String)
    if dtype == "count" and (given == pl.String or given.is_float()):
        return _whole(column.str.strip_chars() if given == pl.String else column)
    if given != pl.String:
        return column.cast(target, strict=False)
    text = column.str.strip_chars()
    if dtype == "instant":
        return _instant(text)
    if dtype == "day":
        return text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    if dtype == "flag":
        low = text.str.to_lowercase()
        return pl.when(low.is_in(_TRUE)).then(True).when(low.is_in(_FALSE)).then(False)
    cast = text.cast(target, strict=False)
    # NOTE: Polars reads "nan" and "inf" as numbers, and one of them makes every sum of the column NaN.
    return pl.when(cast.is_finite()).then(cast) if target.is_float() else cast


def _whole(column: pl.Expr) -> pl.Expr:
    """Whole numbers, written with a point or without; null where a part would be cut off."""
    number = column.cast(pl.Float64, strict=False)
    return pl.when(number == number.floor()).then(number.cast(pl.Int64, strict=False))


def _other_zone(given: pl.DataType, dtype: Dtype) -> bool:
    return dtype == "instant" and isinstance(given, pl.Datetime) and given.time_zone not in (None, "UTC")


def _instant(text: pl.Expr) -> pl.Expr:
    """ISO dates and times; one without a zone is taken as UTC, as the canonical tables are."""
    return pl.coalesce(
        text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False),
        text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False).dt.replace_time_zone("UTC"),
        text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False).dt.replace_time_zone("UTC"),
        text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us", strict=False),
        text.str.to_datetime("%Y-%m-%dT%H:%M", time_unit="us", strict=False).dt.replace_time_zone("UTC"),
        text.str.to_datetime("%Y-%m-%d %H:%M", time_unit="us", strict=False).dt.replace_time_zone("UTC"),
        text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
    )


def _blank(name: str, given: pl.DataType) -> pl.Expr:
    return pl.col(name).str.strip_chars().str.to_lowercase().is_in(_UNKNOWN) if given == pl.String else pl.lit(False)


def _known(name: str) -> pl.Expr:
    """A dimension in which every way of saying nothing is `unknown`."""
    text = pl.col(name).cast(pl.String).str.strip_chars()
    nothing = text.is_null() | text.str.to_lowercase().is_in(_UNKNOWN)
    return pl.when(nothing).then(pl.lit("unknown")).otherwise(text).alias(name)


def _filled(name: str) -> pl.Expr:
    """An id or another text, of which a blank is none; currencies in the letters of their code."""
    text = pl.col(name).cast(pl.String).str.strip_chars()
    text = text.str.to_uppercase() if name == "currency" else text
    return pl.when(text != "").then(text).alias(name)


def _known_there(table: Table, rows: Any) -> Any:
    """The same on a relation of another engine, where it is."""
    frame = nw.from_native(rows).lazy()
    known = []
    for name in (name for name in table.dimensions if name in names(rows)):
        text = nw.col(name).cast(nw.String).str.strip_chars()
        nothing = text.is_null() | text.str.to_lowercase().is_in(_UNKNOWN)
        known.append(nw.when(nothing).then(nw.lit("unknown")).otherwise(text).alias(name))
    return frame.with_columns(*known).to_native() if known else rows


def _require_dates(table: Table, rows: Any) -> None:
    """A relation of another engine is used as it is, so its dates must be dates."""
    schema = nw.from_native(rows).collect_schema()
    dates = [name for name, dtype in table.columns.items() if dtype in ("instant", "day") and name in schema]
    wrong = [name for name in dates if schema[name] not in (nw.Date, nw.Datetime)]
    if wrong:
        raise ValueError(
            f"{table.name}.{wrong[0]} is {schema[wrong[0]]}, not a date; cast it (CAST({wrong[0]} AS TIMESTAMP))"
        )


def _lost(table: Table, frame: pl.LazyFrame, lost: Mapping[str, pl.Expr]) -> list[Issue]:
    if not lost:
        return []
    counts = frame.select(
        *(unfit.sum().alias(name) for name, unfit in lost.items()),
        *(
            pl.col(name).filter(unfit).cast(pl.String).head(3).implode().alias(f"sample {name}")
            for name, unfit in lost.items()
        ),
    ).collect(engine="streaming")
    row = counts.row(0, named=True)
    return [
        Issue(
            f"not {_KIND[table.columns[name]]}",
            table.name,
            name,
            row[name],
            "left empty",
            _sample(name, row[f"sample {name}"]),
        )
        for name in lost
        if row[name]
    ]


_KIND: Mapping[Dtype, str] = {
    "text": "text",
    "instant": "a date",
    "day": "a date",
    "money": "a number",
    "number": "a number",
    "count": "a whole number",
    "flag": "yes or no",
}
PERSONAL = ("email", "phone", "full_name", "first_name", "last_name", "visitor_id")
"""Columns that name a person; left out of samples, reports and downloads unless asked for."""


def _sample(name: str, values: list[str]) -> tuple[str, ...]:
    return () if name in PERSONAL else tuple(values)


# ---- keys -----------------------------------------------------------------------------------------------------------


def _repeated(table: Table, frame: Any) -> tuple[Any, list[Issue]]:
    """The rows with each key once, the last version; rows without a key are never merged."""
    if table.key is None or table.key not in names(frame):
        return frame, []
    key = nw.col(table.key)
    counts = (
        nw.from_native(frame)
        .lazy()
        .select((key.count() - key.n_unique() + key.is_null().any().cast(nw.Int64)).alias("extra"))
    )
    extra = counts.collect(backend="polars").to_native().item()
    if not extra:
        return frame, []
    issue = Issue("duplicate key", table.name, table.key, int(extra), "excluded")
    if isinstance(frame, pl.LazyFrame):
        last = pl.col(table.key).is_null() | pl.col(table.key).is_last_distinct()
        return frame.filter(last), [issue]
    relation = nw.from_native(frame).lazy()
    once = relation.filter(~key.is_null()).unique(subset=[table.key])
    return nw.concat([once, relation.filter(key.is_null())]).to_native(), [issue]

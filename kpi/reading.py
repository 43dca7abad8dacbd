"""Reading: files and frames → a Dataset of canonical tables, with an account of what did not fit."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from kpi.assumptions import Assumptions
from kpi.tables import TABLES, Dataset, Dtype, Issue, Table

WORKSPACE = "workspace.json"
SUFFIXES = (".parquet", ".csv")
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

Source = str | Path | Sequence[str | Path] | Mapping[str, Any]


def read(source: Source, *, as_of: dt.date | None = None, assumptions: Assumptions | None = None) -> Dataset:
    """A data set from a folder, a file, a list of files, or frames by table name.

    Parquet is read lazily, UTF-8 CSV with canonical headers is typed, frames (Polars, pandas, Arrow, DuckDB) are used
    where they are. A file is the table of its name (`leads.parquet`), else the one whose required columns it has.
    A `workspace.json` beside the files gives assumptions, profile and export date.

    Args:
        source: A path, several, `{"leads": frame}`, or `{"leads.csv": path}` for a file that lies under another name.
        as_of: The day of the export; None takes it from the workspace file, else the latest recorded date counts.
        assumptions: Instead of the workspace file's.

    Returns:
        The data set. Values that do not fit their column become null, rows that repeat a key count once; both stand
        in `issues` with their number, as do files that are no table.

    Raises:
        FileNotFoundError: If a path does not exist or a folder holds no table.
        ValueError: If a frame is no canonical table, or none of the files; the message names what is missing.

    Example:
        >>> data = read({"leads": pl.DataFrame({"lead_id": ["7"], "created_at": ["2025-01-03"]})})
        >>> sorted(data.columns["leads"]), data.issues
        (['created_at', 'lead_id'], ())
    """
    given, issues, workspace = _given(source)
    tables: dict[str, Any] = {}
    for name, rows in given.items():
        tables[name], found = _canonical(name, rows)
        issues += found
    said = workspace.get("as_of")
    return Dataset(
        tables=tables,
        columns={name: frozenset(_names(rows)) for name, rows in tables.items()},
        assumptions=assumptions or Assumptions.from_dict(workspace.get("assumptions", {})),
        as_of=as_of or (dt.date.fromisoformat(said) if said else None),
        issues=tuple(issues),
        profile=workspace.get("profile", {}),
    )


def table_of(name: str, columns: Iterable[str]) -> tuple[str, frozenset[str]]:
    """The canonical table of a file, by its name, else by its columns, and the required columns that it lacks.

    Example:
        >>> table_of("export-2025.csv", ["date", "cost", "channel"])
        ('spend', frozenset())
    """
    stem, have = Path(name).stem.lower(), set(columns)
    named = [table for table in TABLES.values() if stem == table.name or stem.startswith((f"{table.name}_", f"{table.name}-"))]
    candidates = named or list(TABLES.values())
    fitting = [table for table in candidates if have.issuperset(table.required)]
    known = max(fitting or candidates, key=lambda table: len(have & table.columns.keys()))
    lacking = frozenset(known.required) - have
    undated = named and lacking <= set(known.recorded)
    return known.name, frozenset() if undated else lacking


# ---- files ----------------------------------------------------------------------------------------------------------


def _given(source: Source) -> tuple[dict[str, Any], list[Issue], dict[str, Any]]:
    """Rows by table, files that are no table, and what the workspace file says."""
    if isinstance(source, Mapping):
        files = {name: rows for name, rows in source.items() if isinstance(rows, Path)}
        frames = {name: rows for name, rows in source.items() if name not in files}
    else:
        files, frames = _named(_paths(source)), {}
    workspace = files.pop(WORKSPACE, None)
    scanned, issues = _scan(files)
    if files and not scanned and not frames:
        raise ValueError("; ".join(map(_refusal, issues)))
    return frames | scanned, issues, json.loads(workspace.read_text(encoding="utf-8")) if workspace else {}


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """Files by name, or by path where folders have one of the same name."""
    files: dict[str, Path] = {}
    for path in dict.fromkeys(paths):
        files[str(path) if path.name in files else path.name] = path
    return files


def _paths(source: str | Path | Sequence[str | Path]) -> list[Path]:
    listed = [Path(source)] if isinstance(source, str | Path) else [Path(item) for item in source]
    found: list[Path] = []
    for path in listed:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist; give a Parquet or CSV file, a folder of them, or frames")
        found += sorted(path.iterdir()) if path.is_dir() else [path]
    files = [path for path in found if path.suffix.lower() in SUFFIXES or path.name == WORKSPACE]
    if not any(path.suffix.lower() in SUFFIXES for path in files):
        raise FileNotFoundError(f"{', '.join(map(str, listed))}: no Parquet or CSV file there")
    return files


def _scan(files: Mapping[str, Path]) -> tuple[dict[str, Any], list[Issue]]:
    parts: dict[str, list[pl.LazyFrame]] = {}
    issues: list[Issue] = []
    for name, path in files.items():
        try:
            frame = _open(path, Path(name).suffix.lower())
            columns = frame.collect_schema().names()
        except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError):
            issues.append(Issue("not readable", sample=(name,), action="left out"))
            continue
        table, lacking = table_of(name, columns)
        if lacking:
            issues.append(Issue("no table", table, ", ".join(sorted(lacking)), sample=(name,), action="left out"))
        else:
            parts.setdefault(table, []).append(frame)
    joined = {table: pl.concat(frames, how="diagonal_relaxed") for table, frames in parts.items()}
    return joined, issues


def _refusal(issue: Issue) -> str:
    name = issue.sample[0]
    if issue.check == "not readable":
        return f"{name} is neither Parquet nor UTF-8 CSV"
    return f"{name} is no canonical table: as {issue.table!r} it lacks {issue.column}. Rename its columns, or the file"


def _open(path: Path, suffix: str) -> pl.LazyFrame:
    if suffix == ".parquet":
        return pl.scan_parquet(path)
    # NOTE: without a schema Polars guesses, and a guess turns the id 007 into 7; everything is text until it is typed.
    return pl.scan_csv(path, infer_schema=False, encoding="utf8")


# ---- canonical types ------------------------------------------------------------------------------------------------


def _canonical(name: str, rows: Any) -> tuple[Any, list[Issue]]:
    if name not in TABLES:
        raise ValueError(f"unknown table {name!r}; known: {', '.join(TABLES)}")
    table, frame = TABLES[name], _frame(rows)
    lacking = [column for column in table.required if column not in _names(frame)]
    if lacking and lacking != _undatable(table, lacking):
        raise ValueError(f"{name} lacks {', '.join(lacking)}; it has: {', '.join(_names(frame))}")
    if not isinstance(frame, pl.LazyFrame):
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
    return pl.from_dataframe(rows).lazy() if not hasattr(rows, "__arrow_c_stream__") else pl.DataFrame(rows).lazy()


def _names(rows: Any) -> list[str]:
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
    lost = {name: pl.col(name).is_not_null() & cast.is_null() & ~_blank(name, schema[name]) for name, cast in changed.items()}
    issues = _lost(table, frame, lost)
    frame = frame.with_columns(cast.alias(name) for name, cast in changed.items())
    return frame.with_columns(_known(name) for name in dims), issues


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


def _known_there(table: Table, rows: Any) -> Any:
    """The same on a relation of another engine, where it is."""
    frame = nw.from_native(rows).lazy()
    known = []
    for name in (name for name in table.dimensions if name in _names(rows)):
        text = nw.col(name).cast(nw.String).str.strip_chars()
        nothing = text.is_null() | text.str.to_lowercase().is_in(_UNKNOWN)
        known.append(nw.when(nothing).then(nw.lit("unknown")).otherwise(text).alias(name))
    return frame.with_columns(*known).to_native() if known else rows


def _lost(table: Table, frame: pl.LazyFrame, lost: Mapping[str, pl.Expr]) -> list[Issue]:
    if not lost:
        return []
    counts = frame.select(
        *(unfit.sum().alias(name) for name, unfit in lost.items()),
        *(pl.col(name).filter(unfit).cast(pl.String).head(3).implode().alias(f"sample {name}") for name, unfit in lost.items()),
    ).collect(engine="streaming")
    row = counts.row(0, named=True)
    return [
        Issue(f"not {_KIND[table.columns[name]]}", table.name, name, row[name], "left empty", _sample(name, row[f"sample {name}"]))
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
    if table.key is None or table.key not in _names(frame):
        return frame, []
    key = nw.col(table.key)
    counts = nw.from_native(frame).lazy().select(
        (key.count() - key.n_unique() + key.is_null().any().cast(nw.Int64)).alias("extra")
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

"""Reading: files and frames → a Dataset of canonical tables, with an account of what did not fit."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from kpi.assumptions import Assumptions
from kpi.canonical import canonical, names, noon
from kpi.tables import TABLES, Dataset, Issue, Table
from kpi.workspace import Workspace, parsed

WORKSPACE = "workspace.json"
SUFFIXES = (".parquet", ".csv")
_ABOUT_MONEY = {"currency", "cost_type"}
Source = str | Path | Sequence[str | Path] | Mapping[str, Any]


def read(source: Source, *, as_of: dt.date | None = None, assumptions: Assumptions | None = None) -> Dataset:
    """A data set from a folder, a file, a list of files, or frames by table name.

    Parquet is read lazily, UTF-8 CSV with canonical headers is typed, frames (Polars, pandas, Arrow, DuckDB) are used
    where they are. A file is the table of its name (`leads.parquet`), else the one whose required columns it has.
    A `workspace.json` beside the files gives assumptions, profile and export date. Several files of one table are one
    table, in the order given (a folder's by name). Of daily reports whose days overlap, a row counts until a later
    file has the same day with the same channel, campaign, platform and so on; of reports without any such column
    only rows that are the same in everything do.

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
    given, issues, path = _given(source)
    said, profile = _said(path) if path else (Workspace(), {})
    tables: dict[str, Any] = {}
    for name, rows in given.items():
        try:
            tables[name], found = canonical(name, rows)
        except pl.exceptions.PolarsError:
            # NOTE: the message of Polars quotes the rows, and rows may name people.
            raise ValueError(f"{name}: its rows cannot be read; export the file again, or load it yourself") from None
        issues += found
    return Dataset(
        tables=tables,
        columns={name: frozenset(names(rows)) for name, rows in tables.items()},
        assumptions=assumptions or said.assumptions,
        as_of=as_of or said.as_of,
        issues=tuple(issues),
        profile=profile,
    )


def table_of(name: str, columns: Iterable[str]) -> tuple[str, frozenset[str]]:
    """The canonical table of a file, by its name, else by its columns, and the required columns that it lacks.

    Example:
        >>> table_of("export-2025.csv", ["date", "cost", "channel"])
        ('spend', frozenset())
    """
    stem, have = Path(name).stem.lower(), set(columns)
    named = [
        table
        for table in TABLES.values()
        if stem == table.name or stem.startswith((f"{table.name}_", f"{table.name}-"))
    ]
    candidates = named or list(TABLES.values())
    fitting = [table for table in candidates if have.issuperset(table.required)]
    known = max(fitting or candidates, key=lambda table: len(have & table.columns.keys()))
    lacking = frozenset(known.required) - have
    undated = named and lacking <= set(known.recorded)
    return known.name, frozenset() if undated else lacking


# ---- files ----------------------------------------------------------------------------------------------------------


def _given(source: Source) -> tuple[dict[str, Any], list[Issue], Path | None]:
    """Rows by table, what is wrong with the files, and the workspace file."""
    if not isinstance(source, str | Path | Mapping | list | tuple):
        raise ValueError(f"{type(source).__name__} has no name; say which table it is, as in {{'leads': frame}}")
    if isinstance(source, Mapping):
        files = {name: Path(rows) for name, rows in source.items() if isinstance(rows, str | Path)}
        frames = {name: rows for name, rows in source.items() if name not in files}
    else:
        files, frames = _named(_paths(source)), {}
    workspace = files.pop(WORKSPACE, None)
    scanned, issues = _scan(files)
    if files and not scanned and not frames:
        raise Unreadable(issues)
    return frames | scanned, issues, workspace


def _said(path: Path) -> tuple[Workspace, Mapping[str, Any]]:
    """What a workspace file says, and the profile as it is written there."""
    try:
        text = path.read_text(encoding="utf-8")
        return Workspace.from_json(text), parsed(text).get("profile", {})
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


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
    parts: dict[str, dict[str, pl.LazyFrame]] = {}
    issues: list[Issue] = []
    for name, path in files.items():
        try:
            frame, surplus = _open(path, Path(name).suffix.lower())
            columns = frame.collect_schema().names()
        except (pl.exceptions.PolarsError, OSError, ValueError, csv.Error):
            issues.append(Issue("not readable", sample=(name,), action="left out"))
            continue
        table, lacking = table_of(name, columns)
        if lacking:
            issues.append(Issue("no table", table, ", ".join(sorted(lacking)), sample=(name,), action="left out"))
            continue
        parts.setdefault(table, {})[name] = frame
        if surplus:
            issues.append(Issue("surplus cells", table, rows=surplus, sample=(name,), action="cut off"))
    joined = {}
    for table, frames in parts.items():
        kept, replaced = _newest(TABLES[table], frames)
        joined[table] = _joined(table, kept)
        issues += replaced
    return joined, issues


def _joined(table: str, frames: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Files of one table as one; where one of them has instants of a zone, the others' are read as UTC."""
    schemas = [frame.collect_schema() for frame in frames.values()]
    zoned = {
        name
        for schema in schemas
        for name, dtype in schema.items()
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    }
    alike = [
        frame.with_columns(_utc(name, schema[name]) for name in zoned & set(schema.names()))
        for frame, schema in zip(frames.values(), schemas, strict=True)
    ]
    whole = pl.concat(alike, how="diagonal_relaxed") if len(alike) > 1 else next(iter(frames.values()))
    try:
        whole.collect_schema()
    except pl.exceptions.PolarsError:
        listed = ", ".join(frames)
        raise ValueError(
            f"{table}: {listed} have columns of other types; write them alike, or read them apart"
        ) from None
    return whole


def _utc(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.Date:
        return noon(column).alias(name)
    if not isinstance(dtype, pl.Datetime):
        return column
    instants = column.dt.convert_time_zone("UTC") if dtype.time_zone else column.dt.replace_time_zone("UTC")
    return instants.cast(pl.Datetime("us", "UTC"))


# ---- daily reports that overlap -------------------------------------------------------------------------------------


def _newest(table: Table, frames: Mapping[str, pl.LazyFrame]) -> tuple[dict[str, pl.LazyFrame], list[Issue]]:
    """Each report's rows without those that a later report has again, and how many these were."""
    found, issues = dict(frames), list[Issue]()
    listed = list(frames) if table.daily else []
    dated = {name: table.at in frames[name].collect_schema() for name in listed}
    for place, name in enumerate(listed):
        for later in listed[place + 1 :]:
            if not (dated[name] and dated[later]):
                continue
            kept, rows = _without(table, found[name], frames[later])
            if rows:
                found[name] = kept
                issues.append(Issue("overlapping days", table.name, table.at, rows, "replaced", (name, later)))
    return found, issues


def _without(table: Table, rows: pl.LazyFrame, newer: pl.LazyFrame) -> tuple[pl.LazyFrame, int]:
    """The rows that a newer report does not have again, and the number of those that it has."""
    have, others = rows.collect_schema().names(), newer.collect_schema().names()
    texts = [name for name, dtype in table.columns.items() if dtype == "text" and name in {*have, *others}]
    # Without a column that says what a row is about, two reports may be of two platforms: only the same row repeats.
    named = texts if set(texts) - _ABOUT_MONEY else sorted({*have, *others} - {table.at})
    left = rows.with_columns(*_keys(table.at, named, have))
    right = newer.select(*_keys(table.at, named, others)).unique()
    on = ["the day", *(f"key {name}" for name in named)]
    again = left.join(right, on=on, how="semi", nulls_equal=True).select(pl.len())
    count = int(again.collect(engine="streaming").item())
    return left.join(right, on=on, how="anti", nulls_equal=True, maintain_order="left").drop(on), count


def _keys(at: str, named: Sequence[str], have: Sequence[str]) -> list[pl.Expr]:
    """What tells the rows of a daily report apart, as text; a column that a file does not have is blank there."""
    texts = {name: pl.col(name).cast(pl.String).str.strip_chars() if name in have else pl.lit("") for name in named}
    filled = (text.fill_null("").alias(f"key {name}") for name, text in texts.items())
    return [pl.col(at).cast(pl.String).str.strip_chars().str.slice(0, 10).alias("the day"), *filled]


class Unreadable(ValueError):
    """None of the files is a table.

    Attributes:
        issues: What is wrong with each of them.
    """

    def __init__(self, issues: Sequence[Issue]) -> None:
        super().__init__("; ".join(map(_refusal, issues)))
        self.issues = tuple(issues)


def _refusal(issue: Issue) -> str:
    name = issue.sample[0]
    if issue.check == "not readable":
        return f"{name} is neither Parquet nor UTF-8 CSV"
    return f"{name} is no canonical table: as {issue.table!r} it lacks {issue.column}. Rename its columns, or the file"


def _open(path: Path, suffix: str) -> tuple[pl.LazyFrame, int]:
    """The rows of a file, and how many of them have more cells than the header."""
    if suffix == ".parquet":
        return pl.scan_parquet(path), 0
    _require_utf8(path)
    separator = _separator(path)

    # NOTE: without a schema Polars guesses, and a guess turns the id 007 into 7; everything is text until it is typed.
    def scan(truncate: bool) -> pl.LazyFrame:
        frame = pl.scan_csv(
            path, infer_schema=False, encoding="utf8", separator=separator, truncate_ragged_lines=truncate
        )
        # NOTE: a quote that never closes only shows when every cell is parsed, and then with the cells in the message.
        frame.select(pl.all().count()).collect(engine="streaming")
        return frame

    try:
        return scan(truncate=False), 0
    except pl.exceptions.ComputeError:
        return scan(truncate=True), _surplus(path, separator)


def _surplus(path: Path, separator: str) -> int:
    """Rows with more cells than the header; empty ones at the end are none."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, delimiter=separator)
        width = len(next(lines))
        return sum(any(cell.strip() for cell in line[width:]) for line in lines)


def _separator(path: Path) -> str:
    """What separates the header's names: a comma, or what stands there more often."""
    with path.open(encoding="utf-8") as file:
        header = file.readline()
    return max((",", ";", "\t", "|"), key=header.count)


def _require_utf8(path: Path) -> None:
    """Raises UnicodeDecodeError early: Polars would only do so when the rows are read."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            decoder.decode(chunk)
    decoder.decode(b"", final=True)

"""Reading: files and frames → a Dataset of canonical tables, with an account of what did not fit."""

from __future__ import annotations

import codecs
import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from kpi.assumptions import Assumptions
from kpi.canonical import canonical, names
from kpi.tables import TABLES, Dataset, Issue

WORKSPACE = "workspace.json"
SUFFIXES = (".parquet", ".csv")
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
        tables[name], found = canonical(name, rows)
        issues += found
    return Dataset(
        tables=tables,
        columns={name: frozenset(names(rows)) for name, rows in tables.items()},
        assumptions=assumptions or Assumptions.from_dict(workspace.get("assumptions", {})),
        as_of=as_of or _day(workspace.get("as_of")),
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


def _given(source: Source) -> tuple[dict[str, Any], list[Issue], dict[str, Any]]:
    """Rows by table, files that are no table, and what the workspace file says."""
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
        raise ValueError("; ".join(map(_refusal, issues)))
    return frames | scanned, issues, _said(workspace) if workspace else {}


def _said(path: Path) -> dict[str, Any]:
    """What a workspace file says."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise ValueError(f"{path.name} is no workspace file: it should hold an object, with profile and assumptions")
    return said


def _day(said: object) -> dt.date | None:
    try:
        return dt.date.fromisoformat(str(said)) if said else None
    except ValueError as error:
        raise ValueError(f"as_of in {WORKSPACE} is {said!r}; write the export date as 2026-10-31") from error


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
        except (pl.exceptions.PolarsError, OSError, ValueError):
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
    _require_utf8(path)
    # NOTE: without a schema Polars guesses, and a guess turns the id 007 into 7; everything is text until it is typed.
    return pl.scan_csv(path, infer_schema=False, encoding="utf8", separator=_separator(path))


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

"""Canonical: rows as they come → a canonical table in its types, with an account of what did not fit."""

from __future__ import annotations

import re
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
_CODES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("leads", "captured_by"): ("form", "chat", "phone", "event", "trial", "account", "order", "import"),
    ("spend", "cost_type"): ("media", "tools", "people", "agency", "sales", "marketing_people"),
    ("deals", "status"): ("open", "won", "lost"),
    ("subscriptions", "status"): ("active", "past_due", "paused", "trial"),
    ("subscriptions", "kind"): ("recurring", "one_off", "usage"),
    ("subscriptions", "interval"): ("day", "week", "month", "quarter", "year"),
    ("chats", "intent"): ("sales", "support"),
}
"""Closed vocabularies: what a column's codes can be, however a file writes them (`Closed Won`, `past-due`)."""
_SYNONYMS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("deals", "status"): {"closed_won": "won", "closedwon": "won", "closed_lost": "lost", "closedlost": "lost"},
    ("subscriptions", "status"): {"trialing": "trial"},
    ("subscriptions", "kind"): {"one_time": "one_off", "metered": "usage"},
    ("subscriptions", "interval"): {
        "daily": "day",
        "weekly": "week",
        "monthly": "month",
        "quarterly": "quarter",
        "yearly": "year",
        "annual": "year",
        "annually": "year",
    },
}
_DECISIVE = ("status", "kind", "interval", "cost_type")
"""Columns whose codes decide what a measure counts, so that one out of the vocabulary is a finding."""


def canonical(name: str, rows: Any) -> tuple[Any, list[Issue]]:
    """The rows of a canonical table in its types, each key once, and what did not fit.

    Of rows that repeat a key the last counts. A relation has no order: there the one with the latest recorded dates
    counts, and among those that agree in all of them the one whose other columns sort last.

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
        typed, issues = _texts(table, frame), list[Issue]()
    else:
        typed, issues = _typed(table, frame)
        typed = _texts(table, typed)
    unique, repeated = _repeated(table, typed)
    return unique, [*issues, *_unknown_codes(table, typed), *repeated]


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
    lost = {
        name: pl.col(name).is_not_null() & cast.is_null() & ~_blank(name, schema[name])
        for name, cast in changed.items()
    }
    issues = _lost(table, frame, lost)
    return frame.with_columns(cast.alias(name) for name, cast in changed.items()), issues


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
    if dtype == "text" and given.is_numeric():
        return None  # `_texts` writes it, there as here
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
    """ISO dates and times; one without a zone is taken as UTC, as the canonical tables are.

    A plain day among times of day stands at noon UTC: the zone may be said later, and noon is on the same day in every
    zone from UTC-12 to UTC+11 (midnight would be the day before in all of America).
    """
    return pl.coalesce(
        text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False),
        text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False).dt.replace_time_zone("UTC"),
        text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False).dt.replace_time_zone("UTC"),
        text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us", strict=False),
        text.str.to_datetime("%Y-%m-%dT%H:%M", time_unit="us", strict=False).dt.replace_time_zone("UTC"),
        text.str.to_datetime("%Y-%m-%d %H:%M", time_unit="us", strict=False).dt.replace_time_zone("UTC"),
        noon(text.str.to_date("%Y-%m-%d", strict=False)),
    )


def noon(days: pl.Expr) -> pl.Expr:
    """Plain days as instants that are on the same day in nearly every zone."""
    return (days.cast(pl.Datetime("us")) + pl.duration(hours=12)).dt.replace_time_zone("UTC")


def _blank(name: str, given: pl.DataType) -> pl.Expr:
    return pl.col(name).str.strip_chars().str.to_lowercase().is_in(_UNKNOWN) if given == pl.String else pl.lit(False)


# ---- texts, on every engine alike -----------------------------------------------------------------------------------


def _texts(table: Table, rows: Any) -> Any:
    """The rows with every text as it is compared: dimensions, codes, ids, currencies."""
    frame = nw.from_native(rows).lazy()
    schema = frame.collect_schema()
    named = [name for name, dtype in table.columns.items() if dtype == "text" and name in schema]
    if not named:
        return rows
    texts = (
        _known(_code(table, name, _text(name, schema[name])))
        if name in table.dimensions
        else _filled(name, _text(name, schema[name]))
        for name in named
    )
    return frame.with_columns(*(text.alias(name) for name, text in zip(named, texts, strict=True))).to_native()


def _text(name: str, given: Any) -> nw.Expr:
    """A column as trimmed text; whole numbers without the point that pandas gives ids of which some are missing."""
    column = nw.col(name)
    if not given.is_float():
        return column.cast(nw.String).str.strip_chars()
    whole = column.is_finite() & (column == column.floor()) & (column.abs() < 2.0**63)
    number = nw.when(whole).then(column).otherwise(nw.lit(0.0)).cast(nw.Int64)
    return (
        nw.when(whole).then(number.cast(nw.String)).otherwise(nw.when(column.is_finite()).then(column.cast(nw.String)))
    )


def _known(text: nw.Expr) -> nw.Expr:
    """A dimension in which every way of saying nothing is `unknown`."""
    nothing = text.is_null() | text.str.to_lowercase().is_in(_UNKNOWN)
    return nw.when(nothing).then(nw.lit("unknown")).otherwise(text)


def _filled(name: str, text: nw.Expr) -> nw.Expr:
    """An id or another text, of which a blank is none; currencies in the letters of their code."""
    text = text.str.to_uppercase() if name == "currency" else text
    return nw.when(text != "").then(text)


def _code(table: Table, name: str, text: nw.Expr) -> nw.Expr:
    """The code of a closed vocabulary that a text writes; a text that writes none stays as it is."""
    codes = _CODES.get((table.name, name), ())
    if not codes:
        return text
    plain = text.str.to_lowercase().str.replace_all("[ -]+", "_")
    code = nw.when(plain.is_in(codes)).then(plain).otherwise(text)
    for other, meant in _SYNONYMS.get((table.name, name), {}).items():
        code = nw.when(plain == other).then(nw.lit(meant)).otherwise(code)
    return code


def _unknown_codes(table: Table, rows: Any) -> list[Issue]:
    """Values out of a vocabulary that decides what is counted."""
    found, frame = [], nw.from_native(rows).lazy()
    have = names(rows)
    for (owner, name), codes in _CODES.items():
        if owner == table.name and name in have and name in _DECISIVE:
            strange = frame.filter(~nw.col(name).is_in([*codes, "unknown"])).group_by(name).agg(nw.len().alias("n"))
            values = strange.collect(backend="polars").to_native().sort(["n", name], descending=[True, False])
            if values.height:
                sample = tuple(values[name].head(3).to_list())
                found.append(Issue("unknown code", table.name, name, int(values["n"].sum()), "kept", sample))
    return found


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
_PERSONAL = re.compile(
    r"mail|phone|address|visitor_?id|iban|(^|_)(mobile|tel|ip)(_|$)"
    r"|^name$|(^|_)(first|last|full|contact|customer|lead|given|family|sur)_?name(_|$)"
)


def is_personal(name: str) -> bool:
    """Whether a column names a person, by its name; it is left out of samples, reports and downloads unless asked for.

    Example:
        >>> list(filter(is_personal, ["Contact Name", "E-mail", "client_ip", "campaign name", "zip", "plan"]))
        ['Contact Name', 'E-mail', 'client_ip']
    """
    return _PERSONAL.search(re.sub(r"[^a-z0-9]+", "_", name.lower())) is not None


def _sample(name: str, values: list[str]) -> tuple[str, ...]:
    return () if is_personal(name) else tuple(values)


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
    ordered = isinstance(frame, pl.LazyFrame)
    action = "excluded" if ordered else "excluded; without an order of rows the latest dates count"
    issue = Issue("duplicate key", table.name, table.key, int(extra), action)
    if isinstance(frame, pl.LazyFrame):
        last = pl.col(table.key).is_null() | pl.col(table.key).is_last_distinct()
        return frame.filter(last), [issue]
    relation = nw.from_native(frame).lazy()
    have = names(frame)
    dated = [name for name in table.recorded if name in have]
    order = [*dated, *sorted(set(have) - {*dated, table.key})]
    # NOTE: nulls come first, so a version with a later stage beats one without.
    once = relation.filter(~key.is_null()).unique(subset=[table.key], keep="last", order_by=order or [table.key])
    return nw.concat([once, relation.filter(key.is_null())]).to_native(), [issue]

"""Show: a result as a table to read, in notebooks and terminals, without Streamlit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

import polars as pl

from kpi import catalog, formats
from kpi.assumptions import STAGES
from kpi.catalog import Kpi
from kpi.query import OK
from kpi.reasons import found, reason, requirement
from kpi.tables import Issue
from kpi.texts import has, right_to_left, say
from kpi.wording import Row, bucket, dimension, dims_of, grain_of, maturity, segment, shown, status, title

_LIMIT = 200
"""Rows of a table; more are not read but queried."""
STYLE = """<style>
.kpi-shown { --kpi-better: #00796b; --kpi-worse: #b83a16; --kpi-quiet: #5b6673; --kpi-line: #d5dbe1;
  --kpi-tint: #eef1f4; --kpi-spark-colour: #245786; --kpi-surface: transparent; font-variant-numeric: tabular-nums; }
@media (prefers-color-scheme: dark) { :root:not(:has([data-jp-theme-light="true"])) .kpi-shown {
  --kpi-better: #4db6ac; --kpi-worse: #ff8a65; --kpi-quiet: #9aa6b2; --kpi-line: #36414d; --kpi-tint: #252e39;
  --kpi-spark-colour: #3da4fd; } }
[data-jp-theme-light="false"] .kpi-shown, .vscode-dark .kpi-shown {
  --kpi-better: #4db6ac; --kpi-worse: #ff8a65; --kpi-quiet: #9aa6b2; --kpi-line: #36414d; --kpi-tint: #252e39;
  --kpi-spark-colour: #3da4fd; }
.kpi-shown table { border-collapse: collapse; margin: 0; }
.kpi-shown tr, .kpi-shown tr:nth-child(even) { background: none; }
.kpi-shown th, .kpi-shown td { padding: .3em .9em; text-align: start; vertical-align: baseline; border: 0;
  border-bottom: 1px solid var(--kpi-line); max-width: 32em; white-space: normal; }
.kpi-shown th { color: var(--kpi-quiet); font-weight: 600; }
.kpi-shown .number { text-align: end; white-space: nowrap; }
.kpi-shown .better { color: var(--kpi-better); } .kpi-shown .worse { color: var(--kpi-worse); }
.kpi-shown .quiet { color: var(--kpi-quiet); }
.kpi-grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 1rem; line-height: 1.35; }
.kpi-shown .kpi-card { display: flex; flex-direction: column; gap: .25rem; padding: 1rem;
  border: 1px solid var(--kpi-line); border-radius: .5rem; }
.kpi-shown .kpi-name, .kpi-shown .kpi-change { font-weight: 600; }
.kpi-shown .kpi-value { font-size: 2rem; font-weight: 600; line-height: 1.2; unicode-bidi: plaintext; }
.kpi-shown .kpi-value.undefined, .kpi-shown .kpi-change.neutral { color: var(--kpi-quiet); font-weight: 400; }
.kpi-shown .kpi-spark { height: 2.5rem; margin-block: .25rem; background: var(--kpi-spark-colour);
  mask: var(--kpi-spark) center / 100% 100% no-repeat; }
.kpi-shown .kpi-note { color: var(--kpi-quiet); font-size: .875em; }
.kpi-shown .kpi-badge { align-self: start; padding: 0 .5em; border-radius: 1em; background: var(--kpi-tint);
  font-size: .875em; }
</style>"""
"""The look of tables and cards where no style sheet of the app is."""


@dataclass(frozen=True, repr=False)
class Shown:
    """A result to read: HTML in a notebook, aligned text in a terminal."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


@dataclass(frozen=True)
class _Column:
    """A column of the table shown: its header, what stands in its cells, how it is set."""

    header: str
    cell: Callable[[Row], str]
    number: bool = False
    css: Callable[[Row], str] = lambda row: ""


def show(result: pl.DataFrame | Sequence[Issue], lang: str = "en", kpis: Sequence[Kpi] = ()) -> Shown:
    """A result of `evaluate`, `change`, `relevant`, `why_not`, `unlock` or `check` as a table to read.

    Args:
        result: As it was returned, or some of its rows.
        lang: Language of words, numbers and dates.
        kpis: KPIs of your own in it, for their units; one that is not known is shown by its id.

    Returns:
        What a notebook shows as HTML, and `print` as text. At most 200 rows.

    Raises:
        ValueError: If it is no such result.

    Example:
        >>> row = {"kpi": "cpl", "value": 75.0, "n": 4, "low": 29.5, "high": 275.2, "currency": "EUR", "status": "ok"}
        >>> print(show(pl.DataFrame([row])))
        KPI                  Value       95% interval  n
        Cost per lead (CPL)    €75  €29.50 to €275.20  4
    """
    if not isinstance(result, pl.DataFrame):
        result = pl.DataFrame({"found": [found(issue, lang) for issue in result]}, schema={"found": pl.String})
    known = {**catalog.kpis(STAGES), **{item.id: item for item in kpis}}
    rows = result.head(_LIMIT).to_dicts()
    if {"kpi", "against"} <= {*result.columns}:
        columns = _change_columns(result, known, lang)
    elif {"kpi", "value"} <= {*result.columns}:
        columns = _value_columns(result, known, lang)
    elif {"kpi", "rule"} <= {*result.columns}:
        columns = _reason_columns(result, known, lang)
    elif result.columns == ["found"]:
        columns = [_Column(say("table.found", lang), lambda row: str(row["found"]))]
    elif {"what", "kpis"} <= {*result.columns}:
        columns = _unlock_columns(known, lang)
    else:
        raise ValueError(
            f"no result to show: its columns are {', '.join(result.columns) or 'none'}; "
            "pass what evaluate, change, relevant, why_not or unlock returned"
        )
    return _table(columns, rows, result.height, lang)


def show_cards(cards: Iterable[str], lang: str = "en") -> Shown:
    """Cards of `kpi.cards.card` side by side, for a notebook."""
    return Shown(_wrapped(f'<div class="kpi-grid">{"".join(cards)}</div>', lang), "")


# ---- the columns of each result -------------------------------------------------------------------------------------


def _value_columns(result: pl.DataFrame, known: dict[str, Kpi], lang: str) -> list[_Column]:
    value = partial(_value, known, lang)
    interval = _any(result, "low")
    return [
        *_head(result, known, lang),
        _Column(say("table.value", lang), lambda row: value(row, "value"), number=True),
        *_if(interval, say("table.interval", lang), partial(_interval, known, lang), number=True),
        *_if(_any(result, "n"), say("table.n", lang), lambda row: _count(row["n"], lang), number=True),
        *_if(_any(result, "maturity"), say("table.maturity", lang), lambda row: _maturity(row, lang), quiet=True),
        *_status(result, lang),
    ]


def _change_columns(result: pl.DataFrame, known: dict[str, Kpi], lang: str) -> list[_Column]:
    value = partial(_value, known, lang)
    return [
        *_head(result, known, lang),
        _Column(say("table.against", lang), lambda row: formats.period(row["start"], row["end"], lang)),
        _Column(say("table.previous", lang), lambda row: value(row, "previous"), number=True),
        _Column(say("table.current", lang), lambda row: value(row, "current"), number=True),
        _Column(say("table.change", lang), partial(_change, known, lang), number=True),
        _Column(say("table.verdict", lang), lambda row: _verdict(row, lang), css=lambda row: row["verdict"] or "quiet"),
        *_status(result, lang),
    ]


def _reason_columns(result: pl.DataFrame, known: dict[str, Kpi], lang: str) -> list[_Column]:
    return [
        *_if("rank" in result.columns, say("table.rank", lang), lambda row: str(row["rank"]), number=True),
        _Column(say("table.kpi", lang), lambda row: _title(known, row["kpi"], lang)),
        _Column(say("table.reason", lang), partial(_reason, lang)),
        *_if("missing" in result.columns, say("table.answerable", lang), lambda row: _answerable(row, lang)),
    ]


def _unlock_columns(known: dict[str, Kpi], lang: str) -> list[_Column]:
    return [
        _Column(say("table.what", lang), lambda row: _capital(_plain(row["what"], lang))),
        _Column(say("table.unlocks", lang), lambda row: ", ".join(_title(known, name, lang) for name in row["kpis"])),
    ]


def _head(result: pl.DataFrame, known: dict[str, Kpi], lang: str) -> list[_Column]:
    """Which KPI, which segment, when."""
    grain = grain_of(result["date"].to_list()) if "date" in result.columns else "1d"
    return [
        _Column(say("table.kpi", lang), lambda row: _title(known, row["kpi"], lang)),
        *(_Column(dimension(dim, lang), partial(_segment, dim, lang)) for dim in dims_of(result)),
        *_if("date" in result.columns, say("table.date", lang), lambda row: bucket(row["date"], grain, lang)),
    ]


def _status(result: pl.DataFrame, lang: str) -> list[_Column]:
    """Why there is no value, where any row has none."""
    wanting = "status" in result.columns and (result["status"] != OK).any()
    return _if(bool(wanting), say("table.status", lang), lambda row: _said(row["status"], lang), quiet=True)


def _if(
    wanted: bool, header: str, cell: Callable[[Row], str], number: bool = False, quiet: bool = False
) -> list[_Column]:
    return [_Column(header, cell, number, (lambda row: "quiet") if quiet else (lambda row: ""))] if wanted else []


def _any(result: pl.DataFrame, column: str) -> bool:
    return column in result.columns and result[column].is_not_null().any()


# ---- cells ----------------------------------------------------------------------------------------------------------


def _title(known: dict[str, Kpi], name: str, lang: str) -> str:
    return title(known[name], lang) if name in known else name


def _segment(dim: str, lang: str, row: Row) -> str:
    return segment(dim, row[dim], lang)


def _value(known: dict[str, Kpi], lang: str, row: Row, column: str) -> str:
    number = row[column]
    if row["kpi"] in known:
        return shown(known[row["kpi"]], row, number, lang)
    return say("unit.none", lang) if number is None else formats.decimal(number, lang)


def _interval(known: dict[str, Kpi], lang: str, row: Row) -> str:
    if row["low"] is None or row["high"] is None:
        return ""
    return say("interval.range", lang, **{end: _value(known, lang, row, end) for end in ("low", "high")})


def _count(n: float | None, lang: str) -> str:
    return "" if n is None else formats.decimal(round(n), lang)


def _maturity(row: Row, lang: str) -> str:
    return "" if row["maturity"] is None else maturity(row["maturity"], lang)


def _said(code: str, lang: str) -> str:
    return "" if code == OK else status(code, lang)


def _change(known: dict[str, Kpi], lang: str, row: Row) -> str:
    if row["points"] is None:
        return say("unit.none", lang)
    unit = known[row["kpi"]].unit if row["kpi"] in known else "ratio"
    return formats.change(row["change"], row["points"], unit, lang) or say("unit.none", lang)


def _verdict(row: Row, lang: str) -> str:
    if row["verdict"]:
        return say(f"table.verdict.{row['verdict']}", lang)
    return say("table.verdict.unsure", lang) if row["likely"] is False and row["points"] else ""


def _reason(lang: str, row: Row) -> str:
    kind = "reason" if has(f"reason.{row['rule']}", lang) else "excluded"
    return reason(row["rule"], row["values"], lang, kind)


def _answerable(row: Row, lang: str) -> str:
    missing = ", ".join(_plain(what, lang) for what in row["missing"])
    return say("table.needs", lang, missing=missing) if missing else say("table.yes", lang)


def _plain(what: str, lang: str) -> str:
    """What is missing, without the marks that only Markdown understands."""
    return requirement(what, lang).replace("`", "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# ---- the table ------------------------------------------------------------------------------------------------------


def _table(columns: list[_Column], rows: list[dict[str, object]], height: int, lang: str) -> Shown:
    cells = [[column.cell(row) for column in columns] for row in rows]
    classes = [[f"{'number ' * column.number}{column.css(row)}".strip() for column in columns] for row in rows]
    left = height - len(rows)
    more = say("table.more", lang, n=left, count=formats.decimal(left, lang)) if left else ""
    more = more or ("" if rows else say("table.empty", lang))
    head = "".join(f'<th class="{"number" * c.number}">{escape(c.header)}</th>' for c in columns)
    body = "".join(
        f"<tr>{''.join(f'<td class={css!r}>{escape(text)}</td>' for css, text in zip(css_row, row, strict=True))}</tr>"
        for css_row, row in zip(classes, cells, strict=True)
    )
    table = f'<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><div class="quiet">{escape(more)}</div>'
    return Shown(_wrapped(table, lang), _text(columns, cells, more))


def _wrapped(html: str, lang: str) -> str:
    return f'{STYLE}<div class="kpi-shown" dir="{"rtl" if right_to_left(lang) else "ltr"}">{html}</div>'


def _text(columns: list[_Column], cells: list[list[str]], more: str) -> str:
    lines = [[column.header for column in columns], *cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = [
        "  ".join(
            text.rjust(width) if column.number else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        ).rstrip()
        for line in lines
    ]
    return "\n".join(aligned + ([more] if more else []))

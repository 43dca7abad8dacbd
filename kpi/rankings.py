"""Rankings: a KPI by segment as bars, rival definitions as dots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from kpi import formats
from kpi.catalog import LADDERS, MEASURES, Kpi
from kpi.paper import (
    INKS,
    NAMELESS,
    Drawing,
    Theme,
    colours,
    data,
    drawing,
    finished,
    haloed,
    nothing,
    own,
    said,
    tips,
    told,
    value_axis,
)
from kpi.query import OK
from kpi.texts import say
from kpi.wording import Row, dimension, kpi_name, segment, shown, status, title

_BARS, _FEW, _STEP = 10, 30, 30
_ADDED = {item.id: item.rollup in ("sum", "last") for item in MEASURES} | {
    ladder.id: all(item.rollup in ("sum", "last") for item in MEASURES if item.id in ladder.rungs) for ladder in LADDERS
}
"""Measure or ladder → whether its segments add up; different people counted in each do not."""


def bars(
    result: pl.DataFrame,
    kpi: Kpi,
    by: str,
    lang: str = "en",
    theme: Theme = "light",
    about: str = "",
    palette: Mapping[str, str] | None = None,
) -> Any:
    """A bar for each segment, the largest first: ten, and "other" where segments add up.

    A rate or cost on fewer than 30 cases is pale and stands after the others; a segment without a value is listed
    with the reason. Thin lines are 95 % intervals; the axis is as long as the reliable ones need.

    Args:
        result: From `evaluate` with `by`, without `every`.
        kpi: Which KPI of it.
        by: The dimension.
        lang: Language code.
        theme: `light` or `dark`.
        about: Period and filter, for the subtitle.
        palette: Segment → colour, from `colours(cube.values(…))`; one colour where it is not given.
    """
    plot = drawing(result, kpi, lang, theme, about, palette)
    text = describe_bars(plot, by)
    if all(row["value"] is None for row in plot.rows):
        return nothing(plot, text, by)
    ranked, left = _ranked(plot, by)
    marks = _unique([_bar(plot, row, by) for row in ranked])
    place, length = _axes(plot, marks)
    layers, height = _bar_layers(plot, marks, place, length), _STEP * len(marks)
    return finished(plot, layers, height, _headline(plot, ranked, by), _notes(plot, marks, left), text, by)


def compare(
    result: pl.DataFrame, kpis: Sequence[Kpi], lang: str = "en", theme: Theme = "light", about: str = ""
) -> Any:
    """Rival definitions side by side: a dot for each, with its 95 % interval.

    Args:
        result: From `evaluate`, not split.
        kpis: Which KPIs of it, all of one unit.
        lang: Language code.
        theme: `light` or `dark`.
        about: Period and filter, for the subtitle.

    Raises:
        ValueError: If the KPIs have several units, which cannot stand on one axis.
    """
    units = {kpi.unit for kpi in kpis}
    if len(units) != 1:
        raise ValueError(f"compare takes KPIs of one unit, got {', '.join(sorted(units)) or 'none'}; draw one per unit")
    size = max(kpis, key=lambda kpi: _most(result, kpi))
    plot = drawing(result, size, lang, theme, about, None)
    marks = _unique([_dot(result, kpi, plot) for kpi in kpis])
    place, length = _axes(plot, marks)
    layers, height = _dot_layers(plot, marks, place, length), (_STEP + 6) * len(marks)
    notes = [say("chart.note.rule", lang)] if any(mark["low"] is not None for mark in marks) else []
    return finished(plot, layers, height, _rivals(marks, lang), notes, describe_rivals(result, kpis, lang))


def describe_bars(plot: Drawing, by: str) -> str:
    """The highest and the lowest segment, and how many have no value."""
    known = sorted((row for row in plot.rows if row["value"] is not None), key=lambda row: -row["value"])
    names = {"name": kpi_name(plot.kpi, plot.lang), "dimension": dimension(by, plot.lang, inside=True)}
    if not known:
        return say("shows.no_bars", plot.lang, **names)
    left = len(plot.rows) - len(known)
    text = say("shows.bars", plot.lang, n=len(known), count=str(len(known)), **names, **_ends(plot, known, by))
    return f"{text} {say('shows.undefined', plot.lang, n=left, count=str(left))}" if left else text


def describe_rivals(result: pl.DataFrame, kpis: Sequence[Kpi], lang: str = "en") -> str:
    """The value of each definition."""
    rows = [(kpi, result.filter(pl.col("kpi") == kpi.id).to_dicts()[0]) for kpi in kpis]
    named = [(title(kpi, lang), shown(kpi, row, row["value"], lang)) for kpi, row in rows]
    values = [say("shows.rival", lang, name=name, value=value) for name, value in named]
    return say("shows.rivals", lang, count=str(len(rows)), values=say("shows.list_and", lang).join(values))


# ---- which bars -----------------------------------------------------------------------------------------------------


def _ranked(plot: Drawing, by: str) -> tuple[list[dict[str, Any]], int]:
    """Ten bars in order, with "other" where it is true, then those without a value; and how many were left out."""
    known = [row for row in plot.rows if row["value"] is not None]
    known.sort(key=lambda row: (_few(plot, row), -row["value"]))
    undefined = [row for row in plot.rows if row["value"] is None]
    top, rest = known[:_BARS], known[_BARS:]
    if len(rest) > 1 and _adds_up(plot.kpi, by):
        name = say("chart.other", plot.lang, n=len(rest), count=str(len(rest)))
        unsaid = dict.fromkeys(("low", "high", "n", "numerator", "denominator"))
        together = sum(row["value"] for row in rest)
        top, rest = [*top, {**rest[0], **unsaid, "value": together, by: "other", "named": name}], []
    elif len(rest) == 1:
        top, rest = known, []
    return [*top, *undefined[:_BARS]], len(rest)


def _adds_up(kpi: Kpi, by: str) -> bool:
    """Whether the values of segments may be added: counts, sums of money, shares of the dimension itself."""
    if kpi.derived or kpi.quantile is not None or kpi.figure or kpi.denominator is not None:
        return False
    return kpi.over in (None, by) and all(_ADDED.get(name, False) for name in kpi.inputs)


def _few(plot: Drawing, row: Row) -> bool:
    """Whether a ratio or quantile stands on so few cases that it must not top a ranking."""
    counted = plot.kpi.denominator is None and plot.kpi.quantile is None
    return not counted and row.get("n") is not None and row["n"] < _FEW


def _most(result: pl.DataFrame, kpi: Kpi) -> float:
    found = result.filter(pl.col("kpi") == kpi.id)["value"].drop_nulls().to_list()
    return max(map(abs, found), default=0.0)


def _unique(marks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same marks, none of which shares its place with another of the same name."""
    names = [mark["name"] for mark in marks]
    return [
        {**mark, "name": f"{mark['name']} ({mark['code']})" if names.count(mark["name"]) > 1 else mark["name"]}
        for mark in marks
    ]


def _bar(plot: Drawing, row: Row, by: str) -> dict[str, Any]:
    code, few = row[by], _few(plot, row)
    ink = INKS[plot.theme].grey if code in NAMELESS else plot.palette.get(code, colours(["x"], plot.theme)["x"])
    name = row.get("named") or segment(by, code, plot.lang)
    look = {"code": str(code), "name": name, "ink": ink, "few": few, "strength": 0.45 if few else 1.0}
    return {**look, **_length(plot, plot.kpi, row, few)}


def _dot(result: pl.DataFrame, kpi: Kpi, plot: Drawing) -> dict[str, Any]:
    row = result.filter(pl.col("kpi") == kpi.id).to_dicts()[0]
    names = {"code": kpi.id, "name": title(kpi, plot.lang), "plain": kpi_name(kpi, plot.lang)}
    return {**names, "few": False, **_length(plot, kpi, row, few=False)}


def _length(plot: Drawing, kpi: Kpi, row: Row, few: bool) -> dict[str, Any]:
    counted = kpi.denominator is None and kpi.quantile is None and not kpi.over
    bounds = {end: None if counted else row.get(end) for end in ("low", "high")}
    ends = {"y": row["value"], **bounds}
    drawn = {end: plot.unit.of(value) for end, value in ends.items()}
    return {**drawn, "label": _label(kpi, row, few, plot.lang), **told(plot, row, segment="")}


def _label(kpi: Kpi, row: Row, few: bool, lang: str) -> str:
    if row["status"] != OK:
        return say("chart.undefined", lang, reason=status(row["status"], lang))
    value = shown(kpi, row, row["value"], lang)
    n = formats.decimal(round(row["n"]), lang) if few else ""
    return say("chart.few", lang, value=value, count=n) if few else value


# ---- layers ---------------------------------------------------------------------------------------------------------


def _axes(plot: Drawing, marks: Sequence[Row]) -> tuple[alt.Y, alt.X]:
    """Names down the side, values along the foot: from zero to the longest bar or reliable interval."""
    order = [mark["name"] for mark in marks]
    known = [mark for mark in marks if mark["y"] is not None]
    sure = [mark for mark in known if not mark["few"] and mark["code"] not in NAMELESS and mark["low"] is not None]
    ends = [mark["high"] for mark in sure]
    lows = [mark["low"] for mark in sure if mark["y"] < 0]
    low, high = min([0.0, *lows, *(mark["y"] for mark in known)]), max([0.0, *ends, *(mark["y"] for mark in known)])
    high = high if high > low else low + 1.0
    names = alt.Axis(title=None, labelLimit=300, labelColor=INKS[plot.theme].text)
    place = alt.Y(field="name", type="nominal", sort=order, axis=names, scale=alt.Scale(domain=order))
    scale = alt.Scale(domain=[low, high], nice=False, zero=True)
    return place, alt.X(field="y", type="quantitative", axis=value_axis(plot.unit, low, high), scale=scale)


def _bar_layers(plot: Drawing, marks: Sequence[Row], place: alt.Y, length: alt.X) -> list[Any]:
    known = [mark for mark in marks if mark["y"] is not None]
    bar = alt.Chart(data(known)).mark_bar(height=18, cornerRadiusEnd=2)
    strength = alt.FillOpacity(field="strength", type="quantitative", scale=None)
    return [
        bar.encode(y=place, x=length, color=own("ink"), fillOpacity=strength, tooltip=tips(plot)),
        *_rules(plot, known, place),
        *_numbers(plot, marks, place),
    ]


def _dot_layers(plot: Drawing, marks: Sequence[Row], place: alt.Y, length: alt.X) -> list[Any]:
    known = [mark for mark in marks if mark["y"] is not None]
    dot = alt.Chart(data(known)).mark_circle(size=130, opacity=1, color=colours(["x"], plot.theme)["x"])
    dots = dot.encode(y=place, x=length, tooltip=tips(plot))
    return [*_rules(plot, known, place), dots, *_numbers(plot, marks, place)]


def _rules(plot: Drawing, marks: Sequence[Row], place: alt.Y) -> list[Any]:
    """Intervals; one that is longer than the axis is cut at its end."""
    ink = INKS[plot.theme]
    bounded = alt.Chart(data([mark for mark in marks if mark["low"] is not None]))
    rules = haloed(bounded, ink.paper, "rule", color=ink.text, strokeWidth=1.25, opacity=0.75, clip=True)
    ends: Any = {"x": alt.X(field="low", type="quantitative"), "x2": alt.X2(field="high")}
    return [rule.encode(y=place, **ends) for rule in rules]


def _numbers(plot: Drawing, marks: Sequence[Row], place: alt.Y) -> list[Any]:
    """The values in a column of their own; a reason where a bar would begin."""
    ink = INKS[plot.theme]
    known = alt.Chart(data([mark for mark in marks if mark["y"] is not None]))
    unknown = alt.Chart(data([mark for mark in marks if mark["y"] is None]))
    text, width = said("label"), alt.value("width")
    return [
        known.mark_text(align="left", dx=10, color=ink.text).encode(y=place, x=width, text=text),
        unknown.mark_text(align="left", dx=4, color=ink.quiet).encode(y=place, x=alt.XDatum(0), text=text),
    ]


# ---- words ----------------------------------------------------------------------------------------------------------


def _ends(plot: Drawing, rows: Sequence[Row], by: str) -> dict[str, str]:
    """The first and the last of a ranking, by name and value."""
    top, bottom = rows[0], rows[-1]
    return {
        "top": segment(by, top[by], plot.lang),
        "bottom": segment(by, bottom[by], plot.lang),
        "value": shown(plot.kpi, top, top["value"], plot.lang),
        "least": shown(plot.kpi, bottom, bottom["value"], plot.lang),
    }


def _headline(plot: Drawing, ranked: Sequence[Row], by: str) -> str:
    """The highest and the lowest that can be relied on."""
    name = kpi_name(plot.kpi, plot.lang)
    known = [row for row in ranked if row["value"] is not None]
    reliable = [row for row in known if row[by] not in NAMELESS and not _few(plot, row)]
    if not reliable:
        return say("chart.bars.few", plot.lang, name=name)
    key = "chart.bars.title" if len(reliable) > 1 else "chart.bars.one"
    return say(key, plot.lang, name=name, **_ends(plot, reliable, by))


def _notes(plot: Drawing, marks: Sequence[Row], left: int) -> list[str]:
    """How to read what is drawn."""
    lang = plot.lang
    return [
        say("chart.note.rule", lang) if any(mark["low"] is not None for mark in marks) else "",
        say("chart.note.few", lang) if any(mark["few"] for mark in marks) else "",
        say("chart.note.ten", lang, n=left, count=str(left)) if left else "",
    ]


def _rivals(marks: Sequence[Row], lang: str) -> str:
    known = sorted((mark for mark in marks if mark["y"] is not None), key=lambda mark: mark["y"])
    if len(known) < 2:
        return say("chart.compare.one", lang, count=str(len(marks)))
    low, high = known[0], known[-1]
    names = {"bottom": low["plain"], "top": high["plain"]}
    return say("chart.compare.title", lang, low=low["label"], high=high["label"], **names)

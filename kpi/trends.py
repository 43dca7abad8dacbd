"""Trends: a KPI over time as lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import altair as alt
import polars as pl

from kpi.catalog import Kpi
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
    strength,
    time_axis,
    tips,
    told,
    value_axis,
)
from kpi.periods import Grain
from kpi.query import OK
from kpi.texts import say
from kpi.wording import YOUNG, Row, bucket, finding, grain_of, kpi_name, segment, shown

Lines = dict[str, list[dict[str, Any]]]
"""Code of a segment (empty where there is only one line) → its rows in order of time, the largest segment first."""

_HEIGHT = 280
_LABELLED = 5
_DASHES: dict[str, list[float]] = {"settled": [1, 0], "immature": [5, 4], "too young": [1.5, 4]}


def trend(
    result: pl.DataFrame,
    kpi: Kpi,
    lang: str = "en",
    theme: Theme = "light",
    target: float | None = None,
    annotations: pl.DataFrame | None = None,
    about: str = "",
    palette: Mapping[str, str] | None = None,
) -> Any:
    """A line over time; one for each segment where the result is split.

    Immature and partly covered buckets are dashed, missing ones are gaps. A single line carries its 95 % interval as
    a band; of several, the five largest are coloured and named at their end.

    Args:
        result: From `evaluate` with `every`.
        kpi: Which KPI of it.
        lang: Language code.
        theme: `light` or `dark`.
        target: The user's own for one bucket, in the KPI's unit.
        annotations: What happened: `time` and `text`, as in the table `annotations`.
        about: Period and filter, for the subtitle.
        palette: Segment → colour, from `colours(cube.values(…))`; by size where it is not given.
    """
    plot = drawing(result, kpi, lang, theme, about, palette, target)
    lines, text = _lines(plot), describe_lines(plot, target)
    if all(row["value"] is None for row in plot.rows):
        return nothing(plot, text, "".join(plot.dims[:1]))
    hues = _hues(plot, lines)
    happened = _happened(annotations, plot)
    x, y, reach = _axes(plot, target, bool(happened))
    ends = _ends(plot, lines, hues, reach * 17 / _HEIGHT)
    layers = [
        *_bands(plot, hues, x, y),
        *_flags(plot, happened, x),
        *_strokes(plot, lines, hues, x, y),
        _points(plot, lines, hues, x, y),
        *_targets(plot, target, y),
        _labels(ends, x, y),
    ]
    return finished(plot, layers, _HEIGHT, _headline(plot), _notes(plot, lines, hues), text, "".join(plot.dims[:1]))


def describe_lines(plot: Drawing, target: float | None = None) -> str:
    """Where each line began and ended."""
    lines = _lines(plot)
    if not plot.dims:
        return finding(plot.kpi, lines.get("", []), plot.lang, target)
    found = [_series(plot, code, rows) for code, rows in list(lines.items())[:_LABELLED]]
    return " ".join([say("shows.name", plot.lang, name=kpi_name(plot.kpi, plot.lang)), *filter(None, found)])


# ---- what the lines are ---------------------------------------------------------------------------------------------


def _lines(plot: Drawing) -> Lines:
    found: Lines = {}
    for row in sorted(plot.rows, key=lambda row: row["date"]):
        found.setdefault(_code(plot, row), []).append(row)
    sizes = {code: sum(_size(row) for row in rows) for code, rows in found.items()}
    return {code: found[code] for code in sorted(found, key=lambda code: (code in NAMELESS, -sizes[code]))}


def _code(plot: Drawing, row: Row) -> str:
    return "\u001f".join(str(row[dim]) for dim in plot.dims)


def _size(row: Row) -> float:
    return float(row.get("n") or row.get("denominator") or row.get("numerator") or row["value"] or 0)


def _name(plot: Drawing, row: Row) -> str:
    return " · ".join(segment(dim, row[dim], plot.lang) for dim in plot.dims)


def _hues(plot: Drawing, lines: Lines) -> dict[str, str]:
    """A colour per line: the palette's for the five largest, grey for the others."""
    given = plot.palette or colours(list(lines), plot.theme)
    if not plot.dims:
        return {"": colours(["x"], plot.theme)["x"]}
    grey = INKS[plot.theme].grey
    chosen = [code for code in lines if given.get(code, grey) != grey][:_LABELLED]
    return {code: given[code] if code in chosen else grey for code in lines}


def _style(row: Row) -> str:
    if row.get("maturity") in YOUNG:
        return str(row["maturity"])
    return "immature" if 0 < (row.get("covered") or 1) < 1 else "settled"


def _at(day: dt.date) -> str:
    # NOTE: with a time but no zone, a browser reads it in its own zone, so the bucket stays where its label is.
    return f"{day.isoformat()[:10]}T00:00:00"


# ---- axes -----------------------------------------------------------------------------------------------------------


def _axes(plot: Drawing, target: float | None, flagged: bool) -> tuple[alt.X, alt.Y, float]:
    dates = {row["date"] for row in plot.rows}
    low, high = _range(plot, target)
    high += (high - low) * 0.18 if flagged else 0
    x = alt.X(field="x", type="temporal", axis=time_axis(grain_of(sorted(dates)), len(dates)))
    scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    return x, alt.Y(field="y", type="quantitative", axis=value_axis(plot.unit, low, high), scale=scale), high - low


def _range(plot: Drawing, target: float | None) -> tuple[float, float]:
    """Lowest and highest of the axis: from zero where that costs little, with the interval of a single line."""
    columns = ("value",) if plot.dims else ("value", "low", "high")
    found = [row[column] for row in plot.rows for column in columns if row.get(column) is not None]
    found += [] if target is None else [target]
    low, high = min(found, default=0.0) / plot.unit.factor, max(found, default=1.0) / plot.unit.factor
    if low > 0 and (low < 0.5 * high or len({row["date"] for row in plot.rows}) == 1):
        low = 0.0
    margin = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return (low - margin if low else low), high + margin


# ---- layers ---------------------------------------------------------------------------------------------------------


def _strokes(plot: Drawing, lines: Lines, hues: Mapping[str, str], x: alt.X, y: alt.Y) -> list[Any]:
    """Lines between neighbouring buckets, cut into runs of one style; a run begins where the one before ended."""
    parts: list[dict[str, Any]] = []
    for code, rows in reversed(list(lines.items())):
        for at, (before, row) in enumerate(pairwise(rows)):
            if before["value"] is None or row["value"] is None:
                continue
            begins = at == 0 or rows[at - 1]["value"] is None or _style(before) != _style(row) or not parts
            if begins:
                parts.append(_vertex(plot, before, hues[code], _style(row), f"{code} {at}"))
            parts.append(_vertex(plot, row, hues[code], _style(row), parts[-1]["run"]))
    styles: Any = {"domain": list(_DASHES), "range": list(_DASHES.values())}
    dash = alt.StrokeDash(field="style", type="nominal", scale=alt.Scale(**styles), legend=None)
    lined = alt.Chart(data(parts)).mark_line(strokeWidth=2.25, strokeCap="round", strokeJoin="round")
    detail = alt.Detail(field="run", type="nominal")
    return [lined.encode(x=x, y=y, color=own("ink"), opacity=strength("strength"), detail=detail, strokeDash=dash)]


def _vertex(plot: Drawing, row: Row, ink: str, style: str, run: str) -> dict[str, Any]:
    strength = 0.45 if ink == INKS[plot.theme].grey else 1
    ends = {"x": _at(row["date"]), "y": plot.unit.of(row["value"])}
    return {**ends, "ink": ink, "style": style, "run": run, "strength": strength}


def _points(plot: Drawing, lines: Lines, hues: Mapping[str, str], x: alt.X, y: alt.Y) -> Any:
    """A dot for each bucket, hollow where unsettled; many of them are only there for the pointer."""
    paper, grain = INKS[plot.theme].paper, grain_of([row["date"] for row in plot.rows])
    few = len(plot.rows) <= 40
    marks = [
        {"x": _at(row["date"]), "y": plot.unit.of(row["value"]), "ink": hues[code],
         "fill": hues[code] if _style(row) == "settled" else paper,
         **told(plot, row, segment=_name(plot, row), date=bucket(row["date"], grain, plot.lang))}
        for code, rows in reversed(list(lines.items())) for row in rows if row["value"] is not None
    ]  # fmt: skip
    more = ("segment", "date") if plot.dims else ("date",)
    dots = alt.Chart(data(marks)).mark_point(filled=False, size=34 if few else 120, opacity=1 if few else 0)
    fill = alt.Fill(field="fill", type="nominal", scale=None)
    stroke = alt.Stroke(field="ink", type="nominal", scale=None)
    return dots.encode(x=x, y=y, stroke=stroke, fill=fill, tooltip=tips(plot, *more))


def _bands(plot: Drawing, hues: Mapping[str, str], x: alt.X, y: alt.Y) -> list[Any]:
    """The interval of a single line: a band, or a rule where a bucket stands alone."""
    if plot.dims:
        return []
    runs: list[list[dict[str, Any]]] = [[]]
    for row in sorted(plot.rows, key=lambda row: row["date"]):
        if row.get("low") is None:
            runs.append([])
        else:
            ends = {"y": plot.unit.of(row["low"]), "high": plot.unit.of(row["high"])}
            runs[-1].append({"x": _at(row["date"]), "run": str(len(runs)), **ends})
    y2 = alt.Y2(field="high")
    wide = alt.Chart(data([mark for run in runs if len(run) > 1 for mark in run]))
    alone = alt.Chart(data([run[0] for run in runs if len(run) == 1]))
    detail = alt.Detail(field="run", type="nominal")
    return [
        wide.mark_area(color=hues[""], opacity=0.16).encode(x=x, y=y, y2=y2, detail=detail),
        alone.mark_rule(color=hues[""], opacity=0.5, strokeWidth=2).encode(x=x, y=y, y2=y2),
    ]


def _targets(plot: Drawing, target: float | None, y: alt.Y) -> list[Any]:
    if target is None:
        return []
    row = next((row for row in plot.rows if row.get("currency")), plot.rows[0])
    label = say("chart.target", plot.lang, target=shown(plot.kpi, row, target, plot.lang))
    base = alt.Chart(data([{"y": plot.unit.of(target), "text": label}]))
    ink = INKS[plot.theme]
    texts = haloed(base, ink.paper, "text", align="left", baseline="bottom", dx=4, dy=-3, color=ink.quiet)
    line = base.mark_rule(color=ink.quiet, strokeWidth=1).encode(y=y)
    return [line, *(text.encode(x=alt.value(0), y=y, text=said("text")) for text in texts)]


def _happened(annotations: pl.DataFrame | None, plot: Drawing) -> list[dict[str, str]]:
    """What happened inside the time drawn, to this KPI or to all."""
    dates = sorted({row["date"] for row in plot.rows})
    if annotations is None or not dates:
        return []
    after = dates[-1] + (dates[-1] - dates[-2] if len(dates) > 1 else dt.timedelta(31))
    found = []
    for row in annotations.sort("time").to_dicts():
        day = row["time"].date() if isinstance(row["time"], dt.datetime) else row["time"]
        if dates[0] <= day < after and row.get("kpi") in (None, plot.kpi.id):
            found.append({"x": _at(min(day, dates[-1])), "text": row["text"]})
    return [{**flag, "level": str(at % 2)} for at, flag in enumerate(found)]


def _flags(plot: Drawing, happened: Sequence[Mapping[str, str]], x: alt.X) -> list[Any]:
    quiet = INKS[plot.theme].quiet
    layers: list[Any] = []
    for level in ("0", "1"):
        base = alt.Chart(data([flag for flag in happened if flag["level"] == level]))
        place: Any = {"align": "left", "baseline": "top", "dx": 5, "dy": 17 * int(level), "limit": 150}
        text = base.mark_text(color=quiet, fontSize=12, **place)
        tooltip = [alt.Tooltip(field="text", type="nominal", title=say("chart.segment", plot.lang))]
        layers += [
            base.mark_rule(color=quiet, strokeWidth=1, opacity=0.5, strokeDash=[2, 3]).encode(x=x),
            text.encode(x=x, y=alt.value(0), text=said("text"), tooltip=tooltip),
        ]
    return layers if happened else []


def _ends(plot: Drawing, lines: Lines, hues: Mapping[str, str], gap: float) -> list[dict[str, Any]]:
    """A label at the end of each coloured line, moved apart where they would touch; of one line its last value."""
    labels: list[dict[str, Any]] = []
    for code, rows in lines.items():
        last = next((row for row in reversed(rows) if row["value"] is not None), None)
        if last is None or hues[code] == INKS[plot.theme].grey:
            continue
        text = _name(plot, last) if plot.dims else shown(plot.kpi, last, last["value"], plot.lang)
        labels.append({"x": _at(last["date"]), "y": plot.unit.of(last["value"]), "text": text, "ink": hues[code]})
    labels.sort(key=lambda label: label["y"])
    for below, above in pairwise(labels):
        above["y"] = max(above["y"], below["y"] + gap)
    return labels


def _labels(ends: Sequence[Row], x: alt.X, y: alt.Y) -> Any:
    text = alt.Chart(data(ends)).mark_text(align="left", dx=10, fontWeight=600)
    return text.encode(x=x, y=y, text=said("text"), color=own("ink"))


# ---- words ----------------------------------------------------------------------------------------------------------


def _headline(plot: Drawing) -> str:
    """What is seen: from where to where, as far as it is settled."""
    name = kpi_name(plot.kpi, plot.lang)
    grain = grain_of([row["date"] for row in plot.rows])
    known = [row for row in plot.rows if row["value"] is not None]
    settled = sorted((row for row in known if _style(row) == "settled"), key=lambda row: row["date"]) or known
    last = settled[-1]["date"]
    if plot.dims:
        return _ranking(plot, [row for row in settled if row["date"] == last], name, bucket(last, grain, plot.lang))
    key = "chart.trend.title" if len(settled) > 1 else "chart.trend.one"
    return say(key, plot.lang, name=name, **_from_to(plot, settled, grain))


def _ranking(plot: Drawing, rows: Sequence[Row], name: str, date: str) -> str:
    reliable = [row for row in rows if _code(plot, row) not in NAMELESS] or list(rows)
    top, bottom = (pick(reliable, key=lambda row: row["value"]) for pick in (max, min))
    ends = {"value": top, "least": bottom}
    gaps = {gap: shown(plot.kpi, row, row["value"], plot.lang) for gap, row in ends.items()}
    gaps |= {"top": _name(plot, top), "bottom": _name(plot, bottom)}
    return say("chart.series.title", plot.lang, name=name, date=date, **gaps)


def _series(plot: Drawing, code: str, rows: Sequence[Row]) -> str:
    known = [row for row in rows if row["status"] == OK]
    if not known:
        return ""
    grain = grain_of([row["date"] for row in plot.rows])
    return say("shows.series", plot.lang, segment=_name(plot, known[0]), **_from_to(plot, known, grain))


def _from_to(plot: Drawing, rows: Sequence[Row], grain: Grain) -> dict[str, str]:
    """The first and the last of these rows, with their dates, as gaps of a sentence."""
    ends = {"first": rows[0], "last": rows[-1]}
    values = {role: shown(plot.kpi, row, row["value"], plot.lang) for role, row in ends.items()}
    return values | {f"{role}_date": bucket(row["date"], grain, plot.lang) for role, row in ends.items()}


def _notes(plot: Drawing, lines: Lines, hues: Mapping[str, str]) -> list[str]:
    """How to read what is drawn."""
    grey = INKS[plot.theme].grey
    pale = sum(hue == grey for hue in hues.values())
    banded = not plot.dims and any(row.get("low") is not None for row in plot.rows)
    known = [row for row in plot.rows if row["value"] is not None]
    return [
        say("chart.note.interval", plot.lang) if banded else "",
        say("chart.note.immature", plot.lang) if any(_style(row) != "settled" for row in known) else "",
        say("chart.note.grey", plot.lang, n=pale, count=str(pale)) if pale and len(lines) > _LABELLED else "",
    ]

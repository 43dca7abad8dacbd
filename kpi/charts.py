"""Charts: a result of `evaluate` → one Altair picture that says what it shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import polars as pl

from kpi import formats
from kpi.catalog import LADDERS, MEASURES, Kpi
from kpi.paper import INKS, NAMELESS, Measured, Theme, colours, finished, measured, spoken, time_axis, value_axis
from kpi.query import OK
from kpi.texts import say
from kpi.wording import (
    YOUNG,
    Row,
    bucket,
    dimension,
    finding,
    grain_of,
    kpi_name,
    maturity,
    segment,
    shown,
    status,
    title,
)

__all__ = ["as_png", "as_svg", "bars", "colours", "compare", "describe", "offline", "trend"]

_FIGURES = frozenset("kpi date value numerator denominator n low high currency status maturity covered".split())
_WIDTH, _HEIGHT, _STEP = 640, 280, 30
_LABELLED, _BARS, _FEW = 5, 10, 30
_DASHES = {"solid": [1, 0], "immature": [5, 4], "too young": [1.5, 4]}
_LETTER = 7.2
"""Pixels of a letter of a label."""


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

    Immature and partly covered buckets are dashed, missing ones are gaps. One line carries its 95 % interval as a
    band; of several, the five largest are coloured and named at their end.

    Args:
        result: From `evaluate` with `every`.
        kpi: Which KPI of it.
        lang: Language code.
        theme: `light` or `dark`.
        target: The user's own, in the KPI's unit.
        annotations: What happened: `time` (or `date`) and `text`.
        about: Period and filter, for the subtitle.
        palette: Segment → colour, from `colours(cube.values(…))`; by size where it is not given.
    """
    rows = _rows(result, kpi)
    dims = _dims(result)
    lines = _lines(rows, dims)
    unit = _measured(kpi, rows, lang, target)
    coloured = _coloured(lines, theme, palette)
    named = [name for name in lines if coloured[name] != INKS[theme].grey][:_LABELLED] if dims else list(lines)
    grain = grain_of([row["date"] for row in rows])
    x = alt.X(field="x", type="temporal", axis=time_axis(grain, len({row["date"] for row in rows})))
    low, high = _range(rows, target, unit, banded=not dims, flags=annotations is not None)
    y = alt.Y(
        field="y", type="quantitative", axis=value_axis(unit), scale=alt.Scale(domain=[low, high], nice=False, zero=False)
    )
    labels = _end_labels(kpi, lines, named, dims, coloured, unit, (high - low) * 17 / _HEIGHT, lang)
    layers = [
        *([] if dims else [_band(rows, unit, x, coloured[""])]),
        *_target_layers(kpi, rows, target, unit, y, lang, theme),
        *_flags(annotations, rows, x, theme),
        _strokes(lines, dims, named, coloured, unit, x, y),
        _points(kpi, lines, dims, coloured, unit, grain, x, y, lang, theme),
        _texts(labels, x, y),
    ]
    notes = [_subtitle(unit, about, lang), *_trend_notes(rows, lines, named, dims, lang)]
    right = 14 + int(_LETTER * max((len(label["text"]) for label in labels), default=0))
    chart = alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT)
    text = describe(result, kpi, lang)
    return _finished(chart, _trend_title(kpi, rows, lines, dims, grain, lang), notes, text, rows, lang, theme, right)


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

    A segment on fewer than 30 cases is pale and stands after the others; one without a value is listed with the
    reason. Thin lines are 95 % intervals.

    Args:
        result: From `evaluate` with `by`, without `every`.
        kpi: Which KPI of it.
        by: The dimension.
        lang: Language code.
        theme: `light` or `dark`.
        about: Period and filter, for the subtitle.
        palette: Segment → colour, from `colours(cube.values(…))`; one colour where it is not given.
    """
    rows = _rows(result, kpi)
    unit = _measured(kpi, rows, lang, None)
    ranked, left = _ranked(kpi, rows, by, lang)
    marks = [_bar(kpi, row, by, unit, lang, theme, palette or {}) for row in ranked]
    order = [mark["name"] for mark in marks]
    known = [mark for mark in marks if mark["y"] is not None]
    far = max((mark["y"] for mark in known), default=1.0)
    ends = [mark["high"] for mark in known if not mark["few"] and mark["high"] is not None]
    near = min([0.0, *(mark["y"] for mark in known)])
    domain = [near, max([far, *ends, 0.0]) or 1.0]
    place = alt.Y(
        field="name", type="nominal", sort=order, axis=alt.Axis(title=None, labelLimit=220), scale=alt.Scale(domain=order)
    )
    length = alt.X(
        field="y", type="quantitative", axis=value_axis(unit), scale=alt.Scale(domain=domain, nice=False, zero=True)
    )
    tips = _tips(kpi, rows, lang)
    ink = INKS[theme]
    layers = [
        alt.Chart(_data(known)).mark_bar(height=18, cornerRadiusEnd=2, clip=True).encode(
            y=place, x=length, color=_own("ink"), fillOpacity=_own_number("strength"), tooltip=tips
        ),
        alt.Chart(_data([mark for mark in known if mark["low"] is not None])).mark_rule(
            color=ink.text, strokeWidth=1, clip=True
        ).encode(
            y=place,
            x=alt.X(field="low", type="quantitative"),
            x2=alt.X2(field="high"),
        ),
        alt.Chart(_data(known)).mark_text(align="left", dx=10, color=ink.text).encode(
            y=place, x=alt.XValue("width"), text=_text("label")
        ),
        alt.Chart(_data([mark for mark in marks if mark["y"] is None])).mark_text(
            align="left", dx=4, color=ink.quiet
        ).encode(y=place, x=alt.XDatum(0), text=_text("label")),
    ]  # fmt: skip
    right = 10 + int(_LETTER * max((len(mark["label"]) for mark in known), default=0))
    chart = alt.layer(*layers).properties(width=_WIDTH, height=alt.Step(_STEP))
    notes = [_subtitle(unit, about, lang), *_bar_notes(marks, ranked, left, lang)]
    alt_text = describe(result, kpi, lang)
    return _finished(chart, _bar_title(kpi, ranked, by, lang), notes, alt_text, rows, lang, theme, right)

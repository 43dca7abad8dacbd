"""Paper: what all charts share: colours in light and dark, axes by unit, the language's numbers and months, titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
from babel import Locale
from babel.numbers import get_currency_symbol

from kpi.catalog import Kpi
from kpi.periods import Grain
from kpi.texts import right_to_left, say

Theme = Literal["light", "dark"]

HUES: Mapping[Theme, tuple[str, ...]] = {
    "light": ("#245786", "#c87c29", "#7646cf", "#e751a2", "#0390e9", "#7d630e", "#1c8f80", "#8b2111"),
    "dark": ("#3da4fd", "#fdcf91", "#955ae3", "#f865b8", "#83e2ff", "#a5b108", "#399377", "#bc6922"),
}
"""The theme's categorical colours; `.streamlit/config.toml` holds the same, and a test compares them."""
NAMELESS = ("unknown", "other")
"""Segments that are always grey."""
FONT = "Source Sans, Source Sans Pro, Segoe UI, Helvetica, Arial, sans-serif"
_TICKS: Mapping[Grain, tuple[str, int]] = {
    "1d": ("day", 1), "1w": ("week", 1), "1mo": ("month", 1), "1q": ("month", 3), "1y": ("year", 1)
}  # fmt: skip
_YEARLY = 12
_SECONDS = ((2 * 86_400, 86_400, "day"), (2 * 3600, 3600, "hour"), (2 * 60, 60, "minute"), (0, 1, "second"))


@dataclass(frozen=True)
class Ink:
    """The colours of a theme that are not a segment's."""

    paper: str
    text: str
    quiet: str
    grey: str
    line: str


INKS: Mapping[Theme, Ink] = {
    "light": Ink("#ffffff", "#1c2733", "#5b6673", "#7d8894", "#e4e8ec"),
    "dark": Ink("#12171d", "#e8edf2", "#9aa6b2", "#77838f", "#2a333d"),
}


@dataclass(frozen=True)
class Measured:
    """How the values of a KPI stand on an axis: divided by `factor`, in `unit`, written as `format`."""

    factor: float
    unit: str
    format: str


def colours(values: Sequence[str], theme: Theme = "light") -> dict[str, str]:
    """A colour for each segment, in the order given: eight hues, the rest grey, and so are `unknown` and `other`.

    Pass the data set's order (`cube.values("channel")`) everywhere, so that a channel keeps its colour.

    Example:
        >>> colours(["email", "unknown", "chat"])
        {'email': '#245786', 'unknown': '#7d8894', 'chat': '#c87c29'}
    """
    named = [value for value in dict.fromkeys(values) if value not in NAMELESS]
    hues = dict(zip(named, HUES[theme], strict=False))
    return {value: hues.get(value, INKS[theme].grey) for value in values}


def measured(kpi: Kpi, size: float, currency: str | None, lang: str) -> Measured:
    """Unit and format of an axis whose largest value has this size."""
    huge = size >= 1_000_000
    if kpi.unit == "seconds":
        factor, name = next((factor, name) for least, factor, name in _SECONDS if size >= least)
        return Measured(factor, say(f"chart.unit.{name}", lang), ",.2~f")
    unit = say(f"chart.unit.{kpi.unit}", lang, currency=currency or "")
    if kpi.unit == "rate":
        return Measured(1, unit, "~%")
    if kpi.unit in ("money", "money_per_day"):
        return Measured(1, unit, "$~s" if huge else "$,.2~f" if size < 10 else "$,.0f")
    return Measured(1, unit, "~s" if huge else ",.2~f")


def value_axis(unit: Measured, **more: Any) -> alt.Axis:
    """An axis of values; billions are B, as money writes them."""
    return alt.Axis(format=unit.format, labelExpr="replace(datum.label, 'G', 'B')", title=None, tickCount=5, **more)


def time_axis(grain: Grain, buckets: int) -> alt.Axis:
    """An axis of time with at most about eight labels, each on a bucket."""
    unit, step = _TICKS[grain]
    step *= -(-buckets // 8)
    if unit == "month" and step > 1:
        step = next(size for size in (2, 3, 6, 12, 24, 48, 96, 960) if size >= step)
    interval = {"interval": "year", "step": step // _YEARLY} if unit == "month" and step >= _YEARLY else {
        "interval": unit, "step": step
    }  # fmt: skip
    style: Any = {"year": "%Y", "quarter": "%b", "month": "%b", "week": "%d %b", "date": "%d %b"}
    return alt.Axis(format=style, tickCount=interval, title=None, grid=False, labelFlush=False, labelOverlap=True)  # type: ignore[arg-type]


def finished(chart: Any, title: str, notes: Sequence[str], alt_text: str, lang: str, theme: Theme, right: int = 0) -> Any:
    """A chart with its title, notes, description, colours and the language's numbers.

    Args:
        chart: Layers on one plot.
        title: What is seen.
        notes: Measure, unit, filter; then how to read it. One line each.
        alt_text: The finding, for those who do not see it.
        lang: Language code.
        theme: Light or dark.
        right: Pixels kept free for labels that end outside the plot.
    """
    ink = INKS[theme]
    head = alt.Title(
        ordered(title, lang), subtitle=[ordered(note, lang) for note in notes if note], anchor="start", frame="group",
        color=ink.text, subtitleColor=ink.quiet, fontSize=17, subtitleFontSize=13, offset=16, subtitlePadding=6,
        subtitleLineHeight=18, fontWeight=600,
    )  # fmt: skip
    config = alt.Config(
        background=ink.paper,
        font=FONT,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=ink.quiet, labelFontSize=13, gridColor=ink.line, domain=False, ticks=False, labelPadding=8
        ),
        text=alt.MarkConfig(color=ink.text, fontSize=13),
    )
    padding = {"left": 5, "top": 5, "bottom": 5, "right": 5 + right}
    return chart.properties(title=head, description=alt_text, padding=padding, config=config)


def ordered(text: str, lang: str) -> str:
    """A text that keeps its order inside a drawing, in a language written from right to left."""
    return f"\u2067{text}\u2069" if right_to_left(lang) else text


def spoken(lang: str, currency: str | None) -> alt.LocaleConfig:
    """Numbers, money and months as the language writes them, for axes."""
    locale = Locale.parse(lang)
    symbols = locale.number_symbols["latn"]
    symbol = get_currency_symbol(currency, lang) if currency else ""
    money = str(locale.currency_formats["standard"].pattern).split(";")[0]
    around = (symbol, "") if money.startswith("¤") else ("", f"\u00a0{symbol}")
    percent = "\u00a0%" if "\u00a0" in str(locale.percent_formats[None].pattern) else "%"
    days, months = locale.days["format"], locale.months["format"]
    week = [6, 0, 1, 2, 3, 4, 5]
    return alt.LocaleConfig(
        number=alt.NumberLocale(
            decimal=symbols["decimal"], thousands=symbols["group"], grouping=[3], currency=list(around), percent=percent
        ),
        time=alt.TimeLocale(
            dateTime="%x, %X", date="%d.%m.%Y", time="%H:%M:%S", periods=["AM", "PM"],
            days=[days["wide"][day] for day in week], shortDays=[days["abbreviated"][day] for day in week],
            months=[months["wide"][month] for month in range(1, 13)],
            shortMonths=[months["abbreviated"][month] for month in range(1, 13)],
        ),
    )  # fmt: skip

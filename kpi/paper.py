"""Paper: what all charts share: colours in light and dark, axes by unit, the language's numbers and months, titles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from textwrap import wrap
from typing import Any, Literal

import altair as alt
import polars as pl
from babel import Locale
from babel.numbers import get_currency_symbol

from kpi import formats
from kpi.catalog import Kpi
from kpi.periods import Grain
from kpi.query import OK
from kpi.texts import right_to_left, say
from kpi.wording import Row, dimension, dims_of, kpi_name, maturity, shown, status

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
_WIDTH = 640
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
    """How the values of a KPI stand on an axis: divided by `factor`, in the unit `name`, written as `kind`."""

    factor: float
    name: str
    kind: Literal["percent", "money", "number"] = "number"

    def of(self, value: float | None) -> float | None:
        """A value as it stands on the axis."""
        return None if value is None else value / self.factor


@dataclass(frozen=True)
class Drawing:
    """What a chart is drawn from: a KPI's rows, their dimensions and unit, and how to draw them."""

    kpi: Kpi
    rows: list[dict[str, Any]]
    dims: tuple[str, ...]
    unit: Measured
    lang: str
    theme: Theme
    about: str
    palette: Mapping[str, str]
    currency: str | None


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
    """The unit of an axis whose largest value has this size."""
    if kpi.unit == "seconds":
        factor, name = next((factor, name) for least, factor, name in _SECONDS if size >= least)
        return Measured(factor, say(f"chart.unit.{name}", lang))
    name = say(f"chart.unit.{kpi.unit}", lang, currency=currency or "")
    if kpi.unit == "rate":
        return Measured(1, name, "percent")
    return Measured(1, name, "money" if kpi.unit in ("money", "money_per_day") else "number")


def value_axis(unit: Measured, low: float, high: float) -> alt.Axis:
    """An axis of values from low to high, with as many decimals as its labels need to differ."""
    if unit.kind == "percent":
        return alt.Axis(format="~%", title=None, tickCount=5)
    symbol = "$" if unit.kind == "money" else ""
    if max(abs(low), abs(high)) >= 1_000_000:
        # Billions are B, as money writes them.
        return alt.Axis(format=f"{symbol}~s", labelExpr="replace(datum.label, 'G', 'B')", title=None, tickCount=5)
    digits = min(max(0, -floor(log10((high - low) / 4))), 9) if high > low else 0
    return alt.Axis(format=f"{symbol},.{digits}{'f' if symbol else '~f'}", title=None, tickCount=5)


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
    return alt.Axis(format=style, tickCount=interval, title=None, grid=False, labelFlush=False, labelOverlap=True)


def drawing(
    result: pl.DataFrame, kpi: Kpi, lang: str, theme: Theme, about: str, palette: Mapping[str, str] | None,
    target: float | None = None,
) -> Drawing:  # fmt: skip
    """What a chart of this KPI of a result is drawn from."""
    mine = result.filter(pl.col("kpi") == kpi.id)
    dims = dims_of(result)
    if (mine["status"] == "mixed currency").any():
        # Bars and lines in different currencies cannot stand on one axis: the row that says so stays alone.
        mixed = (pl.col("status") == "mixed currency").any().over([*dims, *({"date"} & {*mine.columns}), "kpi"])
        mine = mine.filter(~mixed | (pl.col("status") == "mixed currency"))
    rows = mine.to_dicts()
    if any(row[dim] is not None for row in rows for dim in dims):
        rows = [row for row in rows if any(row[dim] is not None for dim in dims)]
    currency = next((row["currency"] for row in rows if row.get("currency")), None)
    size = max([*(abs(row["value"]) for row in rows if row["value"] is not None), abs(target or 0)])
    return Drawing(kpi, rows, dims, measured(kpi, size, currency, lang), lang, theme, about, palette or {}, currency)


def finished(
    plot: Drawing, layers: Sequence[Any], height: int, headline: str, notes: Sequence[str], text: str, by: str = ""
) -> Any:
    """A chart with its title, notes, alt text, colours and the language's numbers.

    Args:
        plot: What it was drawn from.
        layers: What is drawn on one plot; those without rows are left out, because Vega warns of them.
        height: Of the plot, in pixels.
        headline: What is seen.
        notes: How to read it, under the line that names unit, split, period and filter.
        text: The finding, for those who do not see it.
        by: The dimension it is split by.
    """
    ink = INKS[plot.theme]
    lang, dot = plot.lang, say("chart.and", plot.lang)
    split = say("chart.split", lang, dimension=dimension(by, lang, inside=True)) if by else ""
    first = dot.join(filter(None, (plot.unit.name, split, plot.about)))
    second = dot.join(filter(None, notes))
    head = alt.Title(
        _wrapped(headline, 38, lang), subtitle=[*_wrapped(first, 56, lang), *_wrapped(second, 56, lang)],
        anchor="start", frame="bounds", color=ink.text, subtitleColor=ink.quiet, fontSize=17, subtitleFontSize=13,
        offset=16, subtitlePadding=6, subtitleLineHeight=18, fontWeight=600,
    )  # fmt: skip
    config = alt.Config(
        background=ink.paper,
        font=FONT,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=ink.quiet, labelFontSize=13, gridColor=ink.line, domain=False, ticks=False, labelPadding=8
        ),
        text=alt.MarkConfig(color=ink.text, fontSize=13),
        locale=spoken(plot.lang, plot.currency),
    )
    # The width is that of the whole picture, labels at the end of lines included; the height that of the plot.
    size = alt.AutoSizeParams(type="fit-x", contains="padding")
    # NOTE: Streamlit writes into `padding`, and draws nothing where it is a number.
    padding = dict.fromkeys(("left", "top", "right", "bottom"), 5)
    drawn = [layer for layer in layers if layer.data["values"]]
    # NOTE: all at once; `properties` would copy every row once more.
    return alt.layer(
        *drawn, width=_WIDTH, height=height, title=head, description=text, padding=padding, autosize=size, config=config
    )


def nothing(plot: Drawing, text: str, by: str = "") -> Any:
    """In place of a chart that would be empty: why it is, and what to do."""
    codes = [row["status"] for row in plot.rows if row["status"] != OK]
    why = max(set(codes), key=codes.count) if codes else "no data"
    reasons = [{"text": status(why, plot.lang)}]
    mark = alt.Chart(data(reasons)).mark_text(color=INKS[plot.theme].quiet, fontSize=16).encode(text=said("text"))
    headline = say("chart.none.title", plot.lang, name=kpi_name(plot.kpi, plot.lang))
    return finished(plot, [mark], 120, headline, [status(why, plot.lang, "help")], text, by)


def haloed(base: Any, paper: str, mark: str, **look: Any) -> list[Any]:
    """A mark that stands clear of what lies under it: first wider in the colour of the paper, then itself."""
    wide = {"stroke": paper, "strokeWidth": 4} if mark == "text" else {"color": paper, "strokeWidth": 3}
    below = {**look, **wide}
    draw = base.mark_text if mark == "text" else base.mark_rule
    return [draw(**below), draw(**look)]


def data(rows: Sequence[Row]) -> alt.InlineData:
    """Rows as they are: names of columns are ours, values are never read as a formula or an address."""
    return alt.InlineData(values=list(rows))


def own(field: str) -> alt.Color:
    """A colour that stands in the data."""
    return alt.Color(field=field, type="nominal", scale=None)


def strength(field: str) -> alt.Opacity:
    """An opacity that stands in the data."""
    return alt.Opacity(field=field, type="quantitative", scale=None)


def said(field: str) -> alt.Text:
    """A text that stands in the data."""
    return alt.Text(field=field, type="nominal")


def told(plot: Drawing, row: Row, **more: str) -> dict[str, str]:
    """What a pointer is told of a row: value, its parts, cases, interval, status; all as text."""
    kpi, lang = plot.kpi, plot.lang
    upper = "money" if kpi.unit == "money" and row.get("currency") else "count"
    young = row.get("maturity")
    facts = {
        **more,
        "value": shown(kpi, row, row["value"], lang),
        "numerator": _figure(row.get("numerator"), upper, lang, row.get("currency")),
        "denominator": _figure(row.get("denominator"), "count", lang),
        "n": _figure(row.get("n"), "count", lang),
        "interval": _interval(kpi, row, lang),
        "status": maturity(young, lang) if row["status"] == OK and young else status(row["status"], lang),
    }
    return {f"tip_{name}": fact for name, fact in facts.items()}


def tips(plot: Drawing, *more: str) -> list[alt.Tooltip]:
    """The lines of a tooltip, those that any row fills."""
    filled = {
        "value": True,
        "numerator": any(row.get("numerator") is not None for row in plot.rows) and plot.kpi.denominator is not None,
        "denominator": any(row.get("denominator") is not None for row in plot.rows),
        "n": any(row.get("n") is not None for row in plot.rows),
        "interval": any(row.get("low") is not None for row in plot.rows),
        "status": True,
    }
    names = [*more, *(name for name, wanted in filled.items() if wanted)]
    return [alt.Tooltip(field=f"tip_{name}", type="nominal", title=say(f"chart.{name}", plot.lang)) for name in names]


def _figure(number: float | None, unit: str, lang: str, currency: str | None = None) -> str:
    return "" if number is None else formats.value(number, unit, lang, currency)


def _interval(kpi: Kpi, row: Row, lang: str) -> str:
    if row.get("low") is None:
        return ""
    return say("interval.range", lang, low=shown(kpi, row, row["low"], lang), high=shown(kpi, row, row["high"], lang))


def _wrapped(text: str, letters: int, lang: str) -> list[str]:
    """A text in lines of similar length, none longer than fits a phone."""
    lines = -(-len(text) // letters)
    return [ordered(line, lang) for line in wrap(text, max(len(text) // max(lines, 1) + 5, 20))]


def ordered(text: str, lang: str) -> str:
    """A text that keeps its order inside a drawing, in a language written from right to left."""
    return f"\u2067{text}\u2069" if right_to_left(lang) else text


def spoken(lang: str, currency: str | None) -> alt.Locale:
    """Numbers, money and months as the language writes them, for axes."""
    locale = Locale.parse(lang)
    symbols = locale.number_symbols["latn"]
    symbol = get_currency_symbol(currency, lang) if currency else ""
    money = str(locale.currency_formats["standard"].pattern).split(";")[0]
    around = (symbol, "") if money.startswith("¤") else ("", f"\u00a0{symbol}")
    percent = "\u00a0%" if "\u00a0" in str(locale.percent_formats[None].pattern) else "%"
    days, months = locale.days["format"], locale.months["format"]
    week = [6, 0, 1, 2, 3, 4, 5]
    return alt.Locale(
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

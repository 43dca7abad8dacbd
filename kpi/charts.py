"""Charts: a result of `evaluate` → one Altair picture that says what it shows, on a screen, on paper and in words."""

from __future__ import annotations

from typing import Any, Literal

import altair as alt
import polars as pl

from kpi.catalog import Kpi
from kpi.paper import colours, drawing
from kpi.rankings import bars, compare, describe_bars, describe_rivals
from kpi.trends import describe_lines, trend

__all__ = ["as_png", "as_svg", "bars", "colours", "compare", "describe", "describe_rivals", "offline", "trend"]


def describe(result: pl.DataFrame, kpi: Kpi, lang: str = "en", target: float | None = None) -> str:
    """What a chart of this result shows, in words, for those who do not see it.

    Example:
        >>> from kpi import catalog
        >>> rows = [("cpl", "display", 224.0, "EUR", "ok"), ("cpl", "chat", 9.0, "EUR", "ok")]
        >>> result = pl.DataFrame(rows, schema=["kpi", "channel", "value", "currency", "status"], orient="row")
        >>> describe(result, catalog.kpis(())["cpl"])
        'Cost per lead by channel: highest Display ads with €224, lowest Live chat with €9; 2 values.'
    """
    plot = drawing(result, kpi, lang, "light", "", None, target)
    if plot.dims and "date" not in result.columns:
        return describe_bars(plot, plot.dims[0])
    return describe_lines(plot, target)


def as_svg(chart: Any, caption: str = "") -> str:
    """The chart as SVG with a line under its subtitle; made on this machine."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(_captioned(chart, caption), allowed_base_urls=[]))


def as_png(chart: Any, caption: str = "", scale: float = 2) -> bytes:
    """The chart as PNG with a line under its subtitle; made on this machine."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(_captioned(chart, caption), scale=scale, allowed_base_urls=[]))


def offline(renderer: Literal["jupyter", "svg"] = "jupyter") -> None:
    """Makes notebooks draw charts without a network, and without a button that sends the data to a web editor.

    Args:
        renderer: `jupyter` can be pointed at; the library travels from the kernel. `svg` is a still picture that is
            kept when the notebook is saved and opened where nothing is installed.
    """
    if renderer == "svg":
        alt.renderers.enable("svg")
        return
    actions = {"export": True, "source": False, "compiled": False, "editor": False}
    alt.renderers.enable("jupyter", offline=True, embed_options={"actions": actions})


def _captioned(chart: Any, caption: str) -> dict[str, Any]:
    spec: dict[str, Any] = chart.to_dict()
    if caption:
        spec["title"]["subtitle"] = [*spec["title"].get("subtitle", []), caption]
    return spec

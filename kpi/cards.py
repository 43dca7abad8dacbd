"""Cards: a KPI's value, change, trend and grounds as a piece of HTML, and its formula as a sentence.

The HTML holds no script, link or `svg` element, so it passes a sanitizer; every value from the data is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

import polars as pl

from kpi import formats
from kpi.catalog import MEASURES, Kpi
from kpi.query import OK
from kpi.sentences import sentence as sentence
from kpi.texts import say
from kpi.wording import YOUNG, Row, dimension, finding, key_of, maturity, points, shown, status, title

_FEW = 30
"""Below so many cases a rate says little without its interval."""
_WIDTH, _HEIGHT, _EDGE = 240, 40, 5
_QUIET = 'style="color:var(--kpi-quiet);font-weight:400"'


def card(
    kpi: Kpi,
    value: Row,
    changes: Sequence[Row],
    trend: pl.DataFrame,
    lang: str = "en",
    target: float | None = None,
    note: str | None = None,
) -> str:
    """A card: name, value, changes, sparkline, the grounds of the value, its status.

    Args:
        kpi: What is shown.
        value: Its row of `evaluate`.
        changes: Its rows of `change`, one per comparison; may be empty.
        trend: Its rows of `evaluate` with `every`; may be empty.
        lang: Language code.
        target: The user's own for the period, in the KPI's unit; a line in the trend unless buckets add up to it.
        note: One more grey sentence, such as what is missing for it.

    Returns:
        HTML with the classes `kpi-card`, `kpi-name`, `kpi-value` …; its look is a style sheet's (`kpi.show.STYLE`).

    Example:
        >>> from kpi import catalog
        >>> row = {"value": None, "numerator": 3.0, "denominator": 0.0, "status": "no denominator"}
        >>> "Nothing to divide by: 3 / 0" in card(catalog.kpis(())["win_rate"], row, [], pl.DataFrame())
        True
    """
    known = value["status"] == OK
    lines = [
        _line("kpi-name", title(kpi, lang)),
        _line("kpi-value" if known else "kpi-value undefined", shown(kpi, value, value["value"], lang)),
        *(_change(kpi, row, value, lang) for row in changes if known),
        _spark(kpi, trend, lang, target),
        _notes(kpi, value, lang, target, note),
        *_badges(kpi, value, lang),
    ]
    return f'<div class="kpi-card" role="group" aria-label="{escape(title(kpi, lang))}">{"".join(lines)}</div>'


# ---- the parts of a card --------------------------------------------------------------------------------------------


def _line(css: str, text: str, more: str = "") -> str:
    return f'<div class="{css}"{more}>{escape(text)}</div>'


def _change(kpi: Kpi, row: Row, value: Row, lang: str) -> str:
    earlier = formats.period(row["start"], row["end"], lang)
    if row["status"] != OK:
        return _line("kpi-change neutral", say(f"status.{key_of(row['status'])}.compare", lang, period=earlier))
    words = formats.change(row["change"], row["points"], kpi.unit, lang) or say(
        "card.from_to", lang, **{end: shown(kpi, row, row[end], lang) for end in ("previous", "current")}
    )
    arrow = "→" if row["points"] == 0 else "↑" if row["points"] > 0 else "↓"
    judged = row["verdict"] or "neutral"
    words = say("card.chance", lang, change=words) if row["likely"] is False and row["points"] else words
    aged = row["within"] is not None and value.get("maturity") in YOUNG
    against = say("card.vs_age" if aged else "card.vs", lang, period=earlier, n=row["within"] or 0, days=row["within"])
    return (
        f'<div class="kpi-change {judged}" title="{escape(say(f"card.{judged}.help", lang))}">'
        f'<span aria-hidden="true">{arrow}</span> {escape(words)} <span {_QUIET}>{escape(against)}</span></div>'
    )


def _notes(kpi: Kpi, value: Row, lang: str, target: float | None, note: str | None) -> str:
    """The grey lines: what the value rests on; where there is none, what to do."""
    aim = "" if target is None else say("card.target", lang, target=shown(kpi, value, target, lang))
    largest = kpi.over is not None and kpi.figure is None and kpi.over not in value
    parts = [
        say("card.largest", lang, dimension=dimension(kpi.over or "", lang, inside=True)) if largest else "",
        _grounds(kpi, value, lang) if value["status"] == OK else status(value["status"], lang, "help"),
        aim,
    ]
    lines = (say("card.and", lang).join(filter(None, parts)), note or "")
    return "".join(_line("kpi-note", line) for line in lines if line)


def _grounds(kpi: Kpi, row: Row, lang: str) -> str:
    """Cases, and the interval where the value would say too much without it.

    That is below 30 cases, and wherever the interval is wider than half the value: then a difference of a quarter
    may be chance. A plain count is its own number of cases.
    """
    n, low, high = row.get("n"), row.get("low"), row.get("high")
    if n is None or (kpi.denominator is None and kpi.quantile is None and kpi.over is None):
        return ""
    few = n < _FEW or (low is not None and high - low > abs(row["value"]) / 2)
    ends = {"low": shown(kpi, row, low, lang), "high": shown(kpi, row, high, lang)} if few and low is not None else {}
    return say("card.n_interval" if ends else "card.n", lang, n=round(n), count=formats.decimal(round(n), lang), **ends)


def _badges(kpi: Kpi, row: Row, lang: str) -> list[str]:
    """Quiet words on what to know before using the value."""
    if row["status"] != OK:
        raw = _fraction(kpi, row, lang)
        reason = status(row["status"], lang)
        text = say("card.undefined", lang, reason=reason, fraction=raw) if raw else reason
        return [_badge(text, status(row["status"], lang, "help"))]
    found = []
    if row.get("maturity") in YOUNG:
        found.append(_badge(maturity(row["maturity"], lang), maturity(row["maturity"], lang, "help")))
    if 0 < (covered := row.get("covered") or 0) < 0.95:
        text = say("card.partial", lang, percent=formats.percent(covered, lang))
        found.append(_badge(text, say("card.partial.help", lang)))
    return found


def _badge(text: str, help: str) -> str:
    return _line("kpi-badge", text, f' title="{escape(help)}"')


def _fraction(kpi: Kpi, row: Row, lang: str) -> str:
    """The raw parts of a ratio, such as "3 / 0"; nothing where neither is known."""
    top, bottom = row.get("numerator"), row.get("denominator")
    if (top is None and bottom is None) or kpi.denominator is None:
        return ""
    money = row.get("currency") if kpi.unit == "money" else None
    upper = formats.value(top, "money" if money else "count", lang, money)
    return say("value.fraction", lang, numerator=upper, denominator=formats.value(bottom, "count", lang))


# ---- the sparkline --------------------------------------------------------------------------------------------------


def _spark(kpi: Kpi, trend: pl.DataFrame, lang: str, target: float | None) -> str:
    """The trend as a drawing. A mask lends its shape to the theme's colour, which a sanitizer lets pass."""
    buckets = points(trend)
    if not any(point["value"] is not None for point in buckets):
        return ""
    line = None if accumulates(kpi) else target
    mask = f"--kpi-spark:url(&quot;data:image/svg+xml,{quote(sparkline(buckets, line))}&quot;)"
    label = escape(finding(kpi, buckets, lang, target))
    return f'<div class="kpi-spark" role="img" aria-label="{label}" style="{mask}"></div>'


def accumulates(kpi: Kpi) -> bool:
    """Whether the value of a period is the sum of its buckets: then no bucket can be held against its target.

    Example:
        >>> from kpi import catalog
        >>> [accumulates(catalog.kpis(())[name]) for name in ("leads", "cpl", "mrr")]
        [True, False, False]
    """
    stocks = {item.id for item in MEASURES if item.rollup == "last"}
    whole = kpi.denominator is not None or kpi.derived or kpi.quantile is not None or kpi.over is not None
    return not whole and not stocks & {*kpi.inputs}


def sparkline(buckets: Sequence[Row], target: float | None = None) -> str:
    """A trend as SVG of one colour: immature and partial buckets dashed, missing ones gaps, the target a thin line.

    Args:
        buckets: In order of time, with `value` and, if known, `maturity` and `covered`.
        target: In the unit of the values.

    Returns:
        An `svg` element to be stretched to any width: strokes keep their width and dots stay round.
    """
    known = [bucket["value"] for bucket in buckets if bucket["value"] is not None]
    low, high = min([*known, *_given(target)]), max([*known, *_given(target)])
    step = (_WIDTH - 2 * _EDGE) / max(len(buckets) - 1, 1)

    def place(at: int) -> str:
        return f"{_EDGE + at * step if len(buckets) > 1 else _WIDTH / 2:.1f} {level(buckets[at]['value'])}"

    def level(value: float) -> str:
        share = (value - low) / (high - low) if high > low else 0.5
        return f"{_HEIGHT - _EDGE - share * (_HEIGHT - 2 * _EDGE):.1f}"

    solid: list[str] = []
    dashed: list[str] = []
    dots: list[str] = []
    filled = [at for at, bucket in enumerate(buckets) if bucket["value"] is not None]
    for at in filled:
        alone = at - 1 not in filled and at + 1 not in filled
        if alone:
            dots.append(f"M{place(at)}h0")
        if at - 1 in filled:
            (dashed if _unsettled(buckets[at]) else solid).append(f"M{place(at - 1)}L{place(at)}")
    shapes = [
        _stroke(f"M0 {level(target)}H{_WIDTH}", 1, 'opacity=".5"') if target is not None else "",
        _stroke("".join(solid), 2),
        _stroke("".join(dashed), 2, 'stroke-dasharray="2 4" opacity=".8"'),
        _stroke("".join(dots), 4),
        _stroke(f"M{place(filled[-1])}h0", 8, 'opacity=".6"' if _unsettled(buckets[filled[-1]]) else ""),
    ]
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none"'
    look = 'fill="none" stroke="#000" stroke-linecap="round" stroke-linejoin="round"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><g {look}>{"".join(shapes)}</g></svg>'


def _given(target: float | None) -> list[float]:
    return [] if target is None else [target]


def _unsettled(bucket: Row) -> bool:
    return bucket.get("maturity") in YOUNG or 0 < (bucket.get("covered") or 1) < 1


def _stroke(path: str, width: int, more: str = "") -> str:
    # NOTE: a zero-length line with round ends is a dot that stays round when the drawing is stretched.
    return f'<path d="{path}" stroke-width="{width}" vector-effect="non-scaling-stroke" {more}/>' if path else ""

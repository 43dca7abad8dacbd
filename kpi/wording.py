"""Wording: KPIs, statuses, segments and buckets named in the reader's language, and what a trend shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import polars as pl
from babel.dates import format_date, format_skeleton

from kpi import formats
from kpi.catalog import Kpi
from kpi.periods import Grain
from kpi.texts import has, kpi_text, name_of, say

Row = Mapping[str, Any]

YOUNG = ("immature", "too young")
"""Maturities whose value will still change."""


def title(kpi: Kpi, lang: str = "en") -> str:
    """Name with abbreviation; the id of a KPI without texts.

    Example:
        >>> from kpi import catalog
        >>> title(catalog.kpis(())["cpl"])
        'Cost per lead (CPL)'
    """
    short = abbreviation(kpi, lang)
    return say("card.title", lang, name=kpi_name(kpi, lang), abbr=short) if short else kpi_name(kpi, lang)


def kpi_name(kpi: Kpi, lang: str = "en") -> str:
    """The name of a KPI, or its id where it is the user's own."""
    return kpi_text(kpi.words, "name", lang) if _has_texts(kpi, lang) else kpi.id


def abbreviation(kpi: Kpi, lang: str = "en") -> str:
    """Its abbreviation, or nothing."""
    return kpi_text(kpi.words, "abbr", lang) if _has_texts(kpi, lang) else ""


def status(code: str, lang: str = "en", part: str = "") -> str:
    """A status of `evaluate` in words; `part` asks for `help`, what to do about it.

    Example:
        >>> status("no denominator")
        'Nothing to divide by'
    """
    return say(f"status.{key_of(code)}{part and '.'}{part}", lang)


def maturity(code: str, lang: str = "en", part: str = "") -> str:
    """A maturity of `evaluate` in words; `part` asks for `help`."""
    return say(f"maturity.{key_of(code)}{part and '.'}{part}", lang)


def segment(dim: str, code: str | None, lang: str = "en") -> str:
    """The name of a dimension's value; a null is not split by it.

    Example:
        >>> segment("channel", "paid_search"), segment("campaign", "unknown")
        ('Paid search', 'Unknown')
    """
    return say("unit.none", lang) if code is None else name_of(dim, str(code), lang)


def dimension(dim: str, lang: str = "en", inside: bool = False) -> str:
    """The name of a dimension, `inside` a sentence or on its own; a column of the user's is said as it is.

    Example:
        >>> dimension("landing_page"), dimension("landing_page", inside=True), dimension("my_column")
        ('Landing page', 'landing page', 'my column')
    """
    key = f"dimension.{dim}.inside" if inside else f"dimension.{dim}"
    return say(key, lang) if has(key, lang) else dim.replace("_", " ")


def grain_of(dates: Sequence[dt.date]) -> Grain:
    """How far apart buckets are; a single one on the first of a month is taken for that month.

    Example:
        >>> grain_of([dt.date(2025, 1, 1), dt.date(2025, 4, 1)])
        '1q'
    """
    days = sorted(set(dates))
    if len(days) < 2:
        return "1mo" if days and days[0].day == 1 else "1d"
    gap = min((later - earlier).days for earlier, later in pairwise(days))
    sizes: tuple[tuple[int, Grain], ...] = ((360, "1y"), (89, "1q"), (28, "1mo"), (7, "1w"))
    return next((grain for size, grain in sizes if gap >= size), "1d")


def bucket(day: dt.date, grain: Grain, lang: str = "en") -> str:
    """A bucket by its first day.

    Example:
        >>> [bucket(dt.date(2025, 4, 1), grain) for grain in ("1y", "1q", "1mo", "1w", "1d")]
        ['2025', 'Q2 2025', 'Apr 2025', 'Week of Apr 1, 2025', 'Apr 1, 2025']
    """
    if grain == "1y":
        return format_skeleton("y", day, locale=lang)
    if grain == "1q":
        return format_date(day, "QQQ y", locale=lang)
    if grain == "1mo":
        return format_skeleton("yMMM", day, locale=lang)
    date = formats.date(day, lang)
    return say("bucket.week", lang, date=date) if grain == "1w" else date


def key_of(code: str) -> str:
    """The code as it stands in keys of texts."""
    return code.replace(" ", "_")


def shown(kpi: Kpi, row: Row, number: float | None, lang: str = "en") -> str:
    """A number in the unit of a KPI, and in the currency of its row."""
    return formats.value(number, kpi.unit, lang, row.get("currency"))


def dims_of(result: pl.DataFrame) -> tuple[str, ...]:
    """The dimensions that a result is split by: the columns between its KPI and its figures."""
    names = [name for name in result.columns if name != "kpi"]
    first = next((at for at, name in enumerate(names) if name in ("date", "value", "against", "current")), 0)
    return tuple(names[:first])


def points(trend: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows of a trend in order of time; none of an empty frame."""
    return trend.sort("date").to_dicts() if trend.height else []


def finding(kpi: Kpi, buckets: Sequence[Row], lang: str = "en", target: float | None = None) -> str:
    """What a trend shows, in words: where it began and ended, its lowest and highest.

    Example:
        >>> from kpi import catalog
        >>> months = [dt.date(2025, 1, 1), dt.date(2025, 2, 1)]
        >>> buckets = [{"date": month, "value": value} for month, value in zip(months, [0.25, 0.5])]
        >>> finding(catalog.kpis(())["win_rate"], buckets)
        'Win rate: 25% in Jan 2025, 50% in Feb 2025; lowest 25% in Jan 2025, highest 50% in Feb 2025.'
    """
    grain = grain_of([point["date"] for point in buckets])
    known = [point for point in buckets if point["value"] is not None]
    name = kpi_name(kpi, lang)
    if not known:
        return say("shows.none", lang, name=name)

    def said(role: str, point: Row) -> dict[str, str]:
        return {role: shown(kpi, point, point["value"], lang), f"{role}_date": bucket(point["date"], grain, lang)}

    by_value = sorted(known, key=lambda point: point["value"])
    ends = {"first": known[0], "last": known[-1], "low": by_value[0], "high": by_value[-1]}
    parts = {gap: text for role, point in ends.items() for gap, text in said(role, point).items()}
    sentences = [say("shows.one" if len(known) == 1 else "shows.trend", lang, name=name, **parts)]
    young = sum(point.get("maturity") in YOUNG for point in known)
    if young:
        sentences.append(say("shows.immature", lang, n=young, count=formats.decimal(young, lang)))
    if target is not None:
        sentences.append(say("shows.target", lang, target=shown(kpi, known[-1], target, lang)))
    return " ".join(sentences)


def _has_texts(kpi: Kpi, lang: str) -> bool:
    return has(f"kpi.{kpi.words[0]}.name", lang)

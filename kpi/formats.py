"""Numbers, money, dates and durations as the reader's language writes them; the format follows from the unit."""

from __future__ import annotations

import datetime as dt
import math

from babel import Locale
from babel.dates import format_date, format_interval
from babel.numbers import format_compact_currency, format_currency, format_decimal, format_percent

from kpi.texts import say

_NONE = "unit.none"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def value(number: float | None, unit: str, lang: str = "en", currency: str | None = None) -> str:
    """A KPI's value with its unit; an em dash where there is none.

    Args:
        number: In the KPI's own unit: rates 0..1, durations in seconds or days.
        unit: One of `kpi.catalog.Unit`.
        lang: Language code.
        currency: ISO code, for money.

    Example:
        >>> value(0.0494781, "rate"), value(10200, "seconds"), value(117.611, "money", currency="EUR")
        ('4.9%', '2 h 50 min', '€117.61')
    """
    if number is None or not math.isfinite(number):
        return say(_NONE, lang)
    if unit == "rate":
        return percent(number, lang)
    if unit == "count":
        return decimal(round(number), lang)
    if unit == "money":
        return money(number, lang, currency)
    if unit == "seconds":
        return duration(number, lang)
    if unit == "money_per_day":
        return say("value.money_per_day", lang, money=money(number, lang, currency))
    if unit == "per_thousand":
        per = money(1000, lang, currency)
        return say("value.per_thousand", lang, number=decimal(number, lang), money=per)
    return say(f"value.{unit}", lang, number=decimal(number, lang))


def decimal(number: float, lang: str = "en") -> str:
    """A plain number, with decimals only where they still say something.

    Example:
        >>> decimal(1234.5678), decimal(12.345), decimal(0.135152)
        ('1,235', '12.3', '0.14')
    """
    size = abs(number)
    digits = 0 if size >= 100 or float(number).is_integer() else 1 if size >= 10 else 2
    return format_decimal(round(number, digits), format=_pattern(digits), locale=lang)


def percent(share: float, lang: str = "en") -> str:
    """A share of 1 as a percentage: one decimal below 10 %, two below 1 %.

    Example:
        >>> percent(0.4567), percent(0.04567), percent(0.004567)
        ('46%', '4.6%', '0.46%')
    """
    size = abs(share)
    digits = 0 if size >= 0.1 or size == 0 else 1 if size >= 0.01 else 2
    return format_percent(share, format="#,##0" + ("." + "0" * digits if digits else "") + "%", locale=lang)


def money(amount: float, lang: str = "en", currency: str | None = None) -> str:
    """An amount with its currency; whole units from 1,000, compact from a million.

    Example:
        >>> money(4797338.4, currency="EUR"), money(5959.43, currency="EUR"), money(25, currency="EUR")
        ('€4.8M', '€5,959', '€25')
    """
    code = currency or "XXX"
    size = abs(amount)
    if size >= 1_000_000:
        return format_compact_currency(amount, code, locale=lang, fraction_digits=2 if size < 3_000_000 else 1)
    whole = size >= 1000 or float(amount).is_integer()
    return format_currency(
        round(amount, 0 if whole else 2),
        code,
        locale=lang,
        currency_digits=not whole,
        format=None if not whole else _whole(lang),
    )


def duration(seconds: float, lang: str = "en") -> str:
    """Seconds as seconds, minutes, hours or days, in the two largest units.

    Example:
        >>> duration(43), duration(95), duration(10200), duration(180000)
        ('43 s', '1 min 35 s', '2 h 50 min', '2 d 2 h')
    """
    total = round(seconds)
    if total < _MINUTE:
        return say("value.seconds", lang, number=decimal(total, lang))
    if total < 10 * _MINUTE and total % _MINUTE:
        return say("value.minutes_seconds", lang, minutes=total // _MINUTE, seconds=total % _MINUTE)
    if total < _HOUR:
        return say("value.minutes", lang, number=decimal(total // _MINUTE, lang))
    if total < 2 * _DAY:
        return say("value.hours_minutes", lang, hours=total // _HOUR, minutes=total % _HOUR // _MINUTE)
    return say("value.days_hours", lang, days=total // _DAY, hours=total % _DAY // _HOUR)


def change(relative: float | None, points: float | None, unit: str, lang: str = "en") -> str:
    """A change in words: percent for amounts, percentage points for rates.

    Example:
        >>> change(0.12, 3.0, "money"), change(-0.4, -0.031, "rate")
        ('12% more', '3.1 points lower')
    """
    if points is None:
        return ""
    if points == 0:
        return say("change.same", lang)
    if unit == "rate":
        return say("change.higher" if points > 0 else "change.lower", lang, points=decimal(abs(points) * 100, lang))
    if relative is None:
        return ""
    words = ("longer", "shorter") if unit in ("seconds", "days", "months") else ("more", "less")
    return say(f"change.{words[0] if relative > 0 else words[1]}", lang, percent=percent(abs(relative), lang))


def date(day: dt.date, lang: str = "en", style: str = "medium") -> str:
    """A day as the language writes it.

    Example:
        >>> date(dt.date(2026, 10, 31))
        'Oct 31, 2026'
    """
    return format_date(day, format=style, locale=lang)


def period(start: dt.date, end: dt.date, lang: str = "en") -> str:
    """A run of days, both included; whole months by their names.

    Example:
        >>> period(dt.date(2026, 8, 1), dt.date(2026, 10, 31)), period(dt.date(2026, 8, 3), dt.date(2026, 8, 9))
        ('Aug – Oct 2026', 'Aug 3 – 9, 2026')
    """
    whole = start.day == 1 and (end + dt.timedelta(1)).day == 1
    return str(format_interval(start, end, skeleton="yMMM" if whole else "yMMMd", locale=lang)).replace("\u2009", " ")


def _pattern(digits: int) -> str:
    return "#,##0" + ("." + "#" * digits if digits else "")


def _whole(lang: str) -> str:
    return str(Locale.parse(lang).currency_formats["standard"].pattern).replace(".00", "")

"""Every word that a user reads, by key and language: gettext catalogues in `texts/<lang>/*.po`."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Any

from babel import Locale
from babel.messages.pofile import read_po

_FOLDER = Path(__file__).parent
LANGUAGES = tuple(sorted(folder.name for folder in _FOLDER.iterdir() if any(folder.glob("*.po"))))
_ISOLATE, _POP = "\u2068", "\u2069"


def say(key: str, lang: str = "en", **values: object) -> str:
    """The sentence of a key, its gaps filled.

    Args:
        key: Such as `kpi.cpl.name`.
        lang: Language code; a key that it lacks is said in English.
        **values: For the named gaps. `n` chooses the plural form where the key has several. In right-to-left
            languages each value is isolated, so that the sentence keeps its order.

    Raises:
        KeyError: If no language has the key.

    Example:
        >>> say("kpi.cpl.abbr")
        'CPL'
    """
    found, plural = _find(key, lang)
    message: str = found[plural(_number(values.get("n", 1)))] if isinstance(found, tuple) else found
    return message.format(**{name: _isolated(value, lang) for name, value in values.items()}) if values else message


def has(key: str, lang: str = "en") -> bool:
    """Whether a key can be said in the language, or in English."""
    return key in _catalogue(lang)[0] or key in _catalogue("en")[0]


def keys(lang: str) -> frozenset[str]:
    """All keys of a language."""
    return frozenset(_catalogue(lang)[0])


def right_to_left(lang: str) -> bool:
    """Whether the language is written from right to left."""
    return Locale.parse(lang).text_direction == "rtl"


def name_of(kind: str, code: str, lang: str = "en") -> str:
    """The name of a code, such as channel `paid_search`; a value from the user's data is said as it is.

    Example:
        >>> name_of("channel", "Google Ads")
        'Google Ads'
    """
    key = f"{kind}.{code}"
    if has(key, lang):
        return say(key, lang)
    return say("value.unknown", lang) if code == "unknown" else code


def kpi_text(text: tuple[str, tuple[tuple[str, str], ...]], part: str, lang: str = "en") -> str:
    """A text of a KPI: its name, abbreviation, meaning, importance, formula, source and so on.

    Args:
        text: The key of its texts, and the stages that fill their gaps.
        part: `name`, `abbr`, `meaning`, `why`, `formula`, `measure`, `export`, `improve`, `pitfalls` or `source`.
        lang: Language code.

    Returns:
        The text; an empty string for an abbreviation that does not exist.

    Example:
        >>> kpi_text(("cpl", ()), "name")
        'Cost per lead'
    """
    key, gaps = f"kpi.{text[0]}.{part}", dict(text[1])
    if part == "abbr" and not has(key, lang):
        return ""
    return say(key, lang, **{gap: name_of("stage", stage, lang) for gap, stage in gaps.items()})


def measure_text(measure: str, lang: str = "en") -> str:
    """What a measure counts, as it stands in a sentence; the stages' own measures too.

    Example:
        >>> measure_text("leads")
        'valid leads'
    """
    if has(f"measure.{measure}", lang):
        return say(f"measure.{measure}", lang)
    for key, middle in (("then", "_then_"), ("stage_spread", "_spread_")):
        here, found, there = measure.partition(middle)
        if found:
            return say(f"measure.{key}", lang, here=name_of("stage", here, lang), there=name_of("stage", there, lang))
    if measure.startswith("entered_"):
        return say("measure.entered", lang, here=name_of("stage", measure.removeprefix("entered_"), lang))
    return measure.replace("_", " ")


def _number(given: object) -> int:
    """The whole number in a formatted one, whatever its digits and separators."""
    return int(re.sub(r"\D", "", str(given)) or 0)


def _isolated(value: object, lang: str) -> object:
    return f"{_ISOLATE}{value}{_POP}" if right_to_left(lang) else value


def _find(key: str, lang: str) -> tuple[Any, Callable[[int], int]]:
    for language in (lang, "en"):
        messages, plural = _catalogue(language)
        if key in messages:
            return messages[key], plural
    raise KeyError(f"no text for {key!r} in {lang!r} or 'en'; add it to kpi/texts/en/")


@cache
def _catalogue(lang: str) -> tuple[dict[str, Any], Callable[[int], int]]:
    messages: dict[str, Any] = {}
    plural = "(n != 1)"
    for path in sorted((_FOLDER / lang).glob("*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=lang)
        plural = catalogue.plural_expr
        for message in catalogue:
            if message.id:
                key = message.id if isinstance(message.id, str) else message.id[0]
                messages[key] = message.string
    return messages, c2py(plural)

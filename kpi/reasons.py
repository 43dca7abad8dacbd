"""Reasons, gaps and findings as sentences, from their codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kpi.formats import decimal
from kpi.tables import Issue
from kpi.texts import has, kpi_text, name_of, say


def reason(rule: str, values: Mapping[str, Any], lang: str = "en", kind: str = "reason") -> str:
    """Why a KPI is shown, or with `kind="excluded"` why it is not.

    Args:
        rule: A rule of `kpi.profiles`.
        values: The answers it speaks of, axis → code; null ones are none of its business.
        lang: Language code.
        kind: `reason` or `excluded`.

    Example:
        >>> reason("goal", {"goal": "quality", "channel": None})
        'Serves your goal: Better leads.'
    """
    named = {axis: _answer(axis, code, lang) for axis, code in values.items() if code is not None}
    return say(f"{kind}.{rule}", lang, **named)


def requirement(what: str, lang: str = "en") -> str:
    """What the data lacks, in words: a table, a column of one, or an assumption.

    Example:
        >>> requirement("spend"), requirement("leads.mql_at")
        ('a file with spend (`spend`)', 'the column `mql_at` in your leads file')
    """
    table, _, column = what.partition(".")
    if table == "assumptions":
        return say("need.assumption", lang, name=say(f"assumption.{column}", lang))
    if column:
        return say("need.column", lang, column=column, table=name_of("table", table, lang))
    return say("need.table", lang, table=name_of("table", table, lang), name=table)


def found(issue: Issue, lang: str = "en") -> str:
    """What reading or checking found, how often, and what was done about it.

    Example:
        >>> found(Issue("not a number", "spend", "cost", 3, "left empty", ("n/a",)))
        'spend.cost: 3 values are not a number; they were left empty (n/a).'
    """
    key = f"finding.{issue.check.replace(' ', '_')}"
    return say(
        key if has(key, lang) else "finding.other",
        lang,
        n=decimal(issue.rows, lang),
        table=issue.table,
        column=issue.column,
        sample=", ".join(issue.sample) or "—",
        check=issue.check,
    )


def _answer(axis: str, code: str, lang: str) -> str:
    if axis == "instead":
        return kpi_text((code, ()), "name", lang)
    if axis in ("channel", "archetype"):
        return name_of(axis, code, lang)
    return say(f"profile.{axis}.{code}", lang)

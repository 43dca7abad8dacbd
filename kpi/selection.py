"""Selection: the points of the grid, added up, → the few KPIs that matter to a business, each with its reason as data.

The rules stand in `kpi.grid`; this module leaves out what a business cannot mean or what would say the same thing
twice, and shows 6 to 9. Reasons are codes, so that any language can say them (`texts/*/reasons.po`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import polars as pl

from kpi.grid import (
    ARCHETYPES,
    AXES,
    CANON,
    CHANNELS,
    CHOICES,
    EXCLUSIONS,
    GOALS,
    HEADLINES,
    HEARD,
    SAME_EVIDENCE,
    Archetype,
    Exclusion,
)
from kpi.profiles import Profile

CORE, GOAL, OTHER = 3, 2, 1
FEWEST, MOST = 6, 9
# A card needs as many points as the archetype alone gives. The last three seats are kept for what no card before
# them speaks of: the goal's headline, the channels of `grid.HEARD`, a second KPI of the goal. By score alone, a full
# archetype (nine KPIs of 3 points) would be deaf to both.
NATURAL, KEPT = CORE, 3

RULES = ("core", "nearest", "goal", "channel", "motion", "segment", "presence", "product", "pricing")
UNSHOWN = ("same_evidence", "outranked", "uncalled")  # what leaves a KPI out beside the rows of grid.EXCLUSIONS


@dataclass(frozen=True)
class Reason:
    """Why a KPI is shown or left out: a rule, and the answers it speaks of (axis → code)."""

    rule: str
    values: Mapping[str, str]


# -------------------------------------------------------------------------------------------------- what matters

_NAMED = (*CHOICES, "archetype", "channel", "instead")
_VALUES = pl.Struct(dict.fromkeys(_NAMED, pl.String))


def rank(profile: Profile, offered: Collection[str]) -> pl.DataFrame:
    """The KPIs that are relevant to a business, the most relevant first, each with its reasons.

    Points: 3 from the archetype, 2 from the goal, 1 from the channels, 1 from each further axis; ties in the
    archetype's order, then the canon's. Shown are those with 3 points or more, at least 6 and at most 9, one per
    piece of evidence; the last three seats go to the goal and to chat, organic, e-mail and social when no KPI before
    them speaks of these.

    Args:
        profile: The business.
        offered: Ids of the KPIs whose analysis exists; others are left out. Fewer than 6 are shown only if so few of
            these are relevant.

    Returns:
        kpi, rank (from 1, the shown first), score, shown, rule and values (the main reason), reasons (a list of rule
        and values, the main one first). `values` has a field for every axis, `archetype`, `channel` and `instead`;
        null where the rule does not speak of it.

    Example:
        >>> profile = Profile("b2b", "subscription", ("paid_search", "chat"), goal="quality")
        >>> rank(profile, ["sql", "cpql", "mrr", "chat_to_lead"]).select("kpi", "score", "rule").rows()
        [('sql', 6, 'core'), ('cpql', 5, 'core'), ('chat_to_lead', 3, 'goal')]
    """
    order, scores, shown = _ranking(_answers(profile), profile.channels, frozenset(offered))
    kpis = [*shown, *(kpi for kpi in order if kpi not in shown)]
    why = [reasons(profile, kpi) for kpi in kpis]
    return pl.DataFrame(
        {
            "kpi": kpis,
            "rank": range(1, len(kpis) + 1),
            "score": [scores[kpi] for kpi in kpis],
            "shown": [kpi in shown for kpi in kpis],
            "rule": [first.rule for first, *_ in why],
            "values": [first.values for first, *_ in why],
            "reasons": [[{"rule": reason.rule, "values": reason.values} for reason in each] for each in why],
        },
        schema={
            "kpi": pl.String,
            "rank": pl.Int64,
            "score": pl.Int64,
            "shown": pl.Boolean,
            "rule": pl.String,
            "values": _VALUES,
            "reasons": pl.List(pl.Struct({"rule": pl.String, "values": _VALUES})),
        },
    )


def reasons(profile: Profile, kpi: str) -> tuple[Reason, ...]:
    """Every rule of the grid that speaks for a KPI, the weightiest first; empty if none does.

    Example:
        >>> [reason.rule for reason in reasons(Profile("b2b", "subscription", ("paid_search",)), "cpl")]
        ['channel']
    """
    answers = _answers(profile)
    archetype, is_near = _archetype(answers)
    found = []
    if kpi in archetype.kpis and is_near:
        combination = {axis: getattr(answers, axis) for axis in ("business", "pricing", "motion")}
        found.append(Reason("nearest", {"archetype": archetype.name, **combination}))
    elif kpi in archetype.kpis:
        found.append(Reason("core", {"archetype": archetype.name}))
    if kpi in GOALS[answers.goal]:
        found.append(Reason("goal", {"goal": answers.goal}))
    found += [Reason("channel", {"channel": channel}) for channel in profile.channels if kpi in CHANNELS[channel]]
    found += [
        Reason(axis, {axis: value}) for axis, value in answers._asdict().items() if kpi in AXES.get((axis, value), ())
    ]
    return tuple(found)


def excluded(profile: Profile, offered: Collection[str]) -> pl.DataFrame:
    """Every offered KPI that is not shown, with the reason: the list "why not these".

    Rules: one of `grid.EXCLUSIONS`, which no score overcomes; `same_evidence` (the KPI `instead` already says it);
    `outranked` (relevant, but others are more so); `uncalled` (nothing in the profile asks for it).

    Returns:
        kpi, rule, values, in this order of rules.

    Example:
        >>> profile = Profile("b2c", "one_off", ("email",))
        >>> excluded(profile, ["aov", "mrr", "spend"]).select("kpi", "rule").rows()
        [('mrr', 'not_recurring'), ('spend', 'uncalled')]
    """
    answers = _answers(profile)
    order, _, shown = _ranking(answers, profile.channels, frozenset(offered))
    rows = [(kpi, *_why_not(kpi, answers, profile.channels, order, shown)) for kpi in offered if kpi not in shown]
    rules = [*(row.rule for row in EXCLUSIONS), *UNSHOWN]
    place = {kpi: number for number, kpi in enumerate((*order, *CANON))}
    rows.sort(key=lambda row: (rules.index(row[1]), place.get(row[0], len(place)), row[0]))
    return pl.DataFrame(rows, schema={"kpi": pl.String, "rule": pl.String, "values": _VALUES}, orient="row")


def unlock(ranked: pl.DataFrame, needs: Mapping[str, Collection[str]]) -> pl.DataFrame:
    """What one more table or column would make computable, the most useful first.

    Args:
        ranked: What `rank` gave, or the rows of it that count.
        needs: KPI → what it misses, such as "spend" or "leads.mql_at"; nothing for a KPI that can be computed.

    Returns:
        what, unlocks (KPIs that miss nothing else), contributes (all KPIs that miss it), kpis (these, by rank, the
        unlocked first); the most unlocked first, then the most contributed to, then the best rank.

    Example:
        >>> ranked = pl.DataFrame({"kpi": ["sql", "cpql", "cac"], "rank": [1, 2, 3]})
        >>> needs = {"sql": ["leads.sql_at"], "cpql": ["spend", "leads.sql_at"], "cac": ["spend", "leads.won_at"]}
        >>> unlock(ranked, needs).select("what", "unlocks", "contributes").rows()
        [('leads.sql_at', 1, 2), ('spend', 0, 2), ('leads.won_at', 0, 1)]
    """
    missing = pl.DataFrame(
        [(kpi, sorted(set(each))) for kpi, each in needs.items()],
        schema={"kpi": pl.String, "what": pl.List(pl.String)},
        orient="row",
    )
    return (
        ranked.join(missing, on="kpi")
        .filter(pl.col("what").list.len() > 0)
        .with_columns(alone=pl.col("what").list.len() == 1)
        .explode("what")
        .sort("alone", "rank", descending=[True, False])
        .group_by("what")
        .agg(
            unlocks=pl.col("alone").sum().cast(pl.Int64),
            contributes=pl.len().cast(pl.Int64),
            kpis=pl.col("kpi"),
            best=pl.col("rank").min(),
        )
        .sort("unlocks", "contributes", "best", "what", descending=[True, True, False, False])
        .drop("best")
    )


# --------------------------------------------------------------------------------------------- the points, added


class _Answers(NamedTuple):
    business: str
    pricing: str
    goal: str
    segment: str
    motion: str
    presence: str
    product: str


def _answers(profile: Profile) -> _Answers:
    return _Answers(*(getattr(profile, axis) for axis in _Answers._fields))


def _ranking(
    answers: _Answers, channels: tuple[str, ...], offered: frozenset[str]
) -> tuple[list[str], dict[str, int], list[str]]:
    """The relevant KPIs in order, their scores, and those shown: everything else here only words it."""
    points, ties = _points(answers)
    called = _called(channels)
    scores = {kpi: points.get(kpi, 0) + (kpi in called) for kpi in (points.keys() | called) & offered}
    for kpi in _banned(answers, channels).intersection(scores):
        del scores[kpi]
    order = sorted(scores, key=lambda kpi: (-scores[kpi], ties.get(kpi, _LAST), kpi))
    apart = _without_rivals(order, _archetype(answers)[0].kpis)
    return order, scores, _seated(apart, scores, _claims(answers.goal, channels))


def _without_rivals(order: list[str], core: Collection[str]) -> list[str]:
    """The order with each piece of evidence once: the archetype's own word for it, else the better placed."""
    dropped: set[str] = set()
    for kpi in sorted(order, key=lambda kpi: kpi not in core):
        if kpi not in dropped:
            dropped |= _RIVALS.get(kpi, frozenset())
    return [kpi for kpi in order if kpi not in dropped]


def _seated(order: list[str], scores: Mapping[str, int], claims: Iterable[tuple[tuple[str, ...], int]]) -> list[str]:
    """The shown KPIs, in order: by score, but the last seats speak of what the seats before them left unsaid."""
    place = {kpi: number for number, kpi in enumerate(order)}
    natural = order[: min(max(sum(scores[kpi] >= NATURAL for kpi in order), FEWEST), MOST)]
    shown = natural[: MOST - KEPT]
    for claim, wanted in claims:
        heard = sum(kpi in shown for kpi in claim)
        unsaid = [kpi for kpi in claim if kpi in place and kpi not in shown]
        if heard < wanted and unsaid and len(shown) < MOST:
            shown.append(max(unsaid, key=scores.__getitem__))
    shown += [kpi for kpi in natural if kpi not in shown][: MOST - len(shown)]
    return sorted(shown, key=place.__getitem__)


def _why_not(
    kpi: str, answers: _Answers, channels: tuple[str, ...], order: list[str], shown: list[str]
) -> tuple[str, dict[str, str]]:
    for row in EXCLUSIONS:
        if kpi in row.kpis and _holds(row, answers) and row.without.isdisjoint(channels):
            return row.rule, {axis: getattr(answers, axis) for axis in row.when}
    if kpi not in order:
        return "uncalled", {}
    rival = next((other for other in shown if other in _RIVALS.get(kpi, ())), None)
    return ("same_evidence", {"instead": rival}) if rival else ("outranked", {})


# -------------------------------------------------------------------------- parts of the grid, looked up only once

_NUMBER = {kpi: number for number, kpi in enumerate(CANON)}
_LAST = (len(CANON), len(CANON))
"""The place of a KPI that the canon has no number for: after all others."""
_RIVALS = {kpi: frozenset(group) - {kpi} for group in SAME_EVIDENCE for kpi in group}


@lru_cache(maxsize=1024)
def _archetype(answers: _Answers) -> tuple[Archetype, bool]:
    """The scorecard of a business, and whether it is only the nearest one."""
    said = answers._asdict().items()
    for is_near in (False, True):
        for archetype in ARCHETYPES:
            if any(each.items() <= said for each in (archetype.near if is_near else archetype.when)):
                return archetype, is_near
    raise LookupError(f"the grid has no archetype near {answers}; add a row to grid.ARCHETYPES")


@lru_cache(maxsize=1024)
def _points(answers: _Answers) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    """The points of each KPI but for the channels, and the place of every KPI among equals."""
    archetype, _ = _archetype(answers)
    points = dict.fromkeys(archetype.kpis, CORE)
    for kpi in GOALS[answers.goal]:
        points[kpi] = points.get(kpi, 0) + GOAL
    for answer in answers._asdict().items():
        for kpi in AXES.get(answer, ()):
            points[kpi] = points.get(kpi, 0) + OTHER
    own = {kpi: place for place, kpi in enumerate(archetype.kpis)}
    return points, {kpi: (own.get(kpi, len(own)), number) for kpi, number in _NUMBER.items()}


@lru_cache(maxsize=1024)
def _called(channels: tuple[str, ...]) -> frozenset[str]:
    return frozenset(kpi for channel in channels for kpi in CHANNELS[channel])


@lru_cache(maxsize=1024)
def _claims(goal: str, channels: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], int], ...]:
    """What a scorecard must speak of, the most urgent first, and how many KPIs of it."""
    own = ((CHANNELS[channel], 1) for channel in HEARD if channel in channels)
    return (HEADLINES[goal], 1), (GOALS[goal], 1), *own, (GOALS[goal], 2)


@lru_cache(maxsize=1024)
def _standing(answers: _Answers) -> tuple[frozenset[str], tuple[Exclusion, ...]]:
    """KPIs that the answers alone exclude, and the rows that wait for a channel."""
    rows = [row for row in EXCLUSIONS if _holds(row, answers)]
    firm = frozenset(kpi for row in rows if not row.without for kpi in row.kpis)
    return firm, tuple(row for row in rows if row.without)


def _banned(answers: _Answers, channels: tuple[str, ...]) -> frozenset[str]:
    firm, waiting = _standing(answers)
    return firm.union(*(row.kpis for row in waiting if row.without.isdisjoint(channels)))


def _holds(row: Exclusion, answers: _Answers) -> bool:
    return all(getattr(answers, axis) in values for axis, values in row.when.items())


# ---------------------------------------------------------------------------------------------- the answers

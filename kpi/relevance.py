"""Relevance: which KPIs matter to a business, with the reason, and which of them its data can answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from kpi import catalog, selection
from kpi.answering import lacks
from kpi.profiles import Profile
from kpi.tables import Dataset

MEANWHILE = 6
BASICS = (
    "leads",
    "cpl",
    "lead_source_mix",
    "spend",
    "lead_to_customer",
    "revenue",
    "aov",
    "mrr",
    "sessions",
    "invalid_rate",
)
"""What almost any business may look at, where its data answers little else."""


def relevant(profile: Profile | Mapping[str, Any], data: Dataset | None = None) -> pl.DataFrame:
    """The KPIs that matter to a business, in order; relevance and computability are two things.

    Args:
        profile: The answers about the business; those that came with data are in `data.profile`.
        data: To say which of them it can answer; None: none of them is asked.

    Returns:
        One row per relevant KPI: `kpi`, `rank`, `score`, `shown` (true for the 6 to 9 of the scorecard), `rule` and
        `values` (the main reason, as data), `reasons` (all of them), `answerable`, and `missing` (what the data lacks,
        as `table`, `table.column` or `assumptions.name`).

    Example:
        >>> profile = Profile(business="b2b", pricing="subscription", channels=("paid_search", "chat"), goal="quality")
        >>> relevant(profile).filter("shown").height
        9
    """
    profile = profile if isinstance(profile, Profile) else Profile.from_dict(profile)
    ranked = selection.rank(profile, offered())
    return ranked.with_columns(
        pl.Series("missing", [_missing(data, name) for name in ranked["kpi"]], dtype=pl.List(pl.String))
    ).select(
        "kpi", "rank", "score", "shown", (pl.col("missing").list.len() == 0).alias("answerable"), "missing", "rule",
        "values", "reasons",
    )  # fmt: skip


def meanwhile(profile: Profile, data: Dataset, most: int = MEANWHILE) -> list[str]:
    """KPIs beside the scorecard that the data answers today, the most relevant first.

    For data that cannot answer the scorecard yet: a marketer with a leads file alone still sees something true.
    """
    ranked = relevant(profile, data)
    beside = ranked.filter(~pl.col("shown"), "answerable")["kpi"].to_list()
    barred = {*why_not(profile)["kpi"], *ranked.filter("shown")["kpi"]}
    others = [name for name in BASICS if name not in barred and not _missing(data, name)]
    return list(dict.fromkeys([*beside, *others]))[:most]


def why_not(profile: Profile) -> pl.DataFrame:
    """The KPIs that this business should not look at: `kpi`, and the hard exclusion as `rule` and `values`.

    Example:
        >>> why_not(Profile("b2b", "subscription", ("paid_search",))).select("kpi", "rule").row(0)
        ('aov', 'renews_by_itself')
    """
    return selection.excluded(profile, offered()).filter(~pl.col("rule").is_in(selection.UNSHOWN))


def unlock(profile: Profile, data: Dataset) -> pl.DataFrame:
    """What one more table, column or assumption would unlock, the most relevant KPIs first.

    Args:
        profile: The answers about the business.
        data: What there is already.

    Returns:
        `what` (such as `spend` or `leads.mql_at`), `unlocks` (KPIs that lack nothing else), `contributes`, `kpis`.

    Example:
        >>> import datetime as dt, kpi
        >>> leads = pl.DataFrame({"lead_id": ["a"], "created_at": [dt.date(2025, 1, 3)]})
        >>> profile = Profile("b2b", "subscription", ("paid_search",))
        >>> unlock(profile, kpi.read({"leads": leads}))["what"].head(2).to_list()
        ['leads.mql_at', 'leads.sql_at']
    """
    ranked = relevant(profile, data)
    needs = {name: missing for name, missing in ranked.filter("shown").select("kpi", "missing").rows() if missing}
    return selection.unlock(ranked.filter("shown"), needs)


def offered() -> tuple[str, ...]:
    """The KPIs that exist: one whose analysis is still to come is never shown as an empty card."""
    return tuple(item.id for item in catalog.KPIS)


def _missing(data: Dataset | None, name: str) -> list[str]:
    if data is None:
        return []
    return sorted(lacks(data, catalog.find(name, catalog.kpis(data.assumptions.stages))))

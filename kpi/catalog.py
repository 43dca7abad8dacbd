"""The catalogue: every measure and every KPI, one line each. It reads like a table; behaviour stands elsewhere."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Literal

import polars as pl
from polars import col

from kpi.assumptions import Scope

Unit = Literal[
    "count",
    "money",
    "rate",
    "ratio",
    "days",
    "seconds",
    "months",
    "points",
    "per_year",
    "money_per_day",
    "per_thousand",
]
Better = Literal["higher", "lower"]
Kind = Literal["rows", "count", "total", "distinct", "distribution"]
Rollup = Literal["sum", "last", "distribution", "distinct"]
Section = Literal["traffic", "volume", "quality", "conversion", "cost", "revenue", "value", "chat", "email_social"]
Window = Literal["90d", "12mo"]


@dataclass(frozen=True)
class Where:
    """Rows whose column holds one of the values."""

    column: str
    values: tuple[str | bool | int, ...] = (True,)

    def __post_init__(self) -> None:
        if not isinstance(self.values, tuple):  # one value stands for itself
            object.__setattr__(
                self, "values", (self.values,) if isinstance(self.values, str | int) else tuple(self.values)
            )


@dataclass(frozen=True)
class Aggregation:
    """What is done with the rows: a kind, a column, a filter. No free expression, so any engine can run it.

    Attributes:
        kind: `rows` counts rows, `count` the non-null values, `total` adds up, `distinct` counts different
            values, `distribution` counts rows per value.
        column: The column it reads; None for `rows`.
        where: Conditions that a row must meet, all of them.
        money: Whether the total is money, which stays split by currency.
        cases: Whether a total counts cases (sessions, clicks), so that it has a sample size as counted rows have.
        step: For a distribution, how fine its values are kept: `days`, or `response` (1 s up to 10 min,
            1 min up to a day, 1 h above).
    """

    kind: Kind
    column: str | None = None
    where: tuple[Where, ...] = ()
    money: bool = False
    cases: bool = False
    step: Literal["days", "response"] | None = None


def rows(*where: str | Where) -> Aggregation:
    """Rows that meet the conditions; a name stands for a flag that is true."""
    return Aggregation("rows", None, _conditions(where))


def count(column: str, *where: str | Where) -> Aggregation:
    """Rows where the column is known."""
    return Aggregation("count", column, _conditions(where))


def total(column: str, *where: str | Where) -> Aggregation:
    """Sum of a column."""
    return Aggregation("total", column, _conditions(where))


def cases(column: str, *where: str | Where) -> Aggregation:
    """Sum of a column that counts cases."""
    return Aggregation("total", column, _conditions(where), cases=True)


def money(column: str, *where: str | Where) -> Aggregation:
    """Sum of a column of money, kept apart by currency."""
    return Aggregation("total", column, _conditions(where), money=True)


def distinct(column: str, *where: str | Where) -> Aggregation:
    """How many different values a column holds."""
    return Aggregation("distinct", column, _conditions(where))


def spread(column: str, step: Literal["days", "response"], *where: str | Where) -> Aggregation:
    """How many rows hold each value of a duration in seconds, at the resolution of `step`."""
    return Aggregation("distribution", column, _conditions(where), step=step)


def _conditions(where: Sequence[str | Where]) -> tuple[Where, ...]:
    return tuple(Where(item) if isinstance(item, str) else item for item in where)


@dataclass(frozen=True)
class Measure:
    """An aggregate of the rows of one prepared table, placed in time.

    Attributes:
        id: Its name.
        table: The prepared table it reads.
        agg: What is done with the rows.
        at: The date that places a row. Empty for a stock.
        since, until: For a stock, the rows open at the end of a day: `since` on or before it, `until` after it
            or unknown.
        moment: For a stock, whether it is taken at the end of the period, before its start, or is what was there
            at the start and no longer at the end.
        absent: What a segment without rows has: 0, or None for unknown.
        ripens: For a cohort measure, the later date that makes a row count (a lead of March won in May).
        base: For a cohort measure, the measure of everything that may still ripen.
        like: A cohort measure of money ripens as this counted one does.
    """

    id: str
    table: str
    agg: Aggregation
    at: str = ""
    since: str = ""
    until: str = ""
    moment: Literal["end", "start", "lost"] = "end"
    absent: int | None = 0
    ripens: str = ""
    base: str = ""
    like: str = ""

    @property
    def rollup(self) -> Rollup:
        """How it adds up: over days, as the last day's stock, as a distribution, or not at all."""
        if self.agg.kind == "distinct":
            return "distinct"
        if self.agg.kind == "distribution":
            return "distribution"
        return "last" if self.since else "sum"

    @property
    def columns(self) -> frozenset[str]:
        """The prepared columns it reads."""
        named = (self.agg.column, self.at, self.since, self.until, self.ripens, *(w.column for w in self.agg.where))
        return frozenset(name for name in named if name)


@dataclass(frozen=True, eq=False)
class Kpi:
    """A figure made of measures: a count, a ratio, a share, a quantile, or derived from other KPIs.

    Attributes:
        id: Its name; the key of its texts.
        numerator: A Polars expression over measures, or for a derived KPI over KPIs and assumptions.
        denominator: Likewise; None for a count or a derived KPI. Divided last.
        unit: What the value is; decides format and interval.
        better: Which direction is good; None where it depends.
        section: Where it belongs.
        scope: Which costs `spend` stands for, unless the assumptions say otherwise.
        over: A dimension whose values it compares: a share of them all, or with `figure` one number for them all.
        figure: A named figure over the values of `over`: `pareto` (fewest values that bring 80 %), `herfindahl`.
        quantile: For a distribution, the quantile.
        derived: Whether the inputs are KPIs instead of measures.
        windows: For a derived KPI, the trailing window of an input that has its own.
        window: A trailing window that the KPI always looks at, and by which it is scaled to a year (`per_year`).
        text: The key of its texts where it is not the id, and the values of their gaps.
    """

    id: str
    numerator: pl.Expr
    denominator: pl.Expr | None = None
    unit: Unit = "count"
    better: Better | None = None
    section: Section = "volume"
    scope: Scope | None = None
    over: str | None = None
    figure: Literal["pareto", "herfindahl"] | None = None
    quantile: float | None = None
    derived: bool = False
    windows: Mapping[str, Window] = field(default_factory=dict)
    window: Window | None = None
    text: tuple[str, tuple[tuple[str, str], ...]] = ("", ())

    def __post_init__(self) -> None:
        for side in (self.numerator, self.denominator):
            if side is not None and not isinstance(side, pl.Expr):
                raise TypeError(f"KPI {self.id!r}: {side!r} is no expression; write pl.col({side!r})")

    @property
    def words(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The key of its texts, and the stages that fill their gaps."""
        return self.text if self.text[0] else (self.id, ())

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names its expressions read: measures, ladders, or KPIs and assumptions; in order, once each."""
        names = list(self.numerator.meta.root_names())
        if self.denominator is not None:
            names += self.denominator.meta.root_names()
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class Ladder:
    """One name for several measures, of which a data set serves one: the first it can answer.

    Ladders of one family step together: when revenue comes from deals, so does the number of sales.
    """

    id: str
    family: Literal["scope", "sales", "customers", "qualified"]
    rungs: tuple[str, ...]


# ---- measures -------------------------------------------------------------------------------------------------------

_ORGANIC = Where("channel", ("organic",))
_SOCIAL = Where("channel", ("social", "paid_social"))

MEASURES: tuple[Measure, ...] = (
    Measure("sessions", "traffic", cases("sessions"), at="date"),
    Measure("engaged_sessions", "traffic", cases("engaged_sessions"), at="date"),
    Measure("pageviews", "traffic", cases("pageviews"), at="date"),
    Measure("organic_sessions", "traffic", cases("sessions", _ORGANIC), at="date"),
    # leads, by the day they came ------------------------------------------------------------------------------------
    Measure("leads", "leads", rows("is_valid"), at="created_at"),
    Measure("leads_raw", "leads", rows("is_lead"), at="created_at"),
    Measure("leads_invalid", "leads", rows("is_invalid"), at="created_at"),
    Measure("leads_web", "leads", rows("is_web"), at="created_at"),
    Measure("leads_social", "leads", rows("is_valid", _SOCIAL), at="created_at"),
    Measure("leads_scored", "leads", count("score", "is_valid"), at="created_at"),
    Measure("score_total", "leads", total("score", "is_valid"), at="created_at"),
    Measure("leads_high_score", "leads", rows("is_high_score"), at="created_at"),
    Measure("leads_past_sla", "leads", rows("is_past_sla"), at="created_at"),
    Measure("leads_untouched", "leads", rows("is_untouched"), at="created_at"),
    Measure("response_spread", "leads", spread("response_seconds", "response", "is_valid"), at="created_at"),
    # cohorts: leads that got there, by the day they came ------------------------------------------------------------
    Measure("leads_mql", "leads", rows("is_valid", "reached_mql"), at="created_at", ripens="mql_on", base="leads"),
    Measure("leads_sql", "leads", rows("is_valid", "reached_sql"), at="created_at", ripens="sql_on", base="leads"),
    Measure("leads_opportunity", "leads", rows("is_valid", "reached_opportunity"), at="created_at",
            ripens="opportunity_on", base="leads"),
    Measure("leads_won", "leads", rows("is_valid", "reached_customer"), at="created_at",
            ripens="customer_on", base="leads"),
    Measure("high_score_won", "leads", rows("is_high_score", "reached_customer"), at="created_at", ripens="customer_on",
            base="leads_high_score"),
    Measure("mql_to_sal", "leads", rows("is_valid", "reached_sal"), at="mql_on", ripens="sal_on", base="mql"),
    Measure("mql_to_sql", "leads", rows("is_valid", "reached_sql"), at="mql_on", ripens="sql_on", base="mql"),
    Measure("mql_to_won", "leads", rows("is_valid", "reached_customer"), at="mql_on", ripens="customer_on", base="mql"),
    Measure("sql_to_won", "leads", rows("is_valid", "reached_customer"), at="sql_on", ripens="customer_on", base="sql"),
    Measure("sql_to_opportunity", "leads", rows("is_valid", "reached_opportunity"), at="sql_on",
            ripens="opportunity_on", base="sql"),
    Measure("lead_value", "leads", money("amount", "is_won"), at="created_at", ripens="customer_on", base="leads",
            like="leads_won"),
    # events: by the day it happened ---------------------------------------------------------------------------------
    Measure("mql", "leads", rows("is_valid"), at="mql_on"),
    Measure("sal", "leads", rows("is_valid"), at="sal_on"),
    Measure("sql", "leads", rows("is_valid"), at="sql_on"),
    Measure("wins", "leads", rows("is_valid"), at="customer_on"),
    Measure("wins_valued", "leads", count("amount", "is_won"), at="customer_on"),
    Measure("win_amount", "leads", money("amount", "is_won"), at="customer_on"),
    Measure("win_spread", "leads", spread("seconds_to_win", "days", "is_valid"), at="customer_on"),
    # costs ----------------------------------------------------------------------------------------------------------
    Measure("spend_media", "spend", money("full_cost", "is_media"), at="date", absent=None),
    Measure("spend_marketing", "spend", money("full_cost", "is_marketing"), at="date", absent=None),
    Measure("spend_all", "spend", money("full_cost"), at="date", absent=None),
    Measure("impressions", "spend", total("impressions", "is_media"), at="date", absent=None),
    Measure("clicks", "spend", total("clicks", "is_media"), at="date", absent=None),
    Measure("clickable", "spend", total("impressions", "is_media", "has_clicks"), at="date", absent=None),
    Measure("seen_clicks", "spend", total("clicks", "is_media", "has_impressions"), at="date", absent=None),
    Measure("click_cost", "spend", money("full_cost", "is_media", "has_clicks"), at="date", absent=None),
    Measure("impression_cost", "spend", money("full_cost", "is_media", "has_impressions"), at="date", absent=None),
    # deals ----------------------------------------------------------------------------------------------------------
    Measure("deals_won", "deals", rows("is_won"), at="decided_at"),
    Measure("deals_valued", "deals", count("amount", "is_won"), at="decided_at"),
    Measure("deals_lost", "deals", rows("is_lost"), at="decided_at"),
    Measure("deal_amount", "deals", money("amount", "is_won"), at="decided_at"),
    Measure("deal_customers", "deals", rows("is_first_win"), at="decided_at"),
    Measure("deal_customer_amount", "deals", money("amount", "is_first_win"), at="decided_at"),
    Measure("deal_open", "deals", rows("is_tracked"), since="created_at", until="decided_at"),
    Measure("deal_open_amount", "deals", money("amount", "is_tracked"), since="created_at", until="decided_at"),
    Measure("deal_spread", "deals", spread("seconds_to_close", "days", "is_won"), at="decided_at"),
    Measure("lead_deals", "deals", money("amount", "is_won", "is_of_valid_lead"), at="lead_created_at",
            ripens="decided_at", base="leads", like="leads_won"),
    # orders ---------------------------------------------------------------------------------------------------------
    Measure("orders", "orders", rows("is_order"), at="ordered_at"),
    Measure("order_gross", "orders", money("amount", "is_order"), at="ordered_at"),
    Measure("order_net", "orders", money("net", "is_order"), at="ordered_at"),
    Measure("order_refunds", "orders", money("refunded", "is_order"), at="ordered_at"),
    Measure("order_margin", "orders", money("net_margin", "is_order", "has_margin"), at="ordered_at"),
    Measure("order_costed", "orders", money("net", "is_order", "has_margin"), at="ordered_at"),
    Measure("buyers", "orders", distinct("customer_id", "is_order"), at="ordered_at"),
    Measure("first_orders", "orders", rows("is_first"), at="ordered_at"),
    Measure("first_order_net", "orders", money("net", "is_first"), at="ordered_at"),
    Measure("repeaters", "orders", count("repeated_at", "is_first"), at="ordered_at", ripens="repeated_at",
            base="first_orders"),
    Measure("lead_orders", "orders", money("net", "is_order", "is_of_valid_lead"), at="lead_created_at",
            ripens="ordered_at", base="leads", like="leads_won"),
    # subscriptions --------------------------------------------------------------------------------------------------
    Measure("trials", "subscriptions", cases("trial_started"), at="trial_started_at"),
    Measure("trials_over", "subscriptions", cases("trial_started", "is_trial_over"), at="trial_started_at"),
    Measure("trials_paid", "subscriptions", cases("trial_started", "is_trial_paid"), at="trial_started_at"),
    Measure("mrr_running", "subscriptions", money("monthly", "is_recurring"), since="paying_from", until="ended_at"),
    Measure("mrr_undiscounted", "subscriptions", money("discount", "is_discounted"), since="full_price_at",
            until="ended_at"),
    Measure("accounts", "subscriptions", distinct("customer_id", "is_recurring"), since="paying_from",
            until="ended_at"),
    Measure("accounts_before", "subscriptions", distinct("customer_id", "is_recurring"), since="paying_from",
            until="ended_at", moment="start"),
    Measure("accounts_lost", "subscriptions", distinct("customer_id", "is_recurring"), since="paying_from",
            until="ended_at", moment="lost"),
    Measure("subscribers", "subscriptions", cases("first_paid"), at="paying_from"),
    Measure("subscriber_value", "subscriptions", money("run_value", "is_recurring"), at="paying_from"),
    Measure("lead_subscriptions", "subscriptions", money("run_value", "is_recurring", "is_of_valid_lead"),
            at="lead_created_at", ripens="paying_from", base="leads", like="leads_won"),
    Measure("subscriber_first", "subscriptions", money("monthly", "is_first_paid"), at="paying_from"),
    # live chat ------------------------------------------------------------------------------------------------------
    Measure("chats", "chats", rows(), at="started_at"),
    Measure("chats_with_lead", "chats", count("lead_id"), at="started_at"),
    Measure("chat_first", "chats", rows("is_first_of_lead"), at="started_at"),
    Measure("chats_won", "chats", count("lead_won_at"), at="started_at", ripens="lead_won_at", base="chats"),
    Measure("chats_needing", "chats", rows("needs_reply"), at="started_at"),
    Measure("chats_missed", "chats", rows("is_missed"), at="started_at"),
    Measure("chats_rated", "chats", count("rating"), at="started_at"),
    Measure("chats_pleased", "chats", rows("is_pleased"), at="started_at"),
    Measure("reply_spread", "chats", spread("reply_seconds", "response", "is_sales"), at="started_at"),
    Measure("invites_shown", "chat_invites", cases("shown"), at="date"),
    Measure("invites_accepted", "chat_invites", cases("accepted"), at="date"),
    # e-mail and social ----------------------------------------------------------------------------------------------
    Measure("emails_delivered", "email", cases("delivered"), at="date"),
    Measure("emails_opened", "email", cases("opens"), at="date"),
    Measure("emails_clicked", "email", cases("clicks"), at="date"),
    Measure("social_impressions", "social", cases("impressions"), at="date"),
    Measure("social_engagements", "social", cases("engagements"), at="date"),
)  # fmt: skip

LADDERS: tuple[Ladder, ...] = (
    Ladder("spend", "scope", ("spend_media", "spend_marketing", "spend_all")),
    Ladder("sales", "sales", ("order_net", "deal_amount", "win_amount", "subscriber_value")),
    Ladder("sales_count", "sales", ("orders", "deals_valued", "wins_valued", "subscribers")),
    Ladder("lead_sales", "sales", ("lead_orders", "lead_deals", "lead_value", "lead_subscriptions")),
    Ladder("new_customers", "customers", ("first_orders", "subscribers", "deal_customers", "wins")),
    Ladder("new_sales", "customers", ("first_order_net", "subscriber_first", "deal_customer_amount", "win_amount")),
    Ladder("qualified", "qualified", ("leads_mql", "leads_sql", "leads_high_score")),
    Ladder("qualified_base", "qualified", ("mql", "sql", "leads_high_score")),
    Ladder("qualified_won", "qualified", ("mql_to_won", "sql_to_won", "high_score_won")),
)

# ---- KPIs -----------------------------------------------------------------------------------------------------------

_MARGIN = pl.coalesce("margin", "gross_margin")
_MRR = col("mrr_running") + col("mrr_undiscounted")
_YEARLY = pl.coalesce(col("aov") * col("purchase_frequency"), 12 * col("arpa"))

KPIS: tuple[Kpi, ...] = (
    Kpi("sessions", col("sessions"), better="higher", section="traffic"),
    Kpi("sessions_by_channel", col("sessions"), unit="rate", section="traffic", over="channel"),
    Kpi("engagement_rate", col("engaged_sessions"), col("sessions"), "rate", "higher", "traffic"),
    Kpi("pages_per_session", col("pageviews"), col("sessions"), "ratio", section="traffic"),
    Kpi("impressions", col("impressions"), section="traffic"),
    Kpi("ctr", col("seen_clicks"), col("clickable"), "rate", "higher", "traffic"),
    Kpi("organic_share", col("organic_sessions"), col("sessions"), "rate", "higher", "traffic"),
    # volume ---------------------------------------------------------------------------------------------------------
    Kpi("leads", col("leads"), better="higher"),
    Kpi("leads_raw", col("leads_raw")),
    Kpi("visitor_to_lead", col("leads_web"), col("sessions"), "rate", "higher"),
    Kpi("lead_source_mix", col("leads"), unit="rate", over="channel"),
    Kpi("source_concentration", col("leads"), over="channel", figure="pareto"),
    Kpi("placement_concentration", col("leads"), over="placement", figure="pareto"),
    Kpi("source_hhi", col("leads"), unit="ratio", over="channel", figure="herfindahl"),
    Kpi("leads_per_spend", 1000 * col("leads"), col("spend"), "per_thousand", "higher", scope="marketing"),
    Kpi("social_leads", col("leads_social"), better="higher"),
    # quality --------------------------------------------------------------------------------------------------------
    Kpi("mql", col("mql"), better="higher", section="quality"),
    Kpi("sal", col("sal"), better="higher", section="quality"),
    Kpi("sql", col("sql"), better="higher", section="quality"),
    Kpi("qualified_ratio", col("qualified"), col("leads_raw"), "rate", "higher", "quality"),
    Kpi("qualified_ratio_valid", col("qualified"), col("leads"), "rate", "higher", "quality"),
    Kpi("mql_to_sal", col("mql_to_sal"), col("mql"), "rate", "higher", "quality"),
    Kpi("mql_to_sql", col("mql_to_sql"), col("mql"), "rate", "higher", "quality"),
    Kpi("sql_to_opp", col("sql_to_opportunity"), col("sql"), "rate", "higher", "quality"),
    Kpi("lead_score_avg", col("score_total"), col("leads_scored"), "points", "higher", "quality"),
    Kpi("high_score_share", col("leads_high_score"), col("leads_scored"), "rate", "higher", "quality"),
    Kpi("invalid_rate", col("leads_invalid"), col("leads_raw"), "rate", "lower", "quality"),
    Kpi("response_time", col("response_spread"), unit="seconds", better="lower", section="quality", quantile=0.5),
    Kpi("untouched_rate", col("leads_untouched"), col("leads_past_sla"), "rate", "lower", "quality"),
    # conversion -----------------------------------------------------------------------------------------------------
    Kpi("lead_to_customer", col("leads_won"), col("leads"), "rate", "higher", "conversion"),
    Kpi("sales_conversion", col("qualified_won"), col("qualified_base"), "rate", "higher", "conversion"),
    Kpi("win_rate", col("deals_won"), col("deals_won") + col("deals_lost"), "rate", "higher", "conversion"),
    Kpi("time_to_conversion", col("win_spread"), unit="days", better="lower", section="conversion", quantile=0.5),
    Kpi("sales_cycle", col("deal_spread"), unit="days", better="lower", section="conversion", quantile=0.5),
    Kpi("open_deals", col("deal_open"), section="conversion"),
    Kpi("open_pipeline", col("deal_open_amount"), unit="money", section="conversion"),
    Kpi("deal_size", col("deal_amount"), col("deals_valued"), "money", "higher", "conversion"),
    Kpi("sales_velocity", col("open_deals") * col("win_rate") * col("deal_size") / col("sales_cycle"), None,
        "money_per_day", "higher", "conversion", derived=True,
        windows={"win_rate": "90d", "deal_size": "90d", "sales_cycle": "90d"}),
    Kpi("trials", col("trials"), better="higher", section="conversion"),
    Kpi("trial_rate", col("trials"), col("sessions"), "rate", "higher", "conversion"),
    Kpi("trial_to_paid", col("trials_paid"), col("trials_over"), "rate", "higher", "conversion"),
    # cost -----------------------------------------------------------------------------------------------------------
    Kpi("spend", col("spend"), unit="money", section="cost", scope="marketing"),
    Kpi("cpc", col("click_cost"), col("clicks"), "money", "lower", "cost"),
    Kpi("cpm", 1000 * col("impression_cost"), col("impressions"), "money", "lower", "cost"),
    Kpi("cpl", col("spend"), col("leads"), "money", "lower", "cost", "marketing"),
    Kpi("cpql", col("spend"), col("qualified"), "money", "lower", "cost", "marketing"),
    Kpi("cost_per_opp", col("spend"), col("leads_opportunity"), "money", "lower", "cost", "marketing"),
    Kpi("cpa", col("spend"), col("new_customers"), "money", "lower", "cost", "all"),
    Kpi("cac", col("spend"), col("new_customers"), "money", "lower", "cost", "all"),
    Kpi("cac_cohort", col("spend"), col("leads_won"), "money", "lower", "cost", "all"),
    Kpi("cac_campaign", col("spend"), col("leads_won"), "money", "lower", "cost", "media"),
    Kpi("cac_cpl_gap", col("cac_cohort") / col("cpql"), None, "ratio", "lower", "cost", "marketing", derived=True),
    Kpi("cac_payback", col("cac") / (col("arpa") * _MARGIN), None, "months", "lower", "cost", derived=True),
    # revenue --------------------------------------------------------------------------------------------------------
    Kpi("revenue", col("sales"), unit="money", better="higher", section="revenue"),
    Kpi("new_customers", col("new_customers"), better="higher", section="revenue"),
    Kpi("new_customer_value", col("new_sales"), unit="money", better="higher", section="revenue"),
    Kpi("alv", col("lead_sales"), col("leads"), "money", "higher", "revenue"),
    Kpi("alv_total", col("sales"), col("leads"), "money", "higher", "revenue"),
    Kpi("leads_needed", col("target_revenue") / col("alv"), None, "count", section="revenue", derived=True),
    Kpi("max_cpl", col("alv") * _MARGIN, None, "money", None, "revenue", derived=True),
    Kpi("aov", col("sales"), col("sales_count"), "money", "higher", "revenue"),
    Kpi("purchase_frequency", col("orders"), col("buyers"), "per_year", "higher", "revenue", window="12mo"),
    Kpi("gross_margin", col("order_margin"), col("order_costed"), "rate", "higher", "revenue"),
    Kpi("roas_blended", col("sales"), col("spend"), "ratio", "higher", "revenue", "media"),
    Kpi("mer", col("sales"), col("spend"), "ratio", "higher", "revenue", "marketing"),
    Kpi("romi", col("mer") * _MARGIN - 1, None, "rate", "higher", "revenue", derived=True),
    Kpi("rps", col("sales"), col("sessions"), "money", "higher", "revenue"),
    Kpi("refund_rate", col("order_refunds"), col("order_gross"), "rate", "lower", "revenue"),
    # customer value and recurring revenue ---------------------------------------------------------------------------
    Kpi("clv_annual_margin", _YEARLY * _MARGIN, None, "money", "higher", "value", derived=True,
        windows={"aov": "12mo"}),
    Kpi("clv_margin", _YEARLY * _MARGIN * col("lifetime_months") / 12, None, "money", "higher", "value", derived=True,
        windows={"aov": "12mo"}),
    Kpi("clv_net_of_cac", _YEARLY * col("lifetime_months") / 12 - col("cac"), None, "money", "higher", "value",
        derived=True, windows={"aov": "12mo"}),
    Kpi("ltv_cac", col("clv_margin") / col("cac"), None, "ratio", "higher", "value", derived=True),
    Kpi("mrr", _MRR, unit="money", better="higher", section="value"),
    Kpi("arr", 12 * _MRR, unit="money", better="higher", section="value"),
    Kpi("arpa", _MRR, col("accounts"), "money", "higher", "value"),
    Kpi("accounts", col("accounts"), better="higher", section="value"),
    Kpi("logo_churn", col("accounts_lost"), col("accounts_before"), "rate", "lower", "value"),
    Kpi("repeat_rate", col("repeaters"), col("first_orders"), "rate", "higher", "value"),
    # live chat ------------------------------------------------------------------------------------------------------
    Kpi("chats", col("chats"), section="chat"),
    Kpi("chat_leads", col("chat_first"), better="higher", section="chat"),
    Kpi("chat_to_lead", col("chats_with_lead"), col("chats"), "rate", "higher", "chat"),
    Kpi("chat_to_sale", col("chats_won"), col("chats"), "rate", "higher", "chat"),
    Kpi("frt", col("reply_spread"), unit="seconds", section="chat", quantile=0.5),
    Kpi("proactive_accept", col("invites_accepted"), col("invites_shown"), "rate", "higher", "chat"),
    Kpi("missed_chat", col("chats_missed"), col("chats_needing"), "rate", "lower", "chat"),
    Kpi("chat_csat", col("chats_pleased"), col("chats_rated"), "rate", "higher", "chat"),
    # e-mail and social ----------------------------------------------------------------------------------------------
    Kpi("email_ctr", col("emails_clicked"), col("emails_delivered"), "rate", "higher", "email_social"),
    Kpi("email_open", col("emails_opened"), col("emails_delivered"), "rate", section="email_social"),
    Kpi("social_engagement", col("social_engagements"), col("social_impressions"), "rate", "higher", "email_social"),
)  # fmt: skip

RIVALS: tuple[tuple[str, ...], ...] = (
    ("cpl", "cpql", "leads_per_spend"),
    ("cpa", "cac", "cac_cohort", "cac_campaign"),
    ("lead_to_customer", "sales_conversion"),
    ("qualified_ratio", "qualified_ratio_valid"),
    ("clv_annual_margin", "clv_margin", "clv_net_of_cac"),
    ("alv", "alv_total"),
    ("roas_blended", "mer", "romi"),
    ("chat_leads", "chat_to_lead", "chat_to_sale"),
    ("time_to_conversion", "sales_cycle"),
)
"""KPIs that go by the same name in different sources; each group is shown side by side (kpi-canon, A.4)."""


# ---- the workspace's own stages -------------------------------------------------------------------------------------


def stage_measures(stages: Sequence[str]) -> tuple[Measure, ...]:
    """The measures that the workspace's own stages add: who entered a stage, who went on, and how long it took.

    Example:
        >>> [measure.id for measure in stage_measures(("lead", "visit"))]
        ['entered_lead', 'entered_visit', 'lead_then_visit', 'lead_spread_visit']
    """
    entered = tuple(Measure(f"entered_{stage}", "leads", rows("is_valid"), at=stage_date(stage)) for stage in stages)
    went_on = tuple(
        measure
        for here, there in pairwise(stages)
        for measure in (
            Measure(f"{here}_then_{there}", "leads", rows("is_valid", f"reached_{there}"), at=stage_date(here),
                    ripens=stage_date(there), base=f"entered_{here}"),
            Measure(f"{here}_spread_{there}", "leads", spread(f"seconds_{here}_{there}", "days", "is_valid"),
                    at=stage_date(there)),
        )
    )  # fmt: skip
    return entered + went_on


def stage_kpis(stages: Sequence[str]) -> tuple[Kpi, ...]:
    """Stage-to-stage conversion and time in stage for each step of the workspace's own stages.

    Example:
        >>> [kpi.id for kpi in stage_kpis(("lead", "visit", "customer"))]
        ['step_lead_visit', 'step_visit_customer', 'days_lead_visit', 'days_visit_customer']
    """
    steps = tuple(pairwise(stages))
    conversions = tuple(
        Kpi(f"step_{here}_{there}", col(f"{here}_then_{there}"), col(f"entered_{here}"), "rate", "higher", "conversion",
            text=("stage_conversion", (("here", here), ("there", there))))
        for here, there in steps
    )  # fmt: skip
    durations = tuple(
        Kpi(f"days_{here}_{there}", col(f"{here}_spread_{there}"), None, "days", "lower", "conversion", quantile=0.5,
            text=("time_in_stage", (("here", here), ("there", there))))
        for here, there in steps
    )  # fmt: skip
    return conversions + durations


def stage_column(stage: str) -> str:
    """The column of `leads` that dates a stage."""
    return {"lead": "created_at", "customer": "won_at"}.get(stage, f"{stage}_at")


def stage_date(stage: str) -> str:
    """The prepared date on which a stage, or any later one, was reached."""
    return "created_at" if stage == "lead" else f"{stage}_on"


# ---- looking things up ----------------------------------------------------------------------------------------------


def kpis(stages: Sequence[str]) -> dict[str, Kpi]:
    """Every KPI by id, those of the workspace's own stages among them; made once, not to be changed."""
    return _kpis(tuple(stages))


def measures(stages: Sequence[str]) -> dict[str, Measure]:
    """Every measure by id, those of the workspace's own stages among them; made once, not to be changed."""
    return _measures(tuple(stages))


@cache
def _kpis(stages: tuple[str, ...]) -> dict[str, Kpi]:
    return {item.id: item for item in (*KPIS, *stage_kpis(stages))}


@cache
def _measures(stages: tuple[str, ...]) -> dict[str, Measure]:
    return {item.id: item for item in (*MEASURES, *stage_measures(stages))}


def find(item: str | Kpi, catalogue: Mapping[str, Kpi]) -> Kpi:
    """The KPI of an id, or the KPI itself.

    Raises:
        ValueError: If the id is unknown, with the nearest known one.
    """
    if isinstance(item, Kpi):
        return item
    if item not in catalogue:
        near = difflib.get_close_matches(item, catalogue, 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ValueError(f"unknown KPI {item!r}{hint} Known: {', '.join(sorted(catalogue))}")
    return catalogue[item]


def measures_of(chosen: Sequence[str | Kpi], stages: Sequence[str]) -> frozenset[str]:
    """The ids of all measures that these KPIs may read, through ladders and derived KPIs.

    Example:
        >>> sorted(measures_of(["cac_campaign"], ()))
        ['leads_won', 'spend_all', 'spend_marketing', 'spend_media']
    """
    catalogue, ladders = kpis(stages), {ladder.id: ladder.rungs for ladder in LADDERS}
    names: set[str] = set()
    queue = [find(item, catalogue) for item in chosen]
    while queue:
        item = queue.pop()
        if item.derived:
            queue += [catalogue[name] for name in item.inputs if name in catalogue]
        else:
            names |= {rung for name in item.inputs for rung in ladders.get(name, (name,))}
    return frozenset(names)

"""The whole grid that relevance is read from: who measures what, and who does not.

Nothing here computes. `kpi.profiles` adds the points up: 3 for the archetype, 2 for the goal, 1 for the channels,
1 for each further axis that names the KPI. Ids of KPIs whose analysis comes later stand here already; the selector
leaves out what is not offered. Sources: kpi-canon, A.7 "Relevant" and A.8; S0 to S4 are the articles.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Business = Literal["b2b", "b2c"]
Pricing = Literal["one_off", "subscription", "trial", "contract", "usage"]
Goal = Literal["volume", "quality", "speed", "efficiency", "revenue", "retention", "alignment", "insight", "planning"]
Segment = Literal["smb", "mid", "enterprise", "consumer"]
Motion = Literal["self_serve", "sales_led"]
Presence = Literal["online", "offline", "both"]
Product = Literal["one_off", "repeat", "considered"]

CHOICES: dict[str, tuple[str, ...]] = {
    "business": get_args(Business),
    "pricing": get_args(Pricing),
    "goal": get_args(Goal),
    "segment": get_args(Segment),
    "motion": get_args(Motion),
    "presence": get_args(Presence),
    "product": get_args(Product),
}

# ---------------------------------------------------------------------------------------------------- channels

SEARCH_AND_SOCIAL_ADS = frozenset({"paid_search", "paid_social", "display", "mobile_ads"})
CLICKED = SEARCH_AND_SOCIAL_ADS | {"affiliate"}
OFFLINE = frozenset({"events", "print"})
# Events count as paid media: the stand and the sponsorship are bought, like the page in a magazine (S4).
PAID = CLICKED | OFFLINE
WEB = CLICKED | {"organic", "social", "email", "referral", "direct", "chat"}

CHANNELS: dict[str, tuple[str, ...]] = {
    "paid_search": ("cpl", "cpa", "cpc", "ctr", "romi", "roas", "roas_blended", "marginal_cpl", "budget_pacing"),
    "paid_social": ("cpl", "cpa", "ctr", "cpc", "romi", "invalid_rate", "roas", "roas_blended", "marginal_cpl"),
    "display": ("ctr", "cpm", "impressions", "cpl", "roas", "attribution_spread", "marginal_cpl"),
    "organic": ("organic_share", "visitor_to_lead", "serp_top10"),
    "social": ("social_leads", "social_engagement"),
    "email": ("email_ctr", "email_open"),
    "referral": ("lead_source_mix", "invalid_rate"),
    "direct": ("sessions_by_channel", "new_visitor_share"),
    "chat": (
        "chat_to_lead", "chat_to_sale", "frt", "chat_leads", "missed_chat", "chat_csat", "proactive_accept", "chats",
    ),
    "events": ("placement_concentration", "source_concentration", "cpl", "romi", "leads_per_spend"),
    "print": ("placement_concentration", "source_concentration", "cpl", "romi", "leads_per_spend", "max_cpl"),
    "affiliate": ("cpa", "invalid_rate", "roas"),
    "partner": ("lead_source_mix", "qualified_ratio", "attributed_revenue"),
    "mobile_ads": ("cpl", "cpc", "ctr", "invalid_rate", "marginal_cpl"),
    "other": ("lead_source_mix",),
}  # fmt: skip

# S2 calls assessing these very important, and no other KPI speaks of them: each is heard once on the scorecard.
HEARD = ("chat", "organic", "email", "social")

# -------------------------------------------------------------------------------------------------- archetypes


@dataclass(frozen=True)
class Archetype:
    """A default scorecard: the businesses it is for, and its KPIs in order.

    `near` are the combinations without a scorecard of their own that take this one: the same pricing if there is
    one, else the same business. The first row that fits wins, `when` before `near`.
    """

    name: str
    when: tuple[Mapping[str, str], ...]
    near: tuple[Mapping[str, str], ...]
    kpis: tuple[str, ...]


ARCHETYPES = (
    Archetype(
        "b2b_subscription",
        when=({"business": "b2b", "pricing": "subscription", "motion": "sales_led"},),
        near=({"business": "b2b", "pricing": "usage", "motion": "sales_led"},),
        kpis=(
            "sql", "mql_to_sql", "cpql", "sales_velocity", "cac_cohort", "cac_payback", "ltv_cac", "mrr_movements",
            "attributed_revenue",
        ),
    ),
    Archetype(
        "b2b_trial",
        when=({"business": "b2b", "pricing": "trial"},),
        near=(
            {"business": "b2c", "pricing": "trial"},
            {"business": "b2b", "pricing": "subscription"},
            {"business": "b2b", "pricing": "usage"},
        ),
        kpis=(
            "leads", "trial_rate", "trial_to_paid", "time_to_conversion", "cac", "mrr_movements", "logo_churn",
            "ltv_cac", "lead_source_mix",
        ),
    ),
    Archetype(  # "contract / high-ticket / quote": what a sales team sells once is high-ticket
        "b2b_contract",
        when=(
            {"business": "b2b", "pricing": "contract"},
            {"business": "b2b", "pricing": "one_off", "motion": "sales_led"},
        ),
        near=(),
        kpis=(
            "qualified_ratio", "response_time", "sql_to_opp", "win_rate", "aov", "sales_cycle", "cpql", "alv",
            "leads_needed", "pipeline_coverage",
        ),
    ),
    Archetype(  # before the shop: what is sold by phone, at the counter or on a quote is not e-commerce
        "b2c_service",
        when=(
            {"business": "b2c", "pricing": "contract"},
            {"business": "b2c", "pricing": "one_off", "motion": "sales_led"},
            {"business": "b2c", "pricing": "one_off", "presence": "offline"},
        ),
        near=(),
        kpis=(
            "leads", "invalid_rate", "cpl", "response_time", "chat_to_lead", "chat_to_sale", "lead_to_customer",
            "max_cpl", "placement_concentration", "source_concentration",
        ),
    ),
    Archetype(
        "b2c_shop",
        when=({"business": "b2c", "pricing": "one_off"},),
        near=({"business": "b2b", "pricing": "one_off"},),
        kpis=(
            "sessions_by_channel", "visitor_to_lead", "aov", "cpa", "roas", "mer", "purchase_frequency", "repeat_rate",
            "clv_annual_margin", "source_concentration",
        ),
    ),
    Archetype(
        "b2c_subscription",
        when=({"business": "b2c", "pricing": "subscription"},),
        near=({"business": "b2c", "pricing": "usage"},),
        kpis=("trials", "trial_to_paid", "cpa", "cac", "mrr", "logo_churn", "clv_churn", "ltv_cac", "cac_payback"),
    ),
)  # fmt: skip

# ------------------------------------------------------------------------------------------------ goals, axes

GOALS: dict[str, tuple[str, ...]] = {
    "volume": (
        "leads", "trials", "visitor_to_lead", "trial_rate", "lead_source_mix", "placement_concentration",
        "source_concentration", "mql",
        "chat_leads", "organic_share", "social_leads", "sessions_by_channel",
    ),
    "quality": (
        "qualified_ratio", "mql_to_sql", "sql", "mql", "cpql", "high_score_share", "invalid_rate", "sales_conversion",
        "trial_to_paid", "chat_to_lead", "engagement_rate", "refund_rate",
    ),
    "speed": (
        "response_time", "time_to_conversion", "sales_cycle", "sales_velocity", "untouched_rate", "frt",
        "missed_chat", "time_in_stage",
    ),
    "efficiency": (
        "cpl", "cpql", "cpa", "cac", "cac_cohort", "cac_payback", "cost_per_opp", "visitor_to_lead", "mer",
        "cac_cpl_gap", "marginal_cpl", "max_cpl",
    ),
    "revenue": (
        "revenue", "new_customer_value", "alv", "lead_to_customer", "romi", "mer", "roas", "win_rate", "trial_to_paid",
        "sales_conversion", "sales_velocity", "mrr", "aov", "attributed_revenue", "chat_to_sale",
    ),
    "retention": (
        "logo_churn", "nrr", "repeat_rate", "purchase_frequency", "ltv_cac", "clv_churn", "clv_annual_margin",
        "clv_margin", "arpa", "refund_rate", "chat_csat",
    ),
    "alignment": (
        "mql_to_sal", "qualified_ratio", "response_time", "untouched_rate", "mql_to_sql", "sales_conversion",
        "lead_to_customer", "attributed_revenue",
    ),
    "insight": (
        "repeat_rate", "clv_annual_margin", "clv_margin", "clv_churn", "new_customer_value", "lead_source_mix", "arpa",
        "purchase_frequency", "lead_to_customer", "new_visitor_share", "chat_csat", "clv_predicted",
    ),
    "planning": (
        "target_attainment", "leads_needed", "max_cpl", "alv", "open_pipeline", "pipeline_coverage", "budget_pacing",
        "marginal_cpl", "sales_velocity", "mrr",
    ),
}  # fmt: skip

# The number that a goal is about: one of them is always seen, the first of those with the most points.
HEADLINES: dict[str, tuple[str, ...]] = {
    "volume": ("leads", "trials"),
    "quality": ("qualified_ratio", "engagement_rate", "invalid_rate"),
    "speed": ("response_time", "time_to_conversion"),
    "efficiency": ("cpl", "cpql", "cpa", "cac", "cac_cohort"),
    "revenue": ("mrr", "revenue"),
    "retention": ("logo_churn", "repeat_rate"),
    "alignment": ("mql_to_sal",),
    "insight": ("repeat_rate", "clv_margin", "clv_churn", "clv_annual_margin"),
    "planning": ("target_attainment", "leads_needed"),
}

AXES: dict[tuple[str, str], tuple[str, ...]] = {
    ("motion", "sales_led"): (
        "mql", "sql", "mql_to_sal", "mql_to_sql", "response_time", "sales_conversion", "win_rate", "sales_velocity",
    ),
    ("motion", "self_serve"): ("visitor_to_lead", "trial_to_paid", "time_to_conversion"),
    ("segment", "smb"): ("lead_to_customer", "logo_churn", "cac_payback"),
    ("segment", "mid"): ("qualified_ratio", "cpql", "mql_to_sql"),
    ("segment", "enterprise"): ("cost_per_opp", "win_rate", "sales_cycle", "new_customer_value", "attributed_revenue"),
    ("segment", "consumer"): ("cpa", "invalid_rate", "lead_to_customer"),
    ("presence", "online"): ("visitor_to_lead", "trial_rate"),
    ("presence", "offline"): ("placement_concentration", "source_concentration", "cpl", "response_time"),
    ("presence", "both"): ("placement_concentration", "source_concentration", "response_time"),
    ("product", "one_off"): ("alv", "max_cpl", "aov"),
    ("product", "repeat"): ("repeat_rate", "purchase_frequency", "ltv_cac", "clv_margin", "nrr"),
    ("product", "considered"): ("time_to_conversion", "qualified_ratio", "high_score_share", "attributed_revenue"),
    ("pricing", "usage"): ("arpa", "revenue"),
}  # fmt: skip

# ------------------------------------------------------------------------------------------------- exclusions

RECURRING = (
    "mrr", "arr", "mrr_movements", "nrr", "quick_ratio", "arpa", "accounts", "logo_churn", "clv_churn", "cac_payback",
)  # fmt: skip
TRIAL = ("trials", "trial_rate", "trial_to_paid")
DEALS = (
    "win_rate", "sales_velocity", "sales_cycle", "open_pipeline", "open_deals", "deal_size", "pipeline_coverage",
)  # fmt: skip
STAGES = ("mql", "sal", "sql", "mql_to_sal", "mql_to_sql", "sql_to_opp", "cost_per_opp")
QUALIFYING = ("qualified_ratio", "qualified_ratio_valid", "cpql", "sales_conversion", "cac_cpl_gap")
SITE = (
    "sessions", "sessions_by_channel", "new_visitor_share", "engagement_rate", "pages_per_session", "visitor_to_lead",
    "trial_rate", "rps",
)  # fmt: skip


@dataclass(frozen=True)
class Exclusion:
    """KPIs that a business cannot mean: every axis of `when` has a value listed, and no channel of `without` is used.

    An empty `without` asks nothing of the channels.
    """

    rule: str
    kpis: tuple[str, ...]
    when: Mapping[str, tuple[str, ...]]
    without: frozenset[str] = frozenset()


EXCLUSIONS = (
    Exclusion("not_recurring", RECURRING, {"pricing": ("one_off", "contract")}),
    Exclusion("no_fixed_price", ("mrr", "arr", "mrr_movements", "quick_ratio"), {"pricing": ("usage",)}),
    Exclusion("no_trial", TRIAL, {"pricing": ("one_off", "contract")}),
    Exclusion("metered_consumer", TRIAL, {"business": ("b2c",), "pricing": ("usage",)}),
    Exclusion(
        "renews_by_itself",
        ("aov", "purchase_frequency", "repeat_rate", "clv_annual_margin"),
        {"pricing": ("subscription", "trial", "usage")},
    ),
    Exclusion("shop", STAGES, {"business": ("b2c",), "pricing": ("one_off",)}),
    Exclusion(
        "consumer_alone",
        (*QUALIFYING, "response_time", "untouched_rate"),
        {
            "business": ("b2c",),
            "pricing": ("one_off", "subscription", "trial", "usage"),
            "motion": ("self_serve",),
            "presence": ("online", "both"),
        },
    ),
    Exclusion("trial_has_no_sal", ("sal", "mql_to_sal"), {"pricing": ("trial",)}),
    Exclusion(
        "consumer_plan",
        (*STAGES, *DEALS),
        {"business": ("b2c",), "pricing": ("subscription", "trial", "usage")},
    ),
    Exclusion(
        "no_deal_stage", DEALS, {"motion": ("self_serve",), "pricing": ("one_off", "subscription", "trial", "usage")}
    ),
    Exclusion(
        "no_sales_team",
        ("sal", "sql", "mql_to_sal", "mql_to_sql", "sql_to_opp", "cost_per_opp", "untouched_rate"),
        {"motion": ("self_serve",), "pricing": ("one_off", "subscription", "trial", "usage")},
    ),
    Exclusion(
        "no_call_back", ("response_time",), {"motion": ("self_serve",), "pricing": ("subscription", "trial", "usage")}
    ),
    Exclusion("no_site", SITE, {"presence": ("offline",)}, without=WEB),
    Exclusion(
        "no_chat",
        (
            "chats", "chat_leads", "chat_to_lead", "chat_to_sale", "frt", "proactive_accept", "missed_chat",
            "chat_csat",
        ),
        {},
        without=frozenset({"chat"}),
    ),
    Exclusion("no_clicks", ("ctr", "cpc"), {}, without=CLICKED),
    Exclusion("no_impressions", ("impressions", "cpm"), {}, without=SEARCH_AND_SOCIAL_ADS),
    Exclusion(
        "not_paid",
        ("roas", "roas_blended", "leads_per_spend", "cac_campaign", "marginal_cpl", "budget_pacing"),
        {},
        without=PAID,
    ),
    Exclusion("no_placement", ("placement_concentration",), {}, without=OFFLINE | {"display", "affiliate", "partner"}),
    Exclusion("no_email", ("email_ctr", "email_open"), {}, without=frozenset({"email"})),
    Exclusion("no_social", ("social_engagement", "social_leads"), {}, without=frozenset({"social"})),
    Exclusion("no_organic", ("organic_share", "serp_top10"), {}, without=frozenset({"organic"})),
)  # fmt: skip

# ----------------------------------------------------------------------------------- evidence shown only once

SAME_EVIDENCE = (
    ("leads", "leads_raw", "trials"),  # where a trial is the lead, the two are one number
    ("sessions", "sessions_by_channel"),
    ("visitor_to_lead", "trial_rate"),
    ("lead_source_mix", "source_concentration", "placement_concentration", "source_hhi"),
    ("qualified_ratio", "qualified_ratio_valid"),
    ("lead_score_avg", "high_score_share"),
    ("sales_conversion", "cac_cpl_gap"),  # CAC ÷ CPQL is 1 ÷ sales conversion when scope and cohort match
    ("cpl", "leads_per_spend"),
    ("cpa", "cac", "cac_cohort", "cac_campaign"),
    ("alv", "alv_total"),
    ("aov", "deal_size"),
    ("open_pipeline", "open_deals"),
    ("roas_blended", "mer"),
    ("clv_annual_margin", "clv_margin", "clv_net_of_cac", "clv_churn", "clv_predicted"),
    ("mrr", "arr"),
    ("chat_leads", "chat_to_lead"),
    ("email_ctr", "email_open"),
)

# The order of the canon, which settles ties; a KPI that a decision adds stands behind the card it belongs to.
CANON = (
    "sessions", "sessions_by_channel", "new_visitor_share", "engagement_rate", "pages_per_session", "impressions",
    "ctr", "organic_share", "serp_top10",
    "leads", "leads_raw", "leads_growth", "visitor_to_lead", "lead_source_mix", "source_concentration",
    "placement_concentration", "source_hhi", "leads_per_spend",
    "mql", "sal", "sql", "qualified_ratio", "qualified_ratio_valid", "mql_to_sal", "mql_to_sql", "sql_to_opp",
    "lead_score_avg", "high_score_share", "invalid_rate", "response_time", "untouched_rate",
    "lead_to_customer", "stage_conversion", "sales_conversion", "win_rate", "time_to_conversion", "time_in_stage",
    "sales_cycle", "sales_velocity", "open_pipeline", "open_deals", "deal_size", "pipeline_coverage", "trials",
    "trial_rate", "trial_to_paid", "cart_abandonment",
    "spend", "cpc", "cpm", "cpl", "cpql", "cost_per_opp", "cpa", "cac", "cac_cohort", "cac_campaign", "cac_cpl_gap",
    "cac_payback",
    "revenue", "new_customers", "new_customer_value", "alv", "alv_total", "leads_needed", "max_cpl", "aov",
    "purchase_frequency", "gross_margin", "roas", "roas_blended", "mer", "romi", "attributed_revenue",
    "attribution_spread", "rps", "refund_rate",
    "clv_annual_margin", "clv_margin", "clv_net_of_cac", "clv_churn", "clv_predicted", "ltv_cac", "mrr", "arr",
    "mrr_movements", "quick_ratio", "arpa", "accounts", "logo_churn", "nrr", "repeat_rate", "nps",
    "chats", "chat_leads", "chat_to_lead", "chat_to_sale", "frt", "proactive_accept", "missed_chat", "chat_csat",
    "email_ctr", "email_open", "social_engagement", "social_leads",
    "target_attainment", "budget_pacing", "marginal_cpl",
)  # fmt: skip

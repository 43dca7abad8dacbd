"""The columns that preparing adds: what each needs and how it is made, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import narwhals as nw

from kpi import expressions as made
from kpi.assumptions import STAGES
from kpi.catalog import stage_column
from kpi.expressions import Added, day
from kpi.spreading import covered_days

ADDED: Mapping[str, tuple[Added, ...]] = {
    "leads": (
        Added("is_lead", (), made.is_lead, uses=("captured_by",), assumes="lead_event"),
        Added(
            "is_valid",
            ("is_lead",),
            lambda c: nw.col("is_lead") & made.flag("valid", True)(c),
            uses=("valid",),
        ),
        Added("is_invalid", ("is_lead", "valid"), lambda c: nw.col("is_lead") & ~made.flag("valid", True)(c)),
        Added("is_web", ("is_valid",), made.is_web, uses=("captured_by", "channel")),
        Added("is_won", ("is_valid", "won_at"), lambda _: nw.col("is_valid") & ~nw.col("won_at").is_null()),
        Added(
            "is_high_score",
            ("is_valid", "score"),
            lambda c: nw.col("is_valid") & (nw.col("score") > c.assumptions.score_threshold).fill_null(False),
            assumes="score_threshold",
        ),
        Added("is_past_sla", ("is_valid", "created_at"), made.is_past_sla, assumes="sla_minutes"),
        Added(
            "is_untouched",
            ("is_past_sla", "first_response_at"),
            lambda _: nw.col("is_past_sla") & nw.col("first_response_at").is_null(),
        ),
        Added(
            "response_seconds",
            ("created_at", "first_response_at"),
            made.response("first_response_at", "created_at"),
        ),
        Added("seconds_to_win", ("created_at", "won_at"), made.seconds("won_at", "created_at")),
    ),
    "spend": (
        Added("full_cost", ("cost",), made.full_cost, uses=("hours", "currency"), assumes="hourly_rate"),
        Added("is_media", (), made.scope("media"), uses=("cost_type",)),
        Added(
            "is_marketing",
            (),
            made.scope("media", "tools", "agency", "marketing_people", "people"),
            uses=("cost_type",),
        ),
        Added("has_clicks", ("clicks",), lambda _: ~nw.col("clicks").is_null()),
        Added("has_impressions", ("impressions",), lambda _: ~nw.col("impressions").is_null()),
        *covered_days(),
    ),
    "deals": (
        Added("is_won", ("status",), made.status("won")),
        Added("is_lost", ("status",), made.status("lost")),
        Added(
            "decided_at",
            ("is_won", "is_lost", "closed_at"),
            lambda _: nw.when(nw.col("is_won") | nw.col("is_lost")).then(nw.col(day("closed_at"))),
        ),
        *made.firsts("is_first_win", "decided_at", "customer_id", "deal_id", ("is_won",)),
        Added("seconds_to_close", ("created_at", "closed_at"), made.seconds("closed_at", "created_at")),
        Added(
            "is_tracked",
            ("is_won", "is_lost", "closed_at"),
            lambda _: ~(nw.col("is_won") | nw.col("is_lost")) | ~nw.col("closed_at").is_null(),
        ),
        Added("is_of_valid_lead", ("lead_is_valid",), made.flag("lead_is_valid", False)),
    ),
    "orders": (
        Added("net", ("amount",), made.net, uses=("refunded",)),
        Added("net_margin", ("net",), made.net_margin, uses=("margin", "cost_of_goods", "refunded")),
        Added("has_margin", (), made.has_margin, uses=("margin", "cost_of_goods")),
        Added("is_order", (), made.is_order, uses=("status",)),
        *made.firsts("is_first", "ordered_at", "customer_id", "order_id", ("is_order",)),
        Added("later_on", ("is_first", "is_order"), made.later_on, uses=("customer_id", "ordered_at")),
        Added("repeated_at", ("later_on", "is_first"), made.repeated_at, uses=("ordered_at",), assumes="repeat_days"),
        Added("is_of_valid_lead", ("lead_is_valid",), made.flag("lead_is_valid", False)),
    ),
    "subscriptions": (
        Added("paying_since", ("started_at",), made.paying_since, uses=("trial_ended_at",)),
        Added("paying_from", ("started_at",), made.paying_from, uses=("trial_ended_at",)),
        Added(
            "is_recurring",
            ("amount",),
            made.is_recurring,
            uses=("kind", "status", "started_at", "trial_ended_at", "ended_at"),
        ),
        Added(
            "list_price",
            ("amount",),
            made.list_price,
            uses=("quantity", "interval", "interval_count", "tax_rate_pct"),
        ),
        Added("monthly", ("list_price",), made.monthly, uses=("discount_pct", "discount_to", "paying_from")),
        Added(
            "full_price_at",
            (),
            made.full_price_at,
            uses=("paying_from", "discount_pct", "discount_to", "ended_at"),
        ),
        Added("discount", ("list_price", "monthly"), lambda _: nw.col("list_price") - nw.col("monthly")),
        Added(
            "is_discounted",
            ("is_recurring", "full_price_at"),
            lambda _: nw.col("is_recurring") & ~nw.col("full_price_at").is_null(),
        ),
        Added(
            "run_value",
            ("monthly", "paying_from", "discount", "full_price_at"),
            made.run_value,
            uses=("ended_at",),
        ),
        Added(
            "is_trial_start",
            ("subscription_id", "trial_started_at", "started_at"),
            made.is_trial_start,
            uses=("kind",),
        ),
        Added(
            "trial_started",
            ("is_trial_start",),
            made.part("is_trial_start", "subscription_id"),
            uses=("subscription_id",),
        ),
        Added("is_trial_over", ("is_trial_start", "trial_ended_at"), made.is_trial_over, assumes="grace_days"),
        Added(
            "paid_on",
            ("is_recurring", "subscription_id", "paying_from", "trial_ended_at"),
            made.paid_on,
            uses=("ended_at",),
        ),
        Added("is_trial_paid", ("is_trial_over", "paid_on"), made.is_trial_paid),
        Added("is_of_valid_lead", ("lead_is_valid",), made.flag("lead_is_valid", False)),
        *made.firsts("is_first_paid", "paying_since", "customer_id", "subscription_id", ("is_recurring",)),
        Added("first_paid", ("is_first_paid",), made.part("is_first_paid", "customer_id"), uses=("customer_id",)),
    ),
    "chats": (
        Added("needs_reply", (), lambda c: ~made.flag("bot_handled", False)(c), uses=("bot_handled",)),
        Added("is_missed", ("needs_reply", "first_reply_at"), made.is_missed, uses=("missed",)),
        Added("is_sales", ("needs_reply",), made.is_sales, uses=("intent",)),
        Added("is_pleased", ("rating",), lambda _: (nw.col("rating") >= 0.5).fill_null(False)),
        Added("reply_seconds", ("started_at", "first_reply_at"), made.response("first_reply_at", "started_at")),
        Added("has_lead", ("lead_id",), lambda _: ~nw.col("lead_id").is_null()),
        *made.firsts("is_first_of_lead", "started_at", "lead_id", "chat_id", ("has_lead",)),
    ),
}


EITHER = {"orders": {"net_margin": ("margin", "cost_of_goods"), "has_margin": ("margin", "cost_of_goods")}}
"""Columns of which an added one needs at least one."""


def either(table: str, column: str, stages: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of which an added one needs at least one; none where its needs say it all."""
    if table == "leads" and column.startswith("reached_"):
        stage = column.removeprefix("reached_")
        last = stages[-1] if stage == "customer" and stage not in stages else stage
        return ("stage", stage_column(last))
    return EITHER.get(table, {}).get(column, ())


def added(table: str, stages: tuple[str, ...]) -> tuple[Added, ...]:
    """The columns that preparing can add to a table, the workspace's own stages among them."""
    return (*_stages(stages), *ADDED["leads"]) if table == "leads" else ADDED.get(table, ())


def _stages(stages: tuple[str, ...]) -> tuple[Added, ...]:
    """Reached dates and step durations; the catalogue's own stages are there too where the workspace has others."""
    others = tuple((name, stages[-1:] if name == "customer" else ()) for name in STAGES[1:] if name not in stages)
    followed = (*((stage, stages[place + 1 :]) for place, stage in enumerate(stages) if stage != "lead"), *others)
    reached = tuple(
        Added(
            f"{stage}_on",
            (stage_column(later[-1]),) if stage not in stages and later else (stage_column(stage),),
            made.reached(later, stage),
            uses=tuple(stage_column(name) for name in (stage, *later)),
        )
        for stage, later in followed
    )
    flags = tuple(
        Added(
            f"reached_{stage}",
            (),
            made.has_reached(stage, later),
            uses=(f"{stage}_on", "stage"),
        )
        for stage, later in followed
    )
    steps = pairwise(stages)
    lasting = (
        Added(
            f"seconds_{here}_{there}",
            (stage_column(here), stage_column(there)),
            made.seconds(stage_column(there), stage_column(here)),
        )
        for here, there in steps
    )
    return (*reached, *flags, *lasting)

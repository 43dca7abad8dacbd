"""The columns that preparing adds: what each needs, and how it is worked out. It reads like a table; expressions below.

All of it runs through Narwhals, on Polars and on DuckDB alike.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import narwhals as nw

from kpi.assumptions import STAGES, Assumptions
from kpi.catalog import stage_column

DAYS_A_MONTH = 30.4375
_DAY = 86_400
_MONTHS = {"day": 12 / 365, "week": 12 / 52, "month": 1.0, "quarter": 3.0, "year": 12.0}
_WEB = ("form", "chat", "trial", "account", "order")
_OFFLINE = ("events", "print")
_FALLEN = ("cancelled", "canceled", "voided", "failed", "test")


@dataclass(frozen=True)
class Context:
    """What an added column may look at besides the rows."""

    schema: Mapping[str, Any]
    assumptions: Assumptions
    as_of: dt.date

    def has(self, column: str) -> bool:
        """Whether the rows have the column by now."""
        return column in self.schema


@dataclass(frozen=True)
class Added:
    """A column that preparing adds to a table, from columns that it needs there."""

    name: str
    needs: tuple[str, ...]
    make: Callable[[Context], nw.Expr]
    uses: tuple[str, ...] = ()
    """Columns that it takes into account where they are there."""


def day(column: str) -> str:
    """The name of the column that holds a date's day in the workspace's zone."""
    return f"{column}__day"


def epoch(column: str) -> str:
    """The name of the column that holds an instant as microseconds since 1970, where an engine needs it."""
    return f"{column}__us"


# ---- expressions ----------------------------------------------------------------------------------------------------


def _flag(column: str, default: bool) -> Callable[[Context], nw.Expr]:
    def make(context: Context) -> nw.Expr:
        return nw.col(column).fill_null(default) if context.has(column) else nw.lit(default)

    return make


def _seconds(end: str, start: str) -> Callable[[Context], nw.Expr]:
    """Seconds from one date to another; null where one is unknown or they run backwards."""

    def make(context: Context) -> nw.Expr:
        alike = context.schema[end] == context.schema[start] and context.schema[end] != nw.Date
        first, last = (start, end) if alike else (day(start), day(end))
        moments = [nw.col(name) if alike else nw.col(name).cast(nw.Datetime("us")) for name in (first, last)]
        elapsed = (moments[1] - moments[0]).dt.total_seconds()
        if context.has(epoch(end)) and context.has(epoch(start)):
            # NOTE: DuckDB subtracts instants in the connection's zone, where a day may have 23 hours.
            elapsed = (nw.col(epoch(end)) - nw.col(epoch(start))) // 1_000_000
        return nw.when(elapsed >= 0).then(elapsed)

    return make


def _response(end: str, start: str) -> Callable[[Context], nw.Expr]:
    """Seconds to a response; unknown where a date has no time of day."""

    def make(context: Context) -> nw.Expr:
        if nw.Date in (context.schema[end], context.schema[start]):
            return nw.lit(None).cast(nw.Int64)
        return _seconds(end, start)(context)

    return make


def _firsts(name: str, at: str, key: str, tie: str, among: tuple[str, ...] = ()) -> tuple[Added, ...]:
    """Whether a row is the first of its key by a date, in three steps, since windows do not nest.

    Of rows on the same instant the least `tie` is the first; rows without a key stand for themselves.
    """

    def counted() -> nw.Expr:
        return nw.col(among[0]) if among else nw.lit(True)

    def when(context: Context) -> nw.Expr:
        moment = nw.when(counted()).then(nw.col(at))
        return moment.min().over(key) if context.has(key) else moment

    def who(context: Context) -> nw.Expr:
        winner = nw.when((counted() & (nw.col(at) == nw.col(f"{name}__when"))).fill_null(False)).then(nw.col(tie))
        return winner.min().over(key) if context.has(key) else winner

    def first(context: Context) -> nw.Expr:
        if not context.has(key):
            return counted()
        wins = (nw.col(tie) == nw.col(f"{name}__who")) & (nw.col(at) == nw.col(f"{name}__when"))
        return counted() & (nw.col(key).is_null() | wins.fill_null(False))

    return (
        Added(f"{name}__when", (at, tie, *among), when, uses=(key,)),
        Added(f"{name}__who", (f"{name}__when",), who),
        Added(name, (f"{name}__who",), first),
    )


def _part(flag: str, key: str) -> Callable[[Context], nw.Expr]:
    """1 shared among the rows of a key that are flagged: two items of one subscription are one customer."""

    def make(context: Context) -> nw.Expr:
        flagged = nw.when(nw.col(flag)).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
        return nw.when(nw.col(flag)).then(1.0 / flagged.sum().over(key))

    return make


def _is_web(context: Context) -> nw.Expr:
    """Leads that came through the website: by form, chat or account, and not known to come from print or an event."""
    web = nw.col("is_valid")
    if context.has("captured_by"):
        web = web & nw.col("captured_by").is_in([*_WEB, "unknown"])
    return web & ~nw.col("channel").is_in(_OFFLINE) if context.has("channel") else web


def _is_lead(context: Context) -> nw.Expr:
    events = context.assumptions.lead_event
    if not events or not context.has("captured_by"):
        return nw.lit(True)
    return nw.col("captured_by").is_in([*events, "unknown"])


def _is_past_sla(context: Context) -> nw.Expr:
    zone = zoneinfo.ZoneInfo(context.assumptions.zone)
    end = dt.datetime.combine(context.as_of + dt.timedelta(1), dt.time(), zone)
    limit = end - dt.timedelta(minutes=context.assumptions.sla_minutes)
    dtype = context.schema["created_at"]
    aware = getattr(dtype, "time_zone", None) is not None
    moment = limit.astimezone(dt.UTC) if aware else limit.replace(tzinfo=None)
    return nw.col("is_valid") & (nw.col("created_at") <= (moment.date() if dtype == nw.Date else moment))


def _scope(*types: str) -> Callable[[Context], nw.Expr]:
    def make(context: Context) -> nw.Expr:
        if not context.has("cost_type"):
            return nw.lit("media" in types)
        return nw.col("cost_type").fill_null("media").is_in([*types, *(["unknown"] if "media" in types else [])])

    return make


def _full_cost(context: Context) -> nw.Expr:
    """Cost of a row, and its hours at the hourly rate, which is money of the reporting currency."""
    cost = nw.col("cost").cast(nw.Float64)
    rate = context.assumptions.hourly_rate
    if not rate or not context.has("hours"):
        return cost
    hours = nw.col("hours").cast(nw.Float64) * rate * _from_reporting(context)
    return nw.when(~cost.is_null() | ~hours.is_null()).then(cost.fill_null(0.0) + hours.fill_null(0.0))


def _from_reporting(context: Context) -> nw.Expr:
    """What one unit of the reporting currency is in the row's; null where the rate is unknown."""
    if not context.has("currency"):
        return nw.lit(1.0)
    currency = nw.col("currency").fill_null(context.assumptions.currency)
    factor: nw.Expr = nw.when(currency == context.assumptions.currency).then(nw.lit(1.0))
    for other, rate in context.assumptions.rates.items():
        factor = nw.when(currency == other).then(nw.lit(1.0 / rate)).otherwise(factor)
    return factor


def _net(context: Context) -> nw.Expr:
    amount = nw.col("amount").cast(nw.Float64)
    return amount - nw.col("refunded").cast(nw.Float64).fill_null(0.0) if context.has("refunded") else amount


def _net_margin(context: Context) -> nw.Expr:
    if context.has("margin"):
        margin = nw.col("margin").cast(nw.Float64)
        return margin - nw.col("refunded").cast(nw.Float64).fill_null(0.0) if context.has("refunded") else margin
    return nw.col("net") - nw.col("cost_of_goods").cast(nw.Float64)


def _has_margin(context: Context) -> nw.Expr:
    return ~nw.col("margin" if context.has("margin") else "cost_of_goods").is_null()


def _list_price(context: Context) -> nw.Expr:
    """Amount of a subscription per month before discounts: quantity, interval and tax taken into account."""
    value = nw.col("amount").cast(nw.Float64)
    if context.has("quantity"):
        value = value * nw.col("quantity").cast(nw.Float64).fill_null(1.0)
    if context.has("tax_rate_pct"):
        value = value / (1 + nw.col("tax_rate_pct").fill_null(0.0) / 100)
    if context.has("interval_count"):
        value = value / nw.col("interval_count").cast(nw.Float64).fill_null(1.0)
    return value / _interval_months(context)


def _monthly(context: Context) -> nw.Expr:
    """Amount per month less the discount, while it runs."""
    if not context.has("discount_pct"):
        return nw.col("list_price")
    return nw.col("list_price") * (1 - nw.col("discount_pct").fill_null(0.0) / 100)


def _full_price_at(context: Context) -> nw.Expr:
    """The day on which a discount ends; unknown where there is none, or where it lasts."""
    if not all(context.has(name) for name in ("discount_pct", "discount_to", "started_at")):
        return nw.lit(None).cast(nw.Date)
    until = nw.col(day("discount_to"))
    after = (nw.col("discount_pct") > 0) & (until >= nw.col(day("started_at")))
    if context.has("ended_at"):
        end = nw.col(day("ended_at"))
        after = after & (end.is_null() | (end > until).fill_null(False))
    return nw.when(after.fill_null(False)).then(until)


def _interval_months(context: Context) -> nw.Expr:
    if not context.has("interval"):
        return nw.lit(1.0)
    months: nw.Expr = nw.lit(1.0)
    for name, length in _MONTHS.items():
        months = nw.when(nw.col("interval") == name).then(nw.lit(length)).otherwise(months)
    return months


def _is_recurring(context: Context) -> nw.Expr:
    recurring = (nw.col("amount") > 0).fill_null(False)
    if context.has("kind"):
        recurring = recurring & _recurs()
    if context.has("status"):
        recurring = recurring & ~nw.col("status").fill_null("active").is_in(["trial", "paused"])
    return recurring


def _run_value(context: Context) -> nw.Expr:
    """Monthly amount × months run until it ended, or until the data was exported; the full price after a discount."""
    now = nw.lit(dt.datetime.combine(context.as_of + dt.timedelta(1), dt.time()))
    start = nw.col(day("started_at")).cast(nw.Datetime("us"))
    end = nw.col(day("ended_at")).cast(nw.Datetime("us")) if context.has("ended_at") else now
    last = nw.when(end < now).then(end).otherwise(now)
    at_full = (last - nw.col("full_price_at").cast(nw.Datetime("us"))).dt.total_seconds()
    discount = nw.when(at_full > 0).then(nw.col("discount") * at_full).otherwise(0.0)
    return (nw.col("monthly") * (last - start).dt.total_seconds() + discount) / (_DAY * DAYS_A_MONTH)


def _is_trial_start(context: Context) -> nw.Expr:
    """The first version of a subscription that began with a trial; set-up fees and usage have none."""
    first = nw.col("started_at") == nw.col("started_at").min().over("subscription_id")
    trial = ~nw.col("trial_started_at").is_null() & first
    return trial & _recurs() if context.has("kind") else trial


def _recurs() -> nw.Expr:
    return nw.col("kind").fill_null("recurring").is_in(["recurring", "unknown"])


def _paid_on(context: Context) -> nw.Expr:
    """The first day after a trial on which its subscription ran for money; null for one that ended with the trial."""
    start, trial_end = nw.col(day("started_at")), nw.col(day("trial_ended_at"))
    outlives = nw.lit(True)
    if context.has("ended_at"):
        end = nw.col(day("ended_at"))
        outlives = end.is_null() | (end > trial_end).fill_null(True)
    paying = nw.col("is_recurring") & outlives
    first = nw.when((start < trial_end).fill_null(False)).then(trial_end).otherwise(start)
    return nw.when(paying).then(first).min().over("subscription_id")


def _is_trial_over(context: Context) -> nw.Expr:
    limit = context.as_of - dt.timedelta(context.assumptions.grace_days)
    return nw.col("is_trial_start") & (nw.col(day("trial_ended_at")) <= limit).fill_null(False)


def _is_trial_paid(context: Context) -> nw.Expr:
    ended = nw.col(day("trial_ended_at")).cast(nw.Datetime("us"))
    paid = nw.col("paid_on").cast(nw.Datetime("us"))
    grace = context.assumptions.grace_days * _DAY
    return nw.col("is_trial_over") & ((paid - ended).dt.total_seconds() <= grace).fill_null(False)


def _is_order(context: Context) -> nw.Expr:
    """Orders that stand: not cancelled, voided or failed."""
    if not context.has("status"):
        return nw.lit(True)
    return ~nw.col("status").str.to_lowercase().is_in(_FALLEN).fill_null(False)


def _later_on(_: Context) -> nw.Expr:
    """The day of the customer's second order."""
    later = nw.col("is_order") & ~nw.col("is_first")
    return nw.when(later).then(nw.col(day("ordered_at"))).min().over("customer_id")


def _repeated_at(context: Context) -> nw.Expr:
    """On a first order, the day of the second, where it came soon enough."""
    gap = nw.col("later_on").cast(nw.Datetime("us")) - nw.col(day("ordered_at")).cast(nw.Datetime("us"))
    soon = (gap.dt.total_seconds() <= context.assumptions.repeat_days * _DAY).fill_null(False)
    return nw.when(nw.col("is_first") & soon).then(nw.col("later_on"))


def _is_missed(context: Context) -> nw.Expr:
    silent = nw.col("first_reply_at").is_null()
    flagged = nw.col("missed").fill_null(False) if context.has("missed") else nw.lit(False)
    return nw.col("needs_reply") & (silent | flagged)


def _is_sales(context: Context) -> nw.Expr:
    """Chats for a person to answer that ask to buy, or do not say what they ask."""
    if not context.has("intent"):
        return nw.col("needs_reply")
    return nw.col("needs_reply") & nw.col("intent").fill_null("sales").is_in(["sales", "unknown"])


def _status(value: str) -> Callable[[Context], nw.Expr]:
    return lambda _: (nw.col("status") == value).fill_null(False)


ADDED: Mapping[str, tuple[Added, ...]] = {
    "leads": (
        Added("is_lead", (), _is_lead, uses=("captured_by",)),
        Added(
            "is_valid",
            ("is_lead",),
            lambda c: nw.col("is_lead") & _flag("valid", True)(c),
            uses=("valid",),
        ),
        Added("is_invalid", ("is_lead", "valid"), lambda c: nw.col("is_lead") & ~_flag("valid", True)(c)),
        Added("is_web", ("is_valid",), _is_web, uses=("captured_by", "channel")),
        Added("is_won", ("is_valid", "won_at"), lambda _: nw.col("is_valid") & ~nw.col("won_at").is_null()),
        Added(
            "is_high_score",
            ("is_valid", "score"),
            lambda c: nw.col("is_valid") & (nw.col("score") > c.assumptions.score_threshold).fill_null(False),
        ),
        Added("is_past_sla", ("is_valid", "created_at"), _is_past_sla),
        Added(
            "is_untouched",
            ("is_past_sla", "first_response_at"),
            lambda _: nw.col("is_past_sla") & nw.col("first_response_at").is_null(),
        ),
        Added("response_seconds", ("created_at", "first_response_at"), _response("first_response_at", "created_at")),
        Added("seconds_to_win", ("created_at", "won_at"), _seconds("won_at", "created_at")),
    ),
    "spend": (
        Added("full_cost", ("cost",), _full_cost, uses=("hours", "currency")),
        Added("is_media", (), _scope("media"), uses=("cost_type",)),
        Added(
            "is_marketing",
            (),
            _scope("media", "tools", "agency", "marketing_people", "people"),
            uses=("cost_type",),
        ),
        Added("has_clicks", ("clicks",), lambda _: ~nw.col("clicks").is_null()),
        Added("has_impressions", ("impressions",), lambda _: ~nw.col("impressions").is_null()),
    ),
    "deals": (
        Added("is_won", ("status",), _status("won")),
        Added("is_lost", ("status",), _status("lost")),
        Added(
            "decided_at",
            ("is_won", "is_lost", "closed_at"),
            lambda _: nw.when(nw.col("is_won") | nw.col("is_lost")).then(nw.col(day("closed_at"))),
        ),
        *_firsts("is_first_win", "decided_at", "customer_id", "deal_id", ("is_won",)),
        Added("seconds_to_close", ("created_at", "closed_at"), _seconds("closed_at", "created_at")),
        Added(
            "is_tracked",
            ("is_won", "is_lost", "closed_at"),
            lambda _: ~(nw.col("is_won") | nw.col("is_lost")) | ~nw.col("closed_at").is_null(),
        ),
        Added("is_of_valid_lead", ("lead_is_valid",), _flag("lead_is_valid", False)),
    ),
    "orders": (
        Added("net", ("amount",), _net, uses=("refunded",)),
        Added("net_margin", ("net",), _net_margin, uses=("margin", "cost_of_goods", "refunded")),
        Added("has_margin", (), _has_margin, uses=("margin", "cost_of_goods")),
        Added("is_order", (), _is_order, uses=("status",)),
        *_firsts("is_first", "ordered_at", "customer_id", "order_id", ("is_order",)),
        Added("later_on", ("is_first", "is_order"), _later_on, uses=("customer_id", "ordered_at")),
        Added("repeated_at", ("later_on", "is_first"), _repeated_at, uses=("ordered_at",)),
        Added("is_of_valid_lead", ("lead_is_valid",), _flag("lead_is_valid", False)),
    ),
    "subscriptions": (
        Added("is_recurring", ("amount",), _is_recurring, uses=("kind", "status")),
        Added("list_price", ("amount",), _list_price, uses=("quantity", "interval", "interval_count", "tax_rate_pct")),
        Added("monthly", ("list_price",), _monthly, uses=("discount_pct",)),
        Added(
            "full_price_at",
            (),
            _full_price_at,
            uses=("started_at", "discount_pct", "discount_to", "ended_at"),
        ),
        Added("discount", ("list_price", "monthly"), lambda _: nw.col("list_price") - nw.col("monthly")),
        Added(
            "is_discounted",
            ("is_recurring", "full_price_at"),
            lambda _: nw.col("is_recurring") & ~nw.col("full_price_at").is_null(),
        ),
        Added("run_value", ("monthly", "started_at", "discount", "full_price_at"), _run_value, uses=("ended_at",)),
        Added("is_trial_start", ("subscription_id", "trial_started_at", "started_at"), _is_trial_start, uses=("kind",)),
        Added(
            "trial_started", ("is_trial_start",), _part("is_trial_start", "subscription_id"), uses=("subscription_id",)
        ),
        Added("is_trial_over", ("is_trial_start", "trial_ended_at"), _is_trial_over),
        Added(
            "paid_on",
            ("is_recurring", "subscription_id", "started_at", "trial_ended_at"),
            _paid_on,
            uses=("ended_at",),
        ),
        Added("is_trial_paid", ("is_trial_over", "paid_on"), _is_trial_paid),
        Added("is_of_valid_lead", ("lead_is_valid",), _flag("lead_is_valid", False)),
        *_firsts("is_first_paid", "started_at", "customer_id", "subscription_id", ("is_recurring",)),
        Added("first_paid", ("is_first_paid",), _part("is_first_paid", "customer_id"), uses=("customer_id",)),
    ),
    "chats": (
        Added("needs_reply", (), lambda c: ~_flag("bot_handled", False)(c), uses=("bot_handled",)),
        Added("is_missed", ("needs_reply", "first_reply_at"), _is_missed, uses=("missed",)),
        Added("is_sales", ("needs_reply",), _is_sales, uses=("intent",)),
        Added("is_pleased", ("rating",), lambda _: (nw.col("rating") >= 0.5).fill_null(False)),
        Added("reply_seconds", ("started_at", "first_reply_at"), _response("first_reply_at", "started_at")),
        Added("has_lead", ("lead_id",), lambda _: ~nw.col("lead_id").is_null()),
        *_firsts("is_first_of_lead", "started_at", "lead_id", "chat_id", ("has_lead",)),
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
            _reached(later, stage),
            uses=tuple(stage_column(name) for name in (stage, *later)),
        )
        for stage, later in followed
    )
    flags = tuple(
        Added(
            f"reached_{stage}",
            (),
            _has_reached(stage, later),
            uses=(f"{stage}_on", "stage"),
        )
        for stage, later in followed
    )
    steps = pairwise(stages)
    lasting = (
        Added(
            f"seconds_{here}_{there}",
            (stage_column(here), stage_column(there)),
            _seconds(stage_column(there), stage_column(here)),
        )
        for here, there in steps
    )
    return (*reached, *flags, *lasting)


def _has_reached(stage: str, later: tuple[str, ...]) -> Callable[[Context], nw.Expr]:
    """Whether a stage or a later one was reached: by its date, or by the tag that says where the lead stands now."""

    def make(context: Context) -> nw.Expr:
        dated = ~nw.col(f"{stage}_on").is_null() if context.has(f"{stage}_on") else nw.lit(False)
        if not context.has("stage"):
            return dated
        return dated | nw.col("stage").str.to_lowercase().is_in([stage, *later]).fill_null(False)

    return make


def _reached(later: tuple[str, ...], stage: str) -> Callable[[Context], nw.Expr]:
    """The day of a stage, or of the first later one that has a date: who is a customer was a lead of every stage."""

    def make(context: Context) -> nw.Expr:
        columns = [stage_column(name) for name in (stage, *later) if context.has(stage_column(name))]
        return nw.coalesce(*(nw.col(day(name)) for name in columns))

    return make

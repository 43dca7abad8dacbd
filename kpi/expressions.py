"""Expressions: how each added column is worked out, on Polars and on DuckDB alike."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw

from kpi.assumptions import Assumptions
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
    assumes: str = ""
    """The assumption that it rests on."""


def day(column: str) -> str:
    """The name of the column that holds a date's day in the workspace's zone."""
    return f"{column}__day"


def epoch(column: str) -> str:
    """The name of the column that holds an instant as microseconds since 1970, where an engine needs it."""
    return f"{column}__us"


def flag(column: str, default: bool) -> Callable[[Context], nw.Expr]:
    """Whether a flag is true; the default where it is unknown, or not there at all."""

    def make(context: Context) -> nw.Expr:
        return nw.col(column).fill_null(default) if context.has(column) else nw.lit(default)

    return make


def seconds(end: str, start: str) -> Callable[[Context], nw.Expr]:
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


def response(end: str, start: str) -> Callable[[Context], nw.Expr]:
    """Seconds to a response; unknown where a date has no time of day."""

    def make(context: Context) -> nw.Expr:
        if nw.Date in (context.schema[end], context.schema[start]):
            return nw.lit(None).cast(nw.Int64)
        return seconds(end, start)(context)

    return make


def firsts(name: str, at: str, key: str, tie: str, among: tuple[str, ...] = ()) -> tuple[Added, ...]:
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


def part(flag: str, key: str) -> Callable[[Context], nw.Expr]:
    """1 shared among the rows of a key that are flagged: two items of one subscription are one customer."""

    def make(context: Context) -> nw.Expr:
        flagged = nw.when(nw.col(flag)).then(nw.lit(1.0)).otherwise(nw.lit(0.0))
        return nw.when(nw.col(flag)).then(1.0 / flagged.sum().over(key))

    return make


def is_web(context: Context) -> nw.Expr:
    """Leads that came through the website: by form, chat or account, and not known to come from print or an event."""
    web = nw.col("is_valid")
    if context.has("captured_by"):
        web = web & nw.col("captured_by").is_in([*_WEB, "unknown"])
    return web & ~nw.col("channel").is_in(_OFFLINE) if context.has("channel") else web


def is_lead(context: Context) -> nw.Expr:
    """Whether a row is what this business calls a lead."""
    events = context.assumptions.lead_event
    if not events or not context.has("captured_by"):
        return nw.lit(True)
    return nw.col("captured_by").is_in([*events, "unknown"])


def is_past_sla(context: Context) -> nw.Expr:
    """Whether a valid lead came long enough before the export to have had an answer."""
    zone = zoneinfo.ZoneInfo(context.assumptions.zone)
    end = dt.datetime.combine(context.as_of + dt.timedelta(1), dt.time(), zone)
    limit = end - dt.timedelta(minutes=context.assumptions.sla_minutes)
    dtype = context.schema["created_at"]
    aware = getattr(dtype, "time_zone", None) is not None
    moment = limit.astimezone(dt.UTC) if aware else limit.replace(tzinfo=None)
    return nw.col("is_valid") & (nw.col("created_at") <= (moment.date() if dtype == nw.Date else moment))


def scope(*types: str) -> Callable[[Context], nw.Expr]:
    """Whether a cost is of one of these types; one without a type is media."""

    def make(context: Context) -> nw.Expr:
        if not context.has("cost_type"):
            return nw.lit("media" in types)
        return nw.col("cost_type").fill_null("media").is_in([*types, *(["unknown"] if "media" in types else [])])

    return make


def full_cost(context: Context) -> nw.Expr:
    """Cost of a row, and its hours at the hourly rate, which is money of the reporting currency."""
    cost = nw.col("cost").cast(nw.Float64)
    rate = context.assumptions.hourly_rate
    if not rate or not context.has("hours"):
        return cost
    hours = nw.col("hours").cast(nw.Float64) * rate * from_reporting(context)
    return nw.when(~cost.is_null() | ~hours.is_null()).then(cost.fill_null(0.0) + hours.fill_null(0.0))


def from_reporting(context: Context) -> nw.Expr:
    """What one unit of the reporting currency is in the row's; null where the rate is unknown."""
    if not context.has("currency"):
        return nw.lit(1.0)
    currency = nw.col("currency").fill_null(context.assumptions.currency)
    factor: nw.Expr = nw.when(currency == context.assumptions.currency).then(nw.lit(1.0))
    for other, rate in context.assumptions.rates.items():
        factor = nw.when(currency == other).then(nw.lit(1.0 / rate)).otherwise(factor)
    return factor


def net(context: Context) -> nw.Expr:
    """Amount of an order less what was refunded."""
    amount = nw.col("amount").cast(nw.Float64)
    return amount - nw.col("refunded").cast(nw.Float64).fill_null(0.0) if context.has("refunded") else amount


def net_margin(context: Context) -> nw.Expr:
    """Margin of an order after refunds: its own, or net revenue less the cost of goods."""
    if context.has("margin"):
        margin = nw.col("margin").cast(nw.Float64)
        return margin - nw.col("refunded").cast(nw.Float64).fill_null(0.0) if context.has("refunded") else margin
    return nw.col("net") - nw.col("cost_of_goods").cast(nw.Float64)


def has_margin(context: Context) -> nw.Expr:
    """Whether an order says what it cost."""
    return ~nw.col("margin" if context.has("margin") else "cost_of_goods").is_null()


def list_price(context: Context) -> nw.Expr:
    """Amount of a subscription per month before discounts: quantity, interval and tax taken into account."""
    value = nw.col("amount").cast(nw.Float64)
    if context.has("quantity"):
        value = value * nw.col("quantity").cast(nw.Float64).fill_null(1.0)
    if context.has("tax_rate_pct"):
        value = value / (1 + nw.col("tax_rate_pct").fill_null(0.0) / 100)
    if context.has("interval_count"):
        value = value / nw.col("interval_count").cast(nw.Float64).fill_null(1.0)
    return value / interval_months(context)


def monthly(context: Context) -> nw.Expr:
    """Amount per month less the discount, while it runs; one that ended before the first payment never ran."""
    if not context.has("discount_pct"):
        return nw.col("list_price")
    discounted = nw.col("list_price") * (1 - nw.col("discount_pct").fill_null(0.0) / 100)
    if not (context.has("discount_to") and context.has("paying_from")):
        return discounted
    over = (nw.col(day("discount_to")) < nw.col("paying_from")).fill_null(False)
    return nw.when(over).then(nw.col("list_price")).otherwise(discounted)


def full_price_at(context: Context) -> nw.Expr:
    """The day on which a discount ends; unknown where there is none, or where it lasts."""
    if not all(context.has(name) for name in ("discount_pct", "discount_to", "paying_from")):
        return nw.lit(None).cast(nw.Date)
    until = nw.col(day("discount_to"))
    after = (nw.col("discount_pct") > 0) & (until >= nw.col("paying_from"))
    if context.has("ended_at"):
        end = nw.col(day("ended_at"))
        after = after & (end.is_null() | (end > until).fill_null(False))
    return nw.when(after.fill_null(False)).then(until)


def interval_months(context: Context) -> nw.Expr:
    """How many months a subscription's interval has."""
    if not context.has("interval"):
        return nw.lit(1.0)
    months: nw.Expr = nw.lit(1.0)
    for name, length in _MONTHS.items():
        months = nw.when(nw.col("interval") == name).then(nw.lit(length)).otherwise(months)
    return months


def is_recurring(context: Context) -> nw.Expr:
    """Whether a version of a subscription is paid for, again and again: no trial, no pause, no fee.

    One that ended with its free trial or before was never paid for.
    """
    recurring = (nw.col("amount") > 0).fill_null(False)
    if context.has("trial_ended_at") and context.has("started_at") and context.has("ended_at"):
        start, trial_end, end = (nw.col(day(name)) for name in ("started_at", "trial_ended_at", "ended_at"))
        recurring = recurring & ~((trial_end > start) & (end <= trial_end)).fill_null(False)
    if context.has("kind"):
        recurring = recurring & recurs()
    if context.has("status"):
        recurring = recurring & ~nw.col("status").fill_null("active").is_in(["trial", "paused"])
    return recurring


def paying_since(context: Context) -> nw.Expr:
    """The moment from which a version of a subscription is paid for: its start, or the end of its free trial."""
    start, trial_end = "started_at", "trial_ended_at"
    if not context.has(trial_end):
        return nw.col(start)
    if context.schema[start] != context.schema[trial_end]:
        start, trial_end = day(start), day(trial_end)
    later = (nw.col(trial_end) > nw.col(start)).fill_null(False)
    return nw.when(later).then(nw.col(trial_end)).otherwise(nw.col(start))


def paying_from(context: Context) -> nw.Expr:
    """The day of `paying_since`."""
    start = nw.col(day("started_at"))
    if not context.has("trial_ended_at"):
        return start
    trial_end = nw.col(day("trial_ended_at"))
    return nw.when((trial_end > start).fill_null(False)).then(trial_end).otherwise(start)


def run_value(context: Context) -> nw.Expr:
    """Monthly amount × months run until it ended, or until the data was exported; the full price after a discount."""
    now = nw.lit(dt.datetime.combine(context.as_of + dt.timedelta(1), dt.time()))
    start = nw.col("paying_from").cast(nw.Datetime("us"))
    end = nw.col(day("ended_at")).cast(nw.Datetime("us")) if context.has("ended_at") else now
    last = nw.when(end < now).then(end).otherwise(now)
    at_full = (last - nw.col("full_price_at").cast(nw.Datetime("us"))).dt.total_seconds()
    discount = nw.when(at_full > 0).then(nw.col("discount") * at_full).otherwise(0.0)
    return (nw.col("monthly") * (last - start).dt.total_seconds() + discount) / (_DAY * DAYS_A_MONTH)


def is_trial_start(context: Context) -> nw.Expr:
    """The first version of a subscription that began with a trial; set-up fees and usage have none."""
    first = nw.col("started_at") == nw.col("started_at").min().over("subscription_id")
    trial = ~nw.col("trial_started_at").is_null() & first
    return trial & recurs() if context.has("kind") else trial


def recurs() -> nw.Expr:
    """Whether a row is of the recurring kind."""
    return nw.col("kind").fill_null("recurring").is_in(["recurring", "unknown"])


def paid_on(context: Context) -> nw.Expr:
    """The first day after a trial on which its subscription ran for money; null for one that ended with the trial."""
    paying = nw.col("is_recurring")
    if context.has("ended_at"):
        end = nw.col(day("ended_at"))
        paying = paying & (end.is_null() | (end > nw.col(day("trial_ended_at"))).fill_null(True))
    return nw.when(paying).then(nw.col("paying_from")).min().over("subscription_id")


def is_trial_over(context: Context) -> nw.Expr:
    """Whether a trial ended long enough before the export to have converted."""
    limit = context.as_of - dt.timedelta(context.assumptions.grace_days)
    return nw.col("is_trial_start") & (nw.col(day("trial_ended_at")) <= limit).fill_null(False)


def is_trial_paid(context: Context) -> nw.Expr:
    """Whether a finished trial was paid for within the days of grace."""
    ended = nw.col(day("trial_ended_at")).cast(nw.Datetime("us"))
    paid = nw.col("paid_on").cast(nw.Datetime("us"))
    grace = context.assumptions.grace_days * _DAY
    return nw.col("is_trial_over") & ((paid - ended).dt.total_seconds() <= grace).fill_null(False)


def is_order(context: Context) -> nw.Expr:
    """Orders that stand: not cancelled, voided or failed."""
    if not context.has("status"):
        return nw.lit(True)
    return ~nw.col("status").str.to_lowercase().is_in(_FALLEN).fill_null(False)


def later_on(_: Context) -> nw.Expr:
    """The day of the customer's second order."""
    later = nw.col("is_order") & ~nw.col("is_first")
    return nw.when(later).then(nw.col(day("ordered_at"))).min().over("customer_id")


def repeated_at(context: Context) -> nw.Expr:
    """On a first order, the day of the second, where it came soon enough."""
    gap = nw.col("later_on").cast(nw.Datetime("us")) - nw.col(day("ordered_at")).cast(nw.Datetime("us"))
    soon = (gap.dt.total_seconds() <= context.assumptions.repeat_days * _DAY).fill_null(False)
    return nw.when(nw.col("is_first") & soon).then(nw.col("later_on"))


def is_missed(context: Context) -> nw.Expr:
    """Whether a chat that needed a person got none."""
    silent = nw.col("first_reply_at").is_null()
    flagged = nw.col("missed").fill_null(False) if context.has("missed") else nw.lit(False)
    return nw.col("needs_reply") & (silent | flagged)


def is_sales(context: Context) -> nw.Expr:
    """Chats for a person to answer that ask to buy, or do not say what they ask."""
    if not context.has("intent"):
        return nw.col("needs_reply")
    return nw.col("needs_reply") & nw.col("intent").fill_null("sales").is_in(["sales", "unknown"])


def status(value: str) -> Callable[[Context], nw.Expr]:
    """Whether a deal stands there."""
    return lambda _: (nw.col("status") == value).fill_null(False)


def has_reached(stage: str, later: tuple[str, ...]) -> Callable[[Context], nw.Expr]:
    """Whether a stage or a later one was reached: by its date, or by the tag that says where the lead stands now."""

    def make(context: Context) -> nw.Expr:
        dated = ~nw.col(f"{stage}_on").is_null() if context.has(f"{stage}_on") else nw.lit(False)
        if not context.has("stage"):
            return dated
        return dated | nw.col("stage").str.to_lowercase().is_in([stage, *later]).fill_null(False)

    return make


def reached(later: tuple[str, ...], stage: str) -> Callable[[Context], nw.Expr]:
    """The day of a stage, or of the first later one that has a date: who is a customer was a lead of every stage."""

    def make(context: Context) -> nw.Expr:
        columns = [stage_column(name) for name in (stage, *later) if context.has(stage_column(name))]
        return nw.coalesce(*(nw.col(day(name)) for name in columns))

    return make

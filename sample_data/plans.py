"""Trials and subscriptions: one row per version, from trial to churn and sometimes back."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_data import clock
from sample_data.declare import Business, Plans

MONTH = 30.4375 * clock.DAY
CHANGES = 4


def trials(
    business: Business, frame: pl.DataFrame, times: np.ndarray, rng: np.random.Generator
) -> tuple[pl.DataFrame, np.ndarray]:
    """Adds trial_at and whether a win skipped the sales stages; wins move to the end of the trial or later."""
    plan, n = business.plans, frame.height
    signed_up = (frame["captured_by"] == "trial").to_numpy()
    depth, mql = frame["_depth"].to_numpy(), times[:, 0]
    later = (depth > 0) & (rng.random(n) < plan.trial_after_mql)
    start = np.where(
        signed_up,
        frame["_created"].to_numpy() + rng.integers(60, 2400, n) * clock.SECOND,
        mql + (np.exp(0.9 * rng.standard_normal(n)) * 2 * clock.DAY).astype(np.int64),
    )
    has = (signed_up | later) & frame["valid"].to_numpy()
    finish = start + plan.trial_days * clock.DAY + (rng.random(n) ** 3 * 3 * clock.DAY).astype(np.int64)
    won = np.where(has, np.maximum(times[:, -1], finish), times[:, -1])
    known = has & (start < clock.end(business.zone))
    self_serve = signed_up & (depth == len(business.stages)) & (rng.random(n) < plan.self_serve)
    frame = frame.with_columns(trial_at=clock.instants(start, known), _self_serve=self_serve)
    return frame, np.column_stack([times[:, :-1], won])


def offers(plan: Plans, segment: np.ndarray, seats: np.ndarray, rng: np.random.Generator) -> dict[str, pl.Series]:
    """Plan, seats, interval and first-year value of what each lead would buy."""
    tier = np.minimum(segment + (rng.random(len(segment)) < 0.25), len(plan.prices) - 1)
    prices = np.array([price for _, price in plan.prices])[tier]
    quantity = np.maximum(seats.round(), 1)
    annual = rng.random(len(segment)) < plan.annual + 0.2 * (segment > 0)
    value = prices * quantity * np.where(annual, 10, 12)
    return {
        "_value": pl.Series(value),
        "_tier": pl.Series(tier),
        "_seats": pl.Series(quantity.astype(np.int64)),
        "_annual": pl.Series(annual),
    }


def subscriptions(business: Business, leads: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Versions of the subscriptions of these leads: trial, paid, changed, ended, back again, and extras."""
    tried = leads.filter(pl.col("trial_at").is_not_null())
    won = leads.filter(pl.col("won_at").is_not_null())
    paid = _paid(business, won, rng)
    frame = pl.concat(
        [_trials(business, tried), paid, _back(business, paid, rng), _extras(business, won, rng)], how="diagonal"
    )
    close = clock.end(business.zone)
    ends = pl.col("_end")
    return (
        frame.filter(pl.col("_start") < close)
        .with_columns(
            started_at=clock.instants(frame.filter(pl.col("_start") < close)["_start"].to_numpy()),
            ended_at=pl.when(ends < close).then(ends // clock.SECOND * clock.SECOND).cast(clock.INSTANT),
        )
        .pipe(_columns, business, rng)
    )


def _trials(business: Business, tried: pl.DataFrame) -> pl.DataFrame:
    """One version per trial; still running ones have no end yet and end in the future."""
    start = tried["trial_at"].to_physical().to_numpy()
    return _offer(business, tried).with_columns(
        status=pl.lit("trial"),
        _start=start,
        _end=start + business.plans.trial_days * clock.DAY,
        kind=pl.lit("recurring"),
    )


def _paid(business: Business, won: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Versions from the paid start to churn: a new version with each change of seats."""
    plan, n = business.plans, won.height
    start = won["won_at"].to_physical().to_numpy()
    churn = rng.beta(plan.churn_a, plan.churn_b, n)
    life = rng.geometric(np.maximum(churn, 1e-3)).astype(float)
    life = np.where(won["_annual"].to_numpy(), np.ceil(life / 12) * 12, life)
    changes = np.cumsum(np.ceil(rng.exponential(plan.change_months, (n, CHANGES))), axis=1)
    edges = np.column_stack([np.zeros(n), np.minimum(changes, life[:, None]), life])
    steps = np.where(
        rng.random((n, CHANGES)) < plan.upgrade,
        rng.uniform(1.1, 1.45, (n, CHANGES)),
        rng.uniform(0.5, 0.9, (n, CHANGES)),
    )
    growth = np.column_stack([np.ones(n), np.cumprod(steps, axis=1)])
    row, version = np.nonzero(edges[:, 1:] > edges[:, :-1])
    at = start[:, None] + (edges * MONTH).astype(np.int64) // clock.SECOND * clock.SECOND
    seats = np.maximum((won["_seats"].to_numpy()[row] * growth[row, version]).round(), 1).astype(np.int64)
    last = edges[row, version + 1] >= life[row]
    return _offer(business, won)[row].with_columns(
        status=pl.lit("active"),
        kind=pl.lit("recurring"),
        quantity=seats,
        _start=at[row, version],
        _end=at[row, version + 1],
        _last=last,
    )


def _back(business: Business, paid: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A few customers who left come back after two to six months, as a new version."""
    left = paid.filter(pl.col("_last"))
    left = left.filter(pl.Series(rng.random(left.height) < business.plans.reactivated))
    start = left["_end"].to_numpy() + (rng.uniform(2, 6, left.height) * MONTH).astype(np.int64)
    end = start + (rng.geometric(0.04, left.height) * MONTH).astype(np.int64)
    return left.with_columns(_start=start, _end=end)


def _extras(business: Business, won: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Second subscriptions, metered usage and set-up fees of a few customers."""
    plan, drawn = business.plans, pl.Series(rng.random(won.height))
    start = won["won_at"].to_physical()
    offer = _offer(business, won).with_columns(_start=start, quantity=pl.lit(1, pl.Int64), interval=pl.lit("month"))
    later = start + pl.Series((rng.uniform(1, 9, won.height) * MONTH).astype(np.int64))
    life = pl.Series((rng.geometric(0.035, won.height) * MONTH).astype(np.int64))
    second = offer.with_columns(
        subscription_id=pl.col("subscription_id") + "b",
        plan=pl.lit("analytics"),
        amount=pl.lit(99.0),
        kind=pl.lit("recurring"),
        _start=later,
        _end=later + life,
    )
    usage = offer.with_columns(
        subscription_id=pl.col("subscription_id") + "u",
        plan=pl.lit("messages"),
        amount=pl.Series(rng.gamma(2.0, 20.0, won.height).round(2)),
        kind=pl.lit("usage"),
        _end=start + life,
    )
    setup = offer.with_columns(
        subscription_id=pl.col("subscription_id") + "s",
        plan=pl.lit("setup"),
        amount=pl.lit(490.0),
        kind=pl.lit("one_off"),
        _end=start + clock.DAY,
    )
    return pl.concat(
        [
            second.filter(drawn < plan.second),
            usage.filter((drawn > 0.3) & (drawn < 0.3 + plan.usage)),
            setup.filter((drawn > 0.6) & (drawn < 0.6 + plan.setup)),
        ]
    ).with_columns(status=pl.lit("active"))


def _offer(business: Business, leads: pl.DataFrame) -> pl.DataFrame:
    """What every version of a lead's subscription has in common; `amount` is the list price of one seat."""
    plan, tier = business.plans, pl.col("_tier").cast(pl.Int64)
    names, prices = zip(*plan.prices, strict=True)
    number = pl.col("lead_id").str.slice(1)
    start, ends = pl.col("trial_at"), pl.col("trial_at") + pl.duration(days=plan.trial_days)
    return leads.select(
        subscription_id="S" + number,
        customer_id="C" + number,
        lead_id="lead_id",
        plan=tier.replace_strict(dict(enumerate(names))),
        amount=tier.replace_strict(dict(enumerate(prices)), return_dtype=pl.Float64)
        * pl.when("_annual").then(10).otherwise(1),
        interval=pl.when("_annual").then(pl.lit("year")).otherwise(pl.lit("month")),
        quantity="_seats",
        trial_started_at=start,
        trial_ended_at=ends,
        channel="channel",
        segment="segment",
        country="country",
        email="email",
    )


def _columns(frame: pl.DataFrame, business: Business, rng: np.random.Generator) -> pl.DataFrame:
    """Discounts, cancellations, late payers, and the order of columns."""
    plan, n = business.plans, frame.height
    first = (pl.col("status") == "active") & (pl.col("kind") == "recurring") & pl.col("interval").eq("month")
    cut = first & pl.Series(rng.random(n) < plan.discounted) & (pl.col("started_at").is_not_null())
    late = pl.col("ended_at").is_null() & (pl.col("status") == "active") & pl.Series(rng.random(n) < 0.025)
    held = pl.col("ended_at").is_null() & (pl.col("status") == "active") & pl.Series(rng.random(n) < 0.01)
    notice = pl.duration(days=pl.Series(rng.integers(1, 25, n)))
    ended = pl.col("_last").fill_null(False) & pl.col("ended_at").is_not_null()
    tried = pl.col("subscription_id").str.contains(r"\d$")  # not a set-up fee, usage, or a second subscription
    return frame.with_columns(
        *(pl.when(tried).then(name).alias(name) for name in ("trial_started_at", "trial_ended_at")),
        discount_pct=pl.when(cut).then(20.0).otherwise(0.0),
        discount_to=pl.when(cut).then(pl.col("started_at") + pl.duration(days=91)),
        status=pl.when(held).then(pl.lit("paused")).when(late).then(pl.lit("past_due")).otherwise("status"),
        cancel_requested_at=pl.when(ended).then(pl.max_horizontal("started_at", pl.col("ended_at") - notice)),
        interval_count=pl.lit(1, pl.Int64),
        currency=pl.lit(business.currency),
        tax_rate_pct=pl.lit(0.0),
    ).select(
        "subscription_id",
        "customer_id",
        "lead_id",
        "started_at",
        "ended_at",
        "status",
        "kind",
        "plan",
        "amount",
        "interval",
        "interval_count",
        "quantity",
        "currency",
        "discount_pct",
        "discount_to",
        "tax_rate_pct",
        "trial_started_at",
        "trial_ended_at",
        "cancel_requested_at",
        "channel",
        "segment",
        "country",
        "email",
    )

"""The leads table, a month at a time, so that memory stays bounded at any number of rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from sample_data import clock, journeys, people, plans
from sample_data.declare import Business

PUBLIC = (
    "lead_id",
    "created_at",
    "channel",
    "source",
    "medium",
    "campaign",
    "content",
    "placement",
    "landing_page",
    "device",
    "segment",
    "industry",
    "country",
    "captured_by",
    "valid",
    "invalid_reason",
    "disqualified_reason",
    "lost_reason",
    "score",
)
KEYS = ("first_response_at", "amount", "deal_id", "customer_id", "email", "visitor_id", "owner")


def blocks(business: Business, counts: np.ndarray, seed: int) -> Iterator[pl.DataFrame]:
    """Each month's leads with their hidden columns (named with a leading underscore)."""
    first = 1
    for month in range(clock.MONTHS):
        days = clock.month_days(month)
        here = counts[days]
        yield block(business, here, days, first, clock.stream(seed, "leads", month))
        first += int(here.sum())


def public(business: Business, block: pl.DataFrame) -> pl.DataFrame:
    """The columns that an export would have."""
    stages = ["trial_at"] if business.plans else []
    stages += [stage.column for stage in business.stages] + (["lost_at"] if business.stages[1:] else [])
    kept = [c for c in (*PUBLIC, *stages, *KEYS) if c in block.columns]
    return block.select(kept)


def block(business: Business, counts: np.ndarray, days: slice, first: int, rng: np.random.Generator) -> pl.DataFrame:
    """One month's leads: known at creation, then the journey, then ids and value."""
    base = people.arrivals(business, counts, days, first, rng)
    source, day = base["_source"].to_numpy().astype(np.int64), base["_day"].to_numpy().astype(np.int64)
    segment, u = people.segments(business, base.height, rng), base["_u"].to_numpy()
    valid = rng.random(base.height) >= np.array([s.invalid for s in business.sources])[source]
    # a shop's "order" leads are those who bought: how they were captured follows the outcome
    bought = (u < journeys.reach(business, source, segment, None, day)[:, -1]) & valid
    dims = people.dimensions(business, base, bought if business.basket else np.zeros(base.height, bool), rng)
    chance = journeys.reach(business, source, segment, dims["captured_by"], day)
    depth = (u[:, None] < chance).sum(axis=1) * valid
    frame = base.with_columns(
        dims,
        segment=pl.Series([s.name for s in business.segments]).gather(segment),
        _segment=segment,
        _depth=depth,
        valid=valid,
        score=people.score(base["_z"].to_numpy(), rng),
    )
    frame = _stages(business, frame, rng)
    return _ids(business, _reasons(business, _answered(business, frame, rng), rng), rng)


def _stages(business: Business, frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Adds the stage dates; a date after the export is not known yet."""
    lag = journeys.lags(business, frame["_segment"].to_numpy(), frame["captured_by"], rng)
    created, depth = frame["_created"].to_numpy(), frame["_depth"].to_numpy()
    times = clock.awake(created[:, None] + (lag.cumsum(axis=1) * clock.DAY).astype(np.int64), created, business.zone)
    frame = frame.with_columns(
        _last=np.where(depth > 0, np.take_along_axis(times, np.maximum(depth - 1, 0)[:, None], axis=1)[:, 0], created)
    )
    if business.plans:
        frame, times = plans.trials(business, frame, times, rng)
    times = _confused(times, rng)
    skipped = frame["_self_serve"].to_numpy() if business.plans else np.zeros(frame.height, bool)
    last, close = len(business.stages) - 1, clock.end(business.zone)
    known = {}
    for k, stage in enumerate(business.stages):
        reached = (depth > k) & (times[:, k] < close) & ~(skipped & (k > 0) & (k < last))
        known[stage.column] = clock.instants(times[:, k], reached)
    return frame.with_columns(**known, _won=times[:, -1])


def _confused(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A few records have two stages entered in the wrong order, as CRMs do."""
    if times.shape[1] < 4:
        return times
    wrong = rng.random(len(times)) < 0.004
    return np.where(wrong[:, None], times[:, [0, 2, 1, *range(3, times.shape[1])]], times)


def _answered(business: Business, frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Adds first_response_at and owner; never answered leads never get anywhere."""
    if not business.response_minutes:
        return frame
    time = journeys.responses(business, frame, frame["captured_by"], rng)
    silent = (rng.random(frame.height) < business.never_answered) & (frame["_depth"].to_numpy() == 0)
    answered = frame["valid"].to_numpy() & ~silent & (time < clock.end(business.zone))
    owner = pl.Series(business.owners).gather(rng.integers(0, len(business.owners), frame.height))
    return frame.with_columns(
        first_response_at=clock.instants(time, answered), owner=owner.set(pl.Series(~answered), "unknown")
    )


def _reasons(business: Business, frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Adds why a lead was invalid, disqualified or lost, each null where it does not apply (yet)."""
    n, close = frame.height, clock.end(business.zone)
    depth, valid = frame["_depth"].to_numpy(), frame["valid"].to_numpy()
    decided = frame["_last"].to_numpy() + (
        business.lost_days * np.exp(0.7 * rng.standard_normal(n)) * clock.DAY
    ).astype(np.int64)
    over = decided < close
    lost = (depth > 0) & (depth < len(business.stages)) & over
    no_fit = valid & (depth == 0) & over & (rng.random(n) < 0.55)
    reasons = {"invalid_reason": (journeys.INVALID, ~valid)}
    if business.stages[1:]:
        reasons |= {"disqualified_reason": (journeys.DISQUALIFIED, no_fit), "lost_reason": (journeys.LOST, lost)}
        frame = frame.with_columns(lost_at=clock.instants(decided, lost))
    drawn = {name: people.draw(mix, n, rng).set(pl.Series(~true), None) for name, (mix, true) in reasons.items()}
    return frame.with_columns(**drawn, _decided=decided)


def _ids(business: Business, frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Adds keys, the clearly fake address, and the value of the win."""
    n, won = frame.height, pl.col("won_at").is_not_null()
    frame = frame.with_columns(**_values(business, frame, rng))
    mail = pl.Series(rng.random(n) < 0.6)
    number = pl.col("_number").cast(pl.String).str.zfill(8)
    # NOTE: a multiplication by an odd constant is one to one, so the made-up hashes are unique.
    hashed = ((pl.col("_number").cast(pl.UInt64) * 2654435761) % 2**32).cast(pl.String).str.zfill(10)
    return frame.with_columns(
        created_at=clock.instants(frame["_created"].to_numpy()),
        lead_id="L" + number,
        amount=pl.when(won).then(pl.col("_value")),
        customer_id=pl.when(won).then("C" + number),
        email=pl.when(mail & (pl.col("captured_by") != "phone")).then("x" + hashed + "@example.com"),
        visitor_id=pl.when(pl.col("device") != "unknown").then("V" + number),
        **({"deal_id": pl.when(pl.col("opportunity_at").is_not_null()).then("D" + number)} if business.deals else {}),
    )


def _values(business: Business, frame: pl.DataFrame, rng: np.random.Generator) -> dict[str, pl.Series]:
    """The value that each lead has if it is won, rounded as prices are."""
    spread = np.exp(business.amount_sigma * rng.standard_normal(frame.height) - business.amount_sigma**2 / 2)
    size = business.amount * np.array([s.amount for s in business.segments])[frame["_segment"].to_numpy()] * spread
    if business.plans:
        return plans.offers(business.plans, frame["_segment"].to_numpy(), size, rng)
    if business.basket:
        mix = business.basket.categories
        category = people.draw(mix, frame.height, rng)
        price = category.replace_strict(dict(zip([c for c, _ in mix], business.basket.values, strict=True))).to_numpy()
        return {"_category": category, "_value": pl.Series(np.maximum((price * spread).round() - 0.1, 4.9).round(2))}
    return {"_value": pl.Series(np.maximum((size / 5).round() * 5, 40.0))}

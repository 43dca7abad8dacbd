"""The orders table: first and repeat orders of a shop's buyers (BG/NBD: gamma rates, beta drop-out)."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_data import clock, people
from sample_data.declare import Basket, Business


def orders(business: Business, leads: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Orders of the buyers among these leads; `amount` is what was charged, after the discount.

    The first order has its lead's channel, category and amount; later ones have their own.
    """
    buyers = leads.filter(pl.col("won_at").is_not_null())
    row, count, day = _purchases(business.basket, buyers, rng)
    start = buyers["won_at"].to_physical().to_numpy()[row]
    frame = buyers.select("lead_id", "customer_id", "email", "country", "channel", "campaign", "_category", "_value")[
        row
    ]
    frame = frame.with_columns(
        _start=start, _time=start + (day * clock.DAY).astype(np.int64), _first=pl.Series(count == 0)
    )
    frame = frame.filter(pl.col("_time") < clock.end(business.zone))
    return _columns(business, _priced(business, _repeats(business, frame, rng), rng))


def refund_chance(business: Business, category: pl.Series, time: np.ndarray, with_incident: bool = True) -> np.ndarray:
    """Probability that an order is refunded."""
    chance = np.full(len(time), business.basket.refund)
    incident, day = business.incident, clock.day_of(time, business.zone)
    hit = (day >= clock.day_index(incident.start)) & (day <= clock.day_index(incident.end))
    hit &= (category == incident.category).to_numpy()
    return np.where(hit & with_incident, chance * incident.factor, chance)


def _purchases(basket: Basket, buyers: pl.DataFrame, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Buyer, running number and days since the first order of every order."""
    n = buyers.height
    rate = rng.gamma(basket.rate_shape, 1 / basket.rate_scale, n)
    drop = rng.beta(basket.drop_a, basket.drop_b, n)
    gaps = rng.exponential(1.0, (n, basket.most)) / np.maximum(rate, 1e-9)[:, None]
    # NOTE: in BG/NBD nobody drops out before a repeat: the first order and the first repeat always "live".
    alive = np.cumprod(rng.random((n, basket.most - 1)) >= drop[:, None], axis=1, dtype=np.int8)
    days = np.column_stack([np.zeros(n), gaps.cumsum(axis=1)])
    row, count = np.nonzero(np.column_stack([np.ones((n, 2), np.int8), alive]) * (days < clock.DAYS))
    return row, count, days[row, count]


def _repeats(business: Business, frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Gives repeat orders their own hour, channel, campaign, category and price."""
    n, basket = frame.height, business.basket
    first = frame["_first"].to_numpy()
    place = np.searchsorted(np.cumsum(_weights(business))[:-1], rng.random(n), side="right")
    day = clock.day_of(frame["_time"].to_numpy(), business.zone)
    time = clock.day_start(business.zone)[day] + people.seconds(business, n, rng) * clock.SECOND
    # a repeat order on the day of the first one must not come before it
    time = np.where(first | (time <= frame["_start"].to_numpy()), frame["_time"].to_numpy(), time)
    category = people.draw(basket.categories, n, rng)
    price = category.replace_strict(dict(zip([c for c, _ in basket.categories], basket.values, strict=True))).to_numpy()
    price = np.maximum(
        (price * 1.06 * np.exp(business.amount_sigma * rng.standard_normal(n))).round() - 0.1, 4.9
    ).round(2)
    own = {
        "channel": pl.Series([s.channel for s in business.sources]).gather(place),
        "campaign": people.pick([s.campaigns for s in business.sources], place, rng),
        "_category": category,
        "_value": pl.Series(price),
    }
    return frame.with_columns(
        _time=time, **{c: pl.when("_first").then(pl.col(c)).otherwise(new) for c, new in own.items()}
    )


def _weights(business: Business) -> np.ndarray:
    weight = np.array([s.repeat for s in business.sources])
    return weight / weight.sum()


def _priced(business: Business, frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Adds discount, cost of goods and refunds."""
    n, basket, value = frame.height, business.basket, frame["_value"].to_numpy()
    # the first order's value is what the lead's `amount` says: its discount is on top of it
    discount = np.where(rng.random(n) < basket.discounted, (value * 0.1).round(2), 0.0)
    amount = np.where(frame["_first"].to_numpy(), value, (value - discount).round(2))
    u, chance = rng.random(n), refund_chance(business, frame["_category"], frame["_time"].to_numpy())
    part = np.where(rng.random(n) < 0.75, 1.0, 0.5)
    return frame.with_columns(
        amount=amount,
        discount=discount,
        cost_of_goods=(value * basket.goods).round(1),
        refunded=np.where(u < chance, (amount * part).round(2), 0.0),
        _refund_u=u,
    )


def _columns(business: Business, frame: pl.DataFrame) -> pl.DataFrame:
    refunded, amount = pl.col("refunded"), pl.col("amount")
    status = (
        pl.when(refunded >= amount)
        .then(pl.lit("refunded"))
        .when(refunded > 0)
        .then(pl.lit("partially_refunded"))
        .otherwise(pl.lit("paid"))
    )
    return (
        frame.with_columns(
            ordered_at=clock.instants(frame["_time"].to_numpy()),
            currency=pl.lit(business.currency),
            status=status,
            category="_category",
        )
        .sort("ordered_at", "lead_id")
        .drop("_value", "_first", "_start", "_category")
    )


def public(frame: pl.DataFrame) -> pl.DataFrame:
    """Orders of all months in order of time, numbered."""
    frame = frame.sort("ordered_at", "lead_id", maintain_order=True)
    number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(8)
    return frame.select(
        pl.concat_str(pl.lit("O"), number).alias("order_id"),
        "customer_id",
        "lead_id",
        "ordered_at",
        "amount",
        "currency",
        "refunded",
        "discount",
        "cost_of_goods",
        "channel",
        "campaign",
        "category",
        "country",
        "status",
        "email",
    )

"""The spend table: daily media cost by campaign, and the monthly cost of tools and people."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_data import clock, volume
from sample_data.declare import Business, Source

LUMPS = ("events", "monthly")
OVERCLAIM = 1.12


def spend(business: Business, rows: float, seed: int) -> pl.DataFrame:
    """Rows of day, channel, campaign, placement and cost type; costs grow with `rows`, their number does not."""
    plan = volume.weekly_spend(business, seed) * rows
    claimed = volume.response(business, plan / rows) * rows * OVERCLAIM
    media = [
        _media(business, source, plan[:, i], claimed[:, i], clock.stream(seed, "spend", i))
        for i, source in enumerate(business.sources)
        if source.budget
    ]
    frame = pl.concat([*media, _overheads(business, rows)], how="diagonal").sort("date", maintain_order=True)
    return frame.select(
        "date",
        "channel",
        "platform",
        "campaign",
        "placement",
        "cost_type",
        "cost",
        pl.lit(business.currency).alias("currency"),
        "hours",
        "impressions",
        "clicks",
        "conversions",
        *(["conversion_value"] if business.basket else []),
    )


def daily_cost(business: Business, source: Source, weekly: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Media cost of each day: a week's money on its days, or all of it on the day of the event or issue."""
    if source.plan in LUMPS:
        days = clock.month_starts() if source.plan == "monthly" else np.flatnonzero(clock.WEEKDAY == 2)
        return np.bincount(days, weights=weekly[clock.WEEK[days]], minlength=clock.DAYS)
    shape = np.array(business.weekday)[clock.WEEKDAY] ** 0.5 * np.exp(rng.normal(0, 0.08, clock.DAYS))
    total = np.bincount(clock.WEEK, weights=shape, minlength=clock.WEEKS)
    # the first and last week are cut by the period: their money is cut in proportion
    whole = np.bincount(clock.WEEK, minlength=clock.WEEKS) / 7
    return weekly[clock.WEEK] * whole[clock.WEEK] * shape / total[clock.WEEK]


def _media(
    business: Business, source: Source, weekly: np.ndarray, claimed: np.ndarray, rng: np.random.Generator
) -> pl.DataFrame:
    names, share = _shares(source, rng)
    cost = (daily_cost(business, source, weekly, rng)[:, None] * share).ravel().round(2)
    day, campaign = np.divmod(np.arange(len(cost)), len(names))
    weight = np.repeat(claimed[clock.WEEK] / 7, len(names)) * share.ravel()
    return pl.DataFrame(
        {
            "date": clock.DATE[day],
            "channel": source.channel,
            "platform": source.platform,
            "campaign": pl.Series(names)[campaign],
            "placement": source.placement,
            "cost_type": "media",
            "cost": cost,
            **_counted(business, source, cost, weight, rng),
        }
    ).filter(pl.col("cost") > 0)


def _counted(
    business: Business, source: Source, cost: np.ndarray, weight: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """What the platform reports; its conversions claim more than it brought. Print reports nothing."""
    if not source.cpm:
        return {}
    conversions = rng.poisson(weight)
    reported = {
        "impressions": rng.poisson(cost / source.cpm * 1000),
        "clicks": rng.poisson(cost / source.cpc),
        "conversions": conversions,
    }
    if business.basket:
        reported["conversion_value"] = (conversions * rng.normal(71, 9, len(cost))).round(2)
    return reported


def _shares(source: Source, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """Campaign names and their share of each day's cost, which moves from quarter to quarter."""
    names, mix = map(list, zip(*source.campaigns, strict=True))
    steps = np.array(mix) * np.exp(rng.normal(0, 0.2, (clock.WEEKS // 13 + 1, len(names))))
    return names, (steps / steps.sum(axis=1, keepdims=True))[clock.WEEK // 13]


def _overheads(business: Business, rows: float) -> pl.DataFrame:
    firsts = pl.DataFrame({"date": clock.DATE[clock.month_starts()]})
    costs = pl.DataFrame(
        [
            {
                "channel": o.channel,
                "platform": o.platform,
                "cost_type": o.cost_type,
                "cost": round(o.cost * rows, 2),
                "hours": None if o.hours is None else o.hours * rows,
            }
            for o in business.overheads
        ],
        schema_overrides={"hours": pl.Float64},
    )
    return firsts.join(costs, how="cross").with_columns(campaign=pl.lit("unknown"), placement=pl.lit("unknown"))

"""What is true about a business, as a file: the declared parameters, and what the incident did."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import polars as pl

from sample_data import clock, journeys, leads, orders, volume
from sample_data.declare import Business, Source

MODEL = (
    "expected leads of a week = (base x (1 + growth)^years x season + top x u^slope / (half^slope + u^slope)) x noise;"
    " u = sum of carry^k x media spend k weeks ago, k = 0..12, divided by the sum of the weights;"
    " weeks are Monday to Sunday; noise is log-normal with mean 1 and the given sigma; leads of a day are Poisson",
    "a share rates[k] of the valid leads at a stage goes on to the next; the last rate varies with segment and"
    " captured_by (factors with mean 1 over a source's leads); lags are log-normal with the given median and sigma",
    "score, speed of answer and touches tell something about a lead but cause nothing",
)


def truth(business: Business, seed: int) -> dict[str, object]:
    """Parameters and the incident with its effect, at the committed size."""
    declared = {
        key: value
        for key, value in asdict(business).items()
        if key not in ("profile", "assumptions", "notes", "targets", "seed", "incident", "sources")
    }
    return {
        "seed": seed,
        "period": [str(clock.START), str(clock.AS_OF)],
        "model": MODEL,
        **declared,
        "sources": [_source(source) for source in business.sources],
        "response": responses(business, seed),
        "incident": incident(business, seed),
    }


def responses(business: Business, seed: int) -> list[dict[str, object]]:
    """What spend brings: leads from it in all, and one more 1,000 a week at steady average spend."""
    spend = volume.weekly_spend(business, seed)
    brought = volume.response(business, spend)
    return [
        {
            "channel": s.channel,
            "placement": s.placement,
            "mean_weekly_spend": round(float(spend[:, i].mean()), 2),
            "leads_a_week_from_spend": round(float(brought[:, i].mean()), 3),
            "marginal_leads_per_1000": round(float(_slope(s, spend[:, i].mean())), 3),
        }
        for i, s in enumerate(business.sources)
        if s.budget
    ]


def incident(business: Business, seed: int) -> dict[str, object]:
    """The declared incident and its effect, counted with and without it on the same random numbers."""
    effect = {"rate": _lost_stages, "volume": _lost_leads, "refund": _more_refunds}[business.incident.kind]
    declared = {
        key: str(value) if key in ("start", "end") else value for key, value in asdict(business.incident).items()
    }
    return {**declared, "effect": effect(business, seed)}


def _lost_stages(business: Business, seed: int) -> dict[str, object]:
    """Leads of the window, and how many reached each stage in the end, with and without the incident."""
    hit, reached = 0, np.zeros((2, len(business.stages)), int)
    for block in leads.blocks(business, volume.counts(business, 1.0, seed), seed):
        rows = block.filter(
            "valid",
            pl.col("channel") == business.incident.channel,
            pl.col("_day").is_between(clock.day_index(business.incident.start), clock.day_index(business.incident.end)),
        )
        hit += rows.height
        given = (
            rows["_source"].to_numpy().astype(int),
            rows["_segment"].to_numpy(),
            rows["captured_by"],
            rows["_day"].to_numpy(),
        )
        u = rows["_u"].to_numpy()[:, None]
        reached += np.array([(u < journeys.reach(business, *given, with_it)).sum(axis=0) for with_it in (True, False)])
    names = [stage.name for stage in business.stages]
    return {
        "valid_leads": hit,
        "reached": dict(zip(names, reached[0].tolist(), strict=True)),
        "reached_without": dict(zip(names, reached[1].tolist(), strict=True)),
    }


def _lost_leads(business: Business, seed: int) -> dict[str, object]:
    """Expected leads of the window with and without the incident, and the money spent on them."""
    window = slice(clock.day_index(business.incident.start), clock.day_index(business.incident.end) + 1)
    mine = [i for i, s in enumerate(business.sources) if s.placement == business.incident.placement]
    counted = {
        key: round(float(volume.expected(business, seed, with_it)[window, mine].sum()), 1)
        for key, with_it in (("expected_leads", True), ("expected_leads_without", False))
    }
    weeks = np.unique(clock.WEEK[window])
    return counted | {
        "weekly_spend_in_window": round(float(volume.weekly_spend(business, seed)[weeks][:, mine].sum()), 2)
    }


def _more_refunds(business: Business, seed: int) -> dict[str, object]:
    """Orders of the window's category, and how many were refunded with and without the incident."""
    rows = []
    for month, block in enumerate(leads.blocks(business, volume.counts(business, 1.0, seed), seed)):
        frame = orders.orders(business, block, clock.stream(seed, "orders", month))
        time = frame["_time"].to_numpy()
        with_it, without = (orders.refund_chance(business, frame["category"], time, w) for w in (True, False))
        rows.append(frame.select("amount", "refunded", "_refund_u").with_columns(_with=with_it, _without=without))
    hit = pl.concat(rows).filter(pl.col("_with") > pl.col("_without"))
    extra = hit.filter(pl.col("_refund_u").is_between(pl.col("_without"), pl.col("_with"), closed="left"))
    return {
        "orders": hit.height,
        "refunded_orders": int((hit["refunded"] > 0).sum()),
        "refunded_orders_without": int((hit["refunded"] > 0).sum()) - extra.height,
        "refunded_more": round(float(extra["refunded"].sum()), 2),
    }


def _slope(source: Source, spend: float) -> float:
    """Steady-state leads a week of one more 1,000 a week, from the derivative of the curve."""
    power, half = spend**source.slope, source.half**source.slope
    return 1000 * source.top * source.slope * power / spend * half / (half + power) ** 2


def _source(source: Source) -> dict[str, object]:
    """A source's row without what is only a label."""
    return {key: value for key, value in asdict(source).items() if value not in (0.0, "unknown", None)}

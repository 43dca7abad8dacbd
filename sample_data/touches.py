"""The touches table: visits, clicks and calls on the way to a lead and a win, and of visitors without a name."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_data import clock, people
from sample_data.declare import Business

WINDOW = 60 * clock.DAY
COOKIE_ONLY = 0.15


def touches(business: Business, leads: pl.DataFrame, days: slice, rng: np.random.Generator) -> pl.DataFrame:
    """Touches of one month's leads, and as many anonymous ones as the business declares.

    Winners have more touches, and more of the channels with a `lift` above 1. No touch causes anything.
    """
    valid = leads.filter("valid", pl.col("captured_by") != "import")
    before, origin, after = _before(business, valid, rng), _origin(business, valid, rng), _after(business, valid, rng)
    known = pl.concat([before, origin, after], how="diagonal")
    anonymous = _anonymous(business, int(known.height * business.anonymous), days, rng)
    edges = clock.day_start(business.zone)[0], clock.end(business.zone)
    return (
        pl.concat([known, anonymous], how="diagonal")
        .filter(pl.col("_time").is_between(*edges, closed="left"))
        .pipe(_columns)
        .sort("touched_at", maintain_order=True)
    )


def _before(business: Business, leads: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    won = leads["_depth"].to_numpy() == len(business.stages)
    row = np.repeat(np.arange(leads.height), rng.poisson(business.touch_rate * np.where(won, 1.5, 1.0)))
    ago = np.minimum(np.exp(np.log(6) + 1.2 * rng.standard_normal(len(row))), 90) * clock.DAY
    cookie = rng.random(leads.height)[row] < COOKIE_ONLY
    web = leads["visitor_id"].is_not_null().to_numpy()[row]
    place = _place(business, won[row], "assist", rng)
    return _rows(
        business, leads, row, leads["_created"].to_numpy()[row] - ago.astype(np.int64), place, rng
    ).with_columns(kind=pl.lit("visit"), lead_id=pl.when(~pl.Series(cookie & web)).then("lead_id"))


def _origin(business: Business, leads: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The touch that made the lead: its own source, campaign, content and page, minutes before or at its creation."""
    captured = pl.col("captured_by")
    kind = (
        pl.when(captured == "phone")
        .then(pl.lit("call"))
        .when(captured == "chat")
        .then(pl.lit("chat"))
        .when(captured == "event")
        .then(pl.lit("meeting"))
        .otherwise(pl.lit("visit"))
    )
    gap = np.where((leads["device"] == "unknown").to_numpy(), 0, rng.integers(20, 1500, leads.height)) * clock.SECOND
    return leads.select(
        "lead_id",
        "visitor_id",
        "channel",
        "source",
        "medium",
        "campaign",
        "content",
        "landing_page",
        "device",
        "placement",
        kind=kind,
        _time=pl.col("_created") - pl.Series(gap),
    )


def _after(business: Business, leads: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    depth, created = leads["_depth"].to_numpy(), leads["_created"].to_numpy()
    won = depth == len(business.stages)
    row = np.repeat(
        np.arange(leads.height), rng.poisson(business.touch_rate * (0.35 + 1.1 * depth / len(business.stages)))
    )
    stop = np.where(won, leads["_won"].to_numpy(), np.minimum(leads["_decided"].to_numpy(), created + WINDOW))
    time = created[row] + ((stop - created)[row] * rng.random(len(row))).astype(np.int64)
    place = _place(business, won[row], "nurture", rng)
    return _rows(business, leads, row, time, place, rng).with_columns(
        kind=pl.when(pl.col("medium") == "email").then(pl.lit("click")).otherwise(pl.lit("visit"))
    )


def _anonymous(business: Business, n: int, days: slice, rng: np.random.Generator) -> pl.DataFrame:
    """Visitors who left no name: one to four touches within a few days."""
    visitors = np.repeat(np.arange(n), rng.geometric(0.62, n).clip(1, 4))[:n]
    start = rng.integers(days.start, days.stop, n)
    spread = (rng.exponential(2.5, n) * (np.diff(visitors, prepend=-1) == 0)).astype(np.int64)
    day = start[visitors] + spread
    inside = day < clock.DAYS
    time = (
        clock.day_start(business.zone)[np.minimum(day, clock.DAYS - 1)]
        + people.seconds(business, n, rng) * clock.SECOND
    )
    place = _place(business, np.zeros(n, bool), "assist", rng)
    ids = pl.Series(days.start * 10**7 + visitors).cast(pl.String).str.zfill(10)
    frame = pl.DataFrame({"visitor_id": "A" + ids, "_time": time, "kind": pl.repeat("visit", n, eager=True)})
    return frame.with_columns(_where(business, place, rng)).filter(pl.Series(inside))


def _place(business: Business, won: np.ndarray, role: str, rng: np.random.Generator) -> np.ndarray:
    """Index of the source of each touch, by the channels' weights in that role and their lift for winners."""
    weight = np.array([getattr(s, role) for s in business.sources])
    lifted = weight * np.array([s.lift for s in business.sources])
    drawn, out = rng.random(len(won)), np.zeros(len(won), np.int64)
    for group, w in ((won, lifted), (~won, weight)):
        out[group] = np.searchsorted(np.cumsum(w / w.sum())[:-1], drawn[group], side="right")
    return out


def _rows(
    business: Business,
    leads: pl.DataFrame,
    row: np.ndarray,
    time: np.ndarray,
    place: np.ndarray,
    rng: np.random.Generator,
) -> pl.DataFrame:
    return leads.select("lead_id", "visitor_id")[row].with_columns(_where(business, place, rng), _time=time)


def _where(business: Business, place: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    sources, n = business.sources, len(place)
    fixed = {
        c: pl.Series([getattr(s, c) for s in sources]).gather(place)
        for c in ("channel", "source", "medium", "placement")
    }
    return pl.DataFrame(
        {
            **fixed,
            "campaign": people.pick([s.campaigns for s in sources], place, rng),
            "content": people.pick([s.contents for s in sources], place, rng),
            "landing_page": people.draw(business.pages, n, rng),
            "device": people.draw(business.devices, n, rng),
        }
    )


def _columns(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        clock.instants(frame["_time"].to_numpy()).alias("touched_at"),
        "channel",
        "lead_id",
        "visitor_id",
        "source",
        "medium",
        "campaign",
        "content",
        "landing_page",
        "placement",
        "device",
        "kind",
    )

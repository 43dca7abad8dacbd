"""The deals table: one opportunity per lead that became one."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_data import clock
from sample_data.declare import Business

OPEN_STAGES = ("discovery", "proposal", "negotiation")


def deals(business: Business, leads: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Won and lost deals close when their lead did; most open ones have a planned date, often after the export."""
    rows = leads.filter(pl.col("opportunity_at").is_not_null())
    n, close = rows.height, clock.end(business.zone)
    won, lost = pl.col("won_at").is_not_null(), pl.col("lost_at").is_not_null()
    planned = clock.instants(close + (rng.integers(-9, 70, n) - rng.random(n)) * clock.DAY // 1, rng.random(n) < 0.8)
    stage = pl.Series(OPEN_STAGES).gather(rng.integers(0, len(OPEN_STAGES), n))
    later = pl.col("opportunity_at") + pl.duration(days=3)
    return rows.select(
        "deal_id",
        "lead_id",
        "customer_id",
        created_at="opportunity_at",
        closed_at=pl.coalesce(
            "won_at", "lost_at", pl.when(planned.is_not_null()).then(pl.max_horizontal(planned, later))
        ),
        status=pl.when(won).then(pl.lit("won")).when(lost).then(pl.lit("lost")).otherwise(pl.lit("open")),
        stage=pl.when(won).then(pl.lit("closed_won")).when(lost).then(pl.lit("closed_lost")).otherwise(stage),
        amount="_value",
        currency=pl.lit(business.currency),
        lost_reason="lost_reason",
        channel="channel",
        campaign="campaign",
        segment="segment",
        country="country",
        owner="owner",
        email="email",
    )

"""The targets and annotations tables: what was planned, and what somebody wrote down."""

from __future__ import annotations

import datetime as dt

import polars as pl

from sample_data.declare import Business

YEAR = 2025


def targets(business: Business, rows: float) -> pl.DataFrame:
    """Monthly targets of 2025 and 2026; counts and sums grow with `rows`, rates and costs per head do not."""
    scaled = {"leads", "mql", "revenue", "mrr"}
    months = [dt.date(year, month, 1) for year in (YEAR, YEAR + 1) for month in range(1, 13)]
    return pl.DataFrame(
        [
            {
                "kpi": t.kpi,
                "period_start": month,
                "period": "month",
                "value": round(
                    t.value
                    * (1 + t.growth) ** ((month.year - YEAR) + (month.month - 1) / 12)
                    * (rows if t.kpi in scaled else 1.0),
                    3,
                ),
            }
            for month in months
            for t in business.targets
        ]
    )


def annotations(business: Business) -> pl.DataFrame:
    """Events; a null kpi or channel means all of them, a null time_end a single moment."""
    zone = business.zone
    return (
        pl.DataFrame(
            {
                "time": [n.day for n in business.notes],
                "time_end": [n.last for n in business.notes],
                "text": [n.text for n in business.notes],
                "kpi": [n.kpi for n in business.notes],
                "channel": [n.channel for n in business.notes],
            },
            schema={"time": pl.Date, "time_end": pl.Date, "text": pl.String, "kpi": pl.String, "channel": pl.String},
        )
        .with_columns(
            pl.col("time", "time_end")
            .cast(pl.Datetime("us"))
            .dt.offset_by("9h")
            .dt.replace_time_zone(zone)
            .dt.convert_time_zone("UTC")
        )
        .sort("time")
    )

"""The rows that are measured: leads and spend of the B2B sample business at any size, kept between runs."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import sample_data

FOLDER = Path(__file__).parents[1] / "bench-data"
_BUSINESS = "b2b_saas"


def folder(rows: int) -> Path:
    """A folder with `leads/*.parquet` and `spend.parquet` of about so many leads; made month by month at first use."""
    place = FOLDER / f"{_BUSINESS}-{rows}"
    done = place / "done"
    if not done.exists():
        (place / "leads").mkdir(parents=True, exist_ok=True)
        size = rows / _committed()
        for month, tables in enumerate(sample_data.months(_BUSINESS, rows=size)):
            tables["leads"].write_parquet(place / "leads" / f"{month:02}.parquet")
        sample_data.generate(_BUSINESS, rows=size, tables=("spend",))["spend"].write_parquet(place / "spend.parquet")
        done.touch()
    return place


def tables(place: Path) -> dict[str, pl.LazyFrame]:
    """The tables of a folder, unread."""
    return {"leads": pl.scan_parquet(place / "leads" / "*.parquet"), "spend": pl.scan_parquet(place / "spend.parquet")}


def _committed() -> int:
    """Leads of the committed sample, which is made at size 1."""
    leads = Path(sample_data.__file__).parent / _BUSINESS / "leads.parquet"
    return int(pl.scan_parquet(leads).select(pl.len()).collect().item())

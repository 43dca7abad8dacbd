"""Writes a business to its folder: Parquet tables and the workspace file."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from sample_data import clock
from sample_data.declare import Business


def parquet(folder: Path, frames: dict[str, pl.DataFrame]) -> None:
    """One zstd-compressed file per table."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.write_parquet(folder / f"{name}.parquet", compression="zstd", compression_level=19)


def workspace(folder: Path, business: Business) -> None:
    """The profile and assumptions with which the app opens the business."""
    channels = [name for name in business.channels if name not in ("unknown", "direct")]
    profile = {
        "business": business.profile["business"],
        "pricing": business.profile["pricing"],
        "channels": channels,
        **{k: v for k, v in business.profile.items() if k not in ("business", "pricing")},
    }
    content = {
        "version": 1,
        "name": business.name,
        "as_of": str(clock.AS_OF),
        "profile": profile,
        "assumptions": business.assumptions,
    }
    dump(folder / "workspace.json", content)


def dump(path: Path, content: object) -> None:
    """Indented JSON with a final newline."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

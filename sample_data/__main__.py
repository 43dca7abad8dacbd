"""Writes all three businesses beside this file: `python -m sample_data`."""

from __future__ import annotations

from pathlib import Path

from sample_data import BUSINESSES, exports, generate, truth, write

HERE = Path(__file__).parent


def main() -> None:
    """Makes every table, export, workspace and truth file anew."""
    for name, business in BUSINESSES.items():
        frames = generate(name)
        write.parquet(HERE / name, frames)
        write.workspace(HERE / name, business)
        exports.write(HERE / name / "exports", business, frames)
        write.dump(HERE / name / "truth.json", truth.truth(business, business.seed))


if __name__ == "__main__":
    main()

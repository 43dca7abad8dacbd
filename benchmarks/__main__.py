"""`python -m benchmarks [cube|reruns|all]`: runs the benchmarks and prints their tables."""

from __future__ import annotations

import argparse
import os
import platform

import polars as pl

from benchmarks import cube, reruns


def main(arguments: list[str] | None = None) -> None:
    """Runs what was asked for, and prints each table when it is there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("cube", "reruns", "all"), default="all")
    parser.add_argument(
        "--rows", type=int, default=10_000_000, help="leads in the data of the cube (default 10 million)"
    )
    parser.add_argument("--times", type=int, default=3, help="runs of each variant, of which the median counts")
    parser.add_argument(
        "--visitors", type=int, nargs="+", default=[1, 10, 30], help="people who click at the same time"
    )
    parser.add_argument("--seconds", type=float, default=20, help="how long they click")
    parser.add_argument("--no-browser", action="store_true", help="leave the real browser out")
    asked = parser.parse_args(arguments)
    versions = f"Python {platform.python_version()}, Polars {pl.__version__}"
    print(f"{platform.platform()}, {os.cpu_count()} cores, {versions}\n")
    if asked.what in ("cube", "all"):
        for table in cube.run(asked.rows, asked.times):
            print(table, "\n")
    if asked.what in ("reruns", "all"):
        for table in reruns.run(tuple(asked.visitors), asked.seconds, browser=not asked.no_browser):
            print(table, "\n")


if __name__ == "__main__":
    main()

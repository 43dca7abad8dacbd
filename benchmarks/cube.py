"""What building and asking the cube costs, against the same aggregation written by hand in Polars and in SQL.

Every variant runs in a process of its own, in turn with the others, and gives the same numbers, which is checked
before anything is timed.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

from benchmarks import business, by_hand
from benchmarks.tables import Table

KPIS = ("leads", "cpl", "lead_to_customer", "qualified_ratio", "cac_campaign", "mql_to_sql")
BASE = "polars, with age"
_TOLERANCE = 1e-9
_PARTS: dict[str, tuple[str, str | None]] = {
    "leads": ("leads", None),
    "cpl": ("marketing", "leads"),
    "lead_to_customer": ("won", "leads"),
    "qualified_ratio": ("qualified", "raw"),
    "cac_campaign": ("media", "won"),
    "mql_to_sql": ("sql", "mql"),
}
"""KPI → the sums by hand that are its numerator and denominator."""


def run(rows: int = 10_000_000, times: int = 3) -> list[Table]:
    """The tables of the cube: each variant's time, ratios and memory, and what a question costs afterwards."""
    folder = business.folder(rows)
    _require_equal(folder)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    for _ in range(times):
        for name in VARIANTS:
            found[name].append(_measured(name, folder))
    size = pl.scan_parquet(folder / "leads" / "*.parquet").select(pl.len()).collect().item()
    return [_built(found, size), _asked(found)]


def _built(found: dict[str, list[dict[str, Any]]], rows: int) -> Table:
    header = (
        "variant",
        "seconds",
        "÷ Polars with age",
        "÷ DuckDB with age",
        "CPU s",
        "÷ Polars",
        "÷ DuckDB",
        "peak MB",
    )
    table = Table(f"Build and ask once: {rows:,} leads and their spend, six KPIs by month and channel", header)
    seconds, cpu = ({name: _median(runs, key) for name, runs in found.items()} for key in ("seconds", "cpu"))
    for name, runs in found.items():
        cells = [
            cell
            for taken in (seconds, cpu)
            for cell in (taken[name], *(taken[name] / taken[base] for base in (BASE, "duckdb, with age")))
        ]
        table.add(name, *(f"{cell:.2f}" for cell in cells), f"{_median(runs, 'megabytes'):.0f}")
    table.notes.append("CPU: seconds of all threads. On a machine that others use too, it says more than the time.")
    return table


def _median(runs: list[dict[str, Any]], key: str) -> float:
    return median(one[key] for one in runs)


def _asked(found: dict[str, list[dict[str, Any]]]) -> Table:
    title = "What the time goes into, and what a question costs afterwards"
    table = Table(title, ("step", "six KPIs", "whole catalogue"))
    typical, whole = found["kpi, six KPIs"], found["kpi, whole catalogue"]
    for step in typical[0]["steps"]:
        table.add(step, *(_shown(median(one["steps"][step] for one in runs)) for runs in (typical, whole)))
    for size in ("rows of the cube", "MB of the cube"):
        table.add(size, *(f"{runs[0]['size'][size]:,.0f}" for runs in (typical, whole)))
    return table


def _shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


# ---- equal numbers --------------------------------------------------------------------------------------------------


def _require_equal(folder: Path) -> None:
    """Raises ValueError unless all variants agree to 1e-9."""
    with tempfile.TemporaryDirectory(prefix="kpi-bench-") as place:
        results = {name: Path(place) / f"{number}.parquet" for number, name in enumerate(VARIANTS)}
        for name, path in results.items():
            _measured(name, folder, path)
        own = pl.read_parquet(results["kpi, six KPIs"])
        for name, path in results.items():
            compare(name, own, pl.read_parquet(path))


def compare(name: str, own: pl.DataFrame, other: pl.DataFrame) -> None:
    """Checks that a variant gives the same values.

    Raises:
        ValueError: If it does not, with the rows that differ.
    """
    keys = ["kpi", "date", "channel"]
    # Where nothing happened the cube says 0, while a query by hand has no row.
    own = own.with_columns(pl.when(pl.col("value") != 0).then("value").alias("value"))
    other = other.with_columns(pl.when(pl.col("value") != 0).then("value").alias("value"))
    both = own.join(other, on=keys, how="full", coalesce=True, suffix=" other").filter(pl.col("channel").is_not_null())
    far = both.filter(
        (pl.col("value").is_null() != pl.col("value other").is_null())
        | ((pl.col("value") - pl.col("value other")).abs() > _TOLERANCE * pl.col("value").abs())
    )
    if both.is_empty() or far.height:
        raise ValueError(f"{name} gives other numbers:\n{far}")


def _divided(sums: pl.DataFrame) -> pl.DataFrame:
    """The six KPIs of sums made by hand, one under the other."""
    nothing = pl.lit(1.0)
    return pl.concat(
        sums.select(
            "date",
            "channel",
            kpi=pl.lit(kpi),
            # A month without leads has 0 of them, one without spend has unknown costs.
            value=_sum(top) / (_sum(bottom).replace(0.0, None) if bottom else nothing),
        )
        for kpi, (top, bottom) in _PARTS.items()
    )


def _sum(name: str) -> pl.Expr:
    return pl.col(name) if name in ("media", "marketing") else pl.col(name).fill_null(0.0)


# ---- variants -------------------------------------------------------------------------------------------------------


def _by_hand(make: Callable[[Path], pl.DataFrame]) -> Callable[[Path], tuple[pl.DataFrame, dict[str, Any]]]:
    def variant(folder: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
        started, used = time.perf_counter(), time.process_time()
        found = _divided(make(folder))
        return found, {"seconds": time.perf_counter() - started, "cpu": time.process_time() - used}

    return variant


def _by_kpi(kpis: tuple[str, ...] | None) -> Callable[[Path], tuple[pl.DataFrame, dict[str, Any]]]:
    def variant(folder: Path) -> tuple[pl.DataFrame, dict[str, Any]]:
        import kpi

        assumptions = kpi.Assumptions(zone=by_hand.ZONE)
        clock, used = [time.perf_counter()], time.process_time()
        data = kpi.read(dict(business.tables(folder)), as_of=by_hand.AS_OF, assumptions=assumptions)
        clock.append(time.perf_counter())
        cube = kpi.measure(data, by=["channel"], kpis=kpis)
        clock.append(time.perf_counter())
        found = kpi.evaluate(cube, KPIS, by="channel", every="1mo")
        clock.append(time.perf_counter())
        cpu = time.process_time() - used
        year = kpi.Period(by_hand.AS_OF.replace(year=by_hand.AS_OF.year - 1, month=11, day=1), by_hand.AS_OF)
        asked = {
            "first question, by channel and month": clock[3] - clock[2],
            "later question, by channel and month": _time(lambda: kpi.evaluate(cube, KPIS, by="channel", every="1mo")),
            "one number per KPI, a year": _time(lambda: kpi.evaluate(cube, KPIS, period=year)),
            "change against the year before": _time(lambda: kpi.change(cube, KPIS, year, "last_year")),
        }
        steps = {"read": clock[1] - clock[0], "measure": clock[2] - clock[1], **asked}
        size = {"rows of the cube": cube.frame.height, "MB of the cube": cube.frame.estimated_size() / 1e6}
        values = found.select("kpi", "date", "channel", "value")
        return values, {"seconds": clock[3] - clock[0], "cpu": cpu, "steps": steps, "size": size}

    return variant


def _time(ask: Callable[[], object], times: int = 5) -> float:
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        ask()
        spent.append(time.perf_counter() - started)
    return median(spent)


VARIANTS: dict[str, Callable[[Path], tuple[pl.DataFrame, dict[str, Any]]]] = {
    "kpi, six KPIs": _by_kpi(KPIS),
    BASE: _by_hand(by_hand.polars_with_age),
    "duckdb, with age": _by_hand(by_hand.duckdb_with_age),
    "polars, without age": _by_hand(by_hand.polars_without),
    "duckdb, without age": _by_hand(by_hand.duckdb_without),
    "kpi, whole catalogue": _by_kpi(None),
}


# ---- a process for each ---------------------------------------------------------------------------------------------


def _measured(name: str, folder: Path, out: Path | None = None) -> dict[str, Any]:
    """What one variant in its own process took; its result goes to a file if there is one."""
    command = [sys.executable, "-m", "benchmarks.cube", name, str(folder), *([str(out)] if out else [])]
    done = subprocess.run(command, cwd=business.FOLDER.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _child(name: str, folder: str, out: str | None = None) -> None:
    result, found = VARIANTS[name](Path(folder))
    kilo = 1 if sys.platform == "darwin" else 1024
    found["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo / 1e6
    if out:
        result.with_columns(pl.col("date").cast(pl.Date)).write_parquet(out)
    print(json.dumps(found))


if __name__ == "__main__":
    _child(*sys.argv[1:])

"""A question to a cube, and why a KPI may have no answer to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from kpi import catalog
from kpi.aggregating import has_currency
from kpi.answering import rung
from kpi.assumptions import Scope
from kpi.catalog import Kpi, Measure, Window
from kpi.cube import Cube
from kpi.periods import shift
from kpi.totals import Span, span_of

OK = "ok"
STATUSES = (
    OK,
    "table missing",
    "column missing",
    "assumption missing",
    "outside the data",
    "mixed currency",
    "period immature",
    "no data",
    "no denominator",
)
"""Why a value is null; `ok` where it is not."""


@dataclass(frozen=True)
class Query:
    """What is asked of a cube: which days, split and filtered how, under which assumptions."""

    cube: Cube
    by: tuple[str, ...]
    windows: pl.DataFrame
    where: Mapping[str, tuple[str, ...]]
    dated: bool
    within: int | None = None
    """For cohorts: count only conversions within so many days of the start."""


def trailing(windows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """The same buckets, each looking back a window from its last day."""
    ends: list[dt.date] = windows["end"].to_list()
    starts = [end - dt.timedelta(89) if window == "90d" else shift(end + dt.timedelta(1), -12) for end in ends]
    return windows.with_columns(start=pl.Series(starts, dtype=pl.Date))


def inputs_of(query: Query, kpi: Kpi, scope: Scope | None) -> dict[str, Measure]:
    """Name in the KPI's expressions → the measure it stands for here."""
    resolved = {name: rung(query.cube.data, name, kpi, scope) for name in kpi.inputs}
    absent = [name for name in resolved.values() if name not in query.cube.measures]
    if absent:
        own = absent[0] not in catalog.measures(query.cube.assumptions.stages)
        how = "measures=[…]" if own else f"kpis=[{kpi.id!r}, …]"
        raise ValueError(f"the cube was measured without {absent[0]!r}; measure it with {how}")
    return {name: query.cube.measures[target] for name, target in resolved.items()}


def scope_of(query: Query, inputs: Mapping[str, Measure]) -> tuple[Span, str | None]:
    """The days that all tables of a KPI cover, or the reason why it has no value at all."""
    lacking = frozenset[str]().union(*(query.cube.lacking.get(item.id, frozenset()) for item in inputs.values()))
    if lacking:
        return Span(None, dated=False), reason(lacking)
    span = span_of(query.cube, {item.table for item in inputs.values()})
    if query.dated and not span.dated:
        return span, "column missing"
    return span, None


def reason(lacking: frozenset[str]) -> str:
    """The status that says what is lacking."""
    if any(name.startswith("assumptions.") for name in lacking):
        return "assumption missing"
    return "column missing" if all("." in name for name in lacking) else "table missing"


def refused(query: Query, reason: str) -> pl.DataFrame:
    """One row per bucket that says why there is no value."""
    nothing = pl.lit(None, pl.Float64)
    return query.windows.select(
        "date",
        *(pl.lit(None, pl.String).alias(dim) for dim in query.by),
        value=nothing,
        numerator=nothing,
        denominator=nothing,
        n=nothing,
        low=nothing,
        high=nothing,
        currency=pl.lit(None, pl.String),
        status=pl.lit(reason),
        covered=pl.lit(0.0),
    )


def unsplit(cube: Cube, inputs: Mapping[str, Measure], dims: Sequence[str]) -> list[str]:
    """The inputs whose table lacks a dimension asked for: a grand total must not stand for a part.

    Beside money, `totals` knows which counts a filter by currency cannot cut; where no input has one, none can be.
    """
    if "currency" in dims and not any(has_currency(cube.data, item) for item in inputs.values()):
        return list(inputs)
    needed = {dim for dim in dims if dim != "currency"}
    return [name for name, item in inputs.items() if needed - cube.splits[item.id]]

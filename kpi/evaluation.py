"""Evaluation: a cube → values of KPIs, tidy, with numerator, denominator, interval, or the reason for none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from kpi import catalog, kinds
from kpi.answering import ASSUMED
from kpi.assumptions import Assumptions, Scope
from kpi.catalog import Kpi
from kpi.cube import Cube, require_dims
from kpi.maturity import with_maturity, youngest
from kpi.periods import Grain, Period, buckets
from kpi.query import OK, Query, trailing

_SHORTEST_YEAR = 182
"""Days from which a yearly figure may be scaled up."""


def evaluate(
    cube: Cube,
    kpis: Sequence[str | Kpi] | str | Kpi,
    by: Sequence[str] | str = (),
    every: Grain | None = None,
    where: Mapping[str, Sequence[str] | str] | None = None,
    period: Period | str | None = None,
    assumptions: Assumptions | None = None,
) -> pl.DataFrame:
    """Values of KPIs: any KPIs × dimensions × grain × filter × period.

    Args:
        cube: From `measure`, split by every dimension asked for here.
        kpis: Ids of the catalogue, or KPIs of your own.
        by: Dimensions to split by; `currency` is always among those that can be.
        every: Grain of the buckets, dense; None for one number over the whole period.
        where: Dimension → the values that count.
        period: Which days, or a preset such as `last_quarter`; None for all of the cube's.
        assumptions: Margin, lifetime, rates, cost scopes, target to use instead of the cube's. What is used while
            measuring (zone, stages, lead event, hourly rate …) needs a new cube.

    Returns:
        One row per KPI × values of `by` × bucket, with the columns

        - `kpi, *by`, `date` (first day of the bucket, with `every`),
        - `value` in the KPI's unit (rates 0..1, durations in seconds or days), null with a reason in `status`,
        - `numerator`, `denominator`, summed to this row before they were divided; null for derived KPIs,
        - `n`, the cases behind a rate, cost or duration, and `low`, `high`, its 95 % interval where one is known,
        - `currency` of a money value; where several meet without a rate, the value is null (`mixed currency`) and a
          row for each currency follows: its money beside the counts of its rows (orders, accounts). Counts of a table
          without currencies (leads) cannot be told apart, so such a row has no value (`column missing`). A split or a
          filter by `currency` gives the same rows; a filter that leaves out no money leaves the counts whole. A KPI
          without money is not split by it, but counts the rows that name the currencies of a filter,
        - `maturity` of a cohort: `mature`, `immature`, `too young`; null for others,
        - `covered`, the share of the bucket's days that the data covers.

    Raises:
        ValueError: If a KPI or dimension is unknown, or the cube was measured without it.

    Example:
        >>> import datetime as dt, kpi
        >>> leads = pl.DataFrame({"lead_id": ["a", "b"], "created_at": [dt.date(2025, 1, 3), dt.date(2025, 1, 9)]})
        >>> spend = pl.DataFrame({"date": [dt.date(2025, 1, 3)], "cost": [50.0]})
        >>> cube = kpi.measure(kpi.read({"leads": leads, "spend": spend}))
        >>> evaluate(cube, "cpl").select("value", "numerator", "denominator").row(0)
        (25.0, 50.0, 2.0)
    """
    cube = under(cube, assumptions)
    asked = (by,) if isinstance(by, str) else tuple(by)
    dims = tuple(dim for dim in asked if dim != "currency")
    filters = {dim: (value,) if isinstance(value, str) else tuple(value) for dim, value in (where or {}).items()}
    require_dims(cube, (*dims, *filters))
    period = cube.period(period) if isinstance(period, str) else period
    query = Query(cube, dims, buckets(period or cube.span, every), filters, every is not None or period is not None)
    catalogue = catalog.kpis(cube.assumptions.stages)
    chosen = [kpis] if isinstance(kpis, str | Kpi) else list(kpis)
    found = pl.concat([answer(query, catalog.find(item, catalogue)) for item in chosen])
    if "currency" in asked:  # each in its own row, without the one that says that they mix
        parts = pl.len().over("kpi", *dims, "date") > 1
        found = found.filter(~(parts & (pl.col("status") == "mixed currency")))
    return found if every else found.drop("date")


def answer(query: Query, kpi: Kpi, scope: Scope | None = None) -> pl.DataFrame:
    """The rows of one KPI, in the columns of `evaluate`."""
    if kpi.window:
        query = replace(query, windows=trailing(query.windows, kpi.window), dated=True)
    if kpi.derived:
        rows = _derived(query, kpi, scope)
    elif kpi.quantile is not None:
        rows = kinds.quantile(query, kpi)
    elif kpi.over:
        rows = kinds.over(query, kpi, scope)
    else:
        rows = kinds.ratio(query, kpi, scope)
    return _tidy(query, kpi, rows)


def under(cube: Cube, assumptions: Assumptions | None) -> Cube:
    """The cube under other assumptions, or as it is."""
    if not assumptions:
        return cube
    changed = replace(cube, data=cube.data.with_assumptions(assumptions))
    changed.__dict__["parts"] = cube.parts  # the same frame: what is cached of it holds
    return changed


# ---- KPIs made of KPIs -----------------------------------------------------------------------------------------------


def _derived(query: Query, kpi: Kpi, scope: Scope | None) -> pl.DataFrame:
    """A KPI made of KPIs and assumptions, each input evaluated for the same rows, with its own window if named."""
    catalogue = catalog.kpis(query.cube.assumptions.stages)
    keys = ["date", *query.by]
    parts: dict[str, pl.DataFrame] = {}
    scope = scope or query.cube.assumptions.scopes.get(kpi.id) or kpi.scope
    for name in kpi.inputs:
        if name not in ASSUMED:
            item = catalog.find(name, catalogue)
            window = kpi.windows.get(name)
            asked = replace(query, windows=trailing(query.windows, window)) if window else query
            found = answer(asked, item, scope)
            # Where currencies mix, only the row that says so can take part.
            parts[name] = found.filter(~_is_currency_row(keys))
    grid = pl.concat([part.select(keys) for part in parts.values()]).unique(maintain_order=True)
    for name, part in parts.items():
        columns = (pl.col(c).alias(f"{c} {name}") for c in ("value", "status", "currency", "covered", "maturity"))
        grid = grid.join(part.select(*keys, *columns), on=keys, how="left", nulls_equal=True)
    assumed = {name: getattr(query.cube.assumptions, name) for name in ASSUMED}
    values = grid.select(
        *keys,
        *(pl.col(f"value {name}").alias(name) for name in parts),
        *(pl.lit(value, pl.Float64).alias(name) for name, value in assumed.items()),
    )
    money = [name for name in parts if catalogue[name].unit == "money"]
    return (
        grid.with_columns(values.select(kpi.numerator.alias("value")).to_series())
        .with_columns(
            value=pl.col("value").replace([float("inf"), float("-inf"), float("nan")], None),
            numerator=pl.lit(None, pl.Float64),
            denominator=pl.lit(None, pl.Float64),
            n=pl.lit(None, pl.Float64),
            low=pl.lit(None, pl.Float64),
            high=pl.lit(None, pl.Float64),
            currency=pl.coalesce(*(f"currency {name}" for name in money)) if money else pl.lit(None, pl.String),
            covered=pl.min_horizontal(*(_if_known(name) for name in parts)).fill_null(0.0),
            maturity=youngest([f"maturity {name}" for name in parts]),
        )
        .with_columns(_derived_status(kpi, list(parts), money, assumed))
    )


def _if_known(name: str) -> pl.Expr:
    return pl.when(pl.col(f"status {name}") == OK).then(pl.col(f"covered {name}"))


def _derived_status(kpi: Kpi, parts: list[str], money: list[str], assumed: Mapping[str, float | None]) -> pl.Expr:
    reasons = [pl.when(pl.col(f"status {name}") != OK).then(pl.col(f"status {name}")) for name in parts]
    wanting = any(name in kpi.inputs and value is None for name, value in assumed.items())
    last = pl.lit("assumption missing" if wanting else "no denominator")
    one = (
        pl.concat_list(f"currency {name}" for name in money).list.drop_nulls().list.n_unique() < 2
        if money
        else pl.lit(True)
    )
    return (
        pl.when(pl.col("value").is_not_null() & one)
        .then(pl.lit(OK))
        .when(~one)
        .then(pl.lit("mixed currency"))
        .otherwise(pl.coalesce(*reasons, last))
        .alias("status")
    )


# ---- what goes with every row ---------------------------------------------------------------------------------------


def _is_currency_row(keys: list[str]) -> pl.Expr:
    mixed = (pl.col("status") == "mixed currency").any().over(keys)
    return mixed & (pl.col("status") != "mixed currency")


def _tidy(query: Query, kpi: Kpi, rows: pl.DataFrame) -> pl.DataFrame:
    """The columns of `evaluate`, yearly figures scaled, cohorts with their maturity."""
    if kpi.unit == "per_year":
        rows = _per_year(query, kpi, rows)
    if "maturity" not in rows.columns:
        rows = with_maturity(query, kpi, rows)
    known = pl.col("status") == OK
    money = kpi.unit in ("money", "money_per_day", "per_thousand")
    return rows.select(
        pl.lit(kpi.id).alias("kpi"),
        *query.by,
        "date",
        value=pl.when(known).then(pl.col("value")),
        numerator="numerator",
        denominator="denominator",
        n="n",
        low=pl.when(known).then(pl.col("low")),
        high=pl.when(known).then(pl.col("high")),
        currency=pl.col("currency") if money else pl.lit(None, pl.String),
        status="status",
        maturity="maturity",
        covered="covered",
    )


def _per_year(query: Query, kpi: Kpi, rows: pl.DataFrame) -> pl.DataFrame:
    """A figure of a part of a year scaled to the year; refused below half a year."""
    windows = trailing(query.windows, kpi.window) if kpi.window else query.windows
    days = windows.select("date", length=(pl.col("end") - pl.col("start")).dt.total_days() + 1)
    seen = pl.col("length") * pl.col("covered")
    return (
        rows.join(days, on="date", how="left")
        .with_columns(seen=seen)
        .with_columns(
            value=pl.col("value") * 365 / pl.col("seen"),
            status=pl.when((pl.col("status") == OK) & (pl.col("seen") < _SHORTEST_YEAR))
            .then(pl.lit("period immature"))
            .otherwise(pl.col("status")),
        )
    )

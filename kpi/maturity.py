"""Maturity: how old a cohort must be before its conversions can be judged."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from kpi import catalog
from kpi.assumptions import Scope
from kpi.catalog import Kpi, Measure
from kpi.query import Query, inputs_of
from kpi.totals import base_days


def cohort(query: Query, kpi: Kpi, scope: Scope | None = None) -> list[Measure]:
    """The cohort measures that a KPI reads, through its inputs where it is derived."""
    if kpi.derived:
        catalogue = catalog.kpis(query.cube.assumptions.stages)
        return [item for name in kpi.inputs if name in catalogue for item in cohort(query, catalogue[name], scope)]
    if kpi.quantile is not None:
        return []
    return [item for item in inputs_of(query, kpi, scope).values() if item.ripens and item.id not in query.cube.lacking]


def youngest_age(query: Query, measures: Sequence[Measure]) -> pl.DataFrame:
    """Per bucket, the age in days of the youngest member of these cohorts: `date, age`; null where it is empty."""
    bases = {item.base for item in measures}
    days = base_days(query.cube, bases, query.windows, query.where)
    return (
        query.windows.select("date")
        .join(days, on="date", how="left")
        .select("date", age=(pl.lit(query.cube.as_of) - pl.col("youngest")).dt.total_days())
    )


def with_maturity(query: Query, kpi: Kpi, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the maturity of their bucket; null for what does not ripen."""
    measures = cohort(query, kpi)
    points = [query.cube.ripe[item.id] for item in measures if item.id in query.cube.ripe]
    if not points:
        return rows.with_columns(maturity=pl.lit(None, pl.String))
    half, most = max(point[0] for point in points), max(point[1] for point in points)
    age = pl.col("age")
    maturity = (
        pl.when(age < half)
        .then(pl.lit("too young"))
        .when(age < most)
        .then(pl.lit("immature"))
        .when(age >= most)
        .then(pl.lit("mature"))
    )
    return rows.join(youngest_age(query, measures), on="date", how="left").with_columns(maturity=maturity)


def youngest(columns: list[str]) -> pl.Expr:
    """The least mature of several."""
    order = ["too young", "immature", "mature"]
    found = pl.concat_list(columns)
    worst = pl.lit(None, pl.String)
    for name in reversed(order):
        worst = pl.when(found.list.contains(name)).then(pl.lit(name)).otherwise(worst)
    return worst

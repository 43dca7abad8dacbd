"""The kinds of KPI that read measures: ratios and counts, shares and figures over a dimension, quantiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from kpi import statistics
from kpi.answering import lacks
from kpi.assumptions import Scope
from kpi.catalog import Kpi, Measure
from kpi.cube import require_dims
from kpi.distincts import distinct_totals
from kpi.query import OK, Query, inputs_of, reason, refused, scope_of, unsplit
from kpi.totals import distribution, totals


def ratio(query: Query, kpi: Kpi, scope: Scope | None, by: tuple[str, ...] | None = None) -> pl.DataFrame:
    """A count, or a numerator over a denominator."""
    inputs = inputs_of(query, kpi, scope)
    span, refusal = scope_of(query, inputs)
    asked = query if by is None else replace(query, by=by)
    if refusal:
        return refused(asked, refusal)
    sums = totals(query.cube, inputs, asked.by, query.windows, query.where, span, query.within)
    sums = distinct_totals(query.cube, inputs, sums, asked.by, query.windows, query.where, span)
    whole = unsplit(query.cube, inputs, (*asked.by, *query.where))
    sums = sums.with_columns(pl.lit(None, pl.Float64).alias(name) for name in whole)
    return _divided(sums, kpi, inputs, bool(whole))


def _divided(sums: pl.DataFrame, kpi: Kpi, inputs: Mapping[str, Measure], unsplit: bool) -> pl.DataFrame:
    """Sums of measures → the value, divided last, and why there is none."""
    denominator = pl.lit(None, pl.Float64) if kpi.denominator is None else kpi.denominator.cast(pl.Float64)
    frame = sums.with_columns(numerator=kpi.numerator.cast(pl.Float64), denominator=denominator)
    top, bottom = pl.col("numerator"), pl.col("denominator")
    value = top if kpi.denominator is None else pl.when(bottom != 0).then(top / bottom)
    status = (
        pl.when(pl.lit(unsplit))
        .then(pl.lit("column missing"))
        .when(pl.col("covered") == 0)
        .then(pl.lit("outside the data"))
        .when(pl.col("mixed"))
        .then(pl.lit("mixed currency"))
        .when("undivided")  # a count without a currency beside money of one
        .then(pl.lit("column missing"))
        .when(top.is_null())
        .then(pl.lit("no data"))
        .when(pl.lit(kpi.denominator is not None) & (bottom.fill_null(0) == 0))
        .then(pl.lit("no denominator"))
        .otherwise(pl.lit(OK))
    )
    frame = frame.with_columns(status=status).with_columns(value=pl.when(pl.col("status") == OK).then(value))
    return _with_interval(frame, kpi, inputs)


def _with_interval(frame: pl.DataFrame, kpi: Kpi, inputs: Mapping[str, Measure]) -> pl.DataFrame:
    """The cases behind the value and the interval that they allow."""
    top, bottom, value = pl.col("numerator"), pl.col("denominator"), pl.col("value")
    none = pl.lit(None, pl.Float64)
    tops = [inputs[name] for name in kpi.numerator.meta.root_names()]
    bottoms = [inputs[name] for name in kpi.denominator.meta.root_names()] if kpi.denominator is not None else []
    if not bottoms and all(map(_counts, tops)):
        n, (low, high) = value, statistics.poisson(value)
    elif kpi.unit == "rate" and bottoms and all(map(_counts, tops + bottoms)):
        n, (low, high) = bottom, statistics.wilson(top, bottom)
    elif bottoms and all(map(_counts, bottoms)) and all(item.table == "spend" for item in tops):
        n, (low, high) = bottom, statistics.ratio_to_count(top, bottom)
    else:
        n = bottom if bottoms and all(map(_counts, bottoms)) else none
        low = high = none
    known = value.is_not_null()
    factor = pl.lit(1.0)
    return frame.with_columns(
        n=n.cast(pl.Float64),
        low=pl.when(known).then(low * factor),
        high=pl.when(known).then(high * factor),
    )


def _counts(item: Measure) -> bool:
    """Whether a measure counts rows: only then do its figures have a sample size."""
    return item.agg.kind in ("rows", "count", "distinct") or item.agg.cases


def over(query: Query, kpi: Kpi, scope: Scope | None) -> pl.DataFrame:
    """A share of all values of a dimension, or one figure for them all."""
    over = kpi.over or ""
    if lacks(query.cube.data, kpi, query.cube.measures):
        return refused(query, reason(lacks(query.cube.data, kpi, query.cube.measures)))
    require_dims(query.cube, (over,))
    keys = ["date", *(dim for dim in query.by if dim != over)]
    # A filter on the dimension itself chooses among its shares; it does not make one of them the whole.
    whole = replace(query, where={dim: values for dim, values in query.where.items() if dim != over})
    parts = ratio(whole, kpi, scope, by=(*keys[1:], over))
    if kpi.figure is None:
        return _shares(parts, kpi, keys, query)
    parts = parts.filter(pl.col(over).is_null() | (pl.col(over) != "unknown"))  # nobody can cut an unknown source
    figure = {"pareto": statistics.pareto_count, "herfindahl": statistics.herfindahl}[kpi.figure]
    amount = pl.col("numerator").fill_null(0)
    return (
        parts.group_by(keys, maintain_order=True)
        .agg(
            figure(amount).cast(pl.Float64).alias("value"),
            numerator=pl.lit(None, pl.Float64),
            denominator=pl.lit(None, pl.Float64),
            n=amount.sum(),
            covered=pl.col("covered").max(),
            currency=pl.lit(None, pl.String),
            worst=pl.col("status").filter(pl.col("status") != OK).first(),
        )
        .with_columns(
            *(pl.lit(None, pl.String).alias(dim) for dim in query.by if dim not in keys),
            low=pl.lit(None, pl.Float64),
            high=pl.lit(None, pl.Float64),
            status=pl.when(pl.col("value").is_not_null())
            .then(pl.lit(OK))
            .otherwise(pl.coalesce("worst", pl.lit("no denominator"))),
        )
    )


def _shares(parts: pl.DataFrame, kpi: Kpi, keys: list[str], query: Query) -> pl.DataFrame:
    whole = pl.col("numerator").sum().over(keys)
    top, bottom = pl.col("numerator"), pl.col("denominator")
    low, high = statistics.wilson(top, bottom)
    shares = (
        parts.with_columns(denominator=whole, n=whole)
        .with_columns(value=pl.when(bottom > 0).then(top / bottom), low=low, high=high)
        .with_columns(
            status=pl.when(pl.col("status").is_in(["no data", OK]) & (bottom == 0))
            .then(pl.lit("no denominator"))
            .otherwise(pl.col("status"))
        )
    )
    chosen = query.where.get(kpi.over or "")
    if chosen is not None:
        shares = shares.filter(pl.col(kpi.over or "").is_in(list(chosen)))
    if kpi.over in query.by:
        return shares
    # Not split by the dimension: the largest value stands for the mix, so that the row still says something true.
    known = pl.col(kpi.over or "") != "unknown"
    return (
        shares.sort([*keys, known, "value"], descending=[*([False] * len(keys)), True, True], nulls_last=True)
        .group_by(keys, maintain_order=True)
        .first()
    )


def quantile(query: Query, kpi: Kpi) -> pl.DataFrame:
    """A quantile of a distribution."""
    inputs = inputs_of(query, kpi, None)
    item = next(iter(inputs.values()))
    span, refusal = scope_of(query, inputs)
    if refusal:
        return refused(query, refusal)
    spread = distribution(query.cube, item, query.by, query.windows, query.where, span)
    found = statistics.weighted_quantile(spread, ["date", *query.by], kpi.quantile or 0.5)
    grid = totals(query.cube, inputs, query.by, query.windows, query.where, span).select("date", *query.by, "covered")
    whole = bool(unsplit(query.cube, inputs, (*query.by, *query.where)))
    return grid.join(found, on=["date", *query.by], how="left", nulls_equal=True).with_columns(
        value=pl.when(pl.lit(not whole)).then(pl.col("value")),
        numerator=pl.lit(None, pl.Float64),
        denominator=pl.lit(None, pl.Float64),
        n=pl.col("n").cast(pl.Float64).fill_null(0),
        currency=pl.lit(None, pl.String),
        status=pl.when(pl.lit(whole))
        .then(pl.lit("column missing"))
        .when(pl.col("covered") == 0)
        .then(pl.lit("outside the data"))
        .when(pl.col("value").is_null())
        .then(pl.lit("no data"))
        .otherwise(pl.lit(OK)),
    )

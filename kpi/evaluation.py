"""Evaluation: a cube → values of KPIs, tidy, with numerator, denominator, interval and the reason where there is none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from kpi import catalog, statistics
from kpi.answering import ASSUMED, lacks, rung
from kpi.assumptions import Assumptions, Scope
from kpi.catalog import Kpi, Measure, Window
from kpi.cube import Cube, require_dims
from kpi.periods import Grain, Period, buckets, shift
from kpi.totals import Span, base_days, distinct_totals, distribution, span_of, totals

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
_SHORTEST_YEAR = 182
"""Days from which a yearly figure may be scaled up."""


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


def evaluate(
    cube: Cube,
    kpis: Sequence[str | Kpi] | str | Kpi,
    by: Sequence[str] | str = (),
    every: Grain | None = None,
    where: Mapping[str, Sequence[str] | str] | None = None,
    period: Period | None = None,
    assumptions: Assumptions | None = None,
) -> pl.DataFrame:
    """Values of KPIs: any KPIs × dimensions × grain × filter × period.

    Args:
        cube: From `measure`, split by every dimension asked for here.
        kpis: Ids of the catalogue, or KPIs of your own.
        by: Dimensions to split by; `currency` is always among those that can be.
        every: Grain of the buckets, dense; None for one number over the whole period.
        where: Dimension → the values that count.
        period: Which days; None for all of the cube's.
        assumptions: Margin, lifetime, rates, cost scopes, target to use instead of the cube's. What is used while
            measuring (zone, stages, lead event, hourly rate …) needs a new cube.

    Returns:
        One row per KPI × values of `by` × bucket, with the columns

        - `kpi, *by`, `date` (first day of the bucket, with `every`),
        - `value` in the KPI's unit (rates 0..1, durations in seconds or days), null with a reason in `status`,
        - `numerator`, `denominator`, summed to this row before they were divided; null for derived KPIs,
        - `n`, the cases behind a rate, cost or duration, and `low`, `high`, its 95 % interval where one is known,
        - `currency` of a money value; where several meet without a rate, the value is null (`mixed currency`) and a
          row for each currency follows,
        - `maturity` of a cohort: `mature`, `immature`, `too young`; null for others,
        - `covered`, the share of the bucket's days that the data covers.

    Raises:
        ValueError: If a KPI or dimension is unknown, or the cube was measured without it.

    Example:
        >>> import kpi
        >>> leads = pl.DataFrame({"lead_id": ["a", "b"], "created_at": [dt.date(2025, 1, 3), dt.date(2025, 1, 9)]})
        >>> spend = pl.DataFrame({"date": [dt.date(2025, 1, 3)], "cost": [50.0]})
        >>> cube = kpi.measure(kpi.read({"leads": leads, "spend": spend}))
        >>> evaluate(cube, "cpl").select("value", "numerator", "denominator").row(0)
        (25.0, 50.0, 2.0)
    """
    cube = under(cube, assumptions)
    dims = (by,) if isinstance(by, str) else tuple(by)
    filters = {dim: (value,) if isinstance(value, str) else tuple(value) for dim, value in (where or {}).items()}
    require_dims(cube, (*dims, *filters))
    query = Query(cube, dims, buckets(period or cube.span, every), filters, every is not None or period is not None)
    catalogue = catalog.kpis(cube.assumptions.stages)
    chosen = [kpis] if isinstance(kpis, str | Kpi) else list(kpis)
    frames = [answer(query, catalog.find(item, catalogue)) for item in chosen]
    return pl.concat(frames) if every else pl.concat(frames).drop("date")


def answer(query: Query, kpi: Kpi, scope: Scope | None = None) -> pl.DataFrame:
    """The rows of one KPI, in the columns of `evaluate`."""
    if kpi.window and query.windows.height:
        query = replace(query, windows=_trailing(query.windows, kpi.window))
    if kpi.derived:
        rows = _derived(query, kpi, scope)
    elif kpi.quantile is not None:
        rows = _quantile(query, kpi)
    elif kpi.over:
        rows = _over(query, kpi, scope)
    else:
        rows = _ratio(query, kpi, scope)
    return _tidy(query, kpi, rows)


def under(cube: Cube, assumptions: Assumptions | None) -> Cube:
    """The cube under other assumptions, or as it is."""
    return replace(cube, data=cube.data.with_assumptions(assumptions)) if assumptions else cube


def _trailing(windows: pl.DataFrame, window: Window) -> pl.DataFrame:
    """The same buckets, each looking back a window from its last day."""
    ends: list[dt.date] = windows["end"].to_list()
    starts = [end - dt.timedelta(89) if window == "90d" else shift(end + dt.timedelta(1), -12) for end in ends]
    return windows.with_columns(start=pl.Series(starts, dtype=pl.Date))


# ---- the kinds of KPI -----------------------------------------------------------------------------------------------


def _inputs(query: Query, kpi: Kpi, scope: Scope | None) -> dict[str, Measure]:
    """Name in the KPI's expressions → the measure it stands for here."""
    resolved = {name: rung(query.cube.data, name, kpi, scope) for name in kpi.inputs}
    absent = [name for name in resolved.values() if name not in query.cube.measures]
    if absent:
        raise ValueError(f"the cube was measured without {absent[0]!r}; measure it with kpis=[{kpi.id!r}, …]")
    return {name: query.cube.measures[target] for name, target in resolved.items()}


def _ratio(query: Query, kpi: Kpi, scope: Scope | None, by: tuple[str, ...] | None = None) -> pl.DataFrame:
    inputs = _inputs(query, kpi, scope)
    span, refusal = _scope_of(query, inputs)
    asked = query if by is None else replace(query, by=by)
    if refusal:
        return _refused(asked, refusal)
    sums = totals(query.cube, inputs, asked.by, query.windows, query.where, span, query.within)
    sums = distinct_totals(query.cube, inputs, sums, asked.by, query.windows, query.where, span)
    return _divided(sums, kpi, inputs, _unsplit(query.cube, inputs, (*asked.by, *query.where)))


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
    return item.agg.kind in ("rows", "count", "distinct") or (item.agg.kind == "total" and item.table in _COUNTED)


_COUNTED = ("traffic", "email", "social", "chat_invites")


def _over(query: Query, kpi: Kpi, scope: Scope | None) -> pl.DataFrame:
    """A share of all values of a dimension, or one figure for them all."""
    over = kpi.over or ""
    if lacks(query.cube.data, kpi, query.cube.measures):
        return _refused(query, _reason(lacks(query.cube.data, kpi, query.cube.measures)))
    require_dims(query.cube, (over,))
    by = query.by if kpi.figure else tuple(dim for dim in query.by if dim != over)
    parts = _ratio(query, kpi, scope, by=tuple(dict.fromkeys((*by, over))))
    keys = ["date", *(dim for dim in by if dim != over)]
    if kpi.figure is None:
        return _shares(parts, kpi, keys, query.by)
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


def _shares(parts: pl.DataFrame, kpi: Kpi, keys: list[str], by: tuple[str, ...]) -> pl.DataFrame:
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
    if kpi.over in by:
        return shares
    # Not split by the dimension: the largest value stands for the mix, so that the row still says something true.
    known = pl.col(kpi.over or "") != "unknown"
    return shares.sort([*keys, known, "value"], descending=[*([False] * len(keys)), True, True], nulls_last=True).group_by(
        keys, maintain_order=True
    ).first()


def _quantile(query: Query, kpi: Kpi) -> pl.DataFrame:
    inputs = _inputs(query, kpi, None)
    item = next(iter(inputs.values()))
    span, refusal = _scope_of(query, inputs)
    if refusal:
        return _refused(query, refusal)
    spread = distribution(query.cube, item, query.by, query.windows, query.where, span)
    found = statistics.weighted_quantile(spread, ["date", *query.by], kpi.quantile or 0.5)
    grid = totals(query.cube, inputs, query.by, query.windows, query.where, span).select(
        "date", *query.by, "covered"
    )
    unsplit = _unsplit(query.cube, inputs, (*query.by, *query.where))
    return grid.join(found, on=["date", *query.by], how="left", nulls_equal=True).with_columns(
        value=pl.when(pl.lit(not unsplit)).then(pl.col("value")),
        numerator=pl.lit(None, pl.Float64),
        denominator=pl.lit(None, pl.Float64),
        n=pl.col("n").cast(pl.Float64).fill_null(0),
        currency=pl.lit(None, pl.String),
        status=pl.when(pl.lit(unsplit))
        .then(pl.lit("column missing"))
        .when(pl.col("covered") == 0)
        .then(pl.lit("outside the data"))
        .when(pl.col("value").is_null())
        .then(pl.lit("no data"))
        .otherwise(pl.lit(OK)),
    )


def _derived(query: Query, kpi: Kpi, scope: Scope | None) -> pl.DataFrame:
    """A KPI made of KPIs and assumptions, each input evaluated for the same rows, with its own window if named."""
    catalogue = catalog.kpis(query.cube.assumptions.stages)
    keys = ["date", *query.by]
    parts: dict[str, pl.DataFrame] = {}
    scope = scope or query.cube.assumptions.scopes.get(kpi.id) or kpi.scope
    for name in kpi.inputs:
        if name not in ASSUMED:
            window = kpi.windows.get(name)
            asked = replace(query, windows=_trailing(query.windows, window)) if window else query
            found = answer(asked, catalogue[name], scope)
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
    return grid.with_columns(values.select(kpi.numerator.alias("value")).to_series()).with_columns(
        value=pl.col("value").replace([float("inf"), float("-inf"), float("nan")], None),
        numerator=pl.lit(None, pl.Float64),
        denominator=pl.lit(None, pl.Float64),
        n=pl.lit(None, pl.Float64),
        low=pl.lit(None, pl.Float64),
        high=pl.lit(None, pl.Float64),
        currency=pl.coalesce(*(f"currency {name}" for name in money)) if money else pl.lit(None, pl.String),
        covered=pl.min_horizontal(*(_if_known(name) for name in parts)).fill_null(0.0),
        maturity=_youngest([f"maturity {name}" for name in parts]),
    ).with_columns(_derived_status(kpi, list(parts), money, assumed))


def _if_known(name: str) -> pl.Expr:
    return pl.when(pl.col(f"status {name}") == OK).then(pl.col(f"covered {name}"))


def _derived_status(kpi: Kpi, parts: list[str], money: list[str], assumed: Mapping[str, float | None]) -> pl.Expr:
    reasons = [pl.when(pl.col(f"status {name}") != OK).then(pl.col(f"status {name}")) for name in parts]
    wanting = any(name in kpi.inputs and value is None for name, value in assumed.items())
    last = pl.lit("assumption missing" if wanting else "no denominator")
    one = pl.concat_list(f"currency {name}" for name in money).list.drop_nulls().list.n_unique() < 2 if money else pl.lit(True)
    return (
        pl.when(pl.col("value").is_not_null() & one)
        .then(pl.lit(OK))
        .when(~one)
        .then(pl.lit("mixed currency"))
        .otherwise(pl.coalesce(*reasons, last))
        .alias("status")
    )


# ---- what goes with every row ---------------------------------------------------------------------------------------


def _scope_of(query: Query, inputs: Mapping[str, Measure]) -> tuple[Span, str | None]:
    """The days that all tables of a KPI cover, or the reason why it has no value at all."""
    lacking = frozenset[str]().union(*(query.cube.lacking.get(item.id, frozenset()) for item in inputs.values()))
    if lacking:
        return Span(None, dated=False), _reason(lacking)
    span = span_of(query.cube, {item.table for item in inputs.values()})
    if query.dated and not span.dated:
        return span, "column missing"
    return span, None


def _reason(lacking: frozenset[str]) -> str:
    if any(name.startswith("assumptions.") for name in lacking):
        return "assumption missing"
    return "column missing" if all("." in name for name in lacking) else "table missing"


def _refused(query: Query, reason: str) -> pl.DataFrame:
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


def _unsplit(cube: Cube, inputs: Mapping[str, Measure], dims: Sequence[str]) -> bool:
    """Whether a table lacks a dimension that is split or filtered by: its grand total must not stand for a part."""
    return any(dim not in cube.splits[item.id] for dim in dims if dim != "currency" for item in inputs.values())


def _is_currency_row(keys: list[str]) -> pl.Expr:
    mixed = (pl.col("status") == "mixed currency").any().over(keys)
    return mixed & (pl.col("status") != "mixed currency")


def _tidy(query: Query, kpi: Kpi, rows: pl.DataFrame) -> pl.DataFrame:
    """The columns of `evaluate`, yearly figures scaled, cohorts with their maturity."""
    if kpi.unit == "per_year":
        rows = _per_year(query, kpi, rows)
    if "maturity" not in rows.columns:
        rows = _with_maturity(query, kpi, rows)
    known = pl.col("status") == OK
    money = kpi.unit in ("money", "money_per_day")
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
        currency=pl.col("currency") if money and "currency" not in query.by else pl.lit(None, pl.String),
        status="status",
        maturity="maturity",
        covered="covered",
    )


def _per_year(query: Query, kpi: Kpi, rows: pl.DataFrame) -> pl.DataFrame:
    """A figure of a part of a year scaled to the year; refused below half a year."""
    windows = _trailing(query.windows, kpi.window) if kpi.window else query.windows
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


# ---- maturity -------------------------------------------------------------------------------------------------------


def cohort(query: Query, kpi: Kpi, scope: Scope | None = None) -> list[Measure]:
    """The cohort measures that a KPI reads, through its inputs where it is derived."""
    if kpi.derived:
        catalogue = catalog.kpis(query.cube.assumptions.stages)
        return [item for name in kpi.inputs if name in catalogue for item in cohort(query, catalogue[name], scope)]
    if kpi.quantile is not None:
        return []
    return [item for item in _inputs(query, kpi, scope).values() if item.ripens and item.id not in query.cube.lacking]


def youngest_age(query: Query, measures: Sequence[Measure]) -> pl.DataFrame:
    """Per bucket, the age in days of the youngest member of these cohorts: `date, age`; null where it is empty."""
    bases = {item.base for item in measures}
    days = base_days(query.cube, bases, query.windows, query.where)
    return query.windows.select("date").join(days, on="date", how="left").select(
        "date", age=(pl.lit(query.cube.as_of) - pl.col("youngest")).dt.total_days()
    )


def _with_maturity(query: Query, kpi: Kpi, rows: pl.DataFrame) -> pl.DataFrame:
    measures = cohort(query, kpi)
    points = [query.cube.ripe[item.id] for item in measures if item.id in query.cube.ripe]
    if not points:
        return rows.with_columns(maturity=pl.lit(None, pl.String))
    half, most = max(point[0] for point in points), max(point[1] for point in points)
    age = pl.col("age")
    maturity = (
        pl.when(age < half).then(pl.lit("too young")).when(age < most).then(pl.lit("immature")).when(age >= most).then(pl.lit("mature"))
    )
    return rows.join(youngest_age(query, measures), on="date", how="left").with_columns(maturity=maturity)


def _youngest(columns: list[str]) -> pl.Expr:
    """The least mature of several."""
    order = ["too young", "immature", "mature"]
    found = pl.concat_list(columns)
    worst = pl.lit(None, pl.String)
    for name in reversed(order):
        worst = pl.when(found.list.contains(name)).then(pl.lit(name)).otherwise(worst)
    return worst

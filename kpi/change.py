"""Change: a KPI against an earlier period of equal length, cohorts at equal age."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from kpi import catalog
from kpi.assumptions import Assumptions
from kpi.catalog import Kpi, Measure
from kpi.cube import Cube, require_dims
from kpi.evaluation import answer, under
from kpi.maturity import cohort, youngest_age
from kpi.periods import Against, Period, buckets, comparison
from kpi.query import OK, Query, inputs_of, scope_of

_SLACK = 0.03
"""The share of a period's days that may be missing at its end for it to be compared."""
_BOTH: tuple[Against, ...] = ("previous", "last_year")


def change(
    cube: Cube,
    kpis: Sequence[str | Kpi] | str | Kpi,
    period: Period | str,
    against: Sequence[Against] | Against = _BOTH,
    by: Sequence[str] | str = (),
    where: Mapping[str, Sequence[str] | str] | None = None,
    assumptions: Assumptions | None = None,
) -> pl.DataFrame:
    """How KPIs changed since an earlier period; that period may lie outside the period asked for, or any filter of it.

    Cohort KPIs are compared at equal age: in both periods only the conversions within the age of the newer period's
    youngest lead count, so a young month is not judged against a ripe one.

    Args:
        cube: From `measure`.
        kpis: Ids or KPIs.
        period: The newer period, or a preset such as `last_quarter`.
        against: `previous` (equal length and position before) and, or, `last_year` (the same days a year before).
        by: Dimensions to split by.
        where: Dimension → the values that count.
        assumptions: To use instead of the cube's.

    Returns:
        One row per KPI × values of `by` × comparison, with the columns `kpi, *by, against`, `current` and `previous`
        (the values compared, at equal age), `change` (relative, 0.1 is 10 % more), `points` (the difference),
        `likely` (true when the intervals do not overlap, or nothing is chance: money spent, a stock; null when nothing
        is known), `verdict` (`better`, `worse` or null, by the KPI's direction and only when likely),
        `within` (days of age at which cohorts were compared), `start` and `end` of the earlier period, `ripe_until`
        (the last day on which a newer period could end and be compared; null for what does not ripen), and `status`,
        which says why there is no change: a reason of `evaluate`, or `period immature` where the newer period is
        younger than the half-way point of its conversions.

    Example:
        >>> import datetime as dt, kpi
        >>> days = [dt.date(2025, 1, 3), dt.date(2025, 2, 3), dt.date(2025, 2, 9)]
        >>> cube = kpi.measure(kpi.read({"leads": pl.DataFrame({"lead_id": ["a", "b", "c"], "created_at": days})}))
        >>> february = Period(dt.date(2025, 2, 1), dt.date(2025, 2, 9))
        >>> change(cube, "leads", february, "previous").select("current", "previous", "change", "likely").row(0)
        (2.0, 1.0, 1.0, False)
    """
    cube = under(cube, assumptions)
    dims = tuple(dim for dim in ((by,) if isinstance(by, str) else by) if dim != "currency")
    filters = {dim: (value,) if isinstance(value, str) else tuple(value) for dim, value in (where or {}).items()}
    require_dims(cube, (*dims, *filters))
    catalogue = catalog.kpis(cube.assumptions.stages)
    chosen = [kpis] if isinstance(kpis, str | Kpi) else list(kpis)
    period = cube.period(period) if isinstance(period, str) else period
    query = Query(cube, dims, buckets(period, None), filters, dated=True)
    compared = (against,) if isinstance(against, str) else tuple(against)
    return pl.concat([_changes(query, catalog.find(item, catalogue), period, compared) for item in chosen])


def _changes(query: Query, kpi: Kpi, period: Period, against: Sequence[Against]) -> pl.DataFrame:
    age, half = _age(query, kpi)
    immature = age is not None and half is not None and age < half
    ripe_until = None if half is None else query.cube.as_of - dt.timedelta(half)
    compared = [_compared(replace(query, within=age), kpi, period, name, immature) for name in against]
    return pl.concat(compared).with_columns(ripe_until=pl.lit(ripe_until, pl.Date))


def _age(query: Query, kpi: Kpi) -> tuple[int | None, int | None]:
    """The age of the newer period's youngest lead, and the age from which its conversions can be compared."""
    measures = cohort(query, kpi)
    if not measures:
        return None, None
    age = youngest_age(query, measures)["age"][0]
    halves = [query.cube.ripe[item.id][0] for item in measures if item.id in query.cube.ripe]
    return age, max(halves, default=None)


def _compared(query: Query, kpi: Kpi, period: Period, against: Against, immature: bool) -> pl.DataFrame:
    # Both periods in one question: a segment, or a currency, that only one of them has stands in the other too.
    earlier = comparison(period, against)
    both = answer(replace(query, windows=pl.concat([buckets(period, None), buckets(earlier, None)])), kpi)
    both = both.with_columns(currency=_one_currency(query.by))
    newer, older = both.filter(date=period.start), both.filter(date=earlier.start)
    keys = [*query.by, "currency"]
    pairs = newer.join(older.drop("kpi", "date"), on=keys, how="left", nulls_equal=True, suffix=" older")
    current, previous = pl.col("value"), pl.col("value older")
    status = (
        pl.when(pl.col("status") != OK)
        .then(pl.col("status"))
        .when(pl.lit(immature))
        .then(pl.lit("period immature"))
        .when(pl.lit(_partly(query, kpi, (period, earlier))))
        .then(pl.lit("outside the data"))
        .otherwise(pl.col("status older").fill_null("no data"))
    )
    known = pl.col("why") == OK
    return (
        pairs.with_columns(why=status)
        .with_columns(points=pl.when(known).then(current - previous))
        .with_columns(likely=_likely(_counted_out(query, kpi)))
        .select(
            "kpi",
            *query.by,
            against=pl.lit(against),
            current=current,
            previous=previous,
            change=pl.when(known & (previous != 0)).then(pl.col("points") / previous.abs()),
            points="points",
            likely="likely",
            verdict=_verdict(kpi),
            currency="currency",
            within=pl.lit(query.within, pl.Int64),
            start=pl.lit(earlier.start),
            end=pl.lit(earlier.end),
            status="why",
        )
    )


def _one_currency(by: Sequence[str]) -> pl.Expr:
    """The currency of a row; nothing sold is nothing in the currency of the other period."""
    held = pl.col("currency").drop_nulls()
    only = pl.when(held.n_unique() == 1).then(held.first())
    return pl.coalesce("currency", only.over(by) if by else only)


def _partly(query: Query, kpi: Kpi, periods: Sequence[Period]) -> bool:
    """Whether the data covers only a part of one of the periods: what is not there is no change.

    A table of events may well begin some days before its first row, within its month.
    """
    if kpi.derived:
        catalogue = catalog.kpis(query.cube.assumptions.stages)
        own = (name for name in kpi.inputs if name in catalogue and name not in kpi.windows)
        return any(_partly(query, catalogue[name], periods) for name in own)
    if kpi.window or _measures(query, kpi, lambda item: bool(item.since)):
        return False  # a stock is what it is on its day; a yearly figure is scaled by the days that it has
    span = scope_of(query, inputs_of(query, kpi, None))[0].period
    if span is None:
        return False
    first = span.start.replace(day=1)
    return any(period.start < first or _days_after(period, span.end) > _SLACK * period.days for period in periods)


def _days_after(period: Period, last: dt.date) -> int:
    return (period.end - last).days


def _counted_out(query: Query, kpi: Kpi) -> bool:
    """Whether a figure is no sample of anything: money spent, or a stock of money."""
    bare = kpi.unit == "money" and kpi.denominator is None
    return bare and _measures(query, kpi, lambda item: item.table == "spend" or item.rollup == "last")


def _measures(query: Query, kpi: Kpi, holds: Callable[[Measure], bool]) -> bool:
    """Whether something holds for all measures of a KPI; never for a derived one."""
    return not kpi.derived and all(map(holds, inputs_of(query, kpi, None).values()))


def _likely(counted_out: bool) -> pl.Expr:
    """Whether a change is more than chance: the intervals lie apart, or nothing about it is chance."""
    apart = (pl.col("low") > pl.col("high older")) | (pl.col("high") < pl.col("low older"))
    exact = pl.col("points") != 0 if counted_out else pl.lit(None, pl.Boolean)
    bounded = pl.all_horizontal(pl.col(name).is_not_null() for name in ("low", "high", "low older", "high older"))
    return pl.when(pl.col("points").is_not_null()).then(pl.when(bounded).then(apart).otherwise(exact))


def _verdict(kpi: Kpi) -> pl.Expr:
    if kpi.better is None:
        return pl.lit(None, pl.String)
    good = pl.col("points") > 0 if kpi.better == "higher" else pl.col("points") < 0
    return pl.when(pl.col("likely") & (pl.col("points") != 0)).then(
        pl.when(good).then(pl.lit("better")).otherwise(pl.lit("worse"))
    )

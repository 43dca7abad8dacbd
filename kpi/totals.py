"""Totals: amounts of a cube summed to the buckets, dimensions and currencies of a question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from kpi.aggregating import has_currency
from kpi.answering import undated
from kpi.catalog import Measure
from kpi.cube import Cube
from kpi.currencies import NOTHING, chosen_currencies, converted, in_currency, known
from kpi.periods import Period
from kpi.tables import TABLES

Filters = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Span:
    """The days that all tables of a KPI cover; `period` is None where they have none in common."""

    period: Period | None
    dated: bool = True


def span_of(cube: Cube, tables: Iterable[str]) -> Span:
    """The days that all of these tables cover; with a table without dates among them it is the whole file.

    Where tables meet, one of single events begins with the month of its first row: spend on 1 January and a first
    lead on the 2nd belong together.
    """
    tables = frozenset(tables)
    dated = {table: span for table in tables if (span := cube.spans.get(table))}
    if not dated or any(undated(cube.data, table) for table in tables):
        return Span(None, dated=False)
    if len(dated) == 1:
        return Span(next(iter(dated.values())))
    starts = [span.start if TABLES[table].daily else span.start.replace(day=1) for table, span in dated.items()]
    start, end = max(starts), min(span.end for span in dated.values())
    return Span(Period(start, end) if start <= end else None)


def totals(
    cube: Cube,
    inputs: Mapping[str, Measure],
    by: tuple[str, ...],
    windows: pl.DataFrame,
    where: Filters,
    span: Span,
    within: int | None = None,
) -> pl.DataFrame:
    """Sums of measures per bucket and dimension values, dense in both.

    Args:
        cube: The cube.
        inputs: Name of the column → measure. Distinct counts and distributions get their rows, not their values.
        by: Dimensions to keep.
        windows: `date, start, end`; they may overlap.
        where: Dimension → values that count.
        span: The days that count at all.
        within: For cohort measures, only conversions with a lag up to so many days.

    Returns:
        `date, *by, currency, mixed, covered` and a column per input: 0 or null where a segment has no rows, as the
        measure says. Money is converted to the reporting currency where a rate is known. Where currencies still
        differ, `mixed` is true with null money, and a row for each currency follows, with `of_currency` true: its
        money and its counts. `cut` says that a filter by currency left out other money. On both, a count that has no
        currency is null, and `undivided` is true.
    """
    clipped = clip(windows, span)
    by = tuple(dim for dim in by if dim != "currency")
    chosen = _filtered(cube, [item.id for item in inputs.values()], where, within)
    flows = [item for item in inputs.values() if item.rollup != "last"]
    stocks = [item for item in inputs.values() if item.rollup == "last"]
    sums = _flows(chosen, flows, by, clipped, span)
    if stocks:
        sums = pl.concat([sums, _stocks(chosen, stocks, by, clipped, span)])
    sums, cut = chosen_currencies(sums, inputs, ["date", *by], where.get("currency"))
    return _wide(cube, inputs, converted(cube, inputs, sums), by, clipped, cut)


def distribution(
    cube: Cube, item: Measure, by: tuple[str, ...], windows: pl.DataFrame, where: Filters, span: Span
) -> pl.DataFrame:
    """The values of a distribution measure and how often each occurs: `date, *by, value, count`."""
    days = day_map(clip(windows, span))
    chosen = in_currency(_filtered(cube, [item.id], where, None), where.get("currency"))
    return (
        chosen.join(days, on="date")
        .group_by(pl.col("bucket").alias("date"), *by, "value")
        .agg(count=pl.col("amount").sum())
        .collect()
    )


def base_days(cube: Cube, measures: Iterable[str], windows: pl.DataFrame, where: Filters) -> pl.DataFrame:
    """Per bucket the last day on which one of these measures has rows: `date, youngest`."""
    chosen = in_currency(_filtered(cube, list(measures), where, None), where.get("currency"))
    days = chosen.join(day_map(windows), on="date")
    return days.group_by(pl.col("bucket").alias("date")).agg(youngest=pl.col("date").max()).collect()


# ---- days -----------------------------------------------------------------------------------------------------------


def clip(windows: pl.DataFrame, span: Span) -> pl.DataFrame:
    """The windows inside the span, with the share of their days that it covers; an empty one has no days."""
    length = (pl.col("end") - pl.col("start")).dt.total_days() + 1
    if not span.dated:
        return windows.with_columns(covered=pl.lit(1.0))
    if span.period is None:
        return windows.with_columns(end=pl.col("start") - pl.duration(days=1), covered=pl.lit(0.0))
    first = pl.max_horizontal("start", pl.lit(span.period.start))
    last = pl.min_horizontal("end", pl.lit(span.period.end))
    inside = ((last - first).dt.total_days() + 1).clip(0)
    return windows.with_columns(start=first, end=last, covered=inside / length)


def day_map(windows: pl.DataFrame) -> pl.LazyFrame:
    """Each day of each window: `date, bucket`; windows may overlap, so a day may stand in several."""
    return (
        windows.lazy()
        .filter(pl.col("start") <= pl.col("end"))
        .select(bucket="date", date=pl.date_ranges("start", "end"))
        .explode("date")
    )


# ---- sums -----------------------------------------------------------------------------------------------------------


def _filtered(cube: Cube, measures: list[str], where: Filters, within: int | None) -> pl.LazyFrame:
    found = [cube.parts[name] for name in dict.fromkeys(measures) if name in cube.parts]
    frame = pl.concat([cube.frame.clear(), *found]).lazy()
    for dim, values in where.items():
        if dim != "currency":
            frame = frame.filter(pl.col(dim).is_in(list(values)))
    return frame if within is None else frame.filter(pl.col("lag").is_null() | (pl.col("lag") <= within))


def _flows(
    chosen: pl.LazyFrame, items: list[Measure], by: tuple[str, ...], windows: pl.DataFrame, span: Span
) -> pl.DataFrame:
    keys = ["measure", "date", *by, "currency"]
    rows = chosen.filter(pl.col("measure").is_in([item.id for item in items]))
    if span.dated:
        rows = rows.join(day_map(windows), on="date").with_columns(date="bucket")
    else:
        rows = rows.with_columns(date=pl.lit(windows["date"][0]))
    return rows.group_by(keys).agg(pl.col("amount").sum()).select(*keys, "amount").collect()


def _stocks(
    chosen: pl.LazyFrame, items: list[Measure], by: tuple[str, ...], windows: pl.DataFrame, span: Span
) -> pl.DataFrame:
    """What is open at the end of each bucket: the changes of all days up to then, added up."""
    keys = ["measure", *by, "currency"]
    changes = chosen.filter(pl.col("measure").is_in([item.id for item in items]))
    if not span.dated:
        summed = changes.group_by(keys).agg(pl.col("amount").sum())
        return (
            summed.with_columns(date=pl.lit(windows["date"][0]))
            .select("measure", "date", *by, "currency", "amount")
            .collect()
        )
    level = (
        changes.group_by([*keys, "date"])
        .agg(pl.col("amount").sum())
        .sort("date")
        .with_columns(pl.col("amount").cum_sum().over(keys))
        .rename({"date": "day"})
    )
    inside = windows.lazy().filter(pl.col("start") <= pl.col("end")).select("date", day="end").sort("day")
    grid = inside.join(level.select(keys).unique(), how="cross").sort("day")
    return (
        _asof(grid, level.sort("day"), keys)
        .drop_nulls("amount")
        .select("measure", "date", *by, "currency", "amount")
        .collect()
    )


def _asof(grid: pl.LazyFrame, level: pl.LazyFrame, keys: list[str]) -> pl.LazyFrame:
    """The last level on or before each day, per key; keys may be null, which an as-of join would not match."""
    key = pl.concat_str([pl.col(name).fill_null("\x00") for name in keys], separator="\x1f").alias("key")
    return grid.with_columns(key).join_asof(
        level.with_columns(key).select("key", "day", "amount"),
        on="day",
        by="key",
        strategy="backward",
        check_sortedness=False,
    )


# ---- currencies and density -----------------------------------------------------------------------------------------


def _wide(
    cube: Cube,
    inputs: Mapping[str, Measure],
    sums: pl.DataFrame,
    by: tuple[str, ...],
    windows: pl.DataFrame,
    cut: pl.DataFrame,
) -> pl.DataFrame:
    """One row per bucket and segment, with a column for each input; further rows where currencies mix."""
    keys = ["date", *by]
    money = [item.id for item in inputs.values() if item.agg.money]
    held = pl.col("currency").filter(pl.col("amount").abs() > NOTHING).drop_nulls()
    currencies = (
        sums.filter(pl.col("measure").is_in(money))
        .group_by(keys)
        .agg(one=pl.coalesce(held.first(), pl.col("currency").drop_nulls().min()), kinds=held.n_unique())
    )
    grid = _grid(sums, by, windows).join(currencies, on=keys, how="left", nulls_equal=True)
    mixed = (pl.col("kinds") > 1).fill_null(False)
    plain_counts = not all(has_currency(cube.data, item) for item in inputs.values())
    whole = (
        grid.join(cut, on=keys, how="left", nulls_equal=True)
        .with_columns(
            mixed=mixed,
            currency=pl.when(~mixed).then(pl.col("one")),
            of_currency=pl.lit(False),
            cut=pl.col("cut").fill_null(False),
        )
        .with_columns(undivided=pl.col("cut") & plain_counts)
        .drop("one", "kinds")
    )
    plain = sums.group_by([*keys, "measure"]).agg(pl.col("amount").sum())
    filled = known(_filled(whole, plain, inputs, keys), cube, inputs)
    if not whole["mixed"].any():
        return filled
    parts = _currency_parts(whole.filter("mixed"), sums, inputs, keys, plain_counts)
    return pl.concat([filled, known(parts, cube, inputs)], how="diagonal").sort(keys, maintain_order=True)


def _currency_parts(
    mixed: pl.DataFrame, sums: pl.DataFrame, inputs: Mapping[str, Measure], keys: list[str], undivided: bool
) -> pl.DataFrame:
    """A row for each currency that meets in a mixed one: its own money beside its own counts."""
    held = sums.filter(pl.col("currency").is_not_null()).select(*keys, "currency").unique(maintain_order=True)
    rows = (
        mixed.drop("currency")
        .join(held, on=keys, nulls_equal=True)
        .with_columns(mixed=pl.lit(False), of_currency=pl.lit(True), undivided=pl.lit(undivided))
        .sort(*keys, "currency")
    )
    return _filled(rows, sums, inputs, [*keys, "currency"])


def _filled(grid: pl.DataFrame, amounts: pl.DataFrame, inputs: Mapping[str, Measure], keys: list[str]) -> pl.DataFrame:
    for name, item in inputs.items():
        column = amounts.filter(pl.col("measure") == item.id).select(*keys, pl.col("amount").alias(name))
        grid = grid.join(column, on=keys, how="left", nulls_equal=True)
    return grid


def _grid(sums: pl.DataFrame, by: tuple[str, ...], windows: pl.DataFrame) -> pl.DataFrame:
    """Every bucket × every combination of dimension values that any input has."""
    days = windows.select("date", "covered")
    if not by:
        return days
    combos = sums.select(by).unique().filter(pl.all_horizontal(pl.col(dim).is_not_null() for dim in by)).sort(by)
    if combos.is_empty():
        return days.with_columns(pl.lit(None, pl.String).alias(dim) for dim in by).select("date", *by, "covered")
    return days.join(combos, how="cross").select("date", *by, "covered")

"""Distinct counts, which do not add up: they ask the rows again at exactly the grouping wanted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import polars as pl

from kpi.catalog import Measure
from kpi.cube import Cube
from kpi.totals import Filters, Span, clip, day_map


def distinct_totals(
    cube: Cube,
    inputs: Mapping[str, Measure],
    sums: pl.DataFrame,
    by: tuple[str, ...],
    windows: pl.DataFrame,
    where: Filters,
    span: Span,
) -> pl.DataFrame:
    """The sums with the distinct counts among the inputs, which ask the rows again at exactly this grouping."""
    keys = ["date", *(dim for dim in by if dim != "currency")]
    found: dict[str, pl.DataFrame] = {}
    for name, item in inputs.items():
        if item.rollup == "distinct":
            rows = _asked(cube, item, keys[1:], where)
            counted = _distinct_flow if item.at else partial(_distinct_stock, item=item)
            found[name] = counted(rows, keys=keys, windows=windows, span=span).rename({"amount": name})
    if not found:
        return sums
    sums = _with_segments(sums.drop(found), list(found.values()), keys, clip(windows, span))
    for counts in found.values():
        sums = sums.join(counts, on=keys, how="left", nulls_equal=True)
    for name, item in inputs.items():
        if item.absent is not None:
            told = (pl.col("covered") > 0) & ~(pl.lit(item.agg.money) & pl.col("mixed"))
            sums = sums.with_columns(pl.when(told).then(pl.col(name).fill_null(float(item.absent))).alias(name))
    return sums


def _with_segments(
    sums: pl.DataFrame, found: list[pl.DataFrame], keys: list[str], windows: pl.DataFrame
) -> pl.DataFrame:
    """The sums with a row in every bucket for the segments that only a distinct count has."""
    dims = keys[1:]
    if not dims:
        return sums
    seen = pl.concat([frame.select(dims) for frame in (sums, *found)]).unique()
    known = seen.drop_nulls()
    if known.is_empty():
        return sums
    sums = sums.drop_nulls(dims)
    extra = windows.select("date", "covered").join(known, how="cross").join(sums, on=keys, how="anti")
    together = pl.concat([sums, extra.with_columns(mixed=pl.lit(False))], how="diagonal")
    return together.sort(keys, maintain_order=True)


def _asked(cube: Cube, item: Measure, dims: list[str], where: Filters) -> pl.DataFrame:
    frame = cube.rows[item.id]()
    for dim, values in where.items():
        if dim != "currency":
            frame = frame.filter(pl.col(dim).is_in(list(values)))
    dates = [name for name in ("date", "since", "until") if name in frame.columns]
    return frame.select("key", *dates, *dims)


def _distinct_flow(rows: pl.DataFrame, keys: list[str], windows: pl.DataFrame, span: Span) -> pl.DataFrame:
    if not span.dated:
        rows = rows.with_columns(bucket=pl.lit(windows["date"][0]))
    else:
        rows = rows.join(day_map(clip(windows, span)).collect(), on="date")
    return rows.with_columns(date="bucket").group_by(keys).agg(amount=pl.col("key").n_unique().cast(pl.Float64))


def _distinct_stock(
    rows: pl.DataFrame, item: Measure, keys: list[str], windows: pl.DataFrame, span: Span
) -> pl.DataFrame:
    """Different keys open at the end of each bucket, before its start, or before its start and no more at its end."""
    counted = []
    for label, start, end in (
        clip(windows, span).filter(pl.col("start") <= pl.col("end")).select("date", "start", "end").rows()
    ):
        before, after = _open(rows, start, inclusive=False), _open(rows, end, inclusive=True)
        open_rows = {"end": after, "start": before, "lost": before.join(after.select("key"), on="key", how="anti")}
        counted.append(open_rows[item.moment].with_columns(date=pl.lit(label)))
    if not counted:
        return (
            rows.clear()
            .select(*keys[1:])
            .with_columns(date=pl.lit(None, pl.Date), amount=pl.lit(0.0))
            .select(*keys, "amount")
        )
    return pl.concat(counted).group_by(keys).agg(amount=pl.col("key").n_unique().cast(pl.Float64))


def _open(rows: pl.DataFrame, day: object, *, inclusive: bool) -> pl.DataFrame:
    """Rows open at the end of a day, or with `inclusive=False` of the day before it."""
    limit = pl.lit(day) if inclusive else pl.lit(day) - pl.duration(days=1)
    return rows.filter(
        pl.col("since").is_null() | (pl.col("since") <= limit), pl.col("until").is_null() | (pl.col("until") > limit)
    )

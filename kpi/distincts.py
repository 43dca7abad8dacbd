"""Distinct counts, which do not add up: they ask the rows again at exactly the grouping wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import polars as pl

from kpi.catalog import Measure
from kpi.cube import Cube
from kpi.currencies import known, reported_currency
from kpi.totals import Filters, Span, clip, day_map

_CHOSEN = "chosen"


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
            rows = _of_currencies(cube, _asked(cube, item, keys[1:], where), sums, where.get("currency"))
            counted = _distinct_flow if item.at else partial(_distinct_stock, item=item)
            found[name] = counted(rows, keys=[*keys, "of"], windows=windows, span=span).rename({"amount": name})
    if not found:
        return sums
    money = any(item.agg.money for item in inputs.values())
    sums = _with_segments(sums.drop(found), list(found.values()), keys, clip(windows, span))
    # Beside money, a filter by currency means that money; without, the counts themselves.
    chosen = pl.lit("currency" in where) & (pl.col("cut") if money else pl.lit(True))
    sums = sums.with_columns(of=pl.when("of_currency").then("currency").when(chosen).then(pl.lit(_CHOSEN)))
    for counts in found.values():
        sums = sums.join(counts, on=[*keys, "of"], how="left", nulls_equal=True)
    return known(sums.drop("of"), cube, inputs)


def _of_currencies(cube: Cube, rows: pl.DataFrame, sums: pl.DataFrame, chosen: Sequence[str] | None) -> pl.DataFrame:
    """The rows `of` all currencies (null), again of those chosen, and again of each, where the sums ask for it."""
    parts = [rows.with_columns(of=pl.lit(None, pl.String))]
    if chosen is not None:
        parts.append(rows.filter(pl.col("currency").is_in(list(chosen))).with_columns(of=pl.lit(_CHOSEN)))
    if sums["of_currency"].any():
        parts.append(rows.with_columns(of=reported_currency(cube)))
    return pl.concat(parts).drop("currency")


def _with_segments(
    sums: pl.DataFrame, found: list[pl.DataFrame], keys: list[str], windows: pl.DataFrame
) -> pl.DataFrame:
    """The sums with a row in every bucket for the segments that only a distinct count has."""
    dims = keys[1:]
    if not dims:
        return sums
    seen = pl.concat([frame.select(dims) for frame in (sums, *found)]).unique()
    segments = seen.drop_nulls()
    if segments.is_empty():
        return sums
    sums = sums.drop_nulls(dims)
    extra = windows.select("date", "covered").join(segments, how="cross").join(sums, on=keys, how="anti")
    no = dict.fromkeys(("mixed", "of_currency", "cut", "undivided"), pl.lit(False))
    together = pl.concat([sums, extra.with_columns(**no)], how="diagonal")
    return together.sort(keys, maintain_order=True)


def _asked(cube: Cube, item: Measure, dims: list[str], where: Filters) -> pl.DataFrame:
    frame = cube.rows[item.id]()
    for dim, values in where.items():
        if dim != "currency":
            frame = frame.filter(pl.col(dim).is_in(list(values)))
    dates = [name for name in ("date", "since", "until") if name in frame.columns]
    return frame.select("key", *dates, *dims, "currency")


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
        open_rows = {"end": after, "start": before, "lost": _lost(before, after)}
        counted.append(open_rows[item.moment].with_columns(date=pl.lit(label)))
    if not counted:
        return (
            rows.clear()
            .select(*keys[1:])
            .with_columns(date=pl.lit(None, pl.Date), amount=pl.lit(0.0))
            .select(*keys, "amount")
        )
    return pl.concat(counted).group_by(keys).agg(amount=pl.col("key").n_unique().cast(pl.Float64))


def _lost(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    return before.join(after, on=["key", "of"], how="anti", nulls_equal=True)


def _open(rows: pl.DataFrame, day: object, *, inclusive: bool) -> pl.DataFrame:
    """Rows open at the end of a day, or with `inclusive=False` of the day before it."""
    limit = pl.lit(day) if inclusive else pl.lit(day) - pl.duration(days=1)
    return rows.filter(
        pl.col("since").is_null() | (pl.col("since") <= limit), pl.col("until").is_null() | (pl.col("until") > limit)
    )

"""Currencies: sums in those asked for, converted where a rate is known, and what a count may say beside money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from kpi.aggregating import has_currency
from kpi.catalog import Measure
from kpi.cube import Cube

NOTHING = 1e-6
"""Money below this is none: what is left of a stock in a currency that nobody pays in any more."""


def in_currency(frame: pl.LazyFrame, currencies: Sequence[str] | None) -> pl.LazyFrame:
    """What these currencies leave; what has none stays."""
    if currencies is None:
        return frame
    return frame.filter(pl.col("currency").is_null() | pl.col("currency").is_in(list(currencies)))


def chosen_currencies(
    sums: pl.DataFrame, inputs: Mapping[str, Measure], keys: list[str], currencies: Sequence[str] | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The sums in these currencies, and where that leaves something out: keys with `cut`.

    Where all the money is in them, nothing is left out: the counts stay whole, as they are beside that money anyway.
    A question without money asks for the counts of these currencies.
    """
    if currencies is None:
        return sums, sums.select(*keys, cut=pl.lit(False)).clear()
    kept = pl.col("currency").is_in(list(currencies))
    money = [item.id for item in inputs.values() if item.agg.money]
    other = pl.col("measure").is_in(money) & ~kept & (pl.col("amount").abs() > NOTHING)
    cut = sums.group_by(keys).agg(cut=other.any() if money else pl.lit(True))
    chosen = sums.join(cut, on=keys, how="left", nulls_equal=True)
    return chosen.filter(~pl.col("cut") | pl.col("currency").is_null() | kept).drop("cut"), cut


def reported_currency(cube: Cube) -> pl.Expr:
    """The currency in which money of a row's currency is reported: that of the reports, where a rate is known."""
    code = pl.col("currency")
    return pl.when(code.is_in(list(cube.assumptions.rates))).then(pl.lit(cube.assumptions.currency)).otherwise(code)


def converted(cube: Cube, inputs: Mapping[str, Measure], sums: pl.DataFrame) -> pl.DataFrame:
    """Money in the reporting currency, where its rate is known; a count stays what it is."""
    own, rates = cube.assumptions.currency, cube.assumptions.rates
    if not rates:
        return sums
    factor = pl.col("currency").replace_strict({**rates, own: 1.0}, default=None, return_dtype=pl.Float64)
    money = pl.col("measure").is_in([item.id for item in inputs.values() if item.agg.money])
    reported = sums.with_columns(
        amount=pl.when(money).then(pl.col("amount") * factor.fill_null(1.0)).otherwise(pl.col("amount")),
        currency=reported_currency(cube),
    )
    keys = [name for name in sums.columns if name != "amount"]
    return reported.group_by(keys, maintain_order=True).agg(pl.col("amount").sum())


def known(rows: pl.DataFrame, cube: Cube, inputs: Mapping[str, Measure]) -> pl.DataFrame:
    """The rows with what their inputs have where they have no rows of their own: 0, or null where it is not known."""
    for name, item in inputs.items():
        told = ~pl.col("mixed") if item.agg.money else pl.lit(True)
        if not has_currency(cube.data, item):
            told = told & ~pl.col("undivided")
        value = pl.col(name)
        if item.absent is not None:
            told, value = told & (pl.col("covered") > 0), value.fill_null(float(item.absent))
        rows = rows.with_columns(pl.when(told).then(value).alias(name))
    return rows

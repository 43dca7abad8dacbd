"""How sure a number is: intervals, distributions of (value, count), and concentration.

In every function `level` is the confidence of the interval, 0.95 if not said; a ValueError unless between 0 and 1.
"""

from statistics import NormalDist
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy import float64, int64
    from numpy.typing import NDArray

    Floats = NDArray[float64]


def wilson(successes: pl.Expr, trials: pl.Expr, level: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Lower and upper end of the Wilson score interval of a rate.

    Returns:
        Two shares in 0..1, exactly 0 or 1 where no or all trials succeed. Null where there are no trials, and where
        the counts cannot be a rate (missing, negative, more successes than trials).

    Example:
        Wilson (1927), JASA 22:209-212; Newcombe (1998), Stat. Med. 17:857-872, table I.

        >>> low, high = wilson(pl.lit(81), pl.lit(263))
        >>> pl.select(low=low.round(4), high=high.round(4)).row(0)
        (0.2553, 0.3662)
    """
    z = -NormalDist().inv_cdf(_tail(level))
    k, n = successes.cast(pl.Float64), trials.cast(pl.Float64)
    middle = (k + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * (k * (n - k) / n + z**2 / 4).sqrt()
    is_rate = n.is_finite() & (n > 0) & k.is_between(0, n)
    low = pl.when(k == 0).then(0.0).otherwise((middle - half).clip(0, 1))
    high = pl.when(k == n).then(1.0).otherwise((middle + half).clip(0, 1))
    return pl.when(is_rate).then(low), pl.when(is_rate).then(high)


def poisson(count: pl.Expr, level: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Lower and upper end of the exact interval of the mean behind a count (also a fraction: credited leads).

    Returns:
        Two means, the lower 0 for a count of 0; null where the count is missing or negative.

    Example:
        Garwood (1936), Biometrika 28:437-442.

        >>> low, high = poisson(pl.lit(10))
        >>> pl.select(low=low.round(6), high=high.round(6)).row(0)
        (4.795389, 18.390356)
    """
    from scipy.special import gammainccinv, gammaincinv

    tail = _tail(level)
    known = pl.when(count >= 0).then(count).cast(pl.Float64)

    def end(solve: "Callable[[Floats], Floats]") -> pl.Expr:
        solved = known.map_batches(lambda k: solve(k.to_numpy()), return_dtype=pl.Float64, is_elementwise=True)
        return solved.fill_nan(None)

    low = end(lambda k: gammaincinv(k, tail))
    return pl.when(count == 0).then(0.0).otherwise(low), end(lambda k: gammainccinv(k + 1, tail))


def ratio_to_count(numerator: pl.Expr, count: pl.Expr, level: float = 0.95) -> tuple[pl.Expr, pl.Expr]:
    """Lower and upper end of an amount per case, such as a cost per lead, the amount taken as known.

    Args:
        numerator: Amount; below 0 for a refund.
        count: Cases.

    Returns:
        The amount divided by the ends of `poisson(count)`, low before high. An end that a count of 0 leaves open is
        null; both are null where an input is missing.

    Example:
        >>> low, high = ratio_to_count(pl.lit(300), pl.lit(4))
        >>> pl.select(low=low.round(2), high=high.round(2)).row(0)
        (29.29, 275.26)
    """
    fewest, most = poisson(count, level)
    per_most, per_fewest = numerator / most, pl.when(fewest > 0).then(numerator / fewest)
    refund = pl.when(numerator < 0)
    return refund.then(per_fewest).otherwise(per_most), refund.then(per_most).otherwise(per_fewest)


def weighted_quantile(frame: pl.DataFrame, by: list[str], q: float, level: float | None = 0.95) -> pl.DataFrame:
    """One quantile of each group, with its distribution-free interval.

    Args:
        frame: Columns `value`, `count` (whole; null or below 1 is no case) and those of `by`.
        by: Columns of the groups; none for one row over all.
        q: 0..1; 0.5 is the median.
        level: None leaves the interval out (null).

    Returns:
        `*by, value, low, high, n`, sorted by `by`. `value` interpolates linearly between neighbours, and is null
        where a group has no cases. `low` and `high` are order statistics, each missed with at most half of
        1 − `level` (Conover 1999, ch. 3.2; Hahn & Meeker 1991, ch. 5); an end that n cases cannot give is null.

    Raises:
        ValueError: If `q` is outside 0..1.

    Example:
        >>> days = pl.DataFrame({"value": [1, 2, 30], "count": [3, 2, 1]})
        >>> weighted_quantile(days, [], 0.5).row(0)
        (1.5, 1.0, 30.0, 6)
    """
    import numpy as np

    if not 0 <= q <= 1:
        raise ValueError(f"q is {q!r}; a quantile lies in 0..1, the median is 0.5")
    rows = _distribution(frame, by)
    groups = _per_group(rows, by, n=pl.col("count").sum())
    n = groups["n"].to_numpy()
    # The rows lie group after group, so rank r of a group is rank (cases before it) + r of them all.
    before = n.cumsum() - n
    ends = rows["count"].cum_sum().to_numpy()
    values = np.append(rows["value"].to_numpy(), np.nan)

    def at(name: str, rank: "Floats | float") -> pl.Series:
        # NOTE: searchsorted puts NaN last, so a rank that is not there reads the NaN appended to the values.
        return pl.Series(name, values[np.searchsorted(ends, before + rank)], nan_to_null=True)

    place = np.where(n > 0, (n - 1) * q, np.nan)
    lower, upper = at("value", np.floor(place) + 1), at("value", np.ceil(place) + 1)
    low, high = (np.nan, np.nan) if level is None else _interval_ranks(n, q, level)
    return groups.select(*by, lower + pl.Series(place % 1) * (upper - lower), at("low", low), at("high", high), "n")


def weighted_mean(frame: pl.DataFrame, by: list[str], level: float = 0.95) -> pl.DataFrame:
    """The mean of each group, with its normal interval; the arguments are those of `weighted_quantile`.

    Returns:
        `*by, value, low, high, n`, sorted by `by`; null without cases, and the ends, ± z·s/√n, below two.

    Example:
        >>> days = pl.DataFrame({"value": [1, 3], "count": [2, 2]})
        >>> weighted_mean(days, []).select(pl.all().round(4)).row(0)
        (2.0, 0.8684, 3.1316, 4)
    """
    z = -NormalDist().inv_cdf(_tail(level))
    count, n = pl.col("count"), pl.col("count").sum()
    mean = pl.when(n > 0).then((pl.col("value") * count).sum() / n)
    squares = ((pl.col("value") - mean) ** 2 * count).sum()
    half = pl.when(n > 1).then(z * (squares / (n - 1) / n).sqrt())
    return _per_group(_distribution(frame, by), by, value=mean, low=mean - half, high=mean + half, n=n)


def share_below(frame: pl.DataFrame, by: list[str], limit: float, level: float = 0.95) -> pl.DataFrame:
    """The share of each group's cases at or below a limit (≤), with its Wilson interval.

    Args:
        limit: In the unit of `value`; the other arguments are those of `weighted_quantile`.

    Returns:
        `*by, value, low, high, below, n`, sorted by `by`; `value` is `below` ÷ `n`, null without cases.

    Example:
        >>> minutes = pl.DataFrame({"value": [1, 5, 60], "count": [2, 1, 1]})
        >>> share_below(minutes, [], limit=5).select("value", "below", "n").row(0)
        (0.75, 3, 4)
    """
    low, high = wilson(pl.col("below"), pl.col("n"), level)
    below = pl.col("count").filter(pl.col("value") <= limit).sum()
    counts = _per_group(_distribution(frame, by), by, below=below, n=pl.col("count").sum())
    share = pl.when(pl.col("n") > 0).then(pl.col("below") / pl.col("n"))
    return counts.select(*by, value=share, low=low, high=high, below="below", n="n")


def herfindahl(value: pl.Expr) -> pl.Expr:
    """The Herfindahl-Hirschman index, Σ share², as an aggregation.

    It is 1/k for k equal values and 1 for a single one; null where the total is 0 or a value is negative.

    Example:
        >>> pl.DataFrame({"leads": [6, 2, 2]}).select(herfindahl(pl.col("leads")).round(4)).item()
        0.44
    """
    number = value.cast(pl.Float64)
    return pl.when(_has_shares(number)).then(((number / number.sum()) ** 2).sum())


def pareto_count(value: pl.Expr, share: float = 0.8) -> pl.Expr:
    """The least number of values, largest first, that reach a share of their total, as an aggregation.

    Null where the total is 0 or a value is negative.

    Raises:
        ValueError: If `share` is not above 0 and at most 1.

    Example:
        >>> pl.DataFrame({"leads": [10, 60, 20, 10]}).select(pareto_count(pl.col("leads"))).item()
        2
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share!r}; it lies above 0 and goes up to 1, as in 0.8")
    number = value.cast(pl.Float64)
    reached = number.drop_nulls().sort(descending=True).cum_sum()
    # NOTE: 0.1 + 0.7 sums to less than 0.8; a billionth of the total is no reason for one more value.
    short = reached < (share - 1e-9) * number.sum()
    return pl.when(_has_shares(number)).then(short.sum().cast(pl.Int64) + 1)


def _tail(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}; a confidence level lies between 0 and 1, as in 0.95")
    return (1 - level) / 2


def _distribution(frame: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """`*by, value, count`, sorted; rows that are no case count 0, so that their group stays."""
    value = pl.col("value").cast(pl.Float64).fill_nan(None)
    count = pl.when(value.is_not_null()).then(pl.col("count").cast(pl.Int64).clip(0)).fill_null(0)
    return frame.select(*by, value=value, count=count).sort(*by, "value")


def _per_group(rows: pl.DataFrame, by: list[str], **values: pl.Expr) -> pl.DataFrame:
    return rows.group_by(by, maintain_order=True).agg(**values) if by else rows.select(**values)


def _interval_ranks(n: "NDArray[int64]", q: float, level: float) -> "tuple[Floats, Floats]":
    """The ranks, from 1, of the two order statistics around the quantile; NaN where there is none so far out."""
    import numpy as np

    reach = 1 - _tail(level)
    size, group = np.unique(n, return_inverse=True)
    low = size - _binomial_quantile(reach, size, 1 - q)
    high = _binomial_quantile(reach, size, q) + 1
    return np.where(low >= 1, low, np.nan)[group], np.where(high <= size, high, np.nan)[group]


def _binomial_quantile(p: float, n: "NDArray[int64]", q: float) -> "Floats":
    """The least k with P(Binomial(n, q) ≤ k) ≥ p; NaN for q = 0."""
    import numpy as np
    from scipy.special import bdtr, bdtrik

    k: Floats = np.ceil(bdtrik(p, n, q))
    # NOTE: bdtrik is a root finder: an exact hit may come back a hair too high.
    below = np.maximum(k - 1, 0)
    return np.where(bdtr(below, n, q) >= p, below, k)


def _has_shares(number: pl.Expr) -> pl.Expr:
    return (number.sum() > 0) & (number.min() >= 0)

"""How long conversions take while some leads are still young: Kaplan-Meier."""

from statistics import NormalDist

import polars as pl


def kaplan_meier(entered: pl.DataFrame, events: pl.DataFrame, level: float = 0.95) -> pl.DataFrame:
    """The share of leads not yet converted, by day since they came.

    Leads without an event are censored at their age; on the same day events come before censorings.

    Args:
        entered: All leads: `age` (days observed), `count`. A lead of unknown age is left out.
        events: Conversions among them: `age` (of the lead), `lag` (days to the event, from 0), `count`. One with a
            lag beyond the age is not observed yet: that lead counts as censored.
        level: Confidence, between 0 and 1.

    Returns:
        One row per day on which a lead leaves, ascending: `day, at_risk, events, survival, low, high`. `survival`
        includes the day's events. `low` and `high` are Greenwood's band on the log(−log) scale (lifelines' default),
        null where it says nothing: before the first event, and once all converted.

    Raises:
        ValueError: If an age has more events than leads, or `level` is not between 0 and 1.

    Example:
        Three leads seen for 5 days, of which one converts on day 2, and one lead seen for 2 days.

        >>> entered = pl.DataFrame({"age": [5, 2], "count": [3, 1]})
        >>> events = pl.DataFrame({"age": [5], "lag": [2], "count": [1]})
        >>> kaplan_meier(entered, events).select("day", "at_risk", "events", "survival").rows()
        [(2, 4, 1, 0.75), (5, 2, 0, 0.75)]
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}; a confidence level lies between 0 and 1, as in 0.95")
    z = NormalDist().inv_cdf((1 + level) / 2)
    at_risk, converted, survival = pl.col("at_risk"), pl.col("events"), pl.col("survival")
    variance = (converted / at_risk / (at_risk - converted)).cum_sum()
    bend = z * variance.sqrt() / -survival.log()
    return (
        _leaving(entered, events)
        .with_columns(at_risk=(converted + pl.col("censored")).cum_sum(reverse=True))
        .with_columns(survival=(1 - converted / at_risk).cum_prod())
        .with_columns(bend=pl.when(survival.is_between(0, 1, closed="none")).then(bend))
        .select(
            "day",
            "at_risk",
            "events",
            "survival",
            low=survival ** pl.col("bend").exp(),
            high=survival ** (-pl.col("bend")).exp(),
        )
    )


def conversion_day(survival: pl.DataFrame, share: float) -> int | None:
    """The first day by which a share of all conversions ever to be seen has happened.

    Conversions are 1 − S(t), measured against their last level, so that young cohorts do not shorten the answer as
    they do a quantile of the observed lags.

    Args:
        survival: Result of `kaplan_meier`: `day`, ascending, and `survival`.
        share: Above 0, at most 1; 0.9 is the age at which a cohort is called mature.

    Returns:
        Days since entry; None where there were no events.

    Raises:
        ValueError: If `share` is not above 0 and at most 1.

    Example:
        >>> conversion_day(pl.DataFrame({"day": [1, 4, 9], "survival": [0.9, 0.8, 0.8]}), 0.5)
        1
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share!r}; it lies above 0 and goes up to 1, as in 0.9")
    converted = 1 - pl.col("survival")
    # NOTE: S is a rounded product; a day a billionth short of the share has reached it.
    reached = survival.filter(converted > 0, converted >= (share - 1e-9) * converted.max())
    return None if reached.is_empty() else int(reached["day"].item(0))


def _leaving(entered: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """`day, events, censored`: the leads that convert on a day, and those whose age ends on it before they did."""
    none, count = pl.lit(0, pl.Int64), pl.col("count").cast(pl.Int64)
    seen = events.filter(pl.col("lag") <= pl.col("age"))
    days = (
        pl.concat(
            [
                seen.select(day="lag", events=count, censored=none),
                seen.select(day="age", events=none, censored=-count),
                entered.select(day="age", events=none, censored=count).drop_nulls("day"),
            ],
            how="vertical_relaxed",
        )
        .group_by("day")
        .agg(pl.all().sum())
        .filter((pl.col("events") != 0) | (pl.col("censored") != 0))
        .sort("day")
    )
    if too_many := days.filter(pl.col("censored") < 0)["day"].to_list():
        raise ValueError(f"more events than leads of age {too_many[0]} days; count both from the same leads")
    return days

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.statistics import (
    herfindahl,
    pareto_count,
    poisson,
    ratio_to_count,
    share_below,
    weighted_mean,
    weighted_quantile,
    wilson,
)
from kpi.survival import conversion_day, kaplan_meier

LEVELS = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99])
unhurried = settings(deadline=None)  # the first example pays for importing SciPy
VALUES = st.lists(st.integers(0, 40), min_size=1, max_size=80)


def ends(interval, **columns):
    low, high = interval
    return pl.DataFrame(columns, strict=False).select(low=low, high=high)


def one_interval(interval):
    return ends(interval).row(0)


def counted(values):
    return pl.DataFrame(list(Counter(values).items()), schema={"value": pl.Float64, "count": pl.Int64}, orient="row")


def test_import_leaves_scipy_alone():
    code = "import sys, kpi.statistics, kpi.survival; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3: score without continuity correction
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_is_newcombes_table(successes, trials, low, high):
    assert one_interval(wilson(pl.lit(successes), pl.lit(trials))) == pytest.approx((low, high), abs=5e-5)


def test_wilson_ends_are_exact_at_none_and_all():
    frame = ends(wilson(pl.col("k"), pl.col("n")), k=[0, 7, 0, 1], n=[7, 7, 1, 1])
    assert frame["low"].to_list()[::2] == [0.0, 0.0]
    assert frame["high"].to_list()[1::2] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("successes", "trials"),
    [(0, 0), (1, None), (None, 5), (6, 5), (-1, 5), (0, -5), (1.0, float("nan")), (float("nan"), 5.0)],
)
def test_wilson_is_null_where_the_counts_are_no_rate(successes, trials):
    assert ends(wilson(pl.col("k"), pl.col("n")), k=[successes], n=[trials]).row(0) == (None, None)


@pytest.mark.parametrize("dtype", [pl.UInt32, pl.Int32, pl.Int64, pl.Float64])
def test_wilson_of_every_type_of_count_is_that_of_scipy(dtype):
    from scipy.stats import binomtest

    frame = pl.DataFrame({"k": [100_000, None], "n": [263_000, 5]}, schema={"k": dtype, "n": dtype})
    low, high = wilson(pl.col("k"), pl.col("n"), 0.9)
    expected = binomtest(100_000, 263_000).proportion_ci(0.9, method="wilson")
    assert frame.select(low=low, high=high).rows() == [pytest.approx(tuple(expected), rel=1e-12), (None, None)]


@unhurried
@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), LEVELS)
def test_wilson_contains_the_rate_and_mirrors_the_failures(case, level):
    successes, trials = case
    low, high = one_interval(wilson(pl.lit(successes), pl.lit(trials), level))
    mirrored = one_interval(wilson(pl.lit(trials - successes), pl.lit(trials), level))
    assert 0 <= low <= successes / trials <= high <= 1
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-12)


@unhurried
@given(st.integers(1, 1000), LEVELS)
def test_wilson_rises_with_the_successes(trials, level):
    frame = ends(wilson(pl.col("k"), pl.lit(trials), level), k=range(trials + 1))
    assert all(frame[end].is_sorted() and frame[end].n_unique() == trials + 1 for end in ("low", "high"))


# Poisson


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [  # Garwood (1936), Biometrika 28:437-442, as in the tables after it
        (0, 0.0, 3.688879),
        (1, 0.025318, 5.571643),
        (5, 1.623486, 11.668332),
        (10, 4.795389, 18.390356),
    ],
)
def test_poisson_is_garwoods_table(count, low, high):
    assert one_interval(poisson(pl.lit(count))) == pytest.approx((low, high), abs=5e-7)


@unhurried
@given(st.lists(st.integers(0, 10**7), min_size=1), LEVELS)
def test_poisson_is_the_chi_squared_quantile_of_scipy(counts, level):
    from scipy.stats import chi2

    frame, k = ends(poisson(pl.col("k"), level), k=counts), np.array(counts)
    low = np.where(k == 0, 0, chi2.ppf((1 - level) / 2, 2 * np.maximum(k, 1)) / 2)
    assert frame["low"].to_numpy() == pytest.approx(low, rel=1e-9)
    assert frame["high"].to_numpy() == pytest.approx(chi2.ppf((1 + level) / 2, 2 * k + 2) / 2, rel=1e-9)


@unhurried
@given(st.integers(0, 10**9), LEVELS)
def test_poisson_contains_the_count_and_rises_with_it(count, level):
    (low, high), (next_low, next_high) = ends(poisson(pl.col("k"), level), k=[count, count + 1]).rows()
    assert low <= count <= high
    assert low < next_low
    assert high < next_high


def test_poisson_is_null_where_the_count_is_missing_or_negative():
    frame = ends(poisson(pl.col("k")), k=[None, -1, float("nan"), 0.0])
    assert frame["low"].to_list() == [None, None, None, 0.0]
    assert frame["high"].round(6).to_list() == [None, None, None, 3.688879]


@pytest.mark.parametrize("dtype", [pl.UInt32, pl.Int8, pl.Int64, pl.Float32, pl.Float64])
@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_poisson_is_the_same_in_every_context(dtype, engine):
    frame = pl.LazyFrame({"g": ["a", "b", "b"], "k": [10, None, 10]}, schema_overrides={"k": dtype})
    low, high = poisson(pl.col("k"))
    added = frame.with_columns(low=low, high=high)
    total_low, total_high = poisson(pl.col("k").sum())
    grouped = frame.group_by("g").agg(low=total_low, high=total_high)
    for query, rows in ((added, 3), (frame.select(low=low, high=high), 3), (grouped, 2)):
        assert query.collect_schema()["low"] == pl.Float64
        result = query.collect(engine=engine).drop_nulls()
        assert result.select(pl.col("low", "high").round(6)).unique().row(0) == (4.795389, 18.390356)
        assert query.collect(engine=engine).height == rows


def test_cost_per_lead_of_four_leads_divides_by_their_interval():
    # 4 leads: 1.089865 to 10.241589 (Garwood)
    assert one_interval(ratio_to_count(pl.lit(300), pl.lit(4))) == pytest.approx(
        (300 / 10.241589, 300 / 1.089865), rel=1e-6
    )


def test_cost_per_lead_is_open_above_without_leads():
    frame = ends(ratio_to_count(pl.col("cost"), pl.col("leads")), cost=[300, 0, 0, None, 5], leads=[0, 0, 5, 5, None])
    assert frame["low"].round(3).to_list() == [81.326, 0.0, 0.0, None, None]  # 300 / 3.688879
    assert frame["high"].to_list() == [None, None, 0.0, None, None]


@unhurried
@given(st.floats(-1e6, 1e6), st.integers(1, 10**6), LEVELS)
def test_amount_per_case_lies_in_its_interval(amount, count, level):
    low, high = one_interval(ratio_to_count(pl.lit(amount), pl.lit(count), level))
    assert low <= amount / count <= high


@pytest.mark.parametrize("level", [0, 1, 95])
@pytest.mark.parametrize(
    "interval",
    [
        lambda level: wilson(pl.lit(1), pl.lit(2), level),
        lambda level: poisson(pl.lit(1), level),
        lambda level: ratio_to_count(pl.lit(1), pl.lit(2), level),
        lambda level: weighted_quantile(counted([1]), [], 0.5, level),
        lambda level: weighted_mean(counted([1]), [], level),
        lambda level: share_below(counted([1]), [], 1, level),
        lambda level: kaplan_meier(*leads([(1, 1)]), level),
    ],
)
def test_level_outside_0_and_1_is_refused(interval, level):
    with pytest.raises(ValueError, match=f"level is {level}"):
        interval(level)


# Distributions of (value, count)


@unhurried
@given(VALUES, st.floats(0, 1) | st.sampled_from([0, 0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 1]))
def test_weighted_quantile_equals_the_expanded_one(values, q):
    value = weighted_quantile(counted(values), [], q, level=None)["value"].item()
    assert value == pl.Series(values, dtype=pl.Float64).quantile(q, "linear")


@unhurried
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30))
def test_weighted_median_equals_the_expanded_median_and_numpys(values):
    value = weighted_quantile(counted(values), [], 0.5)["value"].item()
    assert value == pl.Series(values).quantile(0.5, "linear")
    assert value == pytest.approx(np.median(values), rel=1e-12, abs=1e-6)


@unhurried
@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from([1, 2]), st.integers(0, 9)), min_size=1))
def test_each_group_has_the_figures_it_has_alone(rows):
    frame = pl.DataFrame(rows, schema=["g", "h", "value"], orient="row").with_columns(count=pl.col("value") % 3)
    for figures in (
        lambda frame, by: weighted_quantile(frame, by, 0.4),
        weighted_mean,
        lambda frame, by: share_below(frame, by, 4),
    ):
        grouped = figures(frame, ["g", "h"])
        assert grouped.select("g", "h").equals(frame.select("g", "h").unique().sort("g", "h"))
        for row in grouped.iter_rows(named=True):
            part = frame.filter(pl.col("g").eq_missing(pl.lit(row.pop("g"))), pl.col("h") == row.pop("h"))
            alone = figures(part, []).row(0, named=True)
            assert row == pytest.approx(alone, nan_ok=False) if row["n"] else row == alone


def test_order_of_the_rows_and_counts_split_over_rows_do_not_matter():
    split = pl.DataFrame({"value": [3, 1, 3, 2], "count": [1, 2, 4, 0]})
    assert weighted_quantile(split, [], 0.5).equals(weighted_quantile(counted([1, 1, 3, 3, 3, 3, 3]), [], 0.5))


def test_rows_without_value_or_count_are_no_cases_but_keep_their_group():
    frame = pl.DataFrame(
        {"g": list("aabcd"), "value": [1.0, 9.0, None, 5.0, float("nan")], "count": [2, None, 3, -1, 4]}
    )
    assert weighted_quantile(frame, ["g"], 0.5).rows() == [
        ("a", 1.0, None, None, 2),
        ("b", None, None, None, 0),
        ("c", None, None, None, 0),
        ("d", None, None, None, 0),
    ]
    assert weighted_mean(frame, ["g"])["value"].to_list() == [1.0, None, None, None]
    assert share_below(frame, ["g"], 1)["value"].to_list() == [1.0, None, None, None]


@pytest.mark.parametrize(("by", "height"), [([], 1), (["g"], 0)])
def test_empty_distribution_gives_nulls_or_no_rows(by, height):
    empty = pl.DataFrame(schema={"g": pl.String, "value": pl.Int64, "count": pl.UInt32})
    for result in (weighted_quantile(empty, by, 0.5), weighted_mean(empty, by), share_below(empty, by, 1)):
        assert result.height == height
        assert result["value"].null_count() == height


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [  # ranks of the 95 % interval of a median, Conover (1999), Practical Nonparametric Statistics, table A3
        (5, None, None),
        (6, 1, 6),
        (8, 1, 8),
        (9, 2, 8),
        (10, 2, 9),
        (20, 6, 15),
        (25, 8, 18),
    ],
)
def test_median_interval_takes_the_ranks_of_the_binomial_table(n, low, high):
    assert weighted_quantile(counted(range(1, n + 1)), [], 0.5).select("low", "high").row(0) == (low, high)


def test_upper_end_of_a_high_quantile_is_open_where_the_lower_is_known():
    # P(Binomial(20, 0.9) <= 14) = 0.0113, <= 15 = 0.0432; even 20 of 20 has 0.1216
    assert weighted_quantile(counted(range(1, 21)), [], 0.9).select("low", "high").row(0) == (15, None)


@unhurried
@given(st.integers(1, 5000), st.floats(0.01, 0.99), LEVELS)
def test_order_statistics_cover_at_the_level_and_no_closer_pair_does(n, q, level):
    from scipy.stats import binom

    frame = pl.DataFrame({"value": range(1, n + 1), "count": [1] * n})
    low, high = weighted_quantile(frame, [], q, level).select("low", "high").row(0)
    tail, slack = (1 - level) / 2, 1e-12
    if low is not None:
        assert binom.cdf(low - 1, n, q) <= tail + slack
    assert binom.cdf(low or 0, n, q) > tail - slack
    if high is not None:
        assert binom.sf(high - 1, n, q) <= tail + slack
    assert binom.sf((high or n + 1) - 2, n, q) > tail - slack
    if low is not None and high is not None:
        assert binom.cdf(high - 1, n, q) - binom.cdf(low - 1, n, q) >= level - 2 * slack


@pytest.mark.parametrize("q", [0, 1])
def test_least_and_greatest_value_have_no_interval(q):
    assert weighted_quantile(counted(range(50)), [], q).row(0) == (49.0 * q, None, None, 50)


def test_quantile_outside_0_and_1_is_refused():
    with pytest.raises(ValueError, match="q is 50"):
        weighted_quantile(counted([1]), [], 50)


def test_mean_of_four_cases_has_the_normal_interval_of_their_deviation():
    # 1 1 3 3: s = sqrt(4 / 3), half = 1.959964 × s / 2 = 1.131586
    assert weighted_mean(counted([1, 1, 3, 3]), []).row(0) == pytest.approx((2, 0.868414, 3.131586, 4), abs=1e-6)


def test_mean_of_one_case_has_no_interval():
    assert weighted_mean(counted([7]), []).row(0) == (7.0, None, None, 1)


@unhurried
@given(VALUES)
def test_weighted_mean_equals_the_expanded_one(values):
    value, low, high, n = weighted_mean(counted(values), []).row(0)
    assert (value, n) == (pytest.approx(np.mean(values)), len(values))
    if n > 1:
        assert high - low == pytest.approx(2 * 1.959963984540054 * np.std(values, ddof=1) / np.sqrt(n), abs=1e-9)


@unhurried
@given(VALUES, st.integers(-1, 41))
def test_share_below_counts_the_values_up_to_and_with_the_limit(values, limit):
    row = share_below(counted(values), [], limit).row(0, named=True)
    assert (row["below"], row["n"]) == (sum(value <= limit for value in values), len(values))
    assert (row["low"], row["high"]) == one_interval(wilson(pl.lit(row["below"]), pl.lit(row["n"])))


# Kaplan-Meier


def leads(pairs):
    """The two tables of `kaplan_meier`, from (age, lag or None) of each lead."""
    rows = pl.DataFrame(pairs, schema=["age", "lag"], orient="row", strict=False)
    entered = rows.group_by("age").agg(count=pl.len())
    events = rows.drop_nulls("lag").group_by("age", "lag").agg(count=pl.len())
    return entered, events.with_columns(pl.col("lag").cast(rows.schema["age"]))


ORACLE = json.loads((Path(__file__).parent / "data" / "kaplan_meier.json").read_text())


@pytest.mark.parametrize("case", ORACLE["cases"], ids=lambda case: case["name"])
def test_kaplan_meier_is_that_of_lifelines(case):
    """lifelines 0.30.3 (log(−log) band) and scikit-survival 0.28 agree to 1e-12 with the numbers in the file."""
    # lifelines sees min(age, lag) alone, so the age of a converted lead may be any: here 0 to 4 later.
    pairs = [
        (day + i % 5, day) if event else (day, None)
        for i, (day, event) in enumerate(zip(case["durations"], case["event"], strict=True))
    ]
    table = kaplan_meier(*leads(pairs))
    assert table.columns == ["day", "at_risk", "events", "survival", "low", "high"]
    assert table.select("day", "at_risk", "events").rows() == [tuple(row[:3]) for row in case["table"]]
    for name, expected in zip(("survival", "low", "high"), list(zip(*case["table"], strict=True))[3:], strict=True):
        assert table[name].to_list() == [None if x is None else pytest.approx(x, abs=1e-12) for x in expected]


@pytest.mark.parametrize("case", ORACLE["edge_cases"], ids=lambda case: case["name"])
def test_kaplan_meier_edge_case(case):
    pairs = [(day, day if event else None) for day, event in zip(case["durations"], case["event"], strict=True)]
    table = kaplan_meier(*leads(pairs))
    if "S" in case:
        assert table.select("day", "survival").rows() == [(day, pytest.approx(s)) for day, s in case["S"]]
    else:
        assert table.select("survival", "low", "high").row(-1) == (case["S_last"], None, None)


@unhurried
@given(st.lists(st.integers(0, 20), min_size=1))
def test_kaplan_meier_without_censoring_is_the_share_not_yet_converted(lags):
    table = kaplan_meier(*leads([(25, lag) for lag in lags]))
    expected = [(day, pytest.approx(sum(lag > day for lag in lags) / len(lags))) for day in sorted(set(lags))]
    assert table.select("day", "survival").rows() == expected


@unhurried
@given(
    st.lists(
        st.integers(0, 12).flatmap(lambda age: st.tuples(st.just(age), st.none() | st.integers(0, age))), min_size=1
    )
)
def test_kaplan_meier_counts_at_risk_all_who_stayed_till_the_day(pairs):
    table = kaplan_meier(*leads(pairs))
    stays = [age if lag is None else lag for age, lag in pairs]
    assert table["day"].to_list() == sorted(set(stays))
    assert table["at_risk"].to_list() == [sum(stay >= day for stay in stays) for day in table["day"]]
    assert table["survival"].is_between(0, 1).all()
    assert table["survival"].is_sorted(descending=True)
    assert (
        table.drop_nulls()
        .select((pl.col("low") <= pl.col("survival")) & (pl.col("survival") <= pl.col("high")))
        .to_series()
        .all()
    )


def test_event_later_than_the_lead_is_old_is_not_seen_yet():
    late, none = kaplan_meier(*leads([(5, 9), (5, 2)])), kaplan_meier(*leads([(5, None), (5, 2)]))
    assert late.equals(none)


def test_leads_of_unknown_age_are_left_out():
    entered = pl.DataFrame({"age": [5, None], "count": [2, 7]}, schema_overrides={"count": pl.UInt32})
    events = pl.DataFrame({"age": [5, 5, None], "lag": [2, None, 1], "count": [1, 1, 4]})
    assert kaplan_meier(entered, events).select("day", "at_risk", "events").rows() == [(2, 2, 1), (5, 1, 0)]


def test_more_events_than_leads_of_an_age_are_refused():
    entered, events = leads([(5, 2), (7, 3)])
    with pytest.raises(ValueError, match="more events than leads of age 5"):
        kaplan_meier(entered.with_columns(count=pl.when(pl.col("age") == 7).then(1).otherwise(0)), events)


def test_no_leads_give_no_days():
    entered, events = (frame.clear() for frame in leads([(5, 2)]))
    assert kaplan_meier(entered, events).is_empty()
    assert conversion_day(kaplan_meier(entered, events), 0.9) is None


@pytest.mark.parametrize(("share", "day"), [(0.1, 1), (0.25, 1), (0.5, 4), (0.75, 9), (0.76, 30), (0.9, 30), (1, 30)])
def test_conversion_day_is_the_first_with_the_share_of_all_conversions(share, day):
    # ten leads seen for 40 days, four convert, on days 1, 4, 9 and 30
    table = kaplan_meier(*leads([(40, lag) for lag in (1, 4, 9, 30)] + [(40, None)] * 6))
    assert conversion_day(table, share) == day


def test_conversion_day_of_a_growing_business_is_later_than_the_observed_quantile():
    # All convert on day 2, 6 or 10, a third each; 90 young leads seen for 3 days, 30 old ones for 20.
    young, old = [(3, lag if lag <= 3 else None) for lag in (2, 6, 10) * 30], [(20, lag) for lag in (2, 6, 10) * 10]
    observed = pl.Series([lag for _, lag in young + old if lag is not None])
    assert observed.quantile(0.5) == 2
    assert conversion_day(kaplan_meier(*leads(young + old)), 0.5) == 6


def test_conversion_day_is_unknown_without_events():
    assert conversion_day(kaplan_meier(*leads([(5, None), (9, None)])), 0.9) is None


@pytest.mark.parametrize("share", [0, 1.1, 90])
def test_share_of_nothing_or_more_than_all_is_refused(share):
    with pytest.raises(ValueError, match="share is"):
        conversion_day(kaplan_meier(*leads([(5, 2)])), share)
    with pytest.raises(ValueError, match="share is"):
        pareto_count(pl.col("leads"), share)


# Concentration


def of(values, figure):
    return pl.DataFrame({"v": values}, schema={"v": pl.Float64}).select(figure(pl.col("v"))).item()


@pytest.mark.parametrize(
    ("values", "index", "count"),
    [
        ([6, 2, 2], 0.44, 2),  # 0.36 + 0.04 + 0.04; 8 of 10
        ([5], 1.0, 1),
        ([5, 0, None], 1.0, 1),
        ([1, 1, 1, 1, 1], 0.2, 4),  # exactly 80 %
        ([0.1, 0.7, 0.2], 0.54, 2),  # 0.01 + 0.49 + 0.04; 0.7 + 0.2
        ([0.1, 0.7, 0.1, 0.1], 0.52, 2),  # 0.7 + 0.1 is 0.7999999999999999 in floating point
        ([], None, None),
        ([None], None, None),
        ([0, 0], None, None),
        ([5, -1], None, None),
    ],
)
def test_concentration_by_hand(values, index, count):
    assert of(values, herfindahl) == (None if index is None else pytest.approx(index))
    assert of(values, pareto_count) == count


def test_whole_total_takes_every_value_above_0():
    assert of([3, 0, 1, 1], lambda value: pareto_count(value, 1)) == 3


@unhurried
@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=50), st.floats(0.01, 1))
def test_concentration_stays_between_equal_values_and_a_single_one(values, share):
    assert 1 / len(values) - 1e-9 <= of(values, herfindahl) <= 1 + 1e-9
    k = of(values, lambda value: pareto_count(value, share))
    largest, slack = sorted(values, reverse=True), 1e-8 * sum(values)
    assert sum(largest[:k]) >= share * sum(values) - slack
    assert sum(largest[: k - 1]) < share * sum(values)


def test_concentration_aggregates_by_group():
    frame = pl.LazyFrame({"g": list("aaabb"), "leads": [6, 2, 2, 0, 0]}, schema_overrides={"leads": pl.Int32})
    figures = {"hhi": herfindahl(pl.col("leads")), "p80": pareto_count(pl.col("leads"))}
    for engine in ("in-memory", "streaming"):
        result = frame.group_by("g").agg(**figures).sort("g").collect(engine=engine)
        assert result.rows() == [("a", pytest.approx(0.44), 2), ("b", None, None)]
    assert frame.select(pl.col("leads").sum(), **figures).collect().row(0) == (10, pytest.approx(0.44), 2)

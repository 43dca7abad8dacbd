"""The thirteen rules of design.md that hold for every number, on data small enough to count by hand."""

import datetime as dt

import polars as pl
import pytest
from small import column, data, days, month, one

import kpi
from kpi.catalog import KPIS, MEASURES

D = dt.date
LEADS = """
lead_id  created_at  channel  country  won_at
1        2025-01-03  search   DE       2025-01-20
2        2025-01-09  search   DE       -
3        2025-01-15  search   FR       -
4        2025-01-21  search   FR       2025-02-10
5        2025-01-25  organic  DE       2025-02-01
6        2025-02-03  organic  DE       -
"""
SPEND = """
date        channel  cost
2025-01-01  search   200
2025-02-01  search   100
"""


@pytest.fixture(scope="module")
def six_leads() -> kpi.Cube:
    """Six leads and 300 spent on search, both by month; the export is of the end of March."""
    return kpi.measure(data("2025-03-31", leads=LEADS, spend=SPEND), by=["channel", "country"])


# ---- 1 --------------------------------------------------------------------------------------------------------------


def test_rule_01_divide_last_total_cpl_is_not_the_mean_of_the_months(six_leads):
    by_month = column(kpi.evaluate(six_leads, "cpl", every="1mo", period=days("2025-01-01", "2025-02-28")), "date")
    assert by_month == {D(2025, 1, 1): 200 / 5, D(2025, 2, 1): 100 / 1}
    total = kpi.evaluate(six_leads, "cpl", period=days("2025-01-01", "2025-02-28"))
    assert one(total, "value", "numerator", "denominator") == (50.0, 300.0, 6.0)  # the mean of the months is 70


def test_rule_01_divide_last_a_year_of_rates_weighs_each_lead_once():
    leads = (
        "lead_id created_at won_at\n"
        + "1 2024-01-05 2024-01-06\n"
        + "".join(f"{i} 2024-02-05 -\n" for i in range(2, 11))
    )
    cube = kpi.measure(data("2024-12-31", leads=leads), kpis=["lead_to_customer"])
    assert one(kpi.evaluate(cube, "lead_to_customer")) == 0.1  # months: 100 % and 0 %, whose mean is 50 %


# ---- 2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "period", "value", "status"),
    [
        ("lead_to_customer", "2025-02", 0.0, "ok"),  # 0 of 1 is a true zero
        ("lead_to_customer", "2025-03", None, "no denominator"),  # 0 of 0 is not
        ("visitor_to_lead", "2025-01", None, "table missing"),
        ("mql_to_sql", "2025-01", None, "column missing"),
        ("max_cpl", "2025-01", None, "column missing"),
        ("cpl", "2025-03", None, "outside the data"),
        ("leads", "2024-12", None, "outside the data"),
    ],
)
def test_rule_02_undefined_is_not_zero(six_leads, asked, period, value, status):
    assert one(kpi.evaluate(six_leads, asked, period=month(period)), "value", "status") == (value, status)


def test_rule_02_undefined_is_not_zero_an_unknown_assumption_is_named():
    leads = "lead_id created_at won_at amount\n1 2025-01-03 2025-01-04 90\n2 2025-01-03 - -\n"
    cube = kpi.measure(data(leads=leads))
    assert one(kpi.evaluate(cube, "alv")) == 45.0
    assert one(kpi.evaluate(cube, "leads_needed"), "value", "status") == (None, "assumption missing")
    planned = kpi.Assumptions(target_revenue=900.0)
    assert one(kpi.evaluate(cube, "leads_needed", assumptions=planned)) == 20.0


def test_rule_02_undefined_is_not_zero_the_raw_fraction_stays_visible():
    spend = "date channel cost\n2025-01-01 search 200\n2025-01-01 display 40\n"
    cube = kpi.measure(data("2025-01-31", leads=LEADS, spend=spend), by=["channel"], kpis=["cpl"])
    display = kpi.evaluate(cube, "cpl", by="channel", period=month("2025-01")).filter(channel="display")
    assert one(display, "value", "numerator", "denominator", "status") == (None, 40.0, 0.0, "no denominator")


@pytest.mark.parametrize("cost", ["0", "0.0"])
def test_rule_02_undefined_is_not_zero_free_clicks_cost_nothing(cost):
    spend = f"date channel cost clicks\n2025-01-01 search {cost} 10\n"
    cube = kpi.measure(data("2025-01-31", spend=spend))
    assert one(kpi.evaluate(cube, "cpc"), "value", "status") == (0.0, "ok")


# ---- 3 --------------------------------------------------------------------------------------------------------------


def test_rule_03_absent_is_decided_per_measure_organic_does_not_win_with_cpl_0(six_leads):
    ranked = kpi.evaluate(six_leads, "cpl", by="channel").sort("value", nulls_last=True)
    assert ranked.select("channel", "value", "status").rows() == [("search", 75.0, "ok"), ("organic", None, "no data")]
    assert ranked.filter(channel="organic").select("numerator", "denominator").row(0) == (None, 2.0)


def test_rule_03_absent_is_decided_per_measure_a_channel_with_spend_only_has_0_leads():
    cube = kpi.measure(
        data("2025-03-31", leads=LEADS, spend=SPEND + "2025-01-01 print 40\n"), by=["channel"], kpis=["cpl"]
    )
    rows = kpi.evaluate(cube, "cpl", by="channel")
    assert column(rows, "channel", "denominator") == {"organic": 2.0, "print": 0.0, "search": 4.0}


def test_rule_03_absent_is_decided_per_measure_a_quiet_month_of_a_channel_has_0_leads_and_unknown_cost(six_leads):
    months = kpi.evaluate(
        six_leads, ["leads", "cpl"], by="channel", every="1mo", period=days("2025-01-01", "2025-02-28")
    )
    february = months.filter(date=D(2025, 2, 1))
    assert column(february.filter(kpi="leads"), "channel") == {"organic": 1.0, "search": 0.0}
    assert column(february.filter(kpi="cpl"), "channel", "numerator") == {"organic": None, "search": 100.0}


def test_rule_03_absent_is_decided_per_measure_sales_of_no_orders_are_0_but_margin_is_undefined():
    orders = "order_id customer_id ordered_at amount margin\n1 a 2025-01-03 100 40\n2 b 2025-03-03 50 20\n"
    cube = kpi.measure(data(orders=orders))
    assert kpi.evaluate(cube, "revenue", every="1mo")["value"].to_list() == [100.0, 0.0, 50.0]
    margin = kpi.evaluate(cube, "gross_margin", every="1mo")
    assert margin["value"].to_list() == [0.4, None, 0.4]
    assert margin["status"].to_list() == ["ok", "no denominator", "ok"]


# ---- 4 --------------------------------------------------------------------------------------------------------------


def test_rule_04_a_dimension_the_table_lacks_gives_null_not_the_total_repeated(six_leads):
    split = kpi.evaluate(six_leads, "cpl", by="country")
    assert column(split, "country") == {"DE": None, "FR": None}
    assert split["status"].to_list() == ["column missing"] * 2
    assert split["numerator"].to_list() == [None, None]  # neither 300 twice nor 0


def test_rule_04_spend_without_country_is_not_the_cost_of_german_leads(six_leads):
    german = kpi.evaluate(six_leads, ["cpl", "leads"], where={"country": "DE"})
    assert column(german, "kpi") == {"cpl": None, "leads": 4.0}
    assert column(german, "kpi", "status") == {"cpl": "column missing", "leads": "ok"}


@pytest.mark.parametrize("asked", [{"by": "country"}, {"where": {"country": "DE"}}])
def test_rule_04_sessions_without_country_are_not_0_sessions(asked):
    traffic = "date sessions\n2025-01-01 500\n"
    cube = kpi.measure(data("2025-01-31", leads=LEADS, traffic=traffic), by=["country"])
    rows = kpi.evaluate(cube, "visitor_to_lead", **asked)
    assert set(rows["status"]) == {"column missing"}
    assert set(rows["value"]) == set(rows["denominator"]) == {None}  # "4 / 0" would say that nobody came


# ---- 5 --------------------------------------------------------------------------------------------------------------


def test_rule_05_cac_is_unknown_after_spend_ends():
    leads = LEADS + "7 2025-03-03 search DE 2025-03-09\n"
    cube = kpi.measure(data("2025-03-31", leads=leads, spend=SPEND), kpis=["cac", "new_customers"])
    months = kpi.evaluate(cube, ["cac", "new_customers"], every="1mo")
    cac, wins = months.filter(kpi="cac"), months.filter(kpi="new_customers")
    assert wins["value"].to_list() == [1.0, 2.0, 1.0]
    assert cac["value"].to_list() == [200.0, 50.0, None]  # not 0
    assert cac["status"].to_list() == ["ok", "ok", "outside the data"]
    assert cac["numerator"].to_list() == [200.0, 100.0, None]


def test_rule_05_spend_that_ends_in_mid_month_meets_only_the_leads_of_its_days():
    spend = "date cost\n" + "".join(f"2025-01-{day:02} 10\n" for day in range(1, 16))
    cube = kpi.measure(data("2025-01-31", leads=LEADS, spend=spend), kpis=["cpl"])
    result = kpi.evaluate(cube, "cpl", period=month("2025-01"))
    assert one(result, "value", "numerator", "denominator") == (50.0, 150.0, 3.0)  # leads 1 to 3 came by the 15th
    assert one(result, "covered") == (15 / 31,)


def test_rule_05_a_missing_month_is_a_row():
    leads = "lead_id created_at\n1 2025-01-03\n2 2025-03-09\n"
    months = kpi.evaluate(kpi.measure(data(leads=leads)), "leads", every="1mo")
    assert column(months, "date") == {D(2025, 1, 1): 1.0, D(2025, 2, 1): 0.0, D(2025, 3, 1): 1.0}


def test_rule_05_a_month_without_spend_rows_is_unknown_inside_the_span():
    spend = "date cost\n2025-01-01 100\n2025-03-01 100\n"
    leads = "lead_id created_at\n1 2025-01-03\n2 2025-02-03\n3 2025-03-03\n"
    months = kpi.evaluate(kpi.measure(data("2025-03-31", leads=leads, spend=spend)), "cpl", every="1mo")
    assert months["value"].to_list() == [100.0, None, 100.0]
    assert months["status"].to_list() == ["ok", "no data", "ok"]


@pytest.mark.parametrize(("asked", "value"), [("leads", 3.0), ("lead_source_mix", 2 / 3)])
def test_rule_05_a_table_without_dates_is_one_period(asked, value):
    cube = kpi.measure(data(leads="lead_id channel\n1 search\n2 search\n3 print\n"), by=["channel"])
    assert one(kpi.evaluate(cube, asked)) == pytest.approx(value)
    trend = kpi.evaluate(cube, asked, every="1mo", period=month("2025-01"))
    assert (trend["value"][0], trend["status"][0]) == (None, "column missing")
    moved = kpi.change(cube, asked, month("2025-01"), "previous")
    assert one(moved, "change", "status") == (None, "column missing")


def test_rule_05_undated_leads_are_not_0_leads_beside_dated_spend():
    leads = "lead_id channel\n1 search\n2 search\n3 print\n"
    cube = kpi.measure(data("2025-02-28", leads=leads, spend=SPEND), kpis=["cpl"])
    assert one(kpi.evaluate(cube, "cpl"), "value", "denominator") in [(100.0, 3.0), (None, None)]
    january = kpi.evaluate(cube, "cpl", period=month("2025-01"))
    assert one(january, "value", "denominator", "status") == (None, None, "column missing")


def test_rule_05_distinct_counts_outside_the_data_are_unknown_not_0():
    orders = "order_id customer_id ordered_at amount\n1 a 2025-01-03 100\n"
    buyers = kpi.Kpi("buyers", pl.col("buyers"))
    result = kpi.evaluate(kpi.measure(data(orders=orders)), buyers, period=month("2025-06"))
    assert one(result, "value", "numerator", "status") == (None, None, "outside the data")


# ---- 6 --------------------------------------------------------------------------------------------------------------


def test_rule_06_event_or_cohort_is_a_property_of_the_measure(six_leads):
    months = kpi.evaluate(
        six_leads, ["new_customers", "lead_to_customer"], every="1mo", period=days("2025-01-01", "2025-02-28")
    )
    assert months.filter(kpi="new_customers")["value"].to_list() == [1.0, 2.0]  # by the day they were won
    assert months.filter(kpi="lead_to_customer")["value"].to_list() == [3 / 5, 0 / 1]  # by the day the lead came
    # Events over events would be 2 wins of February's 1 lead: 200 %.


def test_rule_06_cohort_rates_never_exceed_1_though_more_is_won_than_comes_in():
    leads = (
        "lead_id created_at won_at\n"
        + "".join(f"{i} 2025-01-05 2025-02-0{i}\n" for i in range(1, 9))
        + "9 2025-02-05 -\n"
    )
    months = kpi.evaluate(kpi.measure(data("2025-02-28", leads=leads)), "lead_to_customer", every="1mo")
    assert months["value"].to_list() == [1.0, 0.0]


def test_rule_06_a_win_before_the_lead_came_is_none_of_its_conversions():
    cube = kpi.measure(
        data("2025-02-28", leads="lead_id created_at won_at\n1 2025-02-01 2025-01-15\n2 2025-02-01 2025-02-02\n")
    )
    assert one(kpi.evaluate(cube, "lead_to_customer")) == 0.5


def test_rule_06_every_cohort_measure_names_what_may_still_ripen():
    known = {item.id: item for item in MEASURES}
    assert all(known[item.base].table and item.at for item in MEASURES if item.ripens)


# ---- 7 --------------------------------------------------------------------------------------------------------------

AGES = """
lead_id  created_at  won_at
1        2025-01-01  2025-01-03
2        2025-01-01  2025-02-20
3        2025-01-01  -
4        2025-01-01  -
5        2025-02-28  2025-03-03
6        2025-02-28  2025-03-05
7        2025-02-28  -
8        2025-02-28  -
9        2025-03-08  -
"""


@pytest.fixture(scope="module")
def three_ages() -> kpi.Cube:
    """Leads 68, 10 and 2 days old on 10 March. By Kaplan-Meier half of all conversions take 5 days, 90 % take 50:

    1 - S is 1/9 on day 2, 0.238 on day 3, 0.365 on day 5 and 0.577 on day 50, after which nothing is known.
    """
    return kpi.measure(data("2025-03-10", leads=AGES), kpis=["lead_to_customer"])


def test_rule_07_cohorts_are_compared_at_equal_age(three_ages):
    moved = kpi.change(three_ages, "lead_to_customer", month("2025-02"), "previous")
    # To date both months convert 2 of 4. At ten days of age January had 1 of 4: its second win took 50 days.
    assert one(moved, "current", "previous", "within", "status") == (0.5, 0.25, 10, "ok")
    assert one(moved, "change", "points") == (1.0, 0.25)


def test_rule_07_a_cohort_rate_is_shown_to_date(three_ages):
    months = kpi.evaluate(three_ages, "lead_to_customer", every="1mo")
    assert months["value"].to_list() == [0.5, 0.5, 0.0]


def test_rule_07_young_buckets_say_so(three_ages):
    months = kpi.evaluate(three_ages, "lead_to_customer", every="1mo")
    assert months["maturity"].to_list() == ["mature", "immature", "too young"]
    assert three_ages.ripe["leads_won"] == (5, 50)


def test_rule_07_below_the_half_way_point_there_is_no_change(three_ages):
    moved = kpi.change(three_ages, "lead_to_customer", days("2025-03-01", "2025-03-10"), "previous")
    assert one(moved, "change", "points", "verdict", "status") == (None, None, None, "period immature")


def test_rule_07_a_win_after_the_export_date_has_not_happened():
    leads = "lead_id created_at won_at\n1 2025-01-03 2025-01-09\n2 2025-01-05 2025-06-01\n"
    cube = kpi.measure(data("2025-01-31", leads=leads))
    assert one(kpi.evaluate(cube, "lead_to_customer"), "value", "numerator") == (0.5, 1.0)
    assert one(kpi.evaluate(cube, "new_customers")) == 1.0


def test_rule_07_closing_dates_of_open_deals_do_not_move_the_export_date():
    deals = "deal_id created_at closed_at status amount\n1 2025-01-03 2026-12-31 open 10\n2 2025-01-20 - open 5\n"
    annotations = "time text\n2027-01-01 relaunch\n"
    targets = "kpi period_start period value\nleads 2027-01-01 month 10\n"
    assert kpi.measure(data(deals=deals, annotations=annotations, targets=targets)).as_of == D(2025, 1, 20)


def test_rule_07_the_given_export_date_wins_over_the_latest_recorded_one():
    assert kpi.measure(data("2025-01-31", leads=LEADS)).as_of == D(2025, 1, 31)
    assert kpi.measure(data(leads=LEADS)).as_of == D(2025, 2, 10)  # the latest recorded date is a win


# ---- 8 --------------------------------------------------------------------------------------------------------------


def test_rule_08_comparison_periods_have_equal_length_and_position(six_leads):
    ten_days = days("2025-02-01", "2025-02-10")
    moved = kpi.change(six_leads, "leads", ten_days)
    assert moved.select("against", "start", "end").rows() == [
        ("previous", D(2025, 1, 1), D(2025, 1, 10)),
        ("last_year", D(2024, 2, 1), D(2024, 2, 10)),
    ]
    assert moved["previous"].to_list() == [2.0, None]  # leads 1 and 2, not all five of January; nothing known of 2024


def test_rule_08_the_comparison_lies_outside_the_date_filter(six_leads):
    assert one(kpi.change(six_leads, "leads", month("2025-02"), "previous"), "current", "previous") == (1.0, 5.0)


# ---- 9 --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def worse_month() -> kpi.Cube:
    """January: 100 leads for 1000; February: 10 leads for 2000."""
    leads = "lead_id created_at\n" + "".join(f"{i} 2025-{'01' if i < 100 else '02'}-05\n" for i in range(110))
    spend = "date cost\n2025-01-01 1000\n2025-02-01 2000\n"
    return kpi.measure(data("2025-02-28", leads=leads, spend=spend))


@pytest.mark.parametrize(
    ("asked", "change", "verdict"),
    [
        ("leads", -0.9, "worse"),  # more is better
        ("cpl", 19.0, "worse"),  # 10 → 200; less is better
        ("spend", 1.0, None),  # neither good nor bad in itself
    ],
)
def test_rule_09_direction_belongs_to_the_kpi(worse_month, asked, change, verdict):
    moved = kpi.change(worse_month, asked, month("2025-02"), "previous")
    assert one(moved, "change", "verdict") == (pytest.approx(change), verdict)


def test_rule_09_direction_costs_are_better_lower_and_nothing_else_decides_it():
    costs = {item.id: item.better for item in KPIS if item.section == "cost"}
    assert {name for name, better in costs.items() if better != "lower"} == {"spend"}


def test_rule_09_unit_rates_are_shares_of_1_and_money_has_a_currency(six_leads):
    rate, money = kpi.evaluate(six_leads, ["lead_to_customer", "cpl"]).select("value", "currency").rows()
    assert rate == (0.5, None)
    assert money == (50.0, "EUR")


# ---- 10 -------------------------------------------------------------------------------------------------------------


def test_rule_10_small_numbers_say_so_a_rate_carries_a_wilson_interval():
    leads = "lead_id created_at won_at\n1 2025-01-03 2025-01-04\n2 2025-01-03 -\n3 2025-01-03 -\n4 2025-01-03 -\n"
    rate = kpi.evaluate(kpi.measure(data(leads=leads)), "lead_to_customer")
    assert one(rate, "value", "n") == (0.25, 4.0)
    # Wilson, z = 1.96, 1 of 4: (0.25 + 0.48 ± 1.96·√(0.0469 + 0.0600)) / 1.96
    assert one(rate, "low", "high") == (pytest.approx(0.0456, abs=5e-5), pytest.approx(0.6994, abs=5e-5))


def test_rule_10_small_numbers_say_so_a_cost_carries_an_interval_from_its_count():
    spend = "date cost\n2025-01-01 300\n"
    cpl = kpi.evaluate(
        kpi.measure(
            data("2025-01-31", leads="lead_id created_at\n1 2025-01-03\n2 2025-01-04\n3 2025-01-05\n", spend=spend)
        ),
        "cpl",
    )
    # Exact Poisson limits of a count of 3 (Garwood 1936): 0.6187 to 8.7673
    assert one(cpl, "value", "n") == (100.0, 3.0)
    assert one(cpl, "low", "high") == (pytest.approx(300 / 8.7673, rel=1e-4), pytest.approx(300 / 0.6187, rel=1e-4))


def test_rule_10_a_change_whose_intervals_overlap_is_grey():
    leads = "lead_id created_at\n1 2025-01-03\n2 2025-01-04\n3 2025-02-03\n4 2025-02-04\n5 2025-02-05\n"
    moved = kpi.change(kpi.measure(data("2025-02-28", leads=leads)), "leads", month("2025-02"), "previous")
    assert one(moved, "change", "likely", "verdict") == (0.5, False, None)


def test_rule_10_a_source_with_one_lead_does_not_top_a_ranking():
    leads = "lead_id created_at channel won_at\n0 2025-01-03 fair 2025-01-04\n"
    leads += "".join(f"{i} 2025-01-03 search {'2025-01-04' if i % 2 else '-'}\n" for i in range(1, 101))
    cube = kpi.measure(data(leads=leads), by=["channel"], kpis=["lead_to_customer"])
    rates = kpi.evaluate(cube, "lead_to_customer", by="channel")
    assert column(rates, "channel") == {"fair": 1.0, "search": 0.5}
    assert rates.sort("low", descending=True)["channel"].to_list() == ["search", "fair"]  # 0.404 and 0.207
    assert column(rates, "channel", "n") == {"fair": 1.0, "search": 100.0}


# ---- 11 -------------------------------------------------------------------------------------------------------------

UNKNOWN = """
lead_id  created_at  channel    country  won_at
1        2025-01-03  search     DE       2025-01-20
2        2025-01-09  -          DE       -
3        2025-01-15  undefined  FR       -
4        2025-02-21  print      -        2025-02-22
"""


@pytest.mark.parametrize("dims", [["channel"], ["country"], ["channel", "country"]])
@pytest.mark.parametrize(("asked", "total"), [("leads", 4.0), ("new_customers", 2.0), ("spend", 120.0)])
def test_rule_11_parts_add_up_unknown_included(dims, asked, total):
    spend = "date channel country cost\n2025-01-01 search DE 100\n2025-02-01 - - 20\n"
    cube = kpi.measure(data("2025-02-28", leads=UNKNOWN, spend=spend), by=["channel", "country"])
    if asked == "spend":
        dims = ["channel"]  # the canonical spend table has no country
    assert kpi.evaluate(cube, asked, by=dims)["value"].sum() == total == one(kpi.evaluate(cube, asked))


def test_rule_11_parts_of_a_change_add_up_though_a_channel_appears_or_vanishes():
    leads = (
        "lead_id created_at channel\n1 2025-01-03 print\n2 2025-01-04 search\n3 2025-02-03 search\n4 2025-02-04 chat\n"
    )
    cube = kpi.measure(data("2025-02-28", leads=leads), by=["channel"])
    parts = kpi.change(cube, "leads", month("2025-02"), "previous", by="channel")
    assert column(parts, "channel", "current") == {"chat": 1.0, "print": 0.0, "search": 1.0}
    assert column(parts, "channel", "points") == {"chat": 1.0, "print": -1.0, "search": 0.0}
    assert column(parts, "channel", "change") == {"chat": None, "print": -1.0, "search": 0.0}


# ---- 12 -------------------------------------------------------------------------------------------------------------


def test_rule_12_unknown_is_a_value():
    cube = kpi.measure(data(leads=UNKNOWN), by=["channel"])
    assert column(kpi.evaluate(cube, "leads", by="channel"), "channel") == {"print": 1.0, "search": 1.0, "unknown": 2.0}
    assert one(kpi.evaluate(cube, "leads", where={"channel": "unknown"})) == 2.0


@pytest.mark.parametrize("nothing", [None, "", " ", "(not set)", "Unknown", "n/a", "null"])
def test_rule_12_unknown_is_a_value_however_an_export_writes_it(nothing):
    frame = pl.DataFrame({"lead_id": ["1", "2"], "created_at": ["2025-01-03"] * 2, "channel": ["search", nothing]})
    cube = kpi.measure(kpi.read({"leads": frame}), by=["channel"])
    assert column(kpi.evaluate(cube, "leads", by="channel"), "channel") == {"search": 1.0, "unknown": 1.0}


def test_rule_12_null_in_a_dimension_means_not_split_by_this(six_leads):
    in_cube = six_leads.frame.filter(pl.col("measure") == "spend_media")
    assert set(in_cube["country"]) == {None}
    assert set(in_cube["channel"]) == {"search"}
    assert None not in six_leads.values("country")


def test_rule_12_an_order_of_no_known_lead_has_an_unknown_country():
    orders = """
    order_id  customer_id  ordered_at  amount  lead_id
    1         a            2025-02-03  100     1
    2         b            2025-02-03  40      -
    3         c            2025-01-04  5       99
    """
    cube = kpi.measure(data("2025-02-28", leads=LEADS, orders=orders), by=["country"])
    assert column(kpi.evaluate(cube, "revenue", by="country"), "country") == {"DE": 100.0, "unknown": 45.0}
    assert column(kpi.evaluate(cube, "alv", by="country"), "country") == {"DE": 25.0, "FR": 0.0}


# ---- 13 -------------------------------------------------------------------------------------------------------------

TWO_CURRENCIES = """
date        channel  currency  cost
2025-01-01  search   EUR       100
2025-01-01  display  USD       50
"""


@pytest.fixture(scope="module")
def two_currencies() -> kpi.Dataset:
    """100 EUR on search, 50 USD on display, and five leads in January."""
    return data("2025-01-31", leads=LEADS, spend=TWO_CURRENCIES)


def test_rule_13_mixed_currency_gives_null_and_a_row_for_each(two_currencies):
    spend = kpi.evaluate(kpi.measure(two_currencies), "spend")
    assert spend.select("currency", "value", "status").rows() == [
        (None, None, "mixed currency"),
        ("EUR", 100.0, "ok"),
        ("USD", 50.0, "ok"),
    ]
    cpl = kpi.evaluate(kpi.measure(two_currencies), "cpl")
    # Nobody knows which of the five leads the dollars brought: 50 USD over all of them is no price.
    assert cpl.select("currency", "value", "numerator", "denominator", "status").rows() == [
        (None, None, None, 5.0, "mixed currency"),
        ("EUR", None, 100.0, None, "column missing"),
        ("USD", None, 50.0, None, "column missing"),
    ]


def test_rule_13_with_a_rate_money_is_converted(two_currencies):
    at_half = kpi.Assumptions(rates={"USD": 0.5})
    assert one(kpi.evaluate(kpi.measure(two_currencies), "spend", assumptions=at_half), "value", "currency") == (
        125.0,
        "EUR",
    )
    assert one(kpi.evaluate(kpi.measure(two_currencies), "cpl", assumptions=at_half)) == 25.0


def test_rule_13_a_rate_for_one_of_two_others_leaves_the_third_apart():
    cube = kpi.measure(data("2025-01-31", spend=TWO_CURRENCIES + "2025-01-01 social GBP 7\n"))
    spend = kpi.evaluate(cube, "spend", assumptions=kpi.Assumptions(rates={"USD": 0.5}))
    assert spend.select("currency", "value").rows() == [(None, None), ("EUR", 125.0), ("GBP", 7.0)]


def test_rule_13_each_channel_in_its_own_currency_is_not_mixed(two_currencies):
    by_channel = kpi.evaluate(kpi.measure(two_currencies, by=["channel"]), "spend", by="channel")
    assert by_channel.select("channel", "value", "currency").rows() == [
        ("display", 50.0, "USD"),
        ("search", 100.0, "EUR"),
    ]


def test_rule_13_revenue_in_one_currency_over_spend_in_another_is_mixed():
    orders = "order_id customer_id ordered_at amount currency\n1 a 2025-01-03 500 USD\n"
    spend = "date currency cost\n2025-01-01 EUR 100\n"
    cube = kpi.measure(data("2025-01-31", orders=orders, spend=spend))
    mer = kpi.evaluate(cube, "mer")
    assert mer.select("value", "status").row(0) == (None, "mixed currency")
    assert 5.0 not in mer["value"]  # 500 USD over 100 EUR is 5 of nothing
    converted = kpi.evaluate(cube, "mer", assumptions=kpi.Assumptions(rates={"USD": 0.8}))
    assert one(converted) == 4.0


def test_rule_13_currency_can_be_split_by(two_currencies):
    split = kpi.evaluate(kpi.measure(two_currencies), "spend", by="currency")
    assert column(split.filter(pl.col("status") == "ok"), "currency") == {"EUR": 100.0, "USD": 50.0}


def test_rule_13_leads_have_no_currency_to_filter_by(two_currencies):
    euros = kpi.evaluate(kpi.measure(two_currencies), ["leads", "spend", "cpl"], where={"currency": "EUR"})
    assert column(euros, "kpi") == {"spend": 100.0, "leads": None, "cpl": None}  # five came, not 0
    assert column(euros, "kpi", "status") == {"spend": "ok", "leads": "column missing", "cpl": "column missing"}


def test_rule_13_a_filter_that_leaves_out_no_money_leaves_the_counts_whole(six_leads):
    assert one(kpi.evaluate(six_leads, "cpl", where={"currency": "EUR"}), "value", "denominator") == (50.0, 6.0)
    dollars = kpi.evaluate(six_leads, "cpl", where={"currency": "USD"})
    assert one(dollars, "value", "numerator", "status") == (None, None, "column missing")


# Two orders of 100 EUR and two of 50 USD; two accounts pay in euros, one of them in dollars too, and so does a third.
SOLD = """
order_id  customer_id  ordered_at  amount  currency
1         a            2025-01-03  100     EUR
2         b            2025-01-09  100     EUR
3         a            2025-01-15  50      USD
4         c            2025-01-21  50      USD
"""
PAID = """
subscription_id  customer_id  started_at  ended_at    amount  currency
1                a            2025-01-03  -           30      EUR
2                b            2025-01-03  -           50      EUR
3                b            2025-01-05  -           20      USD
4                c            2025-01-05  2025-01-20  70      USD
5                d            2025-01-05  -           10      USD
6                d            2025-01-05  -           30      USD
"""


@pytest.fixture(scope="module")
def sold() -> kpi.Cube:
    return kpi.measure(data("2025-01-31", orders=SOLD, subscriptions=PAID))


AVERAGES = [
    ("aov", {"EUR": (100.0, 200.0, 2.0), "USD": (50.0, 100.0, 2.0)}),  # not 200 ÷ 4 and 100 ÷ 4
    ("arpa", {"EUR": (40.0, 80.0, 2.0), "USD": (30.0, 60.0, 2.0)}),  # b pays in both; not 80 ÷ 3 and 60 ÷ 3
]


@pytest.mark.parametrize(("asked", "parts"), AVERAGES)
def test_rule_13_counts_beside_money_keep_its_currency(sold, asked, parts):
    found = kpi.evaluate(sold, asked)
    assert found["status"].to_list() == ["mixed currency", "ok", "ok"]
    assert found[0, "denominator"] == {"aov": 4.0, "arpa": 3.0}[asked]
    rows = found[1:].select("currency", "value", "numerator", "denominator").rows()
    assert {code: figures for code, *figures in rows} == {code: [*figures] for code, figures in parts.items()}


@pytest.mark.parametrize("every", [None, "1mo"])
@pytest.mark.parametrize("asked", ["aov", "arpa", "revenue", "mrr"])
def test_rule_13_splitting_filtering_and_the_rows_of_each_currency_say_the_same(sold, asked, every):
    figures = ("value", "numerator", "denominator", "n", "status", "currency")
    rows = kpi.evaluate(sold, asked, every=every).filter(pl.col("currency").is_not_null())
    split = kpi.evaluate(sold, asked, by="currency", every=every).filter(pl.col("currency").is_not_null())
    assert split.equals(rows)
    assert rows["currency"].to_list() == ["EUR", "USD"]
    for code in rows["currency"]:
        filtered = kpi.evaluate(sold, asked, where={"currency": code}, every=every)
        assert filtered.select(figures).rows() == rows.filter(currency=code).select(figures).rows()


def test_rule_13_without_money_a_filter_by_currency_counts_the_rows_that_name_it(sold):
    asked = ["accounts", "new_customers", "purchase_frequency"]
    dollars = kpi.evaluate(sold, asked, where={"currency": "USD"})
    assert column(dollars, "kpi", "numerator") == {"accounts": 2.0, "new_customers": 1.0, "purchase_frequency": 2.0}
    assert column(dollars, "kpi", "denominator")["purchase_frequency"] == 2.0  # two orders of a and c
    whole = kpi.evaluate(sold, asked)
    assert column(whole, "kpi", "numerator") == {"accounts": 3.0, "new_customers": 3.0, "purchase_frequency": 4.0}
    assert column(whole, "kpi", "denominator")["purchase_frequency"] == 3.0


def test_rule_13_a_rate_converts_money_and_no_counts(sold):
    at_half = kpi.Assumptions(rates={"USD": 0.5})
    found = kpi.evaluate(sold, ["aov", "arpa"], assumptions=at_half)
    assert column(found, "kpi", "denominator") == {"aov": 4.0, "arpa": 3.0}  # two orders at 0.5 are not one
    assert column(found, "kpi") == {"aov": 250 / 4, "arpa": 110 / 3}
    dollars = kpi.evaluate(sold, ["aov", "arpa"], where={"currency": "USD"}, assumptions=at_half)
    assert column(dollars, "kpi") == {"aov": 25.0, "arpa": 15.0}


def test_rule_13_converted_money_stands_beside_all_its_counts():
    orders = SOLD + "5 d 2025-01-22 7 GBP\n"
    subscriptions = PAID + "7 e 2025-01-05 - 9 GBP\n"
    cube = kpi.measure(data("2025-01-31", orders=orders, subscriptions=subscriptions))
    found = kpi.evaluate(cube, ["aov", "arpa"], assumptions=kpi.Assumptions(rates={"USD": 0.5}))
    parts = found.filter(pl.col("currency").is_not_null()).select("kpi", "currency", "value", "denominator").rows()
    assert parts == [
        ("aov", "EUR", 62.5, 4.0),
        ("aov", "GBP", 7.0, 1.0),
        ("arpa", "EUR", 110 / 3, 3.0),
        ("arpa", "GBP", 9.0, 1.0),
    ]


def test_rule_13_money_that_nobody_converts_is_no_price_of_leads_and_a_quiet_month_of_it_is(two_currencies):
    spend = TWO_CURRENCIES + "2025-02-05 search EUR 40\n"
    cube = kpi.measure(data("2025-02-28", leads=LEADS, spend=spend), kpis=["cpl"])
    months = kpi.evaluate(cube, "cpl", every="1mo", where={"currency": "EUR"})
    assert months.select("value", "status").rows() == [(None, "column missing"), (40.0, "ok")]
    assert months.equals(kpi.evaluate(cube, "cpl", every="1mo", by="currency").filter(currency="EUR"))


def test_rule_13_rows_without_currency_are_of_the_reporting_one():
    spend = "date currency cost\n2025-01-01 - 100\n2025-01-01 CHF 50\n"
    cube = kpi.measure(data("2025-01-31", kpi.Assumptions(currency="CHF"), spend=spend))
    assert one(kpi.evaluate(cube, "spend"), "value", "currency") == (150.0, "CHF")

"""Changes: what moved, by how much, whether it is more than chance, and which way is good."""

import datetime as dt

import polars as pl
import pytest
from small import column, data, days, month, one

import kpi

D = dt.date


def leads(**months: int) -> str:
    """So many leads on the 5th of each month: `leads(m01=100)` for January 2025."""
    rows = (f"{name}-{i} 2025-{name[1:]}-05\n" for name, count in months.items() for i in range(count))
    return "lead_id created_at\n" + "".join(rows)


def test_a_change_is_relative_to_the_earlier_value_and_in_points():
    cube = kpi.measure(data("2025-02-28", leads=leads(m01=80, m02=100)))
    moved = kpi.change(cube, "leads", month("2025-02"), "previous")
    assert one(moved, "current", "previous", "change", "points", "status") == (100.0, 80.0, 0.25, 20.0, "ok")


def test_from_nothing_to_something_there_are_points_but_no_percentage():
    cube = kpi.measure(data("2025-03-31", leads=leads(m01=1, m03=5)))
    moved = kpi.change(cube, "leads", month("2025-03"), "previous")
    assert one(moved, "current", "previous", "change", "points", "status") == (5.0, 0.0, None, 5.0, "ok")


def test_before_the_data_begins_nothing_is_known():
    cube = kpi.measure(data("2025-02-28", leads=leads(m01=80, m02=100)))
    moved = kpi.change(cube, "leads", month("2025-01"))
    assert moved["against"].to_list() == ["previous", "last_year"]
    assert moved["change"].to_list() == moved["previous"].to_list() == [None, None]
    assert moved["status"].to_list() == ["outside the data"] * 2


def test_both_comparisons_come_at_once_each_with_its_days():
    text = "lead_id created_at\n1 2024-02-03\n2 2025-01-04\n3 2025-01-05\n4 2025-02-05\n"
    moved = kpi.change(kpi.measure(data("2025-02-28", leads=text)), "leads", month("2025-02"))
    assert column(moved, "against", "previous") == {"previous": 2.0, "last_year": 1.0}
    assert column(moved, "against", "start") == {"previous": D(2025, 1, 1), "last_year": D(2024, 2, 1)}
    assert column(moved, "against", "end") == {"previous": D(2025, 1, 31), "last_year": D(2024, 2, 29)}


@pytest.mark.parametrize(
    ("january", "february", "likely", "verdict"),
    [
        (2, 3, False, None),
        (100, 110, False, None),  # 81 to 122 and 90 to 133 overlap
        (100, 200, True, "better"),
        (200, 100, True, "worse"),
        (0, 3, False, None),  # 0 to 3.7 and 0.6 to 8.8 overlap
        (100, 0, True, "worse"),  # nothing at all is news
        (100, 100, False, None),
    ],
)
def test_a_change_within_chance_has_no_verdict(january, february, likely, verdict):
    text = leads(m01=january, m02=february) + "first 2024-12-01\n"
    cube = kpi.measure(data("2025-02-28", leads=text))
    moved = kpi.change(cube, "leads", month("2025-02"), "previous")
    assert one(moved, "likely", "verdict") == (likely, verdict)


def test_a_rate_that_rises_beyond_chance_is_better():
    text = "lead_id created_at won_at\n"
    text += "".join(f"a{i} 2025-01-05 {'2025-01-06' if i < 20 else '-'}\n" for i in range(100))
    text += "".join(f"b{i} 2025-02-05 {'2025-02-06' if i < 50 else '-'}\n" for i in range(100))
    moved = kpi.change(kpi.measure(data("2025-03-31", leads=text)), "lead_to_customer", month("2025-02"), "previous")
    assert one(moved, "current", "previous", "change", "verdict") == (0.5, 0.2, pytest.approx(1.5), "better")


def test_revenue_that_falls_to_nothing_is_a_change():
    orders = "order_id customer_id ordered_at amount\n1 a 2025-01-03 100\n2 b 2025-02-03 50\n"
    cube = kpi.measure(data("2025-03-31", orders=orders))
    moved = kpi.change(cube, "revenue", month("2025-03"), "previous")
    assert one(moved, "current", "previous", "change", "currency") == (0.0, 50.0, -1.0, "EUR")
    back = kpi.change(
        kpi.measure(data("2025-02-28", orders=orders.replace("02-03", "02-27"))), "revenue", month("2025-02")
    )
    assert column(back, "against", "previous")["previous"] == 100.0


def test_revenue_in_another_currency_than_before_is_not_compared():
    orders = "order_id customer_id ordered_at amount currency\n1 a 2025-01-03 100 EUR\n2 b 2025-02-03 50 USD\n"
    moved = kpi.change(kpi.measure(data("2025-02-28", orders=orders)), "revenue", month("2025-02"), "previous")
    assert moved["change"].drop_nulls().is_empty()
    rates = kpi.Assumptions(rates={"USD": 0.9})
    moved = kpi.change(
        kpi.measure(data("2025-02-28", orders=orders)), "revenue", month("2025-02"), "previous", assumptions=rates
    )
    assert one(moved, "current", "change") == (45.0, pytest.approx(-0.55))


def test_spend_that_ended_gives_no_change_of_cpl_rather_than_a_fall_to_0():
    spend = "date cost\n2025-01-01 100\n2025-02-01 100\n"
    cube = kpi.measure(data("2025-03-31", leads=leads(m01=10, m02=10, m03=10), spend=spend))
    moved = kpi.change(cube, "cpl", month("2025-03"), "previous")
    assert one(moved, "current", "previous", "change", "status") == (None, 10.0, None, "outside the data")


def test_a_filter_holds_for_both_periods():
    text = """
    lead_id  created_at  channel
    1        2025-01-03  search
    2        2025-01-04  print
    3        2025-02-03  search
    4        2025-02-04  search
    """
    cube = kpi.measure(data("2025-02-28", leads=text), by=["channel"])
    moved = kpi.change(cube, "leads", month("2025-02"), "previous", where={"channel": "search"})
    assert one(moved, "current", "previous") == (2.0, 1.0)


def test_the_mrr_of_two_months_is_compared_at_their_ends():
    subscriptions = """
    subscription_id  customer_id  started_at  ended_at    amount  interval
    1                a            2025-01-05  2025-02-20  100     month
    2                b            2025-01-31  -           600     year
    3                c            2025-02-28  -           30      month
    """
    cube = kpi.measure(data("2025-03-31", subscriptions=subscriptions))
    moved = kpi.change(cube, "mrr", month("2025-02"), "previous")
    assert one(moved, "current", "previous", "points") == (80.0, 150.0, -70.0)  # 600 a year is 50 a month


@pytest.mark.parametrize("by", [(), "channel", ("channel", "country")])
def test_points_of_the_parts_add_up_to_the_points_of_the_whole(by):
    text = """
    lead_id  created_at  channel  country
    1        2025-01-03  search   DE
    2        2025-01-04  print    -
    3        2025-01-04  print    FR
    4        2025-02-03  search   DE
    5        2025-02-04  -        DE
    6        2025-02-04  social   IT
    7        2025-02-05  social   DE
    """
    cube = kpi.measure(data("2025-02-28", leads=text), by=["channel", "country"])
    parts = kpi.change(cube, "leads", month("2025-02"), "previous", by=by)
    assert parts["current"].sum() == 4.0
    assert parts["previous"].sum() == 3.0
    assert parts["points"].sum() == 1.0


def test_a_derived_kpi_changes_with_its_parts():
    spend = "date cost\n2025-01-01 100\n2025-02-01 300\n"
    orders = "order_id customer_id ordered_at amount margin\n1 a 2025-01-05 200 100\n2 b 2025-02-05 900 450\n"
    cube = kpi.measure(data("2025-02-28", orders=orders, spend=spend))
    moved = kpi.change(cube, "romi", month("2025-02"), "previous")
    assert one(moved, "current", "previous", "points") == (0.5, 0.0, 0.5)  # 900·0.5/300 - 1 and 200·0.5/100 - 1


def test_equal_age_holds_for_the_cost_of_a_customer_too():
    text = "lead_id created_at won_at\n"
    text += "1 2025-01-01 2025-01-03\n2 2025-01-01 2025-02-20\n3 2025-01-01 -\n4 2025-01-01 -\n"
    text += "5 2025-02-28 2025-03-02\n6 2025-02-28 2025-03-05\n7 2025-02-28 -\n8 2025-02-28 -\n"
    spend = "date cost\n2025-01-01 100\n2025-02-01 100\n"
    cube = kpi.measure(data("2025-03-10", leads=text, spend=spend), kpis=["cac_cohort"])
    assert kpi.evaluate(cube, "cac_cohort", every="1mo")["value"].to_list()[:2] == [50.0, 50.0]
    moved = kpi.change(cube, "cac_cohort", month("2025-02"), "previous")
    assert one(moved, "current", "previous", "within") == (50.0, 100.0, 10)  # January had one customer at ten days


def test_a_yearly_figure_of_too_few_days_has_no_change():
    orders = "order_id customer_id ordered_at amount\n1 a 2025-01-03 100\n2 a 2025-02-03 50\n"
    moved = kpi.change(
        kpi.measure(data("2025-02-28", orders=orders)), "purchase_frequency", month("2025-02"), "previous"
    )
    assert one(moved, "change", "status") == (None, "period immature")


def test_the_result_has_the_same_columns_whatever_is_asked():
    spend = "date cost currency\n2025-01-01 100 EUR\n2025-02-01 100 USD\n"
    cube = kpi.measure(data("2025-02-28", leads=leads(m01=3, m02=4), spend=spend))
    moved = kpi.change(cube, ["leads", "cpl", "mrr", "response_time", "max_cpl"], days("2025-02-01", "2025-02-10"))
    assert set(moved["kpi"]) == {"leads", "cpl", "mrr", "response_time", "max_cpl"}
    assert moved.schema["start"] == pl.Date
    assert not moved.filter(pl.col("status") != "ok")["change"].is_not_null().any()

"""Costs of a month are costs of its days: periods that are no whole months, worked out by hand."""

import datetime as dt

import duckdb
import polars as pl
import pytest
from conftest import ROOT
from small import column, data, days, month, one, rows

import kpi
from kpi.preparing import prepare

D = dt.date
LEADS = "lead_id created_at channel\n"


def daily(start: str, end: str, channel: str = "search") -> str:
    """One lead on each of these days."""
    first, last = D.fromisoformat(start), D.fromisoformat(end)
    every = (first + dt.timedelta(n) for n in range((last - first).days + 1))
    return LEADS + "".join(f"{date:%y%m%d} {date} {channel}\n" for date in every)


def covered(spend: str) -> list[tuple]:
    """Date, first day covered and number of days of each row, as preparing says it."""
    read = data("2026-12-31", spend=spend)
    frame = prepare(read, "spend", frozenset({"covers_from", "covers_days"}), D(2026, 12, 31))
    return frame.collect().to_native().sort("date").select("date", "covers_from", "covers_days").rows()


def lengths(spend: str) -> list[int]:
    return [length for *_, length in covered(spend)]


def series(*dates: str, **columns: str) -> str:
    """Costs of 1 on these dates."""
    return "\n".join([" ".join(["date cost", *columns]), *(" ".join([date, "1", *columns.values()]) for date in dates)])


@pytest.fixture(scope="module")
def invoices() -> kpi.Cube:
    """310, 280 and 310 for the months of the first quarter, and a lead a day: 10 a day, so 10 a lead."""
    spend = "date cost channel\n2025-01-01 310 search\n2025-02-01 280 search\n2025-03-01 310 search\n"
    return kpi.measure(data("2025-03-31", leads=daily("2025-01-01", "2025-03-31"), spend=spend), by=["channel"])


# ---- every period --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "spend"),
    [
        ("2025-01-01", "2025-03-31", 900),
        ("2025-02-01", "2025-02-28", 280),
        ("2025-01-02", "2025-01-31", 300),  # without a first of the month: it was nothing
        ("2025-01-15", "2025-02-14", 310),  # 17 days of January and 14 of February
        ("2025-01-31", "2025-03-01", 300),  # two firsts: it was 590
        ("2025-02-10", "2025-02-10", 10),
    ],
)
def test_a_period_costs_its_days_of_each_month(invoices, start, end, spend):
    found = kpi.evaluate(invoices, ["spend", "cpl"], period=days(start, end))
    assert column(found, "kpi") == {"spend": pytest.approx(spend, rel=1e-9), "cpl": pytest.approx(10, rel=1e-9)}


def test_weeks_do_not_hold_a_month_or_nothing(invoices):
    weeks = kpi.evaluate(invoices, "cpl", every="1w", period=days("2025-01-06", "2025-03-30"))
    assert weeks["value"].to_list() == pytest.approx([10.0] * 12, rel=1e-9)


def test_whole_months_and_the_total_are_what_the_invoices_say_to_the_cent(invoices):
    assert kpi.evaluate(invoices, "spend", every="1mo")["value"].to_list() == [310.0, 280.0, 310.0]
    assert one(kpi.evaluate(invoices, "spend")) == 900.0
    assert kpi.evaluate(invoices, "spend", by="channel")["value"].sum() == 900.0


def test_last_90_days_against_the_90_before_is_no_matter_of_how_many_firsts_they_hold():
    spend = "date cost\n" + "".join(
        f"2025-{i:02}-01 {D(2025, i % 12 + 1, 1) - dt.timedelta(1):%d}\n" for i in range(1, 9)
    )
    cube = kpi.measure(data("2025-08-31", leads=daily("2025-01-01", "2025-08-31"), spend=spend))
    moved = kpi.change(cube, "cpl", cube.period("last_90_days"), "previous")
    assert one(moved, "current", "previous") == pytest.approx((1.0, 1.0), rel=1e-9)


def test_clicks_and_impressions_of_a_monthly_report_are_spread_too():
    spend = "date cost clicks impressions\n2025-01-01 31 310 3100\n2025-02-01 28 280 2800\n"
    cube = kpi.measure(data("2025-02-28", spend=spend))
    ten = kpi.evaluate(cube, ["spend", "impressions", "cpc", "ctr"],
                       period=days("2025-01-11", "2025-01-20"))  # fmt: skip
    assert column(ten, "kpi") == pytest.approx({"spend": 10.0, "impressions": 1000.0, "cpc": 0.1, "ctr": 0.1}, rel=1e-9)
    assert column(ten, "kpi", "numerator")["cpc"] == pytest.approx(10.0)


def test_invoices_are_counted_where_they_stand():
    own = kpi.Measure("invoices", "spend", kpi.catalog.rows(), at="date")
    spend = "date cost\n2025-01-01 31\n2025-02-01 28\n"
    cube = kpi.measure(data("2025-02-28", spend=spend), kpis=["spend"], measures=[own])
    assert cube.frame.filter(measure="invoices").select("date", "amount").rows() == []  # asked for spend alone
    count = kpi.Kpi("bills", pl.col("invoices"))
    cube = kpi.measure(data("2025-02-28", spend=spend), kpis=["spend", count], measures=[own])
    assert cube.frame.filter(measure="invoices").select("date", "amount").rows() == [
        (D(2025, 1, 1), 1.0),
        (D(2025, 2, 1), 1.0),
    ]


# ---- the end -------------------------------------------------------------------------------------------------------


def test_a_quarter_lasts_until_its_end():
    spend = "date cost\n2025-01-01 300\n2025-04-01 300\n"
    cube = kpi.measure(data("2025-06-30", leads=daily("2025-01-01", "2025-06-30"), spend=spend))
    assert cube.spans["spend"] == days("2025-01-01", "2025-06-30")
    assert one(kpi.evaluate(cube, "cpl"), "value", "denominator") == (pytest.approx(600 / 181), 181.0)  # 3.3149
    second = kpi.evaluate(cube, "cpl", period=days("2025-04-01", "2025-06-30"))
    assert one(second, "value", "denominator", "covered") == (pytest.approx(300 / 91), 91.0, 1.0)  # 3.2967


def test_a_month_that_has_begun_costs_the_days_that_have_passed():
    spend = "date cost\n2025-01-01 310\n2025-02-01 280\n"
    cube = kpi.measure(data("2025-02-10", leads=daily("2025-01-01", "2025-02-10"), spend=spend))
    assert cube.spans["spend"].end == D(2025, 2, 10)
    begun = kpi.evaluate(cube, ["spend", "cpl"], period=days("2025-02-01", "2025-02-10"))
    assert column(begun, "kpi") == {"spend": pytest.approx(100.0), "cpl": pytest.approx(10.0)}  # not 280 for ten leads


def test_reports_alone_run_to_the_end_of_their_last_month():
    cube = kpi.measure(data(spend="date cost\n2025-01-01 310\n2025-02-01 280\n"))
    assert (cube.as_of, one(kpi.evaluate(cube, "spend"))) == (D(2025, 2, 28), 590.0)


def test_daily_media_beside_a_monthly_fee_meet_in_every_week():
    media = "".join(f"2025-{m:02}-{d:02} 1 media\n" for m, last in ((1, 31), (2, 28)) for d in range(1, last + 1))
    spend = "date cost cost_type\n2025-01-01 62 agency\n2025-02-01 56 agency\n" + media
    cube = kpi.measure(data("2025-02-28", spend=spend))
    weeks = kpi.evaluate(cube, "spend", every="1w", period=days("2025-01-06", "2025-02-23"))
    assert weeks["value"].to_list() == pytest.approx([21.0] * 7)  # 1 a day for media, 2 for the agency


def test_a_month_left_out_has_no_cost_and_its_neighbours_no_more_than_their_own():
    spend = "date cost placement\n2025-01-01 31 mag\n2025-02-01 28 mag\n2025-04-01 30 mag\n"
    cube = kpi.measure(data("2025-04-30", spend=spend))
    assert kpi.evaluate(cube, "spend", every="1mo")["value"].to_list() == [31.0, 28.0, None, 30.0]


# ---- what lasts, and what does not ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2025-01-01", "2025-02-01", "2025-03-01"], [31, 28, 31]),  # months
        (["2025-01-01", "2025-02-01", "2025-05-01"], [31, 28, 31]),  # two months of it without cost
        (["2025-01-01", "2025-04-01"], [90, 91]),  # quarters
        (["2025-01-01", "2025-07-01"], [181, 184]),  # half years
        (["2024-01-01", "2025-01-01"], [366, 365]),  # years
        (["2025-01-01", "2025-03-01"], [31, 31]),  # two months apart are months
        (["2025-01-15", "2025-02-15", "2025-03-15"], [31, 28, 31]),  # the last as long as the longest
        (["2025-01-06", "2025-01-13", "2025-01-20"], [7, 7, 7]),  # weeks
        (["2025-01-06", "2025-01-20"], [14, 14]),
        (["2025-01-01", "2025-01-08", "2025-01-17"], [1, 1, 1]),  # 9 days are more than 7 and a quarter
        (["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-30", "2025-01-31"], [1] * 5),  # daily with a pause
        (["2025-02-11", "2025-03-25", "2025-06-10", "2025-10-01"], [1] * 4),  # fairs
        (["2025-05-22", "2025-09-02"], [1, 1]),  # two fairs are no rhythm
        (["2025-01-02", "2025-01-31"], [1, 1]),  # neither are two days of a campaign
        (["2025-01-15", "2025-04-15"], [90, 90]),  # but two invoices are, of the same day
        (["2025-01-01", "2025-01-07", "2025-01-13"], [1] * 3),  # less than a week apart
        (["2025-01-01"], [1]),  # a single one
    ],
)
def test_a_series_lasts_where_its_dates_are_regular(dates, expected):
    assert lengths(series(*dates)) == expected


def test_a_month_dated_on_its_last_day_covers_the_month_before():
    assert covered(series("2025-01-31", "2025-02-28", "2025-03-31")) == [
        (D(2025, 1, 31), D(2025, 1, 1), 31),
        (D(2025, 2, 28), D(2025, 2, 1), 28),
        (D(2025, 3, 31), D(2025, 3, 1), 31),
    ]
    assert covered(series("2025-03-31", "2025-06-30"))[1] == (D(2025, 6, 30), D(2025, 4, 1), 91)


@pytest.mark.parametrize("split", ["channel", "campaign", "placement", "platform", "cost_type", "currency"])
def test_series_are_told_apart_by_what_is_billed_together(split):
    values = {"currency": ("EUR", "USD"), "cost_type": ("media", "tools")}.get(split, ("a", "b"))
    spend = f"date cost {split}\n" + "".join(
        f"{date} 1 {value}\n"
        for value, dates in zip(values, (("2025-01-01", "2025-02-01"), ("2025-01-02", "2025-01-03")), strict=True)
        for date in dates
    )
    assert lengths(spend) == [31, 1, 1, 28]


def test_several_rows_of_a_date_last_alike():
    spend = "date cost\n2025-01-01 10\n2025-01-01 21\n2025-02-01 28\n2025-02-01 -\n"
    assert lengths(spend) == [31, 31, 28, 28]
    cube = kpi.measure(data("2025-02-28", spend=spend))
    assert one(kpi.evaluate(cube, "spend", period=days("2025-01-31", "2025-02-01"))) == pytest.approx(2.0)


def test_a_row_is_never_there_twice():
    spend = series("2025-01-01", "2025-02-01", channel="search")
    assert len(covered(spend)) == 2


@pytest.mark.parametrize("amounts", [(0.1, 0.2, 0.3), (1e6 / 3, 7.77, 123_456.78), (-50.0, 19.99, 0.0)])
def test_the_sum_stays_whatever_the_amounts(amounts):
    frame = pl.DataFrame({"date": [D(2025, 1, 1), D(2025, 2, 1), D(2025, 3, 1)], "cost": amounts})
    cube = kpi.measure(kpi.read({"spend": frame}, as_of=D(2025, 3, 31)), kpis=["spend"])
    assert cube.frame.filter(measure="spend_marketing")["amount"].sum() == pytest.approx(sum(amounts), rel=1e-12)
    assert kpi.evaluate(cube, "spend", every="1mo")["value"].to_list() == pytest.approx(amounts, rel=1e-12)


@pytest.mark.parametrize(
    "spend",
    [
        series("2025-01-01", "2025-02-01", "2025-04-01", channel="search"),
        series("2025-01-31", "2025-04-30"),
        series("2025-01-15", "2025-02-15", "2025-03-15", platform="x", currency="EUR"),
        series("2025-01-03", "2025-01-04", "2025-03-15"),
    ],
)
def test_costs_cover_the_same_days_on_duckdb(spend):
    frame = rows(spend).with_columns(pl.col("date").str.to_date(), pl.col("cost").cast(pl.Float64))
    relation = duckdb.connect().from_arrow(frame.to_arrow())
    cubes = [kpi.measure(kpi.read({"spend": table}, as_of=D(2025, 12, 31))) for table in (frame, relation)]
    assert cubes[0].frame.equals(cubes[1].frame)
    assert cubes[0].spans == cubes[1].spans


def test_the_month_of_the_sample_that_held_two_firsts_is_not_42_percent_cheaper():
    """b2c_local: with every cost on its first day, the last 90 days held two firsts and the 90 before three."""
    cube = kpi.measure(kpi.read(ROOT / "sample_data" / "b2c_local"), kpis=["cpl"])
    moved = kpi.change(cube, "cpl", cube.period("last_90_days"), "previous")
    assert one(moved, "current", "previous", "verdict") == (
        pytest.approx(54.245, abs=5e-4),  # 37,320.86 ÷ 688; it was 39.21
        pytest.approx(63.040, abs=5e-4),  # 40,282.82 ÷ 639; it was 67.51
        None,
    )
    weeks = kpi.evaluate(cube, "cpl", every="1w", period=days("2026-08-03", "2026-10-25"))["value"]
    assert weeks.min() > 40  # it was 1.64
    assert weeks.max() < 70  # it was 194.73
    assert one(kpi.evaluate(cube, "cpl", period=month("2026-09"))) == pytest.approx(51.413, abs=5e-4)  # as it was

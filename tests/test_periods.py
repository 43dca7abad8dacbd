"""Presets, comparisons and buckets, on dates read off a calendar; and the zone in which a day begins."""

import datetime as dt

import duckdb
import polars as pl
import pytest
from small import data, days, one

import kpi
from kpi.periods import GRAINS, PRESETS, buckets, comparison, shift

D = dt.date
FIRST = D(2023, 5, 17)


@pytest.mark.parametrize(
    ("name", "as_of", "start", "end"),
    [
        ("last_30_days", "2025-03-10", "2025-02-09", "2025-03-10"),
        ("last_30_days", "2024-03-10", "2024-02-10", "2024-03-10"),  # a leap year has a day more
        ("last_90_days", "2025-03-31", "2025-01-01", "2025-03-31"),
        ("this_month", "2025-03-10", "2025-03-01", "2025-03-10"),
        ("this_month", "2025-03-01", "2025-03-01", "2025-03-01"),
        ("last_month", "2025-03-10", "2025-02-01", "2025-02-28"),
        ("last_month", "2024-03-10", "2024-02-01", "2024-02-29"),
        ("last_month", "2025-01-15", "2024-12-01", "2024-12-31"),
        ("last_month", "2025-02-28", "2025-02-01", "2025-02-28"),  # it has ended
        ("last_month", "2024-02-28", "2024-01-01", "2024-01-31"),  # it has a day to go
        ("last_3_months", "2025-03-10", "2024-12-01", "2025-02-28"),
        ("last_3_months", "2025-03-31", "2025-01-01", "2025-03-31"),
        ("this_quarter", "2025-03-31", "2025-01-01", "2025-03-31"),
        ("this_quarter", "2025-12-05", "2025-10-01", "2025-12-05"),
        ("last_quarter", "2025-03-30", "2024-10-01", "2024-12-31"),
        ("last_quarter", "2025-03-31", "2025-01-01", "2025-03-31"),
        ("last_12_months", "2025-03-10", "2024-03-01", "2025-02-28"),
        ("this_year", "2025-12-31", "2025-01-01", "2025-12-31"),
        ("last_year", "2025-12-30", "2024-01-01", "2024-12-31"),
        ("last_year", "2025-12-31", "2025-01-01", "2025-12-31"),
        ("all", "2025-03-10", "2023-05-17", "2025-03-10"),
        ("all", "2020-01-01", "2020-01-01", "2020-01-01"),  # nothing recorded before the export
    ],
)
def test_preset(name, as_of, start, end):
    assert kpi.preset(name, D.fromisoformat(as_of), FIRST) == days(start, end)


def test_every_preset_ends_by_the_day_of_the_export():
    for name in PRESETS:
        for as_of in pl.date_range(D(2024, 1, 1), D(2025, 3, 1), eager=True):
            period = kpi.preset(name, as_of, FIRST)
            assert period.start <= period.end <= as_of


def test_an_unknown_preset_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown period 'yesterday'.*last_30_days"):
        kpi.preset("yesterday", D(2025, 1, 1), FIRST)


@pytest.mark.parametrize(
    ("start", "end", "before_start", "before_end"),
    [
        ("2025-03-01", "2025-03-31", "2025-02-01", "2025-02-28"),  # whole months, whatever their length
        ("2025-02-01", "2025-02-28", "2025-01-01", "2025-01-31"),
        ("2024-03-01", "2024-03-31", "2024-02-01", "2024-02-29"),
        ("2025-01-01", "2025-01-31", "2024-12-01", "2024-12-31"),
        ("2025-01-01", "2025-03-31", "2024-10-01", "2024-12-31"),  # a quarter
        ("2025-01-01", "2025-12-31", "2024-01-01", "2024-12-31"),  # a year
        ("2025-02-01", "2025-04-30", "2024-11-01", "2025-01-31"),  # three months that are no quarter
        ("2025-03-01", "2025-03-10", "2025-02-01", "2025-02-10"),  # month to date
        ("2025-03-01", "2025-03-30", "2025-02-01", "2025-02-28"),  # as many as February has
        ("2025-02-01", "2025-02-27", "2025-01-01", "2025-01-27"),
        ("2025-04-01", "2025-05-10", "2025-01-01", "2025-02-10"),  # quarter to date
        ("2025-01-01", "2025-08-10", "2024-01-01", "2024-08-10"),  # year to date
        ("2025-03-05", "2025-03-11", "2025-02-26", "2025-03-04"),  # any seven days: the seven before
        ("2024-02-29", "2024-02-29", "2024-02-28", "2024-02-28"),
        ("2025-02-15", "2025-02-28", "2025-02-01", "2025-02-14"),
        ("2025-02-01", "2025-03-10", "2024-12-25", "2025-01-31"),  # follows no calendar: 38 days before
    ],
)
def test_previous_period(start, end, before_start, before_end):
    assert comparison(days(start, end), "previous") == days(before_start, before_end)


@pytest.mark.parametrize(
    ("start", "end", "before_start", "before_end"),
    [
        ("2025-03-05", "2025-03-11", "2024-03-05", "2024-03-11"),
        ("2025-02-01", "2025-02-28", "2024-02-01", "2024-02-29"),  # the whole month
        ("2024-02-01", "2024-02-29", "2023-02-01", "2023-02-28"),
        ("2024-02-29", "2024-02-29", "2023-02-28", "2023-02-28"),
        ("2025-02-28", "2025-02-28", "2024-02-28", "2024-02-28"),  # one day stays one day
        ("2025-02-15", "2025-02-28", "2024-02-15", "2024-02-28"),  # fourteen days stay fourteen
        ("2025-01-01", "2025-12-31", "2024-01-01", "2024-12-31"),
    ],
)
def test_the_same_days_a_year_earlier(start, end, before_start, before_end):
    assert comparison(days(start, end), "last_year") == days(before_start, before_end)


def test_shifting_by_months_keeps_to_the_end_of_short_months():
    assert shift(D(2025, 3, 31), -1) == D(2025, 2, 28)
    assert shift(D(2024, 3, 31), -1) == D(2024, 2, 29)
    assert shift(D(2025, 1, 31), 1) == D(2025, 2, 28)
    assert shift(D(2024, 2, 29), -12) == D(2023, 2, 28)
    assert shift(D(2025, 1, 15), -13) == D(2023, 12, 15)


def test_a_period_runs_forward():
    assert days("2024-02-01", "2024-03-01").days == 30
    with pytest.raises(ValueError, match="after its end"):
        days("2025-02-01", "2025-01-31")


# ---- buckets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every", "start", "end", "expected"),
    [
        ("1mo", "2024-01-31", "2024-03-01", [(D(2024, 1, 1), 1), (D(2024, 2, 1), 29), (D(2024, 3, 1), 1)]),
        ("1mo", "2025-01-31", "2025-03-01", [(D(2025, 1, 1), 1), (D(2025, 2, 1), 28), (D(2025, 3, 1), 1)]),
        ("1q", "2024-12-31", "2025-04-01", [(D(2024, 10, 1), 1), (D(2025, 1, 1), 90), (D(2025, 4, 1), 1)]),
        ("1y", "2023-12-31", "2025-01-01", [(D(2023, 1, 1), 1), (D(2024, 1, 1), 366), (D(2025, 1, 1), 1)]),
        # Monday 30 December 2024 begins the week that New Year falls into; Sunday 5 January ends it
        ("1w", "2024-12-29", "2025-01-06", [(D(2024, 12, 23), 1), (D(2024, 12, 30), 7), (D(2025, 1, 6), 1)]),
        ("1d", "2024-02-28", "2024-03-01", [(D(2024, 2, 28), 1), (D(2024, 2, 29), 1), (D(2024, 3, 1), 1)]),
        (None, "2024-02-28", "2024-03-01", [(D(2024, 2, 28), 3)]),
    ],
)
def test_buckets(every, start, end, expected):
    found = buckets(days(start, end), every).with_columns(days=(pl.col("end") - pl.col("start")).dt.total_days() + 1)
    assert found.select("date", "days").rows() == expected


@pytest.mark.parametrize("every", GRAINS)
def test_buckets_cover_each_day_once(every):
    period = days("2023-11-05", "2025-03-02")
    found = buckets(period, every)
    covered = found.select(pl.date_ranges("start", "end").alias("day")).explode("day")["day"]
    assert covered.to_list() == pl.date_range(period.start, period.end, eager=True).to_list()


def test_an_unknown_grain_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown grain '2w'.*1mo"):
        buckets(days("2025-01-01", "2025-01-02"), "2w")


# ---- where a day begins ---------------------------------------------------------------------------------------------

LATE = """
lead_id  created_at            won_at
1        2025-01-31T22:30:00Z  2025-03-30T21:59:00Z
2        2025-01-31T23:30:00Z  2025-03-30T22:01:00Z
"""
"""23:30 and 00:30 in Rome, in winter; 23:59 and 00:01 in Rome, in summer."""


def by_month(dataset: kpi.Dataset, asked: str) -> dict[D, float]:
    result = kpi.evaluate(
        kpi.measure(dataset, kpis=[asked]), asked, every="1mo", period=days("2025-01-01", "2025-03-31")
    )
    return dict(result.select("date", "value").iter_rows())


@pytest.mark.parametrize(
    ("zone", "january", "february"), [("UTC", 2.0, 0.0), ("Europe/Rome", 1.0, 1.0), ("America/New_York", 2.0, 0.0)]
)
def test_a_lead_at_half_past_eleven_utc_on_31_january_is_a_february_lead_in_rome(zone, january, february):
    rows = data("2025-03-31", kpi.Assumptions(zone=zone), leads=LATE)
    assert by_month(rows, "leads") == {D(2025, 1, 1): january, D(2025, 2, 1): february, D(2025, 3, 1): 0.0}


@pytest.mark.parametrize("connection_zone", ["UTC", "Asia/Tokyo"])
def test_a_february_lead_in_rome_is_one_on_duckdb_whatever_its_own_zone(connection_zone):
    connection = duckdb.connect()
    connection.sql(f"SET TimeZone = '{connection_zone}'")
    connection.sql(
        "CREATE TABLE leads AS SELECT * FROM (VALUES ('1', TIMESTAMPTZ '2025-01-31 22:30:00+00'),"
        " ('2', TIMESTAMPTZ '2025-01-31 23:30:00+00')) AS t(lead_id, created_at)"
    )
    relation = connection.table("leads")
    rows = kpi.read({"leads": relation}, as_of=D(2025, 3, 31), assumptions=kpi.Assumptions(zone="Europe/Rome"))
    assert by_month(rows, "leads") == {D(2025, 1, 1): 1.0, D(2025, 2, 1): 1.0, D(2025, 3, 1): 0.0}


def test_summer_time_moves_midnight():
    rows = data("2025-03-31", kpi.Assumptions(zone="Europe/Rome"), leads=LATE)
    wins = kpi.evaluate(kpi.measure(rows), "new_customers", every="1d", period=days("2025-03-30", "2025-03-31"))
    assert wins["value"].to_list() == [1.0, 1.0]


def test_the_export_date_is_the_local_day_of_the_last_record():
    assert kpi.measure(data(None, kpi.Assumptions(zone="Europe/Rome"), leads=LATE)).as_of == D(2025, 3, 31)
    assert kpi.measure(data(leads=LATE)).as_of == D(2025, 3, 30)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
@pytest.mark.parametrize("written", [D(2025, 2, 1), "2025-02-01", dt.datetime(2025, 2, 1)])
def test_plain_dates_stay_what_they_are_in_any_zone(zone, written):
    frame = pl.DataFrame({"lead_id": ["1"], "created_at": [written]})
    rows = kpi.read({"leads": frame}, assumptions=kpi.Assumptions(zone=zone))
    assert one(kpi.evaluate(kpi.measure(rows), "leads", every="1d"), "date", "value") == (D(2025, 2, 1), 1.0)

"""A result shown in a notebook or terminal reads without knowing its columns."""

import datetime as dt

import polars as pl
import pytest

import kpi
from kpi import Kpi, Profile, show
from kpi.relevance import relevant, unlock, why_not
from kpi.show import show_cards

RATE = {"kpi": "win_rate", "value": 0.5, "n": 4.0, "low": 0.15, "high": 0.85, "currency": None, "status": "ok"}


def test_a_value_is_shown_with_unit_interval_and_reason():
    undefined = {**RATE, "value": None, "n": 0.0, "low": None, "high": None, "status": "no denominator"}
    assert str(show(pl.DataFrame([RATE, undefined]))) == (
        "KPI            Value  95% interval  n  Status\n"
        "Win rate (WR)    50%    15% to 85%  4\n"
        "Win rate (WR)      —                0  Nothing to divide by"
    )


def test_segments_dates_and_maturity_are_named():
    row = {"kpi": "leads", "channel": "paid_search", "date": dt.date(2026, 4, 1), "value": 3.0, "status": "ok"}
    row["maturity"] = "too young"
    assert str(show(pl.DataFrame([row]))).splitlines()[1] == "New leads  Paid search  Apr 2026      3  Too young"


def test_changes_are_shown_in_words():
    leads = pl.DataFrame({"lead_id": list("abc"), "created_at": [dt.date(2025, month, 3) for month in (1, 2, 2)]})
    cube = kpi.measure(kpi.read({"leads": leads}), kpis=["leads"])
    shown = str(show(kpi.change(cube, "leads", kpi.Period(dt.date(2025, 2, 1), dt.date(2025, 2, 3)), "previous")))
    assert "100% more  may be chance" in shown


def test_relevance_is_shown_with_its_reasons():
    profile = Profile(business="b2b", pricing="subscription", channels=("paid_search", "chat"), goal="quality")
    data = kpi.read({"leads": pl.DataFrame({"lead_id": ["a"], "created_at": [dt.date(2025, 1, 3)]})})
    assert "Serves your goal: Better leads." in str(show(relevant(profile, data)))
    assert "needs" in str(show(relevant(profile, data)))
    assert "Left out because" in str(show(why_not(profile)))
    assert "Unlocks" in str(show(unlock(profile, data)))


def test_values_from_the_data_are_text_in_html():
    row = {"kpi": "leads", "campaign": "<img src=x onerror=alert(1)>", "value": 3.0, "status": "ok"}
    html = show(pl.DataFrame([row]))._repr_html_()
    assert "<img" not in html
    assert "&lt;img src=x" in html


def test_own_kpis_have_their_unit():
    own = Kpi("my_rate", pl.col("deals_won"), pl.col("leads"), "rate")
    result = pl.DataFrame([{**RATE, "kpi": "my_rate"}])
    assert "50%" in str(show(result, kpis=[own]))
    assert "0.5" in str(show(result))


def test_long_results_end_with_how_many_more():
    assert str(show(pl.DataFrame([RATE] * 250))).endswith("50 more rows")
    assert str(show(pl.DataFrame([RATE]).clear())).endswith("No rows.")


def test_what_is_no_result_is_refused():
    with pytest.raises(ValueError, match="no result to show: its columns are a"):
        show(pl.DataFrame({"a": [1]}))


def test_right_to_left_languages_turn_the_table():
    assert 'dir="rtl"' in show(pl.DataFrame([RATE]), "fa").html
    assert 'class="kpi-grid"' in show_cards(["<div></div>"]).html

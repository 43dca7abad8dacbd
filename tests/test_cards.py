"""Cards say the number, its change and its grounds in one order, and nothing that the data does not hold."""

import datetime as dt
import re
from urllib.parse import unquote

import polars as pl
import pytest

import kpi
from kpi import Kpi, catalog, texts
from kpi.cards import card, sentence, sparkline
from kpi.query import OK, STATUSES
from kpi.wording import finding, grain_of

KPIS = catalog.kpis(kpi.Assumptions().stages)
MONTHS = [dt.date(2026, month, 1) for month in range(1, 7)]
ROW = {
    "value": 75.0, "numerator": 300.0, "denominator": 4.0, "n": 40.0, "low": 70.0, "high": 80.0, "currency": "EUR",
    "status": OK, "maturity": None, "covered": 1.0,
}  # fmt: skip
CHANGE = {
    "against": "previous", "current": 75.0, "previous": 100.0, "change": -0.25, "points": -25.0, "likely": True,
    "verdict": "better", "currency": "EUR", "within": None, "start": dt.date(2026, 5, 1), "end": dt.date(2026, 7, 31),
    "status": OK,
}  # fmt: skip
TREND = pl.DataFrame(
    {
        "date": MONTHS,
        "value": [80.0, None, 70.0, 75.0, 74.0, 60.0],
        "status": [OK, "no data", OK, OK, OK, OK],
        "maturity": ["mature", "mature", "mature", "mature", "immature", "too young"],
        "currency": ["EUR"] * 6,
    }
)
NOTHING = pl.DataFrame()


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def drawing(html: str) -> str:
    return unquote(re.search(r"svg\+xml,([^)]*)&quot;", html)[1])


def test_a_card_reads_name_value_change_trend_grounds_badge():
    shown = card(KPIS["cpl"], {**ROW, "covered": 0.5}, [CHANGE], TREND, target=70.0)
    classes = re.findall(r'class="(kpi-\w+)', shown)
    assert classes == ["kpi-card", "kpi-name", "kpi-value", "kpi-change", "kpi-spark", "kpi-note", "kpi-badge"]
    assert text(shown) == (
        "Cost per lead (CPL) €75 ↓ 25% less vs May – Jul 2026 40 cases · target €70 Data for 50% of the days"
    )


def test_undefined_is_a_dash_with_its_reason_and_the_raw_numbers():
    row = {**ROW, "value": None, "numerator": 3.0, "denominator": 0.0, "status": "no denominator", "currency": None}
    shown = card(KPIS["win_rate"], row, [CHANGE], NOTHING)
    assert 'class="kpi-value undefined">—<' in shown
    assert "Nothing to divide by: 3 / 0" in shown
    assert "Choose a longer period or fewer filters." in shown
    assert "kpi-change" not in shown


@pytest.mark.parametrize(("verdict", "css"), [("better", "better"), ("worse", "worse"), (None, "neutral")])
def test_only_a_verdict_colours_a_change(verdict, css):
    shown = card(KPIS["cpl"], ROW, [{**CHANGE, "verdict": verdict}], NOTHING)
    assert re.findall(r'kpi-change (\w+)"', shown) == [css]


def test_a_change_that_cannot_be_said_says_why():
    late = {**CHANGE, "change": None, "points": None, "verdict": None, "status": "outside the data"}
    assert "vs May – Jul 2026: outside the data" in card(KPIS["cpl"], ROW, [late], NOTHING)


def test_a_change_from_nothing_is_said_without_percent():
    risen = {**CHANGE, "previous": 0.0, "current": 53.0, "points": 53.0, "change": None, "verdict": None}
    assert "↑ 0 → 53 vs" in text(card(KPIS["leads"], {**ROW, "value": 53.0}, [risen], NOTHING))


@pytest.mark.parametrize(
    ("n", "low", "high", "note"),
    [
        (29, 0.20, 0.30, "29 cases, likely between 20% and 30%"),  # few
        (30, 0.20, 0.30, "30 cases"),
        (400, 0.10, 0.40, "400 cases, likely between 10% and 40%"),  # wide
        (1, 0.05, 0.9, "1 case, likely between 5.0% and 90%"),
    ],
)
def test_a_rate_carries_its_interval_when_it_would_say_too_much_without(n, low, high, note):
    row = {**ROW, "value": 0.25, "n": n, "low": low, "high": high, "currency": None}
    assert text(card(KPIS["win_rate"], row, [], NOTHING)).endswith(note)


def test_young_buckets_are_dashed_missing_ones_are_gaps():
    path = r'<path d="([^"]*)" stroke-width="2" [^>]*?(stroke-dasharray|/)'
    lines = re.findall(path, drawing(card(KPIS["cpl"], ROW, [], TREND)))
    assert [(drawn.count("M"), kind) for drawn, kind in lines] == [(1, "/"), (2, "stroke-dasharray")]


def test_the_target_is_a_line_unless_buckets_add_up_to_it():
    assert 'stroke-width="1"' in drawing(card(KPIS["cpl"], ROW, [], TREND, target=70.0))
    assert 'stroke-width="1"' not in drawing(card(KPIS["leads"], ROW, [], TREND, target=2000.0))


@pytest.mark.parametrize("values", [[None, 5.0, None], [5.0], [5.0, 5.0], [0.0, 0.0, 0.0]])
def test_a_sparkline_of_few_or_equal_values_is_drawn(values):
    assert "nan" not in sparkline([{"value": value} for value in values])


def test_values_from_the_data_are_text():
    evil = Kpi("<img src=http://evil>", pl.col("leads"), over="channel")
    shown = card(evil, {**ROW, "status": OK}, [], TREND, note='"><script>')
    assert not re.search(r"<(img|script|svg|a)\b", shown)
    assert "&lt;img" in shown


def test_every_status_and_maturity_has_its_words():
    for code in STATUSES:
        for part in ("", ".help", ".compare"):
            assert texts.has(f"status.{code.replace(' ', '_')}{part}"), code + part
    for code in ("mature", "immature", "too_young"):
        assert texts.say(f"maturity.{code}.help")


def test_the_finding_of_a_trend():
    assert finding(KPIS["cpl"], TREND.to_dicts(), target=70) == (
        "Cost per lead: €80 in Jan 2026, €60 in Jun 2026; lowest €60 in Jun 2026, highest €80 in Jan 2026. "
        "2 are immature and will still change. Target €70."
    )
    assert finding(KPIS["cpl"], []) == "Cost per lead: no values in this period."


@pytest.mark.parametrize(("days", "grain"), [((1, 2), "1d"), ((1, 8), "1w"), ((1,), "1mo"), ((3,), "1d")])
def test_the_grain_shows_in_the_gaps(days, grain):
    assert grain_of([dt.date(2026, 1, day) for day in days]) == grain


# --- formulas


@pytest.fixture(scope="module")
def cube():
    return kpi.measure(kpi.read("sample_data/b2b_saas"), by=["channel", "campaign"])


def said(cube, name: str, **asked) -> str:
    row = kpi.evaluate(cube, name, **asked).to_dicts()[0]
    return sentence(KPIS[name], row, "en", cube, asked.get("period"), asked.get("where"))


def test_formulas_hold_the_real_numbers():
    day = dt.date(2026, 1, 5)
    deals = pl.DataFrame(
        {
            "deal_id": list("abcd"),
            "created_at": [day] * 4,
            "status": ["won", "won", "lost", "open"],
            "closed_at": [day, day, day, None],
            "amount": [100.0, 300.0, 50.0, 10.0],
        }
    )
    cube = kpi.measure(kpi.read({"deals": deals}), kpis=["win_rate", "deal_size"])
    assert said(cube, "win_rate") == "2 deals won ÷ (2 deals won + 1 deals lost) = 67%"
    assert re.fullmatch(r"€400 amount of deals won ÷ 2 .* = €200", said(cube, "deal_size"))


def test_a_derived_formula_names_its_inputs(cube):
    period = kpi.Period(dt.date(2026, 8, 1), dt.date(2026, 10, 31))
    payback = said(cube, "cac_payback", period=period)
    assert re.fullmatch(r"CAC €[\d,]+ ÷ \(ARPA €[\d.,]+ × Gross margin \d+%\) = [\d.]+ months", payback)
    assert said(cube, "leads_needed", period=period).endswith(" = —")


def test_every_kpi_has_its_formula(cube):
    for name, item in KPIS.items():
        if item.over != "placement":
            assert re.search(r"\d|—", said(cube, name)), name


def test_a_share_names_its_segment(cube):
    row = kpi.evaluate(cube, "lead_source_mix", by="channel").filter(pl.col("channel") == "chat").to_dicts()[0]
    assert "(Live chat) ÷" in sentence(KPIS["lead_source_mix"], row, "en", cube)

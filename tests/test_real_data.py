"""Real files against values that DuckDB SQL and pandas gave separately (truth.json), matched by definition, to 1e-9.

`ASKED` and `NOT_ASKED` together name every value of both files. A `*` stands for the segments of a split: each of them
is compared, and no other may turn up.
"""

import datetime as dt
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import polars as pl
import pytest
import real_data
from real_data import DATA

import kpi


@dataclass(frozen=True)
class Ask:
    """KPIs that give a truth value, and how: `id` reads the value, `id:numerator` what it was divided from."""

    kpis: str
    by: str = ""
    every: str | None = None
    of: str = "dubai"
    beside: tuple[str, ...] = ()
    """Segments of ours that the truth leaves out."""


def _economics(key: str, by: str = "") -> dict[str, Ask]:
    """Cost, CPL = cost/leads, CAC = cost/sold, revenue, ROAS = revenue/cost, average deal; all media, no other cost."""
    return {
        f"{key}.cost": Ask("spend cpl:numerator", by),
        f"{key}.cpl": Ask("cpl", by),
        f"{key}.cac": Ask("cac cpa cac_cohort cac_campaign", by),
        f"{key}.revenue": Ask("revenue deal_size:numerator", by),
        f"{key}.roas": Ask("roas_blended mer", by),
        f"{key}.avg_deal": Ask("deal_size aov", by),
    }


def _funnel(key: str, by: str = "") -> dict[str, Ask]:
    """Leads that reached a stage: what one step is divided from, and what the next is divided by."""
    return {
        f"{key}.leads": Ask("leads step_lead_qualified:denominator", by),
        f"{key}.qualified": Ask("step_lead_qualified:numerator step_qualified_site_visit:denominator", by),
        f"{key}.visits": Ask("step_qualified_site_visit:numerator step_site_visit_negotiation:denominator", by),
        f"{key}.negotiations": Ask("step_site_visit_negotiation:numerator step_negotiation_booking:denominator", by),
        f"{key}.bookings": Ask("step_negotiation_booking:numerator step_booking_customer:denominator", by),
        f"{key}.sold": Ask("step_booking_customer:numerator new_customers lead_to_customer:numerator", by),
    }


def _churn(key: str, by: str) -> dict[str, Ask]:
    """Customers of a kind, how many of them left, and what those that stayed pay a month."""
    return {
        f"{key}.customers": Ask("logo_churn:denominator", by, of="telco"),
        f"{key}.churned": Ask("logo_churn:numerator", by, of="telco"),
        f"{key}.churn_rate": Ask("logo_churn", by, of="telco"),
        f"{key}.mrr": Ask("mrr", by, of="telco"),
    }


ASKED: dict[str, dict[str, Ask]] = {
    "dubai_real_estate": {
        **_funnel("funnel"),
        **_funnel("funnel_by_channel.*", "channel"),
        "stage_conversion.lead_to_qualified": Ask("step_lead_qualified"),
        "stage_conversion.qualified_to_visit": Ask("step_qualified_site_visit"),
        "stage_conversion.visit_to_negotiation": Ask("step_site_visit_negotiation"),
        "stage_conversion.negotiation_to_booking": Ask("step_negotiation_booking"),
        "stage_conversion.booking_to_sold": Ask("step_booking_customer"),
        "conversion_rate": Ask("lead_to_customer"),  # sold ÷ leads
        "win_rate": Ask("step_negotiation_customer", of="dubai_short"),  # sold ÷ negotiations, not closed deals
        **_economics("economics"),
        **_economics("economics_by_channel.*", "channel"),
        **_economics("economics_by_campaign.*", "campaign"),
        "leads_by_month.*": Ask("leads", every="1mo"),
        "revenue_by_sale_month.*": Ask("revenue", every="1mo", beside=("2024-01",)),  # a month without a sale
        "sales_cycle_days.median_d": Ask("time_to_conversion"),  # from lead to sale, not from deal to sale
        "stage_days_median.lead_to_qualified": Ask("days_lead_qualified"),
        "stage_days_median.qualified_to_visit": Ask("days_qualified_site_visit"),
        "stage_days_median.visit_to_negotiation": Ask("days_site_visit_negotiation"),
        "stage_days_median.negotiation_to_booking": Ask("days_negotiation_booking"),
        "stage_days_median.booking_to_sold": Ask("days_booking_customer"),
        "open_pipeline.n": Ask("open_deals"),
        "open_pipeline.value": Ask("open_pipeline"),
        "lost_reasons.*": Ask("leads", "lost_reason", beside=("unknown",)),  # leads that are not lost
    },
    "telco_churn": {
        "customers": Ask("logo_churn:denominator", of="telco"),
        "active": Ask("accounts arpa:denominator", of="telco"),
        "churned": Ask("logo_churn:numerator", of="telco"),
        "logo_churn_rate": Ask("logo_churn", of="telco"),
        "mrr": Ask("mrr arpa:numerator", of="telco"),
        "arr": Ask("arr", of="telco"),
        "arpa": Ask("arpa", of="telco"),
        **_churn("by_Contract.*", "Contract"),
        **_churn("by_InternetService.*", "InternetService"),
        **_churn("by_PaymentMethod.*", "PaymentMethod"),
        **_churn("by_SeniorCitizen.*", "SeniorCitizen"),
        "churn_by_tenure_band.*.churn_rate": Ask("logo_churn", "tenure_band", of="telco"),
        "churn_by_tenure_band.*.customers": Ask("logo_churn:denominator", "tenure_band", of="telco"),
        "historic_revenue": Ask("revenue", of="telco_bills"),
    },
}
NOT_ASKED: dict[str, dict[str, str]] = {
    "dubai_real_estate": {
        "sales_cycle_days.mean_d": "a mean of durations; the catalogue shows the median",
        "sales_cycle_days.max_d": "the longest duration; the catalogue shows the median",
        "sales_velocity": "all negotiations ever and a mean cycle; the catalogue's takes open deals and 90 days",
    },
    "telco_churn": {
        "churned_mrr": "money lost by churn is a movement of MRR, an analysis of its own",
        "revenue_churn_rate": "made of churned MRR: comes with the movements",
        "monthly_churn_hazard": "divides by months of tenure: comes with survival",
        "expected_lifetime_months": "1 ÷ the hazard: comes with survival",
        "clv_simple": "ARPA ÷ the hazard: comes with the CLV variants",
        "historic_revenue_per_customer": "revenue per customer to date is clv_historical: comes with the CLV variants",
        "survival.12": "Kaplan-Meier over tenure: comes with survival",
        "survival.24": "Kaplan-Meier over tenure: comes with survival",
        "survival.36": "Kaplan-Meier over tenure: comes with survival",
        "survival.60": "Kaplan-Meier over tenure: comes with survival",
    },
}


@cache
def truth(name: str) -> dict[str, dict[str, float]]:
    """Table key → segment → value; a value that is not split has the segment `""`."""
    kpis = json.loads((DATA / name / "truth.json").read_text(encoding="utf-8"))["kpis"]
    listed = ASKED[name].keys() | NOT_ASKED[name].keys()
    found: dict[str, dict[str, float]] = {}
    for path, value in _leaves({key: item["value"] for key, item in kpis.items()}):
        key, segment = _key(path, listed)
        found.setdefault(key, {})[segment] = value
    return found


def _leaves(tree: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], float]]:
    if not isinstance(tree, dict):
        yield path, tree
        return
    for name, branch in tree.items():
        yield from _leaves(branch, (*path, name))


def _key(path: tuple[str, ...], listed: set[str]) -> tuple[str, str]:
    """The table's key of a truth value and its segment; the plain path where the table does not list it."""
    for place in range(1, len(path)):
        starred = ".".join((*path[:place], "*", *path[place + 1 :]))
        if starred in listed:
            return starred, path[place]
    return ".".join(path), ""


@cache
def cube(of: str) -> kpi.Cube:
    makers = {
        "dubai": (real_data.dubai, ("channel", "campaign", "lost_reason")),
        "dubai_short": (lambda: real_data.dubai(("lead", "negotiation", "customer")), ()),
        "dubai_without_deals": (real_data.dubai_without_deals, ("channel", "campaign")),
        "telco": (real_data.telco, ("Contract", "InternetService", "PaymentMethod", "SeniorCitizen", "tenure_band")),
        "telco_bills": (real_data.telco_bills, ()),
    }
    make, by = makers[of]
    return kpi.measure(make(), by=by)


def answers(of: str, item: str, by: str, every: str | None) -> dict[str | None, float | None]:
    """Segment → what the product says; where it has no value, the value is None."""
    name, _, column = item.partition(":")
    rows = kpi.evaluate(cube(of), name, by=by or (), every=every)
    if not column:
        assert set(rows["status"]) == {"ok"}, f"{name}: {rows.filter(pl.col('status') != 'ok')}"
    segments = rows["date"].dt.strftime("%Y-%m") if every else rows[by] if by else [""] * rows.height
    assert len(set(segments)) == rows.height, f"{name}: a segment stands twice"
    return dict(zip(segments, rows[column or "value"], strict=True))


def cases() -> list:
    return [
        pytest.param(name, key, item, id=f"{name}-{key}-{item}")
        for name, asked in ASKED.items()
        for key, ask in asked.items()
        for item in ask.kpis.split()
    ]


@pytest.mark.parametrize("name", ASKED)
def test_every_truth_value_is_compared_or_has_a_reason_why_not(name):
    listed = [*ASKED[name], *NOT_ASKED[name]]

    assert sorted(truth(name)) == sorted(listed)
    assert all(NOT_ASKED[name].values())


@pytest.mark.parametrize(("name", "key", "item"), cases())
def test_the_product_gives_the_value_that_sql_and_pandas_gave(name, key, item):
    ask, expected = ASKED[name][key], truth(name)[key]

    got = answers(ask.of, item, ask.by, ask.every)

    assert got.keys() - set(ask.beside) == expected.keys()
    wrong = {segment: (got[segment], value) for segment, value in expected.items() if not _equal(got[segment], value)}
    assert not wrong, f"{item}, (got, expected) by segment: {wrong}"


def _equal(got: float | None, expected: float) -> bool:
    return got is not None and math.isclose(got, expected, rel_tol=1e-9)


def test_a_month_without_a_sale_has_revenue_of_zero():
    assert answers("dubai", "revenue", "", "1mo")["2024-01"] == 0


@pytest.mark.parametrize("item", ["revenue", "cac", "roas_blended", "aov", "new_customers"])
@pytest.mark.parametrize("by", ["", "channel", "campaign"])
def test_without_deals_the_amount_of_a_won_lead_is_the_sale(item, by):
    """The sales ladder's last rung but one gives what its second rung gives: the same sales on another table."""
    from_leads, from_deals = (answers(of, item, by, None) for of in ("dubai_without_deals", "dubai"))

    assert from_leads == pytest.approx(from_deals, rel=1e-9)


def test_lost_deals_without_a_closing_date_do_not_make_a_win_rate_of_100_percent():
    """1,398 of the 2,278 deals were lost on days that nobody wrote down; 813 were won."""
    deals = real_data.dubai().tables["deals"].collect()
    assert deals["status"].value_counts(sort=True).rows() == [("lost", 1398), ("won", 813), ("open", 67)]
    row = kpi.evaluate(cube("dubai"), "win_rate").row(0, named=True)
    issues = [issue for issue in cube("dubai").issues if (issue.table, issue.column) == ("deals", "closed_at")]

    assert row["status"] != "ok" or issues, f"win rate {row['value']} of {row['n']:.0f} closed deals"


def test_a_table_without_dates_has_no_trend():
    rows = kpi.evaluate(cube("telco"), ["mrr", "accounts", "arpa", "logo_churn"], every="1mo")

    assert set(rows["status"]) == {"column missing"}
    assert rows["value"].null_count() == rows.height


def test_a_table_without_dates_has_no_change():
    january = kpi.Period(dt.date(2020, 1, 1), dt.date(2020, 1, 31))

    changes = kpi.change(cube("telco"), "mrr", january)

    assert changes["change"].to_list() == [None, None]
    assert set(changes["status"]) == {"column missing"}


def test_churn_is_unknown_where_no_column_says_who_left():
    rows = cube("telco").data.tables["subscriptions"].collect().drop("ended_at")
    data = kpi.read({"subscriptions": rows}, as_of=real_data.TELCO_EXPORTED)

    churn = kpi.evaluate(kpi.measure(data, kpis=["logo_churn"]), "logo_churn").row(0, named=True)

    assert (churn["value"], churn["status"]) == (None, "column missing")


def test_a_table_without_dates_has_no_yearly_frequency():
    """7,043 bills of 7,043 customers over an unknown time are not one purchase a year."""
    row = kpi.evaluate(cube("telco_bills"), "purchase_frequency").row(0, named=True)

    assert (row["value"], row["status"]) == (None, "column missing")


@pytest.mark.parametrize("by", ["Contract", "InternetService", "PaymentMethod", "SeniorCitizen", "tenure_band"])
@pytest.mark.parametrize("item", ["mrr", "accounts", "logo_churn:numerator"])
def test_a_kept_column_splits_a_snapshot_into_parts_that_add_up(item, by):
    parts, whole = answers("telco", item, by, None), answers("telco", item, "", None)

    assert math.fsum(value or 0 for value in parts.values()) == pytest.approx(whole[""], rel=1e-12)

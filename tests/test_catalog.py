"""Every KPI of the catalogue on the small business, worked out by hand from its definition in the canon."""

from typing import get_args

import pytest
from small_business import FRAMES, LEADS, YEAR, business

from kpi import catalog
from kpi.assumptions import STAGES, Assumptions
from kpi.catalog import KPIS, LADDERS, MEASURES, Better, Section, Unit
from kpi.cube import measure
from kpi.evaluation import evaluate

MARGIN = 428 / 860  # O1 60 + O2 70 + O3 150 - O5 100 + O7 200 + O8 48, of the net revenue whose cost is known
MRR = 200 + 75 + 40 + 60 + 10 * 52 / 12  # K1 2,400/12 · K3 300 × 0.9 / 1.2 / 3 · K5 · K8 · K10 by the week
ARPA = MRR / 5
NONE = (None, None)

# id, value, numerator, denominator; ratios have both, counts the first, derived KPIs and medians neither
ROWS = {
    "sessions": (1000, 1000, None),
    "engagement_rate": (0.5, 500, 1000),
    "pages_per_session": (2.2, 2200, 1000),
    "impressions": (50_000, 50_000, None),
    "ctr": (0.012, 600, 50_000),  # the 160 clicks without impressions are none of it
    "organic_share": (0.35, 350, 1000),
    # volume
    "leads": (9, 9, None),
    "leads_raw": (10, 10, None),
    "visitor_to_lead": (0.007, 7, 1000),  # not L6 by phone, not L9 from the fair
    "source_concentration": (6, *NONE),  # 2, 2, 1, 1, 1, 1, 1: seven of nine are 78 %, so it takes six sources
    "placement_concentration": (3, *NONE),  # google 2, facebook 2, magazine 1, fair 1; an unknown one is no source
    "source_hhi": (13 / 81, *NONE),  # (2² + 2² + 5 × 1²) / 9²
    "leads_per_spend": (2.4, 9000, 3750),
    "social_leads": (2, 2, None),
    # quality
    "mql": (6, 6, None),  # L1 L2 L3 L10, and L4 and L9 by a later stage
    "sal": (5, 5, None),  # L1 L3, and L2 L4 L9 by a later stage
    "sql": (4, 4, None),  # L1 L2 L9, and L4 by a later stage
    "qualified_ratio": (0.6, 6, 10),
    "qualified_ratio_valid": (6 / 9, 6, 9),
    "mql_to_sal": (5 / 6, 5, 6),
    "mql_to_sql": (4 / 6, 4, 6),
    "sql_to_opp": (0.75, 3, 4),
    "lead_score_avg": (361 / 6, 361, 6),
    "high_score_share": (0.5, 3, 6),  # 70 itself is not above 70
    "invalid_rate": (0.1, 1, 10),
    "response_time": (345, *NONE),  # 30, 60, 90, 600, 1800, 3600 seconds
    "untouched_rate": (0.25, 2, 8),  # L4 and L5; L8 may still be answered in time
    # conversion
    "lead_to_customer": (2 / 9, 2, 9),
    "sales_conversion": (2 / 6, 2, 6),
    "win_rate": (0.6, 3, 5),
    "time_to_conversion": (25, *NONE),  # 30 and 20 days
    "sales_cycle": (20, *NONE),  # 12, 20, 256 days
    "open_deals": (2, 2, None),
    "open_pipeline": (1000, 1000, None),
    "deal_size": (1000, 2000, 2),
    "sales_velocity": (2 * (2 / 3) * 800 / 138, *NONE),  # 90 days: D2 and D3 won, D8 lost; 256 and 20 days
    "trials": (4, 4, None),
    "trial_rate": (0.004, 4, 1000),
    "trial_to_paid": (1 / 3, 1, 3),
    # cost
    "spend": (3750, 3750, None),
    "cpc": (2.5, 1900, 760),  # of media rows that report clicks
    "cpm": (32, 1_600_000, 50_000),
    "cpl": (3750 / 9, 3750, 9),
    "cpql": (625, 3750, 6),
    "cost_per_opp": (1250, 3750, 3),
    "cpa": (1125, 4500, 4),
    "cac": (1125, 4500, 4),
    "cac_cohort": (2250, 4500, 2),
    "cac_campaign": (1150, 2300, 2),
    "cac_cpl_gap": (3, *NONE),  # 1875 ÷ 625, both at marketing cost: 1 ÷ (2 of 6)
    "cac_payback": (1125 / (ARPA * MARGIN), *NONE),
    # revenue
    "revenue": (960, 960, None),  # 1,410 less 450 paid back
    "new_customers": (4, 4, None),
    "new_customer_value": (650, 650, None),  # O1 100, O3 300, O5 0, O7 250
    "alv": (50, 450, 9),  # O2 and O3; the lead of O7 is none
    "alv_total": (960 / 9, 960, 9),
    "leads_needed": (200, *NONE),
    "max_cpl": (50 * MARGIN, *NONE),
    "aov": (960 / 7, 960, 7),
    "purchase_frequency": (1.75, 7, 4),
    "gross_margin": (MARGIN, 428, 860),
    "roas_blended": (960 / 2300, 960, 2300),
    "mer": (0.256, 960, 3750),
    "romi": (0.256 * MARGIN - 1, *NONE),
    "rps": (0.96, 960, 1000),
    "refund_rate": (450 / 1410, 450, 1410),
    # customer value: 960 ÷ 7 an order × 1.75 orders = 240 a year, for two years
    "clv_annual_margin": (240 * MARGIN, *NONE),
    "clv_margin": (480 * MARGIN, *NONE),
    "clv_net_of_cac": (-645, *NONE),
    "ltv_cac": (480 * MARGIN / 1125, *NONE),
    "mrr": (MRR, MRR, None),
    "arr": (12 * MRR, 12 * MRR, None),
    "arpa": (ARPA, MRR, 5),  # K1 K3 K5 K8 K10
    "accounts": (5, 5, None),
    "logo_churn": (0.5, 1, 2),  # K9 of K9 and K10
    "repeat_rate": (0.5, 2, 4),  # C1 and C2; the second order of C3 was cancelled
    # live chat
    "chats": (6, 6, None),
    "chat_leads": (3, 3, None),
    "chat_to_lead": (4 / 6, 4, 6),
    "chat_to_sale": (2 / 6, 2, 6),  # H1 and H4; L1 had bought before H2
    "frt": (40, *NONE),  # 20, 40, 100 seconds; H3 asked for support
    "proactive_accept": (0.15, 30, 200),
    "missed_chat": (0.2, 1, 5),
    "chat_csat": (2 / 3, 2, 3),
    # e-mail and social
    "email_ctr": (0.025, 100, 4000),
    "email_open": (0.25, 1000, 4000),
    "social_engagement": (0.04, 600, 15_000),
    # the stages of the workspace
    "step_lead_mql": (6 / 9, 6, 9),
    "step_mql_sal": (5 / 6, 5, 6),
    "step_sal_sql": (0.8, 4, 5),
    "step_sql_opportunity": (0.75, 3, 4),
    "step_opportunity_customer": (2 / 3, 2, 3),
    "days_lead_mql": (4.5, *NONE),  # 2, 4, 5, 5 days
    "days_mql_sal": (3, *NONE),  # 2 and 4 days
    "days_sal_sql": (4, *NONE),
    "days_sql_opportunity": (15, *NONE),  # 10 and 20 days
    "days_opportunity_customer": (12, *NONE),
}
# shares: id, value of the dimension, share, numerator, denominator
SHARES = {
    "sessions_by_channel": ("organic", 0.35, 350, 1000),
    "lead_source_mix": ("paid_search", 2 / 9, 2, 9),
}
# Where there are no orders, revenue comes from deals, else from the leads, else from subscriptions.
DEAL_ROWS = {
    "revenue": (2000, 2000, None),
    "aov": (1000, 2000, 2),
    "alv": (1200 / 9, 1200, 9),  # D1; D3 has no amount
    "new_customers": (2, 2, None),  # C1 once, C2
    "new_customer_value": (1200, 1200, None),
    "cac": (2250, 4500, 2),
}
LEAD_ROWS = {
    "revenue": (1500, 1500, None),
    "aov": (750, 1500, 2),
    "alv": (1500 / 9, 1500, 9),
    "new_customers": (2, 2, None),
    "new_customer_value": (1500, 1500, None),
    "mer": (0.4, 1500, 3750),
}
# monthly amount × days, by plan; K5 paid 30 for 78 days, then 40 for 153
DAYS_RUN = 100 * 181 + 200 * 184 + 100 * 242 + 75 * 306 + (30 * 78 + 40 * 153) + 60 * 113
RUN = DAYS_RUN / 30.4375
SUBSCRIPTION_ROWS = {
    "revenue": (RUN, RUN, None),
    "alv": ((75 * 306 + 60 * 113) / 30.4375 / 9, (75 * 306 + 60 * 113) / 30.4375, 9),  # K3 and K8 came as leads
    "new_customers": (5, 5, None),  # K1 K2 K3 K5 K8
    "new_customer_value": (365, 365, None),  # 100, 100, 75, 30, 60 a month
    "cpa": (900, 4500, 5),
    "clv_net_of_cac": (24 * ARPA - 900, *NONE),
}
LADDERS_OF = {
    "deals": (("leads", "spend", "deals"), DEAL_ROWS),
    "leads": (("leads", "spend"), LEAD_ROWS),
    "subscriptions": (("leads", "spend", "subscriptions"), SUBSCRIPTION_ROWS),
}


@pytest.fixture(scope="module")
def cube():
    return measure(business(), by=("channel", "placement"))


def figures(cube, item, by=()):
    return evaluate(cube, item, by=by, period=YEAR).select(*by, "status", "value", "numerator", "denominator")


def check(row, expected):
    status, *found = row
    assert status == "ok"
    assert found == [None if value is None else pytest.approx(value, rel=1e-12) for value in expected]


@pytest.mark.parametrize("item", ROWS)
def test_kpi_is_what_a_hand_works_out(cube, item):
    check(figures(cube, item).row(0), ROWS[item])


@pytest.mark.parametrize("item", SHARES)
def test_share_of_a_channel_is_what_a_hand_works_out(cube, item):
    channel, *expected = SHARES[item]
    rows = {row[0]: row[1:] for row in figures(cube, item, by=("channel",)).iter_rows()}
    check(rows[channel], expected)


@pytest.mark.parametrize("item", SHARES)
def test_shares_add_up_to_one(cube, item):
    assert figures(cube, item, by=("channel",))["value"].sum() == pytest.approx(1)


@pytest.mark.parametrize(("source", "item"), [(name, item) for name, (_, rows) in LADDERS_OF.items() for item in rows])
def test_sales_come_from_the_best_table_there_is(source, item):
    tables, rows = LADDERS_OF[source]
    data = business(*tables) if source != "subscriptions" else business(*tables, leads=LEADS.drop("amount"))
    check(figures(measure(data, kpis=[item]), item).row(0), rows[item])


@pytest.mark.parametrize(
    ("qualified", "ratio", "cost", "conversion"),
    [
        ("mql", (6, 10), 625, (2, 6)),
        ("sql", (4, 10), 937.5, (2, 4)),
        ("score", (3, 10), 1250, (1, 3)),  # of L1, L3 and L9 only L1 was won
    ],
)
def test_what_qualifies_a_lead_is_the_workspace_s_choice(qualified, ratio, cost, conversion):
    cube = measure(business(assumptions=Assumptions(hourly_rate=50.0, qualified=qualified)))
    check(figures(cube, "qualified_ratio").row(0), (ratio[0] / ratio[1], *ratio))
    check(figures(cube, "cpql").row(0), (cost, 3750, ratio[0]))
    check(figures(cube, "sales_conversion").row(0), (conversion[0] / conversion[1], *conversion))


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("step_lead_visit", (2 / 9, 2, 9)),  # L2 visited, L4 bought
        ("step_visit_customer", (0.5, 1, 2)),
        ("days_lead_visit", (10, None, None)),
        ("lead_to_customer", (1 / 9, 1, 9)),
    ],
)
def test_a_workspace_may_have_stages_of_its_own(item, expected):
    dates = LEADS.select("lead_id", "created_at", "valid", "won_at").filter(LEADS["lead_id"] != "L1")
    one = LEADS.filter(LEADS["lead_id"] == "L1").select("lead_id", "created_at", "valid", won_at=None)
    from_ten = LEADS.select("lead_id", visit_at="created_at").filter(LEADS["lead_id"] == "L2")
    leads = dates.vstack(one.cast(dates.schema)).join(from_ten, on="lead_id", how="left")
    leads = leads.with_columns(visit_at=leads["visit_at"].dt.offset_by("10d"))
    cube = measure(business("leads", leads=leads, assumptions=Assumptions(stages=("lead", "visit", "customer"))))
    check(figures(cube, item).row(0), expected)


def test_a_margin_that_is_said_stands_before_the_one_that_is_measured():
    cube = measure(business(assumptions=Assumptions(hourly_rate=50.0, margin=0.4)))
    check(figures(cube, "max_cpl").row(0), (20, None, None))
    check(figures(cube, "gross_margin").row(0), (MARGIN, 428, 860))


def test_only_the_events_that_are_leads_count():
    cube = measure(business(assumptions=Assumptions(lead_event=("chat", "phone"))))
    check(figures(cube, "leads").row(0), (3, 3, None))  # L3 and L10 by chat, L6 by phone
    check(figures(cube, "leads_raw").row(0), (3, 3, None))


# ---- the catalogue itself -------------------------------------------------------------------------------------------


def test_every_kpi_has_a_row_worked_out_by_hand():
    assert {*catalog.kpis(STAGES)} == {*ROWS, *SHARES}


def test_ids_are_there_once():
    for items in (KPIS, MEASURES, LADDERS):
        ids = [item.id for item in items]
        assert len(ids) == len(set(ids))
    assert not {item.id for item in MEASURES} & {ladder.id for ladder in LADDERS}


@pytest.mark.parametrize("item", catalog.kpis(STAGES).values(), ids=lambda item: item.id)
def test_unit_direction_and_section_are_known(item):
    assert item.unit in get_args(Unit)
    assert item.better in (None, *get_args(Better))
    assert item.section in get_args(Section)


@pytest.mark.parametrize("item", catalog.kpis(STAGES).values(), ids=lambda item: item.id)
def test_inputs_of_a_kpi_are_known(item):
    known = {measure.id for measure in catalog.measures(STAGES).values()} | {ladder.id for ladder in LADDERS}
    assumed = {"margin", "lifetime_months", "target_revenue"}
    assert {*item.inputs} <= ({*catalog.kpis(STAGES)} | assumed if item.derived else known)


def test_a_count_is_no_rate_and_a_rate_has_two_parts():
    for item in KPIS:
        if item.unit == "rate" and not item.over:
            assert item.derived or item.denominator is not None, item.id
        if item.unit == "count" and not item.derived:
            assert item.denominator is None, item.id


def test_every_measure_serves_a_kpi():
    used = catalog.measures_of([*catalog.kpis(STAGES)], STAGES)
    bases = {name for item in MEASURES for name in (item.base, item.like) if name}
    assert {item.id for item in MEASURES} - used - bases == set()


def test_every_ladder_serves_a_kpi_and_its_rungs_are_measures():
    named = {name for item in KPIS for name in item.inputs}
    assert {ladder.id for ladder in LADDERS} - named == set()
    assert {rung for ladder in LADDERS for rung in ladder.rungs} <= {item.id for item in MEASURES}


def test_ladders_of_a_family_have_as_many_rungs():
    for family in {ladder.family for ladder in LADDERS}:
        assert len({len(ladder.rungs) for ladder in LADDERS if ladder.family == family}) == 1


def test_cohorts_name_what_they_ripen_from():
    known = catalog.measures(STAGES)
    for item in known.values():
        if item.ripens:
            assert known[item.base].at == item.at or known[item.base].table != item.table, item.id
        if item.like:
            assert known[item.like].ripens, item.id


def test_small_business_has_every_column_that_the_catalogue_reads():
    cube = measure(business())
    assert cube.lacking == {}
    assert {*FRAMES} == {item.table for item in cube.measures.values()}

"""KPIs of the three sample businesses against DuckDB SQL written from the definitions (kpi-canon, tables.md), to 1e-9.

Each query gives the segments of the split, the first day of the bucket where there is one, and the value, for all that
is defined. Where the product has a value and the query none, it must be a count or a sum of nothing: 0.
"""

import datetime as dt
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import polars as pl
import pytest

import kpi

SAMPLES = Path(__file__).parents[1] / "sample_data"
MONTH = "1mo"
SUMS = ("leads", "mql", "accounts", "trials", "new_customers", "mrr", "revenue", "open_pipeline")
LAST_YEAR = kpi.Period(dt.date(2025, 11, 1), dt.date(2026, 10, 31))
YEAR_BEFORE = kpi.Period(dt.date(2024, 11, 1), dt.date(2025, 10, 31))


@dataclass(frozen=True)
class Case:
    sample: str
    kpi: str
    by: tuple[str, ...]
    every: str | None
    sql: str
    period: kpi.Period | None = None


# What the definitions say once, as views and macros of each business: its zone, its hourly rate, its stages.
COMMON = """
create macro d(t) as timezone('{zone}', t)::date;                       -- days begin in the workspace's zone
create macro m(day) as date_trunc('month', day)::date;
create macro seconds(a, b) as date_diff('second', a, b);
create macro kept(s) as case when s <= 600 then s                       -- the resolution of response times
    when s <= 86400 then floor((s + 30) / 60) * 60 else floor((s + 1800) / 3600) * 3600 end;
create macro days_of(s) as floor((s + 43200) / 86400);                  -- and of cycles
create view raw_leads as from '{folder}/leads.parquet';
create view leads as from raw_leads where coalesce(valid, true);
create view costs as select *, m(date) as month, coalesce(cost, 0) + coalesce(hours, 0) * {hourly_rate} as full_cost,
    coalesce(cost_type, 'media') as scope from '{folder}/spend.parquet' where cost is not null or hours is not null;
create view media as from costs where scope = 'media';
create view marketing as from costs where scope in ('media', 'tools', 'agency', 'marketing_people', 'people');
create view traffic as select *, m(date) as month from '{folder}/traffic.parquet';
create view ends as select range::date as month, (range + interval 1 month - interval 1 day)::date as last
    from range(date '2024-05-01', date '2026-11-01', interval 1 month);
"""
CHATS = "create view chats as from '{folder}/chats.parquet';"
OWN = {
    "b2b_saas": CHATS
    + """
create view deals as from '{folder}/deals.parquet';
create view versions as from '{folder}/subscriptions.parquet';
create view paying as from versions where kind = 'recurring' and status not in ('trial', 'paused') and amount > 0;
create view reached as select *, coalesce(mql_at, sal_at, sql_at, opportunity_at, won_at) as mql,
    coalesce(sal_at, sql_at, opportunity_at, won_at) as sal, coalesce(sql_at, opportunity_at, won_at) as sql,
    coalesce(opportunity_at, won_at) as opportunity from leads;
create view active as select last, month, p.* from ends join paying p
    on d(started_at) <= last and (ended_at is null or d(ended_at) > last);
create view trials as select subscription_id, min(trial_started_at) as began, min(trial_ended_at) as over
    from versions where status = 'trial' group by all;
""",
    "b2c_shop": """
create view orders as select *, amount - coalesce(refunded, 0) as net, d(ordered_at) as day
    from '{folder}/orders.parquet';
create view buyers as select customer_id, min(day) as first, list_sort(list(day))[2] as second
    from orders group by all;
""",
    "b2c_local": CHATS,
}

LEADS = "select {split}, m(d(created_at)), count(*) from leads group by all"
CPL = """select {keys}, c / n from (select {keys}, sum(full_cost) as c from {costs} group by all)
    join (select {of}, count(*) as n from leads group by all) using ({keys})"""
PER_CUSTOMER = """select month, c / n from (select month, sum(full_cost) as c from costs group by all)
    join (select {won} as month, count(*) as n from {table} group by all) using (month)"""
MEDIAN_RESPONSE = """select m(d(created_at)), median(kept(seconds(created_at, first_response_at)))
    from leads where first_response_at >= created_at group by all"""
INVALID = "select {split}, count(*) filter (not valid) / count(*) from raw_leads group by all"
TO_CUSTOMER = "select {split}, count(won_at) / count(*) from leads group by all"
FRT = """select m(d(started_at)), median(kept(seconds(started_at, first_reply_at))) from chats
    where intent = 'sales' and not bot_handled and first_reply_at is not null group by all"""
CHAT_TO_LEAD = "select m(d(started_at)), count(lead_id) / count(*) from chats group by all"
CHAT_TO_SALE = """select m(d(c.started_at)), count(l.won_at) / count(*) from chats c
    left join raw_leads l on l.lead_id = c.lead_id and d(l.won_at) >= d(c.started_at) group by all"""
MISSED = """select m(d(started_at)), count(*) filter (missed or first_reply_at is null) / count(*) from chats
    where not bot_handled group by all"""
STEP = "select m(d({here})), count({there}) / count(*) from reached where {here} is not null group by all"
CHURN = """with held as (select distinct month, customer_id from active),
    pairs as (select (month + interval 1 month)::date as month, customer_id from held)
    select p.month, count(*) filter (h.customer_id is null) / count(*) from pairs p
    left join held h using (month, customer_id) where p.month < '2026-11-01' group by all"""
MRR = """select month, sum(amount * quantity / case interval when 'year' then 12 else 1 end / interval_count
    * (1 - case when discount_to is null or d(discount_to) > last then coalesce(discount_pct, 0) else 0 end / 100)
    / (1 + coalesce(tax_rate_pct, 0) / 100)) from active group by all"""
SALES_OF_LEADS = """select m(d(l.created_at)), coalesce(sum({amount}), 0) / count(distinct l.lead_id) from leads l
    left join {sales} group by all"""
RATIO = "select month, {over} / {under} from {over_table} join {under_table} using (month)"
ORDERS = "(select m(day) as month, sum(net) as sold, count(*) as n from orders group by all)"
FREQUENCY = "select count(*) / count(distinct customer_id) from orders where day between '{}' and '{}'"


def _cpl(*keys: str, costs: str = "marketing") -> str:
    of = {"month": "m(d(created_at)) as month", "channel": "channel", "placement": "placement"}
    return CPL.format(keys=", ".join(keys), of=", ".join(of[key] for key in keys), costs=costs)


def _cost(table: str) -> str:
    return f"(select month, sum(full_cost) as cost from {table} group by all)"


CASES = [
    # a B2B subscription company -------------------------------------------------------------------------------------
    Case("b2b_saas", "leads", ("channel",), MONTH, LEADS.format(split="channel")),
    Case("b2b_saas", "leads_raw", (), None, "select count(*) from raw_leads"),
    Case("b2b_saas", "cpl", ("channel",), MONTH, _cpl("channel", "month")),
    Case("b2b_saas", "cpl", (), MONTH, _cpl("month")),
    Case("b2b_saas", "lead_to_customer", (), MONTH, TO_CUSTOMER.format(split="m(d(created_at))")),
    Case("b2b_saas", "lead_to_customer", ("segment",), None, TO_CUSTOMER.format(split="segment")),
    Case("b2b_saas", "qualified_ratio", (), MONTH,
         """select m(d(r.created_at)), count(l.mql) / count(*) from raw_leads r
         left join reached l using (lead_id) group by all"""),
    Case("b2b_saas", "mql", (), MONTH, "select m(d(mql)), count(*) from reached where mql is not null group by all"),
    Case("b2b_saas", "mql_to_sql", (), MONTH, STEP.format(here="mql", there="sql")),
    Case("b2b_saas", "sales_conversion", (), MONTH, STEP.format(here="mql", there="won_at")),
    Case("b2b_saas", "step_lead_mql", (), MONTH, STEP.format(here="created_at", there="mql")),
    Case("b2b_saas", "step_mql_sal", (), MONTH, STEP.format(here="mql", there="sal")),
    Case("b2b_saas", "step_sal_sql", (), MONTH, STEP.format(here="sal", there="sql")),
    Case("b2b_saas", "step_sql_opportunity", (), MONTH, STEP.format(here="sql", there="opportunity")),
    Case("b2b_saas", "step_opportunity_customer", (), MONTH, STEP.format(here="opportunity", there="won_at")),
    Case("b2b_saas", "time_to_conversion", (), MONTH,
         """select m(d(won_at)), median(days_of(seconds(created_at, won_at))) from leads
         where won_at >= created_at group by all"""),
    Case("b2b_saas", "cac", (), MONTH,
         PER_CUSTOMER.format(won="m(first)",
                             table="(select customer_id, min(d(started_at)) as first from paying group by all)")),
    Case("b2b_saas", "mrr", (), MONTH, MRR),
    Case("b2b_saas", "accounts", (), MONTH, "select month, count(distinct customer_id) from active group by all"),
    Case("b2b_saas", "accounts", ("channel",), MONTH,
         "select channel, month, count(distinct customer_id) from active group by all"),
    Case("b2b_saas", "logo_churn", (), MONTH, CHURN),
    Case("b2b_saas", "logo_churn", ("channel",), MONTH,
         """with held as (select distinct channel, month, customer_id from active),
         pairs as (select channel, (month + interval 1 month)::date as month, customer_id from held)
         select p.channel, p.month, count(*) filter (h.customer_id is null) / count(*) from pairs p
         left join (select distinct month, customer_id, channel from held) h using (month, customer_id, channel)
         where p.month < '2026-11-01' group by all"""),
    Case("b2b_saas", "trials", (), MONTH, "select m(d(began)), count(*) from trials group by all"),
    Case("b2b_saas", "trial_to_paid", (), MONTH,
         """select m(d(began)), count(p.subscription_id) / count(*) from trials t
         left join (select distinct subscription_id, min(d(started_at)) as paid from paying group by all) p
           on p.subscription_id = t.subscription_id and p.paid <= d(t.over) + 30
         where d(t.over) + 30 <= date '2026-10-31' group by all"""),
    Case("b2b_saas", "win_rate", (), MONTH,
         """select m(d(closed_at)), count(*) filter (status = 'won') / count(*) from deals
         where status in ('won', 'lost') group by all"""),
    Case("b2b_saas", "sales_cycle", (), MONTH,
         """select m(d(closed_at)), median(days_of(seconds(created_at, closed_at))) from deals
         where status = 'won' group by all"""),
    Case("b2b_saas", "deal_size", (), MONTH,
         "select m(d(closed_at)), avg(amount) from deals where status = 'won' group by all"),
    Case("b2b_saas", "open_pipeline", (), MONTH,
         """select month, sum(amount) from ends join deals on d(created_at) <= last
         and (status = 'open' or d(closed_at) > last) group by all"""),
    Case("b2b_saas", "alv", (), MONTH,
         SALES_OF_LEADS.format(amount="s.amount",
                               sales="deals s on s.lead_id = l.lead_id and s.status = 'won'")),
    Case("b2b_saas", "invalid_rate", ("channel",), MONTH, INVALID.format(split="channel, m(d(created_at))")),
    Case("b2b_saas", "response_time", (), MONTH, MEDIAN_RESPONSE),
    Case("b2b_saas", "frt", (), MONTH, FRT),
    Case("b2b_saas", "chat_to_lead", (), MONTH, CHAT_TO_LEAD),
    Case("b2b_saas", "chat_to_sale", (), MONTH, CHAT_TO_SALE),
    Case("b2b_saas", "missed_chat", (), MONTH, MISSED),
    # a B2C shop -----------------------------------------------------------------------------------------------------
    Case("b2c_shop", "leads", ("channel",), MONTH, LEADS.format(split="channel")),
    Case("b2c_shop", "cpl", ("channel",), MONTH, _cpl("channel", "month")),
    Case("b2c_shop", "lead_to_customer", ("channel",), None, TO_CUSTOMER.format(split="channel")),
    Case("b2c_shop", "revenue", (), MONTH, "select m(day), sum(net) from orders group by all"),
    Case("b2c_shop", "revenue", ("category",), MONTH, "select category, m(day), sum(net) from orders group by all"),
    Case("b2c_shop", "aov", (), MONTH, "select m(day), sum(net) / count(*) from orders group by all"),
    Case("b2c_shop", "purchase_frequency", (), None, FREQUENCY.format("2025-11-01", "2026-10-31"), LAST_YEAR),
    Case("b2c_shop", "purchase_frequency", (), None, FREQUENCY.format("2024-11-01", "2025-10-31"), YEAR_BEFORE),
    Case("b2c_shop", "repeat_rate", (), MONTH,
         "select m(first), count(*) filter (second <= first + 365) / count(*) from buyers group by all"),
    Case("b2c_shop", "new_customers", (), MONTH, "select m(first), count(*) from buyers group by all"),
    Case("b2c_shop", "cac", (), MONTH, PER_CUSTOMER.format(won="m(first)", table="buyers")),
    Case("b2c_shop", "refund_rate", (), MONTH,
         "select m(day), sum(coalesce(refunded, 0)) / sum(amount) from orders group by all"),
    Case("b2c_shop", "refund_rate", ("category",), MONTH,
         "select category, m(day), sum(coalesce(refunded, 0)) / sum(amount) from orders group by all"),
    Case("b2c_shop", "gross_margin", (), MONTH,
         "select m(day), sum(net - cost_of_goods) / sum(net) from orders where cost_of_goods is not null group by all"),
    Case("b2c_shop", "roas_blended", (), MONTH,
         RATIO.format(over="sold", under="cost", over_table=ORDERS, under_table=_cost("media"))),
    Case("b2c_shop", "mer", (), MONTH,
         RATIO.format(over="sold", under="cost", over_table=ORDERS, under_table=_cost("marketing"))),
    Case("b2c_shop", "rps", (), MONTH,
         RATIO.format(over="sold", under="seen", over_table=ORDERS,
                      under_table="(select month, sum(sessions) as seen from traffic group by all)")),
    Case("b2c_shop", "alv", (), MONTH,
         SALES_OF_LEADS.format(amount="s.net", sales="orders s on s.lead_id = l.lead_id and s.day >= d(l.created_at)")),
    Case("b2c_shop", "engagement_rate", ("channel",), MONTH,
         "select channel, month, sum(engaged_sessions) / sum(sessions) from traffic group by all"),
    Case("b2c_shop", "ctr", ("platform",), MONTH,
         """select platform, month, sum(clicks) / sum(impressions) from media where impressions is not null
         group by all having sum(impressions) > 0"""),
    Case("b2c_shop", "cpc", ("platform",), MONTH,
         """select platform, month, sum(full_cost) / sum(clicks) from media where clicks is not null
         group by all having sum(clicks) > 0"""),
    # a local B2C service --------------------------------------------------------------------------------------------
    Case("b2c_local", "leads", ("placement",), MONTH, LEADS.format(split="placement")),
    Case("b2c_local", "cpl", ("placement",), None, _cpl("placement")),
    Case("b2c_local", "cpl", ("channel",), MONTH, _cpl("channel", "month")),
    Case("b2c_local", "lead_to_customer", (), MONTH, TO_CUSTOMER.format(split="m(d(created_at))")),
    Case("b2c_local", "step_lead_site_visit", (), MONTH,
         """select m(d(created_at)), count(coalesce(site_visit_at, won_at)) / count(*) from leads group by all"""),
    Case("b2c_local", "cac", (), MONTH,
         PER_CUSTOMER.format(won="m(d(won_at))", table="(from leads where won_at is not null)")),
    Case("b2c_local", "revenue", (), MONTH,
         "select m(d(won_at)), sum(amount) from leads where won_at is not null group by all"),
    Case("b2c_local", "alv", (), MONTH,
         """select m(d(created_at)), coalesce(sum(amount) filter (won_at is not null), 0) / count(*) from leads
         group by all"""),
    Case("b2c_local", "invalid_rate", ("channel",), MONTH, INVALID.format(split="channel, m(d(created_at))")),
    Case("b2c_local", "response_time", (), MONTH, MEDIAN_RESPONSE),
    Case("b2c_local", "untouched_rate", (), MONTH,
         """select m(d(created_at)), count(*) filter (first_response_at is null) / count(*) from leads
         where created_at <= timestamp '2026-11-01' at time zone 'Europe/London' - interval 60 minute group by all"""),
    Case("b2c_local", "frt", (), MONTH, FRT),
    Case("b2c_local", "chat_to_lead", (), MONTH, CHAT_TO_LEAD),
    Case("b2c_local", "chat_to_sale", (), MONTH, CHAT_TO_SALE),
    Case("b2c_local", "missed_chat", (), MONTH, MISSED),
    Case("b2c_local", "chat_csat", (), MONTH,
         "select m(d(started_at)), count(*) filter (rating >= 0.5) / count(rating) from chats group by all"),
    Case("b2c_local", "proactive_accept", (), MONTH,
         "select m(date), sum(accepted) / sum(shown) from '{folder}/chat_invites.parquet' group by all"),
]  # fmt: skip


@cache
def database(sample: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for statement in (COMMON + OWN[sample]).format(**_names(sample)).split(";"):
        connection.execute(statement)
    return connection


def _names(sample: str) -> dict[str, object]:
    assumed = json.loads((SAMPLES / sample / "workspace.json").read_text(encoding="utf-8"))["assumptions"]
    return {"folder": (SAMPLES / sample).as_posix(), **assumed}


@cache
def cube(sample: str, by: tuple[str, ...]) -> kpi.Cube:
    return kpi.measure(kpi.read(SAMPLES / sample), by=by)


def by_product(case: Case) -> dict[tuple, float]:
    rows = kpi.evaluate(cube(case.sample, case.by), case.kpi, by=case.by, every=case.every, period=case.period).select(
        *case.by, *(["date"] if case.every else []), "value"
    )
    found = {row[:-1]: row[-1] for row in rows.rows()}
    assert len(found) == rows.height, "a segment stands twice in a bucket"
    assert all(part is not None for key in found for part in key), "a segment without a name"
    return {key: value for key, value in found.items() if value is not None}


def by_sql(case: Case) -> dict[tuple, float]:
    rows = database(case.sample).execute(case.sql.replace("{folder}", str(SAMPLES / case.sample))).fetchall()
    return {row[:-1]: float(row[-1]) for row in rows if row[-1] is not None}


@pytest.mark.parametrize(
    "case",
    CASES,
    ids=lambda case: "-".join(
        (case.sample, case.kpi, *case.by, case.every or (str(case.period.end) if case.period else "all"))
    ),
)
def test_the_product_agrees_with_sql_written_from_the_definition(case):
    expected, got = by_sql(case), by_product(case)
    counts_nothing = {key for key, value in got.items() if key not in expected and value == 0}

    assert expected
    wrong = {key: (got.get(key), value) for key, value in expected.items() if got.get(key) != _about(value)}
    assert not wrong, f"(got, expected) by segment and bucket: {wrong}"
    assert got.keys() - counts_nothing == expected.keys()
    assert case.kpi in SUMS or not counts_nothing, "0 where nothing can be divided"


def _about(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=1e-12)


def test_sales_velocity_is_open_deals_times_win_rate_times_size_over_the_cycle_of_the_last_90_days():
    expected = dict(database("b2b_saas").execute("""
        select month,
          (select count(*) from deals where d(created_at) <= last and (status = 'open' or d(closed_at) > last))
          * count(*) filter (status = 'won') / count(*) * avg(amount) filter (status = 'won')
          / median(days_of(seconds(created_at, closed_at))) filter (status = 'won')
        from ends join deals on status in ('won', 'lost') and d(closed_at) between last - 89 and last
        group by month, last""").fetchall())  # fmt: skip
    rows = kpi.evaluate(cube("b2b_saas", ()), "sales_velocity", every=MONTH)

    assert dict(rows.drop_nulls("value").select("date", "value").rows()) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("sample", OWN)
def test_channels_add_up_to_all_leads_and_all_spend(sample):
    parts = kpi.evaluate(cube(sample, ("channel",)), ["leads", "spend"], by="channel", every=MONTH)
    whole = kpi.evaluate(cube(sample, ()), ["leads", "spend"], every=MONTH)

    summed = parts.group_by("kpi", "date").agg(parts=pl.col("value").sum())
    joined = whole.join(summed, on=["kpi", "date"])
    assert joined["parts"].to_list() == pytest.approx(joined["value"].to_list(), rel=1e-12)

"""Laws that hold for any data: small random tables, and the same numbers counted again in plain Python."""

import datetime as dt
import math
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from small import column, data, days, one

import kpi
from kpi.periods import Period, buckets, comparison, shift

D = dt.date
START, AS_OF = D(2025, 1, 1), D(2025, 6, 30)
CHANNELS = ("search", "organic", "display", None)
COUNTRIES = ("DE", "IT", None)

few = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
many = settings(max_examples=200, deadline=None, derandomize=True)


# ---- random tables --------------------------------------------------------------------------------------------------

SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    "leads": {"lead_id": pl.String, "created_at": pl.Date, "channel": pl.String, "country": pl.String,
              "valid": pl.Boolean, "mql_at": pl.Date, "won_at": pl.Date, "amount": pl.Float64},
    "spend": {"date": pl.Date, "channel": pl.String, "cost": pl.Float64},
    "orders": {"order_id": pl.String, "customer_id": pl.String, "ordered_at": pl.Date, "amount": pl.Float64,
               "lead_id": pl.String, "channel": pl.String},
    "subscriptions": {"subscription_id": pl.String, "customer_id": pl.String, "plan": pl.String,
                      "started_at": pl.Date, "ended_at": pl.Date, "amount": pl.Float64},
    "chats": {"chat_id": pl.String, "started_at": pl.Date, "lead_id": pl.String, "missed": pl.Boolean},
}  # fmt: skip

day = st.integers(0, (AS_OF - START).days).map(lambda n: START + dt.timedelta(n))
any_day = st.one_of(st.none(), day)  # steps out of order, too: exports are like that
channel, country = st.sampled_from(CHANNELS), st.sampled_from(COUNTRIES)
money = st.integers(0, 2_000).map(lambda cents: cents / 4)  # quarters add up exactly
lead_id = st.one_of(st.none(), st.integers(0, 29).map(str))
customer = st.integers(0, 7).map("c{}".format)

ROWS = {
    "leads": st.tuples(
        day, channel, country, st.sampled_from([True, True, True, False, None]), any_day, any_day, money
    ),
    "spend": st.tuples(day, channel, money),
    "orders": st.tuples(customer, day, money, lead_id, channel),
    "subscriptions": st.tuples(customer, st.sampled_from(["basic", "pro"]), day, any_day, money),
    "chats": st.tuples(day, lead_id, st.booleans()),
}
Rows = dict[str, list[tuple]]


@st.composite
def businesses(draw, *names: str) -> Rows:
    """Up to 30 rows of each table named, ids in the order of the rows."""
    made: Rows = {}
    for name in names or tuple(ROWS):
        drawn = draw(st.lists(ROWS[name], min_size=1, max_size=30))
        made[name] = drawn if name == "spend" else [(str(i), *row) for i, row in enumerate(drawn)]
    return made


def frame(name: str, rows: list[tuple]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMAS[name], orient="row")


def dataset(business: Rows, **assumed) -> kpi.Dataset:
    frames = {name: frame(name, rows) for name, rows in business.items()}
    return kpi.read(frames, as_of=AS_OF, assumptions=kpi.Assumptions(**assumed))


def cube(business: Rows, *asked: str | kpi.Kpi, by=("channel",), **assumed) -> kpi.Cube:
    """What the KPIs asked for need, and no more: a law is tried on many examples."""
    return kpi.measure(dataset(business, **assumed), by=by, kpis=asked)


COUNTS = ["leads", "leads_raw", "mql", "new_customers", "chats"]
MONEY = ["spend", "revenue", "mrr", "cpl", "aov", "alv", "arpa", "cac"]
RATES = ["lead_to_customer", "invalid_rate", "mql_to_sql", "chat_to_lead", "chat_to_sale", "missed_chat", "repeat_rate",
         "logo_churn", "mer"]  # fmt: skip


def values(of: kpi.Cube, asked: list[str], **more) -> list[tuple]:
    """Keys and values of a result, to compare two of them."""
    result = kpi.evaluate(of, asked, **more)
    keys = [name for name in ("kpi", "channel", "country", "date") if name in result.columns]
    return result.sort(keys, nulls_last=True).select(*keys, "value").rows()


def same(left: list[tuple], right: list[tuple], scale: float = 1.0) -> None:
    """The same keys, and the left values times the scale are the right ones."""
    assert [row[:-1] for row in left] == [row[:-1] for row in right]
    for (*key, one_value), (*_, other) in zip(left, right, strict=True):
        expected = None if one_value is None else pytest.approx(one_value * scale, rel=1e-9, abs=1e-9)
        assert other == expected, key


# ---- parts and wholes -----------------------------------------------------------------------------------------------


@few
@given(businesses())
def test_what_adds_up_adds_up_over_channels_and_months(business):
    additive = ("leads", "leads_raw", "mql", "spend", "revenue")
    measured = cube(business, *additive)
    for asked in additive:
        total = one(kpi.evaluate(measured, asked)) or 0.0
        parts = kpi.evaluate(measured, asked, by="channel", every="1mo")
        assert parts["value"].sum() == pytest.approx(total)
        monthly = kpi.evaluate(measured, asked, every="1mo")["value"]
        assert monthly.sum() == pytest.approx(total)


@few
@given(businesses("leads", "spend", "orders"))
def test_a_ratio_of_the_whole_is_the_sum_of_numerators_over_the_sum_of_denominators(business):
    ratios = ("cpl", "alv_total", "mer", "lead_to_customer", "aov")
    measured = cube(business, *ratios)
    for asked in ratios:
        parts = kpi.evaluate(measured, asked, by="channel")
        top, bottom = parts["numerator"].sum(), parts["denominator"].sum()
        whole = one(kpi.evaluate(measured, asked))
        assert whole == (pytest.approx(top / bottom) if bottom and parts["numerator"].count() else None)


@few
@given(businesses("leads", "orders"))
def test_shares_of_a_mix_add_up_to_1_unknown_included(business):
    measured = cube(business, "lead_source_mix")
    shares = kpi.evaluate(measured, "lead_source_mix", by="channel", every="1mo")
    for (_,), bucket in shares.group_by("date"):
        if bucket["denominator"].sum():
            assert bucket["value"].sum() == pytest.approx(1.0)
        else:
            assert bucket["value"].to_list() == [None] * bucket.height


@few
@given(businesses())
def test_cohort_rates_never_exceed_1_however_messy_the_dates(business):
    rates = ["lead_to_customer", "mql_to_sql", "sales_conversion", "qualified_ratio", "step_lead_mql", "step_mql_sal",
             "step_opportunity_customer", "chat_to_lead", "chat_to_sale", "missed_chat", "repeat_rate", "invalid_rate",
             "logo_churn"]  # fmt: skip
    measured = cube(business, *rates)
    for split in ({}, {"every": "1mo", "by": "channel"}):
        assert kpi.evaluate(measured, rates, **split)["value"].drop_nulls().is_between(0, 1).all()


@few
@given(businesses("leads", "spend"), st.integers(1, 500))
def test_a_channel_with_spend_and_no_leads_raises_the_cpl_of_all_and_has_none_itself(business, cost):
    business["spend"].append((START, "search", 8.0))
    days_of_spend = [row[0] for row in business["spend"]]
    new = (max(days_of_spend), "print", float(cost))
    before = one(kpi.evaluate(cube(business, "cpl"), "cpl"), "numerator", "denominator")
    business["spend"].append(new)
    after = kpi.evaluate(cube(business, "cpl"), "cpl")
    spent, leads = before
    assert one(after) == (pytest.approx((spent + cost) / leads) if leads else None)
    own = kpi.evaluate(cube(business, "cpl"), "cpl", by="channel").filter(channel="print")
    assert one(own, "value", "numerator", "denominator", "status") == (None, cost, 0.0, "no denominator")


@few
@given(businesses("leads"), channel.filter(bool), country.filter(bool))
def test_filter_a_then_filter_b_is_filter_a_and_b(business, a, b):
    asked = ["leads", "lead_to_customer", "mql"]
    measured = cube(business, *asked, by=["channel", "country"])
    both = column(kpi.evaluate(measured, asked, where={"channel": a, "country": b}), "kpi")
    by_country = kpi.evaluate(measured, asked, where={"channel": a}, by="country").filter(country=b)
    by_both = kpi.evaluate(measured, asked, by=["channel", "country"]).filter(channel=a, country=b)
    for found in (column(by_country, "kpi"), column(by_both, "kpi")):
        assert {**dict.fromkeys(asked, 0.0), "lead_to_customer": None, **found} == both
    kept = [row for row in business["leads"] if row[2] == a and row[3] == b]
    assume(kept)
    fewer = {**business, "leads": kept}
    assert kpi.evaluate(cube(fewer, *asked), asked[:2])["value"].to_list() == [both["leads"], both["lead_to_customer"]]


# ---- what must not matter -------------------------------------------------------------------------------------------


@few
@given(businesses(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(business, random):
    shuffled = {name: random.sample(rows, len(rows)) for name, rows in business.items()}
    asked = [*COUNTS, *RATES, *MONEY]
    split = {"by": "channel", "every": "1mo"}
    same(values(cube(business, *asked), asked, **split), values(cube(shuffled, *asked), asked, **split))


@settings(few, max_examples=8)
@given(businesses("leads", "spend", "orders"), st.integers(0, 30))
def test_neither_does_the_split_into_files(business, cut):
    asked = ["leads", "spend", "cpl", "revenue", "lead_to_customer"]
    whole = cube(business, *asked)
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in business.items():
            frame(name, rows[:cut]).write_parquet(Path(folder, f"{name}_1.parquet"))
            frame(name, rows[cut:]).write_parquet(Path(folder, f"{name}_2.parquet"))
        apart = kpi.measure(kpi.read(folder, as_of=AS_OF), by=["channel"], kpis=asked)
        same(values(whole, asked, by="channel"), values(apart, asked, by="channel"))


@few
@given(businesses())
def test_all_data_twice_doubles_counts_and_leaves_ratios(business):
    def again(value):
        return f"{value}'" if isinstance(value, str) else value

    ids = {"leads": (0,), "orders": (0, 1, 4), "subscriptions": (0, 1), "chats": (0, 2), "spend": ()}
    twice = {
        name: rows + [tuple(again(cell) if i in ids[name] else cell for i, cell in enumerate(row)) for row in rows]
        for name, rows in business.items()
    }
    sums = [*COUNTS, "spend", "revenue", "mrr", "accounts"]
    ratios = [*RATES, "cpl", "arpa", "aov", "time_to_conversion"]
    once, doubled = (cube(rows, *sums, *ratios) for rows in (business, twice))
    same(values(once, sums, every="1mo"), values(doubled, sums, every="1mo"), scale=2)
    same(values(once, ratios, every="1mo"), values(doubled, ratios, every="1mo"))


@few
@given(businesses(), st.sampled_from([0.25, 3.0, 100.0]))
def test_money_in_another_unit_scales_money_and_leaves_rates(business, k):
    at = {"leads": 7, "spend": 2, "orders": 3, "subscriptions": 5}
    scaled = {
        name: [tuple(cell * k if i == at.get(name) else cell for i, cell in enumerate(row)) for row in rows]
        for name, rows in business.items()
    }
    before, after = (cube(rows, *MONEY, *COUNTS, *RATES) for rows in (business, scaled))
    same(values(before, MONEY, by="channel"), values(after, MONEY, by="channel"), scale=k)
    same(values(before, [*COUNTS, *RATES]), values(after, [*COUNTS, *RATES]))


@few
@given(businesses("leads", "spend"))
def test_at_the_rate_k_money_is_k_times_as_much(business):
    rows = [(*row, "USD") for row in business["spend"]]
    dollars = pl.DataFrame(rows, schema={**SCHEMAS["spend"], "currency": pl.String}, orient="row")
    tables = {"leads": frame("leads", business["leads"]), "spend": dollars}
    own = kpi.measure(kpi.read(tables, as_of=AS_OF), by=["channel"], kpis=["spend", "cpl"])
    converted = replace(own, data=own.data.with_assumptions(kpi.Assumptions(rates={"USD": 4.0})))
    same(values(own, ["spend", "cpl"], by="channel"), values(converted, ["spend", "cpl"], by="channel"), scale=4)


@few
@given(businesses(), st.sampled_from([7, 70, 364, 1_461]))
def test_shifted_by_whole_weeks_everything_falls_into_the_shifted_weeks(business, by_days):
    move = dt.timedelta(by_days)
    moved = {
        name: [tuple(cell + move if isinstance(cell, D) else cell for cell in row) for row in rows]
        for name, rows in business.items()
    }
    tables = {name: frame(name, rows) for name, rows in moved.items()}
    grain, asked = ("1w" if by_days % 7 == 0 else "1mo"), [*COUNTS, "lead_to_customer", "mrr", "cpl", "accounts"]
    later = kpi.measure(kpi.read(tables, as_of=AS_OF + move), kpis=asked)
    before = values(cube(business, *asked, by=()), asked, every=grain, period=Period(START, AS_OF))
    after = values(later, asked, every=grain, period=Period(START + move, AS_OF + move))
    if grain == "1w":
        assert [row[-2] + move for row in before] == [row[-2] for row in after]
    else:  # 1461 days are four years with their leap day: 2029 has the months of 2025
        assert [shift(row[-2], 48) for row in before] == [row[-2] for row in after]
    same([(row[0], row[-1]) for row in before], [(row[0], row[-1]) for row in after])


@settings(few, max_examples=2)
@given(businesses())
def test_duckdb_answers_as_polars_does(business):
    connection = duckdb.connect()
    relations = {name: connection.from_arrow(frame(name, rows).to_arrow()) for name, rows in business.items()}
    asked = [*COUNTS, *RATES, *MONEY, "accounts", "time_to_conversion"]
    here, there = cube(business, *asked), kpi.measure(kpi.read(relations, as_of=AS_OF), by=["channel"], kpis=asked)
    for split in ({"by": "channel"}, {"every": "1mo"}):
        same(values(here, asked, **split), values(there, asked, **split))


# ---- the cube agrees with the rows ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lead:
    """A lead, and what plain Python makes of it."""

    id: str
    created: D
    channel: str
    country: str
    valid: bool | None
    mql: D | None
    won: D | None
    amount: float

    @property
    def counts(self) -> bool:
        return self.valid is not False

    def won_within(self, limit: int = 10_000) -> bool:
        return self.counts and self.won is not None and 0 <= (self.won - self.created).days <= limit


def people(business: Rows) -> list[Lead]:
    return [Lead(*row[:2], row[2] or "unknown", row[3] or "unknown", *row[4:]) for row in business["leads"]]


@few
@given(businesses("leads"))
def test_leads_and_wins_by_month_and_channel_agree_with_the_rows(business):
    asked, leads = ("leads", "new_customers", "lead_to_customer"), people(business)
    months = kpi.evaluate(cube(business, *asked), asked, by="channel", every="1mo")
    first = min(lead.created for lead in leads).replace(day=1)
    came = Counter((lead.channel, lead.created.replace(day=1)) for lead in leads if lead.counts)
    closed = Counter(
        (lead.channel, lead.won.replace(day=1))
        for lead in leads
        if lead.counts and lead.won and lead.won >= min(other.created for other in leads)
    )
    ripened = Counter((lead.channel, lead.created.replace(day=1)) for lead in leads if lead.won_within())
    for asked, name, date, value in months.select("kpi", "channel", "date", "value").iter_rows():
        if date < first:
            assert value is None
        elif asked == "leads":
            assert value == came[name, date]
        elif asked == "new_customers":
            assert value == closed[name, date]
        elif came[name, date]:
            assert value == pytest.approx(ripened[name, date] / came[name, date])
        else:
            assert value is None


@few
@given(businesses("leads"))
def test_the_median_of_days_to_win_agrees_with_the_rows(business):
    first = min(row[1] for row in business["leads"])
    lags = sorted(
        (lead.won - lead.created).days for lead in people(business) if lead.won_within() and lead.won >= first
    )
    result = kpi.evaluate(cube(business, "time_to_conversion"), "time_to_conversion")
    assert one(result, "n") == (len(lags),)
    if lags:  # between the two middle ones, where their number is even
        assert lags[(len(lags) - 1) // 2] <= one(result) <= lags[len(lags) // 2]
    else:
        assert one(result) is None


@few
@given(businesses("leads"), st.integers(2, 5))
def test_a_change_at_equal_age_agrees_with_the_rows(business, number):
    newer, older = Period(D(2025, number, 1), shift(D(2025, number + 1, 1), 0) - dt.timedelta(1)), None
    older = comparison(newer, "previous")
    leads = [lead for lead in people(business) if lead.counts]
    young = [lead for lead in leads if newer.start <= lead.created <= newer.end]
    old = [lead for lead in leads if older.start <= lead.created <= older.end]
    assume(young and old)
    age = (AS_OF - max(lead.created for lead in young)).days
    moved = kpi.change(cube(business, "lead_to_customer"), "lead_to_customer", newer, "previous")
    expected = [sum(lead.won_within(age) for lead in part) / len(part) for part in (young, old)]
    assert one(moved, "current", "previous") == tuple(map(pytest.approx, expected))
    if one(moved, "status") == ("ok",):
        assert one(moved, "within", "points") == (age, pytest.approx(expected[0] - expected[1]))


@few
@given(businesses("leads", "chats", "orders"))
def test_what_is_lent_by_a_lead_agrees_with_the_rows(business):
    leads = {lead.id: lead for lead in people(business)}
    sold = 0
    for _, started, of, _ in business["chats"]:
        won = leads[of].won if of in leads else None
        sold += won is not None and won >= started
    chats = kpi.evaluate(cube(business, "chat_to_sale"), "chat_to_sale")
    assert one(chats, "numerator", "denominator") == (sold, len(business["chats"]))
    amounts = [
        row[3]
        for row in business["orders"]
        if row[4] in leads and leads[row[4]].counts and row[2] >= leads[row[4]].created
    ]
    linked = cube(business, "alv").frame.filter(pl.col("measure") == "lead_orders")
    assert linked["amount"].sum() == pytest.approx(sum(amounts))  # lending never multiplies rows


# ---- stocks and distinct counts -------------------------------------------------------------------------------------


def running(subscriptions: list[tuple], at: D) -> list[tuple]:
    """The subscriptions open at the end of a day, one by one."""
    return [row for row in subscriptions if row[3] <= at and (row[4] is None or row[4] > at) and row[5] > 0]


@settings(few, max_examples=25)
@given(businesses("subscriptions"))
def test_mrr_accounts_and_churn_of_each_month_agree_with_a_loop_over_the_days(business):
    rows = business["subscriptions"]
    first = min(row[3] for row in rows)
    asked = ["mrr", "accounts", "logo_churn", "arpa"]
    results = kpi.evaluate(cube(business, *asked, by=["plan"]), asked, every="1mo")
    for start, end in buckets(Period(first, AS_OF), "1mo").select("start", "end").iter_rows():
        month = results.filter(date=start.replace(day=1))
        found = column(month, "kpi")
        before = {row[1] for row in running(rows, start - dt.timedelta(1))}
        now = running(rows, end)
        customers = {row[1] for row in now}
        assert found["mrr"] == pytest.approx(sum(row[5] for row in now))
        assert found["accounts"] == len(customers)
        assert found["logo_churn"] == (pytest.approx(len(before - customers) / len(before)) if before else None)
        assert found["arpa"] == (pytest.approx(found["mrr"] / len(customers)) if customers else None)


@few
@given(businesses("subscriptions"))
def test_mrr_of_plans_adds_up_on_every_day(business):
    measured = cube(business, "mrr", by=["plan"])
    whole = kpi.evaluate(measured, "mrr", every="1d")
    plans = kpi.evaluate(measured, "mrr", by="plan", every="1d").group_by("date").agg(pl.col("value").sum())
    together = whole.join(plans, on="date", suffix=" of plans")
    assert together["value"].to_list() == pytest.approx(together["value of plans"].to_list())


def test_a_gap_is_seen_and_reopening_too():
    subscriptions = """
    subscription_id  customer_id  plan   started_at  ended_at    amount
    1                ann          basic  2025-01-05  2025-01-31  10
    2                ann          basic  2025-03-15  -           20
    3                bob          pro    2025-01-31  2025-01-31  99
    4                eve          pro    2025-01-01  2025-03-31  40
    5                eve          basic  2025-02-01  -           5
    """
    measured = kpi.measure(data("2025-04-30", subscriptions=subscriptions), by=["plan"])
    monthly = kpi.evaluate(measured, ["mrr", "accounts", "logo_churn"], every="1mo")
    # An end date is the first day without: ann ends in January, eve's first in March; bob was never open.
    assert monthly.filter(kpi="mrr")["value"].to_list() == [40.0, 45.0, 25.0, 25.0]
    assert monthly.filter(kpi="accounts")["value"].to_list() == [1.0, 1.0, 2.0, 2.0]  # eve's two count once
    assert monthly.filter(kpi="logo_churn")["value"].to_list() == [None, 0.0, 0.0, 0.0]


def test_active_customers_per_plan_are_dense_and_do_not_add_up():
    subscriptions = """
    subscription_id  customer_id  plan   started_at  ended_at    amount
    1                ann          basic  2025-01-05  2025-02-10  10
    2                ann          pro    2025-02-10  -           30
    3                bob          pro    2025-01-01  -           10
    4                bob          basic  2025-03-01  -           5
    """
    measured = kpi.measure(data("2025-03-31", subscriptions=subscriptions), by=["plan"])
    by_plan = kpi.evaluate(measured, "accounts", by="plan", every="1mo").sort("plan", "date")
    assert by_plan["plan"].to_list() == ["basic"] * 3 + ["pro"] * 3
    assert by_plan["value"].to_list() == [1.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    assert one(kpi.evaluate(measured, "accounts")) == 2.0  # not 1 + 2
    churn = kpi.evaluate(measured, "logo_churn", by="plan", every="1mo", period=days("2025-02-01", "2025-02-28"))
    assert column(churn, "plan") == {"basic": 0.0, "pro": 0.0}  # ann changed plan; nobody left


def test_a_subscription_without_a_start_is_neither_income_nor_a_customer():
    subscriptions = "subscription_id customer_id started_at amount\n1 ann 2025-01-05 10\n2 bob - 30\n"
    measured = kpi.measure(data("2025-01-31", subscriptions=subscriptions))
    assert kpi.evaluate(measured, ["mrr", "accounts", "arpa"])["value"].to_list() == [10.0, 1.0, 10.0]


def test_two_items_of_one_subscription_are_one_new_customer():
    subscriptions = "subscription_id customer_id started_at amount\n1 ann 2025-01-05 10\n1 ann 2025-01-05 5\n"
    measured = kpi.measure(data("2025-01-31", subscriptions=subscriptions))
    assert one(kpi.evaluate(measured, "mrr")) == 15.0
    assert one(kpi.evaluate(measured, "new_customers")) == 1.0


def test_a_currency_that_nobody_pays_in_any_more_does_not_mix():
    subscriptions = """
    subscription_id  customer_id  started_at  ended_at    amount  currency
    1                ann          2025-01-05  2025-02-10  0.3     USD
    2                ann          2025-01-05  2025-02-12  0.1     USD
    3                bob          2025-01-05  -           30      EUR
    """
    measured = kpi.measure(data("2025-03-31", subscriptions=subscriptions))
    months = kpi.evaluate(measured, "mrr", every="1mo")
    assert months.filter(pl.col("status") == "mixed currency")["date"].to_list() == [D(2025, 1, 1)]
    assert months.filter(date=D(2025, 3, 1)).select("value", "currency").row(0) == (30.0, "EUR")


@few
@given(businesses("orders"), st.sampled_from(["1w", "1mo", "1q"]))
def test_buyers_are_counted_again_at_every_grouping(business, every):
    buyers = kpi.Kpi("who bought", pl.col("buyers"))
    measured = cube(business, buyers)
    rows = [(row[1], row[2], row[5] or "unknown") for row in business["orders"]]
    assert one(kpi.evaluate(measured, buyers)) == len({who for who, _, _ in rows})
    parts = kpi.evaluate(measured, buyers, by="channel", every=every)
    for start, end, label in buckets(measured.span, every).select("start", "end", "date").iter_rows():
        bucket = column(parts.filter(date=label), "channel")
        for name in {name for _, _, name in rows}:
            assert bucket[name] == len({who for who, when, where in rows if where == name and start <= when <= end})


def test_buyers_of_channels_do_not_add_up_to_the_buyers_of_all():
    orders = """
    order_id  customer_id  ordered_at  amount  channel
    1         ann          2025-01-03  10      search
    2         ann          2025-02-03  10      print
    3         bob          2025-02-04  10      print
    """
    buyers = kpi.Kpi("who bought", pl.col("buyers"))
    measured = kpi.measure(data(orders=orders), by=["channel"])
    assert column(kpi.evaluate(measured, buyers, by="channel"), "channel") == {"print": 2.0, "search": 1.0}
    assert one(kpi.evaluate(measured, buyers)) == 2.0
    assert kpi.evaluate(measured, buyers, every="1mo")["value"].to_list() == [1.0, 2.0]
    assert "buyers" not in set(measured.frame["measure"])  # nothing in the cube that could be added up


# ---- comparisons ----------------------------------------------------------------------------------------------------


@many
@given(st.dates(D(2023, 1, 1), D(2026, 12, 31)), st.integers(1, 400))
def test_comparison_windows_have_equal_length(start, length):
    period = Period(start, start + dt.timedelta(length - 1))
    earlier = comparison(period, "previous")
    assert earlier.end < period.start
    whole = period.start.day == 1 and (period.end + dt.timedelta(1)).day == 1
    if whole:
        nexts = [p.end + dt.timedelta(1) for p in (period, earlier)]
        months = [(after.year, after.month) for after in nexts]
        starts = [(p.start.year, p.start.month) for p in (period, earlier)]
        lengths = [12 * (y - v) + m - n for (y, m), (v, n) in zip(months, starts, strict=True)]
        assert lengths[0] == lengths[1]
    elif period.start.day == 1 and earlier.start.day == 1:  # to date: the same days, or as many as the month has
        assert earlier.end.day == min(period.end.day, (shift(earlier.end.replace(day=1), 1) - dt.timedelta(1)).day)
    else:
        assert (earlier.days, earlier.end) == (period.days, period.start - dt.timedelta(1))


@many
@given(st.dates(D(2023, 1, 1), D(2026, 12, 31)), st.integers(1, 400))
def test_a_year_earlier_the_days_have_the_same_names(start, length):
    period = Period(start, start + dt.timedelta(length - 1))
    earlier = comparison(period, "last_year")
    for day_, before in ((period.start, earlier.start), (period.end, earlier.end)):
        leap = (day_.month, day_.day) in ((2, 28), (2, 29))
        assert (before.year, before.month) == (day_.year - 1, day_.month)
        assert before.day == day_.day or leap
    assert math.isclose(earlier.days, period.days, abs_tol=1)

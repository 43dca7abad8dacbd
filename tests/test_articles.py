"""The worked examples and formulas of the five articles behind the product (000 to 004), as tiny data sets."""

import datetime as dt

import polars as pl
import pytest

import kpi

FIRST, LAST = dt.date(2025, 3, 1), dt.date(2025, 3, 31)
MARCH = kpi.Period(FIRST, LAST)


def day(number: int) -> dt.date:
    """A day of March, or after it: the 32nd is 1 April."""
    return FIRST + dt.timedelta(number - 1)


def leads(count: int, start: int = 0, **columns: object) -> pl.DataFrame:
    """So many leads, one after another over the days of March; a callable column takes the lead's place."""
    places = range(start, start + count)
    given = {name: [value(p) if callable(value) else value for p in places] for name, value in columns.items()}
    base = {"lead_id": [f"L{p}" for p in places], "created_at": [day(1 + p % 31) for p in places]}
    return pl.DataFrame(base | given, schema_overrides={name: pl.Date for name in given if name.endswith("_at")})


def until(won: int, date: dt.date) -> object:
    """This date for the first so many leads, none for the others."""
    return lambda place: date if place < won else None


def spend(cost: float, **columns: object) -> pl.DataFrame:
    """What a month cost, dated on its first day."""
    return pl.DataFrame({"date": [FIRST], "cost": [cost], **{name: [value] for name, value in columns.items()}})


def answer(tables: dict, kpis: str, *, by: str = "", as_of: dt.date = LAST, period=None, **assumed: object):
    """The values of KPIs; split by a dimension, a dictionary of them."""
    data = kpi.read(tables, as_of=as_of, assumptions=kpi.Assumptions(currency="USD", **assumed))
    names = kpis.split()
    rows = kpi.evaluate(kpi.measure(data, by=[by] if by else [], kpis=names), names, by=by or (), period=period)
    if by:
        return dict(rows.select(by, "value").rows())
    values = rows["value"].to_list()
    return values if len(names) > 1 else values[0]


# ---- article 000: eight metrics of lead generation (Persian) --------------------------------------------------------


def test_article_000_spending_1000_on_100_new_customers_is_a_cpa_of_10():
    tables = {"leads": leads(100, won_at=day(31)), "spend": spend(1000)}

    assert answer(tables, "cpa", period=MARCH) == 10


def test_article_000_cpa_counts_all_acquisition_cost_of_the_period_and_its_new_customers():
    """600 for media and 400 for sales people in March; 100 customers won in March, 50 of its leads in April."""
    cost = pl.concat([spend(600.0, cost_type="media"), spend(400.0, cost_type="sales")])
    april = pl.DataFrame({"date": [dt.date(2025, 4, 1)], "cost": [5000.0], "cost_type": ["media"]})
    won = leads(150, won_at=lambda place: day(31) if place < 100 else day(40))
    tables = {"leads": won, "spend": pl.concat([cost, april])}

    assert answer(tables, "cpa", as_of=dt.date(2025, 4, 30), period=MARCH) == 10


def test_article_000_new_leads_from_live_chat_by_its_label_and_by_its_definition():
    """Ten chats; four left a lead; two of these leads bought: 4 leads, 40 % to lead, 20 % to sale (D7)."""
    chats = pl.DataFrame({
        "chat_id": [f"C{place}" for place in range(10)],
        "started_at": [day(1 + place) for place in range(10)],
        "lead_id": [f"L{place}" if place < 4 else None for place in range(10)],
    })  # fmt: skip
    tables = {"chats": chats, "leads": leads(6, won_at=until(2, day(31)))}

    assert answer(tables, "chat_leads chat_to_lead chat_to_sale") == [4, 0.4, 0.2]


def test_article_000_first_response_time_is_that_of_sales_requests():
    """Answered after 20, 30 and 60 seconds; the support request that waited an hour is none of it."""
    start = dt.datetime(2025, 3, 3, 9, tzinfo=dt.UTC)
    waits, intents = [20, 30, 60, 3600], ["sales", "sales", "sales", "support"]
    chats = pl.DataFrame({
        "chat_id": ["a", "b", "c", "d"],
        "started_at": [start] * 4,
        "first_reply_at": [start + dt.timedelta(seconds=wait) for wait in waits],
        "intent": intents,
    })  # fmt: skip

    assert answer({"chats": chats}, "frt") == 30


def test_article_000_lifetime_value_is_order_size_times_orders_a_year_times_margin():
    """Two customers, two orders of 50 each in a year, margin 40 %: 50 × 2 × 0.4 = 40 a year."""
    dates = [dt.date(2025, 1, 1), dt.date(2025, 5, 1), dt.date(2025, 6, 1), dt.date(2025, 12, 31)]
    orders = pl.DataFrame({
        "order_id": ["1", "2", "3", "4"],
        "customer_id": ["a", "a", "b", "b"],
        "ordered_at": dates,
        "amount": [50.0] * 4,
    })  # fmt: skip
    year = kpi.Period(dt.date(2025, 1, 1), dt.date(2025, 12, 31))

    values = answer(
        {"orders": orders}, "aov purchase_frequency clv_annual_margin", as_of=year.end, period=year, margin=0.4
    )

    assert values == pytest.approx([50, 2, 40])


# ---- article 001: ten lead-generation KPIs (Serbian) ----------------------------------------------------------------


def test_article_001_average_lead_value_is_total_sales_over_leads_and_gives_the_leads_needed():
    """20,000 sold to 10 of 200 leads: 100 a lead; a goal of 50,000 takes 500 leads."""
    tables = {"leads": leads(200, won_at=until(10, day(31)), amount=lambda place: 2000.0 if place < 10 else None)}

    assert answer(tables, "alv alv_total leads_needed", target_revenue=50_000) == [100, 100, 500]


def test_article_001_cpl_divides_by_qualified_leads_while_cpl_divides_by_all():
    """1,000 spent, 40 leads, 8 qualified: 125 a qualified lead (its CPL), 25 a lead (D1)."""
    tables = {"leads": leads(40, mql_at=until(8, day(31))), "spend": spend(1000)}

    assert answer(tables, "cpql cpl") == [125, 25]


def test_article_001_cac_is_what_a_campaign_cost_over_the_customers_it_won():
    """Campaign A cost 900 and won 3; B cost 500 and won 1, in April; organic cost nothing that anyone knows."""
    found = pl.concat([
        leads(10, campaign="A", won_at=until(3, day(31))),
        leads(10, start=10, campaign="B", won_at=until(11, day(40))),
        leads(10, start=20, campaign="organic", won_at=until(21, day(31))),
    ])  # fmt: skip
    tables = {"leads": found, "spend": pl.concat([spend(900.0, campaign="A"), spend(500.0, campaign="B")])}

    values = answer(tables, "cac_campaign", by="campaign", as_of=dt.date(2025, 4, 30), period=MARCH)

    assert values == {"A": 300, "B": 500, "organic": None}


def test_article_001_cac_close_to_cpl_means_well_qualified_leads():
    """400 spent; 4 of 10 leads qualify, 2 buy: CAC 200 is twice the cost of a qualified lead, 1 ÷ (2/4)."""
    tables = {
        "leads": leads(10, mql_at=until(4, day(31)), won_at=until(2, day(35))),
        "spend": spend(400),
    }

    gap, cac, cpql, rate = answer(tables, "cac_cpl_gap cac_cohort cpql sales_conversion", as_of=day(40), period=MARCH)

    assert (cac, cpql, rate, gap) == (200, 100, 0.5, 2)


def test_article_001_lifetime_value_is_months_active_times_spend_a_month_less_cac():
    """24 months × 50 − 200: ten subscribers at 50, won for 2,000."""
    values = answer(
        {"subscriptions": subscribers(10, 50.0), "spend": spend(2000)}, "arpa cac clv_net_of_cac", lifetime_months=24
    )

    assert values == [50, 200, 1000]


def test_article_001_conversion_rate_counts_those_who_got_to_that_point():
    """Of 20 leads 10 began a trial and 4 of them pay: 50 % to trial, 40 % (not 20 %) from trial to paying."""
    tables = {"leads": leads(20, trial_at=until(10, day(35)), won_at=until(4, day(49)))}

    values = answer(
        tables,
        "step_lead_trial step_trial_customer lead_to_customer",
        stages=("lead", "trial", "customer"),
        as_of=day(60),
    )

    assert values == [0.5, 0.4, 0.2]


def test_article_001_time_to_convert_is_counted_per_step_from_acquisition_to_trial_to_paying():
    """A trial 4 days after the lead, paying 14 days after the trial."""
    tables = {
        "leads": leads(5, trial_at=lambda p: day(1 + p + 4), won_at=lambda p: day(1 + p + 18)),
    }

    values = answer(
        tables,
        "days_lead_trial days_trial_customer time_to_conversion",
        stages=("lead", "trial", "customer"),
    )

    assert values == [4, 14, 18]


def test_article_001_who_pays_without_a_trial_date_has_reached_the_trial():
    tables = {
        "leads": leads(4, trial_at=until(2, day(20)), won_at=lambda p: [None, day(25), day(26), None][p]),
    }

    values = answer(tables, "step_lead_trial step_trial_customer", stages=("lead", "trial", "customer"))

    assert values == pytest.approx([3 / 4, 2 / 3])


def subscribers(count: int, price: float, **columns: object) -> pl.DataFrame:
    base = {
        "subscription_id": [f"S{place}" for place in range(count)],
        "customer_id": [f"C{place}" for place in range(count)],
        "started_at": [day(1)] * count,
        "amount": [price] * count,
        "interval": ["month"] * count,
    }
    return pl.DataFrame(base | columns)


def test_article_001_mrr_is_price_times_active_customers_and_arr_is_twelve_times_mrr():
    """100 customers at 49 a month: 4,900, 58,800 a year."""
    assert answer({"subscriptions": subscribers(100, 49.0)}, "mrr arr arpa accounts") == [4900, 58_800, 49, 100]


def test_article_001_mrr_counts_active_customers_only():
    ended = [day(10)] * 30 + [None] * 70

    assert answer({"subscriptions": subscribers(100, 49.0, ended_at=ended)}, "mrr arr accounts") == [3430, 41_160, 70]


def test_article_001_mrr_is_known_without_any_date():
    undated = subscribers(100, 49.0).drop("started_at")

    assert answer({"subscriptions": undated}, "mrr arr arpa") == [4900, 58_800, 49]


def test_article_001_a_trial_becomes_a_paying_user():
    """Ten trials of 14 days; three pay from the day the trial ends, one 30 days later: too late for the trial."""
    trial = subscribers(10, 20.0, status=["trial"] * 10, ended_at=[day(15)] * 10)
    paid = subscribers(4, 20.0, status=["active"] * 4, ended_at=[None] * 4).with_columns(
        started_at=pl.Series([day(15), day(15), day(15), day(45)])
    )
    both = pl.concat([trial, paid], how="vertical_relaxed").with_columns(
        trial_started_at=pl.lit(day(1)), trial_ended_at=pl.lit(day(15))
    )

    assert answer({"subscriptions": both}, "trials trial_to_paid", as_of=day(60)) == [10, 0.3]


def test_article_001_roas_is_total_revenue_over_advertising():
    """6,000 sold, 1,000 for ads and 500 for tools: 6 on advertising, 4 on all marketing (D10)."""
    cost = pl.concat([spend(1000.0, cost_type="media"), spend(500.0, cost_type="tools")])
    won = leads(20, won_at=until(3, day(31)), amount=lambda place: 2000.0 if place < 3 else None)

    assert answer({"leads": won, "spend": cost}, "roas_blended mer") == [6, 4]


def test_article_001_web_traffic_adds_up_by_channel():
    traffic = pl.DataFrame({"date": [day(1), day(2), day(2)], "sessions": [70, 10, 20], "channel": ["a", "b", "a"]})

    assert answer({"traffic": traffic}, "sessions") == 100
    assert answer({"traffic": traffic}, "sessions", by="channel") == {"a": 90, "b": 10}


# ---- article 002: digital-marketing KPIs (Persian) ------------------------------------------------------------------


def test_article_002_a_trial_sign_up_or_a_shop_account_can_be_what_counts_as_a_lead():
    tables = {"leads": leads(10, captured_by=lambda place: "trial account phone".split()[place % 3])}

    assert answer(tables, "leads") == 10
    assert answer(tables, "leads", lead_event=("trial",)) == 4
    assert answer(tables, "leads", lead_event=("trial", "account")) == 7


def test_article_002_qualified_leads_pass_three_gates():
    """Of 10 leads marketing hands on 6, sales accepts 3 and takes 2 into the sales cycle."""
    tables = {
        "leads": leads(10, mql_at=until(6, day(31)), sal_at=until(3, day(32)), sql_at=until(2, day(33))),
    }

    assert answer(tables, "mql sal sql", as_of=day(40)) == [6, 3, 2]
    assert answer(tables, "mql_to_sal mql_to_sql", as_of=day(40)) == pytest.approx([0.5, 1 / 3])


def test_article_002_a_tag_without_a_date_still_counts_who_qualified():
    """Of 10 leads tagged with their stage 6 are MQLs or further, 1 is a customer; when is unknown (decision 3)."""
    tags = ["lead"] * 4 + ["mql"] * 3 + ["sql"] * 2 + ["customer"]
    data = kpi.read({"leads": leads(10, stage=lambda place: tags[place])}, as_of=LAST)

    rows = kpi.evaluate(kpi.measure(data), ["qualified_ratio", "lead_to_customer", "mql"])

    assert rows["value"].to_list() == [0.6, 0.1, None]
    assert rows["status"].to_list() == ["ok", "ok", "column missing"]


def test_article_002_time_is_a_cost_of_a_lead():
    """10 hours at 30 and 100 paid, for 8 leads: 50; without an hourly rate 12.50."""
    tables = {"leads": leads(8), "spend": spend(100.0, hours=10.0)}

    assert answer(tables, "cpl", hourly_rate=30) == 50
    assert answer(tables, "cpl") == 12.5


def test_article_002_a_free_channel_has_a_cost_per_lead_through_its_hours():
    found = leads(8, channel=lambda place: "organic" if place < 3 else "ads")
    cost = pl.DataFrame({
        "date": [FIRST, FIRST], "cost": [None, 100.0], "hours": [6.0, None], "channel": ["organic", "ads"],
    })  # fmt: skip

    assert answer({"leads": found, "spend": cost}, "cpl", by="channel", hourly_rate=30) == {"organic": 60, "ads": 20}


def test_article_002_80_percent_of_the_result_comes_from_20_percent_of_the_sources():
    sizes = {"a": 80, "b": 8, "c": 6, "d": 4, "e": 2}
    source = [name for name, size in sizes.items() for _ in range(size)]

    assert answer({"leads": leads(100, channel=lambda place: source[place])}, "source_concentration") == 1


# ---- article 003: lead-generation KPIs (Arabic) ---------------------------------------------------------------------


def test_article_003_a_company_makes_500_new_leads_in_one_month():
    data = kpi.read({"leads": leads(500)}, as_of=dt.date(2025, 4, 30))

    rows = kpi.evaluate(kpi.measure(data, kpis=["leads"]), "leads", every="1mo")

    assert rows.select("date", "value").rows() == [(dt.date(2025, 3, 1), 500), (dt.date(2025, 4, 1), 0)]


def test_article_003_150_buyers_of_1000_leads_are_15_percent():
    assert answer({"leads": leads(1000, won_at=until(150, day(31)))}, "lead_to_customer") == 0.15


def test_article_003_10000_spent_on_400_leads_is_a_cpl_of_25():
    assert answer({"leads": leads(400), "spend": spend(10_000)}, "cpl") == 25


@pytest.mark.parametrize(("exported", "march"), [(20, 10_000 * 20 / 31), (31, 10_000)])
def test_article_003_a_cost_dated_on_the_first_is_the_cost_of_the_month(exported, march):
    """10,000 on 1 January, February and March for 400, 200 and 100 leads: 25, 50 and 100 for whole months.

    Exported on 20 March, the 100 leads of twenty days cost twenty days of the month's 31.
    """
    months = [dt.date(2025, month, 1) for month in (1, 2, 3)]
    made = [(400, months[0]), (200, months[1]), (100, months[2])]
    dates = [first + dt.timedelta(place % 20) for count, first in made for place in range(count)]
    found = pl.DataFrame({"lead_id": [str(place) for place in range(700)], "created_at": dates})
    data = kpi.read(
        {"leads": found, "spend": pl.DataFrame({"date": months, "cost": [10_000.0] * 3})},
        as_of=dt.date(2025, 3, exported),
    )
    cube = kpi.measure(data, kpis=["cpl"])

    whole = pytest.approx((20_000 + march) / 700)
    assert kpi.evaluate(cube, "cpl", every="1mo")["value"].to_list() == [25, 50, pytest.approx(march / 100)]
    assert kpi.evaluate(cube, "cpl", every="1q")["value"].to_list() == [whole]
    assert kpi.evaluate(cube, "cpl")["value"].to_list() == [whole]
    assert kpi.evaluate(cube, "spend", every="1mo")["value"].to_list() == [10_000, 10_000, pytest.approx(march)]


SOURCES = ["social"] * 300 + ["organic"] * 200 + ["email"] * 100


@pytest.mark.parametrize("column", ["channel", "source"])
def test_article_003_300_leads_from_social_media_200_from_search_100_from_email(column):
    tables = {"leads": leads(600, **{column: lambda place: SOURCES[place]})}

    assert answer(tables, "leads", by=column) == {"social": 300, "organic": 200, "email": 100}


def test_article_003_the_source_mix_is_a_half_a_third_and_a_sixth():
    tables = {"leads": leads(600, channel=lambda place: SOURCES[place])}

    mix = answer(tables, "lead_source_mix", by="channel")

    assert mix == pytest.approx({"social": 1 / 2, "organic": 1 / 3, "email": 1 / 6})
    assert sum(mix.values()) == pytest.approx(1)


@pytest.mark.parametrize(("scores", "share", "average"), [
    ([70, 71, 100, 1], 0.5, 60.5),       # exactly 70 is not above 70
    ([70, 70, 70, 70], 0.0, 70.0),
    ([71, 99, None, None], 1.0, 85.0),   # a lead without a score is not a low one
    ([70.5, 70, None, 10], 1 / 3, 150.5 / 3),
])  # fmt: skip
def test_article_003_scores_run_to_100_and_above_70_comes_first(scores, share, average):
    tables = {"leads": leads(4, score=lambda place: scores[place])}

    assert answer(tables, "high_score_share lead_score_avg") == pytest.approx([share, average])


def test_article_003_a_score_above_70_can_be_what_qualifies_a_lead():
    tables = {"leads": leads(10, score=lambda place: 10 * (place + 1)), "spend": spend(300)}

    assert answer(tables, "qualified_ratio cpql", qualified="score") == [0.3, 100]


def test_article_003_from_first_contact_to_conversion_it_takes_30_days():
    """Converted after 10, 20, 30, 40 and 50 days, two not yet: 30 days, in the middle as on average."""
    lags = [10, 20, 30, 40, 50, None, None]
    tables = {"leads": leads(7, won_at=lambda place: lags[place] and day(1 + place + lags[place]))}

    assert answer(tables, "time_to_conversion", as_of=day(90)) == 30


# ---- article 004: which KPIs to attract new clients (Italian) -------------------------------------------------------

MAGAZINES = [f"Magazine {number}" for number in range(1, 9)]


@pytest.fixture(scope="module")
def magazines() -> dict[str, pl.DataFrame]:
    """Eight magazines at 1,000 each; all 50 leads come from the third."""
    cost = pl.DataFrame({"date": [FIRST] * 8, "cost": [1000.0] * 8, "channel": ["print"] * 8, "placement": MAGAZINES})
    return {"leads": leads(50, channel="print", placement="Magazine 3"), "spend": cost}


def test_article_004_of_eight_magazines_one_brings_all_leads(magazines):
    assert answer(magazines, "placement_concentration") == 1


def test_article_004_of_eight_magazines_one_brings_nearly_all_leads(magazines):
    """49 of 50 from the third: still one brings 80 %."""
    found = leads(50, channel="print", placement=lambda place: MAGAZINES[7 if place == 0 else 2])

    assert answer(magazines | {"leads": found}, "placement_concentration") == 1
    assert answer(magazines | {"leads": found}, "lead_source_mix leads") == [1, 50]


def test_article_004_seven_magazines_cost_money_and_have_no_cost_per_lead(magazines):
    data = kpi.read(magazines, as_of=LAST)
    cube = kpi.measure(data, by=["placement"])
    rows = kpi.evaluate(cube, "cpl", by="placement").sort("placement")
    paid = kpi.evaluate(cube, "spend", by="placement").sort("placement")
    idle = rows.filter(pl.col("placement") != "Magazine 3")

    assert rows["placement"].to_list() == MAGAZINES
    assert rows.filter(placement="Magazine 3")["value"].to_list() == [20]
    assert idle["value"].to_list() == [None] * 7
    assert set(idle["status"]) == {"no denominator"}
    assert idle.select("numerator", "denominator").rows() == [(1000, 0)] * 7
    assert paid["value"].to_list() == [1000] * 8


def test_article_004_the_seven_magazines_raise_the_cost_per_lead_of_print(magazines):
    """8,000 ÷ 50, not 1,000 ÷ 50."""
    assert answer(magazines, "cpl") == 160
    assert answer(magazines, "cpl", by="channel") == {"print": 160}


def test_article_004_leads_that_a_sum_of_spending_brings():
    """4,000 spent on sales and marketing, 100 leads: 25 for each 1,000, 40 for each lead."""
    assert answer({"leads": leads(100), "spend": spend(4000)}, "leads_per_spend cpl") == [25, 40]


def test_article_004_qualified_leads_over_all_that_were_generated():
    """100 came, 20 are no real prospects, 40 qualify: 40 % of all, 50 % of the valid ones."""
    tables = {
        "leads": leads(100, mql_at=until(40, day(31)), valid=lambda place: place < 80),
    }

    assert answer(tables, "qualified_ratio qualified_ratio_valid invalid_rate") == [0.4, 0.5, 0.2]


def test_article_004_who_wanted_another_product_is_counted_for_product_research():
    reasons = ["no such product"] * 12 + ["no need"] * 5 + [None] * 3
    tables = {"leads": leads(20, disqualified_reason=lambda place: reasons[place])}

    assert answer(tables, "leads", by="disqualified_reason") == {"no such product": 12, "no need": 5, "unknown": 3}


def test_article_004_sales_conversion_is_customers_over_qualified_leads():
    """Of 100 leads 40 qualify and 10 buy: 25 %, not 10 %."""
    tables = {"leads": leads(100, mql_at=until(40, day(31)), won_at=until(10, day(35)))}

    assert answer(tables, "sales_conversion lead_to_customer", as_of=day(40)) == [0.25, 0.1]


def test_article_004_which_activity_converts_best():
    """Events turn 3 of 4 qualified leads into clients, mail 1 of 4."""
    won = [True, True, True, False, True, False, False, False]
    tables = {"leads": leads(
        8,
        channel=lambda place: "events" if place < 4 else "email",
        mql_at=day(31),
        won_at=lambda place: day(35) if won[place] else None,
    )}  # fmt: skip

    assert answer(tables, "sales_conversion", by="channel", as_of=day(40)) == {"events": 0.75, "email": 0.25}


def test_article_004_return_on_investment_is_margin_less_cost_over_cost():
    """6,000 sold at a margin of 50 % for 1,500 of marketing: 3,000 − 1,500 over 1,500 is 100 %."""
    won = leads(20, won_at=until(3, day(31)), amount=lambda place: 2000.0 if place < 3 else None)

    assert answer({"leads": won, "spend": spend(1500)}, "romi", margin=0.5) == 1

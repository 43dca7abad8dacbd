"""The sample data: its shape, its size, its truth, and that it is made again exactly."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sample_data import BUSINESSES, clock, generate, months, table_names, truth, volume
from sample_data.exports import EXPORTS

FOLDER = Path(__file__).parents[1] / "sample_data"
NAMES = list(BUSINESSES)
TABLES = [(name, table) for name in NAMES for table in table_names(name)]
INSTANT, DATE, TEXT, COUNT, MONEY, FLAG = clock.INSTANT, pl.Date, pl.String, pl.Int64, pl.Float64, pl.Boolean
DIMENSIONS = (
    "channel source medium campaign content placement landing_page device segment industry country captured_by owner "
    "platform cost_type category plan interval kind status currency agent intent keyword"
).split()
TYPES = {
    **dict.fromkeys("created_at touched_at started_at ended_at ordered_at closed_at first_reply_at".split(), INSTANT),
    **dict.fromkeys("mql_at sal_at sql_at opportunity_at won_at lost_at trial_at site_visit_at".split(), INSTANT),
    **dict.fromkeys("first_response_at discount_to trial_started_at trial_ended_at".split(), INSTANT),
    **dict.fromkeys("cancel_requested_at time time_end".split(), INSTANT),
    **dict.fromkeys("date period_start".split(), DATE),
    **dict.fromkeys("amount cost refunded discount cost_of_goods conversion_value hours position value".split(), MONEY),
    **dict.fromkeys("discount_pct tax_rate_pct rating".split(), MONEY),
    **dict.fromkeys("score quantity interval_count impressions clicks conversions sessions users".split(), COUNT),
    **dict.fromkeys("new_users engaged_sessions pageviews delivered opens unsubscribes".split(), COUNT),
    **dict.fromkeys("engagements followers shown accepted".split(), COUNT),
    **dict.fromkeys("valid proactive bot_handled missed".split(), FLAG),
}
CODES = {
    "channel": "paid_search paid_social display organic social email referral direct chat events print affiliate "
    "partner mobile_ads other unknown",
    "segment": "smb mid enterprise consumer",
    "captured_by": "form chat phone event trial account order import",
    "cost_type": "media tools marketing_people agency sales",
    "intent": "sales support",
    "interval": "day week month quarter year",
    "invalid_reason": "spam duplicate test bounced",
    "disqualified_reason": "no_need no_authority no_such_product not_a_prospect",
}
# planned dates may lie after the export: closing of open deals, ends of running trials and discounts
PLANNED = {"closed_at", "trial_ended_at", "discount_to"}
KEYS = {
    "leads": "lead_id",
    "deals": "deal_id",
    "orders": "order_id",
    "chats": "chat_id",
    "traffic": "date channel",
    "chat_invites": "date",
    "email": "date campaign",
    "social": "date platform",
    "seo": "date keyword",
    "targets": "kpi period_start",
}


@cache
def made(business: str) -> dict[str, pl.DataFrame]:
    return generate(business)


@pytest.mark.parametrize(("business", "table"), TABLES)
def test_committed_tables_are_what_the_generator_makes(business: str, table: str) -> None:
    assert_frame_equal(pl.read_parquet(FOLDER / business / f"{table}.parquet"), made(business)[table], check_exact=True)


@pytest.mark.parametrize("business", NAMES)
def test_committed_exports_are_what_the_generator_makes(business: str) -> None:
    folder = FOLDER / business / "exports"
    assert {path.name for path in folder.iterdir()} == set(EXPORTS[business])
    for name, make in EXPORTS[business].items():
        content = make(BUSINESSES[business], made(business))
        assert (folder / name).read_bytes() == content, name
        assert len(content) <= 60_000, name


@pytest.mark.parametrize("business", NAMES)
def test_committed_truth_is_what_the_generator_knows(business: str) -> None:
    known = truth.truth(BUSINESSES[business], BUSINESSES[business].seed)
    assert json.loads((FOLDER / business / "truth.json").read_text("utf-8")) == json.loads(json.dumps(known))


def test_all_parquet_files_together_stay_below_8_megabytes() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.parquet")) < 8_000_000


@pytest.mark.parametrize(("business", "table"), TABLES)
def test_columns_have_the_canonical_types_and_codes(business: str, table: str) -> None:
    frame = made(business)[table]
    wanted = {column: TYPES.get(column, TEXT) for column in frame.columns}
    if table == "chats":
        wanted["accepted"] = FLAG
    assert dict(frame.schema) == wanted
    for column in CODES.keys() & set(frame.columns):
        assert set(frame[column].drop_nulls()) <= set(CODES[column].split()), column


@pytest.mark.parametrize(("business", "table"), [pair for pair in TABLES if pair[1] != "annotations"])
def test_no_dimension_is_null_but_unknown(business: str, table: str) -> None:
    """Of all tables but the annotations: a note without a channel is about all of them."""
    frame = made(business)[table]
    assert {c: n for c in DIMENSIONS if c in frame.columns and (n := frame[c].null_count())} == {}


@pytest.mark.parametrize(("business", "table"), TABLES)
def test_rows_are_sorted_by_time_and_keys_are_unique(business: str, table: str) -> None:
    frame = made(business)[table]
    if table != "targets":
        assert frame.to_series(frame.columns.index(_time(frame))).is_sorted()
    if table in KEYS:
        assert not frame.select(KEYS[table].split()).is_duplicated().any()


@pytest.mark.parametrize(("business", "table"), TABLES)
def test_nothing_recorded_is_outside_the_period(business: str, table: str) -> None:
    frame = made(business)[table]
    first, end = (int(clock.day_start(BUSINESSES[business].zone)[0]), clock.end(BUSINESSES[business].zone))
    for column in frame.columns:
        if frame[column].dtype == INSTANT and column not in PLANNED:
            assert frame[column].drop_nulls().to_physical().is_between(first, end, closed="left").all(), column
        if column == "date":
            assert clock.START <= frame["date"].min() <= frame["date"].max() <= clock.AS_OF


def test_some_open_deals_have_a_planned_date_after_the_export() -> None:
    deals = made("b2b_saas")["deals"].with_columns(late=pl.col("closed_at").to_physical() >= clock.end("Europe/Rome"))
    assert set(deals.filter("late")["status"]) == {"open"}
    assert deals.filter("late").height > 20


@pytest.mark.parametrize("business", NAMES)
def test_every_reference_to_a_lead_exists(business: str) -> None:
    frames = made(business)
    known = frames["leads"].select("lead_id", "created_at")
    for table in ("touches", "deals", "subscriptions", "orders", "chats"):
        if table in frames:
            used = frames[table].select(pl.col("lead_id").drop_nulls().unique())
            assert used.join(known, on="lead_id", how="anti").is_empty(), table
    if "orders" in frames:
        buyers = frames["leads"].select(pl.col("customer_id").drop_nulls())
        assert set(frames["orders"]["customer_id"]) == set(buyers["customer_id"])


@pytest.mark.parametrize("business", NAMES)
def test_stage_dates_are_in_order_for_nearly_all_leads(business: str) -> None:
    columns = ["created_at", *(stage.column for stage in BUSINESSES[business].stages)]
    dates = made(business)["leads"].select(pl.concat_list(pl.col(columns)).list.drop_nulls().alias("dates"))["dates"]
    assert (dates == dates.list.sort()).mean() > 0.995


def test_subscription_versions_follow_the_conventions() -> None:
    rows = made("b2b_saas")["subscriptions"]
    trials, paid = rows.filter(status="trial"), rows.filter(pl.col("status") != "trial", kind="recurring")
    over = trials.filter(pl.col("ended_at").is_not_null())
    assert trials.select((pl.col("started_at") == pl.col("trial_started_at")).all()).item()
    assert over.select((pl.col("ended_at") == pl.col("trial_ended_at")).all()).item()
    main = paid.filter(pl.col("trial_ended_at").is_not_null(), ~pl.col("subscription_id").str.ends_with("b"))
    assert main.select((pl.col("started_at") >= pl.col("trial_ended_at")).all()).item()
    nth = paid.sort("subscription_id", "started_at").with_columns(
        before=pl.col("ended_at").shift().over("subscription_id"),
        version=pl.col("started_at").cum_count().over("subscription_id"),
    )
    later = nth.filter(pl.col("version") > 1)
    assert later.select((pl.col("started_at") >= pl.col("before")).all()).item()
    assert 5 < later.filter(pl.col("started_at") > pl.col("before")).height < 100  # reactivations after a gap
    assert set(rows["kind"]) == {"recurring", "usage", "one_off"}
    assert paid.select((pl.col("ended_at").is_null() | (pl.col("ended_at") > pl.col("started_at"))).all()).item()


def test_a_won_lead_is_a_customer_with_a_paid_subscription() -> None:
    frames = made("b2b_saas")
    paid = (
        frames["subscriptions"].filter(pl.col("status") != "trial").group_by("lead_id").agg(pl.col("started_at").min())
    )
    won = frames["leads"].filter(pl.col("won_at").is_not_null()).join(paid, on="lead_id")
    assert won.height == frames["leads"]["won_at"].count() == paid.height
    assert (won["won_at"] == won["started_at"]).all()


def test_practically_all_print_leads_come_from_one_of_eight_magazines() -> None:
    leads, spend = (made("b2c_local")[table].filter(channel="print") for table in ("leads", "spend"))
    assert spend["placement"].n_unique() == 8
    assert (leads["placement"] == "Riverside Living").mean() >= 0.95
    assert spend.filter(placement="Riverside Living")["cost"].sum() < 0.25 * spend["cost"].sum()


@pytest.mark.parametrize("business", NAMES)
def test_realised_rates_of_old_leads_are_the_declared_ones(business: str) -> None:
    declared = BUSINESSES[business]
    columns = [stage.column for stage in declared.stages]
    old = made(business)["leads"].filter("valid", pl.col("created_at") < pl.datetime(2026, 3, 1, time_zone="UTC"))
    for source in {s.channel: s for s in declared.sources}.values():
        rows = old.filter(channel=source.channel)
        for k, chance in enumerate(np.cumprod(source.rates)):
            reached = rows.select(pl.any_horizontal(pl.col(columns[k:]).is_not_null()).sum()).item()
            # 4.5 standard deviations of the binomial, and one lead in 300 for lags of more than eight months
            slack = 4.5 * np.sqrt(rows.height * chance * (1 - chance)) + rows.height / 300
            assert abs(reached - rows.height * chance) < slack, (
                source.channel,
                columns[k],
                reached,
                rows.height * chance,
            )


@pytest.mark.parametrize("business", NAMES)
def test_leads_by_channel_are_what_spend_season_and_growth_make_expected(business: str) -> None:
    declared = BUSINESSES[business]
    expected = volume.expected(declared, declared.seed).sum(axis=0)
    for channel in declared.channels:
        mean = sum(e for e, s in zip(expected, declared.sources, strict=True) if s.channel == channel)
        assert abs(made(business)["leads"].filter(channel=channel).height - mean) < 4.5 * np.sqrt(mean)


@pytest.mark.parametrize("business", NAMES)
def test_score_tells_winners_from_others_moderately(business: str) -> None:
    leads = made(business)["leads"].filter("valid", pl.col("score").is_not_null())
    won = leads["won_at"].is_not_null()
    ranks = leads["score"].rank().filter(won).sum() - won.sum() * (won.sum() + 1) / 2
    assert 0.66 < ranks / (won.sum() * (~won).sum()) < 0.75
    assert made(business)["leads"]["score"].null_count() == pytest.approx(0.1 * made(business)["leads"].height, rel=0.1)


@pytest.mark.parametrize("business", NAMES)
def test_first_touch_usually_comes_before_the_lead(business: str) -> None:
    frames = made(business)
    first = (
        frames["touches"]
        .group_by("lead_id")
        .agg(pl.col("touched_at").min())
        .join(frames["leads"].filter(pl.col("captured_by") != "import"), on="lead_id")
    )
    assert (first["touched_at"] <= first["created_at"]).mean() > 0.97
    assert frames["touches"].filter(pl.col("lead_id").is_null())["visitor_id"].null_count() == 0


def test_accepted_invitations_are_the_proactive_chats() -> None:
    for business in ("b2b_saas", "b2c_local"):
        frames = made(business)
        assert frames["chat_invites"]["accepted"].sum() == frames["chats"]["proactive"].sum()
        assert (frames["chat_invites"]["shown"] >= frames["chat_invites"]["accepted"]).all()


def test_each_incident_can_be_seen_in_the_tables() -> None:
    social = (
        made("b2b_saas")["leads"].filter("valid", channel="paid_social").with_columns(_within("b2b_saas", "created_at"))
    )
    rate = dict(social.group_by("within").agg(pl.col("mql_at").is_not_null().mean()).iter_rows())
    assert rate[True] < 0.6 * rate[False]
    shoes = made("b2c_shop")["orders"].filter(category="footwear").with_columns(_within("b2c_shop", "ordered_at"))
    refunds = dict(shoes.group_by("within").agg((pl.col("refunded") > 0).mean()).iter_rows())
    assert refunds[True] > 5 * refunds[False]
    river = (
        made("b2c_local")["leads"].filter(placement="Riverside Living").with_columns(_within("b2c_local", "created_at"))
    )
    calls = dict(river.group_by("within").agg(pl.len()).iter_rows())
    assert calls[True] / 61 < 0.2 * calls[False] / (clock.DAYS - 61)


def test_the_same_seed_makes_the_same_rows_whatever_else_is_made() -> None:
    few = generate("b2b_saas", tables=("leads", "subscriptions", "chat_invites"))
    for table, frame in few.items():
        assert_frame_equal(frame, made("b2b_saas")[table], check_exact=True)
    other = generate("b2b_saas", seed=1, tables=("leads",))["leads"]
    assert not other.head(100).equals(few["leads"].head(100))


def test_rows_make_the_company_larger_and_leave_its_costs_per_lead() -> None:
    small, large = (generate("b2c_local", rows=rows, tables=("leads", "spend")) for rows in (0.2, 4.0))
    assert large["leads"].height / small["leads"].height == pytest.approx(20, rel=0.1)
    assert large["spend"]["cost"].sum() / small["spend"]["cost"].sum() == pytest.approx(20, rel=0.001)
    assert large["spend"].height == pytest.approx(small["spend"].height, rel=0.01)


def test_months_are_the_parts_of_the_whole() -> None:
    parts = pl.concat([part["leads"] for part in months("b2c_shop")])
    assert_frame_equal(parts, made("b2c_shop")["leads"], check_exact=True)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="b2c_local"):
        generate("b2c")
    with pytest.raises(ValueError, match="chat_invites"):
        generate("b2b_saas", tables=("chat",))
    with pytest.raises(ValueError, match="whole"):
        list(months("b2b_saas", tables=("chats",)))


def _time(frame: pl.DataFrame) -> str:
    names = ("date", "touched_at", "created_at", "started_at", "ordered_at", "time")
    return next(name for name in names if name in frame.columns)


def _within(business: str, column: str) -> pl.Expr:
    incident = BUSINESSES[business].incident
    day = pl.col(column).dt.convert_time_zone(BUSINESSES[business].zone).dt.date()
    return day.is_between(incident.start, incident.end).alias("within")

"""The rows behind a number are its rows: their count, their amount or their keys make the number again."""

import datetime as dt
import functools
import io

import polars as pl
import pytest
from conftest import ROOT
from small import data, days, month
from small_business import YEAR, business

import kpi
from kpi import catalog
from kpi.assumptions import STAGES
from kpi.canonical import is_personal
from kpi.tracing import measures_behind, rows_behind, to_csv

SEARCHED = {"channel": ("paid_search", "organic", "referral")}
QUESTIONS = (
    (None, {}),
    (YEAR, {}),
    (YEAR, SEARCHED),
    (days("2025-02-05", "2025-06-19"), {}),
    (days("2025-02-05", "2025-06-19"), {"channel": ("unknown", "social")}),
    (month("2025-10"), {"placement": ("google",)}),
    (days("2024-06-01", "2025-03-03"), {"currency": ("EUR",)}),
    (days("2019-01-01", "2019-12-31"), {}),
)
LATER = (
    (days("2025-11-01", "2026-10-31"), {}),
    (days("2026-03-10", "2026-05-09"), SEARCHED),
)
DATA = {
    "everything": lambda: business(),
    "revenue from deals": lambda: business("leads", "spend", "deals"),
    "revenue from leads": lambda: business("leads", "spend", "traffic"),
    "revenue from subscriptions": lambda: business("leads", "spend", "subscriptions"),
    "b2b_saas": lambda: kpi.read({path.name: path for path in (ROOT / "sample_data" / "b2b_saas").glob("*.parquet")}),
}
ASKED = [(name, *question) for name in DATA for question in (LATER if name == "b2b_saas" else QUESTIONS)]
KPIS = [item for item in catalog.kpis(STAGES).values() if not item.derived]
every_question = pytest.mark.parametrize(("name", "period", "where"), ASKED)


@functools.cache
def cube_of(name):
    return kpi.measure(DATA[name](), by=("channel", "placement"))


def worked_out(cube, item, side, found):
    """A side of the KPI from its rows alone; null where a cost has none, or there are none to count."""
    expression = item.numerator if side == "numerator" or item.over else item.denominator
    measures = [measure for at, measure in measures_behind(cube, item) if at == side]
    names = dict.fromkeys(expression.meta.root_names())
    amounts = [[amount(measure, found[side, measure.id])] for measure in measures]
    row = pl.DataFrame(dict(zip(names, amounts, strict=True)), dict.fromkeys(names, pl.Float64))
    return row.select(expression.alias("value")).item()


def amount(measure, rows):
    column = measure.agg.column
    if rows.is_empty():
        return measure.absent
    if measure.agg.kind == "total":
        spread = pl.col("covers_share") if "covers_share" in rows.columns else pl.lit(1.0)
        return rows.select((pl.col(column).cast(pl.Float64) * spread).sum()).item()
    return rows[column].n_unique() if measure.agg.kind == "distinct" else rows.height


def agrees(number, rows):
    """The same number; where there is none, no rows."""
    return not rows if number is None else rows == pytest.approx(number, rel=1e-9, abs=1e-6)


@every_question
def test_rows_make_numerator_and_denominator_again(name, period, where):
    cube = cube_of(name)
    for item in (item for item in KPIS if not item.over and item.quantile is None):
        found = rows_behind(cube, item, period, where)
        number = kpi.evaluate(cube, item, period=period, where=where).filter(pl.int_range(pl.len()) == 0)
        for side in {side for side, _ in found}:
            assert agrees(number[side].item(), worked_out(cube, item, side, found)), (item.id, side, number)


@every_question
def test_the_values_of_a_distribution_have_a_row_each(name, period, where):
    cube = cube_of(name)
    for item in (item for item in KPIS if item.quantile is not None or item.figure):
        found = rows_behind(cube, item, period, where)
        number = kpi.evaluate(cube, item, period=period, where=where).filter(pl.col("status") == "ok")
        for rows in found.values():
            assert number["n"].sum() == rows.height, (item.id, number)


@every_question
def test_rows_of_a_share_are_those_of_every_value_and_of_the_whole(name, period, where):
    cube = cube_of(name)
    for item in (item for item in KPIS if item.over and not item.figure):
        found = rows_behind(cube, item, period, where)
        shares = kpi.evaluate(cube, item, by=item.over, period=period, where=where)
        if found and shares.height:
            assert agrees(shares["numerator"].sum() or None, worked_out(cube, item, "numerator", found)), item.id
            assert agrees(shares["denominator"].max(), worked_out(cube, item, "denominator", found)), item.id


@pytest.mark.parametrize("name", [name for name in DATA if name != "b2b_saas"])
def test_no_rows_where_the_data_has_no_answer(name):
    cube = cube_of(name)
    for item in KPIS:
        assert bool(rows_behind(cube, item)) != bool(kpi.answering.lacks(cube.data, item)), item.id


# ---- examples by hand -----------------------------------------------------------------------------------------------

OCTOBER = month("2025-10")
LEADS = pl.DataFrame(
    {"lead_id": [f"L{n}" for n in range(1, 32)], "created_at": [dt.date(2025, 10, n) for n in range(1, 32)]}
)
SPEND = pl.DataFrame({"date": [dt.date(2025, 10, n) for n in range(1, 16)], "cost": [10.0] * 15})
SUBSCRIPTIONS = """
    subscription_id customer_id started_at ended_at   amount
    S1              a           2025-01-01 2025-10-10 10
    S2              b           2025-02-01 -          20
    S3              c           2025-03-01 2025-10-20 30
    S4              c           2025-10-20 -          40
    S5              d           2025-10-05 -          50
    S6              e           2025-10-02 2025-10-09 60
"""
CHATS = """
    chat_id lead_id started_at
    H1      L1      2025-10-01
    H2      L1      2025-10-05
    H3      L2      2025-10-06
    H4      L3      2025-10-07
"""
CHAT_LEADS = """
    lead_id created_at won_at
    L1      2025-10-01 2025-10-03
    L2      2025-10-06 2025-10-06
    L3      2025-10-07 2025-12-24
"""


def ids(found, side, measure, column):
    return found[side, measure][column].sort().to_list()


def test_leads_after_the_last_spend_are_not_behind_a_cost_per_lead():
    found = rows_behind(kpi.measure(kpi.read({"leads": LEADS, "spend": SPEND})), "cpl", OCTOBER)
    assert found["denominator", "leads"].height == 15  # not 31: 150 were spent up to 15 October
    assert found["denominator", "leads"]["created_at"].max() == dt.date(2025, 10, 15)
    assert found["numerator", "spend_marketing"]["full_cost"].sum() == 150


def test_nothing_is_behind_a_cost_per_lead_of_days_that_spend_and_leads_do_not_share():
    earlier = SPEND.with_columns(pl.col("date").dt.offset_by("-1y"))
    found = rows_behind(kpi.measure(kpi.read({"leads": LEADS, "spend": earlier})), "cpl")
    assert [rows.height for rows in found.values()] == [0, 0]


def test_a_monthly_cost_is_its_row_with_the_share_of_its_days_that_counts():
    monthly = pl.DataFrame({"date": [dt.date(2025, n, 1) for n in (9, 10, 11)], "cost": [300.0, 310.0, 30.0]})
    cube = kpi.measure(kpi.read({"spend": monthly}, as_of=dt.date(2025, 12, 31)))
    rows = rows_behind(cube, "spend", days("2025-10-17", "2025-11-10"))["numerator", "spend_marketing"]
    assert rows.sort("date").select("date", "cost", "covers_days", "covers_share").rows() == [
        (dt.date(2025, 10, 1), 310.0, 31, 15 / 31),
        (dt.date(2025, 11, 1), 30.0, 30, 10 / 30),
    ]


def test_the_rows_of_a_churn_are_of_those_who_left_and_of_those_who_were_there():
    found = rows_behind(kpi.measure(data(as_of="2025-12-31", subscriptions=SUBSCRIPTIONS)), "logo_churn", OCTOBER)
    assert ids(found, "numerator", "accounts_lost", "subscription_id") == ["S1"]  # c changed, e came and went
    assert ids(found, "denominator", "accounts_before", "subscription_id") == ["S1", "S2", "S3"]


def test_a_stock_has_the_rows_of_its_last_day():
    found = rows_behind(kpi.measure(data(as_of="2025-12-31", subscriptions=SUBSCRIPTIONS)), "arpa", OCTOBER)
    assert ids(found, "numerator", "mrr_running", "subscription_id") == ["S2", "S4", "S5"]
    assert ids(found, "denominator", "accounts", "customer_id") == ["b", "c", "d"]


def test_a_purchase_frequency_looks_back_a_year_from_the_end_of_the_period():
    orders = """
        order_id customer_id ordered_at amount
        O1       a           2024-10-31 1
        O2       a           2024-11-01 1
        O3       a           2025-06-01 1
        O4       b           2025-10-31 1
        O5       b           2025-11-01 1
    """
    found = rows_behind(kpi.measure(data(as_of="2025-12-31", orders=orders)), "purchase_frequency", OCTOBER)
    assert ids(found, "numerator", "orders", "order_id") == ["O2", "O3", "O4"]


def test_a_sale_before_the_chat_or_after_the_export_is_none_of_it():
    found = rows_behind(kpi.measure(data(as_of="2025-11-30", chats=CHATS, leads=CHAT_LEADS)), "chat_to_sale", OCTOBER)
    assert ids(found, "numerator", "chats_won", "chat_id") == ["H1", "H3"]  # H2 came after, H4 was not won yet
    assert found["denominator", "chats"].height == 4
    assert found["numerator", "chats_won"]["lead_won_at"].max() == dt.date(2025, 10, 6)


def test_a_filter_by_currency_leaves_the_rows_of_its_money():
    orders = """
        order_id customer_id ordered_at amount currency
        O1       a           2025-10-01 1      EUR
        O2       a           2025-10-02 2      USD
        O3       b           2025-10-03 4      -
    """
    cube = kpi.measure(data(as_of="2025-12-31", orders=orders))
    found = rows_behind(cube, "aov", OCTOBER, {"currency": ("EUR",)})
    assert ids(found, "numerator", "order_net", "order_id") == ["O1", "O3"]
    assert ids(found, "denominator", "orders", "order_id") == ["O1", "O3"]


def test_a_cost_that_does_not_know_the_filter_has_no_rows():
    leads = LEADS.with_columns(country=pl.lit("DE"))
    cube = kpi.measure(kpi.read({"leads": leads, "spend": SPEND}), by="country")
    found = rows_behind(cube, "cpl", OCTOBER, {"country": ("DE",)})
    assert [rows.height for rows in found.values()] == [0, 15]


def test_a_table_without_dates_has_all_its_rows_and_none_of_a_period():
    leads = """
        lead_id channel stage
        L1      search  mql
        L2      search  -
        L3      organic customer
    """
    cube = kpi.measure(data(as_of="2025-12-31", leads=leads), by="channel")
    found = rows_behind(cube, "qualified_ratio", where={"channel": ("search",)})
    assert ids(found, "numerator", "leads_mql", "lead_id") == ["L1"]
    assert ids(found, "denominator", "leads_raw", "lead_id") == ["L1", "L2"]
    assert rows_behind(cube, "qualified_ratio", OCTOBER) == {}


def test_a_dimension_that_was_not_measured_is_refused():
    with pytest.raises(ValueError, match="not split by"):
        rows_behind(kpi.measure(kpi.read({"leads": LEADS})), "leads", where={"country": ("DE",)})


def test_the_rows_of_a_warehouse_are_the_same():
    duckdb = pytest.importorskip("duckdb")
    frames = {"subscriptions": SUBSCRIPTIONS, "chats": CHATS, "leads": CHAT_LEADS}
    local = data(as_of="2025-12-31", **frames)
    with duckdb.connect() as connection:
        relations = {}
        for name in frames:
            connection.register(f"{name}_rows", local.tables[name].collect().to_arrow())
            relations[name] = connection.table(f"{name}_rows")
        there = kpi.measure(kpi.read(relations, as_of=dt.date(2025, 12, 31)))
        for name in ("logo_churn", "chat_to_sale", "mrr", "lead_to_customer", "time_to_conversion"):
            here = rows_behind(kpi.measure(local), name, OCTOBER)
            heights = {key: rows.height for key, rows in rows_behind(there, name, OCTOBER).items()}
            assert heights == {key: rows.height for key, rows in here.items()}, name


# ---- what is taken along --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DATA)
def test_nobody_is_named_unless_asked_for(name):
    cube = cube_of(name)
    for item in KPIS:
        for rows in rows_behind(cube, item, month("2026-03") if name == "b2b_saas" else YEAR).values():
            assert not [column for column in rows.columns if is_personal(column)], item.id


def test_a_name_is_there_when_asked_for():
    leads = LEADS.with_columns(email=pl.lit("a@example.com"))
    cube = kpi.measure(kpi.read({"leads": leads}))
    assert "email" in rows_behind(cube, "leads", personal=True)["numerator", "leads"].columns
    assert "email" not in rows_behind(cube, "leads")["numerator", "leads"].columns


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Enum(["=1+1", "@x", "\t=1", "fine", "a;=1"])])
def test_no_cell_of_a_download_is_a_formula(dtype):
    frame = pl.DataFrame({"=name": ["=1+1", "@x", "\t=1", "fine", "a;=1", None]}, schema={"=name": dtype})
    text = to_csv(frame).decode("utf-8-sig")
    cells = pl.read_csv(io.StringIO(text))
    assert cells.columns == ["'=name"]
    assert cells.to_series().to_list() == ["'=1+1", "'@x", "'\t=1", "fine", "a;=1", None]
    assert '"a;=1"' in text  # where a semicolon parts cells, it parts none in quotes


def test_what_no_cell_can_hold_is_left_out():
    frame = pl.DataFrame({"n": [-1.5], "day": [dt.date(2025, 1, 1)], "bytes": [b"x"], "list": [[1]], "nothing": [None]})
    frame = frame.with_columns(pl.Series("object", [{1}], dtype=pl.Object), lasting=dt.timedelta(minutes=1))
    assert to_csv(frame).decode("utf-8-sig").split() == ['"n","day","nothing","lasting"', '-1.5,"2025-01-01",,60']

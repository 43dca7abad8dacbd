"""The same numbers on every engine: Polars, DuckDB, pandas and Arrow, alone and together."""

import datetime as dt
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from small_business import AS_OF, ASSUMPTIONS, FRAMES, LEADS, YEAR, business

from kpi import catalog
from kpi.assumptions import Assumptions
from kpi.cube import measure
from kpi.evaluation import evaluate
from kpi.periods import Period
from kpi.reading import read

duckdb = pytest.importorskip("duckdb", reason="needs duckdb: pip install duckdb")

SAMPLES = Path(__file__).parents[1] / "sample_data"
DIMS = ("channel", "placement")
BUSINESSES = ("b2b_saas", "b2c_shop", "b2c_local")
ROME = ASSUMPTIONS.with_values(zone="Europe/Rome")
CONNECTION = duckdb.connect(config={"threads": 2})
CONNECTION.execute("SET TimeZone = 'America/New_York'")  # days must not follow the connection


def relation(frame: pl.DataFrame):
    return CONNECTION.from_arrow(frame.to_arrow())


@cache
def cube(name: str, engine: str):
    """The cube of a sample, or of the small business with days of Rome."""
    if name == "small":
        frames = FRAMES if engine == "polars" else {name: relation(frame) for name, frame in FRAMES.items()}
        return measure(read(frames, as_of=AS_OF, assumptions=ROME), by=DIMS)
    said = read(SAMPLES / name)
    if engine == "polars":
        return measure(said, by=DIMS)
    paths = {table: str(SAMPLES / name / f"{table}.parquet") for table in said.tables}
    data = read(
        {table: CONNECTION.read_parquet(path) for table, path in paths.items()},
        as_of=said.as_of,
        assumptions=said.assumptions,
    )
    assert all(isinstance(rows, duckdb.DuckDBPyRelation) for rows in data.tables.values())
    return measure(data, by=DIMS)


def same(left: pl.DataFrame, right: pl.DataFrame) -> None:
    """Equal rows in equal order, figures to 1e-12 of their size."""
    assert_frame_equal(left, right, check_exact=False, rel_tol=1e-12, abs_tol=1e-12)


def by_key(frame: pl.DataFrame) -> pl.DataFrame:
    """A cube's frame in one order; a stock has a row for what opened on a day and one for what closed."""
    keys = [name for name in frame.columns if name != "amount"]
    return frame.group_by(keys).agg(pl.col("amount").sum()).sort(keys)


@pytest.mark.parametrize("name", ["small", *BUSINESSES])
def test_cube_is_the_same_on_duckdb(name):
    one, other = cube(name, "polars"), cube(name, "duckdb")
    same(by_key(one.frame), by_key(other.frame))
    assert (one.lacking, one.spans, one.splits, one.ripe) == (other.lacking, other.spans, other.splits, other.ripe)


@pytest.mark.parametrize("name", ["small", *BUSINESSES])
@pytest.mark.parametrize("by", [(), ("channel",)], ids=["whole", "by channel"])
def test_every_kpi_is_the_same_on_duckdb(name, by):
    one, other = cube(name, "polars"), cube(name, "duckdb")
    every = [*catalog.kpis(one.assumptions.stages)]
    found = evaluate(one, every, by=by)
    assert found["value"].is_not_null().any()
    same(found, evaluate(other, every, by=by))


def test_every_measure_is_asked_on_duckdb():
    asked = {*cube("small", "duckdb").frame["measure"].unique(), *cube("small", "duckdb").rows}
    assert asked == {*catalog.measures(ROME.stages)}


@pytest.mark.parametrize("item", ["buyers", "accounts", "accounts_before", "accounts_lost"])
@pytest.mark.parametrize("name", ["small", "b2c_shop", "b2b_saas"])
def test_distinct_counts_ask_the_same_rows_on_duckdb(name, item):
    one, other = cube(name, "polars"), cube(name, "duckdb")
    if item in one.lacking:
        assert item in other.lacking
        return
    kpi = catalog.Kpi("own", pl.col(item))
    for by, every in (((), None), (("channel",), None), (("channel",), "1q")):
        same(*(evaluate(each, kpi, by=by, every=every) for each in (one, other)))
    assert evaluate(one, kpi, every="1q")["value"].sum() > 0


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_day_begins_in_the_zone_of_the_business_on_both_engines(engine):
    """23:30 UTC on 31 December is the next year in Rome; in New York, the connection's zone, it is the afternoon."""
    late = LEADS.filter(pl.col("lead_id") == "L8")
    summer = late.with_columns(lead_id=pl.lit("S"), created_at=pl.lit(dt.datetime(2025, 6, 30, 22, 30, tzinfo=dt.UTC)))
    leads = pl.concat([late, summer.cast(late.schema)])
    data = read({"leads": leads if engine == "polars" else relation(leads)}, assumptions=ROME)
    frame = measure(data, kpis=["leads"]).frame.filter(measure="leads")
    assert frame["date"].to_list() == [dt.date(2025, 7, 1), dt.date(2026, 1, 1)]


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_durations_do_not_follow_the_summer_time_of_the_connection(engine):
    """New York skips an hour on 9 March 2025; from 8 March 12:00 to 9 March 23:45 UTC it is 35 h 45 min even so."""
    start, end = dt.datetime(2025, 3, 8, 12, tzinfo=dt.UTC), dt.datetime(2025, 3, 9, 23, 45, tzinfo=dt.UTC)
    moments = {"created_at": [start], "won_at": [end], "first_response_at": [end]}
    leads = pl.DataFrame({"lead_id": ["a"], **moments}).cast(dict.fromkeys(moments, pl.Datetime("us", "UTC")))
    cube = measure(read({"leads": leads if engine == "polars" else relation(leads)}))
    spreads = cube.frame.filter(pl.col("measure").is_in(["win_spread", "response_spread"]))
    assert dict(spreads.select("measure", "value").iter_rows()) == {"win_spread": 1, "response_spread": 36 * 3600}


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_sums_of_small_integers_do_not_wrap(engine):
    days = pl.DataFrame({"date": [dt.date(2025, 1, 1)] * 3, "sessions": [2_000_000_000] * 3})
    traffic = days.with_columns(pl.col("sessions").cast(pl.Int32))
    data = read({"traffic": traffic if engine == "polars" else relation(traffic)})
    assert evaluate(measure(data, kpis=["sessions"]), "sessions")["value"].item() == 6_000_000_000


# ---- what DuckDB must read as Polars does ---------------------------------------------------------------------------


def of_engine(engine: str, leads: pl.DataFrame):
    return read({"leads": leads if engine == "polars" else relation(leads)}, as_of=AS_OF)


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_rows_without_a_key_are_never_merged(engine):
    named = ~pl.col("lead_id").is_in(["L1", "L2", "L3"])
    leads = LEADS.with_columns(lead_id=pl.when(named).then("lead_id"))
    twice = pl.concat([leads, leads.filter(pl.col("lead_id") == "L4")])
    data = of_engine(engine, twice)
    assert [(issue.check, issue.rows) for issue in data.issues] == [("duplicate key", 1)]
    assert evaluate(measure(data, kpis=["leads_raw"]), "leads_raw")["value"].item() == 10


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_tokens_that_say_nothing_are_unknown(engine):
    tokens = ["(not set)", "", None, "unknown", " - ", "Select", "x", "x", "x", "x"]
    leads = LEADS.with_columns(channel=pl.Series(tokens))
    found = evaluate(measure(of_engine(engine, leads), by=("channel",), kpis=["leads_raw"]), "leads_raw", by="channel")
    assert dict(found.select("channel", "value").iter_rows()) == {"unknown": 6, "x": 4}


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_dates_without_a_zone_are_days_as_written(engine):
    leads = pl.DataFrame({"lead_id": ["a", "b"], "created_at": [dt.date(2025, 1, 31), dt.date(2025, 2, 1)]})
    data = read({"leads": leads if engine == "polars" else relation(leads)}, assumptions=ROME)
    assert measure(data, kpis=["leads"]).frame["date"].to_list() == [dt.date(2025, 1, 31), dt.date(2025, 2, 1)]


# ---- engines together -----------------------------------------------------------------------------------------------


def test_leads_in_duckdb_and_spend_in_polars_meet_in_the_cube():
    cube = measure(business("spend", "traffic", leads=relation(LEADS)))
    found = evaluate(cube, ["cpl", "cpql", "visitor_to_lead", "cac_cohort"], period=YEAR)
    assert found["value"].to_list() == pytest.approx([3750 / 9, 625, 0.007, 2250], rel=1e-12)


@pytest.mark.parametrize(
    ("leads", "chats"),
    [(LEADS, relation(FRAMES["chats"])), (relation(LEADS), FRAMES["chats"])],
    ids=["leads in Polars, chats in DuckDB", "leads in DuckDB, chats in Polars"],
)
def test_chats_borrow_from_leads_of_another_engine_or_say_why_not(leads, chats):
    data = read({"leads": leads, "chats": chats}, as_of=AS_OF)
    asked = ["chat_to_sale", "chat_to_lead"]
    try:
        found = evaluate(measure(data, kpis=asked), asked, period=YEAR)
    except ValueError as refused:
        assert "chats" in str(refused)  # noqa: PT017
        assert "leads" in str(refused)  # noqa: PT017
    else:
        assert found["value"].to_list() == pytest.approx([2 / 6, 4 / 6], rel=1e-12)


# ---- frames of other libraries --------------------------------------------------------------------------------------


def of_pandas(frame: pl.DataFrame):
    return pytest.importorskip("pandas", reason="needs pandas") and frame.to_pandas()


FROM = {
    "pandas": of_pandas,
    "arrow": lambda frame: frame.to_arrow(),
    "arrow batches": lambda frame: frame.to_arrow().to_reader(),
    "lazy Polars": lambda frame: frame.lazy(),
}


@pytest.mark.parametrize("kind", FROM)
def test_frames_of_other_libraries_give_the_same_numbers(kind):
    data = read({name: FROM[kind](frame) for name, frame in FRAMES.items()}, as_of=AS_OF, assumptions=ROME)
    other = measure(data, by=DIMS)
    assert data.issues == ()
    same(by_key(cube("small", "polars").frame), by_key(other.frame))
    every = [*catalog.kpis(ROME.stages)]
    same(evaluate(cube("small", "polars"), every, period=YEAR), evaluate(other, every, period=YEAR))


def buffers(column) -> set[int]:
    """Where the chunks of an Arrow column keep their values."""
    return {chunk.buffers()[-1].address for chunk in column.chunks}


def test_arrow_columns_are_read_where_they_lie():
    pa = pytest.importorskip("pyarrow")
    moments = pa.array([1_735_689_600_000_000 + i for i in range(1000)], pa.timestamp("us", "UTC"))
    amounts = pa.array([float(i) for i in range(1000)])
    given = pa.table({"lead_id": [f"lead number {i}" for i in range(1000)], "created_at": moments, "amount": amounts})
    held = read({"leads": given}).tables["leads"].select("created_at", "amount").collect().to_arrow()
    for name in ("created_at", "amount"):
        assert buffers(held[name]) == buffers(given[name]), name


def test_polars_frames_are_read_where_they_lie():
    spend = pl.DataFrame({"date": [dt.date(2025, 1, 1)] * 1000, "cost": [float(i) for i in range(1000)]})
    held = read({"spend": spend}).tables["spend"].collect()
    assert buffers(held.to_arrow()["cost"]) == buffers(spend.to_arrow()["cost"])


def test_a_frame_is_not_changed_by_reading():
    before = {name: frame.clone() for name, frame in FRAMES.items()}
    measure(business())
    for name, frame in FRAMES.items():
        assert frame.equals(before[name])


@pytest.mark.parametrize("rows", [42, "a.parquet", {"lead_id": ["a"]}, None], ids=["number", "text", "dict", "none"])
def test_what_is_no_frame_is_refused_by_name(rows):
    with pytest.raises((TypeError, ValueError), match="leads"):
        read({"leads": rows})


def test_money_of_two_currencies_stays_apart_on_both_engines():
    spend = pl.DataFrame(
        {"date": [dt.date(2025, 1, 1)] * 3, "cost": [10.0, 20.0, 5.0], "currency": ["EUR", "USD", None]}
    )
    for rows in (spend, relation(spend)):
        data = read({"spend": rows}, assumptions=Assumptions(rates={"USD": 0.5}))
        period = Period(dt.date(2025, 1, 1), dt.date(2025, 1, 1))
        assert evaluate(measure(data), "spend", period=period)["value"].to_list() == [25.0]
        apart = evaluate(measure(data.with_assumptions(Assumptions())), "spend", period=period)
        assert apart.select("currency", "value", "status").rows() == [
            (None, None, "mixed currency"),
            ("EUR", 15.0, "ok"),
            ("USD", 20.0, "ok"),
        ]

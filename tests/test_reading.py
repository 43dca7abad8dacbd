"""Files and frames → a data set: nothing is read too early, nothing is lost, and what does not fit is said."""

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest

from kpi.assumptions import Assumptions
from kpi.canonical import is_personal
from kpi.cube import measure
from kpi.evaluation import evaluate
from kpi.periods import Period
from kpi.reading import read
from kpi.tables import TABLES, Dataset

UTC = dt.UTC


def leads_csv(folder: Path, text: str, name: str = "leads.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n", encoding="utf-8")
    return path


def held(data: Dataset, table: str = "leads") -> pl.DataFrame:
    return data.tables[table].collect()


def found(data: Dataset) -> list[tuple]:
    return [(issue.check, issue.table, issue.column, issue.rows, issue.action) for issue in data.issues]


def total(data: Dataset, item: str = "leads_raw") -> float:
    return evaluate(measure(data, kpis=[item]), item)["value"].item()


# ---- Parquet --------------------------------------------------------------------------------------------------------


def canonical(**columns) -> pl.DataFrame:
    """Leads in their canonical types, so that there is nothing to cast and no key to check twice."""
    types = {"lead_id": pl.String, "created_at": pl.Datetime("us", "UTC")}
    return pl.DataFrame(columns, schema_overrides={name: types[name] for name in columns if name in types})


def test_parquet_is_read_when_it_is_measured(tmp_path):
    path = tmp_path / "traffic.parquet"
    pl.DataFrame({"date": [dt.date(2025, 1, 1)], "sessions": [7]}).write_parquet(path)
    data = read(path)
    assert isinstance(data.tables["traffic"], pl.LazyFrame)
    moved = path.rename(tmp_path / "elsewhere")
    with pytest.raises((FileNotFoundError, pl.exceptions.ComputeError)):
        measure(data, kpis=["sessions"])
    moved.rename(path)
    assert total(data, "sessions") == 7


def test_parquet_without_its_rows_is_known_by_its_columns(tmp_path):
    canonical(lead_id=["a"], created_at=[dt.datetime(2025, 1, 1, tzinfo=UTC)]).write_parquet(tmp_path / "leads.parquet")
    data = read(tmp_path)
    assert data.columns == {"leads": frozenset({"lead_id", "created_at"})}
    assert data.has("leads.created_at")
    assert not data.has("leads.won_at")
    assert not data.has("spend")


def test_only_the_columns_needed_are_scanned(tmp_path):
    path = tmp_path / "traffic.parquet"
    pl.DataFrame({"date": [dt.date(2025, 1, 1)], "sessions": [7], "note": ["unused"]}).write_parquet(path)
    plan = read(path).tables["traffic"].select("sessions").explain()
    assert "PROJECT 1/3" in plan


def test_files_of_one_table_are_one_table(tmp_path):
    for month in (1, 2):
        days = [dt.date(2025, month, 1)]
        pl.DataFrame({"date": days, "sessions": [month]}).write_parquet(tmp_path / f"traffic_{month}.parquet")
    leads_csv(tmp_path, "date,sessions,channel\n2025-03-01,4,organic", "traffic-3.csv")
    data = read(tmp_path)
    assert sorted(held(data, "traffic").select("sessions", "channel").rows()) == [
        (1, "unknown"),
        (2, "unknown"),
        (4, "organic"),
    ]


# ---- CSV ------------------------------------------------------------------------------------------------------------


def test_ids_survive_as_they_are_written(tmp_path):
    ids = ["007", "00", "9007199254740993", "001A000001XyZabIAF", "12345678901234567890123", "1e5", "0x1F", "TRUE"]
    data = read(leads_csv(tmp_path, "lead_id,created_at\n" + "\n".join(f"{one},2025-01-01" for one in ids)))
    assert held(data)["lead_id"].to_list() == ids
    assert held(data).schema["lead_id"] == pl.String


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2025-01-31T23:30:00Z", (2025, 1, 31, 23, 30)),
        ("2025-01-31T23:30:00+02:00", (2025, 1, 31, 21, 30)),
        ("2025-01-31T23:30:00+0200", (2025, 1, 31, 21, 30)),
        ("2025-01-31T23:30:00-05:00", (2025, 2, 1, 4, 30)),
        ("2025-01-31 23:30:00+02:00", (2025, 1, 31, 21, 30)),
        ("2025-01-31T23:30:00", (2025, 1, 31, 23, 30)),
        ("2025-01-31 23:30:00", (2025, 1, 31, 23, 30)),
        ("2025-01-31T23:30", (2025, 1, 31, 23, 30)),
        ("2025-01-31 23:30", (2025, 1, 31, 23, 30)),
        ("2025-01-31T23:30:00.250Z", (2025, 1, 31, 23, 30, 0, 250_000)),
        ("2025-01-31 23:30:00.250", (2025, 1, 31, 23, 30, 0, 250_000)),
        (" 2025-01-31T23:30:00Z ", (2025, 1, 31, 23, 30)),
    ],
)
def test_iso_dates_are_understood(tmp_path, written, read_as):
    data = read(leads_csv(tmp_path, f"lead_id,created_at\na,{written}"))
    assert held(data)["created_at"].to_list() == [dt.datetime(*read_as, tzinfo=UTC)]
    assert found(data) == []


def test_day_among_times_is_noon(tmp_path):
    """A column with times of day is one of instants; what has none is noon, which is that day in nearly every zone."""
    data = read(leads_csv(tmp_path, "lead_id,created_at\na,2025-01-31\nb,2025-01-31T10:00:00Z"))
    assert held(data)["created_at"].to_list() == [dt.datetime(2025, 1, 31, hour, tzinfo=UTC) for hour in (12, 10)]


@pytest.mark.parametrize("zone", ["Europe/Rome", "America/New_York", "Pacific/Auckland"])
def test_plain_date_stays_its_day_in_every_zone(tmp_path, zone):
    """A date without a time of day says a day, not a midnight in Greenwich that is another day elsewhere."""
    data = read(leads_csv(tmp_path, "lead_id,created_at\na,2025-02-01"), assumptions=Assumptions(zone=zone))
    assert measure(data, kpis=["leads"]).frame["date"].to_list() == [dt.date(2025, 2, 1)]


@pytest.mark.parametrize("written", ["31/01/2025", "01-31-2025", "2025-13-01", "2025-02-30", "yesterday", "45688"])
def test_other_dates_are_no_dates(tmp_path, written):
    data = read(leads_csv(tmp_path, f"lead_id,created_at,won_at\na,2025-01-01,{written}\nb,2025-01-01,2025-01-05"))
    assert held(data)["won_at"].to_list() == [None, dt.date(2025, 1, 5)]
    assert found(data) == [("not a date", "leads", "won_at", 1, "left empty")]
    assert data.issues[0].sample == (written,)


def test_values_that_do_not_fit_are_counted_and_left_empty(tmp_path):
    data = read(
        leads_csv(
            tmp_path,
            """
            lead_id,created_at,amount,score,valid
            a,2025-01-01,1000,90,yes
            b,2025-01-02,"1,000",high,maybe
            c,2025-01-03,,,
            d,2025-01-04,EUR 5,70,FALSE
            e,2025-01-05,n/a,-,unknown
            f,2025-01-06, 12.50 ,1e1,1
            """,
        )
    )
    assert held(data)["amount"].to_list() == [1000.0, None, None, None, None, 12.5]
    assert held(data)["score"].to_list() == [90.0, None, None, 70.0, None, 10.0]
    assert held(data)["valid"].to_list() == [True, None, None, False, None, True]
    assert sorted(found(data)) == [
        ("not a number", "leads", "amount", 2, "left empty"),
        ("not a number", "leads", "score", 1, "left empty"),
        ("not yes or no", "leads", "valid", 1, "left empty"),
    ]
    assert {issue.column: issue.sample for issue in data.issues} == {
        "amount": ("1,000", "EUR 5"),
        "score": ("high",),
        "valid": ("maybe",),
    }


@pytest.mark.parametrize("written", ["nan", "NaN", "inf", "-Infinity"])
def test_what_is_not_a_number_is_no_number(tmp_path, written):
    """One NaN among the costs would make every cost KPI of the file NaN."""
    data = read(leads_csv(tmp_path, f"date,cost\n2025-01-01,{written}\n2025-01-02,5", "spend.csv"))
    assert total(data, "spend") == 5
    assert sum(issue.rows for issue in data.issues) == 1 or written.lower() == "nan"


def test_nan_of_a_frame_is_no_number():
    spend = pl.DataFrame({"date": [dt.date(2025, 1, 1)] * 2, "cost": [float("nan"), 5.0]})
    assert total(read({"spend": spend}), "spend") == 5


@pytest.mark.parametrize(("given", "kept"), [("12", 12), ("12.0", 12), ("-3", -3)])
def test_whole_numbers_may_be_written_with_a_point(tmp_path, given, kept):
    data = read(leads_csv(tmp_path, f"date,sessions\n2025-01-01,{given}", "traffic.csv"))
    assert held(data, "traffic")["sessions"].to_list() == [kept]
    assert data.issues == ()


def test_part_of_a_whole_number_is_not_cut_off_in_silence():
    days = [dt.date(2025, 1, 1), dt.date(2025, 1, 2)]
    data = read({"traffic": pl.DataFrame({"date": days, "sessions": [2.9, 3.0]})})
    assert held(data, "traffic")["sessions"].to_list() != [2, 3] or found(data) != []


def test_tokens_that_say_nothing_become_unknown(tmp_path):
    tokens = ["", "unknown", "Unknown", "(not set)", "undefined", "NULL", "N/A", "-", "--", "Select", "  "]
    rows = "\n".join(f'{place},2025-01-01,"{token}"' for place, token in enumerate([*tokens, " Print "]))
    data = read(leads_csv(tmp_path, f"lead_id,created_at,channel\n{rows}"))
    assert held(data)["channel"].to_list() == ["unknown"] * len(tokens) + ["Print"]
    assert data.issues == ()


def test_personal_values_are_in_no_sample(tmp_path):
    email = pl.DataFrame({"lead_id": ["a"], "created_at": [dt.date(2025, 1, 1)], "email": [b"ann@example.com"]})
    for issue in read({"leads": email}).issues:
        assert issue.sample == ()


def test_quotes_commas_and_line_breaks_in_a_cell(tmp_path):
    path = tmp_path / "leads.csv"
    path.write_text('lead_id,created_at,campaign\na,2025-01-01,"Spring, ""early""\nbird"\nb,2025-01-02,x\n', "utf-8")
    assert held(read(path))["campaign"].to_list() == ['Spring, "early"\nbird', "x"]


def test_byte_order_mark_is_no_part_of_the_first_header(tmp_path):
    path = tmp_path / "leads.csv"
    path.write_bytes("lead_id,created_at\na,2025-01-01\n".encode("utf-8-sig"))
    assert held(read(path)).columns == ["lead_id", "created_at"]


def test_headers_are_trimmed_and_their_case_does_not_matter_or_the_message_names_them(tmp_path):
    path = leads_csv(tmp_path, "Lead_ID,Created_At\na,2025-01-01")
    try:
        assert total(read(path)) == 1
    except ValueError as refused:
        assert "lead_id" in str(refused)  # noqa: PT017


def test_ragged_row_is_no_crash(tmp_path):
    path = leads_csv(tmp_path, "lead_id,created_at,channel\na,2025-01-01,x,surplus\nb,2025-01-02")
    try:
        data = read(path)
        assert total(data) in (1, 2)
    except ValueError as refused:
        assert "leads" in str(refused)  # noqa: PT017


def test_file_that_is_not_utf8_is_refused_with_its_name(tmp_path):
    path = tmp_path / "leads.csv"
    path.write_bytes("lead_id,created_at,channel\na,2025-01-01,Zürich\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"leads\.csv"):
        total(read(path))


def test_unmapped_columns_are_kept(tmp_path):
    data = read(leads_csv(tmp_path, "lead_id,created_at,shoe size\na,2025-01-01,42"))
    assert held(data)["shoe size"].to_list() == ["42"]


# ---- keys -----------------------------------------------------------------------------------------------------------


def test_last_version_of_a_repeated_key_counts(tmp_path):
    data = read(
        leads_csv(
            tmp_path,
            """
            lead_id,created_at,channel
            a,2025-01-01,first
            b,2025-01-02,only
            a,2025-01-01,second
            a,2025-01-01,last
            """,
        )
    )
    assert sorted(held(data).select("lead_id", "channel").rows()) == [("a", "last"), ("b", "only")]
    assert found(data) == [("duplicate key", "leads", "lead_id", 2, "excluded")]
    assert total(data) == 2


def test_rows_without_a_key_are_never_merged(tmp_path):
    data = read(leads_csv(tmp_path, "lead_id,created_at\n,2025-01-01\n,2025-01-02\na,2025-01-03\na,2025-01-03"))
    assert total(data) == 3
    assert found(data) == [("duplicate key", "leads", "lead_id", 1, "excluded")]


def test_later_file_of_a_list_wins(tmp_path):
    old = leads_csv(tmp_path, "lead_id,created_at,channel\na,2025-01-01,old", "leads_1.csv")
    new = leads_csv(tmp_path, "lead_id,created_at,channel\na,2025-01-01,new", "leads_2.csv")
    assert held(read([old, new]))["channel"].to_list() == ["new"]
    assert held(read([new, old]))["channel"].to_list() == ["old"]


def test_same_file_name_in_two_folders_is_two_files(tmp_path):
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(leads_csv(tmp_path / name, f"lead_id,created_at\n{name},2025-01-01"))
    assert total(read(paths)) == 2


def test_versions_of_a_subscription_are_no_duplicates():
    row = {"subscription_id": "s", "customer_id": "c", "amount": 10.0}
    starts = [dt.date(2025, 1, 1), dt.date(2025, 2, 1)]
    data = read({"subscriptions": pl.DataFrame([{**row, "started_at": start} for start in starts])})
    assert held(data, "subscriptions").height == 2
    assert data.issues == ()


# ---- what is given --------------------------------------------------------------------------------------------------

SPEND = "date,cost\n2025-01-01,10"
LEADS = "lead_id,created_at\na,2025-01-01"


def test_folder_and_list_and_frames_are_the_same(tmp_path):
    files = [leads_csv(tmp_path, LEADS), leads_csv(tmp_path, SPEND, "spend.csv")]
    frames = {"leads": pl.read_csv(files[0], infer_schema=False), "spend": pl.read_csv(files[1], infer_schema=False)}
    for source in (tmp_path, str(tmp_path), files, [str(path) for path in files], frames):
        data = read(source)
        assert evaluate(measure(data, kpis=["cpl"]), "cpl")["value"].item() == 10


def test_file_of_any_name_is_known_by_its_columns(tmp_path):
    assert set(read(leads_csv(tmp_path, SPEND, "Export (3).csv")).tables) == {"spend"}


def test_other_files_of_a_folder_are_left_alone(tmp_path):
    leads_csv(tmp_path, LEADS)
    (tmp_path / "notes.txt").write_text("hello", "utf-8")
    (tmp_path / "exports").mkdir()
    (tmp_path / ".leads.csv.swp").write_bytes(b"\0")
    assert set(read(tmp_path).tables) == {"leads"}


def test_file_that_is_no_table_is_said_and_the_others_are_read(tmp_path):
    leads_csv(tmp_path, LEADS)
    leads_csv(tmp_path, "recipe,minutes\nsoup,30", "kitchen.csv")
    data = read(tmp_path)
    assert set(data.tables) == {"leads"}
    assert [issue.sample for issue in data.issues] == [("kitchen.csv",)]


def test_workspace_file_says_assumptions_profile_and_export_date(tmp_path):
    leads_csv(tmp_path, LEADS)
    said = {"as_of": "2025-03-31", "assumptions": {"zone": "Europe/Rome", "stages": ["lead", "customer"]}}
    (tmp_path / "workspace.json").write_text(json.dumps({**said, "profile": {"business": "b2c"}}), "utf-8")
    data = read(tmp_path)
    assert data.as_of == dt.date(2025, 3, 31)
    assert data.assumptions == Assumptions(zone="Europe/Rome", stages=("lead", "customer"))
    assert data.profile == {"business": "b2c"}


def test_what_is_said_in_the_call_stands_before_the_workspace_file(tmp_path):
    leads_csv(tmp_path, LEADS)
    (tmp_path / "workspace.json").write_text('{"as_of": "2025-03-31", "assumptions": {"zone": "Europe/Rome"}}', "utf-8")
    data = read(tmp_path, as_of=dt.date(2025, 2, 1), assumptions=Assumptions(zone="Asia/Tokyo"))
    assert (data.as_of, data.assumptions.zone) == (dt.date(2025, 2, 1), "Asia/Tokyo")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{not json", "workspace.json"),
        ('{"as_of": "31 March"}', "as_of"),
        ('{"assumptions": {"margn": 0.5}}', "margin"),
        ('{"assumptions": {"margin": 60}}', "margin"),
        ("[]", "workspace.json"),
    ],
)
def test_broken_workspace_file_is_refused_with_what_is_wrong(tmp_path, text, named):
    leads_csv(tmp_path, LEADS)
    (tmp_path / "workspace.json").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=named):
        read(tmp_path)


# ---- what is missing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [table for table in TABLES.values() if len(table.required) > 1], ids=lambda t: t.name)
def test_required_columns_that_are_missing_are_named(table):
    dates = {*table.recorded}
    for column in (column for column in table.required if column not in dates):
        frame = pl.DataFrame({name: ["1"] for name in table.required if name != column})
        with pytest.raises(ValueError, match=rf"{table.name}.*lacks.*\b{column}\b"):
            read({table.name: frame})


def test_required_columns_that_a_file_lacks_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"orders\.csv.*amount.*customer_id"):
        read(leads_csv(tmp_path, "order_id,ordered_at\n1,2025-01-01", "orders.csv"))


@pytest.mark.parametrize("kind", ["file", "frame"])
def test_table_without_its_date_is_one_period(tmp_path, kind):
    path = leads_csv(tmp_path, "lead_id,stage\na,lead\nb,lead")
    data = read(path if kind == "file" else {"leads": pl.read_csv(path, infer_schema=False)})
    assert evaluate(measure(data, kpis=["leads"]), "leads").select("value", "status").row(0) == (2.0, "ok")


def test_unknown_table_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown table 'lead'.*leads"):
        read({"lead": pl.DataFrame({"lead_id": ["a"]})})


def test_path_that_does_not_exist_is_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read(tmp_path / "nowhere.parquet")


def test_folder_without_a_table_is_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=tmp_path.name):
        read(tmp_path)


@pytest.mark.parametrize("name", ["leads.csv", "leads.parquet"])
def test_file_without_a_byte_is_refused_by_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=name):
        read(tmp_path / name)


def test_file_with_headers_only_is_a_table_without_rows(tmp_path):
    data = read(leads_csv(tmp_path, "lead_id,created_at"))
    row = evaluate(measure(data, kpis=["leads"]), "leads").select("value", "status").row(0)
    assert row in [(None, "no data"), (None, "outside the data"), (0.0, "ok"), (None, "column missing")]
    assert evaluate(measure(data), ["leads", "lead_to_customer"]).height == 2


def test_no_frame_at_all_has_no_number():
    assert evaluate(measure(read({})), "leads").select("value", "status").row(0) == (None, "table missing")


def test_empty_list_is_refused():
    with pytest.raises((ValueError, FileNotFoundError)):
        read([])


# ---- the day of the export ------------------------------------------------------------------------------------------


def day(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


def as_of(**frames: pl.DataFrame) -> dt.date:
    return measure(read(frames)).as_of


def test_latest_recorded_date_stands_in_for_the_export_date():
    leads = pl.DataFrame({"lead_id": ["a"], "created_at": [day("2025-01-01")], "won_at": [day("2025-02-03")]})
    spend = pl.DataFrame({"date": [dt.date(2025, 1, 31)], "cost": [1.0]})
    assert as_of(leads=leads) == dt.date(2025, 2, 3)
    assert as_of(leads=leads, spend=spend) == dt.date(2025, 2, 3)


def test_export_date_is_a_day_of_the_workspace_s_zone():
    leads = pl.DataFrame({"lead_id": ["a"], "created_at": [day("2025-01-31T23:30")]})
    assert measure(read({"leads": leads}, assumptions=Assumptions(zone="Europe/Rome"))).as_of == dt.date(2025, 2, 1)


DEALS = {"deal_id": ["a"], "created_at": [day("2025-01-01")], "amount": [1.0]}


@pytest.mark.parametrize(("status", "until"), [("open", "2025-01-01"), ("won", "2025-03-01"), ("lost", "2025-03-01")])
def test_expected_close_of_an_open_deal_is_not_recorded_but_a_decision_is(status, until):
    deals = pl.DataFrame({**DEALS, "status": [status], "closed_at": [day("2025-03-01")]})
    assert as_of(deals=deals) == dt.date.fromisoformat(until)


def test_win_after_the_last_new_deal_is_counted():
    deals = pl.DataFrame({**DEALS, "status": ["won"], "closed_at": [day("2025-03-01")]})
    cube = measure(read({"deals": deals}))
    march = Period(dt.date(2025, 3, 1), dt.date(2025, 3, 31))
    assert evaluate(cube, "revenue", period=march)["value"].item() == 1


def test_end_of_a_subscription_is_not_recorded():
    row = {"subscription_id": ["s"], "customer_id": ["c"], "amount": [10.0], "started_at": [day("2025-01-01")]}
    ends = {"ended_at": [day("2026-01-01")], "discount_to": [day("2026-06-01")], "trial_ended_at": [day("2025-02-01")]}
    assert as_of(subscriptions=pl.DataFrame({**row, **ends})) == dt.date(2025, 1, 1)


def test_targets_and_annotations_are_not_recorded():
    leads = pl.DataFrame({"lead_id": ["a"], "created_at": [day("2025-01-01")]})
    targets = pl.DataFrame(
        {"kpi": ["leads"], "period_start": [dt.date(2026, 1, 1)], "period": ["year"], "value": [100.0]}
    )
    annotations = pl.DataFrame({"time": [day("2027-01-01")], "text": ["fair"]})
    assert as_of(leads=leads, targets=targets, annotations=annotations) == dt.date(2025, 1, 1)


def test_said_export_date_stands_even_before_later_dates():
    leads = pl.DataFrame({"lead_id": ["a", "b"], "created_at": [day("2025-01-01"), day("2025-06-01")]})
    cube = measure(read({"leads": leads}, as_of=dt.date(2025, 3, 31)))
    assert cube.as_of == dt.date(2025, 3, 31)
    assert evaluate(cube, "leads", period=Period(dt.date(2025, 1, 1), dt.date(2025, 12, 31)))["value"].item() == 1


# ---- files that are broken, or do not fit together ------------------------------------------------------------------


def test_quote_that_never_closes_leaves_the_file_out_without_its_cells(tmp_path):
    path = tmp_path / "leads.csv"
    path.write_text('lead_id,created_at\nsecret,"2025-01-01\n2,2025-01-02\n', "utf-8")
    with pytest.raises(ValueError, match=r"leads\.csv") as refused:
        read(path)
    assert "secret" not in str(refused.value)
    leads_csv(tmp_path, "date,cost\n2025-01-01,5", "spend.csv")
    data = read(tmp_path)
    assert set(data.tables) == {"spend"}
    assert [(issue.check, issue.sample) for issue in data.issues] == [("not readable", ("leads.csv",))]


def test_surplus_cells_are_cut_off_and_counted_unless_they_are_empty(tmp_path):
    path = leads_csv(tmp_path, "lead_id,created_at\na,2025-01-01,x,y\nb,2025-01-02,,\nc,2025-01-03\nd,2025-01-04,z")
    data = read(path)
    assert total(data) == 4
    assert found(data) == [("surplus cells", "leads", "", 2, "cut off")]
    assert data.issues[0].sample == ("leads.csv",)


def test_naive_and_utc_instants_of_two_files_are_one_column(tmp_path):
    """Without a zone an instant is UTC, as in a text; a plain day is noon."""
    naive = dt.datetime(2025, 1, 1, 9)
    for name, moment in (("1", naive), ("2", naive.replace(tzinfo=UTC)), ("3", dt.date(2025, 1, 2))):
        frame = pl.DataFrame({"lead_id": [name], "created_at": [moment]})
        frame.write_parquet(tmp_path / f"leads_{name}.parquet")
    moments = dict(held(read(tmp_path)).select("lead_id", "created_at").iter_rows())
    nine, noon = dt.datetime(2025, 1, 1, 9, tzinfo=UTC), dt.datetime(2025, 1, 2, 12, tzinfo=UTC)
    assert moments == {"1": nine, "2": nine, "3": noon}


def test_columns_of_types_that_do_not_meet_are_refused_by_the_files(tmp_path):
    for name, amount in (("1", [1.0]), ("2", [[1.0]])):
        frame = pl.DataFrame({"lead_id": [name], "created_at": [dt.date(2025, 1, 1)], "amount": amount})
        frame.write_parquet(tmp_path / f"leads_{name}.parquet")
    with pytest.raises(ValueError, match=r"leads_1\.parquet, leads_2\.parquet"):
        read(tmp_path)


def test_frame_that_fails_when_it_is_read_is_refused_without_its_cells(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('lead_id,created_at\nsecret,"2025-01-01\n2,2025-01-02\n', "utf-8")
    with pytest.raises(ValueError, match="leads: its rows cannot be read") as refused:
        read({"leads": pl.scan_csv(path, infer_schema=False)})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Rome", "Pacific/Pago_Pago"])
def test_plain_day_among_times_stays_its_day(tmp_path, zone):
    """It was read as midnight in Greenwich, which is the day before in all of America."""
    path = leads_csv(tmp_path, "lead_id,created_at\na,2025-01-01\nb,2025-01-02 12:00:00")
    days = measure(read(path, assumptions=Assumptions(zone=zone)), kpis=["leads"]).frame["date"].to_list()
    assert days == [dt.date(2025, 1, 1), dt.date(2025, 1, 2)]


# ---- daily reports that overlap -------------------------------------------------------------------------------------


def overlapping(folder: Path, first: str, second: str) -> Dataset:
    return read([leads_csv(folder, first, "spend_1.csv"), leads_csv(folder, second, "spend_2.csv")])


def test_days_of_two_reports_of_one_source_do_not_double(tmp_path):
    """10 + 20 of the first; the second has 2 January again, at 25 in two rows, and adds 3 January: 10 + 25 + 30."""
    data = overlapping(
        tmp_path,
        "date,campaign,cost\n2025-01-01,a,10\n2025-01-02,a,20",
        "date,campaign,cost\n2025-01-02,a,15\n2025-01-02,a,10\n2025-01-03,a,30",
    )
    assert total(data, "spend") == 65
    assert found(data) == [("overlapping days", "spend", "date", 1, "replaced")]
    assert data.issues[0].sample == ("spend_1.csv", "spend_2.csv")


def test_reports_of_two_sources_on_the_same_days_add_up(tmp_path):
    data = overlapping(
        tmp_path,
        "date,channel,cost\n2025-01-01,search,10\n2025-01-02,search,20",
        "date,channel,cost\n2025-01-01,social,10\n2025-01-02,social,20",
    )
    assert total(data, "spend") == 60
    assert data.issues == ()


@pytest.mark.parametrize(("second", "spent"), [("2025-01-02,20", 30), ("2025-01-02,21", 51)])
def test_reports_that_name_nothing_repeat_only_equal_rows(tmp_path, second, spent):
    """Another cost on the same day may be of another platform."""
    data = overlapping(tmp_path, "date,cost\n2025-01-01,10\n2025-01-02,20", f"date,cost\n{second}")
    assert total(data, "spend") == spent


def test_report_with_channels_does_not_replace_one_without(tmp_path):
    data = overlapping(tmp_path, "date,cost,cost_type\n2025-01-01,100,tools", "date,cost,channel\n2025-01-01,10,search")
    assert held(data, "spend")["cost"].sum() == 110


def test_rows_that_repeat_inside_one_report_are_kept(tmp_path):
    assert total(read(leads_csv(tmp_path, "date,cost\n2025-01-01,10\n2025-01-01,10", "spend.csv")), "spend") == 20


# ---- codes, ids, currencies: on every engine ------------------------------------------------------------------------


def engine(name: str, frame: pl.DataFrame):
    return frame if name == "polars" else pytest.importorskip("duckdb").connect().from_arrow(frame.to_arrow())


def rows_of(data: Dataset, table: str) -> pl.DataFrame:
    rows = data.tables[table]
    return rows.collect() if isinstance(rows, pl.LazyFrame) else rows.pl()


ENGINES = pytest.mark.parametrize("by", ["polars", "duckdb"])


@ENGINES
@pytest.mark.parametrize(
    ("table", "name", "written", "codes"),
    [
        (
            "deals",
            "status",
            ["Won", "Closed Won", "closed-lost", " OPEN ", "n/a"],
            ["won", "won", "lost", "open", "unknown"],
        ),
        ("subscriptions", "interval", ["Monthly", "annual", "Year", "quarterly"], ["month", "year", "year", "quarter"]),
        ("subscriptions", "status", ["Past Due", "past-due", "Trialing"], ["past_due", "past_due", "trial"]),
        ("subscriptions", "kind", ["One-off", "Recurring"], ["one_off", "recurring"]),
        ("spend", "cost_type", ["Media", "Marketing people"], ["media", "marketing_people"]),
        ("leads", "captured_by", ["Form", "fax machine"], ["form", "fax machine"]),
        ("chats", "intent", ["Sales", "Support"], ["sales", "support"]),
    ],
)
def test_code_is_known_however_it_is_written(by, table, name, written, codes):
    required = {column: [str(place) for place in range(len(written))] for column in TABLES[table].required}
    dates = {column: [dt.date(2025, 1, 1)] * len(written) for column in required if column in TABLES[table].recorded}
    money = {column: [1.0] * len(written) for column in required if column in ("amount", "cost")}
    data = read({table: engine(by, pl.DataFrame({**required, **dates, **money, name: written}))})
    assert rows_of(data, table)[name].to_list() == codes
    assert data.issues == ()


@ENGINES
def test_code_out_of_the_vocabulary_stays_and_is_said(by):
    rows = {"subscription_id": ["a", "b", "c"], "customer_id": ["a", "b", "c"], "amount": [1.0, 1.0, 1.0]}
    frame = pl.DataFrame({**rows, "started_at": [dt.date(2025, 1, 1)] * 3, "interval": ["Fortnight", "month", None]})
    data = read({"subscriptions": engine(by, frame)})
    assert rows_of(data, "subscriptions")["interval"].to_list() == ["Fortnight", "month", "unknown"]
    assert found(data) == [("unknown code", "subscriptions", "interval", 1, "kept")]
    assert data.issues[0].sample == ("Fortnight",)


def test_won_deals_of_a_crm_are_won():
    deals = pl.DataFrame({**DEALS, "status": ["Closed Won"], "closed_at": [dt.date(2025, 1, 1)]})
    assert total(read({"deals": deals}), "revenue") == 1


@ENGINES
def test_ids_that_pandas_made_floats_are_whole(by):
    frame = pl.DataFrame({"lead_id": [2.0, None, 2.5], "created_at": [dt.date(2025, 1, 1)] * 3})
    assert sorted(rows_of(read({"leads": engine(by, frame)}), "leads")["lead_id"].to_list(), key=str) == [
        "2",
        "2.5",
        None,
    ]


@ENGINES
def test_blank_ids_are_none_and_currencies_are_capitals(by):
    frame = pl.DataFrame(
        {"deal_id": ["a", " "], "created_at": [dt.date(2025, 1, 1)] * 2, "currency": ["usd", ""], "amount": [1.0, 2.0]}
    )
    rows = rows_of(read({"deals": engine(by, frame)}), "deals").sort("amount")
    assert rows.select("deal_id", "currency").rows() == [("a", "USD"), (None, None)]


@ENGINES
def test_version_with_the_latest_dates_counts_where_rows_have_no_order(by):
    """Polars goes by the order of rows; here both ways name the same one."""
    frame = pl.DataFrame(
        {
            "lead_id": ["a", "b", "a"],
            "created_at": [dt.date(2025, 1, 1)] * 3,
            "won_at": [None, None, dt.date(2025, 1, 5)],
            "channel": ["zz", "only", "aa"],
        }
    )
    data = read({"leads": engine(by, frame)})
    assert sorted(rows_of(data, "leads")["channel"].to_list()) == ["aa", "only"]
    assert [(issue.check, issue.rows) for issue in data.issues] == [("duplicate key", 1)]
    assert ("order" in data.issues[0].action) == (by == "duckdb")


@pytest.mark.parametrize(
    ("name", "personal"),
    [
        ("email", True), ("E-Mail Address", True), ("Phone", True), ("mobile", True), ("tel", True), ("name", True),
        ("First Name", True), ("lastname", True), ("full_name", True), ("Contact name", True), ("customer_name", True),
        ("address", True), ("ip", True), ("client_ip", True), ("visitor_id", True), ("IBAN", True),
        ("campaign_name", False), ("plan name", False), ("file_name", False), ("zip", False), ("hotel", False),
        ("lead_id", False), ("channel", False), ("description", False), ("automobile", False), ("trip", False),
    ],
)  # fmt: skip
def test_column_that_names_a_person_is_known_by_its_name(name, personal):
    assert is_personal(name) is personal


# ---- subscriptions --------------------------------------------------------------------------------------------------


def subscription(**columns) -> Dataset:
    row = {"subscription_id": "s", "customer_id": "c", "amount": 100.0, "started_at": dt.date(2025, 2, 1), **columns}
    return read({"subscriptions": pl.DataFrame([row])}, as_of=dt.date(2025, 4, 30))


def by_month(data: Dataset, kpi: str) -> list[float | None]:
    """February, March, April."""
    months = [
        Period(dt.date(2025, place, 1), dt.date(2025, place, last)) for place, last in ((2, 28), (3, 31), (4, 30))
    ]
    cube = measure(data, kpis=[kpi])
    return [evaluate(cube, kpi, period=each)["value"].item() for each in months]


@pytest.mark.parametrize(
    ("ends", "mrr"),
    [
        (dt.date(2025, 1, 15), [100, 100, 100]),  # before this version began: it was 50 for ever
        (dt.date(2025, 2, 1), [100, 100, 100]),
        (dt.date(2025, 3, 15), [50, 100, 100]),
        (None, [50, 50, 50]),
    ],
)
def test_discount_lasts_until_it_ends(ends, mrr):
    assert by_month(subscription(discount_pct=50.0, discount_to=ends), "mrr") == mrr


@pytest.mark.parametrize(
    ("columns", "mrr", "accounts", "new"),
    [
        ({"trial_ended_at": dt.date(2025, 3, 10)}, [0, 100, 100], [0, 1, 1], [0, 1, 0]),
        ({"trial_ended_at": dt.date(2025, 1, 10)}, [100, 100, 100], [1, 1, 1], [1, 0, 0]),  # a later version
        ({"trial_ended_at": dt.date(2025, 5, 10)}, [0, 0, 0], [0, 0, 0], [0, 0, 0]),  # still running
        (
            {"trial_ended_at": dt.date(2025, 3, 10), "ended_at": dt.date(2025, 3, 10)},
            [0, 0, 0],
            [0, 0, 0],
            [0, 0, 0],
        ),
        (
            {"trial_ended_at": dt.date(2025, 3, 10), "discount_pct": 50.0, "discount_to": dt.date(2025, 4, 10)},
            [0, 50, 100],
            [0, 1, 1],
            [0, 1, 0],
        ),
        (
            {"trial_ended_at": dt.date(2025, 3, 10), "discount_pct": 50.0, "discount_to": dt.date(2025, 3, 1)},
            [0, 100, 100],
            [0, 1, 1],
            [0, 1, 0],
        ),
    ],
    ids=["a trial", "a version after the trial", "a trial that runs", "left in the trial", "then half price", "no use"],
)
def test_free_trial_is_no_revenue_and_no_customer(columns, mrr, accounts, new):
    data = subscription(trial_started_at=dt.date(2025, 2, 1), **columns)
    assert by_month(data, "mrr") == mrr
    assert by_month(data, "accounts") == accounts
    assert by_month(data, "new_customers") == new

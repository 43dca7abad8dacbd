"""What `import kpi` offers: few names, documented, light to import, and what the documentation says of them."""

import ast
import datetime as dt
import importlib
import inspect
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars import col

import kpi

ROOT = Path(__file__).parents[1]
NAMES = kpi.__all__
FUNCTIONS = [name for name in NAMES if inspect.isfunction(getattr(kpi, name))]
CLASSES = [name for name in NAMES if inspect.isclass(getattr(kpi, name))]
HEAVY = {"streamlit", "altair", "pandas", "scipy", "vl_convert", "anywidget", "duckdb"}

# Four leads, three of paid search for 150; one of them won, one about solar panels there and one elsewhere.
LEADS = pl.DataFrame(
    {
        "lead_id": ["a", "b", "c", "d"],
        "created_at": [dt.date(2025, 1, 2), dt.date(2025, 1, 3), dt.date(2025, 1, 9), dt.date(2025, 1, 20)],
        "channel": ["paid_search", "paid_search", "paid_search", "organic"],
        "won_at": [dt.date(2025, 1, 30), None, None, None],
        "topic": ["roof", "solar", "roof", "solar"],
    }
)
SPEND = pl.DataFrame(
    {
        "date": [dt.date(2025, 1, 2), dt.date(2025, 1, 31)],
        "cost": [100.0, 50.0],
        "channel": ["paid_search", "paid_search"],
    }
)
SOLAR = kpi.Measure("leads_solar", "leads", kpi.rows("is_valid", kpi.Where("topic", ("solar",))), at="created_at")
SOLAR_SHARE = kpi.Kpi("solar_share", col("leads_solar"), col("leads"), unit="rate", better="higher")
FRAMES = {
    "polars": lambda frame: frame,
    "polars lazy": lambda frame: frame.lazy(),
    "pandas": lambda frame: frame.to_pandas(),
    "arrow": lambda frame: frame.to_arrow(),
    "duckdb": lambda frame: duckdb.from_arrow(frame.to_arrow()),
}


def doc(name: str) -> str:
    return inspect.getdoc(getattr(kpi, name)) or ""


@pytest.fixture(scope="module")
def cube():
    return kpi.measure(kpi.read({"leads": LEADS, "spend": SPEND}), by=["channel"], measures=[SOLAR])


# ---- the names ------------------------------------------------------------------------------------------------------


def test_names_are_sorted_and_there():
    assert sorted(NAMES) == NAMES
    assert all(hasattr(kpi, name) for name in NAMES)
    assert {*FUNCTIONS, *CLASSES} == {*NAMES}


def test_there_are_twenty_to_thirty_names():
    assert 20 <= len(NAMES) <= 30


def test_what_the_documentation_begins_with_is_there():
    assert {"read", "relevant", "measure", "evaluate", "change", "show", "Profile", "Kpi", "Measure"} <= {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_first_line_says_what_it_is(name):
    first = doc(name).partition("\n")[0]
    assert first.endswith((".", ":")), first
    assert not first.startswith(f"{name}("), "a dataclass without a docstring"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_with_several_arguments_says_what_they_are_and_what_comes_back(name):
    parameters = [
        item
        for item in inspect.signature(getattr(kpi, name)).parameters.values()
        if item.kind is not item.VAR_POSITIONAL
    ]
    if len(parameters) > 1 and name not in BUILDERS:
        assert "Args:\n" in doc(name)
        arguments = doc(name).partition("Args:\n")[2]
        assert not [item.name for item in parameters if f"{item.name}:" not in arguments]
        assert "Returns:\n" in doc(name) or "Raises:\n" in doc(name)


BUILDERS = {"rows", "count", "total", "money", "distinct", "spread"}
"""One line says it all: they name the kind of an aggregation."""


@pytest.mark.parametrize(
    "name",
    sorted({"change", "check", "evaluate", "measure", "preset", "read", "relevant", "show", "unlock", "why_not"}),
)
def test_verb_has_a_runnable_example(name):
    assert "Example:\n" in doc(name)
    assert ">>> " in doc(name)


@pytest.mark.parametrize("name", CLASSES)
def test_thing_says_what_its_fields_are_or_shows_one(name):
    assert is_dataclass(getattr(kpi, name))
    assert "Attributes:\n" in doc(name) or "Example:\n" in doc(name) or len(doc(name)) < 80


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signature_is_typed(name):
    signature = inspect.signature(getattr(kpi, name))
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(item.annotation is not inspect.Parameter.empty for item in signature.parameters.values())


def test_no_name_hides_what_it_was_imported_from():
    """`kpi.change` is the function; the module of that name is still importable."""
    assert callable(kpi.change)
    assert importlib.import_module("kpi.change").change is kpi.change


def test_import_is_light():
    program = "import sys, kpi; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(run.stdout.split())


def test_public_names_are_enough_for_the_readme():
    """Whatever the README calls on `kpi` is public."""
    code = "\n".join(
        line.partition(" ")[2] if line[:3] in (">>>", "...") else ""
        for line in (ROOT / "README.md").read_text("utf-8").splitlines()
    )
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute)]
    called = {node.attr for node in calls if isinstance(node.value, ast.Name) and node.value.id == "kpi"}
    assert {"read", "relevant", "measure", "evaluate", "show"} <= called <= {*NAMES}


# ---- frames in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", FRAMES)
def test_frames_of_every_engine_give_the_same_numbers(engine):
    data = kpi.read({"leads": FRAMES[engine](LEADS), "spend": FRAMES[engine](SPEND)})
    found = kpi.evaluate(kpi.measure(data, by="channel", measures=[SOLAR]), ["cpl", "lead_to_customer", SOLAR_SHARE])
    assert found.select("kpi", "value", "numerator", "denominator").rows() == [
        ("cpl", 37.5, 150.0, 4.0),
        ("lead_to_customer", 0.25, 1.0, 4.0),
        ("solar_share", 0.5, 2.0, 4.0),
    ]


# ---- own measures and KPIs ------------------------------------------------------------------------------------------


def test_own_kpi_stands_beside_ids(cube):
    found = kpi.evaluate(cube, [SOLAR_SHARE, "cpl"], by="channel").sort("kpi", "channel")
    assert found.select("kpi", "channel", "value", "n", "status").rows() == [
        ("cpl", "organic", None, 1.0, "no data"),
        ("cpl", "paid_search", 50.0, 3.0, "ok"),
        ("solar_share", "organic", 1.0, 1.0, "ok"),
        ("solar_share", "paid_search", pytest.approx(1 / 3), 3.0, "ok"),
    ]


def test_own_rate_has_its_wilson_interval(cube):
    low, high = kpi.evaluate(cube, SOLAR_SHARE).select("low", "high").row(0)
    assert (low, high) == (pytest.approx(0.1500, abs=1e-4), pytest.approx(0.8500, abs=1e-4))  # 2 of 4, Wilson 95 %


def test_own_kpi_may_be_made_of_the_catalogue_s(cube):
    gross = kpi.Kpi("cpl_gross", 1.2 * col("cpl"), unit="money", better="lower", derived=True)
    assert kpi.evaluate(cube, gross).select("value", "currency", "status").row(0) == (45.0, "EUR", "ok")


def test_own_kpi_changes_and_is_shown(cube):
    first, second = (kpi.Period(dt.date(2025, 1, start), dt.date(2025, 1, start + 5)) for start in (2, 8))
    found = kpi.change(cube, [SOLAR_SHARE, "leads"], second, against="previous")
    assert found.select("kpi", "current", "previous", "start").rows() == [
        ("solar_share", 0.0, 0.5, first.start),
        ("leads", 1.0, 2.0, first.start),
    ]
    assert str(kpi.show(found, kpis=[SOLAR_SHARE])).splitlines()[1].startswith("solar_share")


def test_measuring_only_what_own_kpis_need():
    data = kpi.read({"leads": LEADS, "spend": SPEND})
    small = kpi.measure(data, kpis=[SOLAR_SHARE], measures=[SOLAR])
    assert {*small.measures} == {"leads", "leads_solar"}
    assert kpi.evaluate(small, SOLAR_SHARE)["value"].item() == 0.5


def test_own_measure_of_a_column_that_is_not_there_says_so():
    data = kpi.read({"leads": LEADS.drop("topic")})
    cube = kpi.measure(data, measures=[SOLAR])
    assert cube.lacking["leads_solar"] == {"leads.topic"}
    assert kpi.evaluate(cube, SOLAR_SHARE).select("value", "status").row(0) == (None, "column missing")


def test_own_measure_that_was_not_passed_is_asked_for():
    with pytest.raises(ValueError, match=r"unknown measure 'leads_solar'; pass it with measures="):
        kpi.measure(kpi.read({"leads": LEADS}), kpis=[SOLAR_SHARE])


@pytest.mark.parametrize(
    ("build", "value"),
    [
        (kpi.rows("is_valid"), 4),
        (kpi.count("won_at", "is_valid"), 1),
        (kpi.rows(kpi.Where("topic", ("roof", "solar"))), 4),
        (kpi.distinct("topic"), 2),
    ],
    ids=["rows", "count", "where", "distinct"],
)
def test_ways_to_aggregate(build, value):
    own = kpi.Measure("own", "leads", build, at="created_at")
    cube = kpi.measure(kpi.read({"leads": LEADS}), measures=[own])
    assert kpi.evaluate(cube, kpi.Kpi("own_count", col("own")))["value"].item() == value


def test_money_is_added_by_currency():
    own = kpi.Measure("fees", "spend", kpi.money("cost"), at="date")
    spend = SPEND.with_columns(currency=pl.Series(["EUR", "USD"]))
    cube = kpi.measure(kpi.read({"spend": spend}), measures=[own])
    found = kpi.evaluate(cube, kpi.Kpi("fees", col("fees"), unit="money"))
    assert found.select("currency", "value", "status").rows() == [
        (None, None, "mixed currency"),
        ("EUR", 100.0, "ok"),
        ("USD", 50.0, "ok"),
    ]

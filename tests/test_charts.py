"""Charts are honest, need no network, and take nothing in the data for an instruction."""

import datetime as dt
import json
import re
import tomllib
from itertools import pairwise

import altair as alt
import polars as pl
import pytest
from conftest import ROOT

import kpi
from kpi import Kpi, catalog, charts
from kpi.paper import HUES, INKS

KPIS = catalog.kpis(kpi.Assumptions().stages)
MONTHS = [dt.date(2026, month, 1) for month in range(1, 7)]
EVIL = '<img src="http://evil/x">'


def result(name: str, rows: list[dict]) -> pl.DataFrame:
    figures = ("value", "numerator", "denominator", "n", "low", "high", "currency")
    base = {**dict.fromkeys(figures), "status": "ok", "maturity": None, "covered": 1.0}
    return pl.DataFrame([{"kpi": name, **_first(row), **base, **row} for row in rows], infer_schema_length=None)


def _first(row: dict) -> dict:
    return {name: value for name, value in row.items() if name in ("channel", "campaign", "date")}


def by_channel(name: str, **values) -> pl.DataFrame:
    rows = [value if isinstance(value, dict) else {"value": float(value)} for value in values.values()]
    return result(name, [{"channel": channel, **row} for channel, row in zip(values, rows, strict=True)])


def over_time(name: str, values: list, **more) -> pl.DataFrame:
    rows = [
        {"date": month, "value": value, **{key: column[at] for key, column in more.items()}}
        for at, (month, value) in enumerate(zip(MONTHS, values, strict=False))
    ]
    return result(name, [{**row, "status": "ok" if row["value"] is not None else "no data"} for row in rows])


def marks(chart, kind: str) -> list[dict]:
    """The rows of all layers of a kind."""
    spec = chart.to_dict()
    stored = spec.get("datasets", {})
    layers = [layer for layer in spec["layer"] if layer["mark"]["type"] == kind]
    return [row for layer in layers for row in layer["data"].get("values") or stored[layer["data"]["name"]]]


def test_colours_are_the_themes():
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    for mode in ("light", "dark"):
        assert list(HUES[mode]) == theme[mode]["chartCategoricalColors"]
        assert INKS[mode].paper == theme[mode]["backgroundColor"]
        assert INKS[mode].text == theme[mode]["textColor"]


def test_a_channel_keeps_its_colour_and_unknown_is_grey():
    order = ["display", "unknown", "chat", "other", *(f"c{at}" for at in range(9))]
    found = charts.colours(order)
    assert (found["display"], found["chat"]) == HUES["light"][:2]
    assert {found["unknown"], found["other"], found["c8"]} == {INKS["light"].grey}


# --- bars


def test_bars_are_sorted_by_value_and_start_at_zero():
    chart = charts.bars(by_channel("cpl", chat=9, display=224, email=30), KPIS["cpl"], "channel")
    assert [row["name"] for row in marks(chart, "bar")] == ["Display ads", "E-mail", "Live chat"]
    assert chart.to_dict()["layer"][0]["encoding"]["x"]["scale"] == {"domain": [0, 224], "nice": False, "zero": True}


def test_a_segment_on_few_cases_does_not_top_the_ranking():
    few = {"value": 900.0, "n": 1.0, "low": 200.0, "high": 30000.0}
    result = by_channel("cac", events=few, chat={"value": 80.0, "n": 90.0}, email={"value": 90.0, "n": 40.0})
    chart = charts.bars(result, KPIS["cac"], "channel")
    assert [row["name"] for row in marks(chart, "bar")] == ["E-mail", "Live chat", "Events"]
    assert marks(chart, "bar")[-1]["label"].endswith("900 (n = 1)")
    assert "highest E-mail" in " ".join(chart.to_dict()["title"]["text"])
    assert chart.to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 900]


def test_an_undefined_segment_is_listed_with_its_reason_not_as_zero():
    unknown = {"value": None, "status": "no data"}
    chart = charts.bars(by_channel("cpl", direct=unknown, chat=9), KPIS["cpl"], "channel")
    assert [row["name"] for row in marks(chart, "bar")] == ["Live chat"]
    assert ("Direct", "— No data") in [(row["name"], row["label"]) for row in marks(chart, "text")]


@pytest.mark.parametrize(
    ("name", "adds_up"),
    [
        ("leads", True),
        ("spend", True),
        ("mrr", True),
        ("lead_source_mix", True),  # shares of the channels themselves
        ("cpl", False),
        ("accounts", False),  # a customer may be in several channels
    ],
)
def test_other_stands_only_for_what_adds_up(name, adds_up):
    values = {f"c{at}": at + 1 for at in range(13)}
    chart = charts.bars(by_channel(name, **values), KPIS[name], "channel")
    last = marks(chart, "bar")[-1]
    found = (last["name"], last["y"], len(marks(chart, "bar")))
    assert found == (("3 others", 1 + 2 + 3, 11) if adds_up else ("c3", 4, 10))
    assert ("3 more are in the table" in " ".join(chart.to_dict()["title"]["subtitle"])) is not adds_up


def test_negative_bars_keep_zero_on_the_axis():
    chart = charts.bars(by_channel("romi", chat=47.1, display=-0.67), KPIS["romi"], "channel")
    assert chart.to_dict()["layer"][0]["encoding"]["x"]["scale"]["domain"] == [-0.67, 47.1]


def test_two_segments_of_one_name_stay_two_bars():
    result = by_channel("leads", email=3, **{"E-mail": 2})
    chart = charts.bars(result, KPIS["leads"], "channel")
    assert [row["name"] for row in marks(chart, "bar")] == ["E-mail (email)", "E-mail (E-mail)"]


def test_mixed_currencies_do_not_share_an_axis():
    mixed = {"value": None, "status": "mixed currency"}
    apart = [{"value": 5.0, "currency": "EUR"}, {"value": 6.0, "currency": "USD"}]
    parts = [{"channel": "chat", **part} for part in (mixed, *apart)]
    assert "Mixed currencies" in json.dumps(charts.bars(result("cpl", parts), KPIS["cpl"], "channel").to_dict())


# --- trends


def test_young_buckets_are_dashed_and_missing_ones_are_gaps():
    ages = ["mature", "mature", "mature", "mature", "immature", "too young"]
    chart = charts.trend(over_time("win_rate", [0.2, None, 0.3, 0.4, 0.3, 0.1], maturity=ages), KPIS["win_rate"])
    runs: dict[str, list[str]] = {}
    for row in marks(chart, "line"):
        runs.setdefault(row["run"], []).append(f"{row['style']} {row['x'][5:7]}")
    assert list(runs.values()) == [
        ["settled 03", "settled 04"],
        ["immature 04", "immature 05"],
        ["too young 05", "too young 06"],
    ]


def test_each_run_of_each_line_is_its_own():
    ends = {"chat": 2.0, "email": 1.0}
    rows = [{"channel": channel, "date": month, "value": end} for channel, end in ends.items() for month in MONTHS]
    runs: dict[str, set] = {}
    for row in marks(charts.trend(result("leads", rows), KPIS["leads"]), "line"):
        runs.setdefault(row["run"], set()).add(row["y"])
    assert sorted(map(len, runs.values())) == [1, 1]


def test_five_lines_are_named_at_their_end_the_others_grey():
    rows = [{"channel": f"c{at}", "date": month, "value": float(at)} for at in range(11) for month in MONTHS]
    chart = charts.trend(result("leads", rows), KPIS["leads"])
    assert sorted(row["text"] for row in marks(chart, "text")) == ["c10", "c6", "c7", "c8", "c9"]
    assert "6 others in grey" in " ".join(chart.to_dict()["title"]["subtitle"])


def test_end_labels_do_not_touch():
    ends = [10.0, 10.001, 10.002, 10.003, 100.0]
    rows = [{"channel": f"c{at}", "date": month, "value": end} for at, end in enumerate(ends) for month in MONTHS]
    levels = sorted(row["y"] for row in marks(charts.trend(result("leads", rows), KPIS["leads"]), "text"))
    assert min(later - earlier for earlier, later in pairwise(levels)) > 100 * 15 / 280


def test_labels_of_an_axis_differ():
    svg = charts.as_svg(charts.trend(over_time("deal_size", [10.001, 10.004], currency=["EUR"] * 2), KPIS["deal_size"]))
    assert {"€10.0010", "€10.0020", "€10.0030"} <= set(re.findall(r">(€[\d.]+)<", svg))


def test_seconds_stand_on_an_axis_of_hours():
    chart = charts.trend(over_time("response_time", [7200.0, 14400.0]), KPIS["response_time"])
    assert [row["y"] for row in marks(chart, "line")] == [2, 4]
    assert chart.to_dict()["title"]["subtitle"] == ["hours"]


def test_target_and_what_happened_are_labelled():
    day = dt.datetime(2026, 3, 5)  # inside the last bucket
    happened = pl.DataFrame({"time": [day] * 2, "text": ["New website", "Of another KPI"], "kpi": [None, "leads"]})
    chart = charts.trend(over_time("win_rate", [0.2, 0.3, 0.2]), KPIS["win_rate"], target=0.25, annotations=happened)
    assert {"Target 25%", "New website"} <= {row.get("text") for row in marks(chart, "text")}
    assert "Of another KPI" not in json.dumps(chart.to_dict())


@pytest.mark.parametrize("values", [[5.0], [None, None], [], [0.0, 0.0], [1e12, 2e12], [-3.0, 4.0], [1e-6, 2e-6]])
def test_hard_cases_are_drawn(values):
    for name in ("cpl", "win_rate", "response_time", "leads"):
        chart = charts.trend(over_time(name, values) if values else over_time(name, [1.0]).clear(), KPIS[name])
        assert charts.as_svg(chart).startswith("<svg")


# --- what all charts share


def test_text_from_the_data_is_never_an_address():
    own = Kpi("<img>", pl.col("leads"))
    rows = [{"campaign": EVIL, "date": month, "value": 1.0} for month in MONTHS[:2]]
    for chart in (
        charts.trend(result("<img>", rows), own, about=EVIL),
        charts.bars(result("<img>", [{"campaign": EVIL, "value": 1.0}]), own, "campaign"),
        charts.compare(result("<img>", [{"value": 1.0}]), [own]),
    ):
        spec = json.dumps(chart.to_dict())
        assert '"url"' not in spec
        assert '"href"' not in spec
        assert '"image"' not in spec
        assert not re.search(r"<(image|a|img|foreignObject)\b", charts.as_svg(chart))


def test_the_alt_text_tells_the_finding():
    chat, display = {"value": 9.05, "currency": "EUR"}, {"value": 224.0, "currency": "EUR"}
    found = by_channel("cpl", chat=chat, display=display, direct={"value": None, "status": "no data"})
    text = "Cost per lead by channel: highest Display ads with €224, lowest Live chat with €9.05; 2 values."
    text += " 1 has no value."
    assert charts.describe(found, KPIS["cpl"]) == text
    assert charts.bars(found, KPIS["cpl"], "channel").description == text


def test_rival_definitions_share_one_unit():
    rows = [{"value": 200.0}, {"value": 0.5}]
    both = pl.concat([result("cac", rows[:1]), result("win_rate", rows[1:])])
    with pytest.raises(ValueError, match="KPIs of one unit, got money, rate"):
        charts.compare(both, [KPIS["cac"], KPIS["win_rate"]])


def test_right_to_left_titles_keep_their_order():
    title = charts.trend(over_time("win_rate", [0.2, 0.3]), KPIS["win_rate"], lang="fa").to_dict()["title"]
    assert all(line.startswith("\u2067") and line.endswith("\u2069") for line in title["text"] + title["subtitle"])


def test_axes_write_numbers_as_the_language_does():
    chart = charts.trend(over_time("cpl", [1000.0, 2000.0], currency=["EUR"] * 2), KPIS["cpl"], lang="de")
    assert "2.000\u00a0€" in charts.as_svg(chart)
    assert "2B" in charts.as_svg(charts.trend(over_time("cpl", [1e9, 2e9], currency=["EUR"] * 2), KPIS["cpl"]))


def test_streamlit_can_write_into_the_padding():
    """It draws nothing where padding is a number; and empty layers are warnings in the console."""
    for chart in (
        charts.trend(over_time("win_rate", [0.2]), KPIS["win_rate"]),
        charts.bars(by_channel("leads", chat=2), KPIS["leads"], "channel"),
        charts.bars(by_channel("leads", chat={"value": None, "status": "no data"}), KPIS["leads"], "channel"),
    ):
        spec = chart.to_dict()
        assert set(spec["padding"]) == {"left", "right", "top", "bottom"}
        assert all(spec.get("datasets", {}).values())
        assert isinstance(spec["height"], int)


def test_pictures_are_made_on_this_machine():
    chart = charts.trend(over_time("win_rate", [0.2, 0.3]), KPIS["win_rate"])
    assert charts.as_png(chart, "Sample data, 31 Oct 2026").startswith(b"\x89PNG")
    assert "Sample data, 31 Oct 2026" in charts.as_svg(chart, "Sample data, 31 Oct 2026")


@pytest.fixture
def notebook():
    yield
    alt.renderers.enable("default")
    alt.JupyterChart.enable_offline(False)


def test_a_saved_notebook_holds_a_still_picture(notebook):
    charts.offline("svg")
    bundle = charts.trend(over_time("win_rate", [0.2, 0.3]), KPIS["win_rate"])._repr_mimebundle_()
    assert "image/svg+xml" in (bundle[0] if isinstance(bundle, tuple) else bundle)


@pytest.mark.browser
def test_a_notebook_draws_without_a_network(chromium, notebook):
    charts.offline()
    chart = charts.trend(over_time("win_rate", [0.2, 0.3]), KPIS["win_rate"])
    assert "application/vnd.jupyter.widget-view+json" in chart._repr_mimebundle_()[0]
    spec = chart.to_dict()
    assert "esm.sh" not in str(alt.JupyterChart._esm)
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.route(re.compile("^https?:"), lambda route: route.abort())
    page.set_content("<div id=el></div>")
    page.evaluate(
        """async ([source, spec]) => {
            const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})))
            const held = {spec, _vl_selections: {}, _params: {}}
            const set = (key, value) => { held[key] = value }
            const model = {get: key => held[key], set, save_changes() {}, on() {}}
            await module.default.render({model, el: document.getElementById("el")})
        }""",
        [str(alt.JupyterChart._esm), spec],
    )
    page.wait_for_selector("#el svg, #el canvas")
    page.close()
    assert [url for url in asked if url.startswith("http")] == []

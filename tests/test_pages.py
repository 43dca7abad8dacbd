"""Every page opened through the frame, on every sample business, without a browser."""

import datetime as dt
import io

import polars as pl
import pytest

from pages.frame.data import SAMPLES

PAGES = ("start", "overview", "detail")
ISSUE = {"business": "b2b", "pricing": "subscription", "goal": "quality"}


def html(app) -> str:
    return "\n".join(element.proto.body for element in app.get("html") if "/*" not in element.proto.body)


def text(app) -> str:
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.warning)
    parts = [element.value for kind in kinds for element in kind]
    return "\n".join([*parts, html(app)])


def go(app, page: str):
    return app.switch_page(f"pages/{page}.py").run()


def parquet(**tables: pl.DataFrame) -> list[tuple[str, bytes, str]]:
    files = []
    for name, frame in tables.items():
        buffer = io.BytesIO()
        frame.write_parquet(buffer)
        files.append((f"{name}.parquet", buffer.getvalue(), "application/octet-stream"))
    return files


def leads(channel: str, n: int) -> pl.DataFrame:
    days = [dt.datetime(2025, 3, 1 + day % 28, 9, tzinfo=dt.UTC) for day in range(n)]
    return pl.DataFrame({"lead_id": [f"{channel}{i}" for i in range(n)], "created_at": days, "channel": [channel] * n})


def upload(app, files) -> None:
    app.file_uploader(key="upload_0").upload(files[0][0], files[0][1], files[0][2])
    for name, content, kind in files[1:]:
        app.file_uploader(key="upload_0").upload(name, content, kind)
    app.run()


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_on_every_sample(run_app, page, sample):
    app = go(run_app(data=sample), page)
    assert not app.exception
    assert app.title[0].value


def test_the_business_of_the_issue_sees_six_to_nine_kpis_each_with_its_reason(run_app):
    app = run_app(**ISSUE, channels=["paid_search", "chat"])
    app = go(app, "overview")
    assert not app.exception
    cards = html(app).count('class="kpi-name"')
    assert 6 <= cards <= 9
    assert sum("Core KPI" in value.value or "goal" in value.value for value in app.markdown) >= cards


def test_every_card_of_a_sample_has_a_value(run_app):
    for sample in SAMPLES:
        app = go(run_app(data=sample), "overview")
        assert "undefined" not in html(app), sample


def test_a_filter_in_the_url_decides_which_rows_count(run_app):
    everything = go(run_app(kpi="leads"), "detail")
    searched = go(run_app(kpi="leads", f_channel="paid_search"), "detail")
    assert html(everything) != html(searched)
    assert searched.sidebar.multiselect[0].value == ["paid_search"]


def test_the_choices_of_the_url_are_restored(run_app):
    app = run_app(data="b2c_shop", period="last_quarter", vs="last_year", every="1w")
    chosen = [box.value for box in app.sidebar.selectbox]
    assert chosen[:4] == ["b2c_shop", "last_quarter", "last_year", "1w"]


def test_own_days_stand_in_the_url(run_app):
    app = go(run_app(days="2026-01-01_2026-01-31"), "overview")
    assert "Jan 2026" in text(app)
    assert not app.exception


@pytest.mark.parametrize(
    "query",
    [
        {"period": "yesterday"},
        {"days": "2026-02-31_x"},
        {"days": "2026-03-01_2026-01-01"},
        {"vs": "never"},
        {"every": "1h"},
        {"f_channel": "nowhere"},
        {"goal": "fame"},
        {"channels": "pigeon"},
        {"lang": "tlh"},
        {"data": "secret"},
        {"split": "mood"},
    ],
)
def test_a_code_that_nobody_knows_is_passed_over(run_app, query):
    app = run_app(**query)
    for page in PAGES:
        assert not go(app, page).exception


def test_an_unknown_kpi_is_said_to_be_unknown(run_app):
    app = go(run_app(kpi="happiness"), "detail")
    assert "happiness" in app.warning[0].value
    assert not app.exception


def test_a_link_to_a_view_of_an_upload_says_what_to_load(run_app):
    app = run_app()
    app.session_state["upload_token"] = ""
    app.query_params["data"] = "upload"
    app = go(app, "overview")
    assert not app.exception
    assert "leads file" in app.info[0].value


def test_an_upload_is_measured(run_app):
    app = run_app()
    spend = pl.DataFrame({"date": [dt.date(2025, 3, 1)], "cost": [300.0], "channel": ["search"]})
    upload(app, parquet(leads=leads("search", 12), spend=spend))
    app.query_params["data"] = "upload"
    app.query_params["kpi"] = "cpl"
    app = go(app.run(), "detail")
    assert not app.exception
    assert "€25" in html(app)


def test_two_visitors_see_their_own_files_only(run_app):
    first, second = run_app(), run_app()
    for app, n in ((first, 12), (second, 7)):
        upload(app, parquet(leads=leads("search", n)))
        app.query_params["data"] = "upload"
        app.query_params["kpi"] = "leads"
        go(app.run(), "detail")
    assert ">12<" in html(first.run())
    assert ">7<" in html(second.run())
    assert ">12<" not in html(second)


def test_a_file_that_is_no_table_says_what_it_lacks(run_app):
    app = run_app()
    upload(app, parquet(moods=pl.DataFrame({"mood": ["fine"]})))
    app.query_params["data"] = "upload"
    app.run()
    assert not app.exception
    assert "moods" in text(app)


def test_a_bad_file_beside_a_good_one_is_named_and_the_good_one_counts(run_app):
    app = run_app()
    broken = ("broken.parquet", b"PAR1 not really", "application/octet-stream")
    upload(app, [*parquet(leads=leads("search", 12)), broken])
    app.query_params["data"] = "upload"
    app.run()
    assert not app.exception
    assert "broken" in text(app)


def test_data_in_a_name_is_no_markdown(run_app):
    app = run_app()
    evil = "![x](http://evil.example/x.png)"
    upload(app, parquet(leads=leads(evil, 12)))
    app.query_params["data"] = "upload"
    app.query_params["kpi"] = "lead_source_mix"
    for page in PAGES:
        app = go(app, page)
        assert not app.exception
        assert evil not in "\n".join(element.value for element in (*app.markdown, *app.caption, *app.title))


def test_an_assumption_changes_the_kpis_that_use_it(run_app):
    app = run_app()
    app.number_input(key="assume_margin").set_value(40.0).run()
    assert '{"margin":0.4}' in app.query_params["assume"]
    app.query_params["kpi"] = "max_cpl"
    assert "40%" in text(go(app, "detail"))


def test_an_assumption_that_cannot_be_is_refused_and_nothing_is_lost(run_app):
    app = run_app()
    app.text_input(key="assume_zone").set_value("Atlantis").run()
    assert not app.exception
    assert "Atlantis" in app.error[0].value
    assert "assume" not in app.query_params


def test_assumptions_come_along_with_a_link(run_app):
    app = go(run_app(kpi="max_cpl", assume='{"margin":0.25}'), "detail")
    assert not app.exception
    assert "25%" in text(app)


@pytest.mark.parametrize(
    "said", ["{", "[]", '{"margin":"much"}', '{"margin":7}', '{"mood":1}', '{"rates":{"USD":"1"}}']
)
def test_assumptions_that_are_none_are_passed_over(run_app, said):
    assert not go(run_app(assume=said), "overview").exception


def test_several_choices_stand_in_the_url_together(run_app):
    app = run_app(f_channel=["paid_search", "organic"], channels=["paid_search", "chat"])
    assert app.sidebar.multiselect[0].value == ["paid_search", "organic"]
    assert app.query_params["f_channel"] == ["paid_search", "organic"]
    app.sidebar.multiselect[0].set_value(["paid_search", "organic", "email"]).run()
    assert app.query_params["f_channel"] == ["paid_search", "organic", "email"]
    assert app.main.multiselect[0].value == ["paid_search", "chat"]


def test_a_broken_file_leaves_the_way_out_open(run_app):
    app = run_app()
    upload(app, [("leads.csv", b'lead_id,created_at\n1,"2025-01-01\n2,2025-01-02\n', "text/csv")])
    app.query_params["data"] = "upload"
    app.run()
    assert not app.exception
    assert "Remove my data" in [button.label for button in app.button]


@pytest.mark.parametrize(
    ("kpi", "said"), [("trial_to_paid", "Days after a trial 30"), ("high_score_share", "High-score threshold 70")]
)
def test_an_assumption_is_printed_where_it_is_used(run_app, kpi, said):
    assert said in text(go(run_app(kpi=kpi), "detail"))

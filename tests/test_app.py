"""The main paths of the app in a real browser; a console error or a request that leaves the machine fails them."""

import datetime as dt
import re

import polars as pl
import pytest
from browser import PHONE, settled, shoot
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
VIEW = "/overview?data=b2c_shop&period=last_quarter&vs=last_year&f_channel=paid_search"


def cards(page):
    return page.locator(".kpi-card")


def leads(n: int, **columns) -> pl.DataFrame:
    days = [dt.datetime(2025, 3, 1 + day % 28, 9, tzinfo=dt.UTC) for day in range(n)]
    ids = [f"L{i}" for i in range(n)]
    return pl.DataFrame({"lead_id": ids, "created_at": days, "channel": ["search"] * n, **columns})


@pytest.fixture
def files(tmp_path):
    leads(40).write_parquet(tmp_path / "leads.parquet")
    (tmp_path / "spend.csv").write_text("date,channel,cost\n2025-03-01,search,1000\n", encoding="utf-8")
    return [tmp_path / "leads.parquet", tmp_path / "spend.csv"]


def drop(page, files):
    page.get_by_test_id("stFileUploaderDropzoneInput").first.set_input_files(files)
    settled(page)


def test_a_link_opened_on_a_fresh_server_gets_the_frame_and_its_choices(pages, serve):
    page = pages.open(serve().url + VIEW)
    expect(page.get_by_role("heading", name="The KPIs that matter for you")).to_be_visible()
    expect(page.get_by_role("link", name="Start")).to_be_visible()
    expect(page.get_by_text("Jul – Sep 2026, compared with Jul – Sep 2025")).to_be_visible()
    assert "f_channel=paid_search" in page.url


def test_from_a_sample_to_a_kpi_in_three_clicks(pages, server):
    page = pages.open(server.url)
    page.get_by_role("button", name="Use this sample").first.click()
    settled(page)
    page.get_by_role("button", name="Show the values").click()
    settled(page)
    expect(cards(page).first).to_be_visible()
    assert 6 <= cards(page).count() <= 9
    page.get_by_role("link", name="In detail").first.click()
    settled(page)
    expect(page.get_by_role("heading", name="How this number came about")).to_be_visible()
    assert "data=b2c_shop" in page.url


def test_the_answers_of_the_issue_choose_six_to_nine_kpis_with_reasons(pages, server):
    answers = "business=b2b&pricing=subscription&channels=paid_search&channels=chat&goal=quality"
    page = pages.open(f"{server.url}/overview?{answers}")
    assert 6 <= cards(page).count() <= 9
    page.get_by_role("button", name="Why this KPI").first.click()
    expect(page.get_by_text(re.compile("Core KPI for this kind of business")).first).to_be_visible()


def test_an_upload_is_measured_survives_a_refresh_and_is_nobody_elses(pages, server, files):
    page = pages.open(server.url)
    drop(page, files)
    page.goto(server.url + "/detail?data=upload&kpi=cpl")
    settled(page)
    expect(page.locator(".kpi-value").first).to_have_text(re.compile("€25"))
    page.reload()
    settled(page)
    expect(page.locator(".kpi-value").first).to_have_text(re.compile("€25"))

    other = pages.open(page.url)
    expect(other.get_by_text("There is no file here yet")).to_be_visible()
    expect(other.locator(".kpi-value")).to_have_count(0)


def test_removed_data_is_gone(pages, server, files):
    page = pages.open(server.url)
    drop(page, files)
    page.get_by_role("button", name="Remove my data").click()
    settled(page)
    page.goto(server.url + "/overview?data=upload")
    settled(page)
    expect(page.get_by_text("There is no file here yet")).to_be_visible()


def test_a_name_in_the_data_loads_nothing(pages, server, tmp_path):
    evil = "![x](http://evil.example/x.png)<img src='http://evil.example/y.png'>"
    leads(40, campaign=[evil] * 40).write_parquet(tmp_path / "leads.parquet")
    page = pages.open(server.url)
    drop(page, [tmp_path / "leads.parquet"])
    for path in ("/detail?data=upload&kpi=leads&split=campaign", "/overview?data=upload&f_campaign=x"):
        page.goto(server.url + path)
        settled(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_rows_behind_a_number_are_downloaded_without_personal_columns(pages, server, tmp_path):
    page = pages.open(server.url + "/detail?kpi=leads&period=last_month")
    page.get_by_text("Load the rows").click()
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").last.click()
    path = tmp_path / "rows.csv"
    download.value.save_as(path)
    rows = pl.read_csv(path, infer_schema=False)
    assert rows.height > 100
    assert "email" not in rows.columns
    assert "lead_id" in rows.columns


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("path", ["/", "/overview", "/detail?kpi=cpl", "/overview?data=upload"])
def test_pages_fit_a_phone(pages, server, path, dark):
    page = pages.open(server.url + path, dark=dark, size=PHONE)
    shoot(page, f"phone{path.split('?')[0].replace('/', '_')}{'_dark' if dark else ''}")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= PHONE[0]


def test_keyboard_alone_reaches_a_kpi(pages, server):
    page = pages.open(server.url + "/overview")
    link = page.get_by_role("link", name="In detail").first
    link.focus()
    page.keyboard.press("Enter")
    settled(page)
    expect(page.get_by_role("heading", name="How this number came about")).to_be_visible()


def test_two_channels_are_two_channels(pages, server):
    page = pages.open(server.url + "/?channels=paid_search")
    box = page.get_by_test_id("stMain").get_by_test_id("stMultiSelect").first
    box.get_by_role("combobox").click()
    page.keyboard.type("Live chat")
    page.keyboard.press("Enter")
    settled(page)
    assert "channels=paid_search" in page.url
    assert "channels=chat" in page.url


def test_files_are_shown_as_soon_as_they_are_dropped(pages, server, files):
    page = pages.open(server.url)
    drop(page, files)
    assert "data=upload" in page.url
    expect(page.get_by_role("combobox", name="Data")).to_have_value("Your files")


def test_going_back_restores_the_view_before(pages, server):
    page = pages.open(server.url + "/overview?period=last_month")
    page.get_by_role("link", name="In detail").first.click()
    settled(page)
    page.go_back()
    settled(page)
    expect(page.get_by_role("heading", name="The KPIs that matter for you")).to_be_visible()
    assert "period=last_month" in page.url

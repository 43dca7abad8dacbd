"""Uploads are private to the tab that made them, found again by it, and gone when their time is over."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from browser import APPS, ROOT, fresh_server, settled

from pages.frame import store as stores
from pages.frame.store import MB, Limits, Refused, Store

PLUMBING = APPS / "plumbing.py"


class Sent(io.BytesIO):
    """A file as a browser sends it; `claimed` is a size without the bytes."""

    def __init__(self, name: str, content: bytes = b"rows", claimed: int | None = None) -> None:
        super().__init__(content)
        self.name, self.size = name, len(content) if claimed is None else claimed


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = Store(Limits(), now=clock)
    yield made
    made.close()


def names(folder) -> list[str]:
    return [file.name for file in folder.files]


def on_disk(store) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file() and path.name != ".lock"]


def test_a_folder_is_found_by_its_token_alone(store):
    folder = store.add("mine", [Sent("leads.csv")])
    assert store.open("mine") == folder
    assert store.open("yours") is None
    assert store.open("") is None
    assert "mine" not in str(folder)


@pytest.mark.parametrize(
    "name", ["../../leads.csv", "/etc/passwd", "a/b/leads.csv", "C:\\x\\leads.csv", "x.c/../sv", ""]
)
def test_names_of_visitors_are_never_paths(store, name):
    [file] = store.add("mine", [Sent(name)]).files
    assert file.name == name
    assert file.path.resolve().is_relative_to(store.root.resolve())
    assert on_disk(store) == [file.path]


@pytest.mark.parametrize(
    ("name", "suffix"), [("Leads.CSV", ".csv"), ("a.parquet", ".parquet"), ("noext", ""), ("a.c/v", "")]
)
def test_readers_see_the_plain_extension(store, name, suffix):
    assert store.add("mine", [Sent(name)]).files[0].path.suffix == suffix


def test_files_are_added_and_a_newer_one_of_the_same_name_replaces(store):
    first = store.add("mine", [Sent("leads.csv", b"old"), Sent("spend.csv")])
    second = store.add("mine", [Sent("leads.csv", b"new")])
    assert names(second) == ["spend.csv", "leads.csv"]
    assert second.files[1].path.read_bytes() == b"new"
    assert len(on_disk(store)) == 2
    assert second.key != first.key  # or a cache would still show the old rows


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ([Sent("a.csv", b"")], "upload.empty"),
        ([Sent("a.csv", claimed=201 * MB)], "upload.too_large"),
        ([Sent(f"{n}.csv") for n in range(20)], "upload.too_many"),
        ([Sent("a.csv", claimed=200 * MB), Sent("b.csv", claimed=200 * MB)], "upload.too_much"),
    ],
)
def test_caps_refuse_and_keep_what_was_there(store, files, code):
    before = store.add("mine", [Sent("leads.csv")])
    with pytest.raises(Refused) as refused:
        store.add("mine", files)
    assert refused.value.refusal.code == code
    assert store.open("mine") == before
    assert on_disk(store) == [before.files[0].path]


def test_a_full_disk_refuses(store, monkeypatch):
    monkeypatch.setattr(stores, "_SPARE", 2**62)
    with pytest.raises(Refused, match=r"upload\.no_space"):
        store.add("mine", [Sent("leads.csv")])


def test_a_folder_is_gone_two_hours_after_its_last_use(store, clock):
    store.add("mine", [Sent("leads.csv")])
    clock.now += 7199
    assert store.open("mine")  # used: two more hours
    clock.now += 7199
    assert store.open("mine")
    clock.now += 7201
    assert store.open("mine") is None
    assert on_disk(store) == []


def test_any_visit_sweeps_what_others_left(store, clock):
    store.add("mine", [Sent("leads.csv")])
    clock.now += 7201
    store.open("yours")
    assert on_disk(store) == []


def test_a_server_that_nobody_visits_sweeps_too():
    store = Store(keep=0.1)
    store.add("mine", [Sent("leads.csv")])
    until = time.monotonic() + 5
    while on_disk(store) and time.monotonic() < until:
        time.sleep(0.05)
    assert on_disk(store) == []
    store.close()


def test_removed_is_gone(store):
    folder = store.add("mine", [Sent("leads.csv")])
    assert store.remove("mine") == folder
    assert store.open("mine") is None
    assert not folder.path.exists()
    assert store.remove("mine") is None


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_the_next_start_removes_what_a_killed_process_left_and_nothing_else(store, tmp_path):
    store.add("mine", [Sent("leads.csv")])
    code = """
import io, os, signal
from pages.frame.store import Store
file = io.BytesIO(b"rows"); file.name = "leads.csv"; file.size = 4
Store().add("theirs", [file])
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob("kpi-uploads-*/*/*.csv"))) == 2
    stores.remove_leftovers()
    assert list(tmp_path.glob("kpi-uploads-*")) == [store.root]
    assert len(on_disk(store)) == 1


# --- sessions, without a browser


def texts(app) -> list[str]:
    return [text.value for text in app.text]


def test_two_sessions_at_once_do_not_see_each_other(run_app):
    mine, yours = run_app(PLUMBING), run_app(PLUMBING)
    mine.file_uploader[0].upload("leads.csv", b"mine", "text/csv").run()
    yours.run()
    assert "files: leads.csv=mine" in texts(mine)
    assert "files: none" in texts(yours)
    yours.file_uploader[0].upload("leads.csv", b"yours", "text/csv").run()
    mine.run()
    assert "files: leads.csv=mine" in texts(mine)
    assert "files: leads.csv=yours" in texts(yours)


def test_an_unknown_token_reaches_nothing_and_is_dropped(run_app):
    mine, yours = run_app(PLUMBING), run_app(PLUMBING)
    mine.file_uploader[0].upload("leads.csv", b"mine", "text/csv").run()
    yours.session_state["upload_token"] = "guessed"
    yours.run()
    assert "files: none" in texts(yours)
    assert yours.session_state["upload_token"] == ""


def test_an_upload_leaves_no_byte_in_memory_and_a_fresh_uploader(run_app):
    app = run_app(PLUMBING)
    app.file_uploader[0].upload("leads.csv", b"rows", "text/csv").run()
    assert "memory: 0" in texts(app)
    assert app.file_uploader[0].value == []


def test_a_refusal_is_told_by_a_key_of_the_texts(run_app, monkeypatch):
    monkeypatch.setenv("KPI_UPLOAD_MB", "0.001")
    app = run_app(PLUMBING)
    app.file_uploader[0].upload("leads.csv", b"x" * 2000, "text/csv").run()
    assert "refused: upload.too_much" in texts(app)
    app.file_uploader[0].upload("leads.csv", b"x", "text/csv").run()
    assert not any("refused" in text for text in texts(app))
    assert "files: leads.csv=x" in texts(app)


def test_only_a_view_of_an_upload_waits_for_the_tab(run_app):
    assert texts(run_app(PLUMBING, data="upload")) == ["waiting"]
    assert "files: none" in texts(run_app(PLUMBING, data="b2b_saas"))


# --- real tabs


@pytest.fixture(scope="module")
def plumbing(chromium):
    with fresh_server(PLUMBING) as running:
        yield running


def upload(page, name: str = "leads.csv", content: bytes = b"mine") -> None:
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        [{"name": name, "mimeType": "text/csv", "buffer": content}]
    )
    page.get_by_text(f"{name}={content.decode()}").wait_for()
    settled(page)


def click(page, name: str) -> None:
    page.get_by_role("button", name=name).click()
    settled(page)


def shown(page) -> dict[str, str]:
    lines = page.get_by_test_id("stText").all_inner_texts()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def remembered(page) -> str | None:
    return page.evaluate("sessionStorage.getItem('kpi-upload')")


@pytest.mark.browser
def test_a_refresh_finds_the_upload_again(pages, plumbing):
    page = pages.open(plumbing.url)
    upload(page)
    click(page, "Save to link")
    assert shown(page)["memory"] == "0"
    for _ in range(2):
        page.reload()
        settled(page)
        assert shown(page)["files"] == "leads.csv=mine"
    upload(page, "spend.csv", b"more")
    assert shown(page)["files"] == "leads.csv=mine, spend.csv=more"
    assert page.url == f"{plumbing.url}/?data=upload"
    token = remembered(page)
    assert token
    assert token not in str(page.context.cookies())
    assert not any(token in url for url in pages.watch.requests)
    assert token not in plumbing.log.read_text()


@pytest.mark.browser
def test_several_files_dropped_together_arrive_together(pages, plumbing):
    page = pages.open(plumbing.url)
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        [{"name": f"{n}.csv", "mimeType": "text/csv", "buffer": b"x"} for n in range(5)]
    )
    page.get_by_text("4.csv=x").wait_for()
    settled(page)
    assert shown(page)["files"] == "0.csv=x, 1.csv=x, 2.csv=x, 3.csv=x, 4.csv=x"


@pytest.mark.browser
def test_another_browser_with_the_same_link_finds_nothing(pages, plumbing):
    mine = pages.open(plumbing.url)
    upload(mine)
    click(mine, "Save to link")
    yours = pages.open(mine.url)
    assert shown(yours)["files"] == "none"
    second_tab = mine.context.new_page()
    second_tab.goto(mine.url)
    settled(second_tab)
    assert shown(second_tab)["files"] == "none"
    assert shown(mine)["files"] == "leads.csv=mine"


@pytest.mark.browser
def test_a_duplicated_tab_sees_the_same_upload(pages, plumbing):
    page = pages.open(plumbing.url)
    upload(page)
    with page.context.expect_page() as opened:
        page.evaluate("window.open(location.href)")
    copy = opened.value
    settled(copy)
    assert shown(copy)["files"] == "leads.csv=mine"
    click(copy, "Remove my data")
    click(page, "Save to link")
    assert shown(page)["files"] == "none"
    assert remembered(page) is None


@pytest.mark.browser
def test_remove_forgets_and_the_folder_is_gone(pages, plumbing):
    page = pages.open(plumbing.url)
    upload(page)
    place = Path(shown(page)["place"])
    assert [file.read_bytes() for file in place.iterdir()] == [b"mine"]
    click(page, "Remove my data")
    assert shown(page)["files"] == "none"
    assert remembered(page) is None
    assert not place.exists()
    page.reload()
    settled(page)
    assert shown(page)["files"] == "none"


# NOTE: Streamlit's page sends its last session along; without it, a new session starts, as after two minutes offline.
FORGETFUL = """
const Real = WebSocket
window.sockets = []
window.WebSocket = class extends Real {
  constructor(url, protocols) { super(url, protocols.slice(0, 2)); sockets.push(this) }
}"""


def lose_connection(page) -> None:
    page.evaluate("sockets.at(-1).close()")
    page.wait_for_function("sockets.at(-1).readyState === 1")
    settled(page)


@pytest.mark.browser
def test_a_new_session_after_a_lost_connection_finds_the_upload(pages, plumbing):
    context = pages.context()
    context.add_init_script(FORGETFUL)
    page = context.new_page()
    page.goto(f"{plumbing.url}/?data=upload")  # the tab reports "none" here; that answer must not count later
    settled(page)
    upload(page)
    lose_connection(page)
    click(page, "Save to link")
    assert shown(page)["files"] == "leads.csv=mine"
    assert int(shown(page)["runs"]) == 2  # a new session, which had to ask


@pytest.mark.browser
def test_a_new_session_after_a_lost_connection_does_not_wait_for_ever(pages, plumbing):
    context = pages.context()
    context.add_init_script(FORGETFUL)
    page = context.new_page()
    page.goto(f"{plumbing.url}/?data=upload")
    settled(page)
    lose_connection(page)
    click(page, "Save to link")  # settles: the tab answered "none" again, to the new question
    assert shown(page)["files"] == "none"


@pytest.mark.browser
def test_a_new_session_after_a_lost_connection_takes_files(pages, plumbing):
    context = pages.context()
    context.add_init_script(FORGETFUL)
    page = context.new_page()
    page.goto(plumbing.url)
    settled(page)
    lose_connection(page)
    upload(page)
    assert shown(page)["files"] == "leads.csv=mine"


@pytest.mark.browser
def test_a_first_visit_costs_one_run(pages, plumbing):
    assert shown(pages.open(plumbing.url))["runs"] == "1"

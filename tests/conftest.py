"""Fixtures shared by all tests."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytest.register_assert_rewrite("browser")
sys.path.insert(0, str(ROOT))  # `pages` and `app.py` are not installed: they run from the checkout


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium; skips the test without one, or fails it if KPI_REQUIRE_BROWSER=1."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    from browser import FLAGS
    from browser import chromium as find

    path = find()
    if path is None:
        reason = "no Chromium found: apt install chromium (or set KPI_CHROMIUM to the path of Chrome or Edge)"
        if os.environ.get("KPI_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with playwright.sync_playwright() as session:
        browser = session.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def serve() -> Iterator[Callable]:
    """Starts servers that nobody has visited and that end with the test: `serve(script)`, by default the app itself."""
    from browser import fresh_server

    with contextlib.ExitStack() as running:
        yield lambda *args, **options: running.enter_context(fresh_server(*args, **options))


@pytest.fixture
def pages(chromium, serve) -> Iterator:
    """Opens pages as one or several visitors; fails on a console error or a request that leaves the machine.

    NOTE: it needs `serve` to close before the servers do; a lost connection is a console error.
    """
    from browser import Pages

    opened = Pages(chromium)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def server(chromium) -> Iterator:
    """The app itself, one server for all tests; `serve()` makes one that nobody has visited."""
    from browser import fresh_server

    with fresh_server() as running:
        yield running


@pytest.fixture
def run_app(monkeypatch) -> Callable:
    """Runs an app without a browser, as on a server that others have visited: `run_app(script, data="b2b")`.

    NOTE: an AppTest is a fresh server in every run. Its guard would start each run again, and clicks would be lost.
    """
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.testing.v1 import AppTest

    class Visited(PagesManager):
        def __init__(self, *args, **options) -> None:
            super().__init__(*args, **options)
            PagesManager.uses_pages_directory = False

    def run(script: Path = ROOT / "app.py", **query: str) -> AppTest:
        test = AppTest.from_file(str(script), default_timeout=30)
        test.query_params.update(query)
        return test.run()

    monkeypatch.setattr("streamlit.testing.v1.app_test.PagesManager", Visited)
    return run


@pytest.fixture(autouse=True)
def empty_caches() -> Iterator[None]:
    """Leaves empty caches behind: Streamlit's outlive an AppTest."""
    yield
    if "streamlit" in sys.modules:
        import streamlit as st

        st.cache_data.clear()
        st.cache_resource.clear()

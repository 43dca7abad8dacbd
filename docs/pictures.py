"""The pictures of the README: `python -m docs.pictures` takes them again, of the running app in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import FLAGS, chromium, fresh_server, settled

FOLDER = Path(__file__).with_name("images")
PAGES = {"overview": "overview", "detail": "detail?kpi=cpl"}
SIZE = {"width": 1280, "height": 900}


def take() -> Iterator[Path]:
    """Takes each picture, and says where it is.

    Raises:
        RuntimeError: If there is no Chromium on this machine.
    """
    browser_path = chromium()
    if browser_path is None:
        raise RuntimeError("no Chromium found: apt install chromium, or set KPI_CHROMIUM")
    with fresh_server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        for scheme in ("light", "dark"):
            page = browser.new_context(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce").new_page()
            for name, address in PAGES.items():
                page.goto(f"{server.url}/{address}")
                settled(page)
                page.wait_for_timeout(500)  # fonts and charts are drawn after the run
                page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
                yield FOLDER / f"{name}-{scheme}.png"


if __name__ == "__main__":
    list(take())

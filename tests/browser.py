"""A real browser and fresh servers, for tests of what only they can show.

Chromium is the one found on the machine (or named by KPI_CHROMIUM); nothing is downloaded. Every page opened through
`Pages` is watched: a console error, or a request that leaves the machine, fails the test that caused it.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

ROOT = Path(__file__).parents[1]
APP = ROOT / "app.py"
APPS = Path(__file__).parent / "apps"
SHOTS = ROOT / "shots"

PHONE = (390, 844)
DESKTOP = (1280, 900)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_PLACES = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
]
_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]

# NOTE: on a deep link, Streamlit's page asks below the link first, to find out where the app is mounted: a 404.
_PROBE = re.compile(r"^http://[^/]+/[^/]+/_stcore/(health|host-config)$")


def chromium() -> str | None:
    """Path of a Chromium on this machine; None if there is none. KPI_CHROMIUM, if set, is the only candidate."""
    if named := os.environ.get("KPI_CHROMIUM"):
        return named if Path(named).exists() else None
    found = (place for place in _PLACES if Path(place).exists())
    return next(found, None) or next(filter(None, map(shutil.which, _NAMES)), None)


@dataclass(frozen=True)
class Server:
    """A running app: its address, without a slash at the end, and the file that holds its output."""

    url: str
    log: Path


@contextlib.contextmanager
def fresh_server(script: Path = APP, env: dict[str, str] | None = None, seconds: float = 60) -> Iterator[Server]:
    """An app on a free port of this machine that nobody has visited yet.

    Args:
        script: What `streamlit run` gets; the project's own configuration applies.
        env: Added to the environment.
        seconds: To wait for it.

    Raises:
        RuntimeError: If it does not answer in time; says what it printed.
    """
    port = _free_port()
    options = {"server.port": port, "server.headless": "true", "server.address": "127.0.0.1"}
    command = [sys.executable, "-m", "streamlit", "run", str(script)]
    command += [f"--{name}={value}" for name, value in options.items()]
    with tempfile.TemporaryDirectory(prefix="kpi-server-") as folder:
        server = Server(f"http://127.0.0.1:{port}", Path(folder) / "server.log")
        with server.log.open("w") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | (env or {}),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                _wait_for(server, process, seconds)
                yield server
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)


def settled(page: Page) -> None:
    """Waits until the page has stood still for 0.4 s: no run, and none that follows from what the tab reports."""
    page.evaluate("window.__still = 0")
    page.wait_for_function(
        """() => {
            const app = document.querySelector('[data-testid=stApp]')
            const still = app?.getAttribute('data-test-script-state') === 'notRunning'
                && app.getAttribute('data-test-connection-state') === 'CONNECTED'
                && !document.querySelector('[data-testid=stSkeleton]')
            window.__still = still ? (window.__still ?? 0) + 1 : 0
            return window.__still >= 5
        }""",
        polling=100,
        timeout=30_000,
    )


def shoot(page: Page, name: str) -> Path:
    """Saves a picture as shots/<name>.png, a folder that git ignores, and returns its path."""
    SHOTS.mkdir(exist_ok=True)
    path = SHOTS / f"{name}.png"
    page.screenshot(path=path)
    return path


@dataclass
class Watch:
    """What pages did besides showing: their console errors, and the address of every request."""

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def outside(self) -> list[str]:
        """Requests that left the machine."""
        return [url for url in self.requests if not _is_local(url)]

    def over(self, context: BrowserContext) -> None:
        """Watches all pages of a context from now on."""
        context.on("console", self._note)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("page", lambda page: page.on("websocket", lambda socket: self.requests.append(socket.url)))

    def _note(self, message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        if message.type == "error" and not _PROBE.search(where):
            self.errors.append(f"{message.text} ({where})")


class Pages:
    """Opens pages in contexts of their own, all of them watched."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.watch = Watch()

    def context(self, dark: bool = False, size: tuple[int, int] = DESKTOP, locale: str = "en-US") -> BrowserContext:
        """A visitor: nothing is shared with others."""
        context = self._browser.new_context(
            color_scheme="dark" if dark else "light",
            viewport={"width": size[0], "height": size[1]},
            locale=locale,
            reduced_motion="reduce",
        )
        # NOTE: with a file picker, Streamlit's own download would wait for a person.
        context.add_init_script("delete window.showSaveFilePicker")
        self.watch.over(context)
        self._contexts.append(context)
        return context

    def open(self, url: str, dark: bool = False, size: tuple[int, int] = DESKTOP) -> Page:
        """A settled page of a new visitor."""
        page = self.context(dark, size).new_page()
        page.goto(url)
        settled(page)
        return page

    def close(self) -> None:
        """Closes all, then fails if a page complained or called outside."""
        for context in self._contexts:
            context.close()
        assert self.watch.errors == []
        assert self.watch.outside == []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(server: Server, process: subprocess.Popen[bytes], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2):
            return
        time.sleep(0.1)
    raise RuntimeError(f"no answer from {server.url} within {seconds:g} s:\n{server.log.read_text()}")


def _is_local(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"data", "blob", "about"} or parts.hostname in {"127.0.0.1", "localhost"}

"""How long a click takes when many people click: visitors over websockets against the running app, and one browser.

Every visitor thinks for 2 s ± 50 %, then asks for another view: another period, channel, page or KPI. *Warm*: one of
a set of views that somebody has seen before, as in a workshop. *Cold*: a period that nobody has asked for, so every
number is worked out anew from the cube.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, product
from statistics import median, quantiles
from typing import Any

import psutil

from benchmarks.client import Click, Visitor, visit
from benchmarks.server import Server, running
from benchmarks.tables import Table

THINK = (1.0, 3.0)
GOAL_MS = 300
_PERIODS = ("last_12_months", "last_90_days", "last_quarter", "this_year")
_CHANNELS = ("", "paid_search", "organic", "email")
_KPIS = ("cpl", "lead_to_customer")
_LAST_DAY = dt.date(2026, 6, 30)
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
          "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip


@dataclass(frozen=True)
class Load:
    """What some visitors experienced.

    Attributes:
        clicks: Seconds of each click.
        cpu: Seconds of the server's CPU per click.
        seconds: How long it lasted.
        others: Cores that everything else on the machine kept busy meanwhile.
    """

    clicks: list[float]
    cpu: float
    seconds: float
    others: float

    def cells(self) -> tuple[str, ...]:
        """Clicks, p50 and p95 in ms, CPU per click in ms, cores busy for the server and for others."""
        middle, high = percentiles(self.clicks)
        share = self.cpu * len(self.clicks) / self.seconds
        return (
            str(len(self.clicks)),
            f"{middle:.0f}",
            f"{high:.0f}",
            f"{self.cpu * 1000:.0f}",
            f"{share:.2f}",
            f"{self.others:.2f}",
        )


def run(visitors: tuple[int, ...] = (1, 10, 30), seconds: float = 20, browser: bool = True) -> Iterator[Table]:
    """The tables of reruns: the load of each number of visitors, warm and cold, and what one browser sees."""
    header = ("questions", "visitors", "clicks", "p50 ms", "p95 ms", "CPU ms", "cores", "others")
    table = Table("Reruns: server time of a click", header)
    with running() as server:
        asyncio.run(_see_all(server))
        for kind, number in product(("warm", "cold"), visitors):
            table.add(kind, str(number), *asyncio.run(_load(server, kind, number, seconds)).cells())
        table.notes += [
            f"Goal: {max(visitors)} visitors, warm, p95 below {GOAL_MS} ms. Memory: {server.megabytes():.0f} MB.",
            "cores: how many the server kept busy; others: how many everything else on the machine did.",
        ]
        yield table
        if browser and shutil.which("chromium"):
            yield _browser(server)


def percentiles(clicks: list[float]) -> tuple[float, float]:
    """Median and 95th percentile in ms."""
    steps = quantiles(clicks, n=20, method="inclusive") if len(clicks) > 1 else clicks * 19
    return median(clicks) * 1000, steps[18] * 1000


# ---- what is asked --------------------------------------------------------------------------------------------------


def views() -> list[Click]:
    """The views that warm visitors click among."""
    pages = (("overview", ""), *(("detail", kpi) for kpi in _KPIS))
    every = product(pages, _PERIODS, _CHANNELS)
    return [_click(page, kpi, channel, period=period) for (page, kpi), period, channel in every]


def questions(seed: int) -> Iterator[Click]:
    """Views that nobody has asked for yet: days of their own."""
    rng = random.Random(seed)
    for number in count():
        start = _LAST_DAY - dt.timedelta(days=rng.randrange(60, 700))
        end = start + dt.timedelta(days=rng.randrange(25, 365))
        days = f"{start}_{min(end, _LAST_DAY - dt.timedelta(days=seed % 20))}"
        page, kpi = ("overview", "") if number % 2 else ("detail", rng.choice(_KPIS))
        yield _click(page, kpi, rng.choice(_CHANNELS), days=days)


def _click(page: str, kpi: str, channel: str, **choices: str) -> Click:
    # "-" is what the app itself writes for a filter that was emptied.
    named = {"kpi": kpi, "f_channel": channel or "-", **choices}
    return Click(page, tuple((name, code) for name, code in named.items() if code))


# ---- visitors -------------------------------------------------------------------------------------------------------


async def _see_all(server: Server) -> None:
    """Every view once, so that what is warm has been seen."""
    async with visit(server.url) as visitor:
        for click in views():
            await visitor.ask(click)


async def _load(server: Server, kind: str, visitors: int, seconds: float) -> Load:
    """Everybody opens the app, then everybody clicks; only the clicks are measured."""
    async with contextlib.AsyncExitStack() as open_sessions:
        present = []
        for _ in range(visitors):
            visitor = await open_sessions.enter_async_context(visit(server.url))
            await visitor.ask(views()[0])
            present.append(visitor)
        used, busy, started = server.cpu(), _busy(), time.monotonic()
        stays = (_stay(visitor, kind, 100 * visitors + seed, started + seconds) for seed, visitor in enumerate(present))
        clicks = [second for one in await asyncio.gather(*stays) for second in one]
        spent, used = time.monotonic() - started, server.cpu() - used
        return Load(clicks, used / len(clicks), spent, (_busy() - busy - used) / spent)


def _busy() -> float:
    """Seconds that the machine's cores have worked so far."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0) - getattr(times, "guest", 0))


async def _stay(visitor: Visitor, kind: str, seed: int, until: float) -> list[float]:
    """The clicks of one visitor."""
    rng, anew, known = random.Random(seed), questions(seed), views()
    clicks: list[float] = []
    await asyncio.sleep(rng.uniform(0, THINK[0]))
    while True:
        await asyncio.sleep(rng.uniform(*THINK))
        if time.monotonic() > until:
            return clicks
        clicks.append(await visitor.ask(next(anew) if kind == "cold" else rng.choice(known)))


# ---- one browser ----------------------------------------------------------------------------------------------------


def _browser(server: Server, clicks: int = 10) -> Table:
    """What one person sees: from the click on a choice of the sidebar until the page stands still."""
    from playwright.sync_api import sync_playwright

    table = Table("One browser: from the click to a settled page", ("page", "clicks", "median ms", "longest ms"))
    with sync_playwright() as session:
        chromium = session.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        for page in ("overview", "detail"):
            seen = chromium.new_page()
            seen.goto(f"{server.url}/{page}")
            seen.wait_for_function(_STILL, polling=50, timeout=60_000)
            times = [_choose(seen, at) for at in range(clicks + 2)][2:]  # both choices once, so that they are warm
            table.add(page, str(clicks), f"{median(times) * 1000:.0f}", f"{max(times) * 1000:.0f}")
            seen.close()
        chromium.close()
    return table


_STATE = "document.querySelector('[data-testid=stApp]')?.getAttribute('data-test-script-state')"
_STILL = f"{_STATE} === 'notRunning' && !document.querySelector('[data-testid=stSkeleton]')"


def _choose(seen: Any, at: int) -> float:
    """Seconds of one choice of a period; the line below says which days it means."""
    days = "[data-testid=stSidebar] [data-testid=stCaptionContainer]"
    before = seen.locator(days).first.inner_text()
    seen.locator(".st-key-choice_period input").click()
    option = seen.get_by_role("option").nth(at % 2)
    option.wait_for()
    started = time.perf_counter()
    option.click()
    changed = f"before => document.querySelector('{days}').innerText !== before && {_STILL}"
    seen.wait_for_function(changed, arg=before, polling="raf")
    return time.perf_counter() - started

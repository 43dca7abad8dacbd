"""The benchmarks run, at a tiny size, and their variants give equal numbers."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("psutil", reason="needs the benchmarks' packages: make install-bench")
pytest.importorskip("websockets", reason="needs the benchmarks' packages: make install-bench")
pytest.importorskip("duckdb", reason="needs the benchmarks' packages: make install-bench")

from benchmarks import business, cube, reruns
from benchmarks.client import visit
from benchmarks.server import running


def test_the_cube_and_the_same_by_hand_in_polars_and_sql_give_equal_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(business, "FOLDER", tmp_path / "bench-data")
    folder = business.folder(3_000)
    results = {name: variant(folder)[0] for name, variant in cube.VARIANTS.items()}
    assert set(results["kpi, six KPIs"]["kpi"]) == set(cube.KPIS)
    for name, result in results.items():
        cube.compare(name, results["kpi, six KPIs"], result)


def test_a_visitor_over_a_websocket_sees_every_page_and_is_timed():
    async def three_clicks(url: str) -> list[float]:
        async with visit(url) as visitor:
            clicks = [reruns.views()[0], reruns.views()[-1], next(reruns.questions(seed=1))]
            return [await visitor.ask(click) for click in clicks]

    with running() as server:
        # In a thread of its own: a browser test before may have left its loop running in this one.
        timed = ThreadPoolExecutor().submit(asyncio.run, three_clicks(server.url)).result()
        assert all(0 < seconds < 60 for seconds in timed)
        assert server.cpu() > 0


def test_percentiles_are_in_milliseconds():
    assert reruns.percentiles([0.1] * 19 + [0.9]) == pytest.approx((100, 140))

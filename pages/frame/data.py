"""Data sets, cubes and answers, each made once and kept for a while; those of an upload under its secret key."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

import kpi
from kpi.dimensions import sizes as sizes_of
from kpi.tracing import rows_behind
from kpi.workspace import Workspace
from pages.frame import uploads
from pages.frame.shelf import Shelf

SAMPLES = ("b2b_saas", "b2c_shop", "b2c_local")
UPLOAD = "upload"
_TWO_HOURS = 7200
_DATA_SETS = 40
_NOT_DATA = ("truth.json", "exports")
_SUFFIXES = (".parquet", ".csv", ".json")


def key_of(name: str) -> str | None:
    """The cache key of a data set: a sample's name, or the secret of this tab's upload; None without one."""
    if name in SAMPLES:
        return name
    folder = uploads.folder()
    return folder.key + str(len(folder.files)) if name == UPLOAD and folder else None


def files_of(name: str) -> dict[str, Path]:
    """The files of a data set by the name they came with."""
    if name in SAMPLES:
        return {path.name: path for path in sorted(_samples(name).iterdir()) if path.name not in _NOT_DATA}
    folder = uploads.folder()
    return {file.name: file.path for file in folder.files} if folder else {}


def _samples(name: str) -> Path:
    beside = Path(__file__).parents[2] / "sample_data" / name
    return beside if beside.is_dir() else Path(kpi.__file__).parent / "sample_data" / name


def dataset(key: str, files: Mapping[str, Path]) -> kpi.Dataset:
    """The canonical tables of some files; raises ValueError when none of them is one."""
    known = {name: path for name, path in files.items() if Path(name).suffix.lower() in _SUFFIXES}
    return shelf(key).get("data", (), lambda: kpi.read(known))


def dimensions(key: str, data: kpi.Dataset) -> dict[str, list[str]]:
    """The dimensions that can be split by, with their values, most frequent first."""
    return shelf(key).get("dimensions", (), lambda: kpi.dimensions(data))


def sizes(key: str, data: kpi.Dataset) -> dict[str, int]:
    """How many rows each table has."""
    return shelf(key).get("sizes", (), lambda: sizes_of(data))


def cube(key: str, workspace: str, dims: tuple[str, ...], data: kpi.Dataset) -> kpi.Cube:
    """Everything measured under a workspace's assumptions, split by some dimensions."""
    return shelf(key).get(
        "cube", (workspace, dims), lambda: kpi.measure(Workspace.from_json(workspace).applied(data), by=dims)
    )


def answer(key: str, workspace: str, question: tuple[Any, ...], cube: kpi.Cube) -> Any:
    """A result of `evaluate` or `change`, by the question asked: the function's name and its arguments."""
    function, arguments = question
    plain = {name: dict(value) if name == "where" else value for name, value in arguments}
    asked = {"evaluate": kpi.evaluate, "change": kpi.change}[function]
    return shelf(key).get("answer", (workspace, question), lambda: asked(cube, **plain))


def kept(key: str, workspace: str, what: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """What a page makes of answers (a card, a chart, a sentence), by what it is made of; not to be changed."""
    return shelf(key).get("kept", (workspace, what), make)


def rows(key: str, workspace: str, question: tuple[Any, ...], cube: kpi.Cube, item: kpi.Kpi) -> Any:
    """The rows behind one side of a KPI: side and name of the measure → rows."""
    _, period, where, personal = question
    return shelf(key).get("rows", (workspace, question), lambda: rows_behind(cube, item, period, dict(where), personal))


@st.cache_resource(max_entries=_DATA_SETS, ttl=_TWO_HOURS, show_spinner=False)
def shelf(key: str) -> Shelf:
    """Everything made of one data set, which goes together: when its time is over, or when its files are removed."""
    return Shelf()


def forget() -> None:
    """Removes this tab's upload, its files and everything made of it; other visitors keep theirs."""
    key = key_of(UPLOAD)
    uploads.forget()
    if key:
        shelf.clear(key)

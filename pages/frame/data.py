"""Data sets, cubes and answers, each made once and kept for a while; those of an upload under its secret key."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

import kpi
from kpi.tables import TABLES
from kpi.tracing import behind, measures_behind
from kpi.workspace import Workspace
from pages.frame import uploads

SAMPLES = ("b2b_saas", "b2c_shop", "b2c_local")
UPLOAD = "upload"
_TWO_HOURS = 7200
_FEW, _MANY = 40, 3000


def key_of(name: str) -> str | None:
    """The cache key of a data set: a sample's name, or the secret of this tab's upload; None without one."""
    if name in SAMPLES:
        return name
    folder = uploads.folder()
    return folder.key + str(len(folder.files)) if name == UPLOAD and folder else None


def files_of(name: str) -> dict[str, Path]:
    """The files of a data set by the name they came with."""
    if name in SAMPLES:
        return {path.name: path for path in sorted(_samples(name).iterdir()) if path.is_file()}
    folder = uploads.folder()
    return {file.name: file.path for file in folder.files} if folder else {}


def _samples(name: str) -> Path:
    beside = Path(__file__).parents[2] / "sample_data" / name
    return beside if beside.is_dir() else Path(kpi.__file__).parent / "sample_data" / name


@st.cache_resource(max_entries=_FEW, ttl=_TWO_HOURS, show_spinner=False)
def dataset(key: str, _files: Mapping[str, Path]) -> kpi.Dataset:
    """The canonical tables of some files; raises ValueError when none of them is one."""
    known = {name: path for name, path in _files.items() if Path(name).suffix.lower() in (".parquet", ".csv", ".json")}
    return kpi.read({name: path for name, path in known.items() if name not in ("truth.json",)})


@st.cache_resource(max_entries=_FEW, ttl=_TWO_HOURS, show_spinner=False)
def cube(key: str, workspace: str, dims: tuple[str, ...], _data: kpi.Dataset) -> kpi.Cube:
    """Everything measured under a workspace's assumptions, split by some dimensions."""
    return kpi.measure(Workspace.from_json(workspace).applied(_data), by=dims)


@st.cache_resource(max_entries=_MANY, ttl=_TWO_HOURS, show_spinner=False)
def answer(key: str, workspace: str, question: tuple[Any, ...], _cube: kpi.Cube) -> Any:
    """A result of `evaluate` or `change`, by the question asked: the function's name and its arguments."""
    function, arguments = question
    plain = {name: dict(value) if name == "where" else value for name, value in arguments}
    return {"evaluate": kpi.evaluate, "change": kpi.change}[function](_cube, **plain)


@st.cache_resource(max_entries=_MANY, ttl=_TWO_HOURS, show_spinner=False)
def kept(key: str, workspace: str, what: tuple[Any, ...], _make: Callable[[], Any]) -> Any:
    """What a page makes of answers (a card, a chart, a sentence), by what it is made of; not to be changed."""
    return _make()


@st.cache_resource(max_entries=_FEW, ttl=_TWO_HOURS, show_spinner=False)
def rows(key: str, workspace: str, question: tuple[Any, ...], _cube: kpi.Cube, _kpi: kpi.Kpi) -> Any:
    """The rows behind one side of a KPI: name of the measure → rows."""
    _, period, where, personal = question
    return {
        (side, item.id): behind(_cube, item, period, dict(where), personal)
        for side, item in measures_behind(_cube, _kpi)
    }


@st.cache_resource(max_entries=_FEW, ttl=_TWO_HOURS, show_spinner=False)
def dimensions(key: str, _data: kpi.Dataset) -> dict[str, list[str]]:
    """The dimensions that can be split by, with their values, most frequent first."""
    return kpi.dimensions(_data)


def forget() -> None:
    """Removes this tab's upload, its files and everything made of it."""
    uploads.forget()
    for cached in (dataset, cube, answer, kept, rows, dimensions):
        cached.clear()


def tables(data: kpi.Dataset) -> Sequence[str]:
    """The tables of a data set in their canonical order."""
    return [name for name in TABLES if name in data.tables]

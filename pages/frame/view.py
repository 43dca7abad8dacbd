"""The view: what this visitor looks at, put together from the URL, the upload and the answers about the business."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import streamlit as st

import kpi
from kpi import profiles, texts
from kpi.grid import CHANNELS, CHOICES
from kpi.periods import GRAINS, PRESETS, Period, preset
from kpi.workspace import Workspace
from pages.frame import data, uploads, url

AGAINST = ("previous", "last_year", "both")
_ASSUMED = "assumptions"
AXES = ("business", "pricing", "goal", "segment", "motion", "presence", "product")
DEFAULT = "b2b_saas"
_EARLIEST, _LATEST = dt.date(1990, 1, 1), dt.date(2100, 12, 31)


@dataclass(frozen=True)
class View:
    """One visitor's view in one run.

    Attributes:
        name: A sample's name, or `upload`.
        key: The cache key of the data; never shown.
        data: The canonical tables, or None where there are none (yet).
        workspace: Profile, assumptions and export date in force.
        dims: Dimension → its values, those that can be split and filtered by.
        period, against, every, where: What is asked.
        lang: The language.
        trouble: Why there is no data: a key of the texts, and its values.
    """

    name: str
    key: str
    data: kpi.Dataset | None
    workspace: Workspace
    dims: Mapping[str, list[str]]
    period: Period
    preset: str
    against: tuple[str, ...]
    every: str
    where: Mapping[str, tuple[str, ...]]
    lang: str = "en"
    trouble: tuple[str, dict[str, str]] | None = None

    def say(self, key: str, **values: Any) -> str:
        """A text in the view's language."""
        return texts.say(key, self.lang, **values)

    @property
    def profile(self) -> kpi.Profile:
        """The business as it was answered."""
        return self.workspace.profile

    def cube(self, *dims: str) -> kpi.Cube:
        """The cube split by the filters' dimensions and these."""
        wanted = tuple(sorted({*self.where, *dims, *(d for d in ("channel", "placement") if d in self.dims)}))
        return data.cube(self.key, self.stated, wanted, self.data)

    def ask(self, function: str, *dims: str, **arguments: Any) -> Any:
        """A result of `evaluate` or `change` under the view's filters."""
        arguments = {"where": tuple(self.where.items()), **arguments}
        named = tuple(sorted(arguments.items()))
        return data.answer(self.key, self.stated, (function, named), self.cube(*dims))

    def kept(self, make: Callable[[], Any], *what: Any) -> Any:
        """What a page makes under this workspace, made once for all who ask: `what` names it and all it depends on."""
        return data.kept(self.key, self.stated, (self.lang, *what), make)

    @cached_property
    def stated(self) -> str:
        """The workspace as text, as which it stands in the keys of caches."""
        return self.workspace.to_json()

    @property
    def question(self) -> tuple[Any, ...]:
        """What is asked: days, comparison, grain, filters."""
        return self.period, self.against, self.every, tuple(self.where.items())


def current() -> View:
    """The view that the URL asks for."""
    lang = url.language()
    name = url.get("data", (*data.SAMPLES, data.UPLOAD), DEFAULT)
    key = data.key_of(name)
    found, trouble = _read(name, key)
    if found is None:
        workspace = Workspace(_profile({}, {}))
        return View(
            name,
            "",
            None,
            workspace,
            {},
            Period(dt.date(2025, 1, 1), dt.date(2025, 1, 1)),
            "all",
            (),
            "1mo",
            {},
            lang,
            trouble,
        )
    dims = data.dimensions(key, found)
    workspace = _workspace(name, key, found, dims)
    span = data.cube(key, workspace.to_json(), tuple(d for d in ("channel", "placement") if d in dims), found)
    chosen, period = _period(span)
    return View(
        name=name,
        key=key or "",
        data=found,
        workspace=workspace,
        dims=dims,
        period=period,
        preset=chosen,
        against=_against(),
        every=url.get("every", GRAINS, "1mo"),
        where={dim: held for dim in dims if (held := url.several(f"f_{dim}", dims[dim]))},
        lang=lang,
    )


def assume(view: View, **values: Any) -> None:
    """Changes assumptions of this view; kept with the upload, or for a sample as long as the session."""
    changed = view.workspace.assumptions.with_values(**values)
    keep(view, Workspace(view.profile, changed, view.workspace.as_of, view.workspace.name))


def keep(view: View, workspace: Workspace) -> None:
    """Makes a workspace the one in force for this data."""
    st.session_state.setdefault(_ASSUMED, {})[view.name] = workspace
    folder = uploads.folder()
    if view.name == data.UPLOAD and folder:
        (folder.path / "workspace.json").write_text(workspace.to_json(), encoding="utf-8")


def drop() -> None:
    """Forgets what was said about the upload: it goes with it."""
    st.session_state.get(_ASSUMED, {}).pop(data.UPLOAD, None)


def _read(name: str, key: str | None) -> tuple[kpi.Dataset | None, tuple[str, dict[str, str]] | None]:
    if key is None:
        return None, ("empty.upload", {})
    try:
        return data.dataset(key, data.files_of(name)), None
    except ValueError:
        names = ", ".join(url.plain(file) for file in data.files_of(name))
        return None, ("empty.unreadable", {"files": names})


def _workspace(name: str, key: str | None, found: kpi.Dataset, dims: Mapping[str, list[str]]) -> Workspace:
    """The workspace in force: what was changed, else what came with the data; the URL's answers on top."""
    kept = st.session_state.get(_ASSUMED, {}).get(name) or _stored(name)
    base = kept or Workspace(
        _profile(found.profile, profiles.derive(found.columns, dims.get("channel", ()))), found.assumptions, found.as_of
    )
    return Workspace(_profile(base.profile.to_dict(), {}), base.assumptions, base.as_of, base.name)


def _stored(name: str) -> Workspace | None:
    folder = uploads.folder() if name == data.UPLOAD else None
    path = folder.path / "workspace.json" if folder else None
    try:
        return Workspace.from_json(path.read_text(encoding="utf-8")) if path and path.exists() else None
    except ValueError:
        return None


def _profile(said: Mapping[str, Any], derived: Mapping[str, Any]) -> kpi.Profile:
    """The URL's answers, before those that came with the data, before those that the data suggests."""
    answers = {**derived, **said}
    for axis in AXES:
        code = url.get(axis, CHOICES[axis])
        if code:
            answers[axis] = code
    answers["channels"] = tuple(
        code for code in url.several("channels") or answers.get("channels", ()) if code in CHANNELS
    )
    if {"business", "pricing"} & {axis for axis in AXES if url.get(axis, CHOICES[axis])}:
        answers = {
            axis: code
            for axis, code in answers.items()
            if axis in ("business", "pricing", "goal", "channels", "industry") or url.get(axis)
        }
    return kpi.Profile.from_dict(answers)


def _period(cube: kpi.Cube) -> tuple[str, Period]:
    first, last = cube.span.start, cube.as_of
    own = _own_days()
    if own:
        return "custom", own
    chosen = url.get("period", PRESETS, "last_12_months" if (last - first).days > 400 else "all")
    return chosen, preset(chosen, last, first)


def _own_days() -> Period | None:
    """The days that the URL names, if they are days that a business could have."""
    start, _, end = url.get("days").partition("_")
    try:
        own = Period(dt.date.fromisoformat(start), dt.date.fromisoformat(end))
    except ValueError:
        return None
    return own if own.start >= _EARLIEST and own.end <= _LATEST else None


def _against() -> tuple[str, ...]:
    chosen = url.get("vs", AGAINST, "previous")
    return ("previous", "last_year") if chosen == "both" else (chosen,)

"""The view: what this visitor looks at, put together from the URL, the upload and the answers about the business."""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any

import kpi
from kpi import profiles, reasons, texts
from kpi.grid import CHANNELS, CHOICES
from kpi.periods import GRAINS, PRESETS, Period, preset
from kpi.reading import Unreadable
from kpi.workspace import Workspace
from pages.frame import data, url

Trouble = tuple[str, dict[str, str]] | None
"""Why there is no data: a key of the texts, and its values."""
AGAINST = ("previous", "last_year", "both")
_ASSUME = "assume"
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
    trouble: Trouble = None

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
    name = url.get("data", (*data.SAMPLES, data.UPLOAD), DEFAULT)
    key = data.key_of(name)
    found, trouble = _read(name, key)
    return _without_data(name, trouble) if found is None or key is None else _with_data(name, key, found)


def _without_data(name: str, trouble: Trouble) -> View:
    today = Period(dt.date.today(), dt.date.today())
    return View(name, "", None, Workspace(_profile({}, {})), {}, today, "all", (), "1mo", {}, url.language(), trouble)


def _with_data(name: str, key: str, found: kpi.Dataset) -> View:
    dims = data.dimensions(key, found)
    workspace = _workspace(found, dims)
    cube = data.cube(key, workspace.to_json(), tuple(d for d in ("channel", "placement") if d in dims), found)
    chosen, period = _period(cube)
    return View(
        name=name,
        key=key,
        data=found,
        workspace=workspace,
        dims=dims,
        period=period,
        preset=chosen,
        against=_against(),
        every=url.get("every", GRAINS, "1mo"),
        where={dim: held for dim in dims if (held := url.several(f"f_{dim}", dims[dim]))},
        lang=url.language(),
    )


def assume(view: View, **values: Any) -> None:
    """Changes assumptions of this view; what differs from the data's own stands in the URL."""
    changed, own = asdict(view.workspace.assumptions.with_values(**values)), _own(view)
    said = {name: value for name, value in changed.items() if value != own[name]}
    url.put(**{_ASSUME: json.dumps(said, separators=(",", ":")) if said else None})


def keep(view: View, workspace: Workspace) -> None:
    """Makes a workspace the one in force: its answers, assumptions and export date go to the URL."""
    profile = workspace.profile.to_dict()
    url.put(**{axis: profile[axis] for axis in AXES}, channels=profile["channels"] or ["-"])
    url.put(as_of=workspace.as_of.isoformat() if workspace.as_of else None)
    assume(view, **{item.name: getattr(workspace.assumptions, item.name) for item in fields(workspace.assumptions)})


def _own(view: View) -> dict[str, Any]:
    return asdict(view.data.assumptions if view.data is not None else view.workspace.assumptions)


def _read(name: str, key: str | None) -> tuple[kpi.Dataset | None, Trouble]:
    if key is None:
        return None, ("empty.upload", {})
    try:
        return data.dataset(key, data.files_of(name)), None
    except Unreadable as refused:
        said = " ".join(url.plain(reasons.found(issue, url.language())) for issue in refused.issues)
        return None, ("empty.unreadable", {"why": said})
    except ValueError:
        names = ", ".join(url.plain(file) for file in data.files_of(name))
        return None, ("empty.broken", {"files": names})


def _workspace(found: kpi.Dataset, dims: Mapping[str, list[str]]) -> Workspace:
    """The workspace in force: what came with the data, what the data suggests, and the URL's answers on top."""
    suggested = profiles.derive(found.columns, dims.get("channel", ()))
    return Workspace(_profile(found.profile, suggested), _assumptions(found), _as_of(found))


def _assumptions(found: kpi.Dataset) -> kpi.Assumptions:
    """The data's own assumptions with those that the URL says; what is none is passed over."""
    try:
        said = json.loads(url.get(_ASSUME) or "{}")
        return kpi.Assumptions.from_dict({**asdict(found.assumptions), **said})
    except (ValueError, TypeError):
        return found.assumptions


def _as_of(found: kpi.Dataset) -> dt.date | None:
    try:
        return dt.date.fromisoformat(url.get("as_of"))
    except ValueError:
        return found.as_of


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
    chosen = url.get("period", PRESETS, _usual((last - first).days))
    return chosen, preset(chosen, last, first)


def _usual(days: int) -> str:
    """The period to begin with: the longest that the data can compare with one before it."""
    return "last_12_months" if days > 760 else "last_3_months" if days > 200 else "last_month" if days > 92 else "all"


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

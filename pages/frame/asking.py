"""Asking: the questions of the start page, and what happens with the answers."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, get_args

import streamlit as st

from kpi import texts
from kpi.assumptions import SCOPES, Qualified
from kpi.catalog import KPIS
from kpi.grid import CHANNELS, CHOICES
from kpi.tables import TABLES
from kpi.workspace import Workspace
from pages.frame import data, uploads, url
from pages.frame.view import AXES, View, assume, keep

_SHOWN, _LOADER = "upload_shown", "workspace_file"
_FIRST = ("business", "pricing", "goal")
_NUMBERS = {
    "margin": 100.0,
    "lifetime_months": 1.0,
    "hourly_rate": 1.0,
    "target_revenue": 1.0,
    "score_threshold": 1.0,
    "sla_minutes": 1.0,
    "grace_days": 1.0,
    "repeat_days": 1.0,
}
"""Assumptions asked as a number, and how many of its units the field shows for one."""
CAPTURED = ("form", "chat", "phone", "event", "trial", "account", "order", "import")
_ANSWERS = (*AXES, "channels", "assume", "as_of", "days", "kpi", "split")


def use(name: str) -> None:
    """Takes other data: with its own answers and filters, none of the last one's."""
    filters = [choice for choice in st.query_params if choice.startswith("f_")]
    url.put(data=None if name == data.SAMPLES[0] else name, **dict.fromkeys((*_ANSWERS, *filters)))


def upload(view: View) -> None:
    """The uploader, and what can be done with what it took."""
    st.markdown(f"**{view.say('start.own')}**")
    before = uploads.folder()
    refused = uploads.uploader(view.say("start.drop"), type=["parquet", "csv", "json"], help=view.say("start.own.help"))
    if refused:
        st.error(view.say(refused.code, **{name: url.plain(str(value)) for name, value in refused.values.items()}))
    if _is_new():
        use(data.UPLOAD)
        st.rerun()
    if before and view.name != data.UPLOAD:
        st.button(view.say("start.open"), on_click=use, args=(data.UPLOAD,), type="primary")
    if before:
        for file in before.files:
            st.caption(url.plain(file.name))
        st.button(view.say("start.remove"), on_click=remove)


def _is_new() -> bool:
    """Whether files have come in this session that have not been shown yet."""
    key, seen = data.key_of(data.UPLOAD), st.session_state.get(_SHOWN)
    came = st.session_state.get("upload_round", 0) > 0 and key is not None
    st.session_state[_SHOWN] = key
    return came and key != seen


def columns_needed(view: View) -> None:
    """The guide to the columns that a file may have."""
    with st.expander(view.say("start.columns")):
        st.dataframe(
            [
                {
                    view.say("start.column.table"): table.name,
                    view.say("start.column.required"): ", ".join(table.required),
                    view.say("start.column.optional"): ", ".join(c for c in table.columns if c not in table.required),
                }
                for table in TABLES.values()
            ],
            hide_index=True,
            alt=view.say("start.columns"),
        )


def profile(view: View) -> None:
    """The questions about the business, pre-answered; every answer goes to the URL."""
    first, channels = st.columns(2, gap="large")
    with first:
        for axis in _FIRST:
            _axis(view, axis)
    with channels:
        url.choose(
            view.say("axis.channels"),
            "channels",
            list(CHANNELS),
            lambda code: texts.name_of("channel", code, view.lang),
            view.profile.channels,
            wrap=True,
        )
        st.caption(view.say("start.channels.help"))
        with st.expander(view.say("start.more")):
            for axis in AXES:
                if axis not in _FIRST:
                    _axis(view, axis)


def assumptions(view: View) -> None:
    """The panel of assumptions: everything that no export holds, in one place."""
    st.caption(view.say("start.workspace.help"))
    given = asdict(view.workspace.assumptions)
    with st.grid(columns="auto", min_column_width=220, gap="medium") as grid:
        for name, shown in _NUMBERS.items():
            with grid.cell():
                _number(view, name, given[name], shown)
        with grid.cell():
            _text(view, "currency", given["currency"])
        with grid.cell():
            _text(view, "zone", given["zone"])
        with grid.cell():
            _text(view, "stages", ", ".join(given["stages"]))
        with grid.cell():
            _text(view, "rates", ", ".join(f"{code} {rate}" for code, rate in given["rates"].items()))
        with grid.cell():
            _one(view, "qualified", ("", *get_args(Qualified)), given["qualified"] or "")
        with grid.cell():
            _several(view, "lead_event", CAPTURED, given["lead_event"])
        with grid.cell():
            _as_of(view)
    _scopes(view, given["scopes"])
    st.download_button(
        view.say("start.save"),
        view.workspace.to_json().encode(),
        "workspace.json",
        "application/json",
        on_click="ignore",
    )
    st.file_uploader(view.say("start.load"), type="json", key=_LOADER, on_change=_load, args=(view,))
    trouble = st.session_state.pop("workspace_trouble", None)
    if trouble:
        st.error(view.say("start.bad_workspace", why=url.plain(trouble)))


def _as_of(view: View) -> None:
    """The day of the export, where it is not the latest date in the files."""
    st.session_state["assume_as_of"] = view.workspace.as_of
    st.date_input(view.say("start.as_of"), key="assume_as_of", help=view.say("start.as_of.help"), on_change=_exported)


def _exported() -> None:
    day = st.session_state["assume_as_of"]
    url.put(as_of=day.isoformat() if day else None)


def _scopes(view: View, given: Mapping[str, str]) -> None:
    """Which costs each cost KPI counts."""
    st.caption(view.say("assumption.scopes.help"))
    with st.grid(columns="auto", min_column_width=220, gap="medium") as grid:
        for item in (item for item in KPIS if item.scope and not item.derived):
            with grid.cell():
                key = f"assume_scope_{item.id}"
                st.session_state[key] = given.get(item.id, item.scope)
                st.selectbox(
                    texts.kpi_text(item.words, "name", view.lang),
                    SCOPES,
                    key=key,
                    format_func=lambda code: view.say(f"scope.{code}"),
                    on_change=_scoped,
                    args=(view, item.id),
                )


def _axis(view: View, axis: str) -> None:
    url.select(
        view.say(f"axis.{axis}"),
        axis,
        CHOICES[axis],
        lambda code: view.say(f"profile.{axis}.{code}"),
        getattr(view.profile, axis),
    )


def _number(view: View, name: str, value: Any, shown: float) -> None:
    key = f"assume_{name}"
    st.session_state[key] = None if value is None else float(value) * shown
    st.number_input(
        view.say(f"assumption.{name}"),
        min_value=0.0,
        key=key,
        help=view.say(f"assumption.{name}.help"),
        on_change=_changed,
        args=(view, name, shown),
    )


def _text(view: View, name: str, value: str) -> None:
    key = f"assume_{name}"
    st.session_state[key] = value
    st.text_input(
        view.say(f"assumption.{name}"),
        key=key,
        help=view.say(f"assumption.{name}.help"),
        on_change=_changed,
        args=(view, name, 1.0),
    )


def _one(view: View, name: str, options: tuple[str, ...], value: str) -> None:
    key = f"assume_{name}"
    st.session_state[key] = value
    st.selectbox(
        view.say(f"assumption.{name}"),
        options,
        key=key,
        format_func=lambda code: view.say(f"{name}.{code}") if code else view.say(f"{name}.first"),
        help=view.say(f"assumption.{name}.help"),
        on_change=_changed,
        args=(view, name, 1.0),
    )


def _several(view: View, name: str, options: tuple[str, ...], value: tuple[str, ...]) -> None:
    key = f"assume_{name}"
    st.session_state[key] = list(value)
    st.multiselect(
        view.say(f"assumption.{name}"),
        options,
        key=key,
        format_func=lambda code: view.say(f"captured_by.{code}"),
        placeholder=view.say("side.all"),
        help=view.say(f"assumption.{name}.help"),
        on_change=_changed,
        args=(view, name, 1.0),
    )


def _scoped(view: View, kpi: str) -> None:
    scopes = {**view.workspace.assumptions.scopes, kpi: st.session_state[f"assume_scope_{kpi}"]}
    assume(view, scopes=scopes)


def _changed(view: View, name: str, shown: float) -> None:
    given = st.session_state[f"assume_{name}"]
    try:
        assume(view, **{name: _typed(name, given, shown)})
    except ValueError as error:
        st.session_state["workspace_trouble"] = str(error)


def _typed(name: str, given: Any, shown: float) -> Any:
    if name == "stages":
        return tuple(stage.strip().lower().replace(" ", "_") for stage in given.split(",") if stage.strip())
    if name == "rates":
        return {code.upper(): float(rate) for code, rate in (pair.split() for pair in given.split(",") if pair.strip())}
    if isinstance(given, list):
        return tuple(given)
    if isinstance(given, str):
        return given.strip().upper() if name == "currency" else given.strip() or None
    if given is None:
        return None
    return int(given) if name in ("grace_days", "repeat_days") else given / shown


def _load(view: View) -> None:
    file = st.session_state[_LOADER]
    if file is None:
        return
    try:
        keep(view, Workspace.from_json(file.getvalue().decode("utf-8")))
        st.session_state["notice"] = "start.loaded"
    except (ValueError, UnicodeDecodeError) as error:
        st.session_state["workspace_trouble"] = str(error)


def remove() -> None:
    """Removes this tab's upload with everything said about it, and goes on with a sample."""
    data.forget()
    use(data.SAMPLES[0])
    st.session_state["notice"] = "start.removed"

"""The sidebar: which data, which days, compared with what, how fine, and which rows count."""

import datetime as dt

import streamlit as st

from kpi import formats, texts
from kpi.periods import GRAINS, PRESETS, comparison
from pages.frame import data, uploads, url
from pages.frame.view import AGAINST, DEFAULT, View


def sidebar(view: View) -> None:
    """Draws the sidebar of a view; each choice goes to the URL."""
    with st.sidebar:
        _source(view)
        if view.data is None:
            return
        _days(view)
        _filters(view)
        if len(texts.LANGUAGES) > 1:
            url.pick(view.say("side.language"), "lang", texts.LANGUAGES, str.upper, "en")


def _source(view: View) -> None:
    names = [*data.SAMPLES, *([data.UPLOAD] if uploads.folder() or view.name == data.UPLOAD else [])]
    url.select(view.say("side.data"), "data", names, lambda name: view.say(f"sample.{name}"), DEFAULT)


def _days(view: View) -> None:
    options = [*PRESETS, "custom"]
    st.session_state["choice_period"] = view.preset
    st.selectbox(
        view.say("side.period"),
        options,
        key="choice_period",
        format_func=lambda code: view.say(f"period.{code}"),
        on_change=_period,
        args=(f"{view.period.start}_{view.period.end}",),
    )
    if view.preset == "custom":
        st.session_state["choice_days"] = (view.period.start, view.period.end)
        st.date_input(view.say("side.days"), key="choice_days", on_change=_own_days)
    url.select(view.say("side.compare"), "vs", AGAINST, lambda code: view.say(f"against.{code}"), "previous")
    st.caption(_covered(view))
    url.select(view.say("side.grain"), "every", GRAINS, lambda code: view.say(f"grain.{code}"), "1mo")


def _covered(view: View) -> str:
    """The days in words, so that nobody has to guess what is compared."""
    now = formats.period(view.period.start, view.period.end, view.lang)
    then = [comparison(view.period, against) for against in view.against]
    earlier = view.say("side.and").join(formats.period(period.start, period.end, view.lang) for period in then)
    return view.say("side.covered", period=now, earlier=earlier)


def _filters(view: View) -> None:
    for dim, values in view.dims.items():
        if dim not in ("channel", "segment", "country") and dim not in view.where:
            continue
        url.choose(
            url.plain(texts.name_of("dimension", dim, view.lang)),
            f"f_{dim}",
            values,
            lambda value, dim=dim: texts.name_of(dim, value, view.lang),
            (),
            placeholder=view.say("side.all"),
        )
    if view.where:
        st.button(view.say("side.clear"), on_click=_clear, args=(tuple(view.where),), width="stretch")


def _period(own: str) -> None:
    chosen = st.session_state["choice_period"]
    if chosen == "custom":
        url.put(days=own, period=None)
    else:
        url.put(period=chosen, days=None)


def _own_days() -> None:
    days: tuple[dt.date, ...] = st.session_state["choice_days"]
    if len(days) == 2:
        url.put(days=f"{days[0]}_{days[1]}")


def _clear(dims: tuple[str, ...]) -> None:
    url.put(**{f"f_{dim}": None for dim in dims})

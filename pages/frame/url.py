"""The URL holds what a person would want to share: every choice is a short code in it, and is restored from it."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from kpi import texts

_REMEMBERED = "url"
_MARKDOWN = re.compile(r"([\\`*_\[\]()!<>#:$~|{}])")


def remember() -> None:
    """Keeps the choices over a change of page, whose link carries none. Once per run, before anything is read."""
    said = {name: st.query_params.get_all(name) for name in st.query_params}
    st.session_state[_REMEMBERED] = {**st.session_state.get(_REMEMBERED, {}), **said}
    if said != st.session_state[_REMEMBERED]:
        st.query_params.from_dict(st.session_state[_REMEMBERED])


def get(name: str, known: Sequence[str] | None = None, default: str = "") -> str:
    """The code of a choice; the default where it is missing or not one of those known."""
    code = str(st.query_params.get(name, default))
    return code if known is None or code in known else default


def language() -> str:
    """The language of the page."""
    return get("lang", texts.LANGUAGES, "en")


def several(name: str, known: Sequence[str] | None = None) -> tuple[str, ...]:
    """The codes of a choice of several; what is not known is passed over."""
    codes = [code for code in st.query_params.get_all(name) if code]
    return tuple(code for code in codes if known is None or code in known)


def put(**choices: str | Sequence[str] | None) -> None:
    """Writes choices into the URL; None or nothing removes one."""
    remembered = st.session_state.setdefault(_REMEMBERED, {})
    for name, code in choices.items():
        if not code:
            remembered.pop(name, None)
            st.query_params.pop(name, None)
        else:
            remembered[name] = [code] if isinstance(code, str) else list(code)
            st.query_params[name] = remembered[name]


def params(**changes: str) -> dict[str, list[str]]:
    """The choices of the URL with some of them changed, for a link to another page."""
    return {**st.session_state.get(_REMEMBERED, {}), **{name: [code] for name, code in changes.items()}}


def select(
    label: str, name: str, options: Sequence[str], say: Callable[[str], str], default: str, **options_of: Any
) -> str:
    """A choice of one, drawn as a select box and held in the URL."""
    key = f"choice_{name}"
    st.session_state[key] = get(name, options, default)
    st.selectbox(label, options, key=key, format_func=say, on_change=_store, args=(name, default), **options_of)
    return str(st.session_state[key])


def pick(
    label: str, name: str, options: Sequence[str], say: Callable[[str], str], default: str, **options_of: Any
) -> str:
    """A choice of one among few, drawn as segments and held in the URL."""
    key = f"choice_{name}"
    st.session_state[key] = get(name, options, default)
    st.segmented_control(
        label, options, key=key, format_func=say, required=True, on_change=_store, args=(name, default), **options_of
    )
    return str(st.session_state[key])


def choose(
    label: str, name: str, options: Sequence[str], say: Callable[[str], str], default: Sequence[str], **options_of: Any
) -> tuple[str, ...]:
    """A choice of several, held in the URL."""
    key = f"choice_{name}"
    given = name in st.query_params
    st.session_state[key] = list(several(name, options)) if given else [code for code in default if code in options]
    st.multiselect(label, options, key=key, format_func=say, on_change=_store, args=(name, None), **options_of)
    return tuple(st.session_state[key])


def plain(text: str) -> str:
    """Text from the user's data, to be shown where Streamlit reads Markdown: nothing in it is formatting or a link."""
    return _MARKDOWN.sub(r"\\\1", text)


def _store(name: str, default: str | None) -> None:
    chosen = st.session_state[f"choice_{name}"]
    if isinstance(chosen, list):
        put(**{name: chosen or ["-"]})
    else:
        put(**{name: None if chosen == default else chosen})

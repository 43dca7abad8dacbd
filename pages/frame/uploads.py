"""The upload of this browser tab: private to it, and found again by it for two hours.

    uploads.connect()                      # app.py, in every run, before anything reads the upload
    refused = uploads.uploader("Your files", type=["csv", "parquet"])
    folder = uploads.folder()              # None, or its files

The session knows the token; so does the tab (see `tab`), which hands it to the next session. Whoever does not
present the token reaches nothing.
"""

import os
import secrets
from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.frame import tab
from pages.frame.store import Folder, Limits, Refusal, Refused, Store

__all__ = ["Folder", "Refusal", "connect", "folder", "forget", "is_waiting", "save", "token", "uploader"]

TOKEN = "upload_token"
"""Where a session keeps its token: missing until the tab has answered, "" when it has none."""

_ASK, _ROUND, _REFUSED = "upload_ask", "upload_round", "upload_refused"


def connect() -> None:
    """Learns from the tab which upload it has, or tells it what to remember. Once per run, before the pages."""
    ask = st.session_state.setdefault(_ASK, secrets.token_hex(8))
    if token() is None and TOKEN in st.session_state:
        st.session_state[TOKEN] = ""  # expired, or removed in a copy of this tab
    tab.exchange(ask, st.session_state.get(TOKEN), _is_expected(), on_report=_adopt)


def is_waiting() -> bool:
    """Whether the view needs an upload and the tab has not yet said if it has one: draw a skeleton, not a verdict.

    Only a URL with `data=upload` waits: other views do not depend on the answer.
    """
    return TOKEN not in st.session_state and _is_expected()


def token() -> str | None:
    """The token of this tab's upload; None without one (yet), or when its time is over."""
    held = st.session_state.get(TOKEN)
    return held if held and _store().open(held) else None


def folder() -> Folder | None:
    """This tab's files; None without any (yet), or when their time is over."""
    held = st.session_state.get(TOKEN)
    return _store().open(held) if held else None


def save(files: Sequence[Any]) -> Folder:
    """This tab's files with these added (one of the same name is replaced), none of them in memory any more.

    Raises:
        Refused: If they are too many, too large or empty; `refusal` says so by a key of the texts.
    """
    held = token() or secrets.token_urlsafe(32)
    try:
        added = _store().add(held, files)
    finally:
        _free(files)
    st.session_state[TOKEN] = held
    return added


def uploader(label: str, **options: Any) -> Refusal | None:
    """Draws an uploader that takes files for this tab.

    Args:
        label: What it asks for.
        options: Of `st.file_uploader`.

    Returns:
        Why the last files were not taken; None when they were.
    """
    # NOTE: not in on_change: a session that is new after a lost connection knows no callbacks yet, and the files of a
    # visitor who took their time to export them would wait in the uploader for ever.
    key = f"upload_{st.session_state.setdefault(_ROUND, 0)}"
    files = st.file_uploader(label, accept_multiple_files=True, key=key, **options)
    if files:
        _receive(files)
        st.rerun()
    return st.session_state.get(_REFUSED)


def forget() -> Folder | None:
    """What the upload was; it is removed, from the disk and from the tab's memory. Call it in a callback."""
    held = st.session_state.get(TOKEN)
    st.session_state[TOKEN] = ""
    st.session_state.pop(_REFUSED, None)
    return _store().remove(held) if held else None


def _is_expected() -> bool:
    return st.query_params.get("data") == "upload"


def _adopt() -> None:
    """Takes over the upload that the tab names, if this session has none of its own."""
    reported = tab.report(st.session_state[_ASK])
    if reported is not None and TOKEN not in st.session_state:
        st.session_state[TOKEN] = reported if _store().open(reported) else ""


def _receive(files: Sequence[Any]) -> None:
    """Takes the uploader's files; a new uploader follows, because this one's files leave the memory."""
    st.session_state[_ROUND] += 1
    st.session_state[_REFUSED] = None
    try:
        save(files)
    except Refused as refused:
        st.session_state[_REFUSED] = refused.refusal


def _free(files: Sequence[Any]) -> None:
    """Drops uploaded files from Streamlit's memory, where they would stay until long after the visitor left."""
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


@st.cache_resource(show_spinner=False, on_release=Store.close)
def _store() -> Store:
    """The one store of this process. Its file cap is the server's own, so that the two cannot disagree."""
    return Store(
        Limits(
            file_mb=st.get_option("server.maxUploadSize"),
            total_mb=float(os.environ.get("KPI_UPLOAD_MB", Limits.total_mb)),
        )
    )

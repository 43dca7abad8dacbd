"""What this browser tab remembers of its upload: one token in its sessionStorage, never in the URL or a cookie.

sessionStorage outlives a refresh and a dropped connection, ends with the tab, and is not shared with other tabs
(a duplicated tab gets a copy, so it sees the same upload).
"""

from collections.abc import Callable
from typing import TypedDict

import streamlit as st

KEY = "kpi-tab"


class Report(TypedDict):
    """What a tab answered: which question it answers, and the token it had ("" for none)."""

    ask: str
    token: str


# NOTE: an answer names its question. A state outlives the session that asked: after a lost connection the browser
# sends the old one to the new session, where the same answer again would be no change, and so no callback.
_tab = st.components.v2.component(
    "kpi_tab",
    js="""
const KEY = "kpi-upload"

function stored() {
  try { return sessionStorage.getItem(KEY) ?? "" } catch { return "" }
}

function store(token) {
  try { token ? sessionStorage.setItem(KEY, token) : sessionStorage.removeItem(KEY) } catch { }
}

export default function ({ data, setStateValue }) {
  if (data.token !== null) store(data.token)
  else if (data.expected || stored()) setStateValue("report", { ask: data.ask, token: stored() })
}
""",
)


def exchange(ask: str, token: str | None, expected: bool, on_report: Callable[[], None]) -> None:
    """Asks the tab for its token, or tells it what to remember.

    Args:
        ask: Names the question: one per session.
        token: What to remember; "" to forget; None to ask.
        expected: Whether a tab without a token has to say so too. Others then cost no second run.
        on_report: Called before the run that brings the answer; it reads `report()`.
    """
    _tab(key=KEY, data={"ask": ask, "token": token, "expected": expected}, on_report_change=on_report)


def report(ask: str) -> str | None:
    """The token that the tab reported, "" when it has none; None before it answered this question."""
    answer = st.session_state.get(KEY, {}).get("report")
    if not isinstance(answer, dict) or answer.get("ask") != ask:
        return None
    return str(answer.get("token", ""))

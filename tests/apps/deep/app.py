"""An app with a folder pages/, as the product is: its frame must be there on every way in."""

import streamlit as st

from pages.frame.guard import ensure_frame

ensure_frame()

st.set_page_config(page_title="Deep", page_icon="🔧")
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
chosen = st.navigation(
    [
        st.Page("pages/start.py", title="Start page", url_path="start", default=True),
        st.Page("pages/one.py", title="Page one", url_path="one"),
    ]
)
st.sidebar.text("the frame")
st.sidebar.text(f"runs: {st.session_state['runs']}")
chosen.run()

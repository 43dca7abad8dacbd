"""Page one."""

import streamlit as st

from pages.frame.guard import ensure_frame

ensure_frame()

st.text("body of one with " + st.query_params.get("q", "nothing"))
if st.button("Count"):
    st.text("counted")

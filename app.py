"""The frame of the app: page settings, sidebar, navigation. Start it with `make app` or `streamlit run app.py`."""

import streamlit as st

import pages
from pages.frame import uploads, url
from pages.frame.guard import ensure_frame, tune
from pages.frame.sidebar import sidebar
from pages.frame.style import style

ensure_frame()
st.set_page_config(page_title="Lead KPI Explorer", page_icon="📊", layout="wide")
style()
url.remember()

chosen = pages.menu()
# NOTE: after the menu: the tab answers at once, and an answer that overtakes the menu would lead to its first page.
uploads.connect()
if uploads.is_waiting():
    st.skeleton(height=400)
else:
    view = pages.open_view()
    sidebar(view)
    st.set_page_config(page_title=view.say("app.title", page=chosen.title))
    pages.notice(view)
    chosen.run()
tune()

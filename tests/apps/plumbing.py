"""The smallest app on the frame: one uploader, what it holds, and a few cards. For tests of the plumbing."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.frame import uploads
from pages.frame.guard import ensure_frame, tune
from pages.frame.style import sparkline, style

ensure_frame()


def in_memory() -> int:
    """Bytes of uploads that Streamlit holds for all visitors together."""
    return sum(
        len(file.data)
        for files in get_script_run_ctx().uploaded_file_mgr.file_storage.values()
        for file in files.values()
    )


SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 20" preserveAspectRatio="none">
<g fill="none" stroke="#000" stroke-width="2">
<path d="M0 12H100" stroke-width="1" stroke-opacity=".4" vector-effect="non-scaling-stroke"/>
<path d="M0 18L20 12L40 14L60 6" vector-effect="non-scaling-stroke"/>
<path d="M60 6L100 2" stroke-dasharray="4 4" vector-effect="non-scaling-stroke"/></g></svg>"""
CARD = f"""
<div class="kpi-card">
  <div class="kpi-name">Cost per lead (CPL)</div>
  <div class="kpi-value {{undefined}}">{{value}}</div>
  <div class="kpi-change {{change}}">{{words}}</div>
  <div class="kpi-spark" role="img" aria-label="falling" style="{sparkline(SVG)}"></div>
  <div class="kpi-note">n = 1,204 (95 %: 61 to 68)</div>
  {{badge}}
</div>"""
BADGE = '<div class="kpi-badge">immature</div>'

st.set_page_config(page_title="Plumbing", page_icon="🔧", layout="wide")
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
style()
uploads.connect()
if uploads.is_waiting():
    st.skeleton(height=200)
    st.text("waiting")
    st.stop()

with st.sidebar:
    st.text("A sidebar")
refused = uploads.uploader("Your files")
folder = uploads.folder()
if st.button("Save to link"):
    st.query_params["data"] = "upload"
st.button("Remove my data", on_click=uploads.forget)
if refused:
    st.text(f"refused: {refused.code}")
st.text(f"files: {', '.join(f'{file.name}={file.path.read_text()}' for file in folder.files) if folder else 'none'}")
st.text(f"place: {folder.path if folder else ''}")
st.text(f"memory: {in_memory()}")
st.text(f"runs: {st.session_state['runs']}")
st.html(
    '<div class="kpi-grid">'
    + CARD.format(value="64.80 €", undefined="", change="better", words="↓ 12 % less vs Apr–Jun", badge="")
    + CARD.format(value="1,264.80 €", undefined="", change="worse", words="↑ 12 % more vs Apr–Jun", badge=BADGE)
    + CARD.format(value="—", undefined="undefined", change="neutral", words="no change vs Apr–Jun", badge="")
    + "</div>"
)
left, right = st.columns(2)
left.metric("Native metric, better", "64.80 €", "-8 €", delta_color="inverse", border=True)
right.metric("Native metric, worse", "64.80 €", "8 €", delta_color="inverse", border=True)
st.bar_chart(
    {"channel": [1, 2, 3, 4, 5, 6, 7, 8], "leads": [8, 7, 6, 5, 4, 3, 2, 1], "c": list("abcdefgh")},
    x="channel",
    y="leads",
    color="c",
    height=200,
)
st.button("Primary", type="primary")
tune()

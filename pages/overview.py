"""Overview: the few KPIs that matter to this business, each with its value, change, trend and reason."""

from itertools import groupby

import streamlit as st

import pages
from pages.frame import said

view = pages.view()
pages.title(view, "overview")
if not pages.needs_data(view):
    scorecard = said.scorecard(view)
    shown = [row["kpi"] for row in scorecard if row["answerable"]]
    figures = pages.figures(view, shown)
    st.subheader(said.summary(view, figures), anchor=False)
    st.caption(said.business(view))

    for section, names in groupby(sorted(shown, key=lambda name: said.place(view, name)), lambda name: pages.kpis(view)[name].section):
        st.markdown(f"#### {view.say(f'section.{section}')}")
        pages.card_grid(view, list(names), said.reasons(view, scorecard))

    missing = [row for row in scorecard if not row["answerable"]]
    if missing:
        st.markdown(f"#### {view.say('overview.missing')}")
        for row in missing:
            st.markdown(said.lacking(view, row))
    with st.expander(view.say("overview.unlock")):
        st.dataframe(said.unlocks(view), hide_index=True, alt=view.say("overview.unlock"))
    with st.expander(view.say("overview.why_not")):
        for line in said.left_out(view):
            st.markdown(line)

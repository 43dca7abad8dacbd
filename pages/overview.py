"""Overview: the few KPIs that matter to this business, each with its value, change, trend and reason."""

import streamlit as st

import pages
from pages.frame import said

view = pages.view()
pages.title(view, "overview")
if not pages.needs_data(view):
    card = said.scorecard(view)
    reasons = said.reasons(view, card)
    sections = said.sections(view, card)
    figures = pages.figures(view, [name for _, names in sections for name in names])
    st.markdown(f"##### {said.summary(view, figures)}")
    st.caption(said.business(view))

    ripe = said.ripe_period(view, figures)
    if ripe:
        pages.offer_period(view, ripe)

    for heading, names in sections:
        st.markdown(f"#### {heading}")
        pages.card_grid(view, names, figures, reasons)

    missing = [row for row in card if not row["answerable"]]
    if missing:
        st.markdown(f"#### {view.say('overview.missing')}")
        for row in missing:
            st.markdown(said.lacking(view, row))
    with st.expander(view.say("overview.unlock")):
        unlocked = said.unlocks(view)
        if unlocked:
            st.dataframe(unlocked, hide_index=True, alt=view.say("overview.unlock"))
        else:
            st.markdown(view.say("overview.unlock.none"))
    with st.expander(view.say("overview.why_not")):
        for line in said.left_out(view):
            st.markdown(line)

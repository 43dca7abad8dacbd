"""KPI in detail: its trend, its parts, the formula with the real numbers, rival definitions, and the rows behind it."""

import streamlit as st

import pages
from pages.frame import detail

view = pages.view()
if not pages.needs_data(view):
    item = detail.chosen(view)
    st.title(detail.name(view, item), anchor=False)
    st.markdown(detail.text(view, item, "meaning"))
    figure = pages.figures(view, [item.id])[item.id]
    lacking = detail.lacking(view, item)
    if lacking:
        st.info(lacking)
    left, right = st.columns([1, 2], gap="large")
    with left.container(border=True):
        pages.headline(view, item, figure)
    with right:
        pages.trend(view, item, figure)

    st.subheader(view.say("detail.formula"), anchor=False)
    st.markdown(pages.formula(view, item, figure["value"]))
    st.caption(detail.basis(view, item))
    assumed = detail.assumed(view, item)
    if assumed:
        st.caption(assumed)

    split = detail.split(view, item)
    if split:
        pages.parts(view, item, split)

    rivals = detail.rivals(view, item)
    if rivals:
        st.subheader(view.say("detail.rivals"), anchor=False)
        st.caption(view.say("detail.rivals.help"))
        pages.compare(view, rivals)

    for part in ("why", "measure", "export", "improve", "pitfalls", "source"):
        st.markdown(f"##### {view.say(f'detail.{part}')}")
        st.markdown(detail.text(view, item, part))

    st.subheader(view.say("detail.rows"), anchor=False)
    if item.derived:
        st.caption(view.say("detail.inputs"))
        for each in detail.inputs(view, item):
            pages.link(view, "detail", detail.name(view, each), kpi=each.id)
    else:
        detail.rows(view, item)

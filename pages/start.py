"""Start: choose data, say what business it is, and see which KPIs matter."""

import streamlit as st

import pages
from pages.frame import asking, data, said

view = pages.view()
pages.title(view, "start")
st.markdown(view.say("start.lead"))

st.subheader(view.say("start.data"), anchor=False)
with st.container():
    for column, name in zip(st.columns(len(data.SAMPLES)), data.SAMPLES, strict=True):
        with column.container(border=True, height="stretch", vertical_alignment="distribute"):
            st.markdown(f"**{view.say(f'sample.{name}')}**")
            st.caption(view.say(f"sample.{name}.about"))
            label = view.say("start.in_use" if view.name == name else "start.use")
            st.button(label, key=f"use_{name}", on_click=asking.use, args=(name,), disabled=view.name == name)
    with st.container(border=True):
        asking.upload(view)
asking.columns_needed(view)

if view.trouble and view.name == data.UPLOAD:
    key, values = view.trouble
    st.warning(view.say(key, **values))

if view.data is not None:
    with st.expander(view.say("start.recognised"), expanded=view.name == data.UPLOAD):
        st.dataframe(said.recognised(view), hide_index=True, alt=view.say("start.recognised"))
        for line in said.findings(view) or [view.say("start.fine")]:
            st.markdown(line)

st.subheader(view.say("start.profile"), anchor=False)
st.caption(view.say("start.profile.help"))
asking.profile(view)

st.subheader(view.say("start.result"), anchor=False)
card = said.scorecard(view)
answered = sum(row["answerable"] for row in card) if view.data is not None else 0
st.markdown(view.say("start.result.sentence", shown=len(card), answered=answered))
for line in said.listed(view, card):
    st.markdown(line)
pages.go(view, "overview", view.say("start.go"))

with st.expander(view.say("start.workspace")):
    asking.assumptions(view)

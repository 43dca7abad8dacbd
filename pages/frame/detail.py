"""The pieces of the page on one KPI."""

from typing import Any

import streamlit as st

from kpi import answering, catalog, formats, reasons, texts, tracing
from kpi.catalog import Kpi
from pages.frame import data, url
from pages.frame.view import View

_NOT_SPLIT = "none"
_FIRST = "leads"


def chosen(view: View) -> Kpi:
    """The KPI that the URL names, to be changed with a select box of those the data can answer first."""
    known = catalog.kpis(view.workspace.assumptions.stages)
    asked = url.get("kpi")
    if asked and asked not in known:
        st.warning(view.say("detail.unknown", kpi=url.plain(asked)))
    found = view.workspace.applied(view.data)
    ordered = view.kept(lambda: sorted(known, key=lambda name: bool(answering.lacks(found, known[name]))), "ordered")
    code = url.select(view.say("detail.choose"), "kpi", ordered, lambda code: name(view, known[code]), _FIRST)
    return known[code]


def name(view: View, item: Kpi) -> str:
    """Name and abbreviation."""
    full, short = url.plain(text(view, item, "name")), text(view, item, "abbr")
    return view.say("detail.named", name=full, abbr=short) if short else full


def text(view: View, item: Kpi, part: str) -> str:
    """One of the KPI's texts."""
    return texts.kpi_text(item.words, part, view.lang)


def lacking(view: View, item: Kpi) -> str:
    """What the data lacks for the KPI, as a sentence; empty where it answers it."""
    found = sorted(answering.lacks(view.workspace.applied(view.data), item))
    what = ", ".join(reasons.requirement(each, view.lang) for each in found)
    return view.say("detail.lacks", what=what) if what else ""


def basis(view: View, item: Kpi) -> str:
    """By which day the KPI counts."""
    sides = [measure for _, measure in tracing.measures_behind(view.cube(), item)]
    if any(measure.ripens for measure in sides):
        return view.say("detail.basis.cohort")
    if sides and all(measure.since for measure in sides):
        return view.say("detail.basis.stock")
    return view.say("detail.basis.event") if sides else view.say("detail.derived")


def assumed(view: View, item: Kpi) -> str:
    """The assumptions that the number rests on, beside those that its formula names; empty for none."""
    given = view.workspace.assumptions
    found = answering.assumptions_of(view.workspace.applied(view.data), item)
    said = (
        view.say("detail.assumption", name=view.say(f"assumption.{n}"), value=_said(getattr(given, n))) for n in found
    )
    return view.say("detail.assumed", what=", ".join(said)) if found else ""


def _said(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else formats.decimal(value)


def split(view: View, item: Kpi) -> str:
    """The dimension that the page splits by, held in the URL; empty for none."""
    options = [_NOT_SPLIT, *view.dims]
    default = "channel" if "channel" in view.dims else _NOT_SPLIT
    code = url.select(
        view.say("detail.split"),
        "split",
        options,
        lambda code: (
            view.say("detail.split.none") if code == _NOT_SPLIT else texts.name_of("dimension", code, view.lang)
        ),
        default,
    )
    return "" if code == _NOT_SPLIT else code


def inputs(view: View, item: Kpi) -> list[Kpi]:
    """The KPIs that a derived one is worked out from."""
    known = catalog.kpis(view.workspace.assumptions.stages)
    return [known[name] for name in item.inputs if name in known]


def rivals(view: View, item: Kpi) -> list[str]:
    """The KPIs that go by the same name elsewhere, this one among them."""
    return [name for group in catalog.RIVALS if item.id in group for name in group]


def rows(view: View, item: Kpi) -> None:
    """The rows behind numerator and denominator, loaded when asked for."""
    cube = view.cube()
    sides = tracing.measures_behind(cube, item)
    if not sides:
        st.caption(view.say("detail.derived"))
        return
    st.caption(view.say("detail.rows.help"))
    personal = st.checkbox(view.say("detail.personal"), key="rows_personal")
    if not st.toggle(view.say("detail.load_rows"), key=f"rows_{item.id}"):
        return
    question = (item.id, view.period, tuple(view.where.items()), personal)
    for (side, name), frame in data.rows(view.key, view.stated, question, cube, item).items():
        _side(view, side, name, frame)


def _side(view: View, side: str, measure: str, frame: Any) -> None:
    label = texts.measure_text(measure, view.lang)
    st.markdown(f"**{view.say(f'detail.{side}', name=label, n=len(frame))}**")
    st.dataframe(frame.head(200), hide_index=True, alt=label)
    st.download_button(
        view.say("detail.download"),
        lambda: tracing.to_csv(frame),
        f"{measure}.csv",
        "text/csv",
        on_click="ignore",
        key=f"download_{side}_{measure}",
    )

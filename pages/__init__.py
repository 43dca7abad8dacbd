"""What the pages share: the view, and the pieces that they are put together from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from kpi import cards, catalog, formats, texts
from kpi.catalog import Kpi
from kpi.periods import Period
from kpi.show import show
from kpi.tracing import to_csv
from pages.frame import url
from pages.frame.guard import ensure_frame
from pages.frame.view import View, current

_VIEW = "view"
_A_ROW = 3
_FILES = {"start": "pages/start.py", "overview": "pages/overview.py", "detail": "pages/detail.py"}


def view() -> View:
    """The view of this run; on a fresh server it starts again with the frame. First line of every page."""
    ensure_frame()
    found: View = st.session_state[_VIEW]
    return found


def open_view() -> View:
    """Puts the view of this run together, with a word on what takes time. Called by the frame."""
    with st.spinner(texts.say("app.measuring", url.language()), show_time=True):
        st.session_state[_VIEW] = current()
    found: View = st.session_state[_VIEW]
    return found


def menu() -> Any:
    """The chosen page, of a menu named in the reader's language."""
    lang = url.language()
    return st.navigation(
        [
            st.Page(path, title=texts.say(f"page.{name}", lang), url_path=name, default=name == "start")
            for name, path in _FILES.items()
        ]
    )


def notice(view: View) -> None:
    """A word on what the last click did, said once."""
    key = st.session_state.pop("notice", None)
    if key:
        st.toast(view.say(key))


def link(view: View, page: str, label: str, **changes: str) -> None:
    """A link to another page that keeps the view."""
    st.page_link(_FILES[page], label=label, query_params=url.params(**changes))


def go(view: View, page: str, label: str) -> None:
    """A button that leads on to another page, the view kept."""
    if st.button(label, type="primary"):
        st.switch_page(_FILES[page], query_params=url.params())


def title(view: View, key: str, **values: Any) -> None:
    """The page's title, and the sentence that answers its question."""
    st.title(view.say(f"{key}.title", **values), anchor=False)


def needs_data(view: View) -> bool:
    """Whether there is nothing to show; then it says what is missing and how to get it."""
    if view.data is not None:
        return False
    key, values = view.trouble or ("empty.upload", {})
    st.info(view.say(key, **values))
    link(view, "start", view.say("empty.start"))
    return True


def offer_period(view: View, period: Period) -> None:
    """A button that shows another period: the latest in which conversions have had time to happen."""
    label = view.say("overview.ripe", period=formats.period(period.start, period.end, view.lang))
    st.button(label, on_click=_show_days, args=(period,), help=view.say("overview.ripe.help"))


def _show_days(period: Period) -> None:
    url.put(days=f"{period.start}_{period.end}", period=None)


def kpis(view: View) -> dict[str, Kpi]:
    """The catalogue under the view's stages."""
    return catalog.kpis(view.workspace.assumptions.stages)


def card_grid(view: View, names: Sequence[str], results: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
    """Cards in rows: value, change, trend, and behind one click the reason and the formula."""
    for start in range(0, len(names), _A_ROW):
        for column, name in zip(st.columns(_A_ROW), names[start : start + _A_ROW], strict=False):
            with column.container(border=True, height="stretch", vertical_alignment="distribute"):
                _card(view, kpis(view)[name], results[name], reasons.get(name, ""))


def figures(view: View, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What a card shows of each KPI: its value, its changes, its trend."""
    return view.kept(lambda: _figures(view, names), "figures", *view.question, *names) if names else {}


def _figures(view: View, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    over = tuple({item.over for name in names if (item := kpis(view)[name]).over in view.dims})
    asked = tuple(names)
    values = view.ask("evaluate", *over, kpis=asked, period=view.period)
    trends = view.ask("evaluate", *over, kpis=asked, period=view.period, every=view.every)
    changes = view.ask("change", *over, kpis=asked, period=view.period, against=view.against)
    return {
        name: {
            "value": _rows(values, name)[0],
            "changes": _rows(changes, name),
            "trend": trends.filter(trends["kpi"] == name),
        }
        for name in names
    }


def _card(view: View, item: Kpi, figure: Mapping[str, Any], reason: str) -> None:
    headline(view, item, figure)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        with st.popover(view.say("card.why"), type="tertiary"):
            st.write(reason)
            st.write(formula(view, item, figure["value"]))
            st.caption(texts.kpi_text(item.words, "meaning", view.lang))
        link(view, "detail", view.say("card.detail"), kpi=item.id)


def headline(view: View, item: Kpi, figure: Mapping[str, Any]) -> None:
    """The KPI's card."""
    made = (item, figure["value"], figure["changes"], figure["trend"], view.lang)
    st.html(view.kept(lambda: cards.card(*made), "card", item.id, *view.question))


def trend(view: View, item: Kpi, figure: Mapping[str, Any]) -> None:
    """The KPI over time."""
    from kpi import charts

    chosen = theme()
    _draw(view, lambda: charts.trend(figure["trend"], item, view.lang, theme=chosen), "trend", item.id, chosen)


def parts(view: View, item: Kpi, split: str) -> None:
    """The KPI by the values of a dimension, as a picture and as a table."""
    from kpi import charts

    found = view.ask("evaluate", split, kpis=(item.id,), by=(split,), period=view.period)
    chosen = theme()
    _draw(view, lambda: charts.bars(found, item, split, view.lang, theme=chosen), "parts", item.id, split, chosen)
    changes = view.ask("change", split, kpis=(item.id,), by=(split,), period=view.period, against=view.against)
    st.html(view.kept(lambda: show(changes, view.lang)._repr_html_(), "parts_change", item.id, split, *view.question))
    with st.expander(view.say("detail.table")):
        st.html(view.kept(lambda: show(found, view.lang)._repr_html_(), "parts_table", item.id, split, *view.question))
        st.download_button(
            view.say("detail.download"),
            lambda: to_csv(found),
            f"{item.id}.csv",
            "text/csv",
            on_click="ignore",
            key="csv",
        )


def compare(view: View, names: Sequence[str]) -> None:
    """Several KPIs side by side: each under its own name, with its formula on this data."""
    over = tuple({item.over for name in names if (item := kpis(view)[name]).over in view.dims})
    found = view.ask("evaluate", *over, kpis=tuple(names), period=view.period)
    st.html(view.kept(lambda: show(found, view.lang)._repr_html_(), "rivals", *names, *view.question))
    for name in names:
        st.caption(formula(view, kpis(view)[name], _rows(found, name)[0]))


def theme() -> str:
    """Whether the visitor sees light or dark."""
    return "dark" if st.context.theme.type == "dark" else "light"


def formula(view: View, item: Kpi, row: Mapping[str, Any]) -> str:
    """The formula with the real numbers in it."""

    def said() -> str:
        return url.plain(cards.sentence(item, dict(row), view.lang, view.cube(), view.period, view.where))

    return str(view.kept(said, "formula", item.id, *view.question))


def _draw(view: View, make: Callable[[], Any], name: str, *what: str) -> None:
    """Draws a chart. Altair checks a chart for longer than all else on a page takes, so its specification is kept."""
    st.vega_lite_chart(view.kept(lambda: make().to_dict(), name, *what, *view.question), key=name, theme=None)


def _rows(frame: Any, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = frame.filter(frame["kpi"] == name).to_dicts()
    return found

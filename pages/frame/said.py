"""Sentences of the pages: results and reasons put into words by the texts."""

from collections.abc import Mapping
from typing import Any

from kpi import formats, relevance, texts
from kpi import reasons as words
from kpi.periods import Period, ripened
from kpi.tables import TABLES
from pages.frame import data, url
from pages.frame.view import View

UNLOCKED = 6
FEW = 4
"""With fewer answerable KPIs than these, others that the data answers are shown beside them."""


def scorecard(view: View) -> list[dict[str, Any]]:
    """The 6 to 9 KPIs of this business, in order, with reasons and what each lacks."""

    def ranked() -> list[dict[str, Any]]:
        rows = relevance.relevant(view.profile, view.workspace.applied(view.data) if view.data else None)
        return rows.filter(rows["shown"]).to_dicts()

    found: list[dict[str, Any]] = view.kept(ranked, "scorecard")
    return found


def sections(view: View, card: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """The answerable KPIs of the scorecard under what they are there for: the goal, the business, the channels."""
    held: dict[str, list[str]] = {"goal": [], "core": [], "channel": []}
    for row in (row for row in card if row["answerable"]):
        rules = {each["rule"] for each in row["reasons"]}
        section = "goal" if "goal" in rules else "core" if rules & {"core", "nearest"} else "channel"
        held[section].append(row["kpi"])
    if view.data is not None and sum(map(len, held.values())) < FEW:
        held["meanwhile"] = relevance.meanwhile(view.profile, view.workspace.applied(view.data))
    goal = view.say(f"profile.goal.{view.profile.goal}")
    return [(view.say(f"overview.section.{name}", goal=goal), kpis) for name, kpis in held.items() if kpis]


def reasons(view: View, card: list[dict[str, Any]]) -> dict[str, str]:
    """Why each KPI is shown, all reasons as one text."""
    return {
        row["kpi"]: " ".join(words.reason(each["rule"], each["values"], view.lang) for each in row["reasons"])
        for row in card
    }


def summary(view: View, figures: Mapping[str, Any]) -> str:
    """The page's answer in a sentence: how many became better, worse, or cannot be compared yet."""
    first = view.against[0]
    changes = [change for figure in figures.values() for change in figure["changes"] if change["against"] == first]
    counts = {
        "better": sum(change["verdict"] == "better" for change in changes),
        "worse": sum(change["verdict"] == "worse" for change in changes),
        "young": sum(change["status"] != "ok" for change in changes),
    }
    counts["same"] = len(changes) - sum(counts.values())
    start, end = (changes[0]["start"], changes[0]["end"]) if changes else (view.period.start, view.period.end)
    return view.say("overview.summary", total=len(figures), earlier=formats.period(start, end, view.lang), **counts)


def ripe_period(view: View, figures: Mapping[str, Any]) -> Period | None:
    """The latest period of this kind in which every KPI can be compared; None where this one is."""
    young = [
        change["ripe_until"]
        for figure in figures.values()
        for change in figure["changes"]
        if change["status"] == "period immature"
    ]
    return ripened(view.period, min(young)) if young else None


def business(view: View) -> str:
    """The business that the set is for, in a line."""
    profile = view.profile
    named = {axis: view.say(f"profile.{axis}.{getattr(profile, axis)}") for axis in ("business", "pricing", "goal")}
    listed = ", ".join(texts.name_of("channel", code, view.lang) for code in profile.channels) or "—"
    return view.say("overview.business", channels=listed, **named)


def lacking(view: View, row: Mapping[str, Any]) -> str:
    """A relevant KPI that the data cannot answer, and what it lacks."""
    what = ", ".join(words.requirement(name, view.lang) for name in row["missing"])
    return view.say("overview.lacks", name=texts.kpi_text((row["kpi"], ()), "name", view.lang), what=what)


def unlocks(view: View) -> list[dict[str, str]]:
    """What one more table, column or assumption would bring, the most useful first."""
    if view.data is None:
        return []
    data = view.workspace.applied(view.data)
    rows = view.kept(lambda: relevance.unlock(view.profile, data).head(UNLOCKED).to_dicts(), "unlocks")
    return [
        {
            view.say("overview.unlock.what"): words.requirement(row["what"], view.lang).replace("`", ""),
            view.say("overview.unlock.kpis"): ", ".join(
                texts.kpi_text((name, ()), "name", view.lang) for name in row["kpis"]
            ),
        }
        for row in rows
    ]


def left_out(view: View) -> list[str]:
    """The KPIs that this business should not look at, one line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for row in view.kept(lambda: relevance.why_not(view.profile).to_dicts(), "left_out"):
        reason = words.reason(row["rule"], row["values"], view.lang, "excluded")
        by_reason.setdefault(reason, []).append(texts.kpi_text((row["kpi"], ()), "name", view.lang))
    return [view.say("overview.left_out", reason=reason, names=", ".join(names)) for reason, names in by_reason.items()]


def recognised(view: View) -> list[dict[str, str]]:
    """What was recognised in the files: each table, its days, and the columns it could still use."""
    if view.data is None:
        return []
    cube, sizes = view.cube(), data.sizes(view.key, view.data)
    found = []
    for name in (name for name in TABLES if name in view.data.tables):
        span = cube.spans.get(name)
        known = [column for column in TABLES[name].columns if column in view.data.columns[name]]
        more = sorted(view.data.columns[name] - set(TABLES[name].columns))
        found.append(
            {
                view.say("start.table"): texts.name_of("table", name, view.lang),
                view.say("start.rows"): formats.decimal(sizes[name], view.lang),
                view.say("start.days"): formats.period(span.start, span.end, view.lang) if span else "—",
                view.say("start.known"): ", ".join(known),
                view.say("start.kept"): ", ".join(more) or "—",
            }
        )
    return found


def findings(view: View) -> list[str]:
    """What is wrong with the files, and what was done about it."""
    return [url.plain(words.found(issue, view.lang)) for issue in view.cube().issues] if view.data else []


def listed(view: View, card: list[dict[str, Any]]) -> list[str]:
    """The scorecard as lines: each KPI with its first reason, and what it lacks."""
    lines = []
    for row in card:
        reason = words.reason(row["rule"], row["values"], view.lang)
        name = texts.kpi_text((row["kpi"], ()), "name", view.lang)
        what = ", ".join(words.requirement(each, view.lang) for each in row["missing"])
        key = "start.line.lacks" if what and view.data is not None else "start.line"
        lines.append(view.say(key, name=name, reason=reason, what=what))
    return lines

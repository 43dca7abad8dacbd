"""The catalogue page: every KPI with its formula, unit, direction, needs and sources, from the code and its texts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from kpi import catalog
from kpi.answering import ASSUMED, measure_lacks
from kpi.assumptions import STAGES
from kpi.catalog import LADDERS, RIVALS, Kpi, Measure
from kpi.preparing import missing
from kpi.tables import TABLES, Dataset
from kpi.texts import kpi_text

PAGE = Path(__file__).with_name("catalogue.md")

_INTRO = """# Catalogue

<!-- Made by `python -m docs`; a test fails when it is stale. Change kpi/catalog.py or kpi/texts/ instead. -->

Every KPI that the product offers: {count} of them, and two for each step between your own stages. The words are those
of the app. **Needs** names tables and columns of [the canonical tables](tables.md); the columns that a table always
needs are not repeated, and of alternatives ("or") the first one that the data has is taken.
[Concepts](concepts.md) explains *event*, *cohort*, *stock*, *derived* and cost scopes.
"""
_UNITS = {
    "count": "count",
    "money": "money",
    "rate": "percent",
    "ratio": "ratio",
    "days": "days",
    "seconds": "seconds",
    "months": "months",
    "points": "points",
    "per_year": "per year",
    "money_per_day": "money per day",
    "per_thousand": "per 1,000 of money",
}
_BETTER = {"higher": "higher is better", "lower": "lower is better", None: "neither direction is better by itself"}
_SECTIONS = {
    "traffic": "Traffic",
    "volume": "Leads",
    "quality": "Lead quality",
    "conversion": "Conversion and sales",
    "cost": "Costs",
    "revenue": "Revenue",
    "value": "Customer value",
    "chat": "Live chat",
    "email_social": "E-mail and social media",
}
_SCOPES = {
    "media": "costs: media",
    "marketing": "costs: all of marketing",
    "all": "costs: marketing and sales",
}
_BARE = Dataset(dict.fromkeys(TABLES), {name: frozenset(table.required) for name, table in TABLES.items()})
"""Every table with no more than its required columns: what a measure lacks here, it needs."""
_LADDERS = {ladder.id: ladder.rungs for ladder in LADDERS if ladder.family != "scope"}
_SCOPED = {ladder.id: ladder.rungs for ladder in LADDERS if ladder.family == "scope"}
_MEASURES = catalog.measures(STAGES)
_SHORTS = [kpi_text(item.words, "abbr") for item in catalog.KPIS]


def page() -> str:
    """The page as Markdown."""
    steps = catalog.stage_kpis(STAGES)
    families = (steps[0], steps[len(steps) // 2])
    sections = [(key, list(items)) for key, items in groupby(catalog.KPIS, key=lambda item: item.section)]
    parts = [_INTRO.format(count=len(catalog.KPIS))]
    parts += [f"- {_SECTIONS[key]}: {', '.join(_link(item) for item in items)}" for key, items in sections]
    for key, items in sections:
        parts += [f"\n## {_SECTIONS[key]}", *map(_entry, items)]
    parts += ["\n## Your own stages\n", _own_stages(), *map(_entry, families)]
    return "\n".join(parts) + "\n"


def _own_stages() -> str:
    """How the stages of a workspace make KPIs of their own."""
    names = ", ".join(f"`{name}`" for name in STAGES)
    return (
        f"The workspace names its stages in order (usual: {names}).\n"
        "Each step between two of them has a conversion rate and a duration, here those of the first step:"
    )


def needs(kpi: Kpi) -> str:
    """The tables that a KPI needs, each with the columns beyond the required ones, as Markdown."""
    names = [rung for name in kpi.inputs for rung in _SCOPED.get(name, (name,))[:1]]
    plain = [_needed(_MEASURES[name], kpi) for name in names if name not in _LADDERS]
    chosen = [_LADDERS[name] for name in names if name in _LADDERS]
    parts = [_tables(frozenset().union(*plain))] if plain else []
    parts += [" or ".join(dict.fromkeys(_tables(_needed(_MEASURES[rung], kpi)) for rung in rungs)) for rungs in chosen]
    return "; ".join(dict.fromkeys(parts))


def _needed(item: Measure, kpi: Kpi) -> frozenset[str]:
    split = missing(_BARE, item.table, kpi.over) if kpi.over else frozenset[str]()
    return frozenset({item.table}) | measure_lacks(_BARE, item) | split


def _tables(names: frozenset[str]) -> str:
    """`leads`, `leads.mql_at` → "`leads` (`mql_at`)"."""
    pairs = [name.split(".") for name in sorted(names) if "." in name]
    tables = sorted({name.partition(".")[0] for name in names})
    columns = {table: _codes(column for own, column in pairs if own == table) for table in tables}
    return " and ".join(f"`{table}` ({columns[table]})" if columns[table] else f"`{table}`" for table in tables)


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _links(names: Iterable[str]) -> str:
    return ", ".join(f"assumption `{name}`" if name in ASSUMED else f"[`{name}`](#{name})" for name in names)


def _entry(kpi: Kpi) -> str:
    name, short = kpi_text(kpi.words, "name"), kpi_text(kpi.words, "abbr")
    facts = [f"`{kpi.id}`", _UNITS[kpi.unit], _BETTER[kpi.better], _basis(kpi), _SCOPES.get(kpi.scope or "", "")]
    lines = [
        f'\n<a id="{kpi.id}"></a>\n### {name}{f" ({short})" if short else ""}\n',
        " · ".join(filter(None, facts)) + "\n",
        kpi_text(kpi.words, "meaning") + "\n",
        f"- **Formula:** {kpi_text(kpi.words, 'formula')}",
        f"- **Made of:** {_links(kpi.inputs)}" if kpi.derived else f"- **Needs:** {needs(kpi)}",
        f"- **Pitfalls:** {kpi_text(kpi.words, 'pitfalls')}",
        *(f"- **Rivals:** {_links(name for name in group if name != kpi.id)}" for group in RIVALS if kpi.id in group),
        f"- **Sources:** {kpi_text(kpi.words, 'source')}",
    ]
    return "\n".join(lines)


def _basis(kpi: Kpi) -> str:
    """Whether it is counted by event, by cohort, or as a stock."""
    if kpi.derived:
        return "derived"
    names = [(_LADDERS.get(name) or _SCOPED.get(name) or (name,))[0] for name in kpi.inputs]
    items = [_MEASURES[name] for name in names]
    if any(item.since for item in items):
        return "stock"
    return "cohort" if any(item.ripens for item in items) else "event"


def _link(kpi: Kpi) -> str:
    short = kpi_text(kpi.words, "abbr")
    return f"[{short if short and _SHORTS.count(short) == 1 else kpi_text(kpi.words, 'name')}](#{kpi.id})"

"""Answering: what a data set lacks for a measure or a KPI, and which of several measures it answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import polars as pl

from kpi import catalog
from kpi.assumptions import SCOPES, Assumptions, Scope
from kpi.catalog import LADDERS, Kpi, Ladder, Measure
from kpi.preparing import assumed, missing
from kpi.tables import TABLES, Dataset

ASSUMED = ("margin", "lifetime_months", "target_revenue")
"""Assumptions that a derived KPI may read by name."""
_LADDERS: Mapping[str, Ladder] = {ladder.id: ladder for ladder in LADDERS}
_QUALIFIED = ("mql", "sql", "score")


def measure_lacks(data: Dataset, item: Measure) -> frozenset[str]:
    """What the data lacks for a measure, as `table` or `table.column`; empty where it can be measured."""
    if item.table not in data.tables:
        return frozenset({item.table})
    dates = frozenset(name for name in (item.at, item.since, item.until) if name)
    # A stage tag without a date still counts; what ripens is then not known.
    needed = item.columns - dates - ({item.ripens} if item.agg.kind == "rows" else set())
    if not undated(data, item.table):
        # A canonical end date that the file does not have never ends a row; one that is worked out must be known.
        optional = {item.until} & set(TABLES[item.table].columns if item.table in TABLES else ())
        needed |= dates if item.moment == "lost" else dates - optional
    elif item.moment == "lost":
        needed |= {item.until}
    return frozenset[str]().union(*(missing(data, item.table, name) for name in needed))


def undated(data: Dataset, table: str) -> bool:
    """Whether the table has none of its dates: then it is one period, the whole file."""
    schema = TABLES.get(table)
    return schema is not None and not any(name in data.columns[table] for name in schema.recorded)


def rung(data: Dataset, ladder: str, kpi: Kpi, scope: Scope | None = None) -> str:
    """The measure that a ladder's name stands for in this KPI, under the data's assumptions.

    A ladder of costs follows the KPI's scope. Another takes the first rung that the data can answer; ladders of one
    family step together, led by the family's first. With none answerable it is the one for which the least is missing.
    """
    if ladder not in _LADDERS:
        return ladder
    chosen = _LADDERS[ladder]
    if chosen.family == "scope":
        wanted = scope or data.assumptions.scopes.get(kpi.id) or kpi.scope or "marketing"
        return chosen.rungs[SCOPES.index(wanted)]
    if chosen.family == "qualified" and data.assumptions.qualified:
        return chosen.rungs[_QUALIFIED.index(data.assumptions.qualified)]
    leader = next(other for other in LADDERS if other.family == chosen.family)
    known = catalog.measures(data.assumptions.stages)
    wanting = [measure_lacks(data, known[name]) for name in leader.rungs]
    served = (position for position, what in enumerate(wanting) if not what)
    return chosen.rungs[next(served, _nearest(wanting))]


def _nearest(wanting: Sequence[frozenset[str]]) -> int:
    """The rung that the least is missing for: columns of a table that is there, before a table that is not."""
    return min(
        range(len(wanting)), key=lambda place: (sum("." not in what for what in wanting[place]), len(wanting[place]))
    )


def assumptions_of(data: Dataset, kpi: Kpi) -> list[str]:
    """The assumptions behind a KPI's measures, those of its inputs among them; its formula names the others itself.

    Example:
        >>> data = Dataset({"leads": None}, {"leads": frozenset({"lead_id", "created_at", "score"})})
        >>> assumptions_of(data, catalog.kpis(())["high_score_share"])
        ['score_threshold']
    """
    if kpi.derived:
        catalogue = catalog.kpis(data.assumptions.stages)
        inputs = (catalogue[name] for name in kpi.inputs if name in catalogue)
        return list(dict.fromkeys(name for item in inputs for name in assumptions_of(data, item)))
    known = catalog.measures(data.assumptions.stages)
    names = (rung(data, name, kpi) for name in kpi.inputs)
    measures = [known[name] for name in names if name in known and known[name].table in data.tables]
    found = [name for item in measures for name in assumed(data, item.table, item.columns)]
    return list(dict.fromkeys(found))


def lacks(data: Dataset, kpi: Kpi, own: Mapping[str, Measure] | None = None) -> frozenset[str]:
    """What the data lacks for a KPI, as `table`, `table.column` or `assumptions.name`; empty where it is answerable.

    Where alternatives would do (a margin assumed or measured), only the first of them is named.

    Example:
        >>> data = Dataset({"leads": None}, {"leads": frozenset({"lead_id", "created_at"})})
        >>> sorted(lacks(data, catalog.kpis(())["cpl"]))
        ['spend']
    """
    known = {**catalog.measures(data.assumptions.stages), **(own or {})}
    if kpi.derived:
        return _derived_lacks(data, kpi, known)
    names = (rung(data, name, kpi) for name in kpi.inputs)
    found = frozenset[str]().union(*(measure_lacks(data, known[name]) for name in names))
    if kpi.over and not found:
        tables = {known[rung(data, name, kpi)].table for name in kpi.inputs}
        found |= frozenset[str]().union(*(missing(data, table, kpi.over) for table in tables))
    return found


def _derived_lacks(data: Dataset, kpi: Kpi, known: Mapping[str, Measure]) -> frozenset[str]:
    catalogue = catalog.kpis(data.assumptions.stages)
    wanting = {
        name: _assumption_lacks(data.assumptions, name) if name in ASSUMED else lacks(data, catalogue[name], known)
        for name in kpi.inputs
    }
    have = {name for name, what in wanting.items() if not what}
    for name in (name for name, what in wanting.items() if what):
        if not _computable(kpi, frozenset(kpi.inputs) - {name}):
            have.add(name)
    for name in kpi.inputs:
        if not _computable(kpi, frozenset(have)):
            have.add(name)
    return frozenset[str]().union(*(wanting[name] for name in have))


def _assumption_lacks(assumptions: Assumptions, name: str) -> frozenset[str]:
    return frozenset({f"assumptions.{name}"}) if getattr(assumptions, name) is None else frozenset()


@lru_cache(maxsize=4096)
def _computable(kpi: Kpi, have: frozenset[str]) -> bool:
    row = pl.DataFrame(
        {name: [1.0 if name in have else None] for name in kpi.inputs},
        schema_overrides=dict.fromkeys(kpi.inputs, pl.Float64),
    )
    return row.select(kpi.numerator.alias("value")).item() is not None

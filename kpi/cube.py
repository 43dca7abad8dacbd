"""The cube: measures by day and the dimensions asked for, built in one pass per table; the rest is read off it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from itertools import pairwise
from statistics import median
from typing import Any

import narwhals as nw
import polars as pl

from kpi import aggregating, catalog
from kpi.aggregating import to_polars
from kpi.answering import lacks, measure_lacks
from kpi.assumptions import Assumptions
from kpi.catalog import Kpi, Measure
from kpi.expressions import day
from kpi.periods import Period, preset, shift
from kpi.preparing import missing, prepare
from kpi.quality import check
from kpi.spreading import FROM, LASTS
from kpi.survival import conversion_day, kaplan_meier
from kpi.tables import TABLES, Dataset, Issue


@dataclass(frozen=True, repr=False)
class Cube:
    """Measures of one data set by day and dimension; small, whatever the size of the rows.

    Attributes:
        frame: One row per measure × day × dimension values × currency × lag × value that occurs, with the columns
            `measure, date, *dims, currency, lag, value, amount`. `amount` is what adds up. `lag` is the days from
            entry to conversion of a cohort measure, `value` the duration (days or seconds) of a distribution.
            A dimension is null where the measure's table does not have it, `unknown` where the row does not.
        dims: The dimensions that can be asked for.
        measures: The measures inside, by id.
        lacking: Measure id → what the data lacks for it, as `table` or `table.column`.
        splits: Measure id → the dimensions its table has.
        spans: Table → its first and last day; none for a table without dates.
        issues: What is wrong with the rows that were measured.
        ripe: Cohort measure id → the days by which half and 90 % of its conversions have happened.
        rows: Measure id → its rows, for measures that must ask them again (`distinct`); read when first asked for.
        data: The data set it was made of, with its assumptions.
        as_of: The export date.
    """

    frame: pl.DataFrame
    dims: tuple[str, ...]
    measures: Mapping[str, Measure]
    lacking: Mapping[str, frozenset[str]]
    splits: Mapping[str, frozenset[str]]
    spans: Mapping[str, Period | None]
    data: Dataset
    as_of: dt.date
    issues: tuple[Issue, ...] = ()
    ripe: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    rows: Mapping[str, Callable[[], pl.DataFrame]] = field(default_factory=dict, repr=False)

    @property
    def assumptions(self) -> Assumptions:
        """The assumptions under which it was measured."""
        return self.data.assumptions

    def __repr__(self) -> str:
        answered = len(self.measures) - len(self.lacking)
        days = f"{self.span.start} to {self.as_of}"
        return f"Cube of {answered} measures by day and {', '.join(self.dims) or 'nothing else'}; {days}"

    def period(self, name: str) -> Period:
        """The days that a preset such as `last_quarter` means in this data; see `kpi.preset`."""
        return preset(name, self.as_of, self.span.start)

    @cached_property
    def parts(self) -> Mapping[str, pl.DataFrame]:
        """The frame by measure, so that a question reads only what it needs."""
        found = self.frame.partition_by("measure", as_dict=True, maintain_order=True)
        return {str(name): part for (name,), part in found.items()}

    @property
    def span(self) -> Period:
        """From the first day of any table to the export date."""
        starts = [span.start for span in self.spans.values() if span]
        return Period(min(starts, default=self.as_of), self.as_of)

    def values(self, dim: str) -> list[str]:
        """The values of a dimension, most frequent first, `unknown` last.

        Raises:
            ValueError: If the cube was not measured by it.
        """
        require_dims(self, (dim,))
        sizes = (
            self.frame.lazy()
            .filter(pl.col(dim).is_not_null(), pl.col("lag").is_null(), pl.col("value").is_null())
            .group_by(dim)
            .agg(size=pl.col("amount").abs().sum())
            .sort(pl.col(dim) == "unknown", -pl.col("size"), dim)
            .collect()
        )
        return sizes[dim].to_list()


def measure(
    data: Dataset,
    by: Sequence[str] | str = (),
    kpis: Sequence[str | Kpi] | str | Kpi | None = None,
    measures: Sequence[Measure] = (),
) -> Cube:
    """A cube of the data: every measure it can answer, by day and the dimensions asked for.

    Args:
        data: Canonical tables, from `kpi.read`.
        by: Dimensions to keep, such as `("channel",)`: all that will be split or filtered by. What the KPIs
            themselves compare over is kept too.
        kpis: Only what these need; None for the whole catalogue.
        measures: Measures of your own, beside the catalogue's.

    Returns:
        The cube. What the data cannot answer is named in `lacking`; nothing is raised for it.

    Raises:
        ValueError: If a KPI is unknown, or no table of the data has one of the dimensions.

    Example:
        >>> import kpi
        >>> data = kpi.read({"leads": pl.DataFrame({"lead_id": ["a"], "created_at": [dt.date(2025, 1, 3)]})})
        >>> measure(data, kpis=["leads"]).frame.select("measure", "date", "amount").rows()
        [('leads', datetime.date(2025, 1, 3), 1.0)]
    """
    kpis = [kpis] if isinstance(kpis, str | Kpi) else kpis
    by = _dims(data, (by,) if isinstance(by, str) else by, kpis)
    _require_known_dims(data, by)
    chosen = _chosen(data, kpis, measures)
    lacking = {item.id: measure_lacks(data, item) for item in chosen}
    answerable = [item for item in chosen if not lacking[item.id]]
    as_of = data.as_of or recorded_until(data)
    splits = {item.id: frozenset(dim for dim in by if not missing(data, item.table, dim)) for item in answerable}
    frame = aggregating.aggregate(data, answerable, by, as_of)
    return Cube(
        frame=frame,
        dims=tuple(by),
        measures={item.id: item for item in chosen},
        lacking={name: what for name, what in lacking.items() if what},
        splits=splits,
        spans=spans(data, {item.table for item in answerable}, as_of),
        data=data,
        as_of=as_of,
        issues=(*data.issues, *check(data, as_of, {item.table for item in answerable})),
        ripe=_ripeness(frame, answerable, as_of),
        rows=_rows(data, answerable, by, as_of),
    )


def require_dims(cube: Cube, dims: Sequence[str]) -> None:
    """Check that the cube was measured by these dimensions.

    Raises:
        ValueError: If it was not, with the call that would.
    """
    unknown = [dim for dim in dims if dim not in (*cube.dims, "currency")]
    if unknown:
        wanted = [*cube.dims, *unknown]
        raise ValueError(f"the cube is not split by {', '.join(unknown)}; measure it with by={wanted}")


# ---- what to measure ------------------------------------------------------------------------------------------------


def _chosen(data: Dataset, kpis: Sequence[str | Kpi] | None, own: Sequence[Measure]) -> list[Measure]:
    known = {**catalog.measures(data.assumptions.stages), **{item.id: item for item in own}}
    if kpis is None:
        return list(known.values())
    names = set(catalog.measures_of(kpis, data.assumptions.stages))
    unknown = sorted(names - known.keys())
    if unknown:
        raise ValueError(f"unknown measure {unknown[0]!r}; pass it with measures=[Measure({unknown[0]!r}, …)]")
    for _ in range(2):  # what a cohort measure ripens like, and what that one ripens from
        names |= {other for name in names for other in (known[name].base, known[name].like) if other}
    return [item for item in known.values() if item.id in names]


def _dims(data: Dataset, by: Sequence[str], kpis: Sequence[str | Kpi] | None) -> tuple[str, ...]:
    """The dimensions asked for, and those over which the KPIs asked for compare."""
    catalogue = catalog.kpis(data.assumptions.stages)
    chosen = list(catalogue.values()) if kpis is None else [catalog.find(item, catalogue) for item in kpis]
    over = [item.over for item in chosen if item.over and not lacks(data, item)]
    return tuple(dict.fromkeys(dim for dim in (*by, *over) if dim != "currency"))


def _require_known_dims(data: Dataset, by: Sequence[str]) -> None:
    for dim in by:
        if all(missing(data, table, dim) for table in data.tables):
            have = sorted(
                {name for table in data.tables if table in TABLES for name in TABLES[table].dimensions}
                & set().union(*data.columns.values())
            )
            raise ValueError(f"no table has the dimension {dim!r}; the data has: {', '.join(have)}")


def _rows(
    data: Dataset, measures: Iterable[Measure], by: Sequence[str], as_of: dt.date
) -> dict[str, Callable[[], pl.DataFrame]]:
    """For each distinct count how to read its rows, once for all those that differ only in the moment."""
    readers: dict[tuple[Any, ...], Callable[[], pl.DataFrame]] = {}
    found = {}
    for item in (item for item in measures if item.rollup == "distinct"):
        read = cache(partial(aggregating.rows, data, item, by, as_of))
        found[item.id] = readers.setdefault((item.table, item.agg, item.at, item.since, item.until), read)
    return found


# ---- when -----------------------------------------------------------------------------------------------------------


def recorded_until(data: Dataset) -> dt.date:
    """The latest recorded day of any table: what stands in for the export date when nobody said it."""
    tables = [name for name in data.tables if name in TABLES and name not in ("targets", "annotations")]
    if all(TABLES[name].daily for name in tables):  # reports alone: their last week or month is over
        known = spans(data, set(tables), dt.date(9999, 12, 30)).values()
        return max([span.end for span in known if span], default=dt.date.today())
    latest = [last for name in tables for last in _ends(data, name, TABLES[name].recorded) if last]
    return max([*latest, *_decided(data)], default=dt.date.today())


def _decided(data: Dataset) -> list[dt.date]:
    """The day of the last won or lost deal; the expected close of an open one has not happened."""
    if "deals" not in data.tables or missing(data, "deals", "decided_at"):
        return []
    deals = prepare(data, "deals", frozenset({"decided_at"}), dt.date(9999, 12, 30))
    return to_polars(deals.select(nw.col("decided_at").max()).to_native()).to_series().drop_nulls().to_list()


def spans(data: Dataset, tables: set[str], as_of: dt.date) -> dict[str, Period | None]:
    """Each table's first and last day: from its first recorded day to the export date, or a report's last day.

    A report by week or month covers the days after its last date too, a single date its month. Costs end with the last
    day that one of them covers.
    """
    return {name: _span(data, name, as_of) for name in sorted(tables)}


def _span(data: Dataset, table: str, as_of: dt.date) -> Period | None:
    schema = TABLES.get(table)
    if schema is None or schema.at not in data.columns[table]:
        return None
    if schema.daily:
        return _reported(data, table, schema.at, as_of)
    first = _ends(data, table, (schema.at,))[0]
    return Period(min(first, as_of), as_of) if first else None


def _reported(data: Dataset, table: str, at: str, as_of: dt.date) -> Period | None:
    frame = prepare(data, table, frozenset({at, FROM, LASTS}), as_of)
    spread = LASTS in frame.collect_schema()
    rows = frame.select(
        nw.col(FROM if spread else day(at)).alias("date"),
        (nw.col(LASTS) if spread else nw.lit(1)).cast(nw.Int64).alias("days"),
    )
    covered = to_polars(rows.unique().to_native()).drop_nulls().sort("date")
    if covered.is_empty():
        return None
    until = pl.col("date") + pl.duration(days=pl.col("days") - 1)
    lasting = covered.filter(pl.col("days") > 1).select(pl.concat_list("date", until).list.explode()).to_series()
    ends = [*lasting, *_pooled(covered.filter(pl.col("days") == 1)["date"].to_list())]
    return Period(min(*ends, as_of), min(max(ends), as_of))


def _pooled(dates: list[dt.date]) -> list[dt.date]:
    """The first and the last day that dates of no series of their own cover together; none for none."""
    if not dates:
        return []
    first, last = dates[0], dates[-1]
    step = median((later - earlier).days for earlier, later in pairwise(dates)) if len(dates) > 1 else 31
    if step >= 27:
        return [first.replace(day=1), shift(last.replace(day=1), 1) - dt.timedelta(1)]
    return [first, last + dt.timedelta(int(step) - 1)]


def _ends(data: Dataset, table: str, dates: Sequence[str]) -> list[dt.date | None]:
    """First and last day of each of these dates."""
    known = [name for name in dates if name in data.columns[table]]
    if not known:
        return [None]
    frame = prepare(data, table, frozenset(known), dt.date(9999, 12, 30))
    bounds = (
        end
        for name in known
        for end in (nw.col(day(name)).min().alias(f"first {name}"), nw.col(day(name)).max().alias(f"last {name}"))
    )
    return list(to_polars(frame.select(*bounds).to_native()).row(0))


def _ripeness(frame: pl.DataFrame, measures: Sequence[Measure], as_of: dt.date) -> dict[str, tuple[int, int]]:
    """Days by which half and 90 % of all conversions have happened, by Kaplan-Meier: open leads count as censored."""
    found: dict[str, tuple[int, int]] = {}
    age = (pl.lit(as_of) - pl.col("date")).dt.total_days().alias("age")
    for item in (item for item in measures if item.ripens):
        counted = item.like or item.id
        base = next((other.base for other in measures if other.id == counted), item.base)
        entered = frame.filter(pl.col("measure") == base, pl.col("date").is_not_null())
        events = frame.filter(pl.col("measure") == counted, pl.col("lag") >= 0)
        if entered.is_empty() or events.is_empty():
            continue
        curve = kaplan_meier(
            entered.group_by(age).agg(count=pl.col("amount").sum()),
            events.group_by(age, "lag").agg(count=pl.col("amount").sum()),
        )
        half, most = conversion_day(curve, 0.5), conversion_day(curve, 0.9)
        if half is not None and most is not None:
            found[item.id] = (half, most)
    return found

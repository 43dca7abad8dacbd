"""The canonical tables: what an upload becomes after mapping, and the data set that holds them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from kpi.assumptions import Assumptions

Dtype = Literal["text", "instant", "day", "money", "number", "count", "flag"]


@dataclass(frozen=True)
class Table:
    """A canonical table: names and types of its columns, nothing of its rows."""

    name: str
    columns: Mapping[str, Dtype]
    required: tuple[str, ...]
    key: str | None
    at: str
    """The date that places a row first; the table's span begins with its earliest value."""
    recorded: tuple[str, ...]
    """Dates of things that have happened: the latest of them can stand in for the export date."""
    daily: bool = False
    """A report of days: its span ends with its last day, not with the export date."""

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The text columns that split a KPI, where a missing value becomes `unknown`."""
        return tuple(name for name, dtype in self.columns.items() if dtype == "text" and name in DIMENSIONS)


DIMENSIONS = tuple(
    """channel source medium campaign content term placement landing_page device segment industry country captured_by
    invalid_reason disqualified_reason lost_reason stage owner kind platform cost_type status plan interval agent
    intent keyword""".split()
)

_TRAFFIC_SOURCE = "channel source medium campaign"


def _table(
    name: str, *, key: str | None = None, required: str, recorded: str, daily: bool = False, **columns: str
) -> Table:
    types: dict[str, Dtype] = {}
    for dtype, names in columns.items():
        types |= dict.fromkeys(names.split(), dtype)  # type: ignore[arg-type]
    dates = tuple(recorded.split())
    return Table(name, types, tuple(required.split()), key, dates[0], dates, daily)


TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        _table(
            "leads",
            key="lead_id",
            required="lead_id created_at",
            recorded="created_at first_response_at mql_at sal_at sql_at opportunity_at won_at lost_at",
            text=f"""lead_id {_TRAFFIC_SOURCE} content term placement landing_page device segment industry country
            captured_by invalid_reason disqualified_reason lost_reason stage deal_id customer_id email visitor_id
            owner""",
            instant="created_at first_response_at mql_at sal_at sql_at opportunity_at won_at lost_at",
            flag="valid",
            number="score",
            money="amount",
        ),
        _table(
            "touches",
            required="touched_at channel",
            recorded="touched_at",
            text=f"lead_id email visitor_id customer_id {_TRAFFIC_SOURCE} content landing_page device kind",
            instant="touched_at",
            money="cost",
        ),
        _table(
            "traffic",
            required="date sessions",
            recorded="date",
            daily=True,
            text=f"{_TRAFFIC_SOURCE} landing_page",
            day="date",
            count="sessions users new_users engaged_sessions pageviews",
        ),
        _table(
            "spend",
            required="date cost",
            recorded="date",
            daily=True,
            text="currency channel platform campaign placement cost_type",
            day="date",
            money="cost conversion_value",
            count="impressions clicks",
            number="hours conversions",
        ),
        _table(
            "results",
            required="date",
            recorded="date",
            daily=True,
            text=f"currency {_TRAFFIC_SOURCE} placement segment country",
            day="date",
            count="leads qualified customers",
            money="revenue",
        ),
        _table(
            "deals",
            key="deal_id",
            required="deal_id created_at",
            recorded="created_at",
            text="deal_id status currency stage lead_id customer_id email channel campaign segment owner",
            instant="created_at closed_at",
            money="amount",
        ),
        _table(
            "orders",
            key="order_id",
            required="order_id customer_id ordered_at amount",
            recorded="ordered_at",
            text="order_id customer_id currency channel campaign lead_id email visitor_id status",
            instant="ordered_at",
            money="amount refunded discount margin cost_of_goods",
        ),
        _table(
            "subscriptions",
            required="subscription_id customer_id started_at amount",
            recorded="started_at trial_started_at cancel_requested_at",
            text="subscription_id customer_id interval currency status kind plan channel lead_id email",
            instant="started_at ended_at discount_to cancel_requested_at trial_started_at trial_ended_at",
            money="amount",
            number="interval_count quantity discount_pct tax_rate_pct",
        ),
        _table(
            "chats",
            key="chat_id",
            required="chat_id started_at",
            recorded="started_at first_reply_at ended_at",
            text="chat_id lead_id email visitor_id agent channel intent",
            instant="started_at first_reply_at ended_at",
            flag="proactive accepted bot_handled missed",
            number="rating",
        ),
        _table("chat_invites", required="date shown", recorded="date", daily=True, day="date", count="shown accepted"),
        _table(
            "email",
            required="date",
            recorded="date",
            daily=True,
            text="campaign",
            day="date",
            count="sent delivered opens clicks unsubscribes",
        ),
        _table(
            "social",
            required="date",
            recorded="date",
            daily=True,
            text="channel platform campaign",
            day="date",
            count="impressions engagements followers clicks",
        ),
        _table(
            "seo",
            required="date",
            recorded="date",
            daily=True,
            text="keyword landing_page",
            day="date",
            number="position",
            count="clicks impressions",
        ),
        _table(
            "targets",
            required="kpi period_start period value",
            recorded="period_start",
            text="kpi period segment",
            day="period_start",
            number="value",
        ),
        _table(
            "annotations",
            required="time text",
            recorded="time",
            text="text kpi channel",
            instant="time time_end",
        ),
    )
}
"""Every canonical table by name."""


@dataclass(frozen=True)
class Issue:
    """Something about the data that a reader of a number must know; its sentence is in the texts.

    Attributes:
        check: What was found, a code such as `not a date`.
        table: Where, or an empty string for the whole data set.
        column: Which column, or an empty string.
        rows: How many rows it touches.
        action: What was done about it, a code such as `left empty`.
        sample: A few of the values found, as text; never a personal column.
    """

    check: str
    table: str = ""
    column: str = ""
    rows: int = 0
    action: str = ""
    sample: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Dataset:
    """Canonical tables of one business, each a lazy Polars frame or a DuckDB relation.

    Attributes:
        tables: Table name → rows. Nothing is read until something is measured.
        columns: Table name → the names of its columns.
        assumptions: Currency, zone, stages, margin and so on.
        as_of: The day the data was exported; later dates are planned, not recorded.
        issues: What reading found.
        profile: The answers about the business that came with the data, if any.
    """

    tables: Mapping[str, Any]
    columns: Mapping[str, frozenset[str]]
    assumptions: Assumptions = field(default_factory=Assumptions)
    as_of: dt.date | None = None
    issues: tuple[Issue, ...] = ()
    profile: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        held = ", ".join(f"{name} ({len(self.columns[name])} columns)" for name in self.tables)
        return f"Dataset of {held}; as of {self.as_of or 'its latest date'}; {len(self.issues)} issues"

    def with_table(self, name: str, rows: Any, columns: frozenset[str]) -> Dataset:
        """The same data with one table more, or another one of that name."""
        return replace(self, tables={**self.tables, name: rows}, columns={**self.columns, name: columns})

    def with_assumptions(self, assumptions: Assumptions) -> Dataset:
        """The same rows under other assumptions."""
        return replace(self, assumptions=assumptions)

    def has(self, requirement: str) -> bool:
        """Whether a table (`spend`) or a column (`leads.mql_at`) is there."""
        table, _, column = requirement.partition(".")
        return column in self.columns.get(table, ()) if column else table in self.tables

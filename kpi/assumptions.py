"""What the data cannot say: margin, lifetime, rates, stages, cost scopes. One object, printed wherever it is used."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from typing import Any, Literal, get_args

Scope = Literal["media", "marketing", "all"]
Qualified = Literal["mql", "sql", "score"]

SCOPES: tuple[Scope, ...] = get_args(Scope)
STAGES = ("lead", "mql", "sal", "sql", "opportunity", "customer")
_MOST_STAGES = 20
_MOST_DAYS = 36_500
_NUMBERS = (
    "margin",
    "lifetime_months",
    "hourly_rate",
    "target_revenue",
    "score_threshold",
    "sla_minutes",
    "grace_days",
    "repeat_days",
)
_OPTIONAL = ("margin", "lifetime_months", "hourly_rate", "target_revenue")


@dataclass(frozen=True)
class Assumptions:
    """What a business says of itself, because no export holds it.

    Attributes:
        currency: ISO code of the money in reports, and of rows that name none.
        rates: Units of `currency` for one unit of another currency; without one, money of that currency stays apart.
        zone: IANA name of the zone in which days begin.
        margin: Gross margin, a share of net revenue in 0..1. None: measured from orders, else unknown.
        lifetime_months: How long a customer stays.
        hourly_rate: Cost of an hour in `spend.hours`; None leaves hours out.
        target_revenue: The revenue that `leads_needed` plans for.
        lead_event: Values of `captured_by` that are a lead; empty: all of them.
        stages: Ordered names; a stage `trial` is read from the column `trial_at`.
        qualified: What qualifies a lead; None: the first of MQL, SQL, score that the data has.
        score_threshold: A score strictly above it is high (article 003's example).
        sla_minutes: A lead should have an answer after so long.
        grace_days: Days after its end in which a trial may still convert.
        repeat_days: Days after the first order within which a second one counts as a repeat.
        scopes: KPI id → the costs it counts, where it differs from the KPI's own scope.

    Example:
        >>> Assumptions(margin=0.6).margin
        0.6
    """

    currency: str = "EUR"
    rates: Mapping[str, float] = field(default_factory=dict)
    zone: str = "UTC"
    margin: float | None = None
    lifetime_months: float | None = None
    hourly_rate: float | None = None
    target_revenue: float | None = None
    lead_event: tuple[str, ...] = ()
    stages: tuple[str, ...] = STAGES
    qualified: Qualified | None = None
    score_threshold: float = 70.0
    sla_minutes: float = 60.0
    grace_days: int = 7
    repeat_days: int = 365
    scopes: Mapping[str, Scope] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check(self)

    def to_dict(self) -> dict[str, Any]:
        """What differs from the defaults, as plain JSON values."""
        default = asdict(Assumptions())
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if value != default[key]
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Assumptions:
        """The assumptions that a workspace file holds.

        Raises:
            ValueError: If a name is unknown, or a value is of another type or out of bounds.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"assumptions is {values!r}; it should be an object such as {{'margin': 0.6}}")
        known = {item.name for item in fields(cls)}
        for name in values.keys() - known:
            raise ValueError(f"unknown assumption {name!r}{_nearest(name, known)} Known: {', '.join(sorted(known))}")
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**plain)

    def with_values(self, **values: Any) -> Assumptions:
        """The same assumptions with some of them changed."""
        return replace(self, **values)


def _nearest(name: str, known: set[str]) -> str:
    match = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {match[0]!r}?" if match else "."


def _check_types(given: Assumptions) -> None:
    """What a file says can be of any type; after this it is of the type that the fields name."""
    for name in _NUMBERS:
        value = getattr(given, name)
        if not (_is_number(value) or (value is None and name in _OPTIONAL)):
            raise ValueError(f"{name} is {value!r}; it should be a number")
    for name in ("grace_days", "repeat_days"):
        if getattr(given, name) != int(getattr(given, name)):
            raise ValueError(f"{name} is {getattr(given, name)!r}; it should be a whole number of days")
    for name in ("currency", "zone"):
        if not isinstance(getattr(given, name), str):
            raise ValueError(f"{name} is {getattr(given, name)!r}; it should be a text")
    for name in ("stages", "lead_event"):
        value = getattr(given, name)
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"{name} is {value!r}; it should be a list of texts")
    for name in ("rates", "scopes"):
        value = getattr(given, name)
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ValueError(f"{name} is {value!r}; it should be an object")
    for code, rate in given.rates.items():
        if not _is_number(rate):
            raise ValueError(f"rates: the rate of {code} is {rate!r}; it should be a number")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300


def _check(given: Assumptions) -> None:
    _check_types(given)
    if given.margin is not None and not 0 <= given.margin <= 1:
        raise ValueError(f"margin is {given.margin}; it is a share of revenue between 0 and 1 (60 % is 0.6)")
    for name in ("lifetime_months", "hourly_rate", "target_revenue", "sla_minutes", "grace_days", "repeat_days"):
        value = getattr(given, name)
        if value is not None and value < 0:
            raise ValueError(f"{name} is {value}; it cannot be negative")
    for name, most in (("grace_days", _MOST_DAYS), ("repeat_days", _MOST_DAYS), ("sla_minutes", _MOST_DAYS * 1440)):
        if getattr(given, name) > most:
            raise ValueError(f"{name} is {getattr(given, name)}; it can be {most} at most")
    for code in (given.currency, *given.rates):
        if not re.fullmatch(r"[A-Z]{3}", code or ""):
            raise ValueError(f"currency is {code!r}; use its ISO code of three capital letters, such as 'EUR'")
    if given.zone not in _zones():
        raise ValueError(f"unknown time zone {given.zone!r}; use an IANA name such as 'Europe/Rome'")
    if given.qualified not in (None, *get_args(Qualified)):
        raise ValueError(f"qualified is {given.qualified!r}; known: {', '.join(get_args(Qualified))}")
    for kpi, scope in given.scopes.items():
        if scope not in SCOPES:
            raise ValueError(f"cost scope of {kpi} is {scope!r}; known: {', '.join(SCOPES)}")
    if any(rate <= 0 for rate in given.rates.values()):
        raise ValueError(f"exchange rates must be above 0: {dict(given.rates)}")
    if len(set(given.stages)) < max(len(given.stages), 2):
        raise ValueError(f"stages need two or more different names in order, got {list(given.stages)}")
    if len(given.stages) > _MOST_STAGES:
        raise ValueError(f"stages: {len(given.stages)} are too many; {_MOST_STAGES} at most")
    for stage in given.stages:
        # NOTE: a stage names a column and stands in every text; a name with markup would make browsers call outside.
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", stage):
            raise ValueError(
                f"stages: {stage!r} is no name of a stage; use small letters, digits and _, as in 'site_visit'"
            )


@cache
def _zones() -> frozenset[str]:
    # NOTE: available_timezones() walks the zone files each time, about 10 ms, more than most questions to a cube.
    return frozenset(zoneinfo.available_timezones())

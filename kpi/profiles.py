"""A business, described by the few answers that decide which KPIs matter to it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from kpi.grid import (
    CHANNELS,
    CHOICES,
    OFFLINE,
    WEB,
    Business,
    Goal,
    Motion,
    Presence,
    Pricing,
    Product,
    Segment,
)

# Filled by __post_init__ with what is usual for the answers given, so that a field is never None afterwards.
_USUAL: Any = None


@dataclass(frozen=True)
class Profile:
    """A business as its KPIs see it. What is not said takes what is usual for the rest.

    Channels are kept in the grid's order, once each. `industry` chooses texts and benchmarks, never KPIs.

    Raises:
        ValueError: If an answer or a channel is not one of the grid's.

    Example:
        >>> profile = Profile("b2b", "subscription", ("chat", "paid_search"), goal="quality")
        >>> profile.channels, profile.motion, profile.segment
        (('paid_search', 'chat'), 'sales_led', 'smb')
    """

    business: Business = "b2b"
    pricing: Pricing = "subscription"
    channels: tuple[str, ...] = ()
    goal: Goal = "quality"
    segment: Segment = field(default=_USUAL)
    motion: Motion = field(default=_USUAL)
    presence: Presence = field(default=_USUAL)
    product: Product = field(default=_USUAL)
    industry: str | None = None

    def __post_init__(self) -> None:
        for axis in ("business", "pricing", "goal"):
            _check(axis, getattr(self, axis), CHOICES[axis])
        if isinstance(self.channels, str):
            raise ValueError(f"channels are a list of codes, not {self.channels!r}; write ({self.channels!r},)")
        for channel in self.channels:
            _check("channel", channel, tuple(CHANNELS))
        object.__setattr__(self, "channels", tuple(channel for channel in CHANNELS if channel in self.channels))
        for axis, usual in _usual(self.business, self.pricing).items():
            if getattr(self, axis) is None:
                object.__setattr__(self, axis, usual)
            _check(axis, getattr(self, axis), CHOICES[axis])

    def to_dict(self) -> dict[str, Any]:
        """The profile as the workspace file keeps it.

        Example:
            >>> Profile("b2c", "one_off", ("email",)).to_dict()["channels"]
            ['email']
        """
        return {**asdict(self), "channels": list(self.channels)}

    @classmethod
    def from_dict(cls, answers: Mapping[str, Any]) -> Profile:
        """The profile that a workspace file keeps, or that a form answered.

        Raises:
            ValueError: If a key is no part of a profile, or an answer not one of the grid's.

        Example:
            >>> Profile.from_dict({"business": "b2c", "pricing": "one_off"}).segment
            'consumer'
        """
        known = tuple(part.name for part in fields(cls))
        for key in answers:
            _check("profile key", key, known)
        return cls(**answers)


def derive(tables: Mapping[str, Collection[str]], channels: Iterable[str] = ()) -> dict[str, str | tuple[str, ...]]:
    """What the uploaded tables suggest about the profile: a proposal to confirm, never an answer.

    Args:
        tables: Canonical table → its columns.
        channels: The distinct channels found in the rows; those the grid does not know are passed over.

    Returns:
        Axis → code, and `channels`, for as much as the tables speak of; `Profile.from_dict` takes it as it is.

    Example:
        >>> derive({"orders": ["customer_id", "amount"], "email": ["date"]})
        {'channels': ('email',), 'business': 'b2c', 'pricing': 'one_off', 'motion': 'self_serve'}
    """
    leads, subscriptions = set(tables.get("leads", ())), set(tables.get("subscriptions", ()))
    has_sales = "deals" in tables or not leads.isdisjoint({"sal_at", "sql_at", "opportunity_at"})
    own = {"chats": "chat", "email": "email", "social": "social", "seo": "organic"}
    used = {*channels, *(channel for table, channel in own.items() if table in tables)}
    found: dict[str, str | tuple[str, ...]] = {}
    if named := tuple(channel for channel in CHANNELS if channel in used):
        found["channels"] = named
    if has_sales or "mql_at" in leads:
        found["business"] = "b2b"
    elif "orders" in tables:
        found["business"] = "b2c"
    if subscriptions:
        found["pricing"] = "trial" if "trial_started_at" in subscriptions else "subscription"
    elif "orders" in tables and not has_sales:
        found["pricing"] = "one_off"
    elif "deals" in tables:
        found["pricing"] = "contract"
    if has_sales:
        found["motion"] = "sales_led"
    elif subscriptions or "orders" in tables:
        found["motion"] = "self_serve"
    if leads and leads.isdisjoint({"mql_at", "sql_at", "score"}):
        found["goal"] = "efficiency" if "spend" in tables else "volume"
    if not OFFLINE.isdisjoint(used):
        found["presence"] = "offline" if WEB.isdisjoint(used) and "traffic" not in tables else "both"
    return found


def _usual(business: str, pricing: str) -> dict[str, str]:
    """What is usual for a business that said no more: proposed, and confirmed by the visitor."""
    is_sold_by_people = pricing == "contract" or (business == "b2b" and pricing in ("subscription", "one_off"))
    return {
        "segment": "smb" if business == "b2b" else "consumer",
        "motion": "sales_led" if is_sold_by_people else "self_serve",
        "presence": "both" if business == "b2c" and pricing == "contract" else "online",
        "product": "considered" if is_sold_by_people else "repeat",
    }


def _check(axis: str, given: object, known: Collection[str]) -> None:
    if given in known:
        return
    near = difflib.get_close_matches(str(given).lower(), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise ValueError(f"unknown {axis} {given!r}{hint} Known: {', '.join(known)}")

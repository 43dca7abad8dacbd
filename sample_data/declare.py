"""The shapes in which a business's truth is declared: one frozen row per thing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

Mix = tuple[tuple[str, float], ...]
NONE: Mix = (("unknown", 1.0),)


@dataclass(frozen=True)
class Stage:
    """A stage after "lead": its date column and the log-normal lag from the stage before."""

    name: str
    column: str
    days: float
    sigma: float


@dataclass(frozen=True)
class Source:
    """A channel (for print: one magazine): what it costs, brings, and how its leads convert.

    Leads a week = base x growth x season + top x u^slope / (half^slope + u^slope), where u is the weekly
    media spend after a normalised geometric adstock (13 weeks, `carry` a week). Spend has no other effect.
    `rates` are the shares of valid leads that go on to each next stage.
    """

    channel: str
    rates: tuple[float, ...]
    base: float = 0.0
    invalid: float = 0.05
    budget: float = 0.0
    top: float = 0.0
    half: float = 1.0
    slope: float = 1.0
    carry: float = 0.0
    plan: Literal["steady", "flights", "events", "monthly"] = "steady"
    cpc: float = 0.0
    cpm: float = 0.0
    platform: str = "unknown"
    source: str = "unknown"
    medium: str = "unknown"
    placement: str = "unknown"
    campaigns: Mix = NONE
    contents: Mix = NONE
    captured: Mix = (("form", 1.0),)
    captured_won: Mix | None = None
    visit_rate: float = 0.0
    assist: float = 0.0
    nurture: float = 0.0
    lift: float = 1.0
    repeat: float = 0.0


@dataclass(frozen=True)
class Segment:
    """A kind of customer; `win`, `lag` and `amount` multiply the last rate, the lags and the value."""

    name: str
    share: float
    win: float
    lag: float
    amount: float


@dataclass(frozen=True)
class Overhead:
    """A cost that comes on the first of every month."""

    channel: str
    platform: str
    cost_type: str
    cost: float
    hours: float | None = None


@dataclass(frozen=True)
class Incident:
    """What went wrong: a stage's rate, the number of leads, or the refunds changed by `factor`."""

    kind: Literal["rate", "volume", "refund"]
    start: dt.date
    end: dt.date
    factor: float
    channel: str
    placement: str = "unknown"
    stage: str = "lead"
    category: str = "unknown"
    annotated: bool = False
    story: str = ""


@dataclass(frozen=True)
class Note:
    """An annotation."""

    day: dt.date
    text: str
    last: dt.date | None = None
    kpi: str | None = None
    channel: str | None = None


@dataclass(frozen=True)
class Target:
    """A monthly target that grows by `growth` a year."""

    kpi: str
    value: float
    growth: float = 0.0


@dataclass(frozen=True)
class Plans:
    """Trials and subscriptions of a business that sells them."""

    trial_days: int = 14
    trial_after_mql: float = 0.15
    self_serve: float = 0.4
    annual: float = 0.35
    prices: tuple[tuple[str, float], ...] = (("starter", 29.0), ("team", 49.0), ("business", 79.0))
    churn_a: float = 1.3
    churn_b: float = 42.0
    change_months: float = 13.0
    upgrade: float = 0.68
    reactivated: float = 0.07
    second: float = 0.06
    usage: float = 0.08
    setup: float = 0.12
    discounted: float = 0.14


@dataclass(frozen=True)
class Basket:
    """Orders of a shop: BG/NBD purchases (gamma rate a day, beta drop-out after a repeat), values, refunds."""

    rate_shape: float = 0.75
    rate_scale: float = 92.0
    drop_a: float = 0.9
    drop_b: float = 2.4
    most: int = 30
    refund: float = 0.05
    discounted: float = 0.18
    goods: float = 0.52
    categories: Mix = (("apparel", 0.4), ("footwear", 0.24), ("outdoor", 0.22), ("accessories", 0.14))
    values: tuple[float, ...] = (58.0, 92.0, 118.0, 27.0)


@dataclass(frozen=True)
class Business:
    """Everything that is true about a sample business."""

    name: str
    seed: int
    currency: str
    zone: str
    stages: tuple[Stage, ...]
    sources: tuple[Source, ...]
    segments: tuple[Segment, ...]
    season: tuple[float, ...]
    growth: float
    weekday: tuple[float, ...]
    hours: tuple[float, ...]
    devices: Mix
    countries: Mix
    pages: Mix
    industries: Mix
    owners: tuple[str, ...]
    amount: float
    amount_sigma: float
    score_weight: float
    incident: Incident
    overheads: tuple[Overhead, ...]
    notes: tuple[Note, ...]
    targets: tuple[Target, ...]
    profile: dict[str, object]
    assumptions: dict[str, object]
    captured_win: dict[str, float] = field(default_factory=dict)
    captured_lag: dict[str, float] = field(default_factory=dict)
    response_minutes: dict[str, float] = field(default_factory=dict)
    response_sigma: float = 1.1
    never_answered: float = 0.12
    lost_days: float = 25.0
    touch_rate: float = 1.0
    anonymous: float = 0.4
    noise: float = 0.06
    chats: float = 0.0
    deals: bool = False
    plans: Plans | None = None
    basket: Basket | None = None
    keywords: tuple[tuple[str, float, float], ...] = ()
    newsletters: tuple[tuple[str, int, float], ...] = ()
    networks: tuple[tuple[str, float], ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel codes in the order of their sources, each once."""
        return tuple(dict.fromkeys(source.channel for source in self.sources))

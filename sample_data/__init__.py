"""Three simulated businesses with known truth, at any size, always the same for the same seed.

Example:
    >>> from sample_data import generate
    >>> frames = generate("b2c_local", rows=0.05, tables=("leads", "spend"))
    >>> sorted(frames)
    ['leads', 'spend']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import polars as pl

from sample_data import (
    chats,
    clock,
    deals,
    leads,
    local,
    media,
    notes,
    orders,
    plans,
    saas,
    shop,
    spend,
    touches,
    volume,
)
from sample_data.declare import Business

BUSINESSES: dict[str, Business] = {m.BUSINESS.name: m.BUSINESS for m in (saas, shop, local)}
DAILY = {"spend": spend.spend, "traffic": media.traffic, "email": media.email, "social": media.social, "seo": media.seo}
BY_MONTH = {"leads", "touches", "deals", "subscriptions"}


def generate(
    business: str, rows: float = 1.0, seed: int | None = None, tables: Iterable[str] | None = None
) -> dict[str, pl.DataFrame]:
    """The tables of a sample business by name.

    Args:
        business: "b2b_saas", "b2c_shop" or "b2c_local".
        rows: Size of the company: leads, touches, costs, sessions … are multiplied by it; 1 is the committed size.
        seed: Of all random streams; the business's own one if not given. Each table has streams of its own, so a
            subset of `tables` is equal to the same tables of the whole.
        tables: Names of the tables to make; all if not given.

    Raises:
        ValueError: If the business or a table is unknown.
    """
    truth, wanted = _business(business), _wanted(business, tables)
    seed = truth.seed if seed is None else seed
    made = _by_lead(truth, rows, seed, set(wanted))
    made |= {name: make(truth, rows, seed) for name, make in DAILY.items() if name in wanted}
    made |= {"targets": notes.targets(truth, rows), "annotations": notes.annotations(truth)}
    return {name: made[name] for name in wanted}


def months(
    business: str, rows: float = 1.0, seed: int | None = None, tables: Iterable[str] = ("leads",)
) -> Iterator[dict[str, pl.DataFrame]]:
    """What `generate` puts together, by the month in which the leads came: memory for one month only.

    Args:
        business: As in `generate`.
        rows: As in `generate`.
        seed: As in `generate`.
        tables: Of leads, touches, deals and subscriptions; the last three also hold later dates of the month's leads.

    Raises:
        ValueError: If the business is unknown or a table cannot be made by month.
    """
    truth, wanted = _business(business), set(_wanted(business, tables))
    if whole := wanted - BY_MONTH:
        raise ValueError(f"{sorted(whole)} can only be made whole; by month: {', '.join(sorted(BY_MONTH))}")
    seed = truth.seed if seed is None else seed
    for month, block in enumerate(leads.blocks(truth, volume.counts(truth, rows, seed), seed)):
        yield dict(_month(truth, block, month, seed, wanted))


def table_names(business: str) -> tuple[str, ...]:
    """Names of the tables that a business has."""
    truth = _business(business)
    own = (
        (("deals", "subscriptions"), truth.deals),
        (("orders",), truth.basket),
        (("chats", "chat_invites"), truth.chats),
    )
    return ("leads", "touches", *(n for names, has in own if has for n in names), *DAILY, "targets", "annotations")


def _by_lead(truth: Business, rows: float, seed: int, wanted: set[str]) -> dict[str, pl.DataFrame]:
    """The tables that follow from single leads, made month by month and put together in order of time."""
    parts: dict[str, list[pl.DataFrame]] = {}
    if wanted & (BY_MONTH | {"orders", "chats", "chat_invites"}):
        for month, block in enumerate(leads.blocks(truth, volume.counts(truth, rows, seed), seed)):
            for name, frame in _month(truth, block, month, seed, wanted):
                parts.setdefault(name, []).append(frame)
    made = {name: pl.concat(frames) for name, frames in parts.items()}
    if "chats" in made:
        made |= {"chats": chats.public(made["chats"]), "chat_invites": chats.invites(truth, made["chats"], seed)}
    if "orders" in made:
        made["orders"] = orders.public(made["orders"])
    order = {"touches": "touched_at", "deals": "created_at", "subscriptions": "started_at"}
    return {
        name: frame.sort(order[name], maintain_order=True) if name in order else frame for name, frame in made.items()
    }


def _month(
    truth: Business, block: pl.DataFrame, month: int, seed: int, wanted: set[str]
) -> Iterator[tuple[str, pl.DataFrame]]:
    days = clock.month_days(month)
    make: dict[str, Callable[[np.random.Generator], pl.DataFrame]] = {
        "leads": lambda _: leads.public(truth, block),
        "touches": lambda rng: touches.touches(truth, block, days, rng),
        "deals": lambda rng: deals.deals(truth, block, rng),
        "subscriptions": lambda rng: plans.subscriptions(truth, block, rng),
        "orders": lambda rng: orders.orders(truth, block, rng),
        "chats": lambda rng: chats.chats(truth, block, days, rng),
    }
    asked = wanted | ({"chats"} if "chat_invites" in wanted else set())
    return ((name, make[name](clock.stream(seed, name, month))) for name in make if name in asked)


def _wanted(business: str, tables: Iterable[str] | None) -> tuple[str, ...]:
    known = table_names(business)
    wanted = known if tables is None else tuple(tables)
    if unknown := set(wanted) - set(known):
        raise ValueError(f"{business} has no table {sorted(unknown)}; known: {', '.join(known)}")
    return wanted


def _business(name: str) -> Business:
    if name not in BUSINESSES:
        raise ValueError(f"unknown business {name!r}; known: {', '.join(BUSINESSES)}")
    return BUSINESSES[name]

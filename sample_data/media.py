"""The counted tables: traffic, email, social, seo: a day by channel, campaign, network or keyword."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_data import clock, volume
from sample_data.declare import Business


def traffic(business: Business, rows: float, seed: int) -> pl.DataFrame:
    """Sessions of each day and web channel: as many as its leads need at its visit rate."""
    rng, expected = clock.stream(seed, "traffic"), volume.expected(business, seed, with_incident=False) * rows
    web = [i for i, s in enumerate(business.sources) if s.visit_rate]
    rate = np.array([business.sources[i].visit_rate for i in web])
    sessions = rng.poisson(expected[:, web] / rate * np.exp(rng.normal(0, 0.1, (clock.DAYS, len(web)))))
    day, place = np.divmod(np.arange(sessions.size), len(web))
    counted = _visits(sessions.ravel(), rng)
    names = {
        c: pl.Series([getattr(business.sources[i], c) for i in web]).gather(place)
        for c in ("channel", "source", "medium")
    }
    return pl.DataFrame({"date": clock.DATE[day], **names, "sessions": sessions.ravel(), **counted})


def email(business: Business, rows: float, seed: int) -> pl.DataFrame:
    """Deliveries, opens, clicks and unsubscriptions of each sending day and campaign; the list grows."""
    rng, frames = clock.stream(seed, "email"), []
    for campaign, weekday, size in business.newsletters:
        days = np.flatnonzero(weekday == clock.WEEKDAY)
        delivered = rng.poisson(rows * size * (1 + 0.6 * days / clock.DAYS))
        opens = rng.binomial(delivered, rng.beta(60, 110, len(days)))
        clicks = rng.binomial(opens, rng.beta(16, 120, len(days)))
        frames.append(
            pl.DataFrame(
                {
                    "date": clock.DATE[days],
                    "channel": "email",
                    "campaign": campaign,
                    "delivered": delivered,
                    "opens": opens,
                    "clicks": clicks,
                    "unsubscribes": rng.binomial(delivered, 0.0016),
                }
            )
        )
    return pl.concat(frames).sort("date", "campaign", maintain_order=True)


def social(business: Business, rows: float, seed: int) -> pl.DataFrame:
    """Impressions, engagements, clicks and followers (a stock) of each day and network."""
    rng, frames = clock.stream(seed, "social"), []
    for network, followers in business.networks:
        now = followers * rows * (0.55 + 0.45 * np.arange(clock.DAYS) / clock.DAYS)
        seen = rng.poisson(now * 0.21 * np.exp(rng.normal(0, 0.35, clock.DAYS)))
        engaged = rng.binomial(seen, rng.beta(30, 900, clock.DAYS))
        frames.append(
            pl.DataFrame(
                {
                    "date": clock.DATE,
                    "channel": "social",
                    "platform": network,
                    "impressions": seen,
                    "engagements": engaged,
                    "clicks": rng.binomial(engaged, 0.22),
                    "followers": np.maximum.accumulate(rng.normal(now, 2).astype(np.int64)),
                }
            )
        )
    return pl.concat(frames).sort("date", "platform", maintain_order=True)


def seo(business: Business, rows: float, seed: int) -> pl.DataFrame:
    """Position, impressions and clicks of each day and keyword; positions drift and mostly improve."""
    rng, frames = clock.stream(seed, "seo"), []
    for keyword, position, searches in business.keywords:
        drift = np.cumsum(rng.normal(-0.0022 * position / 8, 0.09, clock.DAYS))
        place = np.maximum(position + drift + rng.normal(0, 0.25, clock.DAYS), 1.0).round(1)
        seen = rng.poisson(rows * searches / 30 * np.where(place < 11, 1.0, 0.35))
        frames.append(
            pl.DataFrame(
                {
                    "date": clock.DATE,
                    "channel": "organic",
                    "keyword": keyword,
                    "position": place,
                    "impressions": seen,
                    "clicks": rng.binomial(seen, np.minimum(0.31 * place**-1.15, 0.4)),
                }
            )
        )
    return pl.concat(frames).sort("date", "keyword", maintain_order=True)


def _visits(sessions: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    users = rng.binomial(sessions, 0.82)
    return {
        "users": users,
        "new_users": rng.binomial(users, 0.66),
        "engaged_sessions": rng.binomial(sessions, 0.57),
        "pageviews": sessions + rng.poisson(sessions * 1.9),
    }

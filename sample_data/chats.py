"""The chats and chat_invites tables: sales chats that became leads, those that did not, and support."""

from __future__ import annotations

import numpy as np
import polars as pl

from sample_data import clock, people
from sample_data.declare import Business

AGENTS = ("Mira", "Noor", "Otto")
WEB = ("organic", "direct", "paid_search", "email", "referral")


def chats(business: Business, leads: pl.DataFrame, days: slice, rng: np.random.Generator) -> pl.DataFrame:
    """One month's conversations; a good fit is answered sooner, and a quick answer is rated better."""
    ours = leads.filter("valid", (pl.col("captured_by") == "chat") | pl.Series(rng.random(leads.height) < 0.05))
    lead_chats = _of_leads(ours, rng)
    others = _of_visitors(business, int(lead_chats.height * business.chats), days, rng)
    frame = pl.concat([lead_chats, others], how="diagonal")
    frame = _answers(frame, rng).filter(
        pl.col("_end") < clock.end(business.zone), pl.col("_start") >= clock.day_start(business.zone)[0]
    )
    return frame.sort("_start", maintain_order=True)


def public(frame: pl.DataFrame) -> pl.DataFrame:
    """Chats of all months in order of time, numbered."""
    number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(8)
    frame = frame.sort("_start", maintain_order=True)
    start, end, reply = (frame[c].to_numpy() for c in ("_start", "_end", "_reply"))
    return frame.select(
        chat_id="H" + number,
        started_at=clock.instants(start),
        first_reply_at=clock.instants(reply, (~frame["missed"] & ~frame["bot_handled"]).to_numpy()),
        ended_at=clock.instants(end),
        lead_id="lead_id",
        visitor_id="visitor_id",
        agent="agent",
        channel="channel",
        intent="intent",
        proactive="proactive",
        accepted="accepted",
        bot_handled="bot_handled",
        missed="missed",
        rating="rating",
    )


def invites(business: Business, frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Invitations of each day: those accepted are the proactive chats, the declined ones leave no chat."""
    day = clock.day_of(frame.filter("proactive")["_start"].to_numpy(), business.zone)
    accepted = np.bincount(day, minlength=clock.DAYS)
    declined = clock.stream(seed, "invites").poisson(3 + accepted * 6.5 + 5 * np.array(business.weekday)[clock.WEEKDAY])
    return pl.DataFrame({"date": clock.DATE, "shown": accepted + declined, "accepted": accepted})


def _of_leads(leads: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A chat that made the lead ends with it; another lead's chat comes within a week after."""
    made = (leads["captured_by"] == "chat").to_numpy()
    gap = np.where(made, -rng.integers(90, 900, leads.height), rng.integers(3600, 7 * 86400, leads.height))
    return leads.select(
        "lead_id",
        "visitor_id",
        "channel",
        "_z",
        _start=pl.col("_created") + pl.Series(gap * clock.SECOND),
        intent=pl.lit("sales"),
        _lead=pl.lit(True),
    )


def _of_visitors(business: Business, n: int, days: slice, rng: np.random.Generator) -> pl.DataFrame:
    day = rng.integers(days.start, days.stop, n)
    start = clock.day_start(business.zone)[day] + people.seconds(business, n, rng) * clock.SECOND
    known = [c for c in WEB if c in business.channels]
    ids = pl.Series(days.start * 10**7 + np.arange(n)).cast(pl.String).str.zfill(10)
    return pl.DataFrame(
        {
            "visitor_id": "B" + ids,
            "channel": pl.Series(known).gather(rng.integers(0, len(known), n)),
            "_z": rng.standard_normal(n) - 0.3,
            "_start": start,
            "_lead": pl.repeat(False, n, eager=True),
            "intent": pl.Series(np.where(rng.random(n) < 0.45, "support", "sales")),
        }
    )


def _answers(frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Reply, end, flags and rating of each chat."""
    n, lead = frame.height, frame["_lead"].to_numpy()
    seconds = np.exp(np.log(42) + 0.9 * rng.standard_normal(n) - 0.3 * frame["_z"].to_numpy())
    missed = ~lead & (rng.random(n) < 0.13)
    bot = ~lead & ~missed & (rng.random(n) < 0.16)
    reply = frame["_start"].to_numpy() + (seconds * clock.SECOND).astype(np.int64) + clock.SECOND
    length = np.where(missed, 90, 60 + rng.gamma(2.0, 240, n)) * clock.SECOND
    rated = (rng.random(n) < 0.38) & ~missed
    liking = 0.92 - 0.13 * np.log(seconds / 20) + 0.28 * rng.standard_normal(n)
    sales = (frame["intent"] == "sales").to_numpy()
    proactive = pl.Series(sales & (rng.random(n) < 0.4))
    agent = (
        pl.Series(AGENTS)
        .gather(rng.integers(0, len(AGENTS), n))
        .set(pl.Series(missed), "unknown")
        .set(pl.Series(bot), "bot")
    )
    return frame.with_columns(
        _reply=reply,
        _end=np.maximum(reply, frame["_start"].to_numpy()) + length.astype(np.int64),
        missed=missed,
        bot_handled=bot,
        agent=agent,
        proactive=proactive,
        accepted=pl.when(proactive).then(True),
        rating=pl.Series((liking.clip(0, 1) * 4).round() / 4).set(pl.Series(~rated), None),
    )

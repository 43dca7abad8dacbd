"""Exports of billing, shop and chat tools."""

from __future__ import annotations

import datetime as dt

import polars as pl

from sample_data.declare import Business
from sample_data.exports_crm import SINCE, Frames, blank, number, utc


def stripe_subscriptions(business: Business, frames: Frames) -> bytes:
    """One row per subscription as it is today, not per version; lower-case currency, UTC, price of one seat."""
    rows = (
        frames["subscriptions"]
        .filter(pl.col("kind") == "recurring")
        .sort("started_at")
        .group_by("subscription_id", maintain_order=True)
        .agg(
            pl.all().exclude("started_at").last(), first=pl.col("started_at").first(), start=pl.col("started_at").last()
        )
    )
    rows = rows.filter(pl.col("first") >= SINCE).head(280)
    ended, trial = pl.col("ended_at").is_not_null(), pl.col("status") == "trial"
    status = pl.when(ended).then(pl.lit("canceled")).when(trial).then(pl.lit("trialing")).otherwise("status")
    return (
        rows.select(
            **{
                "id": pl.format("sub_{}", pl.col("subscription_id")),
                "Customer ID": pl.format("cus_{}", pl.col("customer_id")),
                "Customer Email": "email",
                "Plan": "plan",
                "Quantity": "quantity",
                "Currency": pl.col("currency").str.to_lowercase(),
                "Interval": "interval",
                "Amount": pl.col("amount"),
                "Status": status,
                "Created (UTC)": utc("first"),
                "Start (UTC)": utc("start"),
                "Trial Start (UTC)": utc("trial_started_at"),
                "Trial End (UTC)": utc("trial_ended_at"),
                "Canceled At (UTC)": utc("cancel_requested_at"),
                "Ended At (UTC)": utc("ended_at"),
                "Cancel At Period End": pl.lit("false"),
                "channel (metadata)": "channel",
            }
        )
        .write_csv()
        .encode()
    )


def intercom_conversations(business: Business, frames: Frames) -> bytes:
    """UTC, seconds, ratings of 1 to 5."""
    rows = _recent_chats(frames, 320)
    return (
        rows.select(
            **{
                "Conversation ID": 215_460_000_000 + number("chat_id"),
                "Conversation started at": utc("started_at"),
                "Conversation first replied at": utc("first_reply_at"),
                "First response time (seconds)": _reply_seconds(),
                "Time to close": (pl.col("ended_at") - pl.col("started_at")).dt.total_seconds(),
                "Conversation state": pl.lit("closed"),
                "Channel": pl.lit("Messenger"),
                "Teammate assigned": blank("agent"),
                "Conversation rating": (pl.col("rating") * 4 + 1).cast(pl.Int64),
                "Conversation tags": "intent",
                "User ID": "visitor_id",
            }
        )
        .write_csv()
        .encode()
    )


def livechat_chats(business: Business, frames: Frames) -> bytes:
    """Lower-case headers, UTC, durations in seconds, ratings in words."""
    rating = (
        pl.when(pl.col("rating").is_null())
        .then(pl.lit("not rated"))
        .when(pl.col("rating") >= 0.5)
        .then(pl.lit("rated good"))
        .otherwise(pl.lit("rated bad"))
    )
    return (
        _recent_chats(frames, 320)
        .select(
            **{
                "chat id": pl.format("PX{}", pl.col("chat_id")),
                "chat creation date UTC": utc("started_at"),
                "chat start date UTC": utc("started_at"),
                "chat duration in seconds": (pl.col("ended_at") - pl.col("started_at")).dt.total_seconds(),
                "visitor nick": pl.lit("Visitor"),
                "visitor id": "visitor_id",
                "first response time in seconds": _reply_seconds(),
                "operator 1 nick": blank("agent"),
                "chat rate": rating,
                "tag 1": "intent",
            }
        )
        .write_csv(quote_style="always")
        .encode()
    )


def shopify_orders(business: Business, frames: Frames) -> bytes:
    """A row per line item: order fields only on an order's first row; names like #1001; shop offset in the time."""
    orders = frames["orders"].filter(pl.col("ordered_at") >= dt.datetime(2026, 10, 25, tzinfo=dt.UTC)).head(230)
    items = orders.with_columns(
        _n=number("order_id"),
        _full=pl.col("amount") + pl.col("discount"),
        _item=pl.int_ranges(0, 1 + number("order_id") % 3),
    ).explode("_item", empty_as_null=False)
    count, first = 1 + pl.col("_n") % 3, pl.col("_item") == 0
    each = (pl.col("_full") / count).round(2)
    price = pl.when(first).then(pl.col("_full") - each * (count - 1)).otherwise(each).round(2)
    head = {
        "Financial Status": pl.col("status"),
        "Paid at": _shop_time(business),
        "Currency": pl.col("currency"),
        "Subtotal": pl.col("amount"),
        "Shipping": pl.lit(0.0),
        "Taxes": (pl.col("amount") * 19 / 119).round(2),
        "Total": pl.col("amount"),
        "Discount Amount": pl.col("discount"),
        "Created at": _shop_time(business),
        "Shipping Country": blank("country"),
        "Refunded Amount": pl.col("refunded"),
        "Id": 5_400_000_000_000 + pl.col("_n"),
        "Source": pl.lit("web"),
    }
    return (
        items.select(
            **{
                "Name": pl.format("#{}", 1000 + pl.col("_n")),
                "Email": "email",
                **{k: pl.when(first).then(v) for k, v in head.items()},
                "Lineitem quantity": pl.lit(1),
                "Lineitem name": pl.format("Sample {} {}", pl.col("category"), pl.col("_item") + 1),
                "Lineitem price": price,
                "Lineitem sku": pl.format("SKU-{}", pl.col("category").str.slice(0, 3).str.to_uppercase()),
            }
        )
        .write_csv()
        .encode()
    )


def _recent_chats(frames: Frames, rows: int) -> pl.DataFrame:
    return frames["chats"].filter(pl.col("started_at") >= SINCE).head(rows)


def _reply_seconds() -> pl.Expr:
    return (pl.col("first_reply_at") - pl.col("started_at")).dt.total_seconds()


def _shop_time(business: Business) -> pl.Expr:
    return pl.col("ordered_at").dt.convert_time_zone(business.zone).dt.strftime("%Y-%m-%d %H:%M:%S %z")

"""Exports of CRM and mail tools. Every person is made up and called a sample."""

from __future__ import annotations

import datetime as dt

import polars as pl

from sample_data.declare import Business

Frames = dict[str, pl.DataFrame]
SINCE = dt.datetime(2026, 8, 20, tzinfo=dt.UTC)
HUBSPOT_SOURCES = {
    "paid_search": "Paid Search",
    "paid_social": "Paid Social",
    "display": "Other Campaigns",
    "organic": "Organic Search",
    "email": "Email Marketing",
    "referral": "Referrals",
    "direct": "Direct Traffic",
    "chat": "Offline Sources",
    "events": "Offline Sources",
    "partner": "Referrals",
    "unknown": "",
}
INDUSTRIES = {
    "software": "COMPUTER_SOFTWARE",
    "manufacturing": "INDUSTRIAL_AUTOMATION",
    "retail": "RETAIL",
    "services": "MANAGEMENT_CONSULTING",
    "logistics": "LOGISTICS_AND_SUPPLY_CHAIN",
    "unknown": "",
}
OPPORTUNITY_STAGES = {
    "discovery": "Qualification",
    "proposal": "Proposal/Price Quote",
    "negotiation": "Negotiation/Review",
    "closed_won": "Closed Won",
    "closed_lost": "Closed Lost",
}
ACCOUNTS = ["Società Campione", "Müller & Söhne Muster", "Café Exemple", "Señal de Ejemplo", "Sample Trading"]


def hubspot_contacts(business: Business, frames: Frames) -> bytes:
    """Wide stage dates in portal time without an offset; labels for stages and sources; blanks for unknown."""
    rows = frames["leads"].filter(pl.col("created_at") >= SINCE).head(240)
    stage = (
        pl.when(pl.col("won_at").is_not_null())
        .then(pl.lit("Customer"))
        .when(pl.col("opportunity_at").is_not_null())
        .then(pl.lit("Opportunity"))
        .when(pl.col("sql_at").is_not_null())
        .then(pl.lit("Sales Qualified Lead"))
        .when(pl.col("mql_at").is_not_null())
        .then(pl.lit("Marketing Qualified Lead"))
        .otherwise(pl.lit("Lead"))
    )
    status = (
        pl.when(~pl.col("valid"))
        .then(pl.lit("Bad Timing"))
        .when(pl.col("disqualified_reason").is_not_null())
        .then(pl.lit("Unqualified"))
        .when(pl.col("first_response_at").is_null())
        .then(pl.lit("New"))
        .otherwise(pl.lit("Connected"))
    )
    return (
        rows.select(
            **{
                "Record ID": number("lead_id") + 70_000_000_000,
                "First Name": pl.lit("Sample"),
                "Last Name": pl.format("Contact {}", number("lead_id")),
                "Email": pl.col("email").fill_null(""),
                "Contact owner": blank("owner"),
                "Lead Status": status,
                "Lifecycle Stage": stage,
                "Create Date": local(business, "created_at"),
                "Original Source": pl.col("channel").replace_strict(HUBSPOT_SOURCES),
                "Original Source Drill-Down 1": blank("source"),
                "Original Source Drill-Down 2": blank("campaign"),
                "Industry": pl.col("industry").replace_strict(INDUSTRIES),
                "Country/Region": blank("country"),
                "Became a Lead Date": local(business, "created_at"),
                "Became a Marketing Qualified Lead Date": local(business, "mql_at"),
                "Became a Sales Qualified Lead Date": local(business, "sql_at"),
                "Became an Opportunity Date": local(business, "opportunity_at"),
                "Became a Customer Date": local(business, "won_at"),
                "Lead Score": "score",
                "Recent Deal Amount": "amount",
            }
        )
        .write_csv(quote_style="always")
        .encode()
    )


def salesforce_opportunities(business: Business, frames: Frames) -> bytes:
    """Windows-1252, d/m/Y without time, every cell quoted, five lines of footer; open deals have a close date too."""
    rows = frames["deals"].filter(pl.col("created_at") >= dt.datetime(2026, 4, 1, tzinfo=dt.UTC)).head(300)
    serial, won = number("deal_id"), pl.col("status") == "won"
    account = pl.lit(pl.Series(ACCOUNTS)).gather(serial % len(ACCOUNTS))
    body = rows.select(
        **{
            "Opportunity ID": pl.format("0065g00000{}", pl.col("deal_id").str.slice(1)),
            "Opportunity Name": pl.format("{} {} – new business", account, serial),
            "Account Name": pl.format("{} {}", account, serial),
            "Opportunity Owner": blank("owner"),
            "Stage": pl.col("stage").replace_strict(OPPORTUNITY_STAGES),
            "Amount": "amount",
            "Amount Currency": "currency",
            "Probability (%)": pl.when(won).then(100).when(pl.col("status") == "lost").then(0).otherwise(40),
            "Close Date": local(business, "closed_at", "%d/%m/%Y"),
            "Created Date": local(business, "created_at", "%d/%m/%Y"),
            "Lead Source": blank("channel"),
            "Primary Campaign Source": blank("campaign"),
            "Closed": (pl.col("status") != "open").cast(pl.Int8),
            "Won": won.cast(pl.Int8),
            "Loss Reason": blank("lost_reason"),
        }
    )
    footer = [
        '""',
        '"New business 2026"',
        '"Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved."',
        '"Confidential Information - Do Not Distribute"',
        '"Generated By:  Sample Administrator  31/10/2026 18:04"',
    ]
    return (body.write_csv(quote_style="always") + "\n" + "\n".join(footer) + "\n").encode("cp1252")


def mailchimp_audience(business: Business, frames: Frames) -> bytes:
    """The status is in the file's name; upper-case system columns; a quoted list inside a quoted cell."""
    rows = frames["leads"].filter(pl.col("email").is_not_null(), "valid", pl.col("created_at") >= SINCE).head(300)
    return (
        rows.select(
            **{
                "Email Address": "email",
                "First Name": pl.lit("Sample"),
                "Last Name": pl.format("Customer {}", number("lead_id")),
                "MEMBER_RATING": (pl.col("score").fill_null(40) // 21 + 1),
                "OPTIN_TIME": pl.lit(""),
                "OPTIN_IP": pl.lit(""),
                "CONFIRM_TIME": utc("created_at", "%Y-%m-%d %H:%M:%S"),
                "CC": blank("country"),
                "LAST_CHANGED": utc("created_at", "%Y-%m-%d %H:%M:%S"),
                "EUID": pl.format("e{}", pl.col("lead_id")),
                "TAGS": pl.format('"{}","{}"', pl.col("channel"), pl.col("captured_by")),
            }
        )
        .write_csv()
        .encode()
    )


def pipedrive_deals(business: Business, frames: Frames) -> bytes:
    """ "Entity - Field" headers, account time, no history of stages: every enquiry is a deal."""
    rows = frames["leads"].filter("valid", pl.col("created_at") >= SINCE).head(300)
    won, lost = pl.col("won_at").is_not_null(), pl.col("lost_at").is_not_null()
    visited = pl.col("site_visit_at").is_not_null()
    at = "%Y-%m-%d %H:%M:%S"
    return (
        rows.select(
            **{
                "Deal - ID": number("lead_id"),
                "Deal - Title": pl.format("Enquiry {}", number("lead_id")),
                "Deal - Owner": blank("owner"),
                "Deal - Value": pl.col("amount").fill_null(0),
                "Deal - Currency of Value": pl.lit("GBP"),
                "Deal - Stage": pl.when(visited).then(pl.lit("Site visit done")).otherwise(pl.lit("Enquiry")),
                "Deal - Status": pl.when(won)
                .then(pl.lit("Won"))
                .when(lost)
                .then(pl.lit("Lost"))
                .otherwise(pl.lit("Open")),
                "Deal - Deal created": local(business, "created_at", at),
                "Deal - Won time": local(business, "won_at", at),
                "Deal - Lost time": local(business, "lost_at", at),
                "Deal - Lost reason": pl.col("lost_reason").fill_null(""),
                "Deal - Source channel": blank("channel"),
                "Deal - Lead Source": blank("placement"),
            }
        )
        .write_csv()
        .encode()
    )


def number(column: str) -> pl.Expr:
    """The number in an id."""
    return pl.col(column).str.slice(1).cast(pl.Int64)


def blank(column: str) -> pl.Expr:
    """A label, or nothing where it is unknown."""
    return pl.when(pl.col(column) != "unknown").then(pl.col(column)).otherwise(pl.lit(""))


def local(business: Business, column: str, form: str = "%Y-%m-%d %H:%M") -> pl.Expr:
    """An instant as text in the business's zone, without saying which."""
    return pl.col(column).dt.convert_time_zone(business.zone).dt.strftime(form).fill_null("")


def utc(column: str, form: str = "%Y-%m-%d %H:%M") -> pl.Expr:
    """An instant as text in UTC."""
    return pl.col(column).dt.strftime(form).fill_null("")

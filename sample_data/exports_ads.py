"""Exports of advertising and web tools: preambles, totals, localised headers, UTF-16."""

from __future__ import annotations

import datetime as dt

import polars as pl

from sample_data import clock
from sample_data.declare import Business

Frames = dict[str, pl.DataFrame]
SINCE = dt.date(2026, 8, 1)
GA4_NAMES = {
    "paid_search": "Paid Search",
    "paid_social": "Paid Social",
    "display": "Display",
    "organic": "Organic Search",
    "social": "Organic Social",
    "email": "Email",
    "referral": "Referral",
    "direct": "Direct",
    "affiliate": "Affiliates",
    "mobile_ads": "Mobile Push Notifications",
    "partner": "Referral",
}


def csv(frame: pl.DataFrame, separator: str = ",") -> str:
    """The rows as text, quoted only where needed."""
    return frame.write_csv(separator=separator)


def google_ads(business: Business, frames: Frames) -> bytes:
    """Two lines before the header, " --" for nothing, thousands separators, nested totals at the end."""
    rows = _platform(frames, "google_ads").head(420)
    names = rows.select(
        Day="date",
        Campaign="campaign",
        **{
            "Campaign status": pl.lit("Enabled"),
            "Currency code": pl.lit(business.currency),
            **_counts(),
            "CTR": _percent(pl.col("clicks"), pl.col("impressions")),
            "Avg. CPC": _ratio(pl.col("cost"), pl.col("clicks")),
            "Cost": _thousands(pl.col("cost"), 2),
            "Conversions": _fixed(pl.col("conversions")),
            "Cost / conv.": _ratio(pl.col("cost"), pl.col("conversions")),
        },
    )
    total = rows.sum().select(
        Day=pl.lit("Total: Campaigns"),
        **{
            "Currency code": pl.lit(business.currency),
            **_counts(),
            "CTR": _percent(pl.col("clicks"), pl.col("impressions")),
            "Cost": _thousands(pl.col("cost"), 2),
            "Conversions": _fixed(pl.col("conversions")),
        },
    )
    totals = pl.concat([total, total.with_columns(Day=pl.lit("Total: Account"))])
    body = pl.concat([names.with_columns(pl.col("Day").cast(pl.String)), totals], how="diagonal").with_columns(
        pl.col("Campaign", "Campaign status", "Avg. CPC", "Cost / conv.").fill_null(" --")
    )
    first, last = rows["date"].min(), rows["date"].max()
    return f'Campaign performance report\n"{_long(first)} - {_long(last)}"\n{csv(body)}'.encode()


def linkedin_ads(business: Business, frames: Frames) -> bytes:
    """UTF-16LE with tabs, four lines and a blank one before the header, M/D/YYYY."""
    rows = _platform(frames, "linkedin_ads").head(270)
    day = pl.format("{}/{}/{}", pl.col("date").dt.month(), pl.col("date").dt.day(), pl.col("date").dt.year())
    body = rows.select(
        **{
            "Start Date (in UTC)": day,
            "Account Name": pl.lit("Sample Software"),
            "Currency": pl.lit(business.currency),
            "Campaign Name": "campaign",
            "Campaign Status": pl.lit("Active"),
            "Total Spent": "cost",
            "Impressions": "impressions",
            "Clicks": "clicks",
            "Click Through Rate": _percent(pl.col("clicks"), pl.col("impressions"), 3),
            "Conversions": "conversions",
            "Leads": "conversions",
        }
    )
    preamble = [
        "Campaign Performance Report (in UTC)",
        f"Report Start: {_long(rows['date'].min())}, 12:00 AM",
        f"Report End: {_long(rows['date'].max())}, 11:59 PM",
        "Date Generated: November 1, 2026, 7:02 AM",
        "",
    ]
    return "\ufeff".encode("utf-16-le") + ("\n".join(preamble) + "\n" + csv(body, "\t")).encode("utf-16-le")


def meta_ads_german(business: Business, frames: Frames) -> bytes:
    """German headers, saved by a German Excel: semicolons, decimal commas, BOM, d.m.Y; a summary row first."""
    rows = _platform(frames, "meta_ads").head(360)
    row = {
        "Tag": pl.col("date").dt.strftime("%d.%m.%Y"),
        "Kampagnenname": pl.col("campaign"),
        "Ergebnisse": pl.col("conversions"),
        "Impressionen": pl.col("impressions"),
        "Link-Klicks": pl.col("clicks"),
        "Ausgegebener Betrag (EUR)": _german(pl.col("cost")),
        "Kosten pro Ergebnis": pl.when(pl.col("conversions") > 0)
        .then(_german(pl.col("cost") / pl.col("conversions")))
        .otherwise(pl.lit("")),
    }
    summary = rows.sum().select(**row).with_columns(Tag=pl.lit(""), Kampagnenname=pl.lit(""))
    return b"\xef\xbb\xbf" + csv(pl.concat([summary, rows.select(**row)]), ";").replace("\n", "\r\n").encode()


def ga4_traffic(business: Business, frames: Frames) -> bytes:
    """A comment block, a grand total with an empty dimension, then two sections in one file."""
    rows = (
        frames["traffic"]
        .filter(pl.col("date") >= SINCE)
        .with_columns(pl.col("channel").replace_strict(GA4_NAMES, default="Unassigned"))
    )
    name = "Session primary channel group (Default Channel Group)"
    by_channel = _ga4(rows, {name: pl.col("channel")}).sort("Sessions", descending=True)
    total = _ga4(rows, {name: pl.lit("")})
    by_day = _ga4(rows, {"Date": pl.col("date").dt.strftime("%Y%m%d")}).sort("Date")
    block = [
        "# ----------------------------------------",
        "# Traffic acquisition",
        f"# {business.name}",
        "# ----------------------------------------",
        "#",
        "# All Users",
        f"# Start date: {SINCE:%Y%m%d}",
        f"# End date: {clock.AS_OF:%Y%m%d}",
        "",
    ]
    return ("\n".join(block) + csv(pl.concat([total, by_channel])) + "\n" + "\n".join(block) + csv(by_day)).encode()


def search_console(business: Business, frames: Frames) -> bytes:
    """Queries of the last three months: no dates at all, rates as percent with two decimals."""
    rows = (
        frames["seo"]
        .filter(pl.col("date") >= SINCE)
        .group_by("keyword", maintain_order=True)
        .agg(pl.col("clicks", "impressions").sum(), place=(pl.col("position") * pl.col("impressions")).sum())
    )
    return csv(
        rows.sort("clicks", descending=True).select(
            **{
                "Top queries": "keyword",
                "Clicks": "clicks",
                "Impressions": "impressions",
                "CTR": _percent(pl.col("clicks"), pl.col("impressions")),
                "Position": (pl.col("place") / pl.col("impressions")).round(2),
            }
        )
    ).encode()


def print_bookings(business: Business, frames: Frames) -> bytes:
    """A hand-kept sheet: a column per magazine, money with a pound sign, an empty line, a total; Windows-1252."""
    rows = frames["spend"].filter(pl.col("channel") == "print", pl.col("date").dt.year() == 2026)
    wide = rows.pivot("placement", index="date", values="cost", aggregate_function="sum", sort_columns=True).sort(
        "date"
    )
    names = wide.columns[1:]
    pounds = [pl.format("£{}", _thousands(pl.col(name), 2)).fill_null("").alias(name) for name in names]
    months = wide.select(pl.col("date").dt.strftime("%b-%y").alias("Issue"), *pounds)
    total = wide.select(pl.lit("TOTAL").alias("Issue"), pl.col(names).sum()).with_columns(pounds)
    return ("Print ads – paid on the 1st\n\n" + csv(months) + "\n" + csv(total).split("\n", 1)[1]).encode("cp1252")


def _platform(frames: Frames, platform: str) -> pl.DataFrame:
    return frames["spend"].filter(pl.col("platform") == platform, pl.col("date") >= SINCE)


def _ga4(rows: pl.DataFrame, dimension: dict[str, pl.Expr]) -> pl.DataFrame:
    return rows.group_by(**dimension, maintain_order=True).agg(
        **{
            "Sessions": pl.col("sessions").sum(),
            "Engaged sessions": pl.col("engaged_sessions").sum(),
            "Engagement rate": (pl.col("engaged_sessions").sum() / pl.col("sessions").sum()).round(4),
            "Total users": pl.col("users").sum(),
            "New users": pl.col("new_users").sum(),
            "Views": pl.col("pageviews").sum(),
        }
    )


def _counts() -> dict[str, pl.Expr]:
    return {"Impr.": _thousands(pl.col("impressions")), "Clicks": _thousands(pl.col("clicks"))}


def _long(day: dt.date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _fixed(value: pl.Expr, digits: int = 2) -> pl.Expr:
    """A number with exactly so many decimals."""
    cents = (value * 10**digits).round().cast(pl.Int64, strict=False)
    return pl.format("{}.{}", cents // 10**digits, (cents % 10**digits).cast(pl.String).str.zfill(digits))


def _thousands(value: pl.Expr, digits: int = 0) -> pl.Expr:
    text = _fixed(value, digits) if digits else value.cast(pl.String)
    whole, rest = text.str.splitn(".", 2).struct[0], text.str.splitn(".", 2).struct[1]
    grouped = whole.str.reverse().str.replace_all(r"(\d{3})", "$1,").str.reverse().str.strip_chars_start(",")
    return pl.concat_str(grouped, rest, separator=".") if digits else grouped


def _german(value: pl.Expr) -> pl.Expr:
    return _fixed(value).str.replace(".", ",", literal=True)


def _percent(part: pl.Expr, whole: pl.Expr, digits: int = 2) -> pl.Expr:
    return pl.when(whole > 0).then(_fixed(100 * part / whole, digits) + "%").otherwise(pl.lit(" --"))


def _ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(_fixed(part / whole)).otherwise(pl.lit(" --"))

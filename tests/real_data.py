"""Real files → canonical tables, as a user would map them in a notebook: a few Polars lines per table."""

import datetime as dt
from pathlib import Path

import polars as pl

import kpi

DATA = Path(__file__).parent / "data"
DUBAI_STAGES = ("lead", "qualified", "site_visit", "negotiation", "booking", "customer")
DUBAI_EXPORTED = dt.date(2026, 6, 30)
TELCO_EXPORTED = dt.date(2020, 1, 31)  # the file names no day; any will do, since nothing in it has one


# ---- Dubai: a lead with its cost, sales, list prices ----------------------------------------------------------------


def dubai(stages: tuple[str, ...] = DUBAI_STAGES) -> kpi.Dataset:
    """Leads with their stage dates, the cost on them as spend, and a deal from each qualified lead."""
    leads = _csv("dubai_real_estate/Leads.csv").join(_dubai_sales(), on="Lead_ID", how="left")
    return kpi.read(
        {"leads": _dubai_leads(leads), "spend": _dubai_spend(leads), "deals": _dubai_deals(leads)},
        as_of=DUBAI_EXPORTED,
        assumptions=kpi.Assumptions(currency="AED", stages=stages),
    )


def dubai_without_deals() -> kpi.Dataset:
    """The same leads and costs; what a sale brought stands on the lead alone."""
    data = dubai()
    return kpi.read(
        {name: data.tables[name] for name in ("leads", "spend")}, as_of=data.as_of, assumptions=data.assumptions
    )


def _dubai_leads(leads: pl.DataFrame) -> pl.DataFrame:
    return leads.select(
        lead_id="Lead_ID",
        customer_id="Customer_ID",
        created_at="Lead_Date",
        channel="Marketing_Channel",
        campaign="Campaign_Name",
        qualified_at="Qualification_Date",
        site_visit_at="Site_Visit_Date",
        negotiation_at="Negotiation_Date",
        booking_at="Booking_Date",
        won_at="Sale_Date",
        amount="Sale_Value_AED",
        lost_reason="Lost_Reason",
    )


def _dubai_spend(leads: pl.DataFrame) -> pl.DataFrame:
    """The cost on a lead's row becomes a spend row of that day, channel and campaign.

    A day without leads cost nothing: the last one says so, or spend would be unknown there, and its sale left out.
    """
    spend = leads.select(
        date="Lead_Date", channel="Marketing_Channel", campaign="Campaign_Name", cost="Marketing_Cost_AED"
    )
    last = spend.select("channel", "campaign").unique().with_columns(date=pl.lit(DUBAI_EXPORTED), cost=pl.lit(0.0))
    return pl.concat([spend, last], how="diagonal").group_by("date", "channel", "campaign").agg(pl.col("cost").sum())


def _dubai_deals(leads: pl.DataFrame) -> pl.DataFrame:
    """A deal begins when its lead qualifies; open ones are worth the list price. The file dates no loss."""
    status = {"Sold": "won", "Lost": "lost"}
    priced = leads.join(_csv("dubai_real_estate/Properties.csv"), on="Property_ID", how="left")
    return priced.filter(pl.col("Qualification_Date").is_not_null()).select(
        deal_id="Lead_ID",
        lead_id="Lead_ID",
        customer_id="Customer_ID",
        created_at="Qualification_Date",
        closed_at="Sale_Date",
        status=pl.col("Lead_Status").replace_strict(status, default="open"),
        amount=pl.coalesce("Sale_Value_AED", "Property_Price_AED").cast(pl.Float64),
    )


def _dubai_sales() -> pl.DataFrame:
    return _csv("dubai_real_estate/Sales.csv").select("Lead_ID", "Sale_Date", "Sale_Value_AED")


# ---- Telco: a snapshot of subscriptions without dates ----------------------------------------------------------------


def telco() -> kpi.Dataset:
    """Subscriptions without a start date; who left did so within the file's one period, so by its last day."""
    rows = _csv("telco_churn/Telco-Customer-Churn.csv")
    bands = {0: "0", 12: "1-12", 24: "13-24", 48: "25-48", 60: "49-60"}
    band = pl.lit("61-72")
    for months in reversed(bands):
        band = pl.when(pl.col("tenure") <= months).then(pl.lit(bands[months])).otherwise(band)
    subscriptions = rows.select(
        "Contract",
        "InternetService",
        "PaymentMethod",
        "SeniorCitizen",
        subscription_id="customerID",
        customer_id="customerID",
        amount="MonthlyCharges",
        interval=pl.lit("month"),
        ended_at=pl.when(pl.col("Churn") == "Yes").then(pl.lit(TELCO_EXPORTED)),
        tenure_band=band,
    )
    return kpi.read({"subscriptions": subscriptions}, as_of=TELCO_EXPORTED, assumptions=kpi.Assumptions(currency="USD"))


def telco_bills() -> kpi.Dataset:
    """All that a customer was ever charged, as one order without a date; a blank is a customer of no full month."""
    orders = _csv("telco_churn/Telco-Customer-Churn.csv").select(
        order_id="customerID",
        customer_id="customerID",
        amount=pl.col("TotalCharges"),
    )
    return kpi.read({"orders": orders}, as_of=TELCO_EXPORTED, assumptions=kpi.Assumptions(currency="USD"))


def _csv(name: str) -> pl.DataFrame:
    return pl.read_csv(DATA / name, try_parse_dates=True)

"""Original exports of the tools that each business uses, as messy as those tools write them: which files there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from sample_data import exports_ads as ads
from sample_data import exports_crm as crm
from sample_data import exports_sales as sales
from sample_data.declare import Business

Export = Callable[[Business, dict[str, pl.DataFrame]], bytes]

EXPORTS: dict[str, dict[str, Export]] = {
    "b2b_saas": {
        "hubspot-crm-exports-all-contacts-2026-10-31.csv": crm.hubspot_contacts,
        "salesforce_opportunity_report.csv": crm.salesforce_opportunities,
        "stripe_subscriptions.csv": sales.stripe_subscriptions,
        "intercom_conversations.csv": sales.intercom_conversations,
        "google_ads_campaign_report.csv": ads.google_ads,
        "linkedin_campaign_performance_report.csv": ads.linkedin_ads,
        "ga4_traffic_acquisition.csv": ads.ga4_traffic,
        "search_console_queries.csv": ads.search_console,
    },
    "b2c_shop": {
        "shopify_orders_export_1.csv": sales.shopify_orders,
        "mailchimp_subscribed_members_export.csv": crm.mailchimp_audience,
        "meta_ads_werbeanzeigenmanager.csv": ads.meta_ads_german,
        "google_ads_campaign_report.csv": ads.google_ads,
        "ga4_traffic_acquisition.csv": ads.ga4_traffic,
        "search_console_queries.csv": ads.search_console,
    },
    "b2c_local": {
        "pipedrive_deals.csv": crm.pipedrive_deals,
        "livechat_archives.csv": sales.livechat_chats,
        "google_ads_campaign_report.csv": ads.google_ads,
        "print_bookings_2026.csv": ads.print_bookings,
        "search_console_queries.csv": ads.search_console,
    },
}


def write(folder: Path, business: Business, frames: dict[str, pl.DataFrame]) -> None:
    """Writes the exports of one business."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in EXPORTS[business.name].items():
        (folder / name).write_bytes(make(business, frames))

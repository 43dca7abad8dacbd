"""What a careful user would write instead: the same question in plain Polars and in plain DuckDB SQL.

Each comes twice. *With age* keeps the conversions of a cohort by the days they took, as the cube does, so that two
months can be compared at equal age later on. *Without* counts to date only: the shortest that gives the same table.

All return `date, channel, leads, raw, won, qualified, mql, sql, media, marketing`: sums by month and channel.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

ZONE = "Europe/Rome"
AS_OF = dt.date(2026, 10, 31)
SUMS = ("leads", "raw", "won", "qualified", "mql", "sql", "media", "marketing")
_STAGES = ("mql_at", "sal_at", "sql_at", "opportunity_at", "won_at")
_MARKETING = ("media", "tools", "agency", "marketing_people", "people")
_KEYS = ["date", "channel"]


def polars_with_age(folder: Path) -> pl.DataFrame:
    """In Polars, by way of sums by day, channel and days of age."""
    leads, spend = _prepared(folder)
    days = [*_KEYS, "age"]
    parts = pl.collect_all([part.group_by(days).agg(*sums) for part, sums in _parts(leads, spend)], engine="streaming")
    return _by_month(pl.concat(parts, how="diagonal").lazy()).collect()


def polars_without(folder: Path) -> pl.DataFrame:
    """In Polars, straight to months."""
    leads, spend = _prepared(folder)
    parts = [_by_month(part, sums) for part, sums in _parts(leads, spend)]
    return _by_month(pl.concat(pl.collect_all(parts, engine="streaming"), how="diagonal").lazy()).collect()


def _prepared(folder: Path) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    stages = {name: pl.col(name).dt.convert_time_zone(ZONE).dt.date() for name in ("created_at", *_STAGES)}
    leads = (
        pl.scan_parquet(folder / "leads" / "*.parquet")
        .select(pl.col("channel").fill_null("unknown"), pl.col("valid").fill_null(True), **stages)
        .select(
            "channel",
            "valid",
            created="created_at",
            qualified=pl.coalesce(_STAGES),
            accepted=pl.coalesce(_STAGES[2:]),
            won="won_at",
        )
    )
    scope = pl.col("cost_type").fill_null("media")
    spend = pl.scan_parquet(folder / "spend.parquet").select(
        pl.col("channel").fill_null("unknown"),
        "date",
        age=pl.lit(None, pl.Int64),
        media=pl.when(scope.is_in(["media", "unknown"])).then("cost"),
        marketing=pl.when(scope.is_in([*_MARKETING, "unknown"])).then("cost"),
    )
    return leads, spend


def _parts(leads: pl.LazyFrame, spend: pl.LazyFrame) -> list[tuple[pl.LazyFrame, list[pl.Expr]]]:
    """Rows with `date, channel, age`, and what is summed of them."""

    def cohort(start: str, end: str, name: str) -> tuple[pl.LazyFrame, list[pl.Expr]]:
        age = (pl.col(end) - pl.col(start)).dt.total_days()
        # Leads whose stages are dated out of order reached both; a sale before the lead is none of it.
        age = age.clip(0) if start != "created" else age
        rows = leads.filter("valid", pl.col(end) <= AS_OF).select("channel", date=start, age=age)
        return rows.filter(pl.col("date").is_not_null(), pl.col("age") >= 0), [pl.len().cast(pl.Float64).alias(name)]

    def events(start: str, *sums: pl.Expr) -> tuple[pl.LazyFrame, list[pl.Expr]]:
        rows = leads.select("channel", "valid", date=start, age=pl.lit(None, pl.Int64))
        return rows.filter(pl.col("date").is_not_null()), list(sums)

    valid = pl.col("valid").sum().cast(pl.Float64)
    known = [pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name) for name in ("media", "marketing")]
    return [
        events("created", pl.len().cast(pl.Float64).alias("raw"), valid.alias("leads")),
        events("qualified", valid.alias("mql")),
        cohort("created", "won", "won"),
        cohort("created", "qualified", "qualified"),
        cohort("qualified", "accepted", "sql"),
        (spend, known),
    ]


def _by_month(rows: pl.LazyFrame, sums: list[pl.Expr] | None = None) -> pl.LazyFrame:
    again = [pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name) for name in SUMS]
    return rows.group_by(pl.col("date").dt.truncate("1mo"), "channel").agg(*(again if sums is None else sums))


def duckdb_with_age(folder: Path) -> pl.DataFrame:
    """In SQL, by way of sums by day, channel and days of age."""
    return _sql(folder, "date, channel, age")


def duckdb_without(folder: Path) -> pl.DataFrame:
    """In SQL, straight to months."""
    return _sql(folder, "date_trunc('month', date) AS date, channel")


def _sql(folder: Path, grain: str) -> pl.DataFrame:
    import duckdb

    days = (f"timezone('{ZONE}', {name})::DATE AS {name}" for name in ("created_at", *_STAGES))
    query = _QUERY.format(
        folder=folder, days=", ".join(days), grain=grain, as_of=AS_OF, scopes=", ".join(map(repr, _MARKETING))
    )
    found: pl.DataFrame = duckdb.connect().sql(query).pl()
    return found


_QUERY = """
WITH dated AS (
    SELECT coalesce(channel, 'unknown') AS channel, coalesce(valid, true) AS valid, {days}
    FROM read_parquet('{folder}/leads/*.parquet')
),
leads AS (
    SELECT channel, valid, created_at AS created, won_at AS won,
           coalesce(mql_at, sal_at, sql_at, opportunity_at, won_at) AS qualified,
           coalesce(sql_at, opportunity_at, won_at) AS accepted
    FROM dated
),
came AS (SELECT created AS date, NULL::BIGINT AS age, channel, valid FROM leads WHERE created IS NOT NULL),
entered AS (SELECT qualified AS date, NULL::BIGINT AS age, channel, valid FROM leads WHERE qualified IS NOT NULL),
bought AS (
    SELECT created AS date, won - created AS age, channel FROM leads
    WHERE valid AND won <= DATE '{as_of}' AND won >= created
),
ripened AS (
    SELECT created AS date, qualified - created AS age, channel FROM leads
    WHERE valid AND qualified <= DATE '{as_of}' AND qualified >= created
),
went_on AS (
    SELECT qualified AS date, greatest(accepted - qualified, 0) AS age, channel FROM leads
    WHERE valid AND qualified IS NOT NULL AND accepted <= DATE '{as_of}'
),
spend AS (
    SELECT coalesce(channel, 'unknown') AS channel, date, NULL::BIGINT AS age, cost,
           coalesce(cost_type, 'media') AS scope
    FROM read_parquet('{folder}/spend.parquet')
),
parts AS (
    SELECT {grain}, count(*) AS raw, count(*) FILTER (valid) AS leads FROM came GROUP BY ALL
    UNION ALL BY NAME SELECT {grain}, count(*) FILTER (valid) AS mql FROM entered GROUP BY ALL
    UNION ALL BY NAME SELECT {grain}, count(*) AS won FROM bought GROUP BY ALL
    UNION ALL BY NAME SELECT {grain}, count(*) AS qualified FROM ripened GROUP BY ALL
    UNION ALL BY NAME SELECT {grain}, count(*) AS sql FROM went_on GROUP BY ALL
    UNION ALL BY NAME SELECT {grain}, sum(cost) FILTER (scope IN ('media', 'unknown')) AS media,
        sum(cost) FILTER (scope IN ('unknown', {scopes})) AS marketing FROM spend GROUP BY ALL
)
SELECT date_trunc('month', date)::DATE AS date, channel, sum(leads)::DOUBLE AS leads, sum(raw)::DOUBLE AS raw,
       sum(won)::DOUBLE AS won, sum(qualified)::DOUBLE AS qualified, sum(mql)::DOUBLE AS mql,
       sum(sql)::DOUBLE AS sql, sum(media)::DOUBLE AS media, sum(marketing)::DOUBLE AS marketing
FROM parts GROUP BY ALL
"""

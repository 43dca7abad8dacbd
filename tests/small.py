"""Data that fits on the screen: tables written as text, read as an upload would be."""

import datetime as dt
from typing import Any

import polars as pl

import kpi


def rows(text: str) -> pl.DataFrame:
    """A frame of text from an aligned table; `-` is an empty cell."""
    header, *lines = ([None if cell == "-" else cell for cell in line.split()] for line in text.strip().splitlines())
    return pl.DataFrame(lines, schema=dict.fromkeys(header, pl.String), orient="row")


def data(as_of: str | None = None, assumptions: kpi.Assumptions | None = None, **tables: str) -> kpi.Dataset:
    """A data set of such tables: `data(leads="lead_id created_at …")`."""
    frames = {name: rows(text) for name, text in tables.items()}
    return kpi.read(frames, as_of=dt.date.fromisoformat(as_of) if as_of else None, assumptions=assumptions)


def days(start: str, end: str) -> kpi.Period:
    """A period from two ISO dates."""
    return kpi.Period(dt.date.fromisoformat(start), dt.date.fromisoformat(end))


def month(text: str) -> kpi.Period:
    """A whole month: `month("2025-02")`."""
    first = dt.date.fromisoformat(f"{text}-01")
    return kpi.Period(first, (first + dt.timedelta(31)).replace(day=1) - dt.timedelta(1))


def column(result: pl.DataFrame, key: str, value: str = "value") -> dict[Any, Any]:
    """One column of a result by another: `{"search": 75.0, "organic": None}`."""
    return dict(result.select(key, value).iter_rows())


def one(result: pl.DataFrame, *columns: str) -> Any:
    """The only row of a result: a value, or a tuple of the columns named."""
    assert result.height == 1, result
    return result.select(columns).row(0) if columns else result["value"][0]

"""Sentences: the formula of a KPI with the real numbers in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import polars as pl

from kpi import catalog, formats
from kpi.answering import ASSUMED, rung
from kpi.catalog import Kpi
from kpi.cube import Cube
from kpi.evaluation import evaluate
from kpi.periods import Period, shift
from kpi.texts import measure_text, say
from kpi.wording import Row, abbreviation, dimension, kpi_name, segment, shown

Term = Callable[[str], str]
_SIGNS = {"+": ("+", 1), "-": ("−", 1), "*": ("×", 2), "/": ("÷", 2)}
_UNITS = {"margin": "rate", "lifetime_months": "months", "target_revenue": "money"}


def sentence(
    kpi: Kpi,
    row: Row,
    lang: str,
    cube: Cube,
    period: Period | None = None,
    where: Mapping[str, tuple[str, ...]] | None = None,
) -> str:
    """The formula of a KPI with the real numbers in it, as plain text.

    Args:
        kpi: What is explained.
        row: Its row of `evaluate`.
        lang: Language code.
        cube: What it was evaluated on: says which measure a name stands for, and the inputs of a derived KPI.
        period: The row's days, for a derived KPI; None for all of the cube's.
        where: The row's filter, and split, for a derived KPI.

    Example:
        >>> import kpi, datetime as dt
        >>> days = [dt.date(2025, 1, 3)] * 4
        >>> leads = pl.DataFrame({"lead_id": ["a", "b", "c", "d"], "created_at": days})
        >>> spend = pl.DataFrame({"date": days[:1], "cost": [300.0]})
        >>> cube = kpi.measure(kpi.read({"leads": leads, "spend": spend}))
        >>> sentence(catalog.kpis(())["cpl"], evaluate(cube, "cpl").to_dicts()[0], "en", cube)
        '€300 marketing spend ÷ 4 valid leads = €75'
    """
    if kpi.derived:
        known, named = _input_terms(kpi, cube, period, where or {}, lang)
        formula = _infix(kpi.numerator, known) or _infix(kpi.numerator, named)
    elif kpi.quantile is not None or kpi.over:
        return _whole(kpi, row, lang, cube)
    else:
        formula = _ratio(kpi, row, lang, cube)
    value = shown(kpi, row, row["value"], lang)
    if not formula:
        return say("sentence.value", lang, name=kpi_name(kpi, lang), value=value)
    if kpi.unit == "per_year":
        return say("sentence.per_year", lang, formula=formula, value=value)
    plain = kpi.denominator is None and kpi.numerator.meta.is_column()
    return formula if plain else say("sentence.equals", lang, formula=formula, value=value)


# ---- ratios and sums of measures ------------------------------------------------------------------------------------


def _ratio(kpi: Kpi, row: Row, lang: str, cube: Cube) -> str:
    amounts: dict[str, float] = {}
    upper = _side(kpi, kpi.numerator, row["numerator"], amounts, row, lang, cube)
    if kpi.denominator is None:
        return upper
    lower = _side(kpi, kpi.denominator, row["denominator"], amounts, row, lang, cube)
    composed = len(kpi.denominator.meta.root_names()) > 1
    return say("sentence.ratio", lang, numerator=upper, denominator=f"({lower})" if composed else lower)


def _side(
    kpi: Kpi, expression: pl.Expr, total: float | None, amounts: dict[str, float], row: Row, lang: str, cube: Cube
) -> str:
    """A numerator or denominator: its measures with their amounts, or its sum and their names."""
    names = list(dict.fromkeys(expression.meta.root_names()))
    unknown = [name for name in names if name not in amounts]
    if len(unknown) == 1 and total is not None:
        amount = _solved(expression, total, unknown[0], {name: amounts[name] for name in names if name in amounts})
        amounts |= {} if amount is None else {unknown[0]: amount}

    currency = _currency(row, cube)
    items = {name: cube.measures[rung(cube.data, name, kpi)] for name in names}

    def term(name: str) -> str:
        number = formats.value(amounts.get(name), "money" if items[name].agg.money else "count", lang, currency)
        return say("sentence.term", lang, number=number, name=measure_text(items[name].id, lang))

    if len(names) == 1 or all(name in amounts for name in names):
        return _infix(expression, term)
    named = _infix(expression, lambda name: measure_text(items[name].id, lang))
    unit = "money" if all(item.agg.money for item in items.values()) else "count"
    bare = kpi.denominator is None
    return named if bare else say("sentence.sum", lang, number=formats.value(total, unit, lang, currency), names=named)


def _solved(expression: pl.Expr, total: float, name: str, known: Mapping[str, float]) -> float | None:
    """The one amount that makes the expression equal its total; None where it is not a plain sum or multiple."""
    at = pl.DataFrame({**{other: [amount] * 2 for other, amount in known.items()}, name: [0.0, 1.0]})
    none, one = at.select(expression.cast(pl.Float64).alias("total"))["total"].to_list()
    return None if none is None or one is None or one == none else (total - none) / (one - none)


def _currency(row: Row, cube: Cube) -> str:
    """The row's currency, or the only one of the data."""
    codes = cube.frame["currency"].drop_nulls().unique().to_list()
    return str(row.get("currency") or (codes[0] if len(codes) == 1 else cube.assumptions.currency))


# ---- figures of many values -----------------------------------------------------------------------------------------


def _whole(kpi: Kpi, row: Row, lang: str, cube: Cube) -> str:
    """A quantile, a share of all values of a dimension, or one figure for them all."""
    name = measure_text(rung(cube.data, kpi.inputs[0], kpi), lang)
    value, n = shown(kpi, row, row["value"], lang), formats.value(row["n"], "count", lang)
    if kpi.quantile is not None:
        key = "sentence.median" if kpi.quantile == 0.5 else "sentence.quantile"
        return say(key, lang, name=name, count=n, value=value, percent=formats.percent(kpi.quantile, lang))
    over = dimension(kpi.over or "", lang, inside=True)
    if kpi.figure:
        return say(f"sentence.{kpi.figure}", lang, name=name, count=n, value=value, dimension=over)
    sides = {"part": row["numerator"], "whole": row["denominator"]}
    gaps = {gap: formats.value(amount, "count", lang) for gap, amount in sides.items()}
    if kpi.over in row:
        one = segment(kpi.over or "", row[kpi.over or ""], lang)
        return say("sentence.share", lang, name=name, value=value, segment=one, **gaps)
    return say("sentence.largest", lang, name=name, value=value, dimension=over, **gaps)


# ---- derived KPIs ---------------------------------------------------------------------------------------------------


def _input_terms(
    kpi: Kpi, cube: Cube, period: Period | None, where: Mapping[str, tuple[str, ...]], lang: str
) -> tuple[Term, Term]:
    """Each input of a derived KPI with its value: nothing said of the unknown ones, or all of them said."""
    said, known = {}, set()
    for name in kpi.inputs:
        label, number, value = _input(kpi, name, cube, period or cube.span, where, lang)
        said[name] = say("sentence.named", lang, name=label, number=value)
        known |= {name} if number is not None else set()
    return lambda name: said[name] if name in known else "", lambda name: said[name]


def _input(
    kpi: Kpi, name: str, cube: Cube, period: Period, where: Mapping[str, tuple[str, ...]], lang: str
) -> tuple[str, float | None, str]:
    """An input's name, number and shown value: in its own window, under the KPI's cost scope."""
    given = cube.assumptions
    if name in ASSUMED:
        number = getattr(given, name)
        return say(f"assumption.{name}", lang), number, formats.value(number, _UNITS[name], lang, given.currency)
    item = catalog.kpis(given.stages)[name]
    scope = given.scopes.get(kpi.id) or kpi.scope
    under = given.with_values(scopes={**given.scopes, name: scope}) if scope else given
    days = _trailing(period, kpi.windows[name]) if name in kpi.windows else period
    row = evaluate(cube, item, period=days, where=where, assumptions=under).to_dicts()[0]
    number, window = row["value"], kpi.windows.get(name)
    name = abbreviation(item, lang) or kpi_name(item, lang)
    name = say(f"sentence.window.{window}", lang, name=name) if window else name
    # A ratio's own × would read as a product.
    plain = item.unit == "ratio" and number is not None
    return name, number, formats.decimal(number, lang) if plain else shown(item, row, number, lang)


def _trailing(period: Period, window: catalog.Window) -> Period:
    end = period.end
    return Period(end - timedelta(89) if window == "90d" else shift(end + timedelta(1), -12), end)


# ---- expressions as text --------------------------------------------------------------------------------------------


def _infix(expression: pl.Expr, term: Term, level: int = 0) -> str:
    """An expression with its terms said; empty where it holds more than sums, products and alternatives."""
    if expression.meta.is_column():
        return term(expression.meta.output_name())
    text, parts = str(expression), expression.meta.pop()[::-1]
    if not parts:
        return formats.decimal(float(pl.select(expression).item()))
    if text.startswith(f"{parts[0]}.coalesce("):
        return next(filter(None, (_infix(part, term, level) for part in parts)), "")
    for sign, (symbol, own) in _SIGNS.items():
        if len(parts) == 2 and text == f"[({parts[0]}) {sign} ({parts[1]})]":
            left, right = _infix(parts[0], term, own), _infix(parts[1], term, own + (sign in "-/"))
            joined = f"{left} {symbol} {right}" if left and right else ""
            return f"({joined})" if joined and own < level else joined
    return ""

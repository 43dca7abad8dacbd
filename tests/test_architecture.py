"""Imports only go down, `kpi` knows no Streamlit, and a page holds neither numbers nor words."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from kpi.query import STATUSES

ROOT = Path(__file__).parents[1]
# From the ground up; a module imports only from lower floors. A package stands for all its modules.
FLOORS: tuple[str, ...] = (
    "kpi.assumptions kpi.periods kpi.statistics kpi.survival kpi.texts kpi.grid",
    "kpi.tables kpi.formats kpi.profiles",
    "kpi.selection",
    "kpi.canonical kpi.catalog kpi.reasons kpi.workspace",
    "kpi.expressions",
    "kpi.spreading",
    "kpi.columns",
    "kpi.preparing",
    "kpi.answering kpi.aggregating",
    "kpi.dimensions kpi.quality kpi.reading",
    "kpi.cube",
    "kpi.currencies",
    "kpi.totals",
    "kpi.distincts",
    "kpi.query",
    "kpi.kinds kpi.maturity kpi.tracing",
    "kpi.evaluation",
    "kpi.change kpi.relevance kpi.wording",
    "kpi.analyses",
    "kpi.sentences kpi.paper",
    "kpi.trends",
    "kpi.rankings",
    "kpi.charts",
    "kpi.cards kpi.show",
    "kpi.report",
    "kpi",
    "pages.frame pages.frame.guard pages.frame.store pages.frame.style pages.frame.tab pages.frame.url",
    "pages.frame.uploads pages.frame.shelf",
    "pages.frame.data",
    "pages.frame.view",
    "pages.frame.asking pages.frame.detail pages.frame.said pages.frame.sidebar",
    "pages",
    "pages.start pages.overview pages.detail",
    "app",
)
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names.split()}
DRAWING = ("kpi.paper", "kpi.trends", "kpi.rankings", "kpi.charts", "kpi.report")
PACKAGES = ("kpi.analyses", "kpi.charts", "kpi.texts", "kpi.report")
FILES = sorted([*ROOT.glob("kpi/**/*.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("app.py")])
KPI = [path for path in FILES if path.is_relative_to(ROOT / "kpi")]
PAGES = [path for path in FILES if path.is_relative_to(ROOT / "pages")]


def module(path: Path) -> str:
    """`kpi/texts/__init__.py` → `kpi.texts`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path) for path in FILES}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that a file imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module(path).split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            full = [f"{base}.{alias.name}" for alias in node.names]
            yield from ((node.lineno, one if one in MODULES else base) for one in full)


def placed(one: str) -> str | None:
    """The entry of the table that a module falls under."""
    if one in FLOOR_OF:
        return one
    return next((package for package in PACKAGES if one.startswith(f"{package}.")), None)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_module_has_its_floor(path):
    assert placed(module(path)), f"{module(path)} has no floor: place it in FLOORS of tests/test_architecture.py"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_module_imports_only_from_lower_floors(path):
    own = placed(module(path))
    if own is None:
        pytest.skip("has no floor")
    ours = [(line, one) for line, one in imported(path) if one in MODULES]
    up = [
        f"line {line}: {module(path)} (floor {FLOOR_OF[own]}) imports {one} (floor {FLOOR_OF[there]})"
        for line, one in ours
        if (there := placed(one)) and FLOOR_OF[there] >= FLOOR_OF[own] and not (there == own and own in PACKAGES)
    ]
    assert up == []


def test_every_floor_s_module_is_there_or_yet_to_come():
    coming = {"kpi.analyses", "kpi.report"}
    assert {*FLOOR_OF} - MODULES - coming == set(), "a module is gone: take it out of FLOORS"


# ---- kpi ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", KPI, ids=name)
def test_kpi_imports_neither_streamlit_nor_pages(path):
    roots = {one.split(".")[0] for _, one in imported(path)}
    assert roots & {"streamlit", "pages", "app"} == set()


@pytest.mark.parametrize("path", KPI, ids=name)
def test_kpi_imports_altair_only_for_charts(path):
    roots = {one.split(".")[0] for _, one in imported(path)}
    assert "altair" not in roots or module(path) in DRAWING


@pytest.mark.parametrize("path", [*KPI, *PAGES], ids=name)
def test_no_error_is_swallowed(path):
    """Neither `except:` nor `except Exception`, alone or among others."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            named = {"bare" if kind is None else ast.unparse(kind) for kind in kinds}
            found += [node.lineno] if named & {"bare", "Exception", "BaseException"} else []
    assert found == []


@pytest.mark.parametrize("path", KPI, ids=name)
def test_input_is_not_checked_by_assert(path):
    assert [node.lineno for node in ast.walk(tree(path)) if isinstance(node, ast.Assert)] == []


@pytest.mark.parametrize("path", KPI, ids=name)
def test_nothing_is_mapped_row_by_row(path):
    slow = {"map_elements", "map_rows", "map_groups", "iter_slices"}
    used = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    assert used & slow == set()


# ---- pages ----------------------------------------------------------------------------------------------------------

# Two or more words in a row, one of them in lower case: how a sentence looks and a key, a colour or a rule does not.
CODES = {*STATUSES, "too young"}  # what `evaluate` answers with; their words are in the texts
SENTENCE = re.compile(r"(?<![\w./-])[A-Za-z]{2,},? (?:[a-z]{2,})(?![\w/-])")
FORMAT = re.compile(r"\{\w*:[^{}]*[dfgn%]\}|%[.\d]*[dfg]\b")
STYLE = re.compile(r"[{};<>]|--|\bvar\(")


def docstrings(path: Path) -> set[int]:
    """The nodes of a file that are docstrings, below an assignment too."""
    alone = (node.value for node in ast.walk(tree(path)) if isinstance(node, ast.Expr))
    return {id(value) for value in alone if isinstance(value, ast.Constant)}


def raised(path: Path) -> set[int]:
    """Nodes inside `raise`: bad code is told in English."""
    raises = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Raise))
    return {id(part) for node in raises for part in ast.walk(node)}


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_page_imports_no_polars_and_no_altair(path):
    roots = {one.split(".")[0] for _, one in imported(path)}
    assert roots & {"polars", "altair", "narwhals", "numpy"} == set()


@pytest.mark.parametrize("path", [*PAGES, *ROOT.glob("app.py")], ids=name)
def test_page_formats_no_number(path):
    """No `{value:.2f}`, no `"{:,}".format`, no `"%d" %`, no round()."""
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            found.append((node.lineno, ast.unparse(node)))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("round", "format"):
            found.append((node.lineno, ast.unparse(node)))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and FORMAT.search(node.value):
            found.append((node.lineno, node.value))
    assert found == []


@pytest.mark.parametrize("path", [*PAGES, *ROOT.glob("app.py")], ids=name)
def test_page_says_nothing_itself(path):
    """Every word that a user reads comes from `kpi/texts/`."""
    silent = docstrings(path) | raised(path)
    words = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    said = [
        (node.lineno, node.value)
        for node in words
        if id(node) not in silent and node.value not in CODES
        if SENTENCE.search(node.value) and not STYLE.search(node.value)
    ]
    assert said == []


SHOWN = "title header subheader write markdown caption text button info warning error success toast metric html".split()


@pytest.mark.parametrize("path", [*PAGES, *ROOT.glob("app.py")], ids=name)
def test_page_hands_streamlit_no_word_of_its_own(path):
    """`st.button("Upload")` is a word too; `st.markdown(f"##### {…}")` is none."""
    calls = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call) and node.args)
    found = [
        (call.lineno, ast.unparse(call.args[0]))
        for call in calls
        if getattr(call.func, "attr", "") in SHOWN and re.search(r"[A-Za-z]{2,}", _literal(call.args[0]))
    ]
    assert found == []


def _literal(node: ast.expr) -> str:
    """The words that stand in the code: a string, or what an f-string has around its gaps."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    text = " ".join(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
    return "" if STYLE.search(text) else text


@pytest.mark.parametrize("text", ["No data yet", "Upload your files", " leads found", "Remove my data"])
def test_sentence_is_seen(text):
    assert SENTENCE.search(text)


@pytest.mark.parametrize("text", ["detail.formula", "paid_search", "1mo", "pages/start.py", "##### ", "text/csv"])
def test_key_is_no_sentence(text):
    assert not SENTENCE.search(text)

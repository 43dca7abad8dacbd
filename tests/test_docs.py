"""What the documentation says is so: pages are fresh, links lead somewhere, commands and columns exist, code runs."""

import json
import re
from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import kpi
from docs import catalogue, notebook
from kpi import catalog
from kpi.assumptions import STAGES
from kpi.grid import CHANNELS, CHOICES
from kpi.query import STATUSES
from kpi.tables import TABLES
from kpi.workspace import Workspace

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
MADE = {"docs/catalogue.md"}


def text(path: Path) -> str:
    return path.read_text("utf-8")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """A page without its code."""
    return re.sub(r"^```.*?^```|^    .*?$", "", text(path), flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The places of a page that a link can name: headings as GitHub names them, and its own marks."""
    heads = re.findall(r"^#+ (.+)$", text(path), flags=re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text(path)))


def section(path: Path, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text(path), flags=re.MULTILINE | re.DOTALL)
    assert found, f"{name(path)} has no section {heading!r}"
    return found.group(1)


def rows(markdown: str) -> list[list[str]]:
    """The rows of the tables in a piece of Markdown, without their heads."""
    lines = [line.strip().strip("|").split("|") for line in markdown.splitlines() if line.startswith("|")]
    heads = {place for place, line in enumerate(lines) if set("".join(line)) <= set("-: ")}
    return [[cell.strip() for cell in line] for place, line in enumerate(lines) if not {place, place + 1} & heads]


# ---- pages and links ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, notebook.PAGE], ids=name)
def test_links_lead_to_files_and_places_that_exist(path):
    for target in LINK.findall(text(path)):
        link = urlsplit(target)
        if link.scheme:
            continue
        page = (path.parent / unquote(link.path)).resolve() if link.path else path
        assert page.exists(), target
        assert not link.fragment or link.fragment in anchors(page), target


def test_every_page_is_reached_from_the_index():
    linked = set(LINK.findall(text(ROOT / "docs" / "index.md")))
    assert {path.name for path in PAGES if path.parent.name == "docs"} - {"index.md"} <= linked


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_pictures_are_there_and_small(path):
    for target in re.findall(r'!\[[^\]]+\]\(([^)]+)\)|src(?:set)?="([^"]+)"', text(path)):
        picture = path.parent / next(filter(None, target))
        assert picture.exists(), target
        assert picture.stat().st_size < 200_000, target


@pytest.mark.parametrize("path", [path for path in PAGES if name(path) not in MADE], ids=name)
def test_page_praises_nothing_and_shouts_nowhere(path):
    words = re.sub(r"!\[", "[", CODE.sub("", prose(path)))
    assert "!" not in words.replace("<!--", "")
    assert not re.search(r"\b(powerful|seamless|easily|simply|blazing|awesome)\b", words, flags=re.IGNORECASE)


# ---- made from the code ---------------------------------------------------------------------------------------------


def test_catalogue_page_is_fresh():
    assert text(catalogue.PAGE) == catalogue.page(), "run: python -m docs"


def test_catalogue_page_has_every_kpi():
    found = set(re.findall(r'<a id="(\w+)">', text(catalogue.PAGE)))
    assert {item.id for item in catalog.KPIS} <= found


@pytest.fixture(scope="module")
def executed():
    return notebook.executed()


def test_notebook_runs_without_an_error(executed):
    assert all(cell.get("execution_count") for cell in executed.cells if cell.cell_type == "code")


def test_notebook_shows_what_it_shows_today(executed):
    kept = notebook.texts(notebook.read())
    assert kept == notebook.texts(executed), "run: python -m docs"


def test_notebook_is_small():
    assert notebook.PAGE.stat().st_size < 250_000


# ---- what the pages name --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_tables_page_has_the_columns_of_the_code(table):
    cells = [row[0] for row in rows(section(ROOT / "docs" / "tables.md", table))]
    assert {column for cell in cells for column in CODE.findall(cell)} == {*TABLES[table].columns}
    needed = [column for cell in cells for column in re.findall(r"\*\*`(\w+)`\*\*", cell)]
    assert sorted(needed) == sorted(TABLES[table].required)


def test_readme_names_the_columns_that_tables_need():
    for table, _, needed, _ in rows(section(README, "What it reads")):
        found = CODE.findall(table)[0]
        assert set(CODE.findall(needed)) == {*TABLES[found].required}


def test_readme_commands_are_in_the_makefile():
    targets = set(re.findall(r"^([a-z]+):.*## ", text(ROOT / "Makefile"), flags=re.MULTILINE))
    listed = re.search(r"`make` alone lists the rest: (.*?)\.\s", text(README), flags=re.DOTALL)
    named = {*re.findall(r"\bmake ([a-z]+)\b", text(README)), *CODE.findall(listed.group(1))}
    assert {"app", "test"} <= named <= targets


def test_readme_files_exist():
    assert all((ROOT / found).exists() for found in ("app.py", "requirements/app.txt", "requirements/test.txt"))
    for found in re.findall(r"requirements[\\/]\w+\.txt", text(README)):
        assert (ROOT / found.replace("\\", "/")).exists(), found


def test_ids_in_prose_are_in_the_catalogue():
    listed = section(ROOT / "docs" / "concepts.md", "Where definitions disagree")
    assert set(CODE.findall(listed)) <= {*catalog.kpis(STAGES)}


def test_concepts_page_has_every_status():
    listed = section(ROOT / "docs" / "concepts.md", "Undefined, with a reason")
    assert {*CODE.findall(listed)} == {*STATUSES} - {"ok"}


def test_concepts_page_has_thirteen_rules():
    listed = section(ROOT / "docs" / "concepts.md", "The thirteen rules")
    assert re.findall(r"^(\d+)\. ", listed, flags=re.MULTILINE) == [str(number) for number in range(1, 14)]


def test_workspace_page_has_every_key_and_answer():
    page = text(ROOT / "docs" / "workspace.md")
    said = {CODE.findall(row[0])[0]: CODE.findall(row[1]) for row in rows(page)}
    assert {*said} == {item.name for item in (*fields(kpi.Profile), *fields(kpi.Assumptions))}
    assert {axis: tuple(said[axis]) for axis in CHOICES} == CHOICES
    assert tuple(said["channels"]) == tuple(CHANNELS)


def test_workspace_page_shows_a_file_that_loads():
    shown = re.search(r"^```json\n(.*?)^```", text(ROOT / "docs" / "workspace.md"), flags=re.MULTILINE | re.DOTALL)
    assert Workspace.from_json(shown.group(1)).assumptions.margin == 0.8
    assert json.loads(shown.group(1))["version"] == 1


def test_changelog_tells_of_this_version():
    assert f"## [{kpi.__version__}]" in text(ROOT / "CHANGELOG.md")
    counted = re.search(r"^- (\d+) KPIs", text(ROOT / "CHANGELOG.md"), flags=re.MULTILINE)
    assert int(counted.group(1)) == len(catalog.KPIS)

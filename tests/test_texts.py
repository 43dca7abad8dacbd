"""Every word that a user reads is there, in one place, and its gaps can be filled."""

import ast
import re
import string
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from kpi import catalog, texts
from kpi.assumptions import STAGES, Assumptions
from kpi.grid import ARCHETYPES, AXES, CHANNELS, CHOICES, EXCLUSIONS
from kpi.query import STATUSES
from kpi.selection import UNSHOWN
from kpi.tables import TABLES

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "kpi" / "texts"
FILES = sorted(FOLDER.glob("*/*.po"))
LANGUAGES = sorted({path.parent.name for path in FILES})
PARTS = ("name", "meaning", "why", "formula", "measure", "export", "improve", "pitfalls", "source")
FAMILIES = ("stage_conversion", "time_in_stage")


def file_id(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def messages(path: Path):
    """The messages of a file with their keys, the header left out."""
    with path.open("rb") as file:
        return [message for message in read_po(file, locale=path.parent.name, abort_invalid=True) if message.id]


def key(message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def said(message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


ENGLISH = {key(message): said(message) for path in FILES if path.parent.name == "en" for message in messages(path)}


# ---- the files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_file_is_a_catalogue_of_its_language(path):
    with path.open("rb") as file:
        catalogue = read_po(file, abort_invalid=True)
    assert str(catalogue.locale) == path.parent.name
    assert len(catalogue) > 0
    assert catalogue.obsolete == {}
    assert not any(message.fuzzy for message in catalogue if message.id)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_key_is_there_once_in_all_files(lang):
    """Counted in the raw text: a parser keeps the last of two."""
    raw = [path.read_text("utf-8") for path in FILES if path.parent.name == lang]
    ids = Counter(found for text in raw for found in re.findall(r'^msgid "(.+)"$', text, flags=re.MULTILINE))
    assert {found: times for found, times in ids.items() if times > 1} == {}


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_text_is_neither_empty_nor_untrimmed(path):
    for message in messages(path):
        for text in said(message):
            assert text.strip(), key(message)
            assert text == text.strip() or key(message).endswith("and"), key(message)  # what stands between two
            assert "  " not in text, key(message)


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_key_is_a_key_and_no_sentence(path):
    for message in messages(path):
        assert re.fullmatch(r"[\w.-]+", key(message)), key(message)


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_gaps_have_names_and_no_formats(path):
    for message in messages(path):
        for text in said(message):
            for _, gap, spec, conversion in string.Formatter().parse(text):
                assert gap is None or re.fullmatch(r"[a-z_]+", gap), (key(message), gap)
                assert not spec, f"{key(message)}: numbers are formatted before they are said"
                assert not conversion


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_plural_forms_are_all_there(path):
    for message in messages(path):
        if not isinstance(message.id, str):
            with path.open("rb") as file:
                count = read_po(file, locale=path.parent.name).num_plurals
            assert len(said(message)) == count, key(message)


@pytest.mark.parametrize("lang", [lang for lang in LANGUAGES if lang != "en"])
def test_translation_has_the_gaps_of_the_english_text(lang):
    for path in FILES:
        for message in messages(path) if path.parent.name == lang else ():
            assert key(message) in ENGLISH, f"{key(message)} is said in {lang} only"
            assert gaps(said(message)) == gaps(ENGLISH[key(message)]), key(message)


def gaps(forms: list[str]) -> set[str]:
    return {gap for form in forms for _, gap, _, _ in string.Formatter().parse(form) if gap}


# ---- what must be said ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("item", [*(item.id for item in catalog.KPIS), *FAMILIES])
def test_kpi_has_all_its_texts(item):
    missing = [part for part in PARTS if f"kpi.{item}.{part}" not in ENGLISH]
    assert missing == []


@pytest.mark.parametrize("item", catalog.kpis(STAGES).values(), ids=lambda item: item.id)
def test_texts_of_a_kpi_fill_every_gap(item):
    for part in (*PARTS, "abbr"):
        assert not re.search(r"[{}]", texts.kpi_text(item.words, part)), part


def test_no_text_of_a_kpi_that_is_gone():
    named = {found.split(".")[1] for found in ENGLISH if found.startswith("kpi.")}
    assert named - {item.id for item in catalog.KPIS} - {*FAMILIES} == set()


def test_export_names_columns_that_are_there():
    """`leads.won_at` in the text of a KPI is a canonical column."""
    for found, forms in ENGLISH.items():
        if re.fullmatch(r"kpi\.\w+\.export", found):
            for table, column in re.findall(r"`(\w+)\.(\w+)`", forms[0]):
                assert column in TABLES[table].columns, f"{found}: {table}.{column}"


@pytest.mark.parametrize("item", [*(item.id for item in catalog.MEASURES), "entered", "then", "stage_spread"])
def test_measure_has_its_name(item):
    assert f"measure.{item}" in ENGLISH


@pytest.mark.parametrize("item", [item.id for item in catalog.stage_measures(("lead", "visit", "customer"))])
def test_measure_of_own_stages_is_named(item):
    found = texts.measure_text(item)
    assert found
    assert found != item
    assert "{" not in found


def test_no_name_of_a_measure_that_is_gone():
    named = {found.split(".")[1] for found in ENGLISH if found.startswith("measure.")}
    assert named - {item.id for item in catalog.MEASURES} - {"entered", "then", "stage_spread"} == set()


@pytest.mark.parametrize("item", [f"{ladder.id}" for ladder in catalog.LADDERS])
def test_ladder_has_its_name(item):
    assert f"ladder.{item}" in ENGLISH


@pytest.mark.parametrize(("item", "rung"), [(ladder.id, rung) for ladder in catalog.LADDERS for rung in ladder.rungs])
def test_rung_has_its_name(item, rung):
    assert f"ladder.{item}.{rung}" in ENGLISH


@pytest.mark.parametrize("item", sorted(Assumptions.__dataclass_fields__))
def test_assumption_has_its_name(item):
    assert f"assumption.{item}" in ENGLISH


@pytest.mark.parametrize("item", STAGES)
def test_stage_has_its_name(item):
    assert f"stage.{item}" in ENGLISH


@pytest.mark.parametrize("item", CHANNELS)
def test_channel_has_its_name(item):
    assert f"channel.{item}" in ENGLISH


@pytest.mark.parametrize("rule", sorted({row.rule for row in EXCLUSIONS} | {*UNSHOWN}))
def test_rule_that_leaves_a_kpi_out_has_its_sentence(rule):
    assert f"excluded.{rule}" in ENGLISH


@pytest.mark.parametrize("row", EXCLUSIONS, ids=lambda row: row.rule)
def test_sentence_of_a_rule_speaks_of_the_answers_it_looks_at(row):
    assert gaps(ENGLISH[f"excluded.{row.rule}"]) <= {*row.when}


@pytest.mark.parametrize("rule", ["core", "nearest", "goal", "channel", *sorted({axis for axis, _ in AXES})])
def test_rule_that_shows_a_kpi_has_its_sentence(rule):
    assert f"reason.{rule}" in ENGLISH


@pytest.mark.parametrize("archetype", [row.name for row in ARCHETYPES])
def test_archetype_has_its_name(archetype):
    assert f"archetype.{archetype}" in ENGLISH


@pytest.mark.parametrize(("axis", "code"), [(axis, code) for axis, codes in CHOICES.items() for code in codes])
def test_answer_of_a_profile_has_its_name(axis, code):
    assert f"profile.{axis}.{code}" in ENGLISH
    assert f"profile.{axis}" in ENGLISH


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "ok"])
def test_status_has_its_name_and_says_what_to_do(status):
    assert f"status.{status.replace(' ', '_')}" in ENGLISH
    assert f"status.{status.replace(' ', '_')}.help" in ENGLISH


# ---- what is said is there ------------------------------------------------------------------------------------------

CODE = sorted([*ROOT.glob("kpi/**/*.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("app.py")])


def keys_said(path: Path) -> list[tuple[int, str]]:
    """Line and pattern of every key that a file says: a literal, or an f-string with any code in its gaps."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "say":
                found += [(node.lineno, pattern) for pattern in _patterns(node.args[0])]
    return found


def _patterns(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [re.escape(node.value)]
    if isinstance(node, ast.IfExp):
        return _patterns(node.body) + _patterns(node.orelse)
    if isinstance(node, ast.JoinedStr):
        parts = (re.escape(part.value) if isinstance(part, ast.Constant) else r"[\w.]*" for part in node.values)
        return ["".join(parts)]
    return []


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_key_that_is_said_is_there(path):
    lost = [(line, key) for line, key in keys_said(path) if not any(re.fullmatch(key, known) for known in ENGLISH)]
    assert lost == []


def test_helper_sees_keys():
    source = 'say("a.b")\nview.say(f"detail.{part}")\nsay("x" if y else "z")\nsay(name)\n'
    found = [
        pattern
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        for pattern in _patterns(node.args[0])
    ]
    assert found == [r"a\.b", r"detail\.[\w.]*", "x", "z"]


def test_unknown_key_is_an_error():
    with pytest.raises(KeyError, match="nowhere"):
        texts.say("nowhere")

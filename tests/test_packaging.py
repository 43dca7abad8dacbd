"""What is locked, what is shipped, and what a first start may ask for."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
CORE = {"polars", "pyarrow", "narwhals", "babel", "numpy", "scipy", "tzdata"}
HEAVY = {"streamlit", "altair", "pandas", "scipy", "matplotlib", "vl_convert", "anywidget", "duckdb"}

# An address of a package index or of a package file, whatever the host; a place on one person's machine.
REGISTRY = re.compile(rb"https?://[^\s\"'<>)\]]*(?:pypi|pythonhosted|npmjs|artifactory|/simple/|\.whl\b|\.tar\.gz\b)")
MACHINE = re.compile(rb"(?<![\w.:/~-])/(?:home|root|Users|work|opt|mnt)/\w|\b[A-Z]:\\Users\\")


def locked(lock: Path) -> dict[str, tuple[Requirement, int]]:
    """Name → what is locked, and with how many hashes."""
    entries = re.split(r"\n(?=\w)", re.sub(r"^ *#.*\n?", "", lock.read_text("utf-8"), flags=re.MULTILINE).strip())
    found = [(Requirement(entry.split("\\\n")[0]), entry.count("--hash=sha256:")) for entry in entries]
    return {canonicalize_name(requirement.name): (requirement, hashes) for requirement, hashes in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel of this checkout, unpacked."""
    built, unpacked = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("unpacked")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built], cwd=ROOT, check=True)
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        archive.extractall(unpacked)
    return unpacked


def metadata(wheel: Path) -> Message:
    return message_from_bytes(next(wheel.glob("*.dist-info/METADATA")).read_bytes())


@pytest.mark.parametrize("ending", [".po", ".parquet", "workspace.json"])
def test_wheel_holds_every_text_and_sample(wheel, ending):
    sources = {"kpi": ROOT / "kpi", "kpi/sample_data": ROOT / "sample_data"}
    wanted = {f"{to}/{p.relative_to(at).as_posix()}" for to, at in sources.items() for p in at.rglob(f"*{ending}")}
    shipped = {p.relative_to(wheel).as_posix() for p in wheel.rglob(f"*{ending}")}
    assert wanted
    assert shipped == wanted


def test_wheel_holds_kpi_and_its_licence_only(wheel):
    about = f"lead_kpi_explorer-{PROJECT['project']['version']}.dist-info"
    assert {p.name for p in wheel.iterdir()} == {"kpi", about}
    assert not list((wheel / "kpi" / "sample_data").rglob("*.py")), "the generator of the samples is not shipped"
    assert (wheel / about / "licenses" / "LICENSE").exists()


def test_wheel_answers_on_a_sample_away_from_the_checkout(wheel, tmp_path):
    code = """if True:
        from importlib.resources import files
        import kpi
        data = kpi.read(str(files("kpi") / "sample_data" / "b2b_saas"))
        result = kpi.evaluate(kpi.measure(data, by=["channel"]), ["leads"], by="channel")
        kpi.show(result, lang="en")
        print(kpi.__file__, result["value"].sum() > 0)
    """
    env = {**os.environ, "PYTHONPATH": str(wheel)}
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert run.stdout.split() == [str(wheel / "kpi" / "__init__.py"), "True"], run.stderr


def test_version_is_the_same_in_project_wheel_and_changelog(wheel):
    newest = re.search(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    assert newest
    assert PROJECT["project"]["version"] == metadata(wheel)["Version"] == newest[1]


def test_core_installs_no_app_and_no_charts(wheel):
    required = [Requirement(line) for line in metadata(wheel).get_all("Requires-Dist", [])]
    extra = {r.name: str(r.marker) for r in required if "extra ==" in str(r.marker)}
    assert {r.name for r in required} - set(extra) == CORE
    assert extra["streamlit"] == 'extra == "app"'
    assert extra["altair"] == 'extra == "charts"'


def test_import_of_kpi_stays_light():
    code = "import sys, kpi; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY & set(run.stdout.split()) == set()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_everything_locked_is_one_version_with_hashes(lock):
    for requirement, hashes in locked(lock).values():
        assert [s.operator for s in requirement.specifier] == ["=="], requirement
        assert requirement.url is None
        assert hashes > 0, requirement


def test_lock_files_agree_so_that_one_environment_holds_them_all():
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, (requirement, _) in locked(lock).items():
            versions.setdefault(name, set()).add(str(requirement.specifier))
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("lock", "extras", "group"),
    [
        ("app", ["charts", "app"], None),
        ("test", ["charts", "app"], "test"),
        ("check", ["charts", "app"], "check"),
        ("bench", ["charts", "app"], "bench"),
        ("lock", None, "lock"),
    ],
)
def test_lock_file_serves_pyproject(lock, extras, group):
    project = PROJECT["project"]
    lines = list(PROJECT["dependency-groups"][group]) if group else []
    if extras is not None:
        lines += project["dependencies"] + [line for e in extras for line in project["optional-dependencies"][e]]
    entries = locked(ROOT / "requirements" / f"{lock}.txt")
    for wanted in map(Requirement, lines):
        if canonicalize_name(wanted.name) == project["name"]:
            continue
        version = str(entries[canonicalize_name(wanted.name)][0].specifier).removeprefix("==")
        assert wanted.specifier.contains(version), f"{wanted} is locked at {version}: run make lock"


def test_no_file_names_a_registry_or_a_place_on_one_machine():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: no list of files to look through")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    files = [path for name in names if (path := ROOT / name).is_file()]
    found = {
        f"{path.relative_to(ROOT)}: {hit[0]!r}"
        for path in files
        for pattern in (REGISTRY, MACHINE)
        if (hit := pattern.search(path.read_bytes()))
    }
    assert files
    assert found == set()


def test_first_start_neither_asks_for_an_email_nor_reports_usage():
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))
    assert config["server"]["showEmailPrompt"] is False
    assert config["browser"]["gatherUsageStats"] is False


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_names_the_package_when_no_python_will_do(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    old = tmp_path / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    run = subprocess.run(["make", "test", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode != 0
    assert "Found no Python 3.11 or newer" in run.stderr
    assert "python3-venv" in run.stderr

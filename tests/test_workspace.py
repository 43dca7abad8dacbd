"""The workspace file: what it says is understood, and what it cannot say is refused by name, never a crash."""

import datetime as dt
import json

import pytest

from kpi.assumptions import Assumptions
from kpi.profiles import Profile
from kpi.reading import read
from kpi.workspace import Workspace

WRONG = [
    ({"assumptions": []}, "assumptions"),
    ({"assumptions": "margin"}, "assumptions"),
    ({"assumptions": {"margin": "abc"}}, "margin"),
    ({"assumptions": {"margin": True}}, "margin"),
    ({"assumptions": {"margin": float("nan")}}, "margin"),
    ({"assumptions": {"rates": {"USD": "1"}}}, "rates"),
    ({"assumptions": {"rates": {"USD": None}}}, "rates"),
    ({"assumptions": {"rates": ["USD"]}}, "rates"),
    ({"assumptions": {"currency": None}}, "currency"),
    ({"assumptions": {"currency": 7}}, "currency"),
    ({"assumptions": {"zone": ["UTC"]}}, "zone"),
    ({"assumptions": {"grace_days": None}}, "grace_days"),
    ({"assumptions": {"grace_days": 10**400}}, "grace_days"),
    ({"assumptions": {"repeat_days": 1e12}}, "repeat_days"),
    ({"assumptions": {"grace_days": 1.5}}, "grace_days"),
    ({"assumptions": {"sla_minutes": 1e18}}, "sla_minutes"),
    ({"assumptions": {"stages": "lead"}}, "stages"),
    ({"assumptions": {"stages": ["lead", 7]}}, "stages"),
    ({"assumptions": {"stages": [["lead"], "won"]}}, "stages"),
    ({"assumptions": {"lead_event": "form"}}, "lead_event"),
    ({"assumptions": {"qualified": []}}, "qualified"),
    ({"assumptions": {"scopes": {"cpl": ["all"]}}}, "cpl"),
    ({"assumptions": {"scopes": []}}, "scopes"),
    ({"profile": []}, "profile"),
    ({"profile": {"business": "martian"}}, "business"),
    ({"profile": {"business": ["b2b"]}}, "business"),
    ({"profile": {"channels": 5}}, "channels"),
    ({"profile": {"channels": [["email"]]}}, "channel"),
    ({"profile": {"industry": 5}}, "industry"),
    ({"profile": {"colour": "red"}}, "colour"),
    ({"version": "one"}, "version"),
    ({"version": 99}, "version"),
    ({"as_of": 5}, "as_of"),
    ({"as_of": "31 March"}, "as_of"),
    ([], "object"),
    (None, "object"),
]


@pytest.mark.parametrize(("said", "named"), WRONG, ids=lambda value: json.dumps(value)[:40])
def test_wrong_type_is_refused_by_its_key(tmp_path, said, named):
    text = json.dumps(said)
    with pytest.raises(ValueError, match=named):
        Workspace.from_json(text)
    (tmp_path / "leads.csv").write_text("lead_id,created_at\na,2025-01-01\n", "utf-8")
    (tmp_path / "workspace.json").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=rf"workspace\.json.*{named}"):
        read(tmp_path)


@pytest.mark.parametrize("text", ["", "{not json", "[" * 100_000])
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match="JSON"):
        Workspace.from_json(text)


@pytest.mark.parametrize(
    "stage", ["![x](http://evil.example/p.png)", "<b>", "Site visit", "", "7th", "won!", "lead\n", "a" * 41]
)
def test_stage_name_is_a_plain_word(stage):
    """A shared workspace file with an image for a stage made browsers call outside."""
    with pytest.raises(ValueError, match="stage"):
        Assumptions.from_dict({"stages": ["lead", stage]})
    assert Assumptions(stages=("lead", "site_visit", "a" * 40)).stages[1] == "site_visit"


def test_stages_are_twenty_at_most():
    assert len(Assumptions(stages=tuple(f"s{i}" for i in range(20))).stages) == 20
    with pytest.raises(ValueError, match="21"):
        Assumptions(stages=tuple(f"s{i}" for i in range(21)))


def test_workspace_survives_its_own_file():
    said = Workspace(
        Profile("b2c", "one_off", ("email",)),
        Assumptions(margin=0.4, rates={"USD": 0.9}, stages=("lead", "visit", "customer"), scopes={"cpl": "all"}),
        dt.date(2025, 3, 31),
        "shop",
    )
    assert Workspace.from_json(said.to_json()) == said

"""The workspace file: what a user has said about a business, as JSON without any of its rows."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field, replace
from typing import Any

from kpi.assumptions import Assumptions
from kpi.profiles import Profile
from kpi.tables import Dataset

VERSION = 1


@dataclass(frozen=True)
class Workspace:
    """Profile, assumptions and export date: everything that is not in the files, and nothing that is.

    Example:
        >>> Workspace.from_json(Workspace(Profile("b2c", "one_off")).to_json()).profile.business
        'b2c'
    """

    profile: Profile = field(default_factory=Profile)
    assumptions: Assumptions = field(default_factory=Assumptions)
    as_of: dt.date | None = None
    name: str = ""

    def to_json(self) -> str:
        """The file's text."""
        plain: dict[str, Any] = {"version": VERSION, "name": self.name, "profile": self.profile.to_dict()}
        plain["assumptions"] = self.assumptions.to_dict()
        if self.as_of:
            plain["as_of"] = self.as_of.isoformat()
        return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Workspace:
        """The workspace of a file's text.

        Raises:
            ValueError: If it is no JSON, of a newer version, or says something unknown or of the wrong type.
        """
        plain = parsed(text)
        return cls(
            _profile(plain.get("profile", {})),
            Assumptions.from_dict(plain.get("assumptions", {})),
            _day(plain.get("as_of")),
            str(plain.get("name", "")),
        )

    def applied(self, data: Dataset) -> Dataset:
        """The data under this workspace's assumptions and export date."""
        return replace(data, assumptions=self.assumptions, as_of=self.as_of or data.as_of)


def parsed(text: str) -> dict[str, Any]:
    """The object that a workspace file holds.

    Raises:
        ValueError: If it is no JSON, no object, or of a newer version.
    """
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a workspace file, no JSON: {error}") from error
    if not isinstance(plain, dict):
        raise ValueError("not a workspace file: it should hold an object, with profile and assumptions")
    version = plain.get("version", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise ValueError(f"not a workspace file of version {VERSION} or older: version is {version!r}")
    return plain


def _profile(said: object) -> Profile:
    if not isinstance(said, dict):
        raise ValueError(f"profile is {said!r}; it should be an object such as {{'business': 'b2b'}}")
    channels, industry = said.get("channels", []), said.get("industry")
    if not isinstance(channels, list):
        raise ValueError(f"channels is {channels!r}; it should be a list of codes")
    if not isinstance(industry, str | None):
        raise ValueError(f"industry is {industry!r}; it should be a text")
    return Profile.from_dict(said)


def _day(said: object) -> dt.date | None:
    try:
        return None if said is None else dt.date.fromisoformat(said if isinstance(said, str) else "")
    except ValueError as error:
        raise ValueError(f"as_of is {said!r}; write the export date as 2026-10-31") from error

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
            ValueError: If it is no JSON, of a newer version, or says something unknown.
        """
        plain = json.loads(text)
        if not isinstance(plain, dict) or plain.get("version", VERSION) > VERSION:
            raise ValueError(f"not a workspace file of version {VERSION} or older")
        said = plain.get("as_of")
        return cls(
            Profile.from_dict(plain.get("profile", {})),
            Assumptions.from_dict(plain.get("assumptions", {})),
            dt.date.fromisoformat(said) if said else None,
            str(plain.get("name", "")),
        )

    def applied(self, data: Dataset) -> Dataset:
        """The data under this workspace's assumptions and export date."""
        return replace(data, assumptions=self.assumptions, as_of=self.as_of or data.as_of)

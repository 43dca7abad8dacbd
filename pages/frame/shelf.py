"""A shelf: what was made of one data set, each thing once, the oldest of its kind put away first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Any

MOST = {"cube": 12, "rows": 4}
"""How many of a kind are kept; of any other, many."""
_MANY = 2000


@dataclass
class _Entry:
    lock: RLock = field(default_factory=RLock)
    made: bool = False
    value: Any = None


class Shelf:
    """Keeps values by kind and name. Two visitors who ask for the same at once wait for one making of it.

    Example:
        >>> shelf = Shelf()
        >>> shelf.get("cube", "a", lambda: 1), shelf.get("cube", "a", lambda: 2)
        (1, 1)
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._kinds: dict[str, OrderedDict[Hashable, _Entry]] = {}

    def get(self, kind: str, name: Hashable, make: Callable[[], Any]) -> Any:
        """What stands there, made now if it does not; an error is not kept."""
        entry = self._entry(kind, name)
        with entry.lock:
            if not entry.made:
                entry.value, entry.made = make(), True
            return entry.value

    def _entry(self, kind: str, name: Hashable) -> _Entry:
        with self._lock:
            entries = self._kinds.setdefault(kind, OrderedDict())
            entry = entries.setdefault(name, _Entry())
            entries.move_to_end(name)
            while len(entries) > MOST.get(kind, _MANY):
                entries.popitem(last=False)
            return entry

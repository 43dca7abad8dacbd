"""Uploaded files on disk: one folder per token, gone two hours after their last use. Knows nothing of Streamlit."""

import atexit
import contextlib
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

KEEP = 2 * 60 * 60.0
"""Seconds that an upload is kept after its last use."""

PREFIX = "kpi-uploads-"
MB = 2**20
_LOCK = ".lock"
_SPARE = 500 * MB  # disk space that uploads leave to others


class Upload(Protocol):
    """What a browser sent: a name, a size in bytes, and bytes to read."""

    name: str
    size: int

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Goes to a byte."""


@dataclass(frozen=True)
class Limits:
    """Caps of one visitor's upload; sizes in MB of 2**20 bytes."""

    file_mb: float = 200
    total_mb: float = 400
    files: int = 20


@dataclass(frozen=True)
class File:
    """An uploaded file. `name` is what the visitor calls it: shown and matched, never used as a path."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True)
class Folder:
    """A visitor's files. `key` cannot be guessed and changes with the files: key caches by it, never by the token."""

    key: str
    path: Path
    files: tuple[File, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Why files were not taken: a key of the texts, and the values for its gaps.

    `upload.empty` (name), `upload.too_large` (name, mb, limit_mb), `upload.too_many` (count, limit),
    `upload.too_much` (mb, limit_mb), `upload.no_space` (mb).
    """

    code: str
    values: dict[str, str | float]


class Refused(Exception):
    """The files were not taken; nothing of them was kept."""

    def __init__(self, code: str, **values: str | float) -> None:
        """Refuses with a key of the texts and the values for its gaps."""
        super().__init__(code)
        self.refusal = Refusal(code, values)


class Store:
    """Folders by token, in one private temporary folder of this process."""

    def __init__(self, limits: Limits | None = None, keep: float = KEEP, now: Callable[[], float] = time.time) -> None:
        """Makes the folder and removes what dead processes left behind.

        Args:
            limits: Caps per token.
            keep: Seconds that a folder is kept after its last use.
            now: Seconds since some start; a clock that goes on while the machine sleeps.
        """
        self.limits = limits or Limits()
        self._keep, self._now = keep, now
        self._held: dict[str, tuple[Folder, float]] = {}
        self._guard = threading.RLock()
        self._timer: threading.Timer | None = None
        remove_leftovers()
        self.root = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = (self.root / _LOCK).open("w")
        _try_lock(self._lock)
        atexit.register(self.close)

    def open(self, token: str) -> Folder | None:
        """The folder of a token, and two more hours for it; None for a token that is unknown or too old."""
        with self._guard:
            self.sweep()
            if token not in self._held:
                return None
            folder, _ = self._held[token]
            self._held[token] = folder, self._now()
            return folder

    def add(self, token: str, uploads: Sequence[Upload]) -> Folder:
        """The token's folder with the files added; one of the same name is replaced.

        Raises:
            Refused: If a cap would be passed, a file is empty, or the disk is full. Nothing is added then.
        """
        held = self.open(token)
        _check(held.files if held else (), uploads, self.limits)
        folder = held or Folder("", self.root / secrets.token_hex(8))
        written = _write(folder.path, uploads)
        with self._guard:  # another tab with this token may have added files meanwhile
            before = self._held[token][0].files if token in self._held else ()
            try:
                _check(before, written, self.limits)
            except Refused:
                _unlink(written)
                raise
            names = {file.name for file in written}
            files = (*(file for file in before if file.name not in names), *written)
            folder = replace(folder, key=secrets.token_hex(16), files=files)
            self._held[token] = folder, self._now()
            self._wake_in(self._keep)
        _unlink(file for file in before if file.name in names)
        return folder

    def remove(self, token: str) -> Folder | None:
        """What the token's folder was; its files are gone."""
        with self._guard:
            folder, _ = self._held.pop(token, (None, 0.0))
        if folder:
            shutil.rmtree(folder.path, ignore_errors=True)
        return folder

    def sweep(self) -> None:
        """Removes the folders whose time is over."""
        with self._guard:
            oldest = self._now() - self._keep
            for token in [token for token, (_, used) in self._held.items() if used < oldest]:
                self.remove(token)

    def close(self) -> None:
        """Removes everything."""
        atexit.unregister(self.close)
        with self._guard:
            if self._timer:
                self._timer.cancel()
            self._held.clear()
            self._lock.close()
            shutil.rmtree(self.root, ignore_errors=True)

    def _wake_in(self, seconds: float) -> None:
        """Keeps the promise of two hours on a server that nobody visits meanwhile."""
        if self._timer and self._timer.is_alive():
            return
        self._timer = threading.Timer(seconds, self._wake)
        self._timer.daemon = True
        self._timer.start()

    def _wake(self) -> None:
        with self._guard:
            self.sweep()
            self._timer = None
            if self._held:
                oldest = min(used for _, used in self._held.values())
                self._wake_in(max(oldest + self._keep - self._now(), 1.0))


def remove_leftovers() -> None:
    """Removes the upload folders of processes that died without tidying up."""
    for root in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # not ours, in use, or gone meanwhile
            with (root / _LOCK).open("r+") as lock:
                _try_lock(lock)
            shutil.rmtree(root)


def _try_lock(lock: IO[str]) -> None:
    """Holds the file until it is closed. Raises OSError while a living process holds it."""
    if fcntl:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]


def _check(held: Sequence[File], new: Sequence[Upload | File], limits: Limits) -> None:
    for file in new:
        if not file.size:
            raise Refused("upload.empty", name=file.name)
        if file.size > limits.file_mb * MB:
            raise Refused("upload.too_large", name=file.name, mb=file.size / MB, limit_mb=limits.file_mb)
    names = {file.name for file in new}
    kept = [file.size for file in held if file.name not in names]
    if (count := len(kept) + len(new)) > limits.files:
        raise Refused("upload.too_many", count=count, limit=limits.files)
    if (total := sum(kept) + sum(file.size for file in new)) > limits.total_mb * MB:
        raise Refused("upload.too_much", mb=total / MB, limit_mb=limits.total_mb)


def _write(folder: Path, uploads: Sequence[Upload]) -> tuple[File, ...]:
    """The files, under names of our own in the folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    size = sum(upload.size for upload in uploads)
    if shutil.disk_usage(folder).free < size + _SPARE:
        raise Refused("upload.no_space", mb=size / MB)
    files: list[File] = []
    try:
        for upload in uploads:
            files.append(File(upload.name, folder / f"{secrets.token_hex(8)}{_suffix(upload.name)}", upload.size))
            upload.seek(0)
            with files[-1].path.open("wb") as target:
                shutil.copyfileobj(upload, target, MB)
    except OSError as error:
        _unlink(files)
        raise Refused("upload.no_space", mb=size / MB) from error
    return tuple(files)


def _suffix(name: str) -> str:
    """The extension, when it is a plain one: readers look at it."""
    found = re.search(r"\.[a-z0-9]{1,8}$", name.lower())
    return found.group() if found else ""


def _unlink(files: Iterable[File]) -> None:
    for file in files:
        with contextlib.suppress(OSError):  # still read on Windows: goes with its folder
            file.path.unlink()

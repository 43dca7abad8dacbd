"""The real server, on a free port of this machine, stopped afterwards."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
_PATIENCE = 60.0


@dataclass(frozen=True)
class Server:
    """A running app: its address without a slash at the end, its process, and the file that holds its output."""

    url: str
    process: psutil.Process
    log: Path

    def cpu(self) -> float:
        """Seconds of CPU that it has used so far."""
        used = self.process.cpu_times()
        return float(used.user + used.system)

    def megabytes(self) -> float:
        """Its memory now."""
        return float(self.process.memory_info().rss) / 1e6


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """The app as it is served, for as long as the block lasts.

    Raises:
        RuntimeError: If it does not answer in time; says what it printed.
    """
    port = _free_port()
    options = ("server.headless=true", "server.address=127.0.0.1", f"server.port={port}")
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *(f"--{option}" for option in options)]
    with tempfile.TemporaryDirectory(prefix="kpi-bench-") as folder, (Path(folder) / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        server = Server(f"http://127.0.0.1:{port}", psutil.Process(process.pid), Path(log.name))
        try:
            if not _answers(server.url, process):
                raise RuntimeError(f"no answer from {server.url} within {_PATIENCE:g} s:\n{server.log.read_text()}")
            yield server
        except RuntimeError as error:
            error.add_note(f"The server's output ends with:\n{server.log.read_text()[-4000:]}")
            raise
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
            return True
        time.sleep(0.1)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""A visitor without a browser: speaks Streamlit's own protocol over a websocket and times its clicks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol


@dataclass(frozen=True)
class Click:
    """A view that somebody asks for: a page and the choices in its URL."""

    page: str
    choices: tuple[tuple[str, str], ...]

    @property
    def query(self) -> str:
        """The query string of its link."""
        return urlencode(self.choices)


@dataclass
class Visitor:
    """One session of the app.

    Attributes:
        socket: Its connection.
        pages: Page name → the hash that asks for it, learned from the first answer.
    """

    socket: ClientConnection
    pages: dict[str, str] = field(default_factory=dict)

    async def ask(self, click: Click, patience: float = 60) -> float:
        """Seconds from asking for a view until the server has sent all of it.

        Raises:
            RuntimeError: If the page shows an error.
            TimeoutError: If it does not finish within `patience` seconds.
        """
        wish = BackMsg()
        wish.rerun_script.query_string = click.query
        if click.page in self.pages:
            wish.rerun_script.page_script_hash = self.pages[click.page]
        else:
            wish.rerun_script.page_name = click.page
        started = time.perf_counter()
        await self.socket.send(wish.SerializeToString())
        async with asyncio.timeout(patience):
            await self._finished(click)
        return time.perf_counter() - started

    async def _finished(self, click: Click) -> None:
        answer = ForwardMsg()
        while True:
            answer.ParseFromString(bytes(await self.socket.recv(decode=False)))
            kind = answer.WhichOneof("type")
            if kind == "navigation":
                self.pages = {
                    page.url_pathname or "start": page.page_script_hash for page in answer.navigation.app_pages
                }
            elif kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
                raise RuntimeError(f"{click}: {answer.delta.new_element.exception.message}")
            elif kind == "script_finished" and answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return


@contextlib.asynccontextmanager
async def visit(url: str) -> AsyncIterator[Visitor]:
    """A visitor of a server of this machine, gone afterwards."""
    address = url.replace("http://", "ws://") + "/_stcore/stream"
    async with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None, compression=None) as socket:
        yield Visitor(socket)

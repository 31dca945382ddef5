"""A double of the model's HTTP server that says what a test tells it to, and knows when its client has gone."""

from __future__ import annotations

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from language_model_process import Endpoint

KEY: Final = "key-of-the-test"
DEADLINE_S: Final = 10.0


def piece(text: str | None, *, finish: str | None = None) -> str:
    """Gives one event with a piece of text."""
    return "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}) + "\n\n"


DONE: Final = "data: [DONE]\n\n"


class ModelServerDouble:
    """Answers every request with `events`; then ends the stream, or holds it open where `holds` is set."""

    def __init__(self, events: Sequence[str] = (), *, status: str = "200 OK", holds: bool = False) -> None:
        """Nothing listens yet."""
        self.events = events
        self.requests: list[dict[str, Any]] = []
        self.closed_by_client = asyncio.Event()
        self._status = status
        self._holds = holds
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        """Listens on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stops listening."""
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def endpoint(self) -> Endpoint:
        """Says where it is."""
        assert self._server is not None
        return Endpoint(url=f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}", key=KEY)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            async with asyncio.timeout(DEADLINE_S):
                self.requests.append(await self._read(reader))
                writer.write(f"HTTP/1.1 {self._status}\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".encode())
                for event in self.events:
                    writer.write(event.encode())
                    await writer.drain()
                if self._holds and not await reader.read():
                    self.closed_by_client.set()
        finally:
            writer.close()

    async def _read(self, reader: StreamReader) -> dict[str, Any]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert f"authorization: bearer {KEY}" in head
        assert head.startswith("post /v1/chat/completions ")
        length = next(int(line.partition(":")[2]) for line in head.splitlines() if line.startswith("content-length:"))
        request: dict[str, Any] = json.loads(await reader.readexactly(length))
        return request

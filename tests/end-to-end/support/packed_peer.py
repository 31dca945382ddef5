"""A bare WebSocket client that speaks MessagePack, from the packages `websockets` and `msgspec`.

Purpose: starts a run, leaves in its middle, resumes, and writes to stdout, as JSON with bytes in hexadecimal, what the gateway said. It is
an independent peer: it uses nothing of the Python SDK. Argument: the address of a route.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

RECEIVE_S_MAX: Final = 10.0
PROTOCOL: Final = Subprotocol("trunkline.v1.msgpack")


async def receive_until(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Gives the next message of this type."""
    async with asyncio.timeout(RECEIVE_S_MAX):
        while True:
            frame = await socket.recv()
            if not isinstance(frame, bytes):
                raise TypeError("a text came")
            message: dict[str, Any] = msgspec.msgpack.decode(frame)
            if message["type"] == kind:
                return message


async def converse(url: str) -> dict[str, Any]:
    """Gives the run's events as they came live, and again after a resume."""
    said: dict[str, Any] = {}
    async with connect(url, subprotocols=[PROTOCOL]) as socket:
        await socket.send(msgspec.msgpack.encode({"type": "hello"}))
        welcome = (await receive_until(socket, "welcome"))["payload"]
        ask = {"type": "user_message", "id": "p1", "payload": {"sketch": b"\x00\xff"}}
        await socket.send(msgspec.msgpack.encode(ask))
        said["own"] = (await receive_until(socket, "user_message"))["payload"]
        text = await receive_until(socket, "run_event")
        said["live"] = (await receive_until(socket, "image"))["payload"]
        said["types"] = (await receive_until(socket, "types"))["payload"]
    hello = {"session": welcome["session"], "secret": welcome["secret"], "resume": {text["channel"]: text["pos"]}}
    async with connect(url, subprotocols=[PROTOCOL]) as socket:
        await socket.send(msgspec.msgpack.encode({"type": "hello", "payload": hello}))
        said["verdict"] = (await receive_until(socket, "welcome"))["payload"]["channels"][text["channel"]]["verdict"]
        said["again"] = (await receive_until(socket, "image"))["payload"]
        said["end"] = (await receive_until(socket, "run_completed"))["payload"]
    said["text"] = text["payload"]["text"]
    return said


if __name__ == "__main__":
    json.dump(asyncio.run(converse(sys.argv[1])), sys.stdout, default=lambda raw: raw.hex())

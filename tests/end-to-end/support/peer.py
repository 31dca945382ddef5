"""A bare WebSocket client that speaks dialect `payload`, from the package `websockets`.

Purpose: plays one conversation against a gateway and writes to stdout, as one JSON object, what the gateway said. It is an independent
peer: it uses nothing of the Python SDK. Arguments: the gateway's address (`ws://host:port`) and a question.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect

RECEIVE_S_MAX: Final = 10.0
ENDS: Final = ("llm_response", "error")


async def receive(socket: ClientConnection) -> Any:
    """Gives the next message."""
    async with asyncio.timeout(RECEIVE_S_MAX):
        return json.loads(await socket.recv())


async def exchange(socket: ClientConnection, text: str) -> Any:
    """Sends a text and gives the next message."""
    await socket.send(text)
    return await receive(socket)


async def converse(address: str, question: str) -> dict[str, Any]:
    """Gives everything that the gateway said, by what was asked."""
    said: dict[str, Any] = {}
    async with connect(f"{address}/ws") as socket:
        said["greeting"] = await receive(socket)
        said["pong"] = await exchange(socket, json.dumps({"type": "ping", "payload": {"timestamp": 17}}))
        said["health"] = await exchange(socket, json.dumps({"type": "health_check"}))
        await socket.send(json.dumps({"type": "user_message", "payload": {"message": question}, "_tl": {"id": "python-1"}}))
        messages = [await receive(socket)]
        while messages[-1]["type"] not in ENDS:
            messages.append(await receive(socket))
        said["run"] = messages
    async with connect(f"{address}/ws-test") as socket:
        said["echo"] = await exchange(socket, "no JSON: {[ żółć 日本語")
    async with connect(f"{address}/ws/health") as socket:
        said["socket_health"] = await exchange(socket, "")
    return said


if __name__ == "__main__":
    json.dump(asyncio.run(converse(sys.argv[1], sys.argv[2])), sys.stdout)

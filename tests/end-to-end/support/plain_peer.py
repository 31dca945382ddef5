"""A bare WebSocket client for any dialect, from the package `websockets`.

Purpose: plays what it reads from stdin, `[{"send": message, "until": type}, …]`, on one connection to the address that is its argument, and
writes every message that came to stdout, as one JSON list. A text `"$name"` in a message is replaced by what stood under that name last. It
knows nothing of Trunkline.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, Final

from websockets.asyncio.client import connect

RECEIVE_S_MAX: Final = 30.0


async def play(address: str, scene: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gives everything that came."""
    came: list[dict[str, Any]] = []
    known: dict[str, Any] = {}
    async with connect(address, max_size=None) as socket, asyncio.timeout(RECEIVE_S_MAX):
        for step in scene:
            if "send" in step:
                await socket.send(json.dumps(filled(step["send"], known)))
            ended = False
            while not ended:
                message = json.loads(await socket.recv())
                learn(message, known)
                came.append(message)
                ended = message["type"] == step["until"]
    return came


def learn(value: Any, known: dict[str, Any]) -> None:
    """Notes what stands under each name."""
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        learn(inner, known)
    if isinstance(value, dict):
        known.update(value)


def filled(value: Any, known: dict[str, Any]) -> Any:
    """Puts what is known in place of its name."""
    if isinstance(value, dict):
        return {name: filled(inner, known) for name, inner in value.items()}
    return known[value[1:]] if isinstance(value, str) and value.startswith("$") else value


if __name__ == "__main__":
    json.dump(asyncio.run(play(sys.argv[1], json.load(sys.stdin))), sys.stdout)

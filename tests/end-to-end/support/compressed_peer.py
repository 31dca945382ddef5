"""A client that compresses, from the package `websockets`, as it is without options.

Purpose: asks the question that is its second argument at the address that is its first, and writes what it saw to stdout, as JSON. It knows
nothing of Trunkline's own clients.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.typing import Subprotocol

RECEIVE_S_MAX = 30.0


def described(extension: object) -> str:
    """Says what was agreed on."""
    if not isinstance(extension, PerMessageDeflate):
        return "unknown"
    context = "no context" if extension.local_no_context_takeover and extension.remote_no_context_takeover else "context"
    return f"{extension.name}, {extension.remote_max_window_bits} bits, {context}"


async def ask(address: str, question: str) -> dict[str, Any]:
    """Gives what it saw."""
    seen: dict[str, Any] = {"own": "", "answer": ""}
    native = [Subprotocol("trunkline.v1.json")]
    async with connect(address, subprotocols=native, max_size=None) as socket, asyncio.timeout(RECEIVE_S_MAX):
        seen["extensions"] = ", ".join(described(extension) for extension in socket.protocol.extensions)
        await socket.send(json.dumps({"type": "hello"}))
        await socket.send(json.dumps({"type": "user_message", "id": "m1", "payload": {"message": question}}))
        async for text in socket:
            message = json.loads(text)
            match message["type"]:
                case "user_message":
                    seen["own"] = message["payload"]["message"]
                case "run_event":
                    seen["answer"] += message["payload"].get("text", "")
                case "run_completed":
                    break
    return seen


if __name__ == "__main__":
    json.dump(asyncio.run(ask(sys.argv[1], sys.argv[2])), sys.stdout)

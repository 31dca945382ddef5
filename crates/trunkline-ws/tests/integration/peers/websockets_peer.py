"""A client of an echo server that compresses: `websockets_peer.py URI [PARAMETER=NUMBER]`.

Fails unless every message comes back, in the compression that was agreed on.
"""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
)


async def main(uri: str, *arguments: str) -> None:
    parameters = {name: int(value) for name, value in (argument.split("=") for argument in arguments)}
    factory = ClientPerMessageDeflateFactory(**({"client_max_window_bits": True} | parameters))
    async with connect(uri, compression=None, extensions=[factory], max_size=None) as websocket:
        (extension,) = websocket.protocol.extensions
        assert isinstance(extension, PerMessageDeflate)
        assert extension.remote_no_context_takeover and extension.local_no_context_takeover
        assert extension.remote_max_window_bits == parameters.get("server_max_window_bits", 15)
        for length in [0, 1, 125, 126, 1023, 1024, 5000, 65_535, 65_536, 300_000, 1 << 20]:
            text = "".join(f"{number:x} ä " for number in range(length // 2))[:length].ljust(length, "x")
            text = text.encode()[:length].decode(errors="ignore")
            for message in (text, text.encode(), bytes(length)):
                await websocket.send(message)
                assert await websocket.recv() == message, length
        await websocket.send([text[:100], "", text[100:5000], text[5000:]])
        assert await websocket.recv() == text
        await (await websocket.ping())


asyncio.run(main(*sys.argv[1:]))

"""The peer: FastAPI WebSocket endpoints in one process, with what uvicorn chooses by itself and uvloop."""

import socket

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    """Parses every message and sends it back, as an endpoint does that looks at what it gets."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_json(await websocket.receive_json())
    except WebSocketDisconnect:
        pass


@app.websocket("/tokens")
async def tokens(websocket: WebSocket) -> None:
    """Streams as many tokens as it is asked for, a message each, as fast as they are taken."""
    await websocket.accept()
    try:
        while True:
            count = await websocket.receive_json()
            for _ in range(count):
                await websocket.send_json({"type": "token", "text": "token "})
    except WebSocketDisconnect:
        pass


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201 - the address is what this program says
    config = uvicorn.Config(app, loop="uvloop", http="httptools", ws="auto", log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])

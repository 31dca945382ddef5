"""The peer: uWebSockets in one process and one thread, through socketify.

A client's text `<count> <every ms> <bytes>` has so many messages of so many bytes published to all, and then the text `end`.
uWebSockets keeps the subscribers, frames, batches and sends, in C++; Python makes one call for each message. libuv's loop runs
alone: socketify would run asyncio's around it, and have both take turns without rest.
"""

from collections.abc import Iterator
from typing import Any

from socketify import App, OpCode, WebSocket
from socketify.native import ffi, lib
from socketify.uv import UVTimer

TOPIC = "all"

# Messages between two turns of the loop, where they are as fast as they are taken: the window of Trunkline's workers.
BURST = 64

# Bytes that a connection may be behind: more than are ever asked for. uWebSockets skips a connection that has reached it.
BEHIND_MAX = 16 << 20

app = App()
rushed: list[Iterator[None]] = []
# Kept for good: socketify frees a timer's memory while libuv still has it in its list.
timers: list[UVTimer] = []


def publishing(count: int, burst: int, size: int) -> Iterator[None]:
    """Publishes a burst of messages at each step, and the end at the last."""
    message = b"x" * size
    for number in range(1, count + 1):
        app.publish(TOPIC, message, OpCode.TEXT)
        if number % burst == 0:
            yield
    app.publish(TOPIC, b"end", OpCode.TEXT)


def take_request(_socket: WebSocket, text: str, _opcode: OpCode) -> None:
    """Begins to publish what a client asked for."""
    count, every_ms, size = map(int, text.split())
    if every_ms:
        publish_every(every_ms, publishing(count, 1, size))
    else:
        rushed.append(publishing(count, BURST, size))


def publish_every(every_ms: int, steps: Iterator[None]) -> None:
    """Takes a step at once and then one at each turn of a timer, which stops after the last."""

    def step(_nothing: None) -> None:
        if not taken(steps):
            timer.set_repeat(0)

    timer = app.loop.uv_loop.create_timer(0, every_ms, step, None)
    timers.append(timer)


def taken(steps: Iterator[None]) -> bool:
    """Whether there was a step to take that was not the last."""
    return next(steps, StopIteration) is None


def listen() -> None:
    """Listens on loopback and says where. Socketify's own way frees the address's text before it is read."""
    host = ffi.new("char[]", b"127.0.0.1")
    config = ffi.new("uws_app_listen_config_t *", {"host": host})
    lib.uws_app_listen_with_config(app.SSL, app.app, config[0], announce, ffi.NULL)


@ffi.callback("void(struct us_listen_socket_t *, uws_app_listen_config_t, void *)")
def announce(listener: Any, _config: Any, _nothing: Any) -> None:
    """Says where clients find this."""
    port = lib.us_socket_local_port(app.SSL, listener)
    print(f"listening on 127.0.0.1:{port}", flush=True)  # noqa: T201 - the address is what this program says


def run() -> None:
    """Serves for good: between two bursts, every connection has its turn."""
    while True:
        rushed[:] = [steps for steps in rushed if taken(steps)]
        if rushed:
            app.loop.uv_loop.run_nowait()
        else:
            app.loop.uv_loop.run_once()


if __name__ == "__main__":
    behavior = {
        "max_backpressure": BEHIND_MAX,
        "open": lambda socket: socket.subscribe(TOPIC),
        "message": take_request,
    }
    app.ws("/*", behavior)
    listen()
    run()

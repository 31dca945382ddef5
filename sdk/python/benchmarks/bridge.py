"""Measures one worker over each local transport: `python sdk/python/benchmarks/bridge.py`.

Purpose: the round trip of a small call, one at a time, and the tokens per second of one stream. The gateway is a plain blocking
loop in a process of its own, so that what is measured is the worker; the figures are a bound for what a real gateway can see.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import zmq

from trunkline import Worker, _protocol
from trunkline._protocol import Kind, Message

CALLS = 5_000
TOKENS = 200_000
WINDOW = 1_024
CREDIT_EVERY = 256
ROUNDS = 5

worker = Worker("bench")


@worker.service("echo")
async def echo(payload: str) -> str:
    """Gives its payload back."""
    return payload


@worker.service("tokens")
async def tokens(count: int) -> AsyncIterator[str]:
    """Streams `count` tokens."""
    for _ in range(count):
        yield "token "


@worker.service("cpu")
async def cpu() -> float:
    """Gives the processor seconds that this process has used, ZeroMQ's own threads included."""
    return time.process_time()


class UnixPeer:
    """The gateway's end of a Unix socket."""

    def __init__(self, path: Path) -> None:
        """Listens at `path`."""
        self.payload = b""
        self.address = f"unix://{path}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._decoder = _protocol.StreamDecoder()

    def messages(self) -> Iterator[int]:
        """Gives the kinds of what the worker sends, from its first connection on."""
        self._socket, _ = self._listener.accept()
        while data := self._socket.recv(1 << 18):
            for parts in self._decoder.feed(data):
                self.payload = parts[1]
                yield _kind(parts)

    def send(self, message: Message) -> None:
        """Sends at once."""
        self._socket.sendall(_protocol.frame(_protocol.encode(message)))


class ZmqPeer:
    """The gateway's end of a ROUTER."""

    def __init__(self, path: Path) -> None:
        """Listens at `path`."""
        self.payload = b""
        self.address = f"ipc://{path}"
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.bind(self.address)
        self._worker = b""

    def messages(self) -> Iterator[int]:
        """Gives the kinds of what the worker sends."""
        while True:
            self._worker, *parts = self._socket.recv_multipart()
            self.payload = parts[1]
            yield _kind(parts)

    def send(self, message: Message) -> None:
        """Sends at once."""
        self._socket.send_multipart([self._worker, *_protocol.encode(message)])


def main() -> None:
    """Prints one line for each transport."""
    loop = "uvloop" if "uvloop" in sys.modules or _has_uvloop() else "asyncio"
    machine = f"{platform.python_implementation()} {platform.python_version()}, {loop}, {os.cpu_count()} cores"
    _write(machine)
    _write(f"{CALLS} calls, {TOKENS} tokens, window {WINDOW}, {ROUNDS} rounds (median, min-max)")
    for name, make in (("unix", UnixPeer), ("zeromq", ZmqPeer)):
        with TemporaryDirectory() as folder:
            _measure(name, make(Path(folder) / "bridge"))


def _measure(name: str, peer: UnixPeer | ZmqPeer) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(peer.address,), daemon=True)
    process.start()
    kinds = peer.messages()
    next(kinds)
    peer.send(Message(Kind.WELCOME, meta={"epoch": "bench", "ping_ms": 600_000}))
    corrs = iter(range(2, 10_000_000, 2))
    trips = [_round_trip_us(peer, kinds, corrs) for _ in range(ROUNDS)]
    rates = [_tokens_per_second(peer, kinds, next(corrs)) for _ in range(ROUNDS)]
    cpu_us = _cpu_us_per_token(peer, kinds, corrs)
    process.terminate()
    process.join()
    stream = f"one stream {_spread(rates, ',.0f')} tokens/s, worker CPU {cpu_us:.1f} µs/token"
    _write(f"{name:7} round trip p50 {_spread(trips, '.0f')} µs; {stream}")


def _serve(address: str) -> None:
    worker.run(bridge=address)


def _round_trip_us(peer: UnixPeer | ZmqPeer, kinds: Iterator[int], corrs: Iterator[int]) -> float:
    payload = b'"' + b"x" * 62 + b'"'
    times = []
    for _ in range(CALLS):
        corr = next(corrs)
        started = time.perf_counter()
        peer.send(Message(Kind.CALL, corr, "echo", {"run": f"r{corr}"}, payload))
        next(kinds)
        times.append(time.perf_counter() - started)
        peer.send(Message(Kind.CREDIT, corr, meta={"ack": 1}))
    return statistics.median(times) * 1e6


def _tokens_per_second(peer: UnixPeer | ZmqPeer, kinds: Iterator[int], corr: int) -> float:
    started = time.perf_counter()
    peer.send(Message(Kind.CALL, corr, "tokens", {"run": f"r{corr}", "window": WINDOW}, str(TOKENS).encode()))
    for number, kind in enumerate(kinds, 1):
        if kind == Kind.END:
            peer.send(Message(Kind.CREDIT, corr, meta={"ack": number}))
            break
        if number % CREDIT_EVERY == 0:
            peer.send(Message(Kind.CREDIT, corr, meta={"ack": number}))
    return TOKENS / (time.perf_counter() - started)


def _kind(parts: Sequence[bytes]) -> int:
    """Looks at the second field of the header only: decoding every token would measure this process."""
    return parts[0][2]


def _cpu_us_per_token(peer: UnixPeer | ZmqPeer, kinds: Iterator[int], corrs: Iterator[int]) -> float:
    before = _cpu_s(peer, kinds, next(corrs))
    _tokens_per_second(peer, kinds, next(corrs))
    return (_cpu_s(peer, kinds, next(corrs)) - before) / TOKENS * 1e6


def _cpu_s(peer: UnixPeer | ZmqPeer, kinds: Iterator[int], corr: int) -> float:
    peer.send(Message(Kind.CALL, corr, "cpu", {"run": f"r{corr}"}, b"null"))
    next(kinds)
    peer.send(Message(Kind.CREDIT, corr, meta={"ack": 1}))
    return float(peer.payload)


def _spread(values: list[float], form: str) -> str:
    return f"{statistics.median(values):{form}} ({min(values):{form}}-{max(values):{form}})"


def _has_uvloop() -> bool:
    try:
        import uvloop  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return True


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()

"""The worker: handlers under names, served to a gateway.

Purpose: what an application registers with and runs. It knows signals, the environment and the order of stopping; the protocol is
spoken elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from trunkline._connection import Reconnector
from trunkline._log import Entry, logger
from trunkline._runner import Runner
from trunkline._service import Service
from trunkline._transport import CLOSE_TIMEOUT_S, check_address

DRAIN_DEADLINE_S: Final = 20.0
"""How long open runs may go on after the worker was told to stop; below the 30 s that process managers usually grant. A gateway that
has spawned the worker says itself what it grants."""
UNWIND_DEADLINE_S: Final = 2.0
"""How long cancelled handlers may take to clean up when the worker ends."""
END_S: Final = 2 * UNWIND_DEADLINE_S + CLOSE_TIMEOUT_S
"""How long ending may take after the drain: handlers are cancelled twice, and the connection is closed."""
CONCURRENCY_MAX: Final = 65_536

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Worker:
    """A named set of services.

    ::

        worker = Worker("agents", concurrency=64)

        @worker.service("chat")
        async def chat(ask: Ask, run: Run) -> AsyncIterator[str]:
            async for token in model.stream(ask.message):
                yield token
    """

    def __init__(self, name: str, *, concurrency: int = 64) -> None:
        """Takes the worker's name and how many handlers may run at a time. Nothing is connected yet."""
        if not 1 <= concurrency <= CONCURRENCY_MAX:
            raise ValueError(f"concurrency {concurrency}: 1 to {CONCURRENCY_MAX}")
        self.name = name
        self.concurrency = concurrency
        self._services: dict[str, Service] = {}
        self._instance = secrets.token_hex(8)
        self._stop: asyncio.Event | None = None
        self._drain_deadline_s = DRAIN_DEADLINE_S

    @property
    def services(self) -> Mapping[str, Service]:
        """The registered services by name."""
        return self._services

    def service(
        self, name: str, *, threads: bool = False, idempotent: bool = False, resumable: bool = False, takes_input: bool = False
    ) -> Callable[[Handler], Handler]:
        """Registers the decorated function as service `name`.

        An async generator streams; an async function's value is the result. With `threads=True` it is a plain generator or function, which
        runs in a thread of its own. It takes the payload, decoded into the parameter's type, and optionally the run (`run`, or a
        parameter annotated :class:`Run` or, in a thread, :class:`BlockingRun`).

        `idempotent=True` says that calling it twice does no harm. The gateway then calls it again, in another worker, where this one is
        lost before the call's first event.

        With `resumable=True` the handler may be called again where an earlier attempt was lost while it asked a person (`run.ask`).

        With `takes_input=True` its runs are given what the user says meanwhile (`run.inputs`), on routes that say `while_busy = "steer"`.

        Raises TypeError or ValueError where the function cannot be served.
        """

        def register(handler: Handler) -> Handler:
            if name in self._services:
                raise ValueError(f"service {name!r} is registered twice")
            self._services[name] = Service(
                name, handler, threads=threads, idempotent=idempotent, resumable=resumable, takes_input=takes_input
            )
            return handler

        return register

    def run(self, *, bridge: str | None = None) -> None:
        """Serves until SIGTERM or SIGINT, then drains. A second signal ends the process at once.

        `bridge` is the gateway's address (`unix:///path`, `ipc:///path`, `tcp://host:port`), by default that of the environment
        variable `TRUNKLINE_BRIDGE`. Raises ValueError where there is none, GatewayGone where a spawned worker is left alone.
        """
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self._serve_with_signals(bridge))

    async def serve(self, *, bridge: str | None = None) -> None:
        """Serves inside a running event loop until `stop` is called, then drains. Cancelling it ends the worker without a drain.

        Raises as `run` does.
        """
        address = bridge or os.environ.get("TRUNKLINE_BRIDGE")
        if not address:
            raise ValueError("no bridge address: set TRUNKLINE_BRIDGE or pass one")
        check_address(address)
        if self._stop is not None:
            raise RuntimeError("the worker is serving already")
        self._drain_deadline_s = _drain_deadline_s()
        self._stop = asyncio.Event()
        try:
            await self._serve(address, self._stop)
        finally:
            self._stop = None

    def stop(self) -> None:
        """Lets `serve` take no new calls, finish the open ones for a while, and return. Call it in the serving loop."""
        if self._stop is not None:
            self._stop.set()

    async def _serve(self, address: str, stop: asyncio.Event) -> None:
        spawned = "TRUNKLINE_GENERATION" in os.environ
        if not self._services:
            logger.warning(Entry("worker serves nothing: register functions with @worker.service(…)", worker=self.name))
        runner = Runner(self.name, self._services, concurrency=self.concurrency, instance=self._instance, spawned=spawned)
        reconnector = Reconnector(address, runner, spawned=spawned)
        connecting = asyncio.create_task(reconnector.run(), name="trunkline connection")
        stopping = asyncio.create_task(stop.wait(), name="trunkline stop")
        try:
            await asyncio.wait((connecting, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                await _drain(runner, self._drain_deadline_s)
        finally:
            await _end(runner)
            await reconnector.close()
            connecting.cancel()
            stopping.cancel()
            await asyncio.wait((connecting, stopping))
        if not connecting.cancelled():
            connecting.result()

    async def _serve_with_signals(self, bridge: str | None) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        await self.serve(bridge=bridge)

    def _signalled(self, number: signal.Signals) -> None:
        if self._stop is None or self._stop.is_set():
            logger.warning(Entry("worker ends at once", signal=number.name))
            logging.shutdown()
            os._exit(128 + number)
        logger.info(Entry("worker drains", signal=number.name, deadline_s=self._drain_deadline_s))
        self.stop()


def _drain_deadline_s() -> float:
    """How long open runs may go on: the gateway that spawned this worker says when it kills it."""
    stop_ms = os.environ.get("TRUNKLINE_STOP_MS")
    if stop_ms is None:
        return DRAIN_DEADLINE_S
    return max(0.0, int(stop_ms) / 1000 - END_S)


async def _drain(runner: Runner, deadline_s: float) -> None:
    try:
        async with asyncio.timeout(deadline_s):
            await runner.drain()
    except TimeoutError:
        running, queued = runner.load()
        logger.warning(Entry("drain deadline passed", running=running, queued=queued))


async def _end(runner: Runner) -> None:
    """Cancels what still runs and waits for it, for at most `UNWIND_DEADLINE_S` twice over."""
    runner.stop()
    try:
        async with asyncio.timeout(UNWIND_DEADLINE_S):
            await runner.stopped()
    except TimeoutError:
        tasks = runner.kill()
        logger.warning(Entry("handlers ignore the end", handlers=len(tasks)))
        await asyncio.wait(tasks, timeout=UNWIND_DEADLINE_S)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop

"""Handlers that run in a thread.

Purpose: carries what a thread produces to the event loop, in order, with a bound on how far the thread may run ahead, and carries a
cancel the other way. It does not know runs or credit: whoever pumps the feed waits for those.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from trunkline import _event
from trunkline._event import Spelled
from trunkline.errors import Cancelled

AHEAD_MAX: Final = 64
"""Events that a thread may have produced and the loop not yet taken; enough that neither waits for the other at each one."""


class ThreadFeed:
    """The way from one handler's thread to the loop."""

    def __init__(self) -> None:
        """Belongs to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._taken = threading.Condition()
        self._items: deque[Spelled] = deque()
        self._changed = asyncio.Event()
        self._ended = False
        self._value: Any = None
        self._failure: BaseException | None = None
        self._waited_for: Future[Any] | None = None
        self.is_cancelled = False
        """Whether the thread was told to stop."""

    def put(self, item: Spelled) -> None:
        """Hands over an event; waits while `AHEAD_MAX` are ahead. For the thread. Raises Cancelled."""
        with self._taken:
            self._taken.wait_for(lambda: len(self._items) < AHEAD_MAX or self.is_cancelled)
            self.check()
            self._items.append(item)
            is_first = len(self._items) == 1
        if is_first:
            self.on_loop(self._changed.set)

    def check(self) -> None:
        """Raises Cancelled once the run is cancelled. For the thread."""
        if self.is_cancelled:
            raise Cancelled("the run was cancelled")

    def on_loop(self, callback: Callable[[], object]) -> None:
        """Lets the loop call `callback`; nothing happens once the loop is closed. For the thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback)

    def wait_on_loop(self, work: Callable[[], Any]) -> Any:
        """Lets the loop run the coroutine of `work` and waits for what it gives. For the thread. Raises Cancelled."""
        self.check()
        coroutine = work()
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:
            coroutine.close()
            raise Cancelled("the worker has ended") from None
        with self._taken:
            self._waited_for = future
            if self.is_cancelled:
                future.cancel()
        try:
            return future.result()
        except Exception:
            self.check()
            raise

    def cancel(self) -> None:
        """Tells the thread to stop. For the loop."""
        with self._taken:
            self.is_cancelled = True
            self._taken.notify_all()
            if self._waited_for is not None:
                self._waited_for.cancel()

    async def pump(self, work: Callable[[], Any], produce: Callable[[Spelled], Awaitable[None]]) -> Any:
        """Runs `work` in a thread, gives each of its events to `produce` in order, and gives what `work` returned.

        When it is cancelled, it tells the thread and waits for it. A second cancel leaves the thread behind: it is a daemon, and ends
        with the process.
        """
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._run, work), name="trunkline-handler", daemon=True).start()
        try:
            while (item := await self._take()) is not None:
                await produce(item)
        except BaseException:
            self.cancel()
            await self._wait_for_end()
            raise
        # The end is seen at once, callbacks that the thread gave the loop before only at its next turn: let them go first.
        await asyncio.sleep(0)
        if self._failure is not None:
            raise self._failure
        return self._value

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            self._value = work()
        except BaseException as error:
            self._failure = error
        self._ended = True
        self.on_loop(self._changed.set)

    async def _take(self) -> Spelled | None:
        while True:
            self._changed.clear()
            ended = self._ended  # read before the items: what was put before the end is seen
            with self._taken:
                if self._items:
                    self._taken.notify()
                    return self._items.popleft()
            if ended:
                return None
            await self._changed.wait()

    async def _wait_for_end(self) -> None:
        while not self._ended:
            self._changed.clear()
            if not self._ended:
                await self._changed.wait()


def exhaust(items: Generator[Any, None, Any], feed: ThreadFeed) -> None:
    """Puts every item of a generator into the feed; a cancel is raised where the generator yielded."""
    with contextlib.closing(items):
        advance: Callable[[], Any] = partial(next, items)
        while True:
            try:
                item = advance()
            except StopIteration:
                return
            advance = partial(next, items)
            try:
                feed.put(_event.spell(item))
            except Cancelled as cancelled:
                advance = partial(items.throw, cancelled)

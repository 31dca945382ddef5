"""Runs that another message may stop.

Purpose: knows which runs are at work, and lets them find out that they are to end with what they have. That is less than a cancel: the run
completes, and says what it came to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from trunkline import BlockingRun, Run


class Stopped(Exception):
    """The run is to end with what it has."""


class Stops:
    """The runs of one worker that can be stopped, by realm and id."""

    def __init__(self) -> None:
        """Starts without any."""
        self._asked: dict[tuple[str, str], Event] = {}

    @contextmanager
    def of(self, run: BlockingRun) -> Iterator[Callable[[], None]]:
        """Gives what the run calls now and then: it raises Stopped once the run is stopped, Cancelled once it is cancelled."""
        asked = self._asked[run.realm, run.id] = Event()

        def check() -> None:
            run.check()
            if asked.is_set():
                raise Stopped

        try:
            yield check
        finally:
            del self._asked[run.realm, run.id]

    def stop(self, asking: Run, run_id: str) -> bool:
        """Stops a run of the same realm; false where there is none."""
        asked = self._asked.get((asking.realm, run_id))
        if asked is None:
            return False
        asked.set()
        return True

"""The calls of a worker that are not over.

Purpose: find one of thousands by its corr or by its run in constant time. It does not know what a call does.
"""

from __future__ import annotations

from collections.abc import Iterator

from trunkline._execution import Execution


class OpenCalls:
    """Calls by corr; a run has one at most."""

    def __init__(self) -> None:
        """Begins with none."""
        self._by_corr: dict[int, Execution] = {}
        self._corrs: dict[str, int] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_corr)

    def __iter__(self) -> Iterator[Execution]:
        """Each of them."""
        return iter(self._by_corr.values())

    def __contains__(self, corr: int) -> bool:
        """Whether one has this corr."""
        return corr in self._by_corr

    def get(self, corr: int) -> Execution | None:
        """The one under this corr."""
        return self._by_corr.get(corr)

    def add(self, corr: int, execution: Execution) -> None:
        """Adds one, where its run has none."""
        self._by_corr[corr] = execution
        self._corrs[execution.run_id] = corr

    def remove(self, corr: int) -> None:
        """Removes the one under this corr, which there is."""
        del self._corrs[self._by_corr.pop(corr).run_id]

    def pop_run(self, run_id: str) -> Execution | None:
        """Removes the one of this run, and gives it."""
        corr = self._corrs.pop(run_id, None)
        return None if corr is None else self._by_corr.pop(corr)

    def clear(self) -> None:
        """Removes all."""
        self._by_corr.clear()
        self._corrs.clear()

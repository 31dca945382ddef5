"""The process beside the worker, with programs that behave in all the ways a model's process may."""

from __future__ import annotations

import sys

import pytest

import language_model_process
from language_model_process import Endpoint, ModelProcess, ModelUnavailable

ANNOUNCE = """import sys; print('{"url": "http://127.0.0.1:1", "key": "k"}', flush=True); """


def program(text: str) -> ModelProcess:
    return ModelProcess(sys.executable, "-c", text)


async def test_it_is_ready_once_it_says_where_it_is_and_ends_with_its_stdin() -> None:
    async with program(ANNOUNCE + "sys.stdin.read()") as process:
        assert await process.endpoint() == Endpoint(url="http://127.0.0.1:1", key="k")
        assert not process.has_ended
    assert await process.ended() == 0


async def test_it_is_killed_where_it_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model_process, "END_DEADLINE_S", 0.05)
    async with program(ANNOUNCE + "import signal; signal.pause()") as process:
        await process.endpoint()
    assert await process.ended() == -9


@pytest.mark.parametrize("text", ["", "print('no JSON')", "print('{}')", "raise SystemExit(1)"])
async def test_a_process_that_cannot_load_says_so(text: str) -> None:
    async with program(text) as process:
        with pytest.raises(ModelUnavailable, match="could not be loaded"):
            await process.endpoint()
        await process.ended()
        assert process.has_ended


async def test_loading_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model_process, "LOAD_DEADLINE_S", 0.05)
    async with program("import sys; sys.stdin.read()") as process:
        with pytest.raises(ModelUnavailable, match="in time"):
            await process.endpoint()
        assert await process.ended() == -9


async def test_the_end_of_a_loaded_process_is_noticed() -> None:
    async with program(ANNOUNCE + "sys.exit(7)") as process:
        assert await process.ended() == 7
        assert process.has_ended

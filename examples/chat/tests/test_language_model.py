"""The worker of the demo and its HTTP client, against a double of the model's server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from trunkline import CallFailed, Run
from trunkline.testing import TestClient

import language_model
import language_model_process
from language_model import make_worker
from language_model_client import CUT, http_client
from language_model_process import Endpoint, ModelUnavailable
from tests.model_server import DEADLINE_S, DONE, ModelServerDouble, piece

ROLE = piece(None)
HELLO = (ROLE, piece("Hello"), ": a comment\n\n", piece(" there"), piece(None, finish="stop"), DONE)


@asynccontextmanager
async def guide(endpoint: Callable[[], Awaitable[Endpoint]]) -> AsyncIterator[TestClient]:
    async with http_client() as http, TestClient(make_worker(endpoint, http)) as client:
        yield client


async def failure(endpoint: Callable[[], Awaitable[Endpoint]], payload: Any) -> dict[str, Any]:
    async with guide(endpoint) as client:
        run = client.run("guide", payload)
        with pytest.raises(CallFailed):
            await run
        assert run.error is not None
        return run.error


def shown(request: dict[str, Any]) -> list[str]:
    """What of the conversation stands in a request."""
    return [message["content"] for message in request["messages"][1:]]


async def test_an_answer_is_streamed_in_pieces() -> None:
    async with ModelServerDouble(HELLO) as server, guide(server.endpoint) as client:
        run = client.run("guide", {"message": "Hi"})
        assert [event async for event in run] == ["Hello", " there"]
        assert run.outcome == "completed"
        assert [progress["stage"] for progress in run.progress] == ["reading", "writing"]
        assert server.requests[0]["stream"] is True


async def test_the_model_is_shown_what_the_session_said_before() -> None:
    async with ModelServerDouble(HELLO) as server, guide(server.endpoint) as client:
        for session, question in [("ada", "one"), ("eve", "two"), ("ada", "three")]:
            assert await client.run("guide", {"message": question}, session=session).text() == "Hello there"
        assert shown(server.requests[1]) == ["two"]
        assert shown(server.requests[2]) == ["one", "Hello there", "three"]


async def test_a_cut_answer_says_so() -> None:
    async with ModelServerDouble((piece("And"), piece(None, finish="length"), DONE)) as server, guide(server.endpoint) as client:
        assert await client.run("guide", {"message": "tell me all"}).text() == "And" + CUT


async def test_a_cancel_closes_the_request_and_what_was_said_is_remembered() -> None:
    async with ModelServerDouble((piece("Once"),), holds=True) as server, guide(server.endpoint) as client:
        run = client.run("guide", {"message": "a story"})
        assert await anext(run) == "Once"
        run.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            await run
        async with asyncio.timeout(DEADLINE_S):
            await server.closed_by_client.wait()
        await anext(client.run("guide", {"message": "go on"}))
        assert shown(server.requests[1]) == ["a story", "Once", "go on"]


async def test_a_deadline_closes_the_request_and_an_empty_answer_is_not_remembered() -> None:
    async with ModelServerDouble((ROLE,), holds=True) as server, guide(server.endpoint) as client:
        with pytest.raises(CallFailed, match="deadline_exceeded"):
            await client.run("guide", {"message": "a story"}, deadline_ms=500)
        async with asyncio.timeout(DEADLINE_S):
            await server.closed_by_client.wait()
        server.events = (piece("Yes"),)
        await anext(client.run("guide", {"message": "again"}))
        assert shown(server.requests[-1]) == ["again"]


@pytest.mark.parametrize(
    ("events", "status", "words", "retryable"),
    [
        ((), "503 Service Unavailable", "the language model is not ready (HTTP 503)", True),
        (("{}",), "400 Bad Request", "the language model refused the request (HTTP 400)", False),
        ((), "200 OK", "the language model broke off in the middle of its answer", True),
        ((piece("Half"),), "200 OK", "the language model broke off in the middle of its answer", True),
        (("data: nonsense\n\n",), "200 OK", "the language model broke off", True),
        (('data: {"error": {"message": "secret"}}\n\n',), "200 OK", "the language model failed in the middle of its answer", True),
    ],
)
async def test_a_failing_model_is_told_in_words(events: tuple[str, ...], status: str, words: str, retryable: bool) -> None:
    async with ModelServerDouble(events, status=status) as server:
        error = await failure(server.endpoint, {"message": "Hi"})
    assert (error["code"], error["message"], error["retryable"]) == ("upstream_error", words, retryable)


async def test_a_model_that_is_gone_may_come_back() -> None:
    async with ModelServerDouble() as server:
        place = await server.endpoint()

    async def gone() -> Endpoint:
        return place

    error = await failure(gone, {"message": "Hi"})
    assert (error["message"], error["retryable"]) == ("the language model broke off", True)


async def test_a_model_that_cannot_load_fails_the_run() -> None:
    async def never() -> Endpoint:
        raise ModelUnavailable("the language model could not be loaded")

    error = await failure(never, {"message": "Hi"})
    assert (error["message"], error["retryable"]) == ("the language model could not be loaded", True)


@pytest.mark.parametrize("payload", [{}, {"message": ""}, {"message": 1}, {"message": "x" * 2_001}, {"message": "\u20ac" * 2_000}])
async def test_a_wrong_message_is_a_bad_request(payload: object) -> None:
    async with ModelServerDouble(HELLO) as server:
        assert (await failure(server.endpoint, payload))["code"] == "bad_request"
        assert server.requests == []


class Listener:
    """Hears progress in place of a run's client."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.has_heard_two = asyncio.Event()

    async def progress(self, message: str, *, stage: str) -> None:
        self.heard.append(f"{stage}: {message}")
        if len(self.heard) == 2:
            self.has_heard_two.set()


async def test_whoever_waits_for_the_model_hears_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model, "PROGRESS_EVERY_S", 0.01)
    listener = Listener()
    place = Endpoint(url="http://127.0.0.1:1", key="k")

    async def endpoint() -> Endpoint:
        await listener.has_heard_two.wait()
        return place

    assert await language_model.loaded(endpoint, cast(Run, listener)) == place
    assert listener.heard[0] == "loading: Loading the language model (0 s)"


def test_the_worker_ends_with_failure_where_its_model_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_BRIDGE", "unix:///nowhere/bridge.sock")
    monkeypatch.setattr(language_model_process, "_SERVER", language_model_process._SERVER.with_name("no_such_file.py"))
    assert language_model.main() == language_model.EXIT_MODEL_GONE


def test_a_worker_without_an_address_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRUNKLINE_BRIDGE", raising=False)
    assert language_model.main() == language_model.EXIT_USAGE

"""The worker against a gateway double, over both transports."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway import GatewayDouble, serving
from trunkline import BadRequest, Run, Worker
from trunkline._protocol import Kind


def make_worker(**options: Any) -> Worker:
    worker = Worker("agents", **options)

    @worker.service("count")
    async def count(upto: int) -> AsyncIterator[str]:
        for number in range(upto):
            yield str(number)

    @worker.service("add")
    async def add(numbers: list[int], run: Run) -> int:
        return sum(numbers)

    @worker.service("refuse")
    async def refuse(payload: dict[str, Any]) -> None:
        raise BadRequest("not like this", details={"why": "because"})

    @worker.service("crash")
    async def crash() -> None:
        raise RuntimeError("the secret is 42")

    @worker.service("wait")
    async def wait(run: Run) -> AsyncIterator[str]:
        yield "waiting"
        await asyncio.Event().wait()

    return worker


async def test_hello_names_the_worker_and_its_services(gateway: GatewayDouble) -> None:
    async with serving(make_worker(concurrency=7), gateway.address):
        hello = await (await gateway.accept()).welcome()
    assert hello.name == "agents"
    assert hello.meta["concurrency"] == 7
    assert hello.meta["open"] == []
    services = {service["name"]: service for service in hello.meta["services"]}
    assert services["add"]["input"] == {"type": "array", "items": {"type": "integer"}}
    assert services["wait"] == {"name": "wait"}


async def test_a_stream_is_numbered_and_ends(gateway: GatewayDouble) -> None:
    async with serving(make_worker(), gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        corr = await peer.call("count", 3)
        for number in range(3):
            chunk = await peer.expect(Kind.CHUNK)
            assert (chunk.corr, chunk.meta, chunk.payload) == (corr, {"seq": number, "kind": "text"}, b"%d" % number)
        end = await peer.expect(Kind.END)
        assert (end.corr, end.meta) == (corr, {"seq": 3})


async def test_a_value_is_the_result(gateway: GatewayDouble) -> None:
    async with serving(make_worker(), gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("add", [1, 2, 3])
        result = await peer.expect(Kind.RESULT)
        assert (result.meta, result.payload) == ({"seq": 0}, b"6")


async def test_a_payload_of_the_wrong_shape_is_refused_with_its_path(gateway: GatewayDouble) -> None:
    async with serving(make_worker(), gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("add", [1, "two"])
        error = await peer.expect(Kind.ERROR)
        assert error.meta["code"] == "bad_request"
        assert error.meta["retryable"] is False
        assert error.meta["message"] == "$[1]: Expected `int`, got `str`"
        assert error.meta["details"] == {"path": "$[1]"}


async def test_a_handlers_own_error_reaches_the_client(gateway: GatewayDouble) -> None:
    async with serving(make_worker(), gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("refuse", {})
        error = await peer.expect(Kind.ERROR)
        assert error.meta == {
            "seq": 0,
            "code": "bad_request",
            "message": "not like this",
            "retryable": False,
            "details": {"why": "because"},
        }


async def test_an_unexpected_exception_stays_in_the_log(gateway: GatewayDouble, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(make_worker(), gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("crash")
        error = await peer.expect(Kind.ERROR)
    assert error.meta["code"] == "upstream_error"
    assert "secret" not in json.dumps(error.meta)
    assert error.meta["trace_id"] in caplog.text
    assert "the secret is 42" in caplog.text


async def test_a_coroutine_that_is_not_awaited_is_told_in_the_log(gateway: GatewayDouble, caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker("agents")

    async def think() -> str:
        return "thought"

    forgotten = think()

    @worker.service("forget")
    async def forget() -> Any:
        return forgotten

    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("forget")
        assert (await peer.expect(Kind.ERROR)).meta["code"] == "upstream_error"
    assert "coroutine has no JSON form; is an await missing?" in caplog.text
    await forgotten


async def test_a_worker_without_services_says_so(gateway: GatewayDouble, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Worker("agents"), gateway.address):
        await (await gateway.accept()).welcome()
    assert "worker serves nothing: register functions with @worker.service(…) worker=agents" in caplog.text


async def test_an_unknown_service_is_refused(gateway: GatewayDouble) -> None:
    async with serving(make_worker(), gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("nothing")
        error = await peer.expect(Kind.ERROR)
        assert (error.meta["seq"], error.meta["code"]) == (0, "no_worker")


async def test_cancel_reaches_the_handler_and_the_log(gateway: GatewayDouble, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "trunkline")
    async with serving(make_worker(), gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        corr = await peer.call("wait", run="r7")
        await peer.expect(Kind.CHUNK)
        await peer.send(Kind.CANCEL, corr)
        error = await peer.expect(Kind.ERROR)
    assert (error.meta["seq"], error.meta["code"]) == (1, "cancelled")
    assert "run cancelled run=r7 service=wait reason=asked ended=cancelled took_ms=" in caplog.text


async def test_credit_bounds_what_is_sent(gateway: GatewayDouble) -> None:
    async with serving(make_worker(), gateway.address):
        peer = await gateway.accept()
        await peer.welcome(window=2)
        corr = await peer.call("count", 5)
        assert [(await peer.expect(Kind.CHUNK)).meta["seq"] for _ in range(2)] == [0, 1]
        assert (await peer.ping()).meta["running"] == 1
        await peer.send(Kind.CREDIT, corr, ack=2)
        assert [(await peer.expect(Kind.CHUNK)).meta["seq"] for _ in range(2)] == [2, 3]
        await peer.ping()
        await peer.send(Kind.CREDIT, corr, ack=3)
        assert (await peer.expect(Kind.CHUNK)).meta["seq"] == 4
        assert (await peer.expect(Kind.END)).meta["seq"] == 5
        await peer.send(Kind.CREDIT, corr, ack=6)
        assert (await peer.ping()).meta["running"] == 0


async def test_open_calls_go_on_after_the_gateway_came_back(gateway: GatewayDouble) -> None:
    async with serving(make_worker(), gateway.address):
        peer = await gateway.accept()
        await peer.welcome(window=3)
        corr = await peer.call("count", 6, run="r1")
        for _ in range(3):
            await peer.expect(Kind.CHUNK)
        await peer.send(Kind.CREDIT, corr, ack=1)
        await peer.expect(Kind.CHUNK)
        await gateway.stop()
        await gateway.start()
        peer = await gateway.accept()
        hello = await peer.welcome(resumed=[{"run": "r1", "corr": 100, "ack": 2}])
        assert hello.meta["open"] == [{"run": "r1", "next": 4, "ack": 1, "ended": False}]
        seen = [await peer.expect(Kind.CHUNK) for _ in range(3)]
        assert [(chunk.corr, chunk.meta["seq"], chunk.payload) for chunk in seen] == [(100, 2, b"2"), (100, 3, b"3"), (100, 4, b"4")]
        await peer.send(Kind.CREDIT, 100, ack=5)
        assert (await peer.expect(Kind.CHUNK)).payload == b"5"
        assert (await peer.expect(Kind.END)).meta["seq"] == 6


async def test_a_stopped_worker_drains_and_ends(gateway: GatewayDouble) -> None:
    worker = make_worker()
    async with serving(worker, gateway.address) as task:
        peer = await gateway.accept()
        await peer.welcome(window=1)
        corr = await peer.call("count", 2)
        await peer.expect(Kind.CHUNK)
        worker.stop()
        await peer.expect(Kind.DRAIN)
        await peer.call("count", 1, run="r2")
        refused = await peer.expect(Kind.ERROR)
        assert (refused.meta["code"], refused.meta["retryable"]) == ("no_worker", True)
        await peer.send(Kind.CREDIT, corr, ack=1)
        await peer.expect(Kind.CHUNK)
        await peer.expect(Kind.END)
        await peer.send(Kind.CREDIT, corr, ack=3)
        async with asyncio.timeout(5):
            await task


async def test_a_spawned_worker_drains_within_the_time_that_its_gateway_grants(
    gateway: GatewayDouble, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trunkline")
    # Ending takes at most 5 s after the drain.
    monkeypatch.setenv("TRUNKLINE_STOP_MS", "5000")
    worker = make_worker()
    async with serving(worker, gateway.address) as task:
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("wait", run="r1")
        await peer.expect(Kind.CHUNK)
        worker.stop()
        async with asyncio.timeout(5):
            await task
    assert "drain deadline passed running=1" in caplog.text


async def test_a_run_that_is_called_again_takes_the_place_of_its_earlier_attempt(
    gateway: GatewayDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trunkline")
    async with serving(make_worker(), gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("wait", run="r1")
        await peer.expect(Kind.CHUNK)
        again = await peer.call("add", [1], run="r1", attempt=2)
        assert (await peer.expect(Kind.RESULT)).corr == again
        assert (await peer.ping()).meta["running"] == 0
        assert peer.is_quiet
    assert "run cancelled run=r1 service=wait reason=dropped" in caplog.text


async def test_a_service_says_that_it_may_be_called_twice(gateway: GatewayDouble) -> None:
    worker = Worker("agents")

    @worker.service("look_up", idempotent=True)
    async def look_up(key: str) -> str:
        return key

    @worker.service("book")
    async def book(key: str) -> str:
        return key

    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        hello = await peer.welcome()
        said = {service["name"]: service.get("idempotent") for service in hello.meta["services"]}
        assert said == {"look_up": True, "book": None}

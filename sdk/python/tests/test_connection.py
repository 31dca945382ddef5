"""How a worker meets, loses and leaves its gateway."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import GatewayDouble, UnixGateway, serving
from trunkline import GatewayGone, Run, Worker, _connection
from trunkline._connection import BACKOFF_MAX_S, BACKOFF_MIN_S, Reconnector
from trunkline._execution import LATEST_MAX
from trunkline._protocol import Kind, Message, encode


@pytest.fixture
def worker() -> Worker:
    worker = Worker("agents", concurrency=2)

    @worker.service("count")
    async def count(upto: int) -> AsyncIterator[str]:
        for number in range(upto):
            yield str(number)

    @worker.service("scan")
    async def scan(run: Run) -> None:
        for percentage in range(100):
            await run.progress("scanning", percentage=percentage)
        await asyncio.Event().wait()

    return worker


async def test_a_ping_is_answered_with_the_load(worker: Worker, gateway: GatewayDouble) -> None:
    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        pong = await peer.ping()
        assert (pong.meta["running"], pong.meta["queued"]) == (0, 0)
        assert pong.meta["lag_ms"] >= 0


async def test_an_unknown_peer_says_hello_again_with_its_open_calls(worker: Worker, gateway: GatewayDouble) -> None:
    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome(window=1)
        await peer.call("count", 2)
        await peer.expect(Kind.CHUNK)
        await peer.send(Kind.UNKNOWN_PEER)
        hello = await peer.welcome(resumed=[{"run": "r1", "corr": 50, "ack": 1}])
        assert hello.meta["open"] == [{"run": "r1", "next": 1, "ack": 0, "ended": False}]
        assert (await peer.expect(Kind.CHUNK)).payload == b"1"
        assert (await peer.expect(Kind.END)).corr == 50


async def test_a_dropped_run_is_cancelled_and_says_nothing_more(
    worker: Worker, gateway: GatewayDouble, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "trunkline")
    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome(window=1)
        await peer.call("count", 2)
        await peer.expect(Kind.CHUNK)
        await peer.send(Kind.UNKNOWN_PEER)
        await peer.welcome(dropped=["r1"])
        await peer.ping()
        assert (await peer.ping()).meta["running"] == 0
        assert peer.is_quiet
    assert "run cancelled run=r1 service=count reason=dropped" in caplog.text


async def test_a_terminal_that_was_not_stored_is_sent_again(worker: Worker, gateway: GatewayDouble) -> None:
    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("count", 1)
        await peer.expect(Kind.CHUNK)
        await peer.expect(Kind.END)
        await peer.send(Kind.UNKNOWN_PEER)
        hello = await peer.welcome(resumed=[{"run": "r1", "corr": 50, "ack": 1}])
        assert hello.meta["open"] == [{"run": "r1", "next": 2, "ack": 0, "ended": True}]
        end = await peer.expect(Kind.END)
        assert (end.corr, end.meta) == (50, {"seq": 1})
        await peer.send(Kind.CREDIT, 50, ack=2)
        await peer.send(Kind.UNKNOWN_PEER)
        assert (await peer.welcome()).meta["open"] == []


async def test_a_gateway_that_lost_stored_events_is_told_that_the_run_is_lost(worker: Worker, gateway: GatewayDouble) -> None:
    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome(window=1)
        corr = await peer.call("count", 3)
        await peer.expect(Kind.CHUNK)
        await peer.send(Kind.CREDIT, corr, ack=1)
        await peer.expect(Kind.CHUNK)
        await peer.send(Kind.UNKNOWN_PEER)
        await peer.welcome(resumed=[{"run": "r1", "corr": 50, "ack": 0}])
        error = await peer.expect(Kind.ERROR)
        assert (error.corr, error.meta["seq"], error.meta["code"]) == (50, 0, "worker_lost")


async def test_a_silent_gateway_is_left_and_found_again(worker: Worker, gateway: GatewayDouble) -> None:
    async with serving(worker, gateway.address):
        first = await gateway.accept()
        await first.welcome(ping_ms=50)
        second = await gateway.accept()
        assert (await second.welcome()).name == "agents"


async def test_a_refused_worker_tries_again(worker: Worker, gateway: GatewayDouble, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.expect(Kind.HELLO)
        await peer.send(Kind.ERROR, 0, code="unauthorized", message="the token is not valid")
        await (await gateway.accept()).welcome()
    assert "unauthorized: the token is not valid" in caplog.text


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([b"nonsense", b""], id="header"),
        pytest.param([b"x"] * 17, id="parts"),
        pytest.param(encode(Message(Kind.HELLO)), id="kind"),
        pytest.param(encode(Message(Kind.CALL, 2, "count", {})), id="call without a run"),
    ],
)
async def test_a_gateway_that_breaks_the_protocol_is_left(worker: Worker, tmp_path: Path, parts: list[bytes]) -> None:
    async with UnixGateway(tmp_path / "s") as gateway, serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.send_raw(parts)
        await peer.expect_hang_up()
        await (await gateway.accept()).welcome()


async def test_the_end_of_a_call_that_was_given_up_is_acknowledged(worker: Worker, gateway: GatewayDouble) -> None:
    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.send(Kind.CHUNK, 1, seq=3, kind="text")
        await peer.send(Kind.END, 1, seq=4)
        credit = await peer.expect(Kind.CREDIT)
        assert (credit.corr, credit.meta) == (1, {"ack": 5})


async def test_progress_is_conflated(worker: Worker, gateway: GatewayDouble) -> None:
    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        corr = await peer.call("scan")
        progress = await peer.expect(Kind.EVENT)
        assert (progress.corr, progress.name, progress.payload) == (corr, "progress", b'{"message":"scanning","percentage":99}')
        await peer.ping()
        assert peer.is_quiet


async def test_states_of_other_types_have_a_key_and_are_bounded(worker: Worker, gateway: GatewayDouble) -> None:
    @worker.service("many")
    async def many(run: Run) -> None:
        for number in range(LATEST_MAX + 2):
            await run.latest("file_processing", number, key=f"f{number}")

    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("many")
        states = [await peer.expect(Kind.EVENT) for _ in range(LATEST_MAX)]
        await peer.expect(Kind.RESULT)
    assert [(state.name, state.meta, state.payload) for state in states] == [
        ("file_processing", {"key": f"f{number}"}, b"%d" % number) for number in range(2, LATEST_MAX + 2)
    ]


async def test_progress_needs_no_credit_and_follows_a_reconnect(worker: Worker, gateway: GatewayDouble) -> None:
    away = asyncio.Event()

    @worker.service("step")
    async def step(run: Run) -> AsyncIterator[str]:
        yield "one"
        await away.wait()
        await run.progress("while away")
        yield "two"

    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome(window=1)
        await peer.call("step")
        await peer.expect(Kind.CHUNK)
        await peer.send(Kind.UNKNOWN_PEER)
        await peer.expect(Kind.HELLO)
        away.set()
        resumed = [{"run": "r1", "corr": 50, "ack": 0}]
        await peer.send(Kind.WELCOME, ping_ms=60_000, window=1, resumed=resumed)
        seen = {(await peer.receive()).kind for _ in range(2)}
        assert seen == {Kind.CHUNK, Kind.EVENT}


async def test_a_gateway_drains_the_worker(worker: Worker, gateway: GatewayDouble) -> None:
    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome(window=1)
        corr = await peer.call("count", 2)
        await peer.expect(Kind.CHUNK)
        await peer.send(Kind.DRAIN)
        await peer.call("count", 1, run="r2")
        assert (await peer.expect(Kind.ERROR)).meta["code"] == "no_worker"
        await peer.send(Kind.CREDIT, corr, ack=1)
        await peer.expect(Kind.CHUNK)
        await peer.expect(Kind.END)
        await peer.send(Kind.CREDIT, corr, ack=3)
        await peer.expect(Kind.DRAIN)
        await (await gateway.accept()).welcome()


async def test_a_spawned_worker_ends_once_it_is_drained(worker: Worker, gateway: GatewayDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_GENERATION", "g7")
    async with serving(worker, gateway.address) as task:
        peer = await gateway.accept()
        assert (await peer.welcome()).meta["generation"] == "g7"
        await peer.send(Kind.DRAIN)
        await peer.expect(Kind.DRAIN)
        async with asyncio.timeout(5):
            await task


async def test_a_spawned_worker_ends_when_its_gateway_stays_away(worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_GENERATION", "g7")
    monkeypatch.setattr(_connection, "SPAWNED_ALONE_MAX_S", 0.3)
    with pytest.raises(GatewayGone):
        await worker.serve(bridge=f"unix://{tmp_path / 'nobody'}")


async def test_a_worker_that_is_not_spawned_waits_for_its_gateway(worker: Worker, gateway: GatewayDouble) -> None:
    await gateway.stop()
    async with serving(worker, gateway.address):
        await asyncio.sleep(0)
        await gateway.start()
        await (await gateway.accept()).welcome()


@pytest.mark.parametrize("address", ["", "nowhere", "http://host", "unix://"])
async def test_a_wrong_address_is_refused_at_start(worker: Worker, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRUNKLINE_BRIDGE", raising=False)
    with pytest.raises(ValueError, match="bridge address"):
        await worker.serve(bridge=address)


async def test_a_call_of_a_handler_crosses_the_bridge(worker: Worker, gateway: GatewayDouble) -> None:
    @worker.service("ask")
    async def ask(run: Run) -> str:
        call = run.call("oracle", {"question": 1}, deadline_s=5)
        heard = [event async for event in call]
        return f"{heard} {call.result}"

    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("ask")
        call = await peer.expect(Kind.CALL)
        assert (call.corr, call.name, call.payload) == (1, "oracle", b'{"question":1}')
        assert call.meta == {"run": "r1", "deadline_ms": 5000, "window": 256}
        await peer.send(Kind.CHUNK, 1, payload=b"hm", seq=0, kind="text")
        await peer.send(Kind.RESULT, 1, payload=b"42", seq=1)
        assert (await peer.expect(Kind.CREDIT)).meta == {"ack": 2}
        assert (await peer.expect(Kind.RESULT)).payload == b"\"['hm'] 42\""


async def test_a_call_of_a_handler_fails_with_the_connection(worker: Worker, gateway: GatewayDouble) -> None:
    @worker.service("ask")
    async def ask(run: Run) -> str:
        return str(await run.call("oracle", None))

    async with serving(worker, gateway.address):
        peer = await gateway.accept()
        await peer.welcome()
        await peer.call("ask")
        await peer.expect(Kind.CALL)
        await peer.send(Kind.UNKNOWN_PEER)
        await peer.welcome(resumed=[{"run": "r1", "corr": 50, "ack": 0}])
        assert (await peer.expect(Kind.ERROR)).meta["code"] == "upstream_error"


def test_the_wait_before_a_reconnect_grows_and_is_spread() -> None:
    reconnector = Reconnector("unix:///x", None, spawned=False, jitter=random.Random(7))  # type: ignore[arg-type]  # noqa: S311 - a test's seed
    waits = [[reconnector._backoff_s(tries) for _ in range(200)] for tries in range(12)]
    assert all(BACKOFF_MIN_S <= wait <= BACKOFF_MAX_S for row in waits for wait in row)
    assert max(waits[0]) < 0.21
    assert max(waits[11]) > 4.5
    assert min(waits[11]) < 0.5

"""Handlers that are told what the user says while they run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import Peer, UnixGateway, serving
from trunkline import BlockingRun, CallFailed, Event, Input, Run, Worker
from trunkline._protocol import Kind
from trunkline.testing import TestClient


def painter() -> Worker:
    worker = Worker("tests")

    @worker.service("paint", takes_input=True)
    async def paint(run: Run) -> AsyncIterator[str]:
        yield "Begun. "
        async for message in run.inputs():
            yield f"{message.payload}. "
            if message.payload == "enough":
                return

    return worker


async def until(run: AsyncIterator[str | Event], type: str) -> Event:
    async for event in run:
        if isinstance(event, Event) and event.type == type:
            return event
    raise AssertionError(f"no {type}")


async def test_a_handler_is_given_messages_in_order_and_clients_are_told() -> None:
    async with TestClient(painter()) as client:
        run = client.run("paint")
        ids = [run.send("red"), run.send("blue"), run.send("enough")]
        events = [event async for event in run]
    inputs = [event.payload["input"] for event in events if isinstance(event, Event)]
    assert inputs == ids
    assert [event for event in events if isinstance(event, str)] == ["Begun. ", "red. ", "blue. ", "enough. "]
    place = events.index(Event("run_input", {"input": ids[1]}))
    assert events[place + 1] == "blue. ", "what was taken stands before what follows from it"


async def test_a_handler_looks_between_two_steps_without_waiting() -> None:
    worker = Worker("tests")
    seen: list[list[Input]] = []

    @worker.service("step", takes_input=True)
    async def step(run: Run) -> AsyncIterator[str]:
        for number in range(2):
            yield str(number)
            answer = await run.ask("Go on?")
            assert answer.granted
            seen.append([message async for message in run.inputs(wait=False)])

    async with TestClient(worker) as client:
        run = client.run("step")
        for said in ([], [{"colour": "red"}, b"\x00"]):
            question = await until(run, "run_waiting")
            for payload in said:
                run.send(payload, type="wish", id=f"w{len(said)}-{said.index(payload)}")
            run.answer(question.payload["request_id"], granted=True)
        await run
    assert seen == [[], [Input("w2-0", "wish", {"colour": "red"}), Input("w2-1", "wish", b"\x00")]]


async def test_a_handler_in_a_thread_is_given_messages_and_can_be_cancelled_while_it_waits() -> None:
    worker = Worker("tests")

    @worker.service("paint", threads=True, takes_input=True)
    def paint(run: BlockingRun) -> list[str]:
        assert list(run.inputs(wait=False)) == []
        run.emit("ready", {})
        taken: list[str] = []
        for message in run.inputs():
            taken.append(message.payload)
            if message.payload == "enough":
                break
        return taken

    async with TestClient(worker) as client:
        run = client.run("paint")
        assert await anext(run) == Event("ready", {})
        run.send("red")
        run.send("enough")
        assert await run == ["red", "enough"]
        run = client.run("paint")
        assert await anext(run) == Event("ready", {})
        run.cancel()
        with pytest.raises(CallFailed, match="cancelled"):
            await run


async def test_two_who_wait_share_what_comes() -> None:
    worker = Worker("tests")

    @worker.service("share", takes_input=True)
    async def share(run: Run) -> list[str]:
        async def one() -> str:
            async for message in run.inputs():
                return str(message.payload)
            raise AssertionError("it has no end")

        return sorted(await asyncio.gather(one(), one()))

    async with TestClient(worker) as client:
        run = client.run("share")
        run.send("a")
        run.send("b")
        assert await run == ["a", "b"]


async def test_a_service_that_did_not_say_so_has_no_inputs() -> None:
    worker = Worker("tests")

    @worker.service("deaf")
    async def deaf(run: Run) -> str:
        with pytest.raises(RuntimeError, match="takes_input=True"):
            run.inputs()
        return "ok"

    async with TestClient(worker) as client:
        run = client.run("deaf")
        run.send("never mind")
        assert await run == "ok"


async def give(peer: Peer, corr: int, message: str) -> None:
    await peer.send(Kind.INPUT, corr, payload=f'"{message}"'.encode(), message=message, type="user_message")


@pytest.mark.parametrize("known", [True, False])
async def test_a_message_is_taken_once_whatever_is_sent_again_after_a_loss(tmp_path: Path, known: bool) -> None:
    async with UnixGateway(tmp_path / "bridge.sock") as gateway, serving(painter(), gateway.address):
        peer = await gateway.accept()
        hello = await peer.welcome()
        assert hello.meta["services"][0]["takes_input"] is True
        corr = await peer.call("paint")
        await peer.expect(Kind.CHUNK)
        await give(peer, corr, "red")
        await give(peer, corr, "red")
        taken = await peer.expect(Kind.TAKEN)
        assert taken.meta == {"seq": 1, "message": "red"}
        await peer.expect(Kind.CHUNK)
        if known:
            await peer.send(Kind.CREDIT, corr, ack=3)
        await gateway.stop()
        await gateway.start()
        peer = await gateway.accept()
        await peer.expect(Kind.HELLO)
        ack = 3 if known else 0
        resumed = [{"run": "r1", "corr": 20, "ack": ack}]
        await peer.send(Kind.WELCOME, epoch="e2", ping_ms=60_000, window=16, message_bytes_max=4 << 20, resumed=resumed)
        if not known:
            # A gateway that has not heard that it was taken gives it again.
            await give(peer, 20, "red")
            assert [(await peer.expect(kind)).meta["seq"] for kind in (Kind.CHUNK, Kind.TAKEN, Kind.CHUNK)] == [0, 1, 2]
        await give(peer, 20, "enough")
        assert (await peer.expect(Kind.TAKEN)).meta == {"seq": 3, "message": "enough"}
        assert (await peer.expect(Kind.CHUNK)).payload == b"enough. "
        await peer.expect(Kind.END)

"""The README's examples, run as they stand."""

from __future__ import annotations

import asyncio
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway import UnixGateway
from trunkline import CallFailed, Event, Worker
from trunkline.testing import TestClient

README = Path(__file__).parents[1] / "README.md"
EXAMPLES = {match[1]: match[2] for match in re.finditer(r"```python\n# (\w+)\.py\n(.*?)```", README.read_text(), re.DOTALL)}


@pytest.fixture(autouse=True)
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lays the examples into a folder, from which they can import each other."""
    for name, source in EXAMPLES.items():
        (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in EXAMPLES:
        sys.modules.pop(name, None)


def load(name: str) -> ModuleType:
    return importlib.import_module(name)


async def test_the_readmes_own_test_passes() -> None:
    await load("test_chat").test_chat()


def test_the_example_of_dialects_passes() -> None:
    load("test_old_system").test_old_system()


def test_the_example_of_message_types_passes() -> None:
    load("test_messages_of_a_page").test_messages_of_a_page()


async def test_the_research_example_streams_all_of_it() -> None:
    worker: Worker = load("research").worker
    async with TestClient(worker) as client:
        run = client.run("research", "why")
        events: list[Any] = [event async for event in run]
    assert events == [Event("source_found", {"title": "On streams"}), "WHY ", "0 ", "1 ", "2 "]
    assert run.progress == [{"message": "reading", "percentage": 10, "stage": "sources"}]


async def test_the_lifespan_example_serves_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = load("app")
    async with UnixGateway(tmp_path / "s") as gateway:
        source = EXAMPLES["app"].replace("unix:///run/trunkline/bridge.sock", gateway.address)
        exec(compile(source, "app.py", "exec"), vars(app))  # noqa: S102 - the README's own text
        async with asyncio.timeout(5), app.lifespan(None):
            hello = await (await gateway.accept()).welcome()
    assert hello.name == "agents"


async def test_the_example_of_message_types_tells_its_newest_state() -> None:
    async with TestClient(load("evolution").worker) as client:
        run = client.run("evolve", {"parameters": {"population_size": 2, "generations": 3}})
        await run
        assert [event.payload["generation"] for event in run.latest] == [2]
        wrong = client.run("evolve", {"parameters": {"population_size": 0, "generations": 3}})
        with pytest.raises(CallFailed, match="bad_request"):
            await wrong


def test_a_section_stands_once_and_everything_is_installed_from_this_repository() -> None:
    text = README.read_text()
    titles = re.findall(r"^## .*$", text, re.MULTILINE)
    assert len(titles) == len(set(titles)), titles
    installed = re.findall(r"pip install '?([^`']*)", text)
    assert installed
    assert all(path.startswith("./sdk/python") for path in installed), installed


async def test_the_example_that_asks_is_answered_now_or_after_a_loss() -> None:
    async with TestClient(load("tidy").worker) as client:
        run = client.run("tidy", "a.txt")
        question = await anext(run)
        assert isinstance(question, Event)
        run.answer(question.payload["request_id"], granted=True)
        assert await run == "deleted a.txt"
        answers = [{"request_id": "q", "granted": False}]
        assert await client.run("tidy", "a.txt", attempt=2, checkpoint=b"a.txt", answers=answers) == "kept it"


async def test_the_example_that_takes_input_draws_in_another_colour() -> None:
    async with TestClient(load("draw").worker) as client:
        run = client.run("draw", {"message": "draw"})
        run.send({"message": "red"})
        assert await run.text() == "a house in red. a tree in red. a cat in red. "


def test_every_example_is_tried() -> None:
    expected = {"chat", "research", "tidy", "draw", "evolution", "app", "test_chat", "test_messages_of_a_page", "test_old_system"}
    assert set(EXAMPLES) == expected

"""The goal keeper's handlers, with real commands on real files."""

from __future__ import annotations

import random
import tarfile
from pathlib import Path
from typing import Any

import pytest
from trunkline import CallFailed, Event
from trunkline.testing import TestClient

from goal_agent import MODEL, make_worker


async def said(client: TestClient, service: str, payload: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Gives everything that a message is answered with."""
    run = client.run(service, payload)
    found = [(event.type, event.payload) async for event in run if isinstance(event, Event)]
    assert run.outcome == "completed", run.error
    return found


def names(messages: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [name for name, _ in messages]


@pytest.fixture
def logs(tmp_path: Path) -> dict[str, bytes]:
    """Puts log files with random lines into the folder; gives their content by name."""
    folder = tmp_path / "files"
    folder.mkdir()
    written = {f"{random.randrange(10**6)} é{number}.log": random.randbytes(300) + b"\n" for number in range(3)}  # noqa: S311
    for name, content in written.items():
        (folder / name).write_bytes(content)
    (folder / "keep.txt").write_text("one two three\n")
    return written


def keeper(tmp_path: Path) -> TestClient:
    return TestClient(make_worker(tmp_path / "files", tmp_path / "state"))


async def test_logs_are_packed_and_deleted_after_leave(tmp_path: Path, logs: dict[str, bytes]) -> None:
    folder = tmp_path / "files"
    async with keeper(tmp_path) as client:
        messages = await said(client, "chat", {"message": "Please archive the logs"})
        step = ["workflow_step_started", "command_execution_start", "command_execution_end", "workflow_step_completed"]
        assert names(messages) == ["goal_received", "plan_ready", *step * 3, "workflow_approval_required"]
        assert messages[0][1] == {"goal": "Please archive the logs"}
        assert len(messages[1][1]["steps"]) == 4
        question = messages[-1][1]
        assert question["action"] == "delete_file"
        assert question["details"] == {"files": sorted(logs), "archive": "logs.tar.gz"}
        assert sorted(path.name for path in folder.glob("*.log")) == sorted(logs), "nothing is deleted before leave is given"

        messages = await said(client, "workflow_approval", {"workflow_id": question["workflow_id"], "approved": True})
    assert names(messages) == [*step, "workflow_completed", "goal_completed"]
    assert messages[-1][1]["results"]["status"] == "success"
    assert list(folder.glob("*.log")) == []
    with tarfile.open(folder / "logs.tar.gz") as archive:
        packed = {name: archive.extractfile(name).read() for name in archive.getnames()}  # type: ignore[union-attr]
    assert packed == logs


async def test_logs_stay_where_leave_is_not_given(tmp_path: Path, logs: dict[str, bytes]) -> None:
    async with keeper(tmp_path) as client:
        question = (await said(client, "chat", {"goal": "archive logs"}))[-1][1]
        messages = await said(client, "workflow_approval", {"workflow_id": question["workflow_id"], "approved": False})
    assert names(messages) == ["workflow_cancelled", "goal_completed"]
    assert messages[0][1]["cancelled_at_step"] == 4
    assert messages[1][1]["results"]["status"] == "cancelled"
    assert sorted(path.name for path in (tmp_path / "files").glob("*.log")) == sorted(logs)


async def test_what_changed_after_the_question_is_not_deleted(tmp_path: Path, logs: dict[str, bytes]) -> None:
    async with keeper(tmp_path) as client:
        question = (await said(client, "chat", {"message": "archive the logs"}))[-1][1]
        changed = min(logs)
        (tmp_path / "files" / changed).write_bytes(b"new\n")
        messages = await said(client, "workflow_approval", {"workflow_id": question["workflow_id"], "approved": True})
    failure = dict(messages)["workflow_failed"]
    assert failure["error"] == f"{changed} changed since then; nothing was deleted"
    assert (failure["failed_step"], failure["total_steps"]) == (4, 4)
    assert len(list((tmp_path / "files").glob("*.log"))) == len(logs)


async def test_a_command_that_fails_fails_the_workflow(tmp_path: Path, logs: dict[str, bytes]) -> None:
    (tmp_path / "files" / "logs.tar.gz").mkdir()
    async with keeper(tmp_path) as client:
        messages = await said(client, "chat", {"message": "archive the logs"})
    assert dict(messages)["workflow_failed"]["error"] == "logs.tar.gz is there already"
    assert dict(messages)["goal_completed"]["results"]["status"] == "failed"


async def test_a_report_counts_the_words(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    texts = {name: " ".join(["word"] * random.randrange(1, 50)) for name in ("a.txt", "b.txt", "c d.txt")}  # noqa: S311
    for name, text in texts.items():
        (folder / name).write_text(text)
    async with keeper(tmp_path) as client:
        messages = await said(client, "chat", {"message": "write a report about the notes"})
    words = {name: len(text.split()) for name, text in texts.items()}
    assert dict(messages)["workflow_completed"]["results"]["words"] == words
    assert f"| all | {sum(words.values())} |" in (folder / "report.md").read_text()


async def test_a_message_is_answered_with_what_it_calculates(tmp_path: Path) -> None:
    left, right = random.randrange(1000), random.randrange(1000)  # noqa: S311
    async with keeper(tmp_path) as client:
        messages = await said(client, "chat", {"message": f"What is {left} * {right}?"})
        answer = await client.run("chat", {"message": f"What is {left} * {right}?"})
        refused = await client.run("chat", {"message": f"{left} / 0"})
        helped = await client.run("chat", {"message": "hello"})
    assert names(messages) == ["thought", "tool_code", "tool_output"]
    assert messages[2][1] == {"output": f"{left} * {right} = {left * right}", "tool": "calculator", "success": True}
    assert answer == {"response": f"{left} * {right} = {left * right}", "model": MODEL}
    assert refused["response"] == "I cannot calculate that: nothing can be divided by zero."
    assert helped["response"].startswith("I reach goals")


async def test_diagnostics_are_this_machines(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    async with keeper(tmp_path) as client:
        answer = await client.run("diagnostics")
    assert answer["type"] == "diagnostics_report"
    report = answer["payload"]
    assert all(0 <= value <= 100 for value in report["system"].values())
    assert report["system"]["memory_usage"] > 0
    assert report["services"]["tar"] == "healthy"


async def test_an_unknown_workflow_is_a_bad_request(tmp_path: Path) -> None:
    async with keeper(tmp_path) as client:
        with pytest.raises(CallFailed, match="bad_request: there is no workflow w1"):
            await client.run("workflow_approval", {"workflow_id": "w1", "approved": True})

"""The automation handler on real files."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from trunkline import CallFailed, Event
from trunkline.testing import TestClient

from automation_agent import make_worker

STEP = ["workflow_step_started", "workflow_step_completed"]


async def said(client: TestClient, service: str, payload: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    run = client.run(service, payload)
    found = [(event.type, event.payload) async for event in run if isinstance(event, Event)]
    assert run.outcome == "completed", run.error
    return found


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    for name in ("a.txt", "b.csv", "c.png", "d.bin"):
        (folder / name).write_bytes(random.randbytes(40))  # noqa: S311
    (folder / "z a copy.txt").write_bytes((folder / "a.txt").read_bytes())
    return folder


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def test_doubles_go_after_leave(tmp_path: Path, inbox: Path) -> None:
    sorted_files = {"texts/a.txt", "texts/z a copy.txt", "tables/b.csv", "pictures/c.png", "other/d.bin"}
    async with TestClient(make_worker(inbox, tmp_path / "state")) as client:
        messages = await said(client, "automation", {"workflow": "tidy"})
        assert [name for name, _ in messages] == ["plan_ready", *STEP * 2, "workflow_approval_required"]
        question = messages[-1][1]
        assert question["details"] == {"same_as": {"texts/z a copy.txt": "texts/a.txt"}}
        assert tree(inbox) == sorted_files
        yes = {"workflow_id": question["workflow_id"], "approved": True}
        messages = await said(client, "workflow_approval", yes)
    assert [name for name, _ in messages] == [*STEP * 2, "workflow_completed"]
    results = messages[-1][1]["results"]
    assert (results["kept"], results["deleted"]) == (4, 1)
    assert tree(inbox) == sorted_files - {"texts/z a copy.txt"} | {"index.md"}
    assert "- texts/a.txt\n" in (inbox / "index.md").read_text()


async def test_doubles_stay_without_leave(tmp_path: Path, inbox: Path) -> None:
    async with TestClient(make_worker(inbox, tmp_path / "state")) as client:
        question = (await said(client, "automation", {"workflow": "tidy"}))[-1][1]
        messages = await said(client, "workflow_cancel", {"workflow_id": question["workflow_id"], "reason": "no"})
    assert [name for name, _ in messages] == ["workflow_cancelled"]
    assert "texts/z a copy.txt" in tree(inbox)


async def test_what_is_no_double_any_more_stays(tmp_path: Path, inbox: Path) -> None:
    async with TestClient(make_worker(inbox, tmp_path / "state")) as client:
        question = (await said(client, "automation", {"workflow": "tidy"}))[-1][1]
        (inbox / "texts" / "z a copy.txt").write_text("changed")
        messages = await said(client, "workflow_approval", {"workflow_id": question["workflow_id"], "approved": True})
    assert messages[-1][0] == "workflow_failed"
    assert (inbox / "texts" / "z a copy.txt").read_text() == "changed"


async def test_without_doubles_nobody_is_asked(tmp_path: Path, inbox: Path) -> None:
    (inbox / "z a copy.txt").unlink()
    async with TestClient(make_worker(inbox, tmp_path / "state")) as client:
        messages = await said(client, "automation", {"workflow": "tidy"})
    assert [name for name, _ in messages] == ["plan_ready", *STEP * 4, "workflow_completed"]


async def test_nothing_is_replaced(tmp_path: Path, inbox: Path) -> None:
    (inbox / "texts").mkdir()
    (inbox / "texts" / "a.txt").write_text("was here before")
    async with TestClient(make_worker(inbox, tmp_path / "state")) as client:
        messages = await said(client, "automation", {"workflow": "tidy"})
    assert messages[-1][1]["error"] == "texts/a.txt is there already"
    assert (inbox / "texts" / "a.txt").read_text() == "was here before"
    assert (inbox / "a.txt").exists()


async def test_other_workflows_are_unknown(tmp_path: Path, inbox: Path) -> None:
    async with TestClient(make_worker(inbox, tmp_path / "state")) as client:
        with pytest.raises(CallFailed, match="bad_request"):
            await client.run("automation", {"workflow": "rm -rf"})

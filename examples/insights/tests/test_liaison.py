"""The liaison agents on the SDK's own test kit."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
from trunkline import CallFailed, Event
from trunkline.testing import TestClient

from liaison_agent import make_worker
from material import Material


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds one table with random figures, and a file that is none."""
    figures = [random.randrange(1, 1000) for _ in range(12)]  # noqa: S311
    rows = [f"2025-0{1 + at % 6}-01,{'ab'[at % 2]},{figure}" for at, figure in enumerate(figures)]
    (tmp_path / "sales.csv").write_text("\n".join(["date,team,amount", *rows]))
    (tmp_path / "broken.csv").write_bytes(b"\xff\xff\xff")
    return tmp_path


def amounts(folder: Path) -> list[int]:
    return [int(line.rsplit(",", 1)[1]) for line in (folder / "sales.csv").read_text().splitlines()[1:]]


async def said(client: TestClient, service: str, payload: dict[str, Any], **meta: Any) -> list[str | Event]:
    run = client.run(service, payload, **meta)
    found = [event async for event in run]
    assert run.outcome == "completed", run.error
    return found


async def test_content_lists_and_describes_files(folder: Path) -> None:
    async with TestClient(make_worker(Material(folder))) as client:
        [listed] = await said(client, "liaison-content", {"message": "files"})
        assert isinstance(listed, Event)
        files = {file["file_name"]: file["file_uuid"] for file in listed.payload["data"]["files"]}
        assert list(files) == ["broken.csv", "sales.csv"]
        [described] = await said(client, "liaison-content", {"file_uuid": files["sales.csv"]}, type="file_selected")
        [refused] = await said(client, "liaison-content", {"file_uuid": files["broken.csv"]}, type="file_selected")
    assert isinstance(described, Event)
    assert isinstance(refused, Event)
    assert described.type == "file_complete"
    assert described.payload["data"]["rows"] == 12
    assert described.payload["data"]["sha256"] == hashlib.sha256((folder / "sales.csv").read_bytes()).hexdigest()
    assert (refused.type, refused.payload["message"]) == ("file_error", "the file is no text in UTF-8")


async def test_insights_analyses_what_is_in_the_file(folder: Path) -> None:
    async with TestClient(make_worker(Material(folder))) as client:
        run = client.run("liaison-insights", {"file_name": "sales.csv"}, type="file_selected")
        found = [event async for event in run if isinstance(event, Event)]
        assert [event.type for event in found] == ["file_complete", "analysis_result", "visualization_data", "visualization_data"]
        assert run.latest[-1].type == "file_processing"
        assert run.latest[-1].payload["status"] == "analysing"
        amount = found[1].payload["data"]["columns"][2]
        assert amount["sum"] == sum(amounts(folder))
        assert dict(zip(*(found[2].payload["data"][key] for key in ("labels", "values")), strict=True)) == {
            "a": sum(amounts(folder)[::2]),
            "b": sum(amounts(folder)[1::2]),
        }

        with (folder / "sales.csv").open("a") as file:
            file.write("\n2025-09-01,c,100000")
        changed = await said(client, "liaison-insights", {"file_name": "sales.csv"}, type="file_selected")
    result = changed[1]
    assert isinstance(result, Event)
    assert result.payload["data"]["columns"][2]["max"] == 100_000


async def test_questions_are_about_the_sessions_file(folder: Path) -> None:
    async with TestClient(make_worker(Material(folder))) as client:
        ask = {"message": "total amount by team"}
        with pytest.raises(CallFailed, match="choose a file first"):
            await client.run("liaison-insights", ask)
        await said(client, "liaison-insights", {"file_name": "sales.csv"}, type="file_selected")
        *words, picture = await said(client, "liaison-insights", ask)
        with pytest.raises(CallFailed, match="choose a file first"):
            await client.run("liaison-insights", ask, session="another")
        named = await said(client, "liaison-insights", {**ask, "file_name": "sales.csv"}, session="another")
        with pytest.raises(CallFailed, match="bad_request: I can tell"):
            await client.run("liaison-insights", {"message": "hello", "file_name": "sales.csv"})
    teams = {"a": sum(amounts(folder)[::2]), "b": sum(amounts(folder)[1::2])}
    text = "".join(word for word in words if isinstance(word, str))
    assert all(f"{team} {total:,}" in text for team, total in teams.items())
    assert len(words) > 3, "the answer comes in pieces"
    assert isinstance(picture, Event)
    assert picture.type == "visualization_data"
    assert named[:-1] == words


async def test_a_file_that_is_not_there(folder: Path) -> None:
    async with TestClient(make_worker(Material(folder))) as client:
        for service in ("liaison-content", "liaison-insights"):
            for name in ("gone.csv", "../secret.csv"):
                *_, last = await said(client, service, {"file_name": name}, type="file_selected")
                assert isinstance(last, Event)
                assert last.type == "file_error"
                assert last.payload["message"] == f"there is no file {name}"

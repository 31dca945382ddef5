"""The vision handler with a real browser and a real text reader."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from trunkline import CallFailed
from trunkline.testing import TestClient

from vision_agent import Sights, make_worker

PROGRAMS = {name: os.environ.get(f"TRUNKLINE_{name.upper()}") or name for name in ("chromium", "tesseract")}
WORDS = ["amber", "bridge", "candle", "donkey", "engine", "forest", "garden", "harbour", "island", "jacket"]
PAGE = "<!doctype html><meta charset=utf-8><body style='font: 28px DejaVu Sans, sans-serif; margin: 40px'>{}</body>"

pytestmark = pytest.mark.timeout(120)


def sights(folder: Path, *origins: str, **programs: str) -> Sights:
    used = {**PROGRAMS, **programs}
    return Sights(folder, "desk.html", frozenset(origins), used["chromium"], used["tesseract"])


async def look(client: TestClient, **request: str) -> dict[str, Any]:
    """Gives what is seen."""
    seen: dict[str, Any] = await client.run("vision", request)
    assert seen["type"] == "workspace_analysis"
    return seen


@asynccontextmanager
async def web_page(host: str, content: str) -> AsyncIterator[tuple[str, list[str]]]:
    """Serves one page; gives its address, and the paths that were asked for."""
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        asked.append(request.split()[1].decode())
        body = PAGE.format(content).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, host, 0) as server:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}", asked


def test_the_programs_are_there() -> None:
    assert shutil.which(PROGRAMS["chromium"]), "Chromium is needed (make need-chromium)"
    assert shutil.which(PROGRAMS["tesseract"]), "Tesseract is needed (make need-tesseract)"


async def test_another_page_gives_another_answer(tmp_path: Path) -> None:
    first, second = random.sample(WORDS, 2)
    desk = tmp_path / "desk.html"
    async with TestClient(make_worker(sights(tmp_path))) as client:
        desk.write_text(PAGE.format(f"<h1>Today</h1><p>the {first} is overdue</p>"), encoding="utf-8")
        seen = await look(client)
        assert seen["page"] == "desk.html"
        assert seen["analysis"]["text"] == f"Today\nthe {first} is overdue"
        assert seen["analysis"]["headings"] == ["Today"]
        assert seen["analysis"]["attention"] == [f"the {first} is overdue"]
        assert seen["captured"]["bytes"] > 1_000

        desk.write_text(PAGE.format(f"<h1>Today</h1><p>the {second} is paid</p>"), encoding="utf-8")
        seen = await look(client, page="desk.html")
    assert seen["analysis"]["changes"] == {"added": [f"the {second} is paid"], "removed": [f"the {first} is overdue"]}
    assert seen["analysis"]["attention"] == []


async def test_a_page_of_an_allowed_origin_reaches_its_own_host_only(tmp_path: Path) -> None:
    word = random.choice(WORDS)  # noqa: S311
    async with web_page("127.0.0.2", "") as (elsewhere, elsewhere_asked):
        scripts = f"<script src={elsewhere}/one.js></script><script src=/two.js></script>"
        async with web_page("127.0.0.1", word + scripts) as (origin, asked), TestClient(make_worker(sights(tmp_path, origin))) as client:
            seen = await look(client, url=f"{origin}/page")
    assert seen["analysis"]["text"] == word
    assert {"/page", "/two.js"} <= set(asked)
    assert elsewhere_asked == []


async def test_what_may_not_be_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (tmp_path / "secret.html").write_text("secret")
    async with TestClient(make_worker(sights(folder, "http://127.0.0.1:1"))) as client:
        for request, reason in [
            ({}, "bad_request: there is no page desk.html"),
            ({"page": "../secret.html"}, "bad_request: there is no page"),
            ({"page": str(tmp_path / "secret.html")}, "bad_request: there is no page"),
            ({"url": "file:///etc/passwd"}, "permission_denied: pages of file://"),
            ({"url": "http://127.0.0.1:2/"}, "permission_denied"),
            ({"url": "http://127.0.0.1:1@evil.example/"}, "permission_denied"),
        ]:
            with pytest.raises(CallFailed, match=reason):
                await client.run("vision", request)


async def test_missing_programs_are_named(tmp_path: Path) -> None:
    (tmp_path / "desk.html").write_text(PAGE.format("hello"))
    for name in ("chromium", "tesseract"):
        async with TestClient(make_worker(sights(tmp_path, **{name: f"no-such-{name}"}))) as client:
            with pytest.raises(CallFailed, match=f"no-such-{name} cannot be started"):
                await client.run("vision", {})


async def test_stop_ends_the_browser(tmp_path: Path) -> None:
    (tmp_path / "desk.html").write_text(PAGE.format("hello"))
    started = tmp_path / "started"
    os.mkfifo(started)
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\necho $$ > {started}\nexec sleep 60\n")
    slow.chmod(0o755)
    async with TestClient(make_worker(sights(tmp_path, chromium=str(slow)))) as client:
        run = client.run("vision", {})
        pid = int(await asyncio.to_thread(started.read_text))
        run.cancel()
        assert [event async for event in run] == []
        assert run.outcome == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

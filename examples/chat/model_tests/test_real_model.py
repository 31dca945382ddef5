"""The demo's worker with its real language model: `make test-demo`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from trunkline import CallFailed
from trunkline.testing import TestClient

from language_model import make_worker
from language_model_client import http_client
from language_model_process import ModelProcess

DEADLINE_S: Final = 180.0
"""Generous: on a busy machine the model makes a few tokens per second."""
pytestmark = pytest.mark.timeout(2 * DEADLINE_S)


class Demo:
    """The worker, its client and its model."""

    def __init__(self, client: TestClient, http: httpx.AsyncClient, process: ModelProcess) -> None:
        self.client = client
        self._http = http
        self._process = process

    async def busy_slots(self) -> int:
        """How many answers the model is making now."""
        endpoint = await self._process.endpoint()
        response = await self._http.get(f"{endpoint.url}/slots", headers={"authorization": f"Bearer {endpoint.key}"})
        slots: list[dict[str, Any]] = response.raise_for_status().json()
        return sum(slot["is_processing"] for slot in slots)


@pytest_asyncio.fixture
async def demo() -> AsyncIterator[Demo]:
    async with (
        asyncio.timeout(DEADLINE_S),
        ModelProcess() as process,
        http_client() as http,
        TestClient(make_worker(process.endpoint, http)) as client,
    ):
        yield Demo(client, http, process)


async def test_it_loads_and_answers_in_words(demo: Demo) -> None:
    run = demo.client.run("guide", {"message": "What is the capital of France?"})
    assert "Paris" in await run.text()
    assert "loading" in [progress["stage"] for progress in run.progress]


async def test_a_cancel_stops_the_model(demo: Demo) -> None:
    run = demo.client.run("guide", {"message": "Write a very long story about the sea."})
    await anext(run)
    assert await demo.busy_slots() == 1
    cancelled_at = time.monotonic()
    run.cancel()
    with pytest.raises(CallFailed, match="cancelled"):
        await run
    while await demo.busy_slots():
        assert time.monotonic() - cancelled_at < DEADLINE_S / 2


async def test_two_sessions_are_answered_at_a_time(demo: Demo) -> None:
    runs = [demo.client.run("guide", {"message": "Write a long story."}, session=session) for session in ("ada", "eve")]
    for run in runs:
        await anext(run)
    assert await demo.busy_slots() == 2


async def test_a_model_without_the_key_answers_nobody(demo: Demo) -> None:
    endpoint = await demo._process.endpoint()
    response = await demo._http.post(f"{endpoint.url}/v1/chat/completions", json={"messages": []})
    assert response.status_code == httpx.codes.UNAUTHORIZED

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio
import uvloop
from hypothesis import HealthCheck, settings

from gateway import GatewayDouble, UnixGateway, ZmqGateway

# A busy machine fails no test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_asyncio_loop_factories(config: Any, item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests that meet a gateway run on both event loops, whose transports differ."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if "gateway" in getattr(item, "fixturenames", ()):
        factories["uvloop"] = uvloop.new_event_loop
    return factories


@pytest_asyncio.fixture(params=["unix", "zmq"])
async def gateway(request: pytest.FixtureRequest) -> AsyncIterator[GatewayDouble]:
    """A gateway double over each transport in turn. Its folder is short: socket paths may have 107 bytes."""
    with TemporaryDirectory(prefix="tl") as folder:
        path = Path(folder) / "bridge"
        double = UnixGateway(path) if request.param == "unix" else ZmqGateway(f"ipc://{path}")
        async with double:
            yield double

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio

from gateway import GatewayDouble, UnixGateway, ZmqGateway


@pytest_asyncio.fixture(params=["unix", "zmq"])
async def gateway(request: pytest.FixtureRequest) -> AsyncIterator[GatewayDouble]:
    """A gateway double over each transport in turn. Its folder is short: socket paths may have 107 bytes."""
    with TemporaryDirectory(prefix="tl") as folder:
        path = Path(folder) / "bridge"
        double = UnixGateway(path) if request.param == "unix" else ZmqGateway(f"ipc://{path}")
        async with double:
            yield double

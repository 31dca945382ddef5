"""The vision handler: a picture of a page, its text, and an answer composed of it.

Purpose: serves `request_workspace_analysis` (service `vision`). It decides which pages may be looked at: HTML files of one folder, and
addresses of the origins that the configuration names.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from trunkline import BadRequest, Failed, PermissionDenied, Run, Worker

from page_capture import HEIGHT, WIDTH, CaptureFailed, capture
from page_reading import ReadingFailed, read
from sight import compose

CONCURRENCY: Final = 2
"""Browsers at a time."""
LOOKS_KEPT: Final = 256
"""How many pages of how many sessions are remembered, to tell what changed."""


class Look(msgspec.Struct):
    """The message `request_workspace_analysis`: a page of the folder, an address, or neither for the usual page."""

    page: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    url: Annotated[str, msgspec.Meta(max_length=2_048)] | None = None


@dataclass(frozen=True)
class Sights:
    """What may be looked at, and with which programs."""

    folder: Path
    usual_page: str
    origins: frozenset[str]
    chromium: str = "chromium"
    tesseract: str = "tesseract"
    looks: OrderedDict[tuple[str, str, str], list[str]] = field(default_factory=OrderedDict)

    def address(self, look: Look) -> tuple[str, str]:
        """Gives the name and the address of what is to be looked at. Raises BadRequest or PermissionDenied."""
        if look.url is not None:
            parts = urlsplit(look.url)
            if f"{parts.scheme}://{parts.netloc}" not in self.origins:
                raise PermissionDenied(f"pages of {parts.scheme}://{parts.netloc} may not be looked at")
            return look.url, look.url
        name = look.page or self.usual_page
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()) or path.suffix != ".html" or not path.is_file():
            raise BadRequest(f"there is no page {name} in the workspace")
        return name, path.as_uri()

    def remember(self, place: tuple[str, str, str], texts: list[str]) -> list[str] | None:
        """Keeps what was read, and gives what was read there before."""
        before = self.looks.pop(place, None)
        self.looks[place] = texts
        if len(self.looks) > LOOKS_KEPT:
            self.looks.popitem(last=False)
        return before


def make_worker(sights: Sights) -> Worker:
    """Gives a worker that looks at pages."""
    worker = Worker("vision", concurrency=CONCURRENCY)

    @worker.service("vision")
    async def vision(look: Look, run: Run) -> dict[str, Any]:
        name, address = sights.address(look)
        return {"type": "workspace_analysis", **await analyse(sights, name, address, run)}

    return worker


async def analyse(sights: Sights, name: str, address: str, run: Run) -> dict[str, Any]:
    """Looks at a page and says what is on it. Raises Failed."""
    began = time.monotonic()
    try:
        await run.progress(f"Looking at {name}", percentage=0, stage="capturing")
        picture = await capture(address, chromium=sights.chromium)
        await run.progress(f"Reading {name}", percentage=60, stage="reading")
        lines = await read(picture, tesseract=sights.tesseract)
    except (CaptureFailed, ReadingFailed) as reason:
        raise Failed(str(reason)) from reason
    before = sights.remember((run.realm, run.session, address), [line.text for line in lines])
    captured = {"width": WIDTH, "height": HEIGHT, "bytes": len(picture), "took_s": round(time.monotonic() - began, 3)}
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"page": name, "timestamp": now, "captured": captured, "analysis": compose(name, lines, before)}

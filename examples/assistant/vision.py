"""The worker of `/ws/vision` in the example `assistant`: `trunkline-worker examples/assistant/vision.py:worker`.

Purpose: makes the worker that the environment describes.

- `VISION_FOLDER`: the HTML files that may be looked at; by default `workspace` beside this file.
- `VISION_PAGE`: the one that is looked at unless a message says otherwise; by default `desk.html`.
- `VISION_ORIGINS`: origins whose pages may be looked at, with commas between them; none by default.
- `TRUNKLINE_CHROMIUM`, `TRUNKLINE_TESSERACT`: the programs; by default `chromium` and `tesseract`.
"""

from __future__ import annotations

import os
from pathlib import Path

from trunkline import Worker

from vision_agent import Sights, make_worker


def from_environment() -> Worker:
    """Gives the worker that the environment describes."""
    origins = (origin.strip() for origin in os.environ.get("VISION_ORIGINS", "").split(","))
    sights = Sights(
        folder=Path(os.environ.get("VISION_FOLDER") or Path(__file__).parent / "workspace"),
        usual_page=os.environ.get("VISION_PAGE") or "desk.html",
        origins=frozenset(origin for origin in origins if origin),
        chromium=os.environ.get("TRUNKLINE_CHROMIUM") or "chromium",
        tesseract=os.environ.get("TRUNKLINE_TESSERACT") or "tesseract",
    )
    return make_worker(sights)


worker = from_environment()

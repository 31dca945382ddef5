"""The worker of `/api/ws/liaison/…` in the example `insights`: `trunkline-worker examples/insights/liaison.py:worker`.

Purpose: makes the worker that the environment describes.

- `INSIGHTS_FOLDER`: the CSV files; by default `data` beside this file.
"""

from __future__ import annotations

import os
from pathlib import Path

from liaison_agent import make_worker
from material import Material

worker = make_worker(Material(Path(os.environ.get("INSIGHTS_FOLDER") or Path(__file__).parent / "data")))

"""`trunkline-worker module:worker` or `trunkline-worker file.py:worker`: runs a worker from the command line.

Purpose: arguments, logging to stderr, and the exit code. It does not know what a worker does.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trunkline._log import Entry, LineFormatter, logger
from trunkline.errors import GatewayGone
from trunkline.worker import Worker

EXIT_USAGE: Final = 2
EXIT_GATEWAY_GONE: Final = 3
_LEVELS: Final = ("debug", "info", "warning", "error")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the worker that the arguments name and gives the exit code: 0 after a drain, 2 for a mistake, 3 without a gateway."""
    options = _parser().parse_args(arguments)
    _log_to_stderr(options.log_level)
    try:
        load(options.worker).run(bridge=options.bridge)
    except (ValueError, ImportError, AttributeError, TypeError) as error:
        logger.error(Entry("worker cannot start", worker=options.worker, reason=error))
        return EXIT_USAGE
    except GatewayGone as error:
        logger.error(Entry("worker ends", reason=error))
        return EXIT_GATEWAY_GONE
    return 0


def load(place: str) -> Worker:
    """Gives the worker at `module:name`, where modules of the current directory can be named, or at `path/to/file.py:name`.

    Raises ValueError, ImportError or TypeError with what is wrong.
    """
    module_name, separator, name = place.rpartition(":")
    if not separator or not module_name or not name:
        raise ValueError(f"{place!r} is not of the form module:worker")
    folder = Path.cwd()
    if module_name.endswith(".py"):
        path = Path(module_name).resolve()
        folder, module_name = path.parent, path.stem
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        raise ImportError(f"there is no module {module_name!r} in {folder} or among the installed ones") from error
    worker = getattr(module, name, None)
    if worker is None:
        known = [f"{module_name}:{name}" for name, value in vars(module).items() if isinstance(value, Worker)]
        raise ValueError(f"{module_name} has no {name!r}; its workers: {', '.join(known) or 'none'}")
    if not isinstance(worker, Worker):
        raise TypeError(f"{place} is a {type(worker).__name__}, not a Worker")
    return worker


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trunkline-worker", description="Serve a worker's services to a Trunkline gateway.")
    parser.add_argument("worker", help="module:worker or file.py:worker, for example chat:worker")
    parser.add_argument("--bridge", help="unix:///path, ipc:///path or tcp://host:port; default: TRUNKLINE_BRIDGE")
    parser.add_argument("--log-level", choices=_LEVELS, default="info")
    return parser


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())

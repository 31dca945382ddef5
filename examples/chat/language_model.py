"""A guide that is a small language model on this machine, as a worker: `python examples/chat/language_model.py`.

Purpose: the service `guide` takes `{"message": str}`, as that of `workspace_guide.py` does, and streams what the model answers. It
remembers the last turns of each session. Stop ends the request to the model, and with it the model's work; what was said until then is
remembered too.

The gateway's address comes from `TRUNKLINE_BRIDGE`. The model's process is started beside the worker and answers once it is loaded; when
it ends, the worker ends with failure, and whoever started the worker starts both again.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Annotated, Final

import httpx
import msgspec
from trunkline import BadRequest, Failed, Retryable, Run, Worker
from trunkline.errors import GatewayGone

from language_model_client import ModelRefused, answer, http_client
from language_model_memory import Conversations, QuestionTooLong, Turn
from language_model_process import Endpoint, ModelProcess, ModelUnavailable
from language_model_server import SLOTS

PROGRESS_EVERY_S: Final = 1.0
RETRY_AFTER: Final = timedelta(seconds=5)
"""About what a new process needs to load the model."""
EXIT_MODEL_GONE: Final = 1
EXIT_USAGE: Final = 2
EXIT_GATEWAY_GONE: Final = 3
_log: Final = logging.getLogger("language_model")


class Ask(msgspec.Struct):
    """What a client sends."""

    message: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]


def make_worker(endpoint: Callable[[], Awaitable[Endpoint]], http: httpx.AsyncClient) -> Worker:
    """Gives a worker that asks the model at `endpoint`, which waits until it is loaded."""
    worker = Worker("language-model", concurrency=SLOTS)
    conversations = Conversations()

    @worker.service("guide")
    async def guide(ask: Ask, run: Run) -> AsyncIterator[str]:
        session = (run.realm, run.session)
        said: list[str] = []
        try:
            messages = conversations.messages(session, ask.message)
            place = await loaded(endpoint, run)
            await run.progress("Reading the question", stage="reading")
            async with aclosing(answer(http, place, messages)) as pieces:
                async for piece in pieces:
                    if not said:
                        await run.progress("Writing the answer", stage="writing")
                    said.append(piece)
                    yield piece
        except QuestionTooLong:
            raise BadRequest("the message is too long for this small model") from None
        except ModelRefused as error:
            raise Failed(str(error)) from error
        except ModelUnavailable as error:
            raise Retryable(str(error), retry_after=RETRY_AFTER) from error
        except asyncio.CancelledError:
            if said:
                conversations.remember(session, Turn(ask.message, "".join(said)))
            raise
        conversations.remember(session, Turn(ask.message, "".join(said)))

    return worker


async def loaded(endpoint: Callable[[], Awaitable[Endpoint]], run: Run) -> Endpoint:
    """Waits for the model and tells the client how long it has waited. Raises ModelUnavailable."""
    loading = asyncio.ensure_future(endpoint())
    waited_s = 0.0
    try:
        while not (await asyncio.wait({loading}, timeout=PROGRESS_EVERY_S if waited_s else 0.0))[0]:
            await run.progress(f"Loading the language model ({waited_s:.0f} s)", stage="loading")
            waited_s += PROGRESS_EVERY_S
        return loading.result()
    finally:
        loading.cancel()


async def serve() -> int:
    """Serves until SIGTERM, SIGINT or the model's end, then drains; gives the exit code."""
    async with ModelProcess() as process, http_client() as http:
        worker = make_worker(process.endpoint, http)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        watching = asyncio.create_task(stop_with(process, worker), name="language model watch")
        try:
            await worker.serve()
        finally:
            watching.cancel()
            await asyncio.wait({watching})
        return EXIT_MODEL_GONE if process.has_ended else 0


async def stop_with(process: ModelProcess, worker: Worker) -> None:
    """Stops the worker when the model's process ends."""
    _log.error("the language model's process ended: exit_code=%d", await process.ended())
    worker.stop()


def main() -> int:
    """Serves, and gives the exit code: 0 after a drain, 1 without a model, 2 for a mistake, 3 without a gateway."""
    logging.basicConfig(level="INFO", format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel("WARNING")
    try:
        return asyncio.run(serve())
    except (OSError, ValueError) as error:
        _log.error("the worker cannot start: %s", error)
        return EXIT_USAGE
    except GatewayGone as error:
        _log.error("the worker ends: %s", error)
        return EXIT_GATEWAY_GONE


if __name__ == "__main__":
    sys.exit(main())

"""Asks a server with OpenAI's chat API and gives the answer as it is made.

Purpose: one request, one stream of text. Leaving the stream closes its connection, which is what makes the server stop. It does not know
where the server comes from, and no conversation.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final

import httpx
import msgspec

from language_model_process import Endpoint, ModelUnavailable

TIMEOUT: Final = httpx.Timeout(10.0, read=180.0)
"""In seconds. The server is silent while it reads a long question, longest on a busy machine; the run's deadline ends it earlier."""
ERROR_BYTES_MAX: Final = 2_000
"""What is logged of a refusal."""
CUT: Final = " …\n\n*The answer was cut here: it was too long.*"
"""Ends an answer that reached the server's limit."""
_DATA: Final = "data:"
_DONE: Final = "[DONE]"
_PATH: Final = "/v1/chat/completions"
_log: Final = logging.getLogger(__name__)


class ModelRefused(Exception):
    """The server will not answer this request; asking again gives the same."""


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    """What is needed of a `chat.completion.chunk`, or of the error in its place."""

    choices: list[_Choice] = []
    error: Any = None


def http_client() -> httpx.AsyncClient:
    """Gives a client for `answer`. No proxy is used, whatever the environment says: the server is on this machine."""
    return httpx.AsyncClient(timeout=TIMEOUT, trust_env=False)


async def answer(http: httpx.AsyncClient, endpoint: Endpoint, messages: list[dict[str, str]]) -> AsyncGenerator[str]:
    """Gives the model's answer in pieces; close it (`contextlib.aclosing`) to stop the model.

    Raises ModelUnavailable where the server is away, broken or breaks off, and ModelRefused where it refuses the request.
    """
    request = {"messages": messages, "stream": True, "temperature": 0.2, "top_p": 0.9}
    headers = {"authorization": f"Bearer {endpoint.key}"}
    try:
        async with http.stream("POST", endpoint.url + _PATH, json=request, headers=headers) as response:
            await _check(response)
            async for text in _texts(response.aiter_lines()):
                yield text
    except (httpx.TransportError, msgspec.DecodeError) as error:
        _log.warning("the language model broke off: %r", error)
        raise ModelUnavailable("the language model broke off") from error


async def _check(response: httpx.Response) -> None:
    if response.status_code == httpx.codes.OK:
        return
    body = b""
    async for part in response.aiter_bytes(ERROR_BYTES_MAX):
        body = part
        break
    _log.warning("the language model refused: status=%d body=%r", response.status_code, body)
    if response.is_server_error:
        raise ModelUnavailable(f"the language model is not ready (HTTP {response.status_code})")
    raise ModelRefused(f"the language model refused the request (HTTP {response.status_code})")


async def _texts(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    """Reads server-sent events: one JSON object in each `data` line, and `[DONE]` in the last."""
    async for line in lines:
        if not line.startswith(_DATA):
            continue
        data = line.removeprefix(_DATA).strip()
        if data == _DONE:
            return
        chunk = msgspec.json.decode(data, type=_Chunk)
        if chunk.error is not None:
            _log.warning("the language model failed: %r", chunk.error)
            raise ModelUnavailable("the language model failed in the middle of its answer")
        for choice in chunk.choices:
            if choice.delta.content:
                yield choice.delta.content
            if choice.finish_reason == "length":
                yield CUT
    raise ModelUnavailable("the language model broke off in the middle of its answer")

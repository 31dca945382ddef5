"""A handler and what its signature says.

Purpose: reads a function once, when it is registered, so that mistakes show at start. It does not know how calls are made.
"""

from __future__ import annotations

import contextlib
import enum
import inspect
import typing
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterator
from typing import Any, Final

import msgspec

from trunkline import _json, _payload
from trunkline._protocol import NAME_BYTES_MAX
from trunkline.errors import BadRequest
from trunkline.run import BlockingRun, Run

_RUN_NAME: Final = "run"
_NULL: Final = b"null"
_EMPTY: Final = b"{}"
_STREAMS: Final = (AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterator)
"""What the functions are annotated with that stream."""


class Flavour(enum.Enum):
    """The four kinds of handler."""

    STREAM = "async generator"
    FUNCTION = "async function"
    THREAD_STREAM = "generator in a thread"
    THREAD_FUNCTION = "function in a thread"


class Service:
    """One named handler."""

    def __init__(
        self,
        name: str,
        handler: Callable[..., Any],
        *,
        threads: bool,
        idempotent: bool = False,
        resumable: bool = False,
        takes_input: bool = False,
    ) -> None:
        """Reads the handler's signature. Raises TypeError or ValueError with what is wrong about it."""
        if not name or len(name.encode()) > NAME_BYTES_MAX:
            raise ValueError(f"service name {name!r}: 1 to {NAME_BYTES_MAX} bytes")
        self.name = name
        self.resumable = resumable
        """Whether it can be called again where it was lost while it asked."""
        self.takes_input = takes_input
        """Whether its runs take further messages."""
        self.handler = handler
        self.idempotent = idempotent
        """Whether calling it twice does no harm."""
        self.flavour = _flavour(handler, threads=threads)
        self._parameter, self._run_parameter, self._shape = _parameters(handler, threads=threads)
        try:
            self.input_schema = _json.schema(self._shape) if self._parameter else None
            self._nothing = self._without_content()
        except (TypeError, msgspec.MsgspecError) as error:
            raise TypeError(f"{_where(handler)}: the payload's type cannot be read from JSON: {error}") from error

    def arguments(self, codec: str, payload: bytes, run: Run | BlockingRun) -> dict[str, Any]:
        """Gives the handler's arguments. Raises BadRequest where the payload does not fit."""
        arguments: dict[str, Any] = {}
        if self._parameter:
            content = self._nothing if payload in (b"", _NULL) else payload
            arguments[self._parameter] = _payload.read(codec, content, self._shape)
        if self._run_parameter:
            arguments[self._run_parameter] = run
        return arguments

    def _without_content(self) -> bytes:
        """What a message without content is read as: null, or an empty object where the handler takes that and no null."""
        for content in (_NULL, _EMPTY):
            with contextlib.suppress(BadRequest):
                _json.read(content, self._shape)
                return content
        return _NULL


def _flavour(handler: Callable[..., Any], *, threads: bool) -> Flavour:
    if inspect.isasyncgenfunction(handler):
        flavour = Flavour.STREAM
    elif inspect.iscoroutinefunction(handler):
        flavour = Flavour.FUNCTION
    elif inspect.isgeneratorfunction(handler):
        flavour = Flavour.THREAD_STREAM
    elif inspect.isroutine(handler):
        flavour = Flavour.THREAD_FUNCTION
    else:
        raise TypeError(f"{handler!r} is no function")
    in_thread = flavour in (Flavour.THREAD_STREAM, Flavour.THREAD_FUNCTION)
    if in_thread and not threads:
        raise TypeError(f"{_where(handler)} would block every other run: make it async, or register it with threads=True")
    if threads and not in_thread:
        raise TypeError(f"{_where(handler)} is async and needs no thread: register it without threads=True")
    return flavour


def _parameters(handler: Callable[..., Any], *, threads: bool) -> tuple[str | None, str | None, Any]:
    try:
        hints = typing.get_type_hints(handler, include_extras=True)
    except NameError as error:
        raise TypeError(f"{_where(handler)}: {error}; the annotation must be importable from its module") from error
    payload_name: str | None = None
    run_name: str | None = None
    for name, parameter in inspect.signature(handler).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{_where(handler)}: parameter {name} must be a plain, named one")
        if hints.get(name) in (Run, BlockingRun) or (name == _RUN_NAME and name not in hints):
            _check_run(handler, hints.get(name), threads=threads)
            run_name = name
        elif payload_name is None:
            payload_name = name
        else:
            raise TypeError(f"{_where(handler)}: a handler takes the payload and, optionally, the run; {name} is one too many")
    _check_streams(handler, hints.get("return"))
    return payload_name, run_name, hints.get(payload_name or "", Any)


def _check_streams(handler: Callable[..., Any], hint: Any) -> None:
    """A handler that says it streams and has no yield would end without a word."""
    is_stream = (typing.get_origin(hint) or hint) in _STREAMS
    if is_stream and not (inspect.isasyncgenfunction(handler) or inspect.isgeneratorfunction(handler)):
        raise TypeError(f"{_where(handler)} says that it streams and has no yield: yield each piece, or annotate what it returns")


def _check_run(handler: Callable[..., Any], hint: Any, *, threads: bool) -> None:
    expected = BlockingRun if threads else Run
    if hint is not None and hint is not expected:
        raise TypeError(f"{_where(handler)}: the run of this handler is a {expected.__name__}, not a {hint.__name__}")


def _where(handler: Callable[..., Any]) -> str:
    return f"{handler.__module__}.{handler.__qualname__}"

"""A question to a person, and the answer.

Purpose: their shapes between what handlers give and get and what travels. Who waits for an answer, and where, is not known here.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import msgspec

from trunkline import _payload
from trunkline._payload import Written

QuestionKind = Literal["approval", "question"]

CHECKPOINT_BYTES_MAX: Final = 64 * 1024
"""What a resumable service may keep with a question (`worker.md` §3)."""
OPEN_MAX: Final = 16
"""Questions of one run that may be open at a time; the gateway ends a run that asks more (`worker.md` §3)."""


class Answer(msgspec.Struct, frozen=True):
    """What a person answered."""

    request_id: str
    """The question."""
    granted: bool | None = None
    """Whether an approval is given; None where a question was answered."""
    value: Any = None
    """The answer to a question."""
    message: str | None = None
    """A word beside it."""
    by: str | None = None
    """Who answered, where the session has a user."""


class Question(NamedTuple):
    """What a handler asks."""

    kind: QuestionKind
    message: str
    action: str | None
    details: dict[str, Any] | None
    choices: list[str] | None
    expires_in_ms: int | None

    @classmethod
    def of(
        cls,
        message: str,
        kind: QuestionKind | None,
        *,
        action: str | None,
        details: dict[str, Any] | None,
        choices: list[str] | None,
        expires_in_s: float | None,
    ) -> Question:
        """What a handler asks, in its own words."""
        if kind == "approval" and choices is not None:
            msg = "an approval is granted or not; leave kind out to ask for one of the choices"
            raise ValueError(msg)
        kind = kind or ("approval" if choices is None else "question")
        expires_in_ms = None if expires_in_s is None else max(0, round(expires_in_s * 1000))
        return cls(kind, message, action, details, choices, expires_in_ms)

    def written(self) -> Written:
        """The question as it travels."""
        return _payload.write({key: value for key, value in self._asdict().items() if value is not None})


def read(payload: Any) -> Answer:
    """Reads an answer from its JSON, or from what JSON became in a header."""
    if isinstance(payload, bytes):
        return msgspec.json.decode(payload, type=Answer)
    return msgspec.convert(payload, Answer)

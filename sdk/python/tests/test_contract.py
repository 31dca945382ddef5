"""The codes that the SDK repeats from the contract, compared with the contract's own file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trunkline import errors
from trunkline._execution import CancelReason
from trunkline._protocol import Numbered
from trunkline.errors import HandlerError, Retryable

_FILE = Path(__file__).parents[3] / "protocol" / "errors.json"
ERRORS: dict[str, Any] = {error["code"]: error for error in json.loads(_FILE.read_text())["errors"]}
HANDLER_ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HandlerError)]


@pytest.mark.parametrize("kind", HANDLER_ERRORS)
def test_an_exception_has_a_code_of_the_contract(kind: type[HandlerError]) -> None:
    # `Retryable` is how a handler says that this `upstream_error` is another case than the usual one.
    assert kind.retryable == ERRORS[kind.code]["retryable"] or kind is Retryable


@pytest.mark.parametrize("reason", CancelReason)
def test_a_cancelled_handler_ends_with_a_code_of_the_contract(reason: CancelReason) -> None:
    code, _, retryable = reason.value
    assert retryable == ERRORS[code]["retryable"]


def test_an_error_without_a_code_is_one_of_the_contract() -> None:
    assert ERRORS[Numbered(seq=0).code]["retryable"] == Numbered(seq=0).retryable

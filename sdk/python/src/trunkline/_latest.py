"""The types that are latest state, in whatever dialect, and the field that names one value of each.

Generated from protocol/schema/messages; change it there, then run `make schema`.
"""

from collections.abc import Mapping
from typing import Final

LATEST: Final[Mapping[str, str | None]] = {
    "diagnostics_report": None,
    "endpoints_changed": None,
    "evolution_progress": "run_id",
    "file_processing": "file_uuid",
    "gpu_metrics": None,
    "llm_status": "model",
    "mcp_server_health": "server",
    "mcp_server_status": "server",
    "ollama_metrics": "model",
    "ollama_model_update": "model",
    "ollama_status": None,
    "presence_state": "member",
    "progress": "operation",
    "progress_update": None,
    "service_status": "service",
    "status_update": None,
    "system_metrics": None,
    "typing_indicator": "agentId",
}
"""Each type's field of the payload whose value names what it is the state of; None where there is one value only."""

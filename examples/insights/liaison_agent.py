"""The liaison agents: content, who knows the files, and insights, who knows what is in them.

Purpose: serves `file_selected` and `user_message` of dialect `flat` (services `liaison-content` and `liaison-insights`). Text that is
yielded reaches the client as `agent_streaming` and `agent_complete`. Which pillar a connection is for is the route's.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import msgspec
from trunkline import BadRequest, Event, Run, Worker

from data_table import NoTable, Table, read_table
from material import File, Material, NoFile
from summary import Series, correlations, findings, pictures, profile
from table_questions import NotUnderstood, answer

SESSIONS_MAX: Final = 1_000
"""How many sessions' chosen files are remembered."""
CONTENT: Final = {"agent": "liaison", "pillar": "content"}
INSIGHTS: Final = {"agent": "liaison", "pillar": "insights"}


class Say(msgspec.Struct):
    """The messages `user_message` and `file_selected`."""

    message: Annotated[str, msgspec.Meta(max_length=2_000)] = ""
    file_uuid: str | None = None
    file_name: str | None = None


class Chosen:
    """The file that each session has chosen last."""

    def __init__(self) -> None:
        """Starts without any."""
        self._files: OrderedDict[tuple[str, str], str] = OrderedDict()

    def remember(self, run: Run, file: File) -> None:
        """Keeps a session's file."""
        self._files[run.realm, run.session] = file.file_uuid
        self._files.move_to_end((run.realm, run.session))
        if len(self._files) > SESSIONS_MAX:
            self._files.popitem(last=False)

    def of(self, run: Run) -> str | None:
        """Gives the id of the session's file."""
        return self._files.get((run.realm, run.session))


def make_worker(material: Material) -> Worker:
    """Gives a worker for the files of one folder."""
    worker = Worker("liaison")
    chosen = Chosen()

    @worker.service("liaison-content")
    async def content(say: Say, run: Run) -> AsyncIterator[Event]:
        if run.type != "file_selected":
            files = material.files()
            words = ", ".join(file.file_name for file in files) or "no file yet"
            listed = [{"file_uuid": file.file_uuid, "file_name": file.file_name} for file in files]
            yield Event("question_answer", {**CONTENT, "message": f"There is {words}.", "data": {"files": listed}})
            return
        async for event in describe(material, say):
            yield event

    @worker.service("liaison-insights")
    async def insights(say: Say, run: Run) -> AsyncIterator[str | Event]:
        if run.type == "file_selected":
            async for event in analyse(material, say, run, chosen):
                yield event
            return
        reply = await question(material, say, chosen.of(run))
        for word in reply.words.split(" "):
            yield f"{word} "
        if reply.series is not None:
            yield Event("visualization_data", _picture(reply.series))

    return worker


async def describe(material: Material, say: Say) -> AsyncIterator[Event]:
    """Says what a chosen file is, as content does."""
    about = {**CONTENT, "file_uuid": say.file_uuid, "file_name": say.file_name}
    try:
        file, data, table = await _read(material, say)
    except (NoFile, NoTable) as reason:
        yield Event("file_error", {**about, "message": str(reason), "error_code": "BAD_REQUEST"})
        return
    facts = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "rows": table.rows}
    columns = [column.name for column in table.columns]
    about = {**CONTENT, "file_uuid": file.file_uuid, "file_name": file.file_name}
    yield Event("file_complete", {**about, "message": f"{file.file_name} is a table.", "data": {**facts, "columns": columns}})


async def analyse(material: Material, say: Say, run: Run, chosen: Chosen) -> AsyncIterator[Event]:
    """Says what is in a chosen file, as insights does, and remembers it for the session's questions."""
    about = {**INSIGHTS, "file_uuid": say.file_uuid, "file_name": say.file_name}
    await run.latest("file_processing", {**about, "status": "reading", "progress": 0.1}, key=say.file_uuid)
    try:
        file, _, table = await _read(material, say)
    except (NoFile, NoTable) as reason:
        yield Event("file_error", {**about, "message": str(reason), "error_code": "BAD_REQUEST"})
        return
    chosen.remember(run, file)
    about = {**INSIGHTS, "file_uuid": file.file_uuid, "file_name": file.file_name}
    await run.latest("file_processing", {**about, "status": "analysing", "progress": 0.5}, key=say.file_uuid)
    data, words, series = await asyncio.to_thread(_analysis, table)
    yield Event("file_complete", {**about, "message": f"{file.file_name} is read.", "data": {"rows": table.rows}})
    yield Event("analysis_result", {**about, "message": " ".join(words), "data": data})
    for picture in series:
        yield Event("visualization_data", {**_picture(picture), "file_uuid": file.file_uuid})


async def question(material: Material, say: Say, chosen: str | None) -> Any:
    """Answers a question about the named or chosen file. Raises BadRequest."""
    if say.file_uuid is None and say.file_name is None and chosen is None:
        raise BadRequest("choose a file first (file_selected)")
    if say.file_uuid is None and say.file_name is None:
        say = Say(say.message, chosen)
    try:
        _, _, table = await _read(material, say)
        return await asyncio.to_thread(answer, table, say.message)
    except (NoFile, NoTable, NotUnderstood) as reason:
        raise BadRequest(str(reason)) from reason


async def _read(material: Material, say: Say) -> tuple[File, bytes, Table]:
    file = material.find(file_uuid=say.file_uuid, file_name=say.file_name)
    data = await asyncio.to_thread(file.content)
    return file, data, await asyncio.to_thread(read_table, data)


def _analysis(table: Table) -> tuple[dict[str, Any], list[str], list[Series]]:
    return {"columns": profile(table), "correlations": correlations(table)}, findings(table), pictures(table)


def _picture(series: Series) -> dict[str, Any]:
    data = {"chart": series.chart, "labels": series.labels, "values": series.values}
    return {**INSIGHTS, "message": series.title, "data": data}

"""The tasks by name. A new task is a file in this package and a line here."""

from collections.abc import Mapping
from typing import Any

from seqcore.data.diagnostics import diagnostic
from seqcore.data.quoting import quoted
from seqcore.data.samples import sample_info, sample_names
from seqcore.data.tables import is_table
from seqcore.errors import SeqError
from seqcore.tasks.classify import Classify
from seqcore.tasks.diagnose import Diagnose
from seqcore.tasks.language import Language
from seqcore.tasks.music import Music, is_abc
from seqcore.tasks.task import Task

TASKS: dict[str, type[Task]] = {task.name: task for task in (Language, Music, Classify, Diagnose)}


def task_named(name: str) -> type[Task]:
    """Return the task of that name. Raises SeqError."""
    if name not in TASKS:
        raise SeqError(f"unknown task {quoted(name)}: choose one of {', '.join(TASKS)}")
    return TASKS[name]


def stored_task(values: object) -> Task:
    """Return the task in an untrusted JSON object, as `as_json` makes it. Raises SeqError."""
    if not isinstance(values, dict) or not isinstance(values.get("name"), str):
        raise SeqError("its task has no name")
    settings: Mapping[str, Any] = {key: value for key, value in values.items() if key != "name"}
    return task_named(values["name"]).from_settings(settings)


def as_json(task: Task) -> dict[str, Any]:
    """Return a task as a JSON object."""
    return {"name": task.name} | task.settings()


def guessed(source: str) -> type[Task]:
    """Return the task that a corpus is for, by its name."""
    if diagnostic(source) is not None:
        return Diagnose
    name = source.removeprefix("sample:")
    if source.startswith("sample:") or name in sample_names(None):
        return task_named(sample_info(name).task)
    if source != "-" and is_table(source):
        return Classify
    return Music if is_abc(source) else Language


def is_language(source: str) -> bool:
    """Return whether a corpus can be read as a text: all can but diagnostics, and samples for other tasks."""
    sample = source.startswith("sample:") or source in sample_names(None)
    return issubclass(guessed(source), Language) if sample else diagnostic(source) is None

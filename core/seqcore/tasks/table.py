"""The tasks by name. A new task is a file in this package and a line here."""

from collections.abc import Iterable, Mapping
from typing import Any

from seqcore.data.diagnostics import DIAGNOSTICS, Diagnostic, diagnostic
from seqcore.data.generated import generated_name
from seqcore.data.guessing import table_kind
from seqcore.data.parallel_files import is_parallel
from seqcore.data.picture_names import is_arrays
from seqcore.data.quoting import quoted
from seqcore.data.samples import sample_info, sample_names
from seqcore.data.tables import is_table
from seqcore.data.transductions import TRANSDUCTIONS, Transduction, transduction
from seqcore.errors import SeqError
from seqcore.records import Dial
from seqcore.tasks.caption import Caption
from seqcore.tasks.classify import Classify
from seqcore.tasks.diagnose import Diagnose
from seqcore.tasks.forecast import Forecast
from seqcore.tasks.language import Language
from seqcore.tasks.music import Music, is_abc
from seqcore.tasks.rows import ClassifyRows
from seqcore.tasks.task import Task
from seqcore.tasks.transduce import Transduce
from seqcore.tasks.translate import Translate

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (Language, Music, Classify, ClassifyRows, Forecast, Translate, Transduce, Caption, Diagnose)
}
OF_TABLES: dict[str, type[Task]] = {
    "texts": Classify,
    "rows": ClassifyRows,
    "sequences": Forecast,
    "pairs": Translate,
    "pictures": Caption,
}


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


def guessed(source: str, encoding: str = "utf-8") -> type[Task]:
    """Return the task that a corpus is for: by its name; of a table, by its columns."""
    if diagnostic(source) is not None:
        return Diagnose
    if transduction(source) is not None:
        return Transduce
    name = source.removeprefix("sample:")
    if source.startswith("sample:") or name in sample_names(None):
        return task_named(sample_info(name).task)
    if source != "-" and is_parallel(source):
        return Translate
    if is_arrays(source):
        return Caption
    if source != "-" and is_table(source):
        return OF_TABLES[table_kind(source, encoding)]
    return Music if is_abc(source) else Language


def check_options(task: type[Task], options: Mapping[str, Any]) -> None:
    """Raise SeqError if the task does not read one of the options that are given."""
    for name, value in options.items():
        if value and name not in task.options:
            readers = ", ".join(one.name for one in TASKS.values() if name in one.options)
            raise SeqError(f"--{name} is for {readers}; the task of this corpus is {task.name}")


def guess_said(source: str, task: type[Task]) -> str:
    """Return what the user should know about the guess that a table is for a task; empty for other corpora."""
    if source == "-" or source.startswith("sample:") or source in sample_names(None) or not is_table(source):
        return ""
    return f"the table is taken for {task.name}, {task.form} (--task changes it)"


def generated() -> list[tuple[type[Task], Dial, str]]:
    """Return the corpora that are generated, at their usual dials: task, dial, what is asked for."""
    kinds: tuple[tuple[type[Task], Iterable[Diagnostic | Transduction]], ...] = (
        (Diagnose, DIAGNOSTICS.values()),
        (Transduce, TRANSDUCTIONS.values()),
    )
    return [(task, Dial(one.name, one.dial, one.least, one.most), one.about) for task, ones in kinds for one in ones]


def is_language(source: str) -> bool:
    """Return whether a corpus can be read as a text: all can but diagnostics, and samples for other tasks."""
    sample = source.startswith("sample:") or source in sample_names(None)
    return issubclass(guessed(source), Language) if sample else generated_name(source) is None

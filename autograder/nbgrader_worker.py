"""Grades one submission with nbgrader's own autograde, in a process and a course folder of its own.

`python -m autograder.nbgrader_worker JOB.json`. Not a sandbox: the student's code runs with all rights of the person
who grades. What the process does give: one notebook cannot stop the class, and a killed run leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import resource
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import psutil
from nbclient.exceptions import DeadKernelError
from nbclient.util import ensure_async, run_sync
from nbgrader import utils
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets.config import Config

from autograder import messages
from autograder.assemble import grade_id_of, is_graded, is_manual

JOB: dict[str, Any] = {}
RESULT: dict[str, Any] = {"cells": {}, "manual": {}, "stopped": {}}


class Run(Execute):
    """Runs a notebook cell by cell, skips cells tagged `demo`, and notes of each cell how it ended."""

    skip_cells_with_tag = "demo"  # nbclient's own tag, skip-execution, then means nothing

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.timeout_func = lambda cell: JOB["check_seconds"] if _only_checks(cell) else JOB["cell_seconds"]
        self.stopped = ""
        self.begun = time.monotonic()

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if not self.stopped and time.monotonic() - self.begun > JOB["submission_seconds"]:
            self.stopped = f"the notebook had not finished after {JOB['submission_seconds']:g} s"
        if self.stopped:
            return cell, resources
        try:
            cell, resources = super().preprocess_cell(cell, resources, index)
            if _outcome(cell).get("ename") == "CellTimeoutError":
                self._must_answer(cell)
        except DeadKernelError:
            self.stopped = f"the kernel died in {_called(cell)} (out of memory, or the process was ended)"
        finally:
            RESULT["stopped"][resources["nbgrader"]["notebook"]] = self.stopped
        return cell, resources

    def _must_answer(self, cell: Any) -> None:
        # A loop in compiled code does not hear the interrupt; the cells behind it would be charged for it.
        async def ask() -> None:
            await ensure_async(self.kc.kernel_info(reply=True, timeout=15))

        try:
            run_sync(ask)()
        except (TimeoutError, RuntimeError):
            self.stopped = f"{_called(cell)} did not stop when its time was over"

    def on_cell_start(self, cell: Any, **kwargs: Any) -> None:
        self.cell_begun = time.monotonic()

    def on_cell_executed(self, **kwargs: Any) -> None:
        super().on_cell_executed(**kwargs)
        content = kwargs["execute_reply"]["content"]
        kwargs["cell"].metadata["outcome"] = {
            "ok": content["status"] == "ok",
            "ename": content.get("ename", ""),
            "seconds": round(time.monotonic() - self.cell_begun, 3),
        }


class Judge(NbGraderPreprocessor):
    """Turns what the graded cells left behind into points and messages.

    nbgrader gives no point for a cell that wrote to stderr and all points for one that never ran. Here a cell earns
    its points when it ran to its end without an exception, whatever was printed meanwhile.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        answers = {grade_id_of(c): c for c in nb.cells if c.metadata.get("nbgrader", {}).get("solution")}
        for cell in nb.cells:
            grade_id, outcome = grade_id_of(cell), _outcome(cell)
            if is_manual(cell):
                RESULT["manual"][grade_id] = utils.determine_grade(cell)[0] if not utils.is_task(cell) else None
            if not is_graded(cell):
                continue
            errors = _errors(cell)
            if not outcome:
                passed, message = None, "This cell was not run."
            elif outcome["ok"] and not errors:
                passed, message = True, ""
            else:
                key = grade_id.rsplit("-", 1)[0]
                answer = answers.get(key)
                passed, message = (
                    False,
                    messages.say(
                        {"ename": outcome["ename"]}
                        if outcome["ename"] == "CellTimeoutError" or not errors
                        else errors[-1],
                        key,
                        cell.execution_count,
                        answer.execution_count if answer else None,
                        (_errors(answer) or [None])[-1] if answer else None,
                        JOB["check_seconds"],
                    ),
                )
            cell.outputs = [] if passed else errors
            points = None if passed is None else utils.determine_grade(cell)[0]
            RESULT["cells"][grade_id] = {
                "points": points,
                "passed": passed,
                "message": message,
                "seconds": outcome.get("seconds"),
            }
        return nb, resources


def _only_checks(cell: Any) -> bool:
    return is_graded(cell) or "check" in cell.metadata.get("tags", [])


def _outcome(cell: Any) -> dict[str, Any]:
    return cell.metadata.get("outcome", {})


def _errors(cell: Any) -> list[Any]:
    return [output for output in cell.get("outputs", []) if output.output_type == "error"]


def _called(cell: Any) -> str:
    """How a cell is called in a message: its id, else its first line of code."""
    first = next((line for line in cell.source.splitlines() if line.strip() and not line.startswith("#")), "")
    return grade_id_of(cell) or f"the cell that starts with `{messages.plain(first, 60)}`"


def end_tree() -> None:
    """Ends the kernels that this process started, and all that they started."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def _die_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    end_tree()
    os._exit(1)


def main(job: str) -> None:
    """Grades what JOB.json names and writes its `result`, a JSON file, last and whole."""
    JOB.update(json.loads(Path(job).read_text(encoding="utf-8")))
    threading.Thread(target=_die_with_parent, args=(os.getppid(),), daemon=True).start()
    begun = time.monotonic()
    logging.basicConfig(level=logging.WARNING)
    warnings.simplefilter("ignore")  # SQLAlchemy on the order in which nbgrader adds its rows
    log = logging.getLogger("nbgrader")
    config = Config()
    config.Autograde.autograde_preprocessors = [Run, Judge]
    config.OverwriteCells.add_missing_cells = True
    coursedir = CourseDirectory(
        config=config, root=JOB["root"], assignment_id=JOB["lab"], student_id=JOB["student"], log=log
    )
    converter = Autograde(coursedir=coursedir, config=config, log=log)
    converter.start()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    RESULT["resources"] = {
        "seconds": round(time.monotonic() - begun, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(used.ru_maxrss / 1024, 0),
    }
    target = Path(JOB["result"])
    target.with_suffix(".part").write_text(json.dumps(RESULT), encoding="utf-8")
    os.replace(target.with_suffix(".part"), target)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    finally:
        end_tree()

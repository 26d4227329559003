"""Runs the checks of one lab against its reference solutions, stubs and mutants, in a separate process.

`python -m autograder.author.prove_worker LAB_FOLDER JOB.json`. The lab's setup cells and reference solutions run once; then each
answer is inserted into a copy of that namespace, and only its checks run. Each result is written to the job's `result` as
a line of JSON as soon as it is known, so the progress of a process that dies is on record.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.author.lab_source import THE_REFERENCE, THE_STUB, Exercise, Lab, load_lab
from autograder.course.markers import fixed_seed


class TooSlow(BaseException):
    """A check exceeded its time limit. Not an Exception, so that a wrong answer's `except Exception` cannot swallow it."""


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raises TooSlow in the block after this many seconds."""

    def ring(*_: Any) -> None:
        raise TooSlow(f"stopped after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    # Repeats every second, in case the code catches the first one with a bare `except:`.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def said(call: Any, seconds: float) -> str | None:
    """None if `call()` raises nothing, else the exception as text."""
    try:
        with limit(seconds):
            call()
    except AssertionError as e:
        return str(e) or "AssertionError"
    except (Exception, SystemExit, TooSlow) as e:
        return f"{type(e).__name__}: {e}"
    return None


def judge(
    exercise: Exercise, answer: str, space: dict[str, Any], hidden: dict[str, Any], seeds: list[int], seconds: float
) -> dict[str, Any]:
    """The results of the checks for one answer.

    Returns
    -------
    dict
        `told`: the visible check's message, None if it passes; `lost`: for each seed the graded cells that fail;
        `messages`: for each lost cell the message for the first failing seed.
    """
    import numpy

    space = dict(space)
    try:
        with limit(seconds):
            exec(compile(answer, f"<{exercise.key}>", "exec"), space)
        f = space[exercise.key]
    except (Exception, SystemExit, TooSlow) as e:
        raise ValueError(f"the answer's cell itself raises {type(e).__name__}: {e}") from e
    told = said(lambda: getattr(space["checks"], exercise.key)(f), seconds)
    lost: list[list[str]] = []
    messages: dict[str, str] = {}
    numbered = [(cell, hidden[cell.check]) for cell in exercise.cells]
    for seed in [*seeds, None]:  # None: the seed in the notebook's own cell
        failed = []
        for cell, check in numbered:
            rng = numpy.random.default_rng(fixed_seed(cell.id) if seed is None else seed)
            message = said(lambda check=check, rng=rng: check(f, rng), seconds)
            if message is not None:
                failed.append(cell.id)
                messages.setdefault(cell.id, message)
        lost.append(failed)
    return {"told": told, "lost": lost, "messages": messages}


def prepare(lab: Lab) -> dict[str, dict[str, Any]]:
    """The namespace of each notebook: its setup cells and reference solutions, run in order."""
    spaces = {}
    for stem, cells in lab.sources.items():
        space: dict[str, Any] = {"__name__": "__main__"}
        references = {e.key: e.reference for e in lab.exercises if e.notebook == stem}
        for cell in cells:
            if "setup" not in cell.tags and cell.id not in references:
                continue
            source = references.get(cell.id, cell.source)
            try:
                exec(compile(source, f"{cell.path.name}:{cell.line}", "exec"), space)
            except Exception as e:
                where = f"{cell.path.name}, line {cell.line}"
                raise RuntimeError(f"{where}: this cell raises {type(e).__name__}: {e}") from e
        spaces[stem] = space
    return spaces


def main(folder: str, job: str) -> None:
    """Proves a lab; writes one line of JSON for each answer."""
    wanted = json.loads(Path(job).read_text(encoding="utf-8"))
    seeds, seconds = list(range(wanted["seeds"])), wanted["seconds"]
    lab = load_lab(Path(folder))
    with open(wanted["result"], "w", encoding="utf-8", buffering=1) as out:

        def report(**line: Any) -> None:
            out.write(json.dumps(line) + "\n")

        silent = io.StringIO()
        os.chdir(lab.folder)
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            begun = time.monotonic()
            try:
                spaces = prepare(lab)
            except RuntimeError as e:
                report(exercise="", answer="setup", error=str(e))
                return
            report(exercise="", answer="setup", seconds=time.monotonic() - begun)
            for exercise in lab.exercises:
                hidden: dict[str, Any] = {"__name__": f"hidden.{exercise.key}"}
                try:
                    text = exercise.hidden_path.read_text(encoding="utf-8") if exercise.cells else ""
                    exec(compile(text, str(exercise.hidden_path.name), "exec"), hidden)
                    missing = [cell.check for cell in exercise.cells if cell.check not in hidden]
                    if missing:
                        raise NameError(f"{exercise.hidden_path.name} has no function {', '.join(missing)}")
                except Exception as e:
                    report(exercise=exercise.key, answer=THE_REFERENCE, error=f"hidden checks: {type(e).__name__}: {e}")
                    continue
                answers = {THE_REFERENCE: exercise.reference, THE_STUB: exercise.stub}
                answers |= {f"mutant {m.name}": m.source for m in exercise.mutants}
                for name, source in answers.items():
                    report(exercise=exercise.key, answer=name, begun=True)
                    begun = time.monotonic()
                    try:
                        found = judge(exercise, source, spaces[exercise.notebook], hidden, seeds, seconds)
                        report(exercise=exercise.key, answer=name, seconds=time.monotonic() - begun, **found)
                    except ValueError as e:
                        report(exercise=exercise.key, answer=name, seconds=time.monotonic() - begun, error=str(e))


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2])
    except Exception:
        traceback.print_exc()
        sys.exit(1)

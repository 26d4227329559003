"""`autograder doctor`: checks step by step whether this machine can grade, and says how to fix problems."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.text import Text

from autograder.check.protocol.verdict import FAILED
from autograder.check.runner.host import CheckerHost
from autograder.course import choices
from autograder.course.course import Course
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from autograder.notebook.code_cells import CHECK, SOLUTION, CodeCell
from autograder.plain_text import count
from warmkernel import doctor as warm
from warmkernel import pool
from warmkernel.errors import WarmkernelError

PACKAGES = ("nbgrader", "nbformat", "nbclient", "nbconvert", "jupyter_client", "jupytext", "filelock", "rich")
FREE_DISK, FREE_MEMORY = 2 << 30, 3 << 30  # bytes needed to build a class, and by a lab's kernel


def run(course: Course | None = None, console: Console | None = None) -> bool:
    """Prints what works and what is missing; returns True if this machine can grade.

    Parameters
    ----------
    course : Course, optional
        The current course, if any: its gradebook and releases are checked too.
    """
    console = console or Console()
    right = True
    steps: list[tuple[str, Callable[[], Iterator[str]]]] = [
        ("packages", _packages), ("sandbox for students' code", _kernels), ("sandbox for checks", _checker), ("disk and memory", _room),
    ]  # fmt: skip
    if course is not None:
        steps.append((f"course {course.root.name}", lambda: _course(course)))
    for title, step in steps:
        console.print(Text(title, style="bold"))
        try:
            for line in step():
                console.print(Text(f"  {line}"), soft_wrap=True)
        except (AutograderError, WarmkernelError) as e:
            right = False
            console.print(Text(f"  MISSING: {e}", style="red"), soft_wrap=True)
    console.print(
        "This machine can grade." if right else "This machine cannot grade yet: fix the items marked MISSING."
    )
    return right


def _packages() -> Iterator[str]:
    if sys.version_info[:2] != (3, 11):
        raise AutograderError(f"Python is {platform.python_version()}; the labs need 3.11. Run: make setup")
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise AutograderError(f"not installed: {', '.join(missing)}. Run: make setup")
    yield f"ok: Python {platform.python_version()}, {', '.join(PACKAGES)}"
    if os.environ.get("PYTHONDONTWRITEBYTECODE") and importlib.util.find_spec("tensorflow"):
        yield "note: PYTHONDONTWRITEBYTECODE is set, so TensorFlow takes three times as long to start. Run: unset PYTHONDONTWRITEBYTECODE"


def _kernels() -> Iterator[str]:
    try:
        yield from warm.walk()
    finally:
        pool.close_all()


def _checker() -> Iterator[str]:
    """Checks an answer with no kernel at the other end: the check must run and fail."""
    cells = [CodeCell(SOLUTION, "f", "def f(x):\n    return x"), CodeCell(CHECK, "f-1", "assert f(1) == 1", 1.0)]
    mine, theirs = socket.socketpair()
    theirs.close()
    with CheckerHost(keras=False) as host, host.server(cells) as server, server.submission() as submission:
        verdict = submission.check("f-1", mine, 10.0)
    if verdict.status != FAILED:
        raise AutograderError(
            f"a check without a kernel ended as {verdict.status}, expected {FAILED}. Please report this message."
        )
    yield "ok: checks run in their own sandbox"


def _room() -> Iterator[str]:
    free = shutil.disk_usage(os.getcwd()).free
    if free < FREE_DISK:
        raise AutograderError(
            f"{free / 2**30:.1f} GiB free on this disk, expected {FREE_DISK / 2**30:g}. Free some space."
        )
    yield f"ok: {free / 2**30:.0f} GiB free on this disk"
    import psutil

    memory = psutil.virtual_memory().available
    cores = os.cpu_count() or 1
    word = "ok" if memory >= cores * FREE_MEMORY else "note: little memory"
    yield f"{word}: {memory / 2**30:.0f} GiB of memory free; up to {cores} parallel submissions may use {FREE_MEMORY >> 30} GiB each"


def _course(course: Course) -> Iterator[str]:
    if not os.access(course.root, os.W_OK):
        raise AutograderError(f"{course.root} is not writable. Change its owner, or copy the course.")
    if not course.gradebook.is_file():
        yield f"note: no gradebook yet at {course.gradebook.name}; release or grade creates one"
    else:
        from autograder.record import gradebook

        with gradebook.opened(course) as book:
            yield f"ok: the gradebook has {count(len(book.assignments), 'assignment')} and {count(len(book.students), 'student')}"
    yield f"ok: {course.kind}: {len(course.folders())}"
    if not isinstance(course, LabCourse):
        if (course.root / choices.NAME).is_file():
            yield f"note: {choices.NAME} has no effect in an nbgrader course; it is for labs built from sources"
        return
    if hidden := [path.name for path in sorted(course.solutions.iterdir()) if course.left_out(path.name)]:
        yield f"note: course.toml leaves out {', '.join(hidden)}"

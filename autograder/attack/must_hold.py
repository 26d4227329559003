"""Five guarantees: the evidence collected before and after a grading, and which guarantee an attack violated.

1. Neighbours get exactly the same marks and messages as without the offenders.
2. No answer gets more or fewer points than it deserves.
3. Nothing outside the submission is read or changed, no data leave the machine, no process is left, no hidden content is shown.
4. Every offender has a status and an understandable reason.
5. The run ends by itself, within its limits.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from autograder.attack.kinds import CELLS, LAB, Kind, Targets
from autograder.check.protocol.verdict import Cause
from autograder.course.course import Course
from autograder.record import gradebook
from autograder.record.records import GRADED, STATUSES, Record
from autograder.remarks import About
from autograder.run import sandboxes

# An input of a hidden check, and a name in its source. No page, record or table may show either.
PLANTED = re.compile(rb"27182\.0|(?<![0-9a-zA-Z])27182(?![0-9a-zA-Z])|planted_values")
VARIABLE = "AUTOGRADER_ATTACK"
# Paths that grading may write; everything else in a course must be unchanged.
WRITTEN = (
    ".autograder/records",
    ".autograder/calibrations",
    ".autograder/grade.lock",
    "autograded",
    "feedback",
    "gradebook.db",
    "grades.csv",
)
SHOWN = (".autograder/records", "autograded", "feedback", "grades.csv")
HASHED = 64 << 20  # bytes; for larger files, only size and time are compared
PATIENCE = 15.0  # seconds within which the last process must end
SLACK = 90.0  # extra seconds for a submission on a busy machine


@dataclass
class Observed:
    """The evidence from one grading of a class.

    Attributes
    ----------
    records : dict
        By student, after the run with the offenders.
    alone, beside : dict
        The neighbours' results without the offenders, and with them.
    changed, heard, left, shown : list of str
        Changed files that grading may not write; listeners that were contacted; processes left running; files that show
        hidden content.
    failed : str
        The error that ended the run, "" if there was none.
    limit : float
        Time limit of one submission, in seconds.
    """

    records: dict[str, Record] = field(default_factory=dict)
    alone: dict[str, object] = field(default_factory=dict)
    beside: dict[str, object] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    failed: str = ""
    limit: float = 60.0


def broken(observed: Observed, kind: Kind) -> list[str]:
    """Violations of guarantees 2, 4 and 5 by one offender, as sentences with the expected and actual result."""
    record = observed.records.get(kind.who)
    if record is None:
        return [f"4: no record of {kind.who!r}"]
    found = []
    points = {cell.id: cell.points for cell in record.cells}
    for cell, deserved in zip(CELLS, kind.marks, strict=True):
        got = points.get(cell)
        less = not kind.exact and (got is None or got <= (deserved or 0.0))
        if got != deserved and not less:
            found.append(f"2: {cell}: expected {deserved}, got {got}")
    expected = kind.status or "any"
    if record.status not in STATUSES[2:] or (kind.status and record.status != kind.status and kind.exact):
        found.append(f"4: expected the status {expected}, got {record.status} ({record.reason})")
    words = " / ".join([record.reason, *record.flags, *(cell.message for cell in record.cells)])
    known: set[Cause | About] = {cell.finding.cause for cell in record.cells if cell.finding}
    known |= {remark.about for remark in (*record.reasons, *record.remarks)}
    if kind.because and not kind.because & known:
        found.append(
            f"4: expected one of {', '.join(sorted(kind.because))}; got {', '.join(sorted(known))}: {words[:400]}"
        )
    if record.status != GRADED and not record.reason:
        found.append("4: no reason given")
    if record.retry or "Traceback" in words:
        found.append(f"4: reported as a failure of the grader itself: {record.reason}")
    if (took := record.resources.get("seconds", 0.0)) > observed.limit + SLACK:
        found.append(f"5: took {took:.0f} s, with a limit of {observed.limit:.0f} s")
    return found


def broken_by_class(observed: Observed) -> list[str]:
    """Violations of guarantees 1, 3 and 5 for the class as a whole."""
    found = []
    for student, alone in observed.alone.items():
        beside = observed.beside.get(student)
        if beside != alone:
            found.append(f"1: {student}: expected (as without offenders) {alone}, got {beside}")
    found += [f"3: changed: {path}" for path in observed.changed]
    found += [f"3: contacted: {name}" for name in observed.heard]
    found += [f"3: process left running: {name}" for name in observed.left]
    found += [f"3: shows hidden content: {path}" for path in observed.shown]
    found += [f"5: the run failed with {observed.failed}"] if observed.failed else []
    return found


def standing(course: Course, records: Iterable[Record], students: Iterable[str]) -> dict[str, object]:
    """The students' results: records (without times), gradebook entries and pages."""
    found: dict[str, object] = {}
    scores = _scores(course)
    for record in records:
        if record.student in students:
            cells = [(c.id, c.points, c.max, c.passed, c.message, c.seed, c.outside) for c in record.cells]
            manual = [(t.id, t.points) for t in record.manual]
            book = scores.get(record.student)
            pages = snapshot(course.autograded / record.student)
            found[record.student] = (
                record.status,
                record.reason,
                record.flags,
                cells,
                manual,
                book,
                sorted(pages.items()),
            )
    return found


def _scores(course: Course) -> dict[str, list[tuple[object, ...]]]:
    """Each student's gradebook entries: every cell with its scores."""
    with gradebook.opened(course) as book:
        return {
            submission.student.id: sorted(
                (notebook.name, grade.name, str(grade.auto_score), str(grade.manual_score), grade.needs_manual_grade)
                for notebook in submission.notebooks
                for grade in notebook.grades
            )
            for submission in book.assignment_submissions(LAB)
        }


def snapshot(*places: Path, without: Iterable[Path] = ()) -> dict[str, str]:
    """The contents of folders, by path: file type, permissions, and contents of files and links."""
    leave = {str(path) for path in without}
    found: dict[str, str] = {}
    waiting = [str(place) for place in places]
    while waiting:
        path = waiting.pop()
        if path in leave:
            continue
        status = os.lstat(path)
        said = oct(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            waiting += [os.path.join(path, name) for name in os.listdir(path)]
        elif stat.S_ISLNK(status.st_mode):
            said += os.readlink(path)
        elif stat.S_ISREG(status.st_mode):
            if status.st_size > HASHED:
                said += f" {status.st_size} {status.st_mtime_ns}"
            else:
                with open(path, "rb") as file:
                    said += hashlib.sha256(file.read()).hexdigest()
        found[path] = said
    return found


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The paths added, removed or changed."""
    return [path for path in sorted(before | after) if before.get(path) != after.get(path)]


def outside(course: Course, canary: Path) -> dict[str, str]:
    """A snapshot of everything that grading may not change."""
    return snapshot(course.root, canary.parent, without=[course.root / name for name in WRITTEN])


def shows(course: Course, said: str) -> list[str]:
    """The places that show part of a hidden check."""
    found = ["the command's output"] if PLANTED.search(said.encode("utf-8", "replace")) else []
    for name in SHOWN:
        top = course.root / name
        for path in [top] if top.is_file() else top.rglob("*"):
            if path.is_file() and PLANTED.search(path.read_bytes()):
                found.append(str(path.relative_to(course.root)))
    return found


class Watch:
    """Provides listeners, a variable and a file as targets, and afterwards reports which were touched.

    Parameters
    ----------
    folder : Path
        The instructor's folder, for the canary and a socket.
    """

    def __init__(self, folder: Path):
        token = f"hostile-{secrets.token_hex(4)}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "canary").write_text("the canary of the grader\n", encoding="utf-8")
        self.listeners = {
            "TCP": socket.create_server(("127.0.0.1", 0)),
            "unix": socket.socket(socket.AF_UNIX),
            "abstract": socket.socket(socket.AF_UNIX),
        }
        path = folder / "listener"
        path.unlink(missing_ok=True)
        self.listeners["unix"].bind(str(path))
        self.listeners["abstract"].bind(f"\0{token}")
        for name in ("unix", "abstract"):
            self.listeners[name].listen()
        self.targets = Targets(token, folder / "canary", self.listeners["TCP"].getsockname()[1], path)

    def __enter__(self) -> Watch:
        self.before = set(descendants())
        os.environ[VARIABLE] = self.targets.token
        return self

    def __exit__(self, *_: object) -> None:
        os.environ.pop(VARIABLE, None)
        for listener in self.listeners.values():
            listener.close()

    def heard(self) -> list[str]:
        """The listeners that received a connection."""
        found = []
        for name, listener in self.listeners.items():
            listener.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                found.append(name)
        return found

    def left(self) -> list[str]:
        """The processes still running after the grading's own processes have ended."""
        sandboxes.close()
        end = time.monotonic() + PATIENCE
        while (found := list(self._left())) and time.monotonic() < end:
            time.sleep(0.2)
        return found

    def _left(self) -> Iterator[str]:
        token = self.targets.token
        ours = set(descendants())
        for process in psutil.process_iter():
            number, command, environment = process.pid, "", {}
            with contextlib.suppress(psutil.Error, OSError):  # ended, or owned by another user
                command = " ".join(process.cmdline())
                environment = process.environ()
            marked = token in command or token in environment
            inherited = any(token in text for text in [*environment, *environment.values()])
            astray = inherited and number not in ours and number != os.getpid()
            if marked or astray or (number in ours and number not in self.before):
                yield f"{number} {command[:100]}"


def descendants() -> list[int]:
    """The descendants of this process."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found

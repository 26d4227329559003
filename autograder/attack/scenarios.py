"""Attacks on a run as a whole, each with its own class or collection."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from rich.console import Console

from autograder.attack import must_hold
from autograder.attack.kinds import LAB, Desk
from autograder.attack.must_hold import Watch
from autograder.author.lab_source import load_lab
from autograder.collect import collect
from autograder.collect.submissions import NamesRefused
from autograder.course.course import Course
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from autograder.record.records import GRADED, RUNNING, Record, RecordStore
from autograder.report import export
from autograder.run import grade
from autograder.run.results import Seconds

LONGEST = 240.0  # seconds for a run of three students on a busy machine
BOMB = 400_000_000  # bytes that a small archive unpacks to


@dataclass(frozen=True)
class Scenario:
    """One such attack: `run` takes the released course and a working folder, and returns the violations."""

    name: str
    tries: str
    run: Callable[[Course, Path], list[str]]
    quick: bool = False


def _fresh(course: Course, folder: Path) -> LabCourse:
    """A copy of a released course, without submissions and their results."""
    leave = shutil.ignore_patterns("submitted", "autograded", "feedback", "records", "grade.lock", "scratch")
    shutil.copytree(course.root, folder / "course", ignore=leave)
    return LabCourse(folder / "course")


def _hand_in(course: Course, watch: Watch, **answers: str) -> None:
    lab = load_lab(course.find(LAB))
    for student, source in answers.items():
        desk = Desk(course, lab, student, watch.targets)
        desk.hand_in(desk.answered(centre=source + desk.right("centre")))


def killed(course: Course, folder: Path) -> list[str]:
    """SIGKILL to the grader in the middle of a class: running the command again finishes it, with no leftovers."""
    course = _fresh(course, folder)
    broken = []
    with Watch(folder / "person") as watch:
        sleep = f"import subprocess, time\nsubprocess.Popen(['sleep', '900'], env={{'{watch.targets.token}': '{watch.targets.token}'}})\ntime.sleep(2)\n"
        _hand_in(course, watch, s1=sleep, s2=sleep, s3=sleep)
        command = [sys.executable, "-m", "autograder.cli", "--course", str(course.root), "grade", LAB, "--workers", "1"]
        first = subprocess.Popen(
            command, env=course.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        store = RecordStore(course.state)
        end = time.monotonic() + LONGEST
        states: dict[str, str] = {}
        while not (GRADED in states.values() and RUNNING in states.values()):
            if first.poll() is not None or time.monotonic() > end:
                first.kill()
                return [f"5: the run ended before it could be killed: {states}"]
            states = {s: r.status for s in ("s1", "s2", "s3") if (r := store.load(LAB, s))}
            time.sleep(0.05)
        kept = {s: store.load(LAB, s) for s, status in states.items() if status == GRADED}
        first.send_signal(signal.SIGKILL)
        first.wait()
        broken += [f"3: process left running: {name}" for name in watch.left()]
        second = subprocess.run(
            command, env=course.environment(), capture_output=True, text=True, timeout=LONGEST, encoding="utf-8"
        )
        if second.returncode:
            broken.append(f"5: the second run: expected status 0, got {second.returncode}: {second.stderr[-500:]}")
        for student in ("s1", "s2", "s3"):
            record = store.load(LAB, student)
            if record is None or (record.status, record.points) != (GRADED, 6.0):
                broken.append(
                    f"1: {student}: expected 6 points, got {record and (record.status, record.points, record.reason)}"
                )
            if student in kept and record != kept[student]:
                broken.append(f"1: {student} was graded twice")
        broken += [f"3: process left running: {name}" for name in watch.left()]
    broken += [f"3: left: {p.name}" for p in (course.state / "scratch").glob("*")]
    return broken


def full_disk(course: Course, folder: Path) -> list[str]:
    """The grader's disk fills up during a run: a message says so, and the same command continues once there is space."""
    course = _fresh(course, folder)
    broken = []
    with Watch(folder / "person") as watch:
        _hand_in(course, watch, s1="", s2="")
        write, count = grade.RecordStore.save, 0

        def full(self: RecordStore, record: Record) -> None:
            nonlocal count
            count += 1
            if count == 6:
                raise OSError(errno.ENOSPC, "No space left on device", str(self.path(record.lab, record.student)))
            write(self, record)

        options, console = grade.Options(seconds=Seconds(6, 8, 40), workers=1), Console(file=io.StringIO())
        grade.RecordStore.save = full  # type: ignore[method-assign]
        try:
            grade.run(course, LAB, options=options, console=console)
            broken.append("4: the full disk was not reported")
        except AutograderError as e:
            if not (isinstance(e.__cause__, OSError) and e.__cause__.errno == errno.ENOSPC):
                broken.append(f"4: expected a message about the full disk, got {e}")
        except OSError as e:
            broken.append(f"4: expected a message, got {e!r}")
        finally:
            grade.RecordStore.save = write  # type: ignore[method-assign]
        for record in grade.run(course, LAB, options=options, console=console):
            if (record.status, record.points) != (GRADED, 6.0):
                broken.append(f"1: {record.student}: expected 6 points, got {record.status} {record.points}")
        broken += [f"3: process left running: {name}" for name in watch.left()]
    return broken


def archives(course: Course, folder: Path) -> list[str]:
    """Archives that write elsewhere, are zip bombs or contain links, collected together with valid ones."""
    course = _fresh(course, folder)
    inbox = folder / "inbox"
    inbox.mkdir()
    notebook = (course.notebooks / LAB / f"{LAB}.ipynb").read_text(encoding="utf-8")

    def pack(name: str, members: Mapping[str, bytes | str], link: str = "", mode: int = zipfile.ZIP_DEFLATED) -> None:
        with zipfile.ZipFile(inbox / name, "w", mode) as archive:
            for member, data in members.items():
                archive.writestr(member, data)
            if link:
                info = zipfile.ZipInfo(f"{LAB}.ipynb")
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(info, link)

    good = {f"{LAB}.ipynb": notebook}
    pack("01--a.zip", good)
    pack("01--climbs.zip", {**good, "../../climbed.ipynb": notebook})
    pack("01--absolute.zip", {**good, str(folder / "climbed.ipynb"): notebook})
    pack("01--backslash.zip", {**good, "..\\..\\climbed.ipynb": notebook})
    pack("01--bomb.zip", {f"{LAB}.ipynb": b" " * BOMB})
    pack("01--link.zip", {}, link=str(course.solutions / LAB / f"{LAB}.ipynb"))
    pack("01--twice.zip", {**good, f"x/{LAB}.ipynb": notebook})
    pack("01--many.zip", {f"{n}.txt": b"" for n in range(20_000)})
    pack("01--whose.zip", {**good, "submission.json": json.dumps({"student": "a"})})
    pack(
        "01--about.zip",
        {**good, "submission.json": '{"lab": ["../../x"], "created": "9999-12-31T23:59:59-23:59", "student": {}}'},
    )
    pack("01--hidden-folder.zip", {f".git/{LAB}.ipynb": notebook})
    (inbox / "01--cut.zip").write_bytes((inbox / "01--a.zip").read_bytes()[:-60])
    (inbox / "01--page.zip").write_bytes(b"<!DOCTYPE html><html></html>")
    os.symlink(course.gradebook, inbox / "01--book.zip")
    os.mkfifo(inbox / "01--pipe.zip")
    for odd in ("01--.autograder.zip", "01--...zip", "01--scratch.zip"):
        shutil.copyfile(inbox / "01--a.zip", inbox / odd)
    pack("01--z.zip", good)
    (folder / "person").mkdir()
    before = must_hold.outside(course, folder / "person" / "canary")
    begun = time.monotonic()
    found = collect.run(course, inbox)
    broken = [f"5: collecting took {took:.0f} s"] if (took := time.monotonic() - begun) > 60 else []
    taken, left = {one.student for one in found.taken}, dict(found.left)
    broken += [f"1: {student} was not collected" for student in ("a", "z", "about", "scratch") if student not in taken]
    for name in ("climbs", "absolute", "backslash", "bomb", "link", "twice", "many", "whose", "cut", "page", "book"):
        if f"01--{name}.zip" not in left or name in taken:
            broken.append(
                f"4: 01--{name}.zip: expected to be left in place with a reason; left in place: {sorted(left)}"
            )
    changed = must_hold.differences(before, must_hold.outside(course, folder / "person" / "canary"))
    wrong = [
        p for p in changed if not Path(p).is_relative_to(course.submitted) and not Path(p).is_relative_to(course.state)
    ]
    broken += [f"3: changed: {path}" for path in wrong]
    broken += [f"3: written: {path}" for path in folder.rglob("climbed*")]
    broken += [f"3: collected: {path}" for path in course.submitted.rglob("*") if path.is_symlink()]
    size = sum(path.stat().st_size for path in course.submitted.rglob("*") if path.is_file())
    return broken + ([f"3: {size:,} bytes were written"] if size > 20 * len(notebook) else [])


def tables(course: Course, folder: Path) -> list[str]:
    """Names and dates that are formulas, in the exported table."""
    course = _fresh(course, folder)
    names = ["=1+1", "@SUM(A1)", "Doe, Jr", "-2+3", "+1", 'a"b', "\uff1d1"]
    with Watch(folder / "person") as watch:
        _hand_in(course, watch, **dict.fromkeys(names, ""))
        for name in names:
            (course.submitted / name / LAB / "timestamp.txt").write_text("=1+1", encoding="utf-8")
            (course.submitted / name / LAB / "submission.json").write_text(
                json.dumps({"created": "=1+1", "hand_in": 2}), encoding="utf-8"
            )
            (course.submitted / name / LAB / "=cmd.ipynb").write_text("{}", encoding="utf-8")
        options = grade.Options(seconds=Seconds(6, 8, 40))
        grade.run(course, LAB, options=options, console=Console(file=io.StringIO()))
        watch.left()
    out = course.root / "grades.csv"
    export.run(course, LAB, out, console=Console(file=io.StringIO()))
    rows = list(csv.reader(io.StringIO(out.read_text(encoding="utf-8-sig"))))
    broken = [f"2: expected {len(rows[0])} columns, got {len(row)}: {row}" for row in rows if len(row) != len(rows[0])]
    live = {cell for row in rows[1:] for cell in row if re.match(r"[\s]*[=+\-@\uff1d]", cell)}
    return broken + [f"3: a live formula: {cell!r}" for cell in sorted(live)]


def pages(course: Course, folder: Path) -> list[str]:
    """Feedback pages of the previous class: no script, and no link that runs one."""
    broken = []
    for page in sorted(course.feedback.rglob("*.html")):
        reader = _Running()
        reader.feed(page.read_text(encoding="utf-8"))
        broken += [f"3: {page.relative_to(course.feedback)} runs {what}" for what in reader.found]
    return broken


class _Running(HTMLParser):
    """Finds the parts of a page that a browser would run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "svg", "base", "form"):
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or (
                name in ("href", "src") and re.match(r"\s*(javascript|vbscript)", value or "")
            ):
                self.found.append(f"{name}={value!r}")


def unnameable(course: Course, folder: Path) -> list[str]:
    """Folders with invalid names: all others are graded, and the command reports these."""
    course = _fresh(course, folder)
    with Watch(folder / "person") as watch:
        _hand_in(course, watch, good="")
        names = {b"\xff\xfe", b"a\nb", b"n" * 255, b"*", b"[red]"}
        for name in names:
            os.makedirs(os.path.join(os.fsencode(course.submitted), name, LAB.encode()))
        options = grade.Options(seconds=Seconds(6, 8, 40))
        try:
            grade.run(course, LAB, options=options, console=Console(file=io.StringIO()))
            broken = ["4: the folders with invalid names were not reported"]
        except AutograderError as e:
            told = isinstance(e, NamesRefused) and set(e.names) == names
            broken = [] if told else [f"4: expected a report of {names}, got {e}"]
        watch.left()
    record = RecordStore(course.state).load(LAB, "good")
    return broken + ([] if record and record.points == 6.0 else [f"1: good: expected 6 points, got {record}"])


SCENARIOS = (
    Scenario("grader-killed", "SIGKILL to the grader in the middle of a class", killed),
    Scenario("grader-disk-full", "no disk space left for records", full_disk),
    Scenario("archives", "zip members outside the archive, zip bombs, links, pipes", archives, quick=True),
    Scenario("tables", "names and dates that are formulas", tables),
    Scenario("pages", "scripts in the feedback of the previous class", pages, quick=True),
    Scenario(
        "unnameable", "folders whose names are invalid UTF-8, too long, or patterns that match all students", unnameable
    ),
)

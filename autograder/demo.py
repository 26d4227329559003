"""`autograder demo`: the whole workflow, from end to end, on a generated class.

A temporary course gets a copy of the sources; the labs are built and released; eight students hand in lab 01; the zips
are collected and graded, feedback is written, and the marks are shown with a reason for each lost mark. Finally, every
mark is compared with the expectations in the mutants' files, so a wrong mark cannot go unnoticed.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from rich.console import Console
from rich.text import Text

from autograder.author import build
from autograder.author.lab_source import Exercise, Lab, Mutant, load_lab
from autograder.check.runner.host import CheckerHost
from autograder.collect import collect
from autograder.course.course import Course
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from autograder.notebook.cells import grade_id_of
from autograder.record.records import GRADED, Record
from autograder.release import release
from autograder.report import class_report, export, feedback
from autograder.report.tables import show_marks, show_reasons
from autograder.run import grade
from autograder.run.sandboxes import readable_data

MARKER = ".made-by-autograder-demo"
IN_WORDS = "A written answer, awaiting manual grading."
PERFECT, BLANK, HALF_WAY = "lindqvist-astrid", "okafor-daniel", "rossi-giulia"
MISTAKEN = ("haddad-samir", "mensah-abena", "nguyen-linh", "petrova-elena", "silva-mateus")


@dataclass
class Student:
    """One made-up student: the source of each answer, and the graded cells that must be lost."""

    name: str
    story: str
    answers: dict[str, str] = field(default_factory=dict)
    loses: set[str] = field(default_factory=set)
    in_words: bool = False


def run(
    course: Course,
    into: Path | str = Path("demo-class"),
    lab: str = "01",
    workers: int | None = None,
    console: Console | None = None,
) -> list[Record]:
    """Creates a class in the folder `into`, grades it and shows the marks.

    Parameters
    ----------
    course : Course
        The course whose sources are copied; it is not changed.
    into : Path
        The temporary course. A folder made by the demo is replaced; any other is refused.
    lab : str
        The lab that is handed in.

    Returns
    -------
    list of Record

    Raises
    ------
    AutograderError
        If `into` contains anything else, or a mark differs from the mutants' files.
    """
    console = console or Console()
    begun = time.monotonic()
    name = course.find(lab).name
    if name.endswith("_cardiomegaly"):
        with _step(console, "Data: chest phantoms (cached for the next run)"):
            _render()
    with _step(console, f"Course in {into}: build and release"):
        demo = make_course(course, Path(into))
        build.run(demo, console=console)
        release.run(demo, make_zip=False, console=console)
    source = load_lab(demo.find(lab))
    students = make_class(source)
    with _step(console, f"{len(students)} students hand in {name}"):
        folder = demo.root / "handed-in"
        for student in students:
            hand_in(demo, source, student, folder)
            console.print(Text(f"  {source.number}--{student.name}.zip  {student.story}"))
        collect.run(demo, folder, console=console)
    problem = no_sandbox()
    if problem:
        console.print(
            f"  {problem}\n  The demo's students are part of the course, so their code "
            "runs without a sandbox here; `autograder grade` would refuse.",
            style="yellow", markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    with _step(console, f"Grading, {'without a sandbox' if problem else 'each student in a sandbox'}"):
        records = grade.run(demo, lab, options=grade.Options(workers=workers, safe=not problem), console=console)
    with _step(console, "Feedback, marks and the class report"):
        feedback.run(demo, lab, console=console)
        class_report.run(demo, lab, console=console)
        export.run(demo, lab, demo.root / "grades.csv", console=console)
    console.print()
    show_marks(console, records, f"{name}: marks")
    show_reasons(console, records)
    wrong = differences(students, records)
    console.print(f"\nFeedback pages: {demo.feedback}/STUDENT/{name}/*.html", highlight=False, soft_wrap=True)
    console.print(f"Table of marks: {demo.root / 'grades.csv'}", highlight=False, soft_wrap=True)
    if wrong:
        raise AutograderError("Some marks differ from those in the mutants' files:\n  " + "\n  ".join(wrong))
    count = sum(len(record.cells) for record in records)
    console.print(f"All {count} marks are as expected. Total time: {time.monotonic() - begun:.0f} s.", highlight=False)
    return records


def no_sandbox() -> str:
    """Why no sandbox can be created on this machine; "" if one can."""
    try:
        with CheckerHost(keras=False):  # its sandbox is like those of the kernels, and quick to create
            return ""
    except AutograderError as e:
        return " ".join(str(e).split())


def make_course(course: Course, into: Path) -> LabCourse:
    """A temporary course with a copy of the sources and of the top-level modules that its labs import.

    Raises
    ------
    AutograderError
        If `into` is a folder that the demo did not make, or contains the course itself.
    """
    into = into.resolve()
    if into.exists() and not (into / MARKER).is_file() and any(into.iterdir() if into.is_dir() else [into]):
        raise AutograderError(
            f"{into} exists but was not made by the demo; nothing was changed. Choose another folder: "
            "autograder demo --into FOLDER"
        )
    if into == course.root or course.solutions.is_relative_to(into):
        raise AutograderError(
            f"{into} contains the course itself. Choose another folder: autograder demo --into FOLDER"
        )
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    (into / MARKER).write_text(
        "Made by `autograder demo`, which deletes this folder when it runs again.\n", encoding="utf-8"
    )
    litter = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__", ".ruff_cache", ".pytest_cache")
    shutil.copytree(course.solutions, into / "solutions", ignore=litter)
    for module in course.root.glob("*.py"):
        shutil.copyfile(module, into / module.name)
    return LabCourse(into)


def make_class(lab: Lab) -> list[Student]:
    """Eight students: one perfect, one blank, one who stops half-way, and five with different mixes of typical mistakes."""
    perfect = Student(PERFECT, "everything correct", {e.key: e.reference for e in lab.exercises}, in_words=True)
    blank = Student(BLANK, "handed in as released", {}, {c.id for e in lab.exercises for c in e.cells})
    reached = lab.exercises[: (len(lab.exercises) + 1) // 2]
    later = lab.exercises[len(reached) :]
    half = Student(
        HALF_WAY, "stops half-way", {e.key: e.reference for e in reached}, {c.id for e in later for c in e.cells}
    )
    taken: dict[str, int] = {}
    mistaken = [_mistaken(lab, number, name, taken) for number, name in enumerate(MISTAKEN)]
    return [perfect, blank, half, *mistaken]


def _mistaken(lab: Lab, number: int, name: str, taken: dict[str, int]) -> Student:
    """Correct answers, with mutants in two of five exercises (at least one), each time the exercise's next mutant."""
    costly: dict[str, list[Mutant]] = {e.key: [m for m in e.mutants if m.loses] for e in lab.exercises}
    open_to: list[Exercise] = [e for e in lab.exercises if costly[e.key]]
    chosen = [e for i, e in enumerate(open_to) if (i - number) % 5 in (0, 2)] or open_to[number % len(open_to) :][:1]
    student = Student(name, "", {e.key: e.reference for e in lab.exercises}, in_words=number % 2 == 0)
    made = []
    for exercise in chosen:
        mutants = costly[exercise.key]
        mutant = mutants[taken.get(exercise.key, 0) % len(mutants)]
        taken[exercise.key] = taken.get(exercise.key, 0) + 1
        student.answers[exercise.key] = mutant.source
        student.loses |= set(mutant.loses)
        made.append(f"{exercise.key}: {mutant.name.replace('_', ' ')}")
    student.story = "; ".join(made)
    return student


def hand_in(course: Course, lab: Lab, student: Student, folder: Path) -> Path:
    """Writes a student's answers into the released notebooks and packs them as students do: `01--NAME.zip`."""
    from medxai.lab.submit import pack

    desk = folder / ".desks" / student.name / lab.name
    shutil.copytree(course.notebooks / lab.name, desk)
    for path in sorted(desk.glob("*.ipynb")):
        nb = nbformat.read(path, as_version=4)
        for cell in nb.cells:
            key = grade_id_of(cell)
            if key in student.answers:
                cell.source = student.answers[key]
            elif student.in_words and key in {task.key for task in lab.manual}:
                cell.source = cell.source.replace("YOUR ANSWER HERE", IN_WORDS)
        nbformat.write(nb, path)
    return pack(lab.number, desk, student.name, folder)[0]


def differences(students: list[Student], records: list[Record]) -> list[str]:
    """The marks that differ from the expected ones, as one sentence each; empty if there are none."""
    found = {record.student: record for record in records}
    wrong = []
    for student in students:
        record = found.get(student.name)
        if record is None or record.status != GRADED:
            why = record.reason if record else "no record"
            wrong.append(f"{student.name}: expected to be graded, got {record.status if record else 'nothing'} ({why})")
            continue
        lost = {cell.id for cell in record.cells if not cell.passed}
        if lost != student.loses:
            names = [", ".join(sorted(cells)) or "nothing" for cells in (student.loses, lost)]
            wrong.append(f"{student.name}: expected to lose {names[0]}, got {names[1]}")
    return wrong


def _render() -> None:
    from data_fetch import fetch_cardiomegaly

    fetch: Callable = fetch_cardiomegaly
    with readable_data():
        for split in ("develop", "test"):
            fetch(source="phantom", split=split)


@contextmanager
def _step(console: Console, title: str) -> Iterator[None]:
    console.print(Text(f"\n{title}", style="bold"))
    begun = time.monotonic()
    yield
    console.print(Text(f"  {time.monotonic() - begun:.1f} s", style="dim"))

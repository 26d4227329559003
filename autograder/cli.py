"""The command line of the instructor: `autograder COMMAND --help`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from autograder.course.course import Course
from autograder.course.find import course_around, course_at
from autograder.errors import AutograderError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Builds, releases, collects and grades the labs. A lab is named by its number (01), topic or folder.",
)
console = Console()
errors = Console(stderr=True)
where: dict[str, Path | None] = {"course": None}
MODULES = {
    "build": "author.build", "reference": "author.reference", "prove": "author.prove", "release": "release.release",
    "collect": "collect.collect", "grade": "run.grade", "feedback": "report.feedback", "report": "report.class_report",
    "export": "report.export", "demo": "demo",
}  # fmt: skip

Labs = Annotated[list[str] | None, typer.Argument(help="Labs such as 01; all when none is named.")]


def _named_course() -> Course:
    return course_at(where["course"]) if where["course"] else course_around()


def _run(command: str, **arguments: Any) -> Any:
    """Imports the command when it is called, so that `--help` and small commands stay quick."""
    course = _named_course()
    course.check_command(command)
    return importlib.import_module(f"autograder.{MODULES[command]}").run(course, console=console, **arguments)


@app.callback()
def _course(
    course: Annotated[Path | None, typer.Option(help="The course's folder; default: the one around you.")] = None,
) -> None:
    where["course"] = course


@app.command()
def build(labs: Labs = None) -> None:
    """Write the solution notebooks from their sources, and refuse what breaks the contract of an exercise."""
    _run("build", labs=labs)


@app.command()
def reference(labs: Labs = None) -> None:
    """Execute the solution notebooks and record the outputs that the tests compare."""
    _run("reference", labs=labs)


@app.command()
def release(
    labs: Labs = None,
    next: Annotated[bool, typer.Option("--next", help="Start a new version of each named lab.")] = False,
    zip: Annotated[bool, typer.Option("--zip/--no-zip", help="Write the student zip as well.")] = True,
) -> None:
    """Write the students' notebooks and the student zip, and prove that no answer is in them."""
    _run("release", labs=labs, next_version=next, make_zip=zip)


@app.command()
def collect(
    folder: Annotated[
        Path, typer.Argument(help="Folder with 01--STUDENT.zip files, notebooks, or folders by student.")
    ],
    lab: Annotated[str | None, typer.Option(help="The lab of files that do not say it themselves.")] = None,
) -> None:
    """Take submissions into submitted/; what cannot be read is named and left where it is."""
    if _run("collect", folder=folder, lab=lab).left:
        raise typer.Exit(1)


@app.command()
def grade(
    lab: str,
    student: Annotated[str | None, typer.Option(help="Only this student, graded again.")] = None,
    exercise: Annotated[str | None, typer.Option(help="Only this exercise again; all other marks stay.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Grade also what is graded and unchanged.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Submissions side by side; default: by cores.")] = None,
    cell_seconds: Annotated[float, typer.Option(min=1, help="Time limit of a student's cell.")] = 300,
    check_seconds: Annotated[float, typer.Option(min=1, help="Time limit of a check.")] = 60,
    total_seconds: Annotated[float, typer.Option(min=1, help="Time limit of a submission.")] = 1800,
    memory: Annotated[str, typer.Option(help="What a student's kernel may use.")] = "3 GiB",
    show: Annotated[list[Path] | None, typer.Option(help="A file or folder that notebooks may read.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Run also cells that no mark depends on.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse checks that only work in the student's process.")
    ] = False,
    unsafe_no_sandbox: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Run students' code with all your rights. Records say so.")
    ] = False,
    keep_warm: Annotated[
        float, typer.Option(min=0, help="Minutes that TensorFlow stays loaded for the next grading; 0: not at all.")
    ] = 10,
) -> None:
    """Grade the submissions of a lab, or of any nbgrader assignment, each in a sandbox of its own."""
    from autograder.run.grade import Options
    from autograder.run.results import Seconds
    from warmkernel.settings import parse_size

    size = parse_size(memory)
    if size is None:
        raise AutograderError(f'--memory {memory}: expected a size such as "3 GiB".')
    options = Options(
        Seconds(check_seconds, cell_seconds, total_seconds), workers, not unsafe_no_sandbox, strict, full,
        tuple(show or ()), size, keep_warm,
    )  # fmt: skip
    _run("grade", lab=lab, student=student, exercise=exercise, again=again, options=options)


@app.command()
def report(lab: str) -> None:
    """Write the page on the whole class: marks, messages, slow and flagged submissions."""
    _run("report", lab=lab)


@app.command()
def doctor() -> None:
    """Say whether this machine can grade, and how to mend what it cannot."""
    from autograder import doctor as steps

    try:
        course: Course | None = _named_course()
    except AutograderError:
        course = None
    if not steps.run(course, console):
        raise typer.Exit(1)


@app.command()
def feedback(lab: str) -> None:
    """Write a feedback page for each graded submission of a lab."""
    _run("feedback", lab=lab)


@app.command()
def export(
    lab: Annotated[str | None, typer.Argument(help="One lab; all when none is named.")] = None,
    out: Annotated[Path, typer.Option(help="The table to write.")] = Path("grades.csv"),
) -> None:
    """Write the marks as CSV, with a status for every submission."""
    _run("export", lab=lab, out=out)


@app.command()
def prove(labs: Labs = None, seeds: Annotated[int, typer.Option(min=1, help="Seeds for each check.")] = 5) -> None:
    """Show that right answers earn all, blank ones none, and each mutant loses what its file says."""
    if _run("prove", labs=labs, seeds=seeds) is False:
        raise typer.Exit(1)


@app.command()
def attack(
    kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind of attack; may be given more than once.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Every kind that is known; takes a quarter of an hour.")] = False,
) -> None:
    """Attack the grader on this machine with submissions that break graders, and show what held."""
    from autograder.attack import attack as attacks

    if not attacks.run(kind or (), all, console).held:
        raise typer.Exit(1)


@app.command()
def demo(into: Annotated[Path, typer.Option(help="Folder to make the class in.")] = Path("demo-class")) -> None:
    """Make a class of submissions, grade it and show the marks."""
    _run("demo", into=into)


def main() -> None:
    """Entry point: an error of the course is text and status 2, an interruption 130."""
    try:
        app()
    except AutograderError as e:
        errors.print(str(e), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        errors.print("\nInterrupted; what was finished is kept.")
        sys.exit(130)


if __name__ == "__main__":
    main()

"""The instructor's command line: `autograder COMMAND --help`."""

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
from data_fetch.command_line import Version, without

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Builds, releases, collects and grades the labs. Name a lab by its number (01), topic or folder.",
)
console = Console()
errors = Console(stderr=True)
where: dict[str, Path | None] = {"course": None}
MODULES = {
    "build": "author.build", "reference": "author.reference", "prove": "author.prove", "release": "release.release",
    "collect": "collect.collect", "grade": "run.grade", "feedback": "report.feedback", "report": "report.class_report",
    "export": "report.export", "demo": "demo",
}  # fmt: skip


def _labs_for(context: typer.Context, incomplete: str) -> list[str]:
    """The labs of the named or current course that complete what was typed."""
    named = context.find_root().params.get("course")
    try:
        names = [folder.name for folder in (course_at(named) if named else course_around()).folders()]
    except AutograderError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def _kinds_for(incomplete: str) -> list[str]:
    """The kinds of attack that complete what was typed."""
    from autograder.attack import attack as attacks

    return [kind for kind in attacks.all_names() if kind.startswith(incomplete)]


Labs = Annotated[list[str] | None, typer.Argument(help="Labs such as 01; default: all.", autocompletion=_labs_for)]
OneLab = Annotated[str, typer.Argument(help="A lab such as 01.", autocompletion=_labs_for)]


def _named_course() -> Course:
    return course_at(where["course"]) if where["course"] else course_around()


def _run(command: str, **arguments: Any) -> Any:
    """Imports a command only when it is called, so that `--help` and small commands stay fast."""
    course = _named_course()
    course.check_command(command)
    return importlib.import_module(f"autograder.{MODULES[command]}").run(course, console=console, **arguments)


@app.callback()
def _course(
    course: Annotated[
        Path | None, typer.Option(help="The course's folder; default: the one that contains the current folder.")
    ] = None,
    version: Version = False,
) -> None:
    where["course"] = course


@app.command()
def build(labs: Labs = None) -> None:
    """Build the solution notebooks from their sources, and refuse exercises that break the rules."""
    _run("build", labs=labs)


@app.command()
def reference(labs: Labs = None) -> None:
    """Execute the solution notebooks and record the outputs that the tests compare with."""
    _run("reference", labs=labs)


@app.command()
def release(
    labs: Labs = None,
    next: Annotated[bool, typer.Option("--next", help="Start a new version of each named lab.")] = False,
    zip: Annotated[bool, typer.Option("--zip/--no-zip", help="Also write the student zip.")] = True,
) -> None:
    """Write the student notebooks and the student zip, and verify that they contain no answers."""
    _run("release", labs=labs, next_version=next, make_zip=zip)


@app.command()
def collect(
    folder: Annotated[
        Path, typer.Argument(help="Folder with 01--STUDENT.zip files, notebooks, or folders by student.")
    ],
    lab: Annotated[
        str | None, typer.Option(help="The lab to assume for files that do not name one.", autocompletion=_labs_for)
    ] = None,
) -> None:
    """Collect submissions into submitted/; unreadable files are listed and left where they are."""
    if _run("collect", folder=folder, lab=lab).left:
        raise typer.Exit(1)


@app.command()
def grade(
    lab: OneLab,
    student: Annotated[str | None, typer.Option(help="Grade only this student, again.")] = None,
    exercise: Annotated[str | None, typer.Option(help="Grade only this exercise, again; other marks are kept.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also grade submissions that are graded and unchanged.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Submissions graded in parallel; default: number of cores.")
    ] = None,
    cell_seconds: Annotated[float, typer.Option(min=1, help="Time limit of a student's cell.")] = 300,
    check_seconds: Annotated[float, typer.Option(min=1, help="Time limit of a check.")] = 60,
    total_seconds: Annotated[float, typer.Option(min=1, help="Time limit of a submission.")] = 1800,
    memory: Annotated[str, typer.Option(help="Memory limit of a student's kernel.")] = "3 GiB",
    show: Annotated[list[Path] | None, typer.Option(help="An extra file or folder that notebooks may read.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Also run cells that no mark depends on.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse checks that work only in the student's process.")
    ] = False,
    unsafe_no_sandbox: Annotated[
        bool,
        typer.Option(
            "--unsafe-no-sandbox", help="Run students' code with all your permissions; recorded in the grade records."
        ),
    ] = False,
    keep_warm: Annotated[
        float, typer.Option(min=0, help="Minutes to keep TensorFlow loaded for the next grading; 0 to disable.")
    ] = 10,
) -> None:
    """Grade the submissions to a lab, or to any nbgrader assignment, each in its own sandbox."""
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
def report(lab: OneLab) -> None:
    """Write the class report: marks, messages, slow and flagged submissions."""
    _run("report", lab=lab)


@app.command()
def doctor() -> None:
    """Check whether this machine can grade, and how to fix any problems."""
    from autograder import doctor as steps

    try:
        course: Course | None = _named_course()
    except AutograderError:
        course = None
    if not steps.run(course, console):
        raise typer.Exit(1)


@app.command()
def feedback(lab: OneLab) -> None:
    """Write a feedback page for each graded submission of a lab."""
    _run("feedback", lab=lab)


@app.command()
def export(
    lab: Annotated[str | None, typer.Argument(help="One lab; default: all.", autocompletion=_labs_for)] = None,
    out: Annotated[Path, typer.Option(help="The table to write.")] = Path("grades.csv"),
) -> None:
    """Write the marks as CSV, with a status for every submission."""
    _run("export", lab=lab, out=out)


@app.command()
def prove(labs: Labs = None, seeds: Annotated[int, typer.Option(min=1, help="Seeds for each check.")] = 5) -> None:
    """Verify that correct answers earn full points, blank ones none, and each mutant loses the points that its file lists."""
    if _run("prove", labs=labs, seeds=seeds) is False:
        raise typer.Exit(1)


@app.command()
def attack(
    kind: Annotated[
        list[str] | None,
        typer.Option(help="Run only this kind of attack; repeatable.", autocompletion=_kinds_for),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Run all kinds of attack; takes about 15 minutes.")] = False,
) -> None:
    """Attack the grader on this machine with malicious and broken submissions, and report the results."""
    from autograder.attack import attack as attacks

    if not attacks.run(kind or (), all, console).held:
        raise typer.Exit(1)


@app.command()
def demo(into: Annotated[Path, typer.Option(help="Folder for the class.")] = Path("demo-class")) -> None:
    """Create a class of submissions, grade it and show the marks."""
    _run("demo", into=into)


def main() -> None:
    """Entry point: an AutograderError is printed as text with exit status 2; an interrupt exits with 130."""
    try:
        app()
    except AutograderError as e:
        errors.print(str(e), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except ModuleNotFoundError as missing:
        errors.print(without("grader", missing), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        errors.print("\nInterrupted; finished work was kept.")
        sys.exit(130)


if __name__ == "__main__":
    main()

"""`autograder attack`: hands in submissions that break graders, among honest neighbours, and reports what held."""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.attack import answers, folders, must_hold, notebooks, scenarios
from autograder.attack.kinds import LAB, Desk, Kind
from autograder.attack.must_hold import Observed, Watch
from autograder.author import build
from autograder.author.lab_source import load_lab
from autograder.course.course import Course
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError
from autograder.record.records import RecordStore
from autograder.release import release
from autograder.report import export, feedback
from autograder.run import grade
from autograder.run.results import Seconds

COURSE = Path(__file__).parent / "course"
# Long enough for the neighbours on a busy machine, and for an answer that imports Keras.
LIMITS = grade.Options(seconds=Seconds(check=6, cell=20, total=90), memory=1 << 30)
PERFECT, HALF, BLANK = NEIGHBOURS = (
    "aa-perfect",
    "mm-half",
    "zz-blank",
)  # graded before, among and after the offenders
KINDS: tuple[Kind, ...] = tuple(
    kind for part in (answers, notebooks, folders) for group in part.GROUPS for kind in group
)


@dataclass
class Result:
    """The result of one kind: `broken` lists the violated guarantees, as sentences that begin with the guarantee's number."""

    name: str
    tries: str
    seconds: float
    broken: list[str] = field(default_factory=list)


@dataclass
class Attack:
    """The results of all kinds, and the guarantees violated for the class as a whole."""

    results: list[Result] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether all guarantees held for every kind."""
        return not self.broken and not any(result.broken for result in self.results)


def all_names() -> list[str]:
    """The names of all kinds and scenarios, sorted."""
    return sorted({kind.name for kind in KINDS} | {scenario.name for scenario in scenarios.SCENARIOS})


def chosen(names: Sequence[str] = (), everything: bool = False) -> tuple[list[Kind], list[scenarios.Scenario]]:
    """The kinds and scenarios with these names; without names, the most relevant or all of them.

    Raises
    ------
    AutograderError
        If a name is unknown.
    """
    known = all_names()
    if unknown := [name for name in names if name not in known]:
        raise AutograderError(f"Unknown attack {unknown[0]!r}. Attacks: {', '.join(known)}.")

    def wanted(name: str, quick: bool) -> bool:
        return name in names if names else everything or quick

    return [k for k in KINDS if wanted(k.name, k.quick)], [s for s in scenarios.SCENARIOS if wanted(s.name, s.quick)]


def run(names: Sequence[str] = (), everything: bool = False, console: Console | None = None) -> Attack:
    """Attacks the grader and shows what held.

    Parameters
    ----------
    names : sequence of str
        Only these.
    everything : bool
        All known attacks; else the most relevant.
    console : Console, optional

    Raises
    ------
    AutograderError
        If a name is unknown, or this machine cannot grade.
    """
    console = console or Console()
    begun = time.monotonic()
    kinds, more = chosen(names, everything)
    made = Attack()
    with tempfile.TemporaryDirectory(prefix="autograder-attack-") as top:
        course = make_course(Path(top) / "course")
        if kinds:
            with console.status(f"{len(kinds)} kinds of attack in one class"):
                observed = in_one_class(course, kinds)
            for kind in kinds:
                record = observed.records.get(kind.who)
                seconds = record.resources.get("seconds", 0.0) if record else 0.0
                made.results.append(Result(kind.name, kind.tries, seconds, must_hold.broken(observed, kind)))
            made.broken = must_hold.broken_by_class(observed)
        for scenario in more:
            with console.status(f"{scenario.name}: {scenario.tries}"):
                at = time.monotonic()
                try:
                    problems = scenario.run(course, Path(top) / scenario.name)
                except Exception as e:  # as above: a stopped run is itself a result
                    problems = [f"5: the run failed with {type(e).__name__}: {e}"]
                made.results.append(Result(scenario.name, scenario.tries, time.monotonic() - at, problems))
    made.seconds = time.monotonic() - begun
    _tell(console, made)
    return made


def make_course(folder: Path) -> LabCourse:
    """Builds and releases the attacked lab in a separate folder."""
    shutil.copytree(COURSE, folder, ignore=shutil.ignore_patterns("__pycache__", "ruff.toml", ".*"))
    (folder / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    course, quiet = LabCourse(folder), Console(file=io.StringIO())
    build.run(course, console=quiet)
    release.run(course, make_zip=False, console=quiet)
    return course


def hand_in_neighbours(course: Course, watch: Watch) -> None:
    """Three honest students: one with full points, one with half of them, one with none."""
    lab = load_lab(course.find(LAB))
    wrong = lab.exercise("longest_run").mutants[0].source
    for student in NEIGHBOURS:
        desk = Desk(course, lab, student, watch.targets)
        made = {PERFECT: desk.answered(), HALF: desk.answered(longest_run=wrong), BLANK: desk.released()}
        desk.hand_in(made[student])


def in_one_class(course: Course, kinds: Sequence[Kind]) -> Observed:
    """Grades the neighbours alone, then together with offenders of these kinds, and collects the evidence for the guarantees."""
    said = io.StringIO()
    console = Console(file=said, width=200)
    observed = Observed(limit=LIMITS.seconds.total)
    lab = load_lab(course.find(LAB))
    with Watch(course.root.parent / "person") as watch:
        hand_in_neighbours(course, watch)
        observed.alone = must_hold.standing(course, grade.run(course, LAB, options=LIMITS, console=console), NEIGHBOURS)
        for kind in kinds:
            kind.submit(Desk(course, lab, kind.who, watch.targets))
        before = must_hold.outside(course, watch.targets.canary)
        try:
            grade.run(course, LAB, again=True, options=LIMITS, console=console)
            feedback.run(course, LAB, console=console)
            export.run(course, LAB, course.root / "grades.csv", console=console)
        except Exception as e:  # any failure of the whole class is itself a result
            observed.failed = f"{type(e).__name__}: {e}"
        observed.records = {record.student: record for record in RecordStore(course.state).all(LAB)}
        observed.beside = must_hold.standing(course, observed.records.values(), NEIGHBOURS)
        observed.left, observed.heard = watch.left(), watch.heard()
        observed.changed = must_hold.differences(before, must_hold.outside(course, watch.targets.canary))
        observed.shown = must_hold.shows(course, said.getvalue())
    return observed


def _tell(console: Console, made: Attack) -> None:
    table = Table(title="Attacks and results", title_justify="left")
    for column in ("kind", "attempt", "", "seconds"):
        table.add_column(column)
    for result in made.results:
        state = Text("NOT HELD", style="red") if result.broken else Text("held", style="green")
        table.add_row(Text(result.name), Text(result.tries), state, f"{result.seconds:.1f}")
    console.print(table)
    for result in made.results:
        for sentence in result.broken:
            console.print(Text(f"{result.name}: {sentence}", style="red"), soft_wrap=True)
    for sentence in made.broken:
        console.print(Text(f"the class: {sentence}", style="red"), soft_wrap=True)
    count = sum(not result.broken for result in made.results)
    console.print(f"{count} of {len(made.results)} held. Total time: {made.seconds:.0f} s.", highlight=False)

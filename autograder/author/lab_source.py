"""Reads a lab: its notebooks' sources, exercises, graded cells, hidden checks and mutants.

Reading is lenient about missing parts of an exercise (reported by `build.check`), strict about unreadable files.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.author import chosen
from autograder.course.choices import LabChoice
from autograder.course.lab_course import LabCourse, choices_for, number_of, version_in
from autograder.course.markers import BEGIN_SOLUTION, END_SOLUTION, HEADING, UnpairedMark, statement_of, stub_of
from autograder.errors import SourceError, SourceErrors, read_source

__all__ = [
    "Cell", "Exercise", "GradedCell", "Lab", "ManualTask", "Mutant", "SourceError",
    "load_lab", "load_whole_labs", "read_cells",
]  # fmt: skip

THE_REFERENCE, THE_STUB = "reference", "stub"  # names of these two answers to an exercise
PASSES = "The visible check passes"  # written by authors for a mutant that only a hidden check catches
ANY_HEADING = re.compile(r"^#+ Exercise: `?(?P<key>\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """One cell of a source, and its position.

    `line` is the 1-based line of its first line of source (not of its `# %%` marker) in `path`; `nbgrader` is the
    cell's nbgrader metadata, empty for cells without.
    """

    path: Path
    line: int
    kind: str  # "code" or "markdown"
    source: str
    tags: tuple[str, ...] = ()
    nbgrader: dict = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The cell's nbgrader id, "" if it has none."""
        return self.nbgrader.get("grade_id", "")

    @property
    def is_solution(self) -> bool:
        """Whether students write code here."""
        return self.kind == "code" and bool(self.nbgrader.get("solution")) and not self.nbgrader.get("grade")

    @property
    def is_graded(self) -> bool:
        """Whether this is a check with points."""
        return self.kind == "code" and bool(self.nbgrader.get("grade"))

    @property
    def is_manual(self) -> bool:
        """Whether students write text here, which is graded manually."""
        return self.kind == "markdown" and bool(self.nbgrader.get("grade")) and bool(self.nbgrader.get("solution"))

    def error(self, message: str, offset: int = 0) -> SourceError:
        """A SourceError at this cell, `offset` lines below its first line."""
        return SourceError(self.path, self.line + offset, message)

    def tree(self) -> ast.Module:
        """The cell's syntax tree; IPython magics count as `pass`. Raises SourceError for invalid syntax."""
        lines = [re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in self.source.split("\n")]
        try:
            return ast.parse("\n".join(lines))
        except SyntaxError as e:
            raise self.error(f"syntax error: {e.msg}. Fix the line and build again.", (e.lineno or 1) - 1) from None


@dataclass(frozen=True)
class GradedCell:
    """One property, all or nothing: `id` is KEY-n, `statement` describes the property to students."""

    id: str
    points: float
    statement: str

    @property
    def check(self) -> str:
        """The name of the hidden check's function, KEY_n."""
        return "_".join(self.id.rsplit("-", 1))


@dataclass(frozen=True)
class Mutant:
    """A wrong answer: `source` replaces the whole solution cell; `loses` are ids of graded cells; `told` is a part
    of the visible check's message, None if it passes."""

    name: str
    path: Path
    source: str
    why: str
    loses: tuple[str, ...]
    told: str | None


@dataclass(frozen=True)
class ManualTask:
    """A written answer that is graded manually."""

    key: str
    points: float
    notebook: str


@dataclass(frozen=True)
class Exercise:
    """One function to write.

    `solution` is the solution cell as in the source, `reference` the same without the mark lines (runnable), `stub` the
    student's version. `notebook` is the stem of the notebook's file name. `difficulty` is "" and `minutes` 0
    if the heading is missing.
    """

    key: str
    notebook: str
    difficulty: str
    minutes: int
    bonus: bool
    solution: str
    reference: str
    stub: str
    cells: tuple[GradedCell, ...]
    mutants: tuple[Mutant, ...]
    hidden_path: Path

    @property
    def points(self) -> float:
        """The points of all its graded cells."""
        return sum(cell.points for cell in self.cells)


@dataclass(frozen=True)
class Lab:
    """A lab: a folder that is one nbgrader assignment, with one or more notebooks.

    `setup` maps a notebook's stem to the sources of its cells tagged "setup", in order; `sources` maps it to all cells.
    `left_out` are the keys of exercises and written answers that course.toml leaves out.
    """

    folder: Path
    number: str
    name: str
    notebooks: tuple[Path, ...]
    exercises: tuple[Exercise, ...]
    manual: tuple[ManualTask, ...]
    version: str
    setup: dict[str, tuple[str, ...]]
    sources: dict[str, tuple[Cell, ...]]
    left_out: tuple[str, ...] = ()

    def exercise(self, key: str) -> Exercise:
        """The exercise with a key; KeyError if there is none."""
        return {e.key: e for e in self.exercises}[key]

    @property
    def points(self) -> float:
        """All points, including those graded manually."""
        return sum(e.points for e in self.exercises) + sum(m.points for m in self.manual)


def read_cells(path: Path) -> tuple[Cell, ...]:
    """The cells of a py:percent source.

    Raises
    ------
    SourceError
        If the file is not text or has no cells, or its cells are ambiguous.
    """
    import jupytext  # takes a second, and grading does not read sources

    text = read_source(path)
    try:
        nb = jupytext.reads(text, fmt="py:percent")
    except Exception as e:  # jupytext raises many exceptions; the author needs the file's name too
        raise SourceError(path, None, f"jupytext cannot read this as py:percent: {e}") from None
    markers = [n for n, line in enumerate(text.split("\n"), 1) if re.match(r"# ?%%($| |\[)", line)]
    if not markers or len(markers) != len(nb.cells):
        raise SourceError(
            path, 1, f"{len(markers)} lines start with `# %%`, but jupytext finds {len(nb.cells)} cells. "
            "Every cell, including the first, needs its own marker, and no text may contain one.",
        )  # fmt: skip
    return tuple(
        Cell(path, line + 1, cell.cell_type, cell.source, tuple(cell.metadata.get("tags", ())), dict(cell.metadata.get("nbgrader", {})))
        for line, cell in zip(markers, nb.cells, strict=True)
    )  # fmt: skip


def load_lab(folder: Path, whole: bool = False) -> Lab:
    """Reads the lab in `folder` (solutions/NN_topic), with the exercises and points that course.toml asks for.

    Parameters
    ----------
    folder : Path
    whole : bool
        Reads it as it is in its sources instead.

    Raises
    ------
    SourceError
        If a file has a syntax error, a key occurs twice, a mutant has no docstring with `loses` and `told`, or there is
        no notebook or version. Gives file and line.
    ChoiceError
        If course.toml does not fit this lab.
    """
    folder = Path(folder)
    notebooks = tuple(sorted(folder.glob("*.py")))
    if not notebooks:
        raise SourceError(folder, None, f"a lab needs a source: expected {folder.name}.py in py:percent format.")
    sources = {path.stem: read_cells(path) for path in notebooks}
    cells = [cell for each in sources.values() for cell in each]
    problems = [*_unparsed(cells), *_repeated(cells)]
    if problems:
        raise SourceErrors(problems)
    for cell in cells:
        if cell.is_manual or cell.is_graded:
            _points(cell)
    choice = LabChoice() if whole else choices_for(folder)
    sources = chosen.apply(choice, sources)
    cells = [cell for each in sources.values() for cell in each]
    manual = tuple(ManualTask(c.id, _points(c), c.path.stem) for c in cells if c.is_manual)
    exercises = tuple(_exercise(folder, cell, cells) for cell in cells if cell.is_solution)
    return Lab(
        folder=folder,
        number=number_of(folder.name),
        name=folder.name,
        notebooks=notebooks,
        exercises=exercises,
        manual=manual,
        version=version_in(folder),
        setup={stem: tuple(c.source for c in each if "setup" in c.tags) for stem, each in sources.items()},
        sources=sources,
        left_out=choice.drop,
    )


def load_whole_labs(course: LabCourse) -> list[Lab]:
    """All labs that have sources, in order, as they are there: also those that course.toml leaves out."""
    return [load_lab(folder, whole=True) for folder in course.all_folders()]


def _unparsed(cells: Iterable[Cell]) -> list[SourceError]:
    problems = []
    for cell in cells:
        if cell.kind == "code":
            try:
                cell.tree()
            except SourceError as e:
                problems.append(e)
    return problems


def _repeated(cells: Iterable[Cell]) -> list[SourceError]:
    seen: dict[str, Cell] = {}
    problems = []
    for cell in cells:
        if cell.id and cell.id in seen:
            first = seen[cell.id]
            problems.append(
                cell.error(
                    f"the key `{cell.id}` is already used in {first.path.name}, line {first.line}. Keys must be unique in a lab."
                )
            )
        seen.setdefault(cell.id, cell)
    return problems


def _points(cell: Cell) -> float:
    points = cell.nbgrader.get("points")
    if not isinstance(points, (int, float)) or isinstance(points, bool) or points < 0:
        raise cell.error(
            f'`{cell.id}` has no points: add "points": 1 to its nbgrader metadata (0 in a bonus exercise).'
        )
    return points


def _exercise(folder: Path, cell: Cell, cells: list[Cell]) -> Exercise:
    key = cell.id
    heading = next(
        (m for c in cells if c.kind == "markdown" and (m := HEADING.search(c.source)) and m["key"] == key),
        None,
    )
    graded = [c for c in cells if c.is_graded and c.id.rsplit("-", 1)[0] == key]
    return Exercise(
        key=key,
        notebook=cell.path.stem,
        difficulty=heading["difficulty"] if heading else "",
        minutes=int(heading["minutes"]) if heading else 0,
        bonus=bool(heading and heading["bonus"]),
        solution=cell.source,
        reference="\n".join(
            line for line in cell.source.split("\n") if line.strip() not in (BEGIN_SOLUTION, END_SOLUTION)
        ),
        stub=_stub(cell),
        cells=tuple(GradedCell(c.id, _points(c), statement_of(c.source)) for c in graded),
        mutants=tuple(_mutant(path) for path in sorted((folder / "mutants" / key).glob("*.py"))),
        hidden_path=folder / "hidden" / f"{key}.py",
    )


def _stub(cell: Cell) -> str:
    try:
        return stub_of(cell.source)
    except UnpairedMark as e:
        raise cell.error(str(e), e.line) from None


def _mutant(path: Path) -> Mutant:
    text = read_source(path)
    try:
        told_all = ast.get_docstring(ast.parse(text)) or ""
    except SyntaxError as e:
        raise SourceError(
            path, e.lineno, f"syntax error: {e.msg}. A mutant must be a complete solution cell that runs but is wrong."
        ) from None
    found = {}
    for name in ("loses", "told"):
        match = re.search(rf"(?m)^{name}:[ \t]*(\S.*?)\s*$", told_all)
        if not match:
            example = (
                "`loses: KEY-1, KEY-2` or `loses: nothing`"
                if name == "loses"
                else f"`told: part of the check's message` or `told: {PASSES}`"
            )
            raise SourceError(path, 1, f"the docstring lacks a line {example}.")
        found[name] = match[1]
    why = re.split(r"(?m)^(?:loses|told):", told_all)[0].strip()
    loses = () if found["loses"] == "nothing" else tuple(part.strip() for part in found["loses"].split(","))
    body = ast.parse(text).body
    lines = text.split("\n")
    source = "\n".join(lines[body[0].end_lineno :]).strip("\n") + "\n" if body else text
    told = None if found["told"] == PASSES else found["told"]
    return Mutant(path.stem, path, source, " ".join(why.split()), loses, told)

"""The rules for labs that the build enforces: each violation is reported with file, line and fix.

`check(lab)` returns all problems of a lab. docs/authoring.md describes the same rules for authors.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from autograder.author.figures import figure_problems
from autograder.author.hidden_checks import HiddenChecks
from autograder.author.lab_source import ANY_HEADING, Cell, Exercise, Lab
from autograder.course.markers import BEGIN_SOLUTION, END_SOLUTION, HEADING, POINTS
from autograder.errors import SourceError

MAX_EXERCISES = 5
MAX_CELLS = 60
MAX_LINES = 25
MIN_MUTANTS = 3
HINT = re.compile(r"<details>\s*<summary>\s*Hint (\d+): \S")
IMAGE_WITHOUT_ALT = re.compile(r"!\[\s*\]\(|<img\b(?![^>]*\balt\s*=\s*[\"'][^\"']+[\"'])[^>]*>", re.I)
INSTALLS = re.compile(
    r"\b(?:pip3?|conda|mamba|uv)\s+(?:pip\s+)?install\b|\bpip\.main\b|[\"']pip3?[\"'],\s*[\"']install[\"']"
)


def check(lab: Lab) -> list[SourceError]:
    """All problems of a lab, in the order of its sources; empty if it follows the rules."""
    problems: list[SourceError] = []
    for cells in lab.sources.values():
        problems += _notebook(lab, cells)
        problems += [problem for cell in cells for problem in _cell(lab, cell)]
        problems += figure_problems(cells)
    for exercise in lab.exercises:
        problems += _exercise(lab, exercise)
    problems += _strays(lab)
    problems += _pictures(lab)
    return problems


def _notebook(lab: Lab, cells: tuple[Cell, ...]) -> Iterator[SourceError]:
    stem = cells[0].path.stem
    if len(cells) > MAX_CELLS:
        yield cells[MAX_CELLS].error(
            f"cell {MAX_CELLS + 1} of {len(cells)}: a notebook may have at most {MAX_CELLS}. Split it into two notebooks in this folder."
        )
    graded = [e for e in lab.exercises if e.notebook == stem and not e.bonus]
    if len(graded) > MAX_EXERCISES:
        cell = next(c for c in cells if c.id == graded[MAX_EXERCISES].key)
        yield cell.error(
            f"`{cell.id}` is graded exercise {MAX_EXERCISES + 1} of {len(graded)} in this notebook; the limit is {MAX_EXERCISES}. "
            "Make some of them bonus exercises (0 points) or add a second notebook in this folder."
        )
    if any(e.notebook == stem for e in lab.exercises) and not _binds_checks(c for c in cells if "setup" in c.tags):
        yield cells[0].error(
            'no cell tagged "setup" imports the visible checks: add `from medxai.checks import TOPIC as checks` to one.'
        )


def _binds_checks(cells: Iterable[Cell]) -> bool:
    imports = [n for c in cells for n in ast.walk(c.tree()) if isinstance(n, (ast.Import, ast.ImportFrom))]
    return any((alias.asname or alias.name) == "checks" for node in imports for alias in node.names)


def _cell(lab: Lab, cell: Cell) -> Iterator[SourceError]:
    yield from _metadata(cell)
    if cell.kind == "markdown":
        for n, line in enumerate(cell.source.split("\n")):
            if IMAGE_WITHOUT_ALT.search(line):
                yield cell.error("this image has no description: write ![description](file).", n)
        if cell.is_manual:
            yield from _manual(cell)
        if named := ANY_HEADING.search(cell.source):
            if not HEADING.search(cell.source):
                yield cell.error(
                    f"this exercise heading is invalid: expected `### Exercise: `{named['key']}`  (easy, 10 minutes)`, "
                    "with easy, medium or hard, preceded by `bonus, ` for a bonus exercise."
                )
            if named["key"] not in [e.key for e in lab.exercises]:
                yield cell.error(
                    f"no solution cell has the grade_id `{named['key']}`: add one, or correct the heading."
                )
        return
    for n, line in enumerate(cell.source.split("\n")):
        if INSTALLS.search(line):
            yield cell.error(
                "notebooks must not install packages: add the package to pyproject.toml and the lock files.", n
            )
    lines = _counted_lines(cell)
    if lines > MAX_LINES:
        yield cell.error(
            f"{lines} lines in one cell (not counting docstrings of solutions); the limit is {MAX_LINES}. Split the cell, or move helper code into medxai."
        )
    if "raises-exception" in cell.tags and (cell.is_solution or "check" in cell.tags):
        what = (
            "hides a solution that fails"
            if cell.is_solution
            else "is added by the release, to check cells in student notebooks only"
        )
        yield cell.error(f'the tag "raises-exception" {what}: remove it.')


def _counted_lines(cell: Cell) -> int:
    lines = len(cell.source.split("\n"))
    if not cell.is_solution:
        return lines
    marks = sum(line.strip() in (BEGIN_SOLUTION, END_SOLUTION) for line in cell.source.split("\n"))
    docs = 0
    for node in ast.walk(cell.tree()):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            docs += (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    return lines - marks - docs


def _metadata(cell: Cell) -> Iterator[SourceError]:
    if not cell.nbgrader:
        return
    name = f"`{cell.id}`" if cell.id else "this cell"
    wanted = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
    missing = sorted(wanted - set(cell.nbgrader))
    if missing:
        yield cell.error(
            f"{name} lacks {', '.join(missing)} in its nbgrader metadata, so nbgrader cannot read it. Copy the metadata of a similar cell."
        )
    elif cell.nbgrader["schema_version"] != 3:
        yield cell.error(f'{name}: expected "schema_version": 3, got {cell.nbgrader["schema_version"]}.')
    elif not re.fullmatch(r"[A-Za-z][\w-]{0,63}", cell.id):
        yield cell.error(f"a grade_id consists of at most 64 letters, digits, _ and -; got {cell.id!r}.")
    if cell.is_graded and not cell.nbgrader.get("locked"):
        yield cell.error(f'{name} is graded but not locked, so students could edit it: write "locked": true.')
    if (cell.is_solution or cell.is_manual) and cell.nbgrader.get("locked"):
        yield cell.error(f'{name} is for student answers: write "locked": false.')


def _manual(cell: Cell) -> Iterator[SourceError]:
    before, begin, rest = cell.source.partition(BEGIN_SOLUTION)
    answer, end, _ = rest.partition(END_SOLUTION)
    if not (begin and end):
        yield cell.error(
            f"`{cell.id}`: put the model answer and the rubric between {BEGIN_SOLUTION} and {END_SOLUTION}, or students would see them."
        )
    elif not before.strip():
        yield cell.error(f"`{cell.id}`: state the task above {BEGIN_SOLUTION}.")
    elif "rubric" not in answer.lower():
        yield cell.error(f"`{cell.id}`: no rubric: state below the model answer what earns each point (`Rubric: ...`).")


def _exercise(lab: Lab, exercise: Exercise) -> Iterator[SourceError]:
    key = exercise.key
    cells = lab.sources[exercise.notebook]
    at = next(i for i, c in enumerate(cells) if c.id == key)
    cell = cells[at]
    yield from _solution(exercise, cell)

    heading = next(
        (
            i
            for i, c in enumerate(cells)
            if (m := ANY_HEADING.search(c.source)) and m["key"] == key and c.kind == "markdown"
        ),
        None,
    )
    if heading is None or heading > at:
        yield cell.error(
            f"`{key}` has no heading: add a markdown cell above it with the line ### Exercise: `{key}`  (easy, 10 minutes)"
        )
    else:
        hints = HINT.findall(cells[heading].source)
        closed = cells[heading].source.count("</details>")
        if hints[:2] != ["1", "2"] or closed < len(hints):
            yield cells[heading].error(
                f"`{key}` has {len(hints)} collapsible hints, expected two: <details><summary>Hint 1: the idea</summary> ... </details>, then Hint 2."
            )

    call = f"checks.{key}({key})"
    visible = [i for i, c in enumerate(cells) if "check" in c.tags and c.source.strip() == call]
    if len(visible) != 1 or visible[0] < at:
        yield cell.error(
            f'`{key}` needs exactly one cell tagged "check" below it that contains only `{call}`; there {_are(len(visible))}.'
        )

    if not exercise.cells and not exercise.bonus:
        yield cell.error(
            f"`{key}` has no graded cell and therefore no points: add `{key}-1` below it, or mark it as bonus in its heading."
        )
    yield from _graded(exercise, cells, at)
    yield from HiddenChecks.problems(exercise, cell, cells)
    yield from _mutants(exercise, cell)


def _solution(exercise: Exercise, cell: Cell) -> Iterator[SourceError]:
    key = exercise.key
    function = next((n for n in cell.tree().body if isinstance(n, ast.FunctionDef) and n.name == key), None)
    if function is None:
        yield cell.error(f"the solution cell `{key}` does not define `def {key}(...)` at top level.")
        return
    if not ast.get_docstring(function):
        yield cell.error(f"`{key}` has no docstring: give shapes, units and an example.", function.lineno - 1)
    if BEGIN_SOLUTION not in exercise.solution:
        yield cell.error(f"`{key}` has no {BEGIN_SOLUTION} / {END_SOLUTION}: students would get the answer.")
    else:
        try:
            ast.parse(exercise.stub)
        except SyntaxError:
            yield cell.error(
                f"`{key}` without its solution has a syntax error: move {BEGIN_SOLUTION} or {END_SOLUTION}."
            )


def _graded(exercise: Exercise, cells: tuple[Cell, ...], at: int) -> Iterator[SourceError]:
    mine = [(i, c) for i, c in enumerate(cells) if c.is_graded and c.id in {g.id for g in exercise.cells}]
    for n, (i, cell) in enumerate(mine, 1):
        expected = f"{exercise.key}-{n}"
        points = cell.nbgrader["points"]
        if cell.id != expected:
            yield cell.error(
                f"expected the grade_id `{expected}` here, got `{cell.id}`: number graded cells from 1, in order."
            )
        if i < at:
            yield cell.error(f"`{cell.id}` is above its exercise.")
        if exercise.bonus and points:
            yield cell.error(f"`{cell.id}` has {points} points in a bonus exercise; expected 0.")
        if not exercise.bonus and not points:
            yield cell.error(f"`{cell.id}` has no points; expected more than 0, or `bonus` in the exercise's heading.")
        lines = [line for line in cell.source.split("\n") if line.strip()]
        if len(lines) != 1 or not lines[0].startswith("# "):
            yield cell.error(
                f"`{cell.id}` must contain a single comment that states its property; the build adds the hidden check."
            )
        elif (said := POINTS.search(lines[0])) and float(said[1]) != points:
            yield cell.error(f"`{cell.id}` says {said[1]} points, its metadata {points}.")


def _mutants(exercise: Exercise, cell: Cell) -> Iterator[SourceError]:
    if len(exercise.mutants) < MIN_MUTANTS:
        yield cell.error(
            f"`{exercise.key}` has {len(exercise.mutants)} mutants; expected at least {MIN_MUTANTS} typical wrong answers in mutants/{exercise.key}/."
        )
    graded = {g.id for g in exercise.cells}
    for mutant in exercise.mutants:
        unknown = [name for name in mutant.loses if name not in graded]
        if unknown:
            yield SourceError(
                mutant.path,
                1,
                f"loses {', '.join(unknown)}, but the graded cells are {', '.join(sorted(graded)) or 'none'}.",
            )
        if not mutant.why:
            yield SourceError(mutant.path, 1, "the docstring does not explain why a student would write this.")
        tree = ast.parse(mutant.path.read_text(encoding="utf-8"))
        if not any(isinstance(n, ast.FunctionDef) and n.name == exercise.key for n in tree.body):
            yield SourceError(
                mutant.path, 1, f"does not define `def {exercise.key}(...)`: a mutant replaces the whole solution cell."
            )
        if not mutant.loses and mutant.told is None and not exercise.bonus:
            yield SourceError(
                mutant.path,
                1,
                "loses nothing and gets no message, so it is not a wrong answer. Which property should catch it?",
            )


def _strays(lab: Lab) -> Iterator[SourceError]:
    """Hidden checks, mutants and graded cells without an exercise."""
    keys = {e.key for e in lab.exercises} | set(lab.left_out)
    for cell in (c for cells in lab.sources.values() for c in cells if c.is_graded):
        if cell.id.rsplit("-", 1)[0] not in keys or not re.search(r"-\d+$", cell.id):
            yield cell.error(
                f"`{cell.id}` is graded but belongs to no exercise: expected KEY-1, KEY-2, ... with the grade_id KEY of a solution cell."
            )
    for path in sorted((lab.folder / "hidden").glob("*.py")):
        if path.stem not in keys:
            yield SourceError(path, None, f"this lab has no exercise `{path.stem}`: rename or delete the file.")
    for path in sorted((lab.folder / "mutants").glob("*/")):
        if path.is_dir() and path.name not in keys and any(path.glob("*.py")):
            yield SourceError(path, None, f"this lab has no exercise `{path.name}`: rename or delete the folder.")


def _pictures(lab: Lab) -> Iterator[SourceError]:
    """Expected images are files in one folder, so their names must be unique in the lab."""
    names: Counter[str] = Counter()
    for cell in (c for cells in lab.sources.values() for c in cells if c.kind == "code"):
        for call in (n for n in ast.walk(cell.tree()) if isinstance(n, ast.Call)):
            if not (isinstance(call.func, ast.Attribute) and call.func.attr == "yours_or_expected"):
                continue
            given = (
                call.args[2] if len(call.args) > 2 else next((k.value for k in call.keywords if k.arg == "name"), None)
            )
            if not (
                isinstance(given, ast.Constant)
                and isinstance(given.value, str)
                and re.fullmatch(r"[\w-]+", given.value)
            ):
                yield cell.error(
                    "the name of an expected image must be a literal of letters, digits, _ and -.", call.lineno - 1
                )
                continue
            names[given.value] += 1
            if names[given.value] == 2:
                yield cell.error(
                    f"the expected image `{given.value}` is drawn twice in this lab; the second would overwrite the first.",
                    call.lineno - 1,
                )


def _are(n: int) -> str:
    return "is none" if n == 0 else "is one, above it" if n == 1 else f"are {n}"

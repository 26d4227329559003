"""The build: the same bytes every time, hidden checks written in, and every rule of the contract refused by name."""

from __future__ import annotations

import nbformat
import pytest
from tiny_course import LAB, edit, fresh, line_of, source

from autograder.author import build, figures, rules
from autograder.author.lab_source import load_lab
from autograder.course.course import Course
from autograder.errors import SourceError
from medxai import plots


@pytest.fixture
def course(tmp_path) -> Course:
    return fresh(tmp_path / "course")


def problems(course: Course) -> list[str]:
    return [f"{p.path.name}:{p.line}: {p.message}" for p in rules.check(load_lab(course.find("01")))]


def test_the_tiny_course_keeps_its_contract(course):
    assert problems(course) == []


def test_building_twice_gives_the_same_bytes(course, tmp_path):
    (first,) = build.run(course)
    data = first.read_bytes()
    assert data.endswith(b"}\n")
    (again,) = build.run(course)
    (elsewhere,) = build.run(fresh(tmp_path / "elsewhere"))
    assert again.read_bytes() == data == elsewhere.read_bytes()
    nb = nbformat.reads(data.decode(), as_version=4)
    nbformat.validate(nb)
    ids = [cell.id for cell in nb.cells]
    assert len(set(ids)) == len(ids) and {"normalise", "normalise-1", "what_enlarges"} <= set(ids)


def test_hidden_checks_run_in_their_cells(course):
    """A graded cell runs as stock nbgrader runs it: right answers pass, wrong ones do not, and the helpers come along."""
    (path,) = build.run(course)
    cells = {c.id: c.source for c in nbformat.read(path, as_version=4).cells}
    lab = load_lab(course.find("01"))
    for exercise in lab.exercises:
        for wrong, lost in [(exercise.reference, ()), *((m.source, m.loses) for m in exercise.mutants)]:
            space: dict = {}
            exec("import numpy as np\nnp.seterr(all='ignore')\n" + wrong, space)
            for cell in exercise.cells:
                if cell.id in lost:
                    with pytest.raises(Exception):  # noqa: B017  (a mutant may raise whatever it likes)
                        exec(cells[cell.id], dict(space))
                else:
                    exec(cells[cell.id], dict(space))
        other = exercise.cells[1].check
        assert other not in cells[exercise.cells[0].id]  # one function for each cell, no more


def test_outputs_are_carried_over_while_a_cell_is_unchanged(course):
    (path,) = build.run(course)
    nb = nbformat.read(path, as_version=4)
    cell = next(c for c in nb.cells if "nbval-check-output" in c.metadata.get("tags", ()))
    other = next(c for c in nb.cells if "demo" in c.metadata.get("tags", ()))
    for each in (cell, other):
        each.outputs = [nbformat.v4.new_output("stream", text="recorded\n")]
    nbformat.write(nb, path)

    assert build.build_lab(load_lab(course.find("01")))[1] == []
    kept = {c.id: c for c in nbformat.read(path, as_version=4).cells}
    assert kept[cell.id].outputs[0].text == "recorded\n"
    assert kept[cell.id].execution_count == 2  # nbval compares nothing in a cell without a count
    assert kept[other.id].outputs == []  # not tagged: not kept

    edit(source(course), 'print(f"a film of', 'print(f"this film of')
    assert len(build.build_lab(load_lab(course.find("01")))[1]) == 1


def cell(text: str, metadata: str = "") -> str:
    return f"\n# %%{metadata}\n{text}\n"


META = ' nbgrader={"grade": false, "grade_id": "extra", "locked": true, "schema_version": 3, "solution": false, "task": false}'
ALT = 'alt="A film that brightens'
ADDED = "\n# %% [markdown] nbgrader"  # where new cells go: before the manual task

REFUSED = {
    "no heading": ("# ### Exercise: `normalise`  (easy, 5 minutes)", "# An exercise", "`normalise` has no heading"),
    "unreadable heading": ("(easy, 5 minutes)", "(simple, 5 minutes)", "this exercise heading is invalid"),
    "one hint": ("<details><summary>Hint 2: the shape", "<details><summary>More", "has 1 collapsible hints"),
    "no visible check": ("checks.normalise(normalise)\n\n# %% nb", "normalise(film)\n\n# %% nb", "contains only `checks.normalise(normalise)`"),
    "no docstring": ('    """The heart\'s width', '    _ = """The heart\'s width', "`heart_share` has no docstring"),
    "no points": ('"grade_id": "normalise-2", "locked": true, "points": 1', '"grade_id": "normalise-2", "locked": true, "points": 0', "`normalise-2` has no points"),
    "points differ": ("equal steps (2 points)", "equal steps (3 points)", "says 3 points, its metadata 2"),
    "graded cells not in order": ('"grade_id": "normalise-2"', '"grade_id": "normalise-3"', "expected the grade_id `normalise-2`"),
    "graded cell of nobody": ('"grade_id": "normalise-2"', '"grade_id": "normalize-2"', "belongs to no exercise"),
    "graded and open": ('"grade_id": "normalise-2", "locked": true', '"grade_id": "normalise-2", "locked": false', "graded but not locked"),
    "hand-written test": ("# A film of one grey becomes all 0 (1 point).", "assert normalise(film) is not None", "must contain a single comment"),
    "no solution marks": ("    ### BEGIN SOLUTION\n    widths = []", "    widths = []", "students would get the answer"),
    "hides a failing solution": ('"solution": true, "task": false}\ndef normalise', '"solution": true, "task": false} tags=["raises-exception"]\ndef normalise', "hides a solution that fails"),
    "another function": ("def heart_share(heart, lungs):", "def heartshare(heart, lungs):", "does not define `def heart_share(...)`"),
    "no checks": ("import tiny_checks as checks\n", "", "no cell tagged \"setup\" imports the visible checks"),
    "locked without schema": (ADDED, cell("1", META.replace('"schema_version": 3, ', "")) + ADDED, "`extra` lacks schema_version"),
    "long cell": (ADDED, cell("\n".join(f"x{n} = {n}" for n in range(26))) + ADDED, "26 lines in one cell"),
    "many cells": (ADDED, "".join(cell(f"x = {n}") for n in range(50)) + ADDED, "a notebook may have at most 60"),
    "installs": (ADDED, cell("# !pip install shap") + ADDED, "notebooks must not install packages"),
    "picture": (ADDED, cell("# ![](scan.png)", " [markdown]") + ADDED, "this image has no description"),
    "pyplot figure": (ADDED, cell("plt.hist(film)") + ADDED, "this figure is not shown"),
    "axes figure": (ADDED, cell("fig, ax = plt.subplots()\nax.plot([1, 2])") + ADDED, "this figure is not shown"),
    "table's figure": (ADDED, cell("table.plot.bar()") + ADDED, "this figure is not shown"),
    "figure of plots": (ADDED, cell("plots.film(film)") + ADDED, "this figure is not shown"),
    "figure of maps": (ADDED, cell("signed = plots.signed(maps)\nplots.attribution_grid(film, maps, rows)") + ADDED, "this figure is not shown"),
    "figure by a function": (ADDED, cell("draw();") + ADDED, "this figure is not shown"),
    "plt.show": (ADDED, cell("fig, ax = plt.subplots()\nplt.show()") + ADDED, "this figure has no description"),
    "short alt": (ALT, 'alt="A film.", **{}) or dict(a="', "the description has 7 characters"),
    "computed alt": (ALT, 'alt=str(film.shape), **{}) or dict(a="', "write the description as a literal in the call"),
    "manual answer in the open": ("# ### BEGIN SOLUTION\n# The AP view", "# The AP view", "or students would see them"),
    "no rubric": ("# Rubric: one point for each of two; any of", "# One point for each of two; any of", "no rubric"),
}  # fmt: skip


@pytest.mark.parametrize("rule", REFUSED)
def test_the_build_refuses(course, rule):
    old, new, message = REFUSED[rule]
    edit(source(course), old, new)
    before = sorted(p.name for p in (course.solutions / LAB).iterdir())
    with pytest.raises(SourceError) as caught:
        build.run(course)
    assert message in str(caught.value)
    assert f"{LAB}.py:" in str(caught.value)  # the file and a line
    assert sorted(p.name for p in (course.solutions / LAB).iterdir()) == before  # nothing half-built


def test_the_line_is_the_line_to_mend(course):
    edit(source(course), ADDED, cell("a = 1\nplt.hist(film)") + ADDED)
    with pytest.raises(SourceError) as caught:
        build.run(course)
    assert caught.value.line == line_of(source(course), "plt.hist(film)")


def test_what_is_no_figure_is_not_refused(course):
    """Functions that draw, and cells that show what they draw, are fine."""
    text = (
        cell(
            "def both(one, other):\n    fig, axes = plt.subplots(1, 2)\n    for ax, film in zip(axes, (one, other)):\n        ax.imshow(film)\n    return fig"
        )
        + cell(
            'plots.show(both(film, film), alt=f"Two films of {film.shape[0]} rows side by side: they are the same.")'
        )
        + cell('plt.close("all")\ncounts, edges = np.histogram(film)\nready = plots.signed(film[None])')
    )
    edit(source(course), ADDED, text + ADDED)
    assert problems(course) == []


def test_the_build_knows_which_functions_of_plots_draw():
    for name in plots.__all__:
        function = getattr(plots, name)
        if callable(function):
            draws = function.__annotations__["return"] in ("Figure", "Axes")
            assert draws == (name not in (*figures.SHOWS, *figures.COMPUTES)), name


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("hidden/normalise.py", "def normalise_2", "def other", "no function `normalise_2(f, rng)` for the graded cell `normalise-2`"),
        ("hidden/normalise.py", "def normalise_2(f, rng)", "def normalise_2(function)", "expected `def normalise_2(f, rng)`"),
        ("hidden/normalise.py", "def some_film", "def draw", "in stock nbgrader: rename it to `_draw`"),
        ("hidden/heart_share.py", "import numpy as np", "import numpy as np\n\n\ndef heart_share_3(f, rng):\n    raise ValueError", "`heart_share_3` has no graded cell"),
        ("mutants/normalise/no_return.py", "normalise-1, normalise-2", "normalise-1, normalise-9", "loses normalise-9, but the graded cells are"),
        ("mutants/normalise/no_return.py", "def normalise", "def normalize", "does not define `def normalise(...)`"),
        ("mutants/normalise/in_place.py", "told: changed the film it was given", "told: The visible check passes", "so it is not a wrong answer"),
    ],
)  # fmt: skip
def test_the_build_refuses_wrong_files_beside_the_source(course, file, old, new, message):
    path = course.solutions / LAB / file
    edit(path, old, new, count=-1)
    with pytest.raises(SourceError) as caught:
        build.run(course)
    assert message in str(caught.value) and path.name in str(caught.value)


def test_a_check_that_cannot_fail_is_refused(course):
    path = course.solutions / LAB / "hidden" / "normalise.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text[: text.index("def normalise_2")] + "def normalise_2(f, rng):\n    f(np.ones((2, 2)))\n", encoding="utf-8"
    )
    assert any("`normalise_2` can never fail" in p for p in problems(course))


def test_missing_mutants_and_files_of_nobody_are_refused(course):
    folder = course.solutions / LAB
    (folder / "mutants/heart_share/areas.py").unlink()
    (folder / "hidden/normalise.py").rename(folder / "hidden/normalize.py")
    told = "\n".join(problems(course))
    assert "`heart_share` has 2 mutants; expected at least 3" in told
    assert "normalise.py:None: missing" in told
    assert "this lab has no exercise `normalize`" in told


def test_at_most_five_graded_exercises_a_notebook(course):
    folder, text = course.solutions / LAB, source(course).read_text(encoding="utf-8")
    start, end = text.index("# %% [markdown]\n# ### Exercise: `heart_share`"), text.index('# %% tags=["demo"]')
    block, copies = text[start:end], ""
    for n in range(4):
        key = f"share_{n}"
        copies += block.replace("heart_share", key)
        for path in [folder / "hidden/heart_share.py", *(folder / "mutants/heart_share").glob("*.py")]:
            new = folder / str(path.relative_to(folder)).replace("heart_share", key)
            new.parent.mkdir(exist_ok=True)
            new.write_text(path.read_text(encoding="utf-8").replace("heart_share", key), encoding="utf-8")
    source(course).write_text(text[:end] + copies + text[end:], encoding="utf-8")
    (only,) = problems(course)
    assert "`share_3` is graded exercise 6 of 6 in this notebook; the limit is 5" in only
    # As a bonus exercise it may stay, without points.
    edit(source(course), "`share_3`  (medium", "`share_3`  (bonus, medium")
    assert all("in a bonus exercise; expected 0" in p for p in problems(course))
    text = source(course).read_text(encoding="utf-8")
    head, tail = text[: text.index("`share_3`")], text[text.index("`share_3`") :]
    for points in (2, 1):
        tail = tail.replace(f'"locked": true, "points": {points}', '"locked": true, "points": 0').replace(
            f" ({points} point{'s' * (points > 1)})", ""
        )
    source(course).write_text(head + tail, encoding="utf-8")
    assert problems(course) == []


def test_a_large_notebook_is_refused(course):
    edit(source(course), "# The smallest lab", "# " + "x" * 210_000 + "\n# The smallest lab")
    with pytest.raises(SourceError, match=r"the notebook is 2\d\d kB, expected at most 200"):
        build.run(course)

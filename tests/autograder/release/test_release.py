"""Releases: what students get, versions, the gradebook's marks, "Run all", and the leak proof."""

from __future__ import annotations

import ast
import base64
import io
import json
import textwrap
from pathlib import Path

import nbformat
import pytest
from rich.console import Console
from tiny_course import ANSWERS, LAB, answer, edit, fresh, source

from autograder.author import proofs
from autograder.author.lab_source import load_lab
from autograder.collect import collect
from autograder.course.course import Course
from autograder.errors import AutograderError, LeakError
from autograder.release import leak_proof, release, run_all, versions

pytestmark = pytest.mark.kernel


@pytest.fixture
def course(tmp_path) -> Course:
    return fresh(tmp_path / "course")


def released(course: Course):
    return nbformat.read(course.notebooks / LAB / f"{LAB}.ipynb", as_version=4)


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def hand_in(course: Course, student: str, tmp_path, **answers: str) -> None:
    folder = tmp_path / "inbox" / student
    folder.mkdir(parents=True)
    path = folder / f"{LAB}.ipynb"
    path.write_bytes((course.notebooks / LAB / f"{LAB}.ipynb").read_bytes())
    answer(path, **answers)
    assert not collect.run(course, tmp_path / "inbox").left


def test_a_release_holds_stubs_and_nothing_of_the_answers(course):
    (course.solutions / LAB / "expected").mkdir()
    (course.solutions / LAB / "expected" / "normalise.png").write_bytes(b"\x89PNG picture")
    release.run(course, make_zip=False)
    assert sorted(content(course.notebooks)) == [f"{LAB}/{LAB}.ipynb", f"{LAB}/expected/normalise.png"]
    nb = released(course)
    cells = {c.metadata.get("nbgrader", {}).get("grade_id", c.source): c for c in nb.cells}
    assert cells["normalise"].source.endswith("    raise NotImplementedError")
    assert cells["normalise-1"].source == "# The lowest value becomes 0, the highest 1, in equal steps (2 points)."
    assert cells["what_enlarges"].source.endswith("YOUR ANSWER HERE") and "AP view" not in cells["what_enlarges"].source
    assert nb.metadata.medxai == {"lab": LAB, "release": "01-r1", "notebook": LAB, "notebooks": [LAB]}
    assert not any(c.get("outputs") or c.get("execution_count") for c in nb.cells)
    tagged = [c.source for c in nb.cells if "raises-exception" in c.metadata.get("tags", ())]
    assert tagged == ["checks.normalise(normalise)", "checks.heart_share(heart_share)"]
    # The tag is the release's alone: in a solution it would hide a failure.
    assert "raises-exception" not in (course.solutions / LAB / f"{LAB}.ipynb").read_text(encoding="utf-8")

    kept = course.snapshot("01-r1")
    assert content(kept / "notebooks") == content(course.notebooks)
    assert load_lab(kept / "solutions" / LAB).points == 8
    about = json.loads((kept / "release.json").read_text(encoding="utf-8"))
    assert about["points"] == {
        "normalise-1": 2,
        "normalise-2": 1,
        "heart_share-1": 2,
        "heart_share-2": 1,
        "what_enlarges": 2,
    }


def test_a_lab_that_was_not_proved_as_it_is_now_is_named(course):
    def said() -> str:
        out = io.StringIO()
        release.run(course, make_zip=False, console=Console(file=out, width=200))
        return out.getvalue()

    assert "autograder prove 01" in said()
    proofs.keep(course, course.solutions / LAB, True)
    assert "autograder prove" not in said()
    edit(source(course), "film", "film  ")
    assert "autograder prove 01" in said()


def test_the_same_sources_give_the_same_release(course, tmp_path):
    release.run(course, make_zip=False)
    other = fresh(tmp_path / "other")
    release.run(other, make_zip=False)
    assert content(course.notebooks) == content(other.notebooks)


def test_run_all_fails_exactly_in_the_check_cells(course):
    release.run(course, make_zip=False)
    path = course.notebooks / LAB / f"{LAB}.ipynb"
    nb, failures = run_all.run_all(course, path)
    assert [f.source for f in failures] == ["checks.normalise(normalise)", "checks.heart_share(heart_share)"]
    assert run_all.surprises(nb, failures) == []

    # And the proof can fail: an answered exercise, and a cell that needs the answer.
    answer(path, **ANSWERS)
    nb = nbformat.read(path, as_version=4)
    nb.cells.append(nbformat.v4.new_code_cell("heart_share(film > 110, film > 105)"))
    nb.cells.append(nbformat.v4.new_code_cell("1"))
    nbformat.write(nb, path)
    told = "\n".join(run_all.surprises(*run_all.run_all(course, path)))
    assert "did not fail on the stub: checks.normalise" in told
    assert "raised NotImplementedError" in told and "was not reached: 1" in told


def test_a_version_that_somebody_has_is_not_changed(course, tmp_path):
    release.run(course, make_zip=False)
    edit(source(course), "The smallest lab", "The very smallest lab")
    release.run(course, make_zip=False)  # nobody has handed in: 01-r1 may still change
    assert "very smallest" in released(course).cells[0].source

    hand_in(course, "ada", tmp_path, **ANSWERS)
    release.run(course, make_zip=False)  # nothing changes: fine
    before = content(course.notebooks)
    edit(source(course), "The very smallest lab", "The smallest of labs")
    with pytest.raises(AutograderError, match=r"ada submitted under 01-r1.*autograder release 01 --next"):
        release.run(course, make_zip=False)
    assert content(course.notebooks) == before and load_lab(course.find("01")).version == "01-r1"

    release.run(course, ["01"], next_version=True, make_zip=False)
    assert released(course).metadata.medxai.release == "01-r2" and load_lab(course.find("01")).version == "01-r2"
    old = course.snapshot("01-r1") / "notebooks"
    assert content(old) == before  # what ada was given is kept
    assert versions.submitters(course, LAB, "01-r1") == ["ada"] and versions.submitters(course, LAB, "01-r2") == []
    release.run(course, make_zip=False)
    assert not [p.name for p in course.state.iterdir() if p.name.startswith(("staging", "gradebook-0"))]


def test_marks_survive_a_release(course, tmp_path):
    from nbgrader.api import Gradebook

    release.run(course, make_zip=False)
    with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission(LAB, "ada")
        grade = gradebook.find_grade("normalise-1", LAB, LAB, "ada")
        grade.auto_score, grade.manual_score = 2, 1.5
        gradebook.db.commit()

    def marks():
        with Gradebook(f"sqlite:///{course.gradebook}") as gradebook:
            found = gradebook.find_grade("normalise-1", LAB, LAB, "ada")
            return found.auto_score, found.manual_score, found.max_score

    edit(source(course), "The smallest lab", "The very smallest lab")
    release.run(course, ["01"], next_version=True, make_zip=False)
    assert marks() == (2, 1.5, 2)
    with pytest.raises(AutograderError, match="Name the labs"):
        release.run(course, next_version=True, make_zip=False)

    # nbgrader cannot take over renamed cells once there are marks: then nothing changes, and the message says what to do.
    before = content(course.notebooks)
    edit(source(course), '"grade_id": "what_enlarges"', '"grade_id": "what_widens"')
    with pytest.raises(AutograderError, match=r"the gradebook has marks for it.*mv gradebook\.db"):
        release.run(course, ["01"], next_version=True, make_zip=False)
    assert marks() == (2, 1.5, 2) and content(course.notebooks) == before


# --- the leak proof ------------------------------------------------------------------------------------------------

SOLUTION = '''
def renamed(picture):
    """Another docstring."""
    a, b = picture.min(), picture.max()  # another comment
    width = b - a
    if width == 0:
        return np.zeros_like(picture)
    return (picture - a) / width
'''
PASTED = (
    "\n".join(line[4:] for line in SOLUTION.split("\n")[3:-2]).replace("return np.zeros_like(picture)", "out = 0")
    + "\nout = 1"
)
HIDDEN = """
def check(function, generator):
    film = np.full(generator.integers(3, 9, 2), float(generator.integers(1, 200)))
    with np.errstate(all="ignore"):
        out = np.asarray(function(film.copy()), float)
    if not np.array_equal(out, np.zeros_like(film)):
        raise AssertionError("a film of one grey has no range; it must become all 0, without dividing by nothing")
"""
HARMLESS = '''
def window(film, low, high):
    """Not an answer, though it looks like one."""
    lowest, highest = film.min(), film.max()
    span = highest - lowest
    if span == 0:
        raise ValueError("a film of one grey")
    return np.clip((film - low) / (high - low), 0, 1)


def first(values):
    return values / values.max()
'''


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("medxai/window.py", SOLUTION, "the solution of normalise"),
        ("medxai/window.py", HIDDEN, "the hidden check normalise_2 of normalise"),
        ("medxai/share.py", "def f(a, b):\n    a, b = (np.flatnonzero(m.any(axis=0)) for m in (a, b))\n    return float((a[-1] - a[0]) / (b[-1] - b[0]))", "the mutant off_by_one of heart_share"),
        ("medxai/checks/tiny.py", "def norm(x):\n    return x / x.max()", "the mutant no_subtraction of normalise"),
        ("notes.md", "Rubric: one point for each of two; any of AP view, poor inspiration, rotation, a supine patient.", "text of the model answer (Rubric: one point for each of two; any of AP view,...) of what_enlarges"),
        ("notes.txt", "columns = np.flatnonzero(mask.any(axis=0))\nwidths.append(columns[-1] - columns[0] + 1)\nreturn float(widths[0] / widths[1])", "lines of the solution of heart_share"),
        ("medxai/a.py", "x = 1\n### BEGIN HIDDEN TESTS\n", "the mark BEGIN HIDDEN"),
        ("medxai/a.py", "from autograder.author.lab_source import load_lab", "an import of autograder"),
        ("autograder/a.py", "x = 1", "a file from autograder/"),
        ("medxai/__pycache__/a.pyc", "x", "a file that cannot be searched"),
    ],
)  # fmt: skip
def test_a_planted_leak_is_found(course, name, text, found):
    known = leak_proof.secrets([load_lab(course.find("01"))])
    assert found in "\n".join(map(str, leak_proof.find(known, [(name, text.encode())])))


def test_a_planted_leak_in_a_notebook_is_found(course):
    known = leak_proof.secrets([load_lab(course.find("01"))])
    nb = nbformat.v4.new_notebook()
    nb.cells = [
        nbformat.v4.new_code_cell("%time\nx = 1"),
        nbformat.v4.new_code_cell(SOLUTION.replace("def", "async def")),
    ]
    (leak,) = leak_proof.find(known, [("notebooks/a.ipynb", nbformat.writes(nb).encode())])
    assert (leak.file, leak.key) == ("notebooks/a.ipynb, cell 1", "normalise")
    # As statements of a cell, which are no function any more.
    loop = "sizes = []\nfor m in (a, b):\n    c = np.flatnonzero(m.any(axis=0))\n    sizes.append(c[-1] - c[0] + 1)\nshare = float(sizes[0] / sizes[1])"
    nb.cells = [nbformat.v4.new_code_cell("a, b = heart, lungs\n" + loop + "\nprint(share)")]
    found = leak_proof.find(known, [("notebooks/a.ipynb", nbformat.writes(nb).encode())])
    assert {leak.key for leak in found} == {"heart_share"} and "the solution" in {
        leak.what.removeprefix("half of ") for leak in found
    }


RENAMED = (
    SOLUTION.replace("film", "picture").replace("span", "width").replace("lowest", "least").replace("highest", "most")
)
HALF = "def begin(mask_a, mask_b):\n    seen = []\n    for one in (mask_a, mask_b):\n        where = np.flatnonzero(one.any(axis=0))\n        seen.append(where[-1] - where[0] + 1)\n"


def written(source: str) -> dict[str, object]:
    """The same code in every form in which it could slip into a notebook: name -> the cells, or a change of the notebook."""
    new = nbformat.v4
    commented = "\n".join(f"# {line}" for line in source.split("\n"))
    encoded = base64.b64encode(source.encode()).decode()
    return {
        "commented out": [new.new_code_cell(f"x = 1\n{commented}\ny = 2")],
        "fenced": [new.new_markdown_cell(f"Like this:\n\n```python\n{source}\n```\nThat is all.")],
        "indented": [new.new_markdown_cell("Like this:\n\n" + textwrap.indent(source, "    ") + "\n\nThat is all.")],
        "quoted": [new.new_markdown_cell("\n".join(f"> {line}" for line in ["```", *source.split("\n"), "```"]))],
        "a list of strings": [new.new_code_cell(f"lines = {source.splitlines()!r}")],
        "a string": [new.new_code_cell(f"text = {source!r}")],
        "JSON in a string": [new.new_code_cell(f"data = {json.dumps(dict(answer=source.splitlines()))!r}")],
        "metadata": [new.new_code_cell("x = 1", metadata={"note": {"old": source}})],
        "attachment": [new.new_markdown_cell("See.", attachments={"a.txt": {"text/plain": encoded}})],
        "output": [new.new_code_cell("x = 1", outputs=[new.new_output("stream", text=source.splitlines(keepends=True))])],
        "result": [new.new_code_cell("x = 1", outputs=[new.new_output("execute_result", data={"text/plain": source.splitlines(keepends=True)})])],
    }  # fmt: skip


@pytest.mark.parametrize("form", written(""))
@pytest.mark.parametrize("source", [SOLUTION, RENAMED], ids=["as it is", "renamed"])
def test_an_answer_is_found_in_every_form(course, form, source):
    known = leak_proof.secrets([load_lab(course.find("01"))])
    nb = nbformat.v4.new_notebook(cells=written(source)[form])
    found = leak_proof.find(known, [("notebooks/a.ipynb", nbformat.writes(nb).encode())])
    assert "normalise" in {leak.key for leak in found}, found


def test_half_an_answer_and_half_a_sentence_are_found(course):
    lab = load_lab(course.find("01"))
    known = leak_proof.secrets([lab])
    nb = nbformat.v4.new_notebook(
        metadata={"about": "because the heart is further from the detector, and poor inspiration"}
    )
    nb.cells = [nbformat.v4.new_code_cell(HALF)]
    found = leak_proof.find(known, [("notebooks/a.ipynb", nbformat.writes(nb).encode())])
    assert {"what_enlarges", "heart_share"} <= {leak.key for leak in found}
    said = leak_proof.find(known, [("notes.md", b"The AP view because the heart is further from the detector")])
    assert [leak.what for leak in said] == ["words of the model answer"]


def test_a_module_of_the_autograder_is_found_under_another_name(course):
    from autograder import errors as module

    known = leak_proof.secrets([])
    copy = ast.unparse(ast.parse(Path(module.__file__).read_text(encoding="utf-8")))
    (leak,) = leak_proof.find(known, [("medxai/helpers.py", f"# a copy\n{copy}".encode())])
    assert str(leak) == "medxai/helpers.py: the module autograder/errors.py"


def test_what_only_looks_like_an_answer_passes(course):
    """Shared idioms, and one-line bodies in medxai, are not leaks; nor is the same stub."""
    lab = load_lab(course.find("01"))
    known = leak_proof.secrets([lab])
    files = [("medxai/window.py", HARMLESS.encode()), *[("notebooks/a.py", e.stub.encode()) for e in lab.exercises]]
    assert leak_proof.find(known, files) == []


def test_a_leak_stops_the_release(course):
    release.run(course, make_zip=False)
    before = content(course.notebooks)
    edit(
        source(course),
        "# Stretch a film to the range from 0 to 1.",
        "# Divides by the largest value only: the lowest never becomes 0.",
    )
    with pytest.raises(
        LeakError, match=rf"notebooks/{LAB}/{LAB}\.ipynb, cell 3: text of the mutant no_subtraction .* of normalise"
    ):
        release.run(course, make_zip=False)
    assert content(course.notebooks) == before

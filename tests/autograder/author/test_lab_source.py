"""Reading a lab: what comes out, and that an error names the file, the line and the remedy."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tiny_course import edit, fresh, line_of, source

from autograder.author.lab_source import load_lab, load_whole_labs
from autograder.course.course import Course
from autograder.course.markers import fixed_seed
from autograder.errors import AutograderError, SourceError


@pytest.fixture
def course(tmp_path) -> Course:
    return fresh(tmp_path / "course")


def test_a_lab_is_read_in_full(course):
    (lab,) = load_whole_labs(course)
    assert (lab.number, lab.name, lab.version, lab.points) == ("01", "01_tiny", "01-r1", 8)
    normalise, share = lab.exercises
    assert (normalise.key, normalise.difficulty, normalise.minutes, normalise.bonus) == ("normalise", "easy", 5, False)
    assert (share.difficulty, share.minutes, share.points) == ("medium", 10, 3)
    assert [(c.id, c.points, c.check) for c in share.cells] == [
        ("heart_share-1", 2, "heart_share_1"),
        ("heart_share-2", 1, "heart_share_2"),
    ]
    assert share.cells[1].statement == "Gaps inside a mask do not make it narrower"
    assert [(m.key, m.points) for m in lab.manual] == [("what_enlarges", 2)]
    assert lab.setup["01_tiny"][0].startswith("import matplotlib")

    assert "SOLUTION" not in normalise.reference and "lowest, highest" in normalise.reference
    assert normalise.stub.endswith('"""\n    raise NotImplementedError')
    for text in (normalise.reference, normalise.stub):
        compile(text, "cell", "exec")

    mutants = {m.name: m for m in normalise.mutants}
    assert mutants["in_place"].loses == () and mutants["in_place"].told == "changed the film it was given"
    assert mutants["divides_by_nothing"].loses == ("normalise-2",) and mutants["divides_by_nothing"].told is None
    assert mutants["no_subtraction"].source == "def normalise(film):\n    return film / film.max()\n"
    assert mutants["no_subtraction"].why.startswith("Divides by the largest value only")


def test_seeds_are_fixed_and_differ():
    assert fixed_seed("normalise-1") == 378850608  # stock nbgrader must give the same marks on every machine, for good
    assert len({fixed_seed(f"normalise-{n}") for n in range(100)}) == 100


def test_a_lab_is_found_by_what_people_type(course):
    folder = course.solutions / "01_tiny"
    for name in ("01", "1", "tiny", "01_tiny", "solutions/01_tiny"):
        assert course.find(name) == folder
    with pytest.raises(AutograderError, match=r"no lab 'tyni'.*Did you mean tiny"):
        course.find("tyni")


def test_a_source_that_does_not_parse_names_its_line(course):
    edit(source(course), "    span = highest - lowest", "    span = highest -")
    with pytest.raises(SourceError, match="syntax error") as caught:
        load_lab(course.find("01"))
    assert caught.value.path == source(course)
    assert caught.value.line == line_of(source(course), "span = highest -")


def test_a_repeated_key_is_refused_across_notebooks(course):
    second = course.solutions / "01_tiny" / "01b_more.py"
    second.write_text(source(course).read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(SourceError, match=r"already used in 01_tiny\.py, line") as caught:
        load_lab(course.find("01"))
    assert caught.value.path == second
    assert len(caught.value.problems) == 7  # every cell with a grade_id, all told at once


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("mutants/normalise/no_return.py", "loses:", "lost:", "lacks a line `loses: "),
        ("mutants/normalise/no_return.py", "told: Is the `return` missing?\n", "", "lacks a line `told: "),
        ("mutants/normalise/no_return.py", "def normalise(film):", "def normalise(film:", "syntax error"),
        ("01_tiny.py", '"points": 2, ', "", "has no points"),
        ("01_tiny.py", "    ### END SOLUTION\n", "", "solution has no end"),
        ("01_tiny.py", "# %% [markdown]\n# # 01", "# # 01", "needs its own marker"),
        ("release.toml", "version = 1", 'version = "one"', "a whole number from 1"),
    ],
)
def test_what_cannot_be_read_is_named(course, file, old, new, message):
    path = course.solutions / "01_tiny" / file
    edit(path, old, new)
    with pytest.raises(SourceError, match=message) as caught:
        load_lab(course.find("01"))
    assert caught.value.path == path
    assert str(caught.value).startswith(f"solutions/01_tiny/{file}")


def test_the_command_line_tells_people_not_tracebacks(course, tmp_path):
    edit(source(course), "    span = highest - lowest", "    span = highest -")

    def autograder(*words, at):
        return subprocess.run(
            [sys.executable, "-m", "autograder.cli", *words], capture_output=True, encoding="utf-8", cwd=at
        )

    for words, at, told in [
        (["build"], course.root, f"01_tiny.py:{line_of(source(course), 'span = highest -')}: syntax error"),
        (["build", "07"], course.solutions, "There is no lab '07'"),  # from a folder inside the course
        (["build"], tmp_path, "expected a folder `solutions`"),
    ]:
        done = autograder(*words, at=at)
        assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_no_tensorflow_is_imported():
    code = (
        "import sys, autograder.cli, autograder.author.build, autograder.release.release, autograder.collect.collect, medxai.lab.submit, medxai.__main__\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

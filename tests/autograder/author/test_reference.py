"""Recording reference outputs: only of tagged cells, never an error, never a picture without words."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from tiny_course import LAB, edit, fresh, source

from autograder.author import build, reference
from autograder.course.course import Course
from autograder.errors import SourceError

pytestmark = pytest.mark.kernel


@pytest.fixture
def course(tmp_path) -> Course:
    return fresh(tmp_path / "course")


def test_outputs_are_recorded_kept_by_the_build_and_compared_by_nbval(course):
    (path,) = reference.run(course)
    recorded = path.read_bytes()
    nb = nbformat.reads(recorded.decode(), as_version=4)
    outputs = {c.id: c.outputs for c in nb.cells if c.cell_type == "code" and c.outputs}
    assert len(outputs) == 2  # the two tagged ones, of twelve
    text, picture = outputs.values()
    assert text[0].text == "a film of 24 x 32 pixels, values from 100 to 185\n"
    assert len(picture[0].metadata["image/png"]["alt"]) >= 40
    assert (course.solutions / LAB / "expected" / "normalise.png").read_bytes().startswith(b"\x89PNG")

    build.run(course)
    assert path.read_bytes() == recorded
    reference.run(course)
    assert path.read_bytes() == recorded  # no time, no count of an earlier run

    nbval = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval-lax", str(path)]
    run = {"env": course.environment(), "cwd": course.root, "capture_output": True, "text": True}
    assert subprocess.run(nbval, **run).returncode == 0
    # The comparison is a real one: another film, the old record.
    path.write_bytes(recorded.replace(b"np.add.outer(np.arange(24.0)", b"np.add.outer(np.arange(25.0)"))
    done = subprocess.run(nbval, **run)
    assert done.returncode == 1 and "values from 100 to 186" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "    return (film - lowest) / span\n",
            "    return film / nothing\n",
            "raises NameError: name 'nothing' is not defined",
        ),
        (
            "total = 0",
            'from IPython.display import Image, display\ndisplay(Image("expected/normalise.png"))\ntotal = 0',
            "shows an image without a description",
        ),
    ],
)
def test_a_solution_that_is_wrong_records_nothing(course, old, new, message):
    (path,) = reference.run(course)
    edit(source(course), old, new)
    with pytest.raises(SourceError, match=message) as caught:
        reference.run(course)
    assert caught.value.path == source(course) and caught.value.line > 20
    kept = [c.outputs for c in nbformat.read(path, as_version=4).cells if c.get("outputs")]
    assert len(kept) == 2  # what was recorded before is still there

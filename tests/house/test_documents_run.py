"""Documents that run: every fenced block of shell or Python is executed, or says above it why it is not.

Every block names its language. Above a block, in HTML comments, which readers do not see:

    <!-- not run: REASON -->          why it is not executed; a test that is named there must exist
    <!-- run after: CODE -->          code in the block's language that is executed first
    <!-- in: the small course -->     shell: in tests/autograder/course, released, with a submission in FOLDER

Otherwise shell runs in a student's folder (`notebooks/` and `.venv`), Python in an empty one. The blocks of a document run in
order, in one folder and one Python process: a later block may use what an earlier one made.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from graded_class import answers, new_course

from autograder.author import rules
from autograder.author.lab_source import load_lab
from autograder.course.lab_course import LabCourse
from medxai.lab.submit import pack

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "autograder").rglob("*.md")]
)
RUN = {"sh", "python"}
SHOWN = {"text", "html", "toml", "dockerfile"}
BLOCK = re.compile(
    r"(?P<above>(?:^[ ]*<!--(?:(?!-->).)*-->\s*?\n\s*)*)^(?P<indent> *)```(?P<language>[^\n]*)\n(?P<code>.*?)^(?P=indent)```$",
    re.M | re.S,
)
COMMENT = re.compile(r"<!--\s*(not run|run after|in):\s*(.*?)\s*-->", re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: its document, first line of code, language and code, and the comments above it."""

    path: Path
    line: int
    language: str
    code: str
    reason: str
    first: str
    place: str

    @property
    def runs(self) -> bool:
        return self.language in RUN and not self.reason


def blocks_of(path: Path, text: str) -> list[Block]:
    found = []
    for match in BLOCK.finditer(text):
        above = dict(COMMENT.findall(match["above"]))
        line = text[: match.start("code")].count("\n") + 1
        code = re.sub(rf"(?m)^{match['indent']}", "", match["code"])
        found.append(
            Block(
                path,
                line,
                match["language"],
                code,
                above.get("not run", ""),
                above.get("run after", ""),
                above.get("in", ""),
            )
        )
    return found


BLOCKS = [block for path in DOCUMENTS for block in blocks_of(path, path.read_text(encoding="utf-8"))]


def test_every_fence_is_read_and_names_its_language():
    fences = sum(len(re.findall(r"(?m)^ *```", path.read_text(encoding="utf-8"))) for path in DOCUMENTS)
    assert fences == 2 * len(BLOCKS) and len(BLOCKS) > 30
    assert {f"{b.path.name}:{b.line} {b.language!r}" for b in BLOCKS if b.language not in RUN | SHOWN} == set()


def test_what_is_not_run_says_why_and_names_tests_that_exist():
    for block in BLOCKS:
        where = f"{block.path.name}:{block.line}"
        assert not (block.reason and block.language not in RUN), f"{where}: only shell and Python are run"
        assert not block.reason or len(block.reason.split()) > 3, f"{where}: the reason is too short: {block.reason!r}"
        for name in re.findall(r"tests/[\w/.]+\w", block.reason):
            assert (ROOT / name).exists(), f"{where}: there is no {name}"
    assert sum(block.runs for block in BLOCKS) > sum(bool(block.reason) for block in BLOCKS)


def test_blocks_are_found_with_their_comments():
    text = "Text\n\n<!-- run after:\nx = 1\n-->\n```python\nprint(x)\n```\n\n1. item\n   <!-- not run: because of this -->\n   ```sh\n   ls\n   ```\n"
    one, two = blocks_of(Path("x.md"), text)
    assert (one.first, one.code, one.line) == ("x = 1", "print(x)\n", 7)
    assert (two.reason, two.code, two.language) == ("because of this", "ls\n", "sh")


def folder_for(place: str, folder: Path) -> Path:
    """A new folder in which a document's shell blocks run."""
    if place == "the small course":
        course = new_course(folder)
        lab = load_lab(course.solutions / "01_tiny")
        work = folder.parent / "work" / "01_tiny"
        shutil.copytree(course.notebooks / lab.name, work)
        import nbformat

        path = work / "01_tiny.ipynb"
        notebook = nbformat.read(path, as_version=4)
        answers(lab)(notebook)
        nbformat.write(notebook, path)
        pack("01", work, "ada", folder / "FOLDER")
        return folder
    assert not place, f"unknown place: {place}"
    folder.mkdir()
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    return folder


def environment(folder: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": path, "MPLBACKEND": "Agg", "TMPDIR": str(folder.parent), "COLUMNS": "200"}


TOML = [block for block in BLOCKS if block.language == "toml" and block.path.parent.name == "docs"]


@pytest.mark.parametrize("block", TOML, ids=lambda block: f"{block.path.name}:{block.line}")
def test_each_course_toml_in_the_documents_fits_our_labs(block, tmp_path):
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions", ignore=shutil.ignore_patterns("*.ipynb", "expected"))
    (tmp_path / "course.toml").write_text(block.code, encoding="utf-8")
    course = LabCourse(tmp_path)
    assert course.folders() and all(rules.check(load_lab(folder)) == [] for folder in course.folders())


@pytest.mark.kernel
@pytest.mark.parametrize(
    "path",
    sorted({b.path for b in BLOCKS if b.runs and b.language == "sh"}),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_shell(path, tmp_path):
    places: dict[str, Path] = {}
    for block in (b for b in BLOCKS if b.path == path and b.runs and b.language == "sh"):
        if block.place not in places:
            places[block.place] = folder_for(block.place, tmp_path / f"place{len(places)}")
        where = places[block.place]
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", f"{block.first}\n{block.code}"],
            cwd=where, env=environment(where), stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == 0 and "Traceback" not in said, f"{path.name}:{block.line}\n{said[-4000:]}"


DRIVER = """
import json, sys, traceback
space = {"__name__": "__main__"}
for where, code in json.load(sys.stdin):
    try:
        exec(compile(code, where, "exec"), space)
    except BaseException:
        traceback.print_exc()
        sys.exit(f"{where} does not run")
"""


@pytest.mark.kernel
@pytest.mark.parametrize(
    "path",
    sorted({b.path for b in BLOCKS if b.runs and b.language == "python"}),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_python(path, tmp_path):
    import json

    parts = []
    for block in (b for b in BLOCKS if b.path == path and b.runs and b.language == "python"):
        # The block keeps its line numbers.
        parts += [
            (f"{path.name}:{block.line}, run after", block.first),
            (path.name, "\n" * (block.line - 1) + block.code),
        ]
    paths = os.pathsep.join(
        [str(ROOT), str(ROOT / "tests" / "autograder"), str(ROOT / "tests" / "autograder" / "check")]
    )
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], cwd=tmp_path, input=json.dumps(parts), capture_output=True, encoding="utf-8",
        env=environment(tmp_path / "x") | {"PYTHONPATH": paths},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]

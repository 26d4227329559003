"""The student zip: what is in it, that it is complete, and that a student with nothing else gets through a lab."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest
from tiny_course import SOURCE, fresh

from autograder.author.lab_source import load_lab, load_whole_labs
from autograder.course.course import Course
from autograder.course.lab_course import LabCourse
from autograder.errors import AutograderError, LeakError
from autograder.release import leak_proof, release, student_zip

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).resolve().parents[3]
LABS = [name for name in ("00_welcome", "01_cardiomegaly") if list((ROOT / "solutions" / name).glob("*.py"))]

# Runs a notebook in the student's folder: kernel, packages and working folder are what a student has there.
# Demonstrations are skipped: no mark depends on them, and nbval runs them. Stops at the first cell that raises (a student's JupyterLab goes on behind a check cell; here its place matters).
RUN = """
import sys, nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
path, folder = sys.argv[1:]
nb = nbformat.read(path, as_version=4)
for cell in nb.cells:
    if "demo" in cell.metadata.get("tags", []):
        cell.source = ""
    cell.metadata["tags"] = [t for t in cell.metadata.get("tags", []) if t != "raises-exception"]
try:
    NotebookClient(nb, timeout=1200, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
except CellExecutionError:
    pass
for cell in nb.cells:
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            print("STOPPED", output.ename, "|", cell.source)
        elif output.output_type == "execute_result" and "check" in cell.metadata.get("tags", []):
            print("PASSED", cell.source, "|", output.data["text/plain"])
print("END")
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> tuple[LabCourse, Path]:
    course = fresh(tmp_path_factory.mktemp("kit") / "course")
    return course, release.run(course)


def unzip(path: Path, into: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(into)
    return into / student_zip.FOLDER


def test_what_is_in_the_zip(tiny):
    _, path = tiny
    with zipfile.ZipFile(path) as archive:
        names = {n.removeprefix(f"{student_zip.FOLDER}/") for n in archive.namelist()}
        texts = {
            n: archive.read(f"{student_zip.FOLDER}/{n}").decode()
            for n in ("pyproject.toml", "README.md", "environment.yml")
        }
    wanted = {
        "README.md",
        "LICENSE",
        "LICENSE-CONTENT",
        "environment.yml",
        "requirements-student.lock",
        "pyproject.toml",
    }
    assert (
        wanted
        | {"notebooks/01_tiny/01_tiny.ipynb", "medxai/lab/submit.py", "medxai/__main__.py", "data_fetch/__init__.py"}
        <= names
    )
    assert {n.split("/")[0] for n in names} == wanted | {"notebooks", "medxai", "data_fetch"}
    # Everything of the two packages that git knows is in it, checkpoints too, and nothing else.
    listed = subprocess.run(
        ["git", "ls-files", "data_fetch", "medxai"], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    if listed.returncode == 0:
        tracked = {n for n in listed.stdout.split() if (ROOT / n).is_file()}
        assert tracked - names == set()

    project = tomllib.loads(texts["pyproject.toml"])
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    base, labs = ours["project"]["dependencies"], ours["project"]["optional-dependencies"]["labs"]
    assert project["project"]["dependencies"] == base + labs
    assert set(project["project"]["optional-dependencies"]) == {"gpu"} and set(project["project"]["scripts"]) == {
        "data-fetch"
    }
    assert project["tool"] == {"hatch": {"build": {"targets": {"wheel": {"packages": ["data_fetch", "medxai"]}}}}}
    for text in texts.values():
        assert "autograder" not in text and "nbgrader" not in text
    assert "01 Tiny: two numbers of a chest film" in texts["README.md"] and "$" not in texts["README.md"]
    assert "medxai submit 01" in texts["README.md"]


def test_the_same_files_give_the_same_bytes(tiny):
    course, path = tiny
    data = path.read_bytes()
    for file in course.notebooks.rglob("*.ipynb"):
        os.utime(file, (1, 1))
    assert student_zip.write(course, leak_proof.secrets(load_whole_labs(course))).read_bytes() == data


def test_a_leak_in_a_package_stops_the_zip(tiny, tmp_path):
    """The proof is of what is in the zip, wherever it came from."""
    old = tiny[1].read_bytes()
    course = LabCourse(shutil.copytree(tiny[0].root, tmp_path / "course"))
    for name in ("data_fetch", "medxai"):
        shutil.copytree(ROOT / name, course.root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements-student.lock", "environment.yml"):
        shutil.copy(ROOT / name, course.root)
    lab = load_lab(course.find("01"))
    known = leak_proof.secrets([lab])
    (course.root / "medxai" / "shares.py").write_text(
        lab.exercises[1].reference.replace("widths", "sizes"), encoding="utf-8"
    )
    with pytest.raises(LeakError, match=r"medxai/shares\.py: the solution of heart_share"):
        student_zip.write(course, known)
    assert [p.read_bytes() for p in course.dist.iterdir()] == [old]  # the last good one is still there
    (course.root / "medxai" / "shares.py").unlink()
    student_zip.write(course, known)
    (course.root / "requirements-student.lock").unlink()
    with pytest.raises(AutograderError, match=r"needs .*requirements-student\.lock, which is missing"):
        student_zip.write(course, known)


def test_a_student_with_the_folder_only_solves_checks_and_packs(tiny, tmp_path):
    """The tiny lab, on the unzipped packages alone."""
    home = unzip(tiny[1], tmp_path)
    shutil.copy(SOURCE / "tiny_checks.py", home)  # the tiny course's checks are no part of medxai
    student = Student.borrowing(home, tmp_path / "env")
    lab = home / "notebooks" / "01_tiny"
    assert "STOPPED NotImplementedError | checks.normalise(normalise)" in student.run(lab / "01_tiny.ipynb")
    student.solve(lab / "01_tiny.ipynb", load_lab(tiny[0].find("01")))
    said = student.run(lab / "01_tiny.ipynb")
    assert "STOPPED" not in said and said.count("PASSED") == 2 and "END" in said
    assert "Packed lab 01_tiny of ada" in student.python("-m", "medxai", "submit", "01", "--student", "ada")
    assert zipfile.is_zipfile(home / "01--ada.zip")


class Student:
    """Somebody with the unzipped folder and a Python, and nothing of this checkout."""

    def __init__(self, home: Path, python: Path, cache: Path | None = None):
        self.home, self.interpreter = home, python
        kept = ("HOME", "PATH", "LANG", "TMPDIR", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY", "DATA_FETCH_DIR")
        self.env = {k: os.environ[k] for k in kept if k in os.environ}
        self.env |= {"PYTHONSAFEPATH": "1", "JUPYTER_PREFER_ENV_PATH": "1"}
        if cache:
            self.env["DATA_FETCH_DIR"] = str(cache)

    @classmethod
    def borrowing(cls, home: Path, folder: Path) -> Student:
        """Someone with the libraries of this environment, but of our packages only those of the unzipped folder.

        Libraries found by PYTHONPATH bring no .pth files, so a checkout that is installed "editable" is not seen.
        """
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        student = cls(home, folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        libraries = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
        student.env["PYTHONPATH"] = os.pathsep.join([str(home), *libraries])
        assert "No module named 'autograder'" in student.python("-c", "import autograder", fails=True)
        assert student.python("-c", "import medxai; print(medxai.__file__)").startswith(str(home))
        return student

    def python(self, *words: str, fails: bool = False) -> str:
        done = subprocess.run(
            [self.interpreter, *words], cwd=self.home, env=self.env, capture_output=True, encoding="utf-8"
        )
        assert (done.returncode != 0) == fails, done.stderr[-3000:]
        return done.stderr if fails else done.stdout

    def run(self, notebook: Path) -> str:
        return self.python("-c", RUN, str(notebook), str(notebook.parent))

    def solve(self, notebook: Path, lab) -> None:
        nb = nbformat.read(notebook, as_version=4)
        answers = {e.key: e.reference for e in lab.exercises}
        for cell in nb.cells:
            cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
        nbformat.write(nb, notebook)


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> tuple[LabCourse, Path]:
    """The real labs, released by this checkout into a course elsewhere."""
    if len(LABS) < 2:
        pytest.skip(f"needs the labs 00 and 01, found {LABS}")
    root = tmp_path_factory.mktemp("real")
    for name in LABS:
        shutil.copytree(ROOT / "solutions" / name, root / "solutions" / name)
    course = LabCourse(root)
    return course, release.run(course)


def work_through(student: Student, course: Course) -> None:
    """Lab 00 to its passed check, lab 01 to its first failing check, and a packed submission."""
    (welcome,) = sorted((student.home / "notebooks" / "00_welcome").glob("*.ipynb"))
    assert "STOPPED NotImplementedError | checks." in student.run(welcome)
    student.solve(welcome, load_lab(course.find("00")))
    said = student.run(welcome)
    assert "STOPPED" not in said and "PASSED checks." in said
    lab = load_lab(course.find("01"))
    first = lab.exercises[0]
    notebook = student.home / "notebooks" / lab.name / f"{first.notebook}.ipynb"
    assert f"STOPPED NotImplementedError | checks.{first.key}({first.key})" in student.run(notebook)
    assert f"Packed lab {lab.name} of ada" in student.python("-m", "medxai", "submit", "01", "--student", "ada")
    with zipfile.ZipFile(student.home / "01--ada.zip") as archive:
        about = json.loads(archive.read("submission.json"))
    assert set(about["notebooks"]) == {p.with_suffix(".ipynb").name for p in lab.notebooks}


def test_a_student_works_through_the_first_labs(real, tmp_path):
    """With this interpreter, but with the unzipped packages alone."""
    course, path = real
    work_through(Student.borrowing(unzip(path, tmp_path), tmp_path / "env"), course)


@pytest.mark.slow(reason="installs TensorFlow and the rest of the student's lock in an environment of its own")
def test_a_student_installs_the_zip_and_works_through_the_first_labs(real, tmp_path):
    """An environment of its own from the student's lock, by the commands of the zip's README; no make, no git."""
    uv = shutil.which("uv") or next(
        (str(p) for p in [ROOT / ".uv/bin/uv", Path(sys.executable).parent / "uv"] if p.exists()), None
    )
    if uv is None:
        pytest.skip("needs uv")
    course, path = real
    home = unzip(path, tmp_path)
    readme = (home / "README.md").read_text(encoding="utf-8")
    commands = [
        "uv venv --python 3.11",
        "uv pip install --require-hashes --compile-bytecode -r requirements-student.lock",
        "uv pip install --no-deps -e .",
    ]
    env = {
        k: v
        for k, v in os.environ.items()
        if k not in ("VIRTUAL_ENV", "PYTHONPATH", "CONDA_PREFIX", "PYTHONDONTWRITEBYTECODE")
    }
    for command in commands:
        assert f"    {command}\n" in readme
        done = subprocess.run([uv, *command.split()[1:]], cwd=home, env=env, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr[-3000:]
    student = Student(
        home, home / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"), cache=home / "films"
    )
    for name in ("autograder", "nbgrader", "jupytext"):
        assert f"No module named '{name}'" in student.python("-c", f"import {name}", fails=True)
    work_through(student, course)

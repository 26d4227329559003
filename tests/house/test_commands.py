"""The commands in the README match the Makefile and continuous integration."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


@pytest.fixture(scope="module")
def makefile(root):
    return (root / "Makefile").read_text(encoding="utf-8")


def targets(makefile):
    return re.search(r"(?m)^\.PHONY: (.*)$", makefile)[1].split()


def would_run(root, *targets, **variables):
    """The commands that make would run, without running them, even if these tests were themselves started by make."""
    outer = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        ["make", "-n", "-o", "setup", *targets], cwd=root, capture_output=True, encoding="utf-8", env=outer | variables
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()


def test_make_alone_explains_every_target(root, makefile):
    shown = subprocess.run(["make"], cwd=root, capture_output=True, encoding="utf-8", check=True).stdout
    for target in targets(makefile):
        assert re.search(rf"(?m)^  {target}\s+\S", shown), f"`make` does not explain `{target}`"


def test_documents_name_only_targets_that_exist(root, makefile):
    known = set(targets(makefile))
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md")), root / ".ci" / "run"]:
        for target in re.findall(r"(?:`|^\s*|exec )make ([a-z][a-z-]*)", path.read_text(encoding="utf-8"), flags=re.M):
            assert target in known, f"{path.name} mentions `make {target}`, which is not in the Makefile"


def test_readme_ci_and_makefile_agree_on_the_two_commands(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert re.search(r"(?m)^make demo\b", readme) and re.search(r"(?m)^make test\b", readme)
    ci = (root / ".ci" / "run").read_text(encoding="utf-8").strip().splitlines()
    assert ci[-1] == "exec make test"
    assert os.access(root / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", str(root / ".ci" / "run")], check=True)


def test_texts_agree_on_how_long_the_commands_take(root, makefile):
    said: dict[str, set[str]] = {}
    for target, minutes in re.findall(r"(?m)^([a-z-]+): setup  ## .*\(on 2 cores under (\d+) minutes\)$", makefile):
        said.setdefault(target, set()).add(minutes)
    assert set(said) == {"test", "test-fast", "test-all"}
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        for target, words in re.findall(r"(?m)^make (test[a-z-]*) +# (.*)$", path.read_text(encoding="utf-8")):
            for minutes in re.findall(r"(\d+) minutes", words):
                said[target].add(minutes)
    assert {target: len(minutes) for target, minutes in said.items()} == dict.fromkeys(said, 1), said


def test_pytest_has_the_last_word(root):
    assert " -m pytest " in would_run(root, "test")[-1] and '-m "not slow"' in would_run(root, "test")[-1]
    assert would_run(root, "test-all")[-1].startswith(".venv/bin/python -m pytest")


@pytest.mark.parametrize("target", ["test", "test-all"])
def test_what_tests_need_is_made_before_the_first_one(root, target):
    assert would_run(root, target)[-2] == f".venv/bin/python tests/needs.py {target}"
    without = would_run(root, target, BROWSER="no")
    assert (
        "needs.py" not in "".join(without) and "Not tested " in without[-2] and "--ignore=tests/browser" in without[-1]
    )


def test_ci_installs_nothing_that_the_commands_do_not(root):
    text = (root / ".ci" / "run").read_text(encoding="utf-8")
    assert not re.findall(r"apt-get|dpkg|\bpip\b|\bnpm\b|sudo|chromium|playwright", text)


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_uv_and_the_python_that_it_takes_may_lie_in_folders_with_a_space(root, tmp_path):
    course = tmp_path / "course"
    course.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(root / name, course)
    for package in ("data_fetch", "medxai", "warmkernel", "autograder"):
        (course / package).mkdir()
    uv = program(tmp_path / "my tools" / "uv", 'mkdir -p .venv\necho "$1"; [ "$1" != venv ] || echo "$5"')
    python = tmp_path / "my pythons" / "python3.11"
    outer = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        ["make", "setup"], cwd=course, capture_output=True, encoding="utf-8",
        env=outer | {"UV": str(uv), "BASE_PYTHON": str(python)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if not line.startswith("setup: ")]
    assert said == ["venv", str(python), "pip", "pip"]
    assert f'"{uv}" pip compile' in "".join(would_run(root, "lock", UV=str(uv)))


def test_ci_takes_the_oldest_python_also_from_a_folder_with_a_space(root, tmp_path):
    newer = program(tmp_path / "first" / "python3.11", 'echo "9 $0"')
    oldest = program(tmp_path / "my pythons" / "python3.11", 'echo "-1 $0"')
    program(newer.parent / "make", 'echo "make $1 with $BASE_PYTHON"')
    path = f"{newer.parent}:{oldest.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [str(root / ".ci" / "run")], env=os.environ | {"PATH": path}, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"make test with {oldest}"


def test_recipes_write_bytecode_even_where_the_environment_forbids_it(root, tmp_path):
    probe = tmp_path / "probe.mk"
    probe.write_text("include Makefile\nprobe:\n\t@env\n", encoding="utf-8")
    shown = subprocess.run(
        ["make", "-f", str(probe), "-I", str(root), "-C", str(root), "--no-print-directory", "probe"],
        capture_output=True, encoding="utf-8", check=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": "x"},
    ).stdout  # fmt: skip
    assert "PYTHONDONTWRITEBYTECODE" not in shown and "PYTHONPATH" not in shown


def test_nbgrader_alone_and_the_autograder_read_the_course_alike(root):
    """Formgrader reads nbgrader_config.py; `autograder` uses its own settings, which must be the same."""
    from traitlets.config import Config

    from autograder.course.lab_course import LabCourse

    ours, theirs = LabCourse(root).nbgrader_config(), Config()
    source = (root / "nbgrader_config.py").read_text(encoding="utf-8")
    exec(compile(source, "nbgrader_config.py", "exec"), {"get_config": lambda: theirs})
    for name in ("root", "db_url"):  # the course's location, which nbgrader takes from the current folder
        del ours.CourseDirectory[name]
    assert theirs == ours

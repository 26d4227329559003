"""The commands that the README promises are those of the Makefile and of continuous integration."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


@pytest.fixture(scope="module")
def makefile(root):
    return (root / "Makefile").read_text()


def targets(makefile):
    return re.search(r"(?m)^\.PHONY: (.*)$", makefile)[1].split()


def would_run(root, *targets, **variables):
    """What make would run, without running it, whether or not these tests were themselves started by make."""
    outer = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(
        ["make", "-n", "-o", "setup", *targets], cwd=root, capture_output=True, text=True, env=outer | variables
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()


def test_make_alone_explains_every_target(root, makefile):
    shown = subprocess.run(["make"], cwd=root, capture_output=True, text=True, check=True).stdout
    for target in targets(makefile):
        assert re.search(rf"(?m)^  {target}\s+\S", shown), f"`make` does not explain `{target}`"


def test_documents_name_only_targets_that_exist(root, makefile):
    known = set(targets(makefile))
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md")), root / ".ci" / "run"]:
        for target in re.findall(r"(?:`|^\s*|exec )make ([a-z][a-z-]*)", path.read_text(), flags=re.M):
            assert target in known, f"{path.name} says `make {target}`, which the Makefile does not have"


def test_readme_ci_and_makefile_agree_on_the_two_commands(root):
    readme = (root / "README.md").read_text()
    assert re.search(r"(?m)^make demo\b", readme) and re.search(r"(?m)^make test\b", readme)
    ci = (root / ".ci" / "run").read_text().strip().splitlines()
    assert ci[-1] == "exec make test"
    assert os.access(root / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", str(root / ".ci" / "run")], check=True)


def test_pytest_has_the_last_word(root):
    assert " -m pytest " in would_run(root, "test")[-1] and '-m "not slow"' in would_run(root, "test")[-1]
    assert would_run(root, "test-all")[-1].startswith(".venv/bin/python -m pytest")


@pytest.mark.parametrize("target", ["test", "test-all"])
def test_what_tests_need_is_made_before_the_first_one(root, target):
    assert would_run(root, target)[-2] == ".venv/bin/python tests/needs.py"
    without = would_run(root, target, BROWSER="no")
    assert (
        "needs.py" not in "".join(without) and "Not tested: " in without[-2] and "--ignore=tests/browser" in without[-1]
    )


def test_ci_installs_nothing_that_the_commands_do_not(root):
    text = (root / ".ci" / "run").read_text()
    assert not re.findall(r"apt-get|dpkg|\bpip\b|\bnpm\b|sudo|chromium|playwright", text)


def test_recipes_write_bytecode_even_where_the_environment_forbids_it(root, tmp_path):
    probe = tmp_path / "probe.mk"
    probe.write_text("include Makefile\nprobe:\n\t@env\n")
    shown = subprocess.run(
        ["make", "-f", str(probe), "-I", str(root), "-C", str(root), "--no-print-directory", "probe"],
        capture_output=True, text=True, check=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": "x"},
    ).stdout  # fmt: skip
    assert "PYTHONDONTWRITEBYTECODE" not in shown and "PYTHONPATH" not in shown


def test_nbgrader_alone_and_the_autograder_read_the_course_alike(root):
    """nbgrader_config.py is what formgrader reads; `autograder` uses its own settings, which must say the same."""
    from traitlets.config import Config

    from autograder.course.lab_course import LabCourse

    ours, theirs = LabCourse(root).nbgrader_config(), Config()
    source = (root / "nbgrader_config.py").read_text()
    exec(compile(source, "nbgrader_config.py", "exec"), {"get_config": lambda: theirs})
    for name in ("root", "db_url"):  # where the course lies, which nbgrader knows from the folder it is called in
        del ours.CourseDirectory[name]
    assert theirs == ours

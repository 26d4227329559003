"""Every command that people type: its version, its help, its errors without tracebacks, and completion in the shell."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(sys.executable).parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
TYPED = {
    "autograder": [str(SCRIPTS / "autograder")],
    "data-fetch": [str(SCRIPTS / "data-fetch")],
    "medxai": [sys.executable, "-m", "medxai"],
    "medxai.train": [sys.executable, "-m", "medxai.train"],
    "warmkernel": [sys.executable, "-m", "warmkernel"],
}
# Programs that other programs start: they must start fast, or run where typer is not visible.
STARTED = {"data_fetch/sources/phantoms/worker.py"}


def said(*command: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"COLUMNS": "200"} | environment, capture_output=True, encoding="utf-8"
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", TYPED)
def test_version_help_and_an_unknown_option(name):
    status, text = said(*TYPED[name], "--version")
    assert status == 0 and f"medxai-course {VERSION} (Python 3.11." in text
    status, text = said(*TYPED[name], "--help")
    assert status == 0 and "Usage:" in text
    status, text = said(*TYPED[name], "--colour")
    assert status == 2 and "No such option" in text and "Traceback" not in text


def test_the_packages_have_the_version():
    import data_fetch

    assert data_fetch.__version__ == VERSION


@pytest.mark.parametrize(
    ("name", "typed", "expected"),
    [
        ("autograder", "gra", {"grade"}),
        ("autograder", "grade 01", {"01_cardiomegaly"}),
        ("autograder", "prove 05", {"05_cam"}),
        ("autograder", "attack --kind fork-b", {"fork-bomb"}),
        ("data-fetch", "ver", {"verify"}),
        ("data-fetch", "get pneumothorax-m", {"pneumothorax-mit-train", "pneumothorax-mit-test"}),
    ],
)
def test_the_shell_completes_commands_and_names(name, typed, expected):
    line = f"{name} {typed}"
    variable = f"_{name.upper().replace('-', '_')}_COMPLETE"
    status, text = said(
        *TYPED[name], **{variable: "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    )
    assert status == 0 and set(text.split()) == expected, text


def test_each_program_has_one_style_of_options():
    """typer for people; argparse only in what other programs start."""
    programs = [
        path
        for folder in ("autograder", "data_fetch", "medxai", "warmkernel", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
    ]
    found = {
        path.relative_to(ROOT).as_posix() for path in programs if "import argparse" in path.read_text(encoding="utf-8")
    }
    assert found == STARTED


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "benchmarks").glob("*.py")))
def test_each_benchmark_explains_its_options(name):
    status, text = said(sys.executable, f"benchmarks/{name}", "--help")
    assert status == 0 and "--rounds" in text, text

"""Each solution notebook, whole, once: it runs from top to bottom, and its recorded outputs are compared by nbval."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.kernel

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NOTEBOOKS = sorted((ROOT / "solutions").glob("*/*.ipynb"))
COMPARED = "nbval-check-output"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT / "solutions").as_posix()


def compared(notebook: dict) -> list[dict]:
    """The cells whose output nbval really compares: tagged, with an output, and with an execution count."""
    return [
        cell
        for cell in notebook["cells"]
        if COMPARED in cell["metadata"].get("tags", ()) and cell.get("outputs") and cell.get("execution_count")
    ]


def nbval(path: Path, profile: str = "cpu") -> subprocess.CompletedProcess:
    """Runs one notebook under nbval, in a pytest of its own whose settings are none of ours."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MPLBACKEND"))}
    environment |= {"MEDXAI_PROFILE": profile, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, f"--rootdir={path.parent}", "-p", "no:cacheprovider"]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    command += ["-p", "patient_nbval", "--nbval-lax", "--nbval-cell-timeout=1500", "--tb=short", "-q", str(path)]
    return subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, encoding="utf-8")


def test_every_source_has_its_notebook():
    sources = {path.with_suffix(".ipynb") for path in (ROOT / "solutions").glob("*/*.py")}
    assert sources and sources == set(NOTEBOOKS)


def run_whole(path: Path, folder: Path, profile: str) -> subprocess.CompletedProcess:
    """nbval of one solution in a copy of its lab: a lab may write files beside its notebook, as it does for students."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    copy = folder / path.parent.name / path.name
    shutil.copytree(path.parent, copy.parent, ignore=shutil.ignore_patterns("hidden", "mutants", "*.py"))
    if profile != "cpu":
        # Other films and networks give other numbers than the recorded ones: there it must run to its end.
        for cell in compared(notebook):
            cell["metadata"]["tags"].remove(COMPARED)
        copy.write_text(json.dumps(notebook), encoding="utf-8")
    return nbval(copy, profile)


@pytest.fixture(scope="module")
def runs(request, profile_name, tmp_path_factory):
    """Path of each notebook that is tested -> its run, two at a time: one alone keeps one and a half cores busy. A GPU takes one, and so
    does a machine on which pytest itself runs two files at a time."""
    alone = profile_name != "cpu" or "PYTEST_XDIST_WORKER" in os.environ
    wanted = [
        item.callspec.params["path"]
        for item in request.session.items
        if getattr(item, "originalname", "") == "test_solution_runs_and_gives_what_was_recorded"
    ]
    with ThreadPoolExecutor(1 if alone else 2) as pool:
        yield {path: pool.submit(run_whole, path, tmp_path_factory.mktemp("solution"), profile_name) for path in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_solution_runs_and_gives_what_was_recorded(path, runs):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert compared(notebook), f"{name_of(path)}: no output is compared. Tag a cell, then run: autograder reference"
    done = runs[path].result()
    # nbval says of every picture of a progress bar that it cannot handle it.
    said = "\n".join(line for line in done.stdout.splitlines() if "unhandled iopub msg" not in line)
    assert done.returncode == 0, said[-6000:] + done.stderr[-2000:]
    code = sum(cell["cell_type"] == "code" and bool("".join(cell["source"]).strip()) for cell in notebook["cells"])
    assert f"{code} passed" in done.stdout, f"expected {code} cells to pass:\n{done.stdout[-2000:]}"


def test_a_recorded_output_that_is_wrong_is_seen(tmp_path):
    """The comparison itself: one number changed in a recorded output, and nbval fails, in that cell alone."""
    path = ROOT / "solutions" / "00_welcome" / "00_welcome.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = compared(notebook)[0]
    text = cell["outputs"][0]["text"]
    lines = [text] if isinstance(text, str) else list(text)
    cell["outputs"][0]["text"] = [lines[0].replace("films", "filmz"), *lines[1:]]
    for other in notebook["cells"]:
        if "demo" in other["metadata"].get("tags", ()):
            other["source"] = []
    copy = tmp_path / "00_welcome" / path.name
    shutil.copytree(path.parent / "expected", copy.parent / "expected")
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    done = nbval(copy)
    assert done.returncode == 1 and "1 failed" in done.stdout, done.stdout[-3000:]
    assert "filmz" in done.stdout

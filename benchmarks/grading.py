"""The cost of grading compared with nbgrader's autograde, with equal marks.

Run: python benchmarks/grading.py [light] [lab] [flat] [--rounds 3] [--sizes 10 100 1000] [--no-peer]

Prints one line of JSON per measurement; both sides run alternately, as complete commands.

grading_light   seconds for 20 submissions that import TensorFlow and do little. peer: nbgrader autograde, which has no parallel
                mode, with compiled bytecode; limit: a tenth of the peer.
grading_lab     seconds for 6 honest submissions of lab 01, one round of the peer, three of ours and of the limit alternately.
                limit: CPU seconds of the cells that marks depend on, run in warm kernels including the checks, divided by the
                number of processors; excludes imports. Ours with its default, --keep-warm 10: the previous command left
                TensorFlow loaded.
grading_lab_first  the same without a previous command (--keep-warm 0): it loads TensorFlow once.
grading_lab_cold  as grading_lab; limit: the same cells in ordinary kernels, where the first of them imports TensorFlow. For
                orientation: the goal is that of grading_lab.
grading_flat    CPU seconds per submission on the whole machine, without start-up, for a tiny notebook in a class of 1,000 (ours)
                and in a class of 10 (limit).
grading_flat_seconds  the same in wall-clock time.
grading_flat_memory   peak MiB of the grader's own process, with 1,000 (ours) and with 10 submissions (limit).

Work done once per version of an assignment (the release, trying its checks) is done beforehand on both sides.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

import nbformat
import typer

from data_fetch import command_line

ROOT = Path(__file__).resolve().parent.parent
STUDENTS = 20
PYTHON = [sys.executable, "-m"]
CELLS = {
    "light": [
        ("", "import numpy as np\nimport tensorflow as tf"),
        ("mean_square", "def mean_square(x):\n    ### BEGIN SOLUTION\n    return tf.reduce_mean(tf.square(x))\n    ### END SOLUTION"),
        ("mean_square-1", "assert abs(float(mean_square(np.array([1.0, 2.0, 3.0]))) - 14 / 3) < 1e-6"),
        ("mean_square-2", "assert float(mean_square(np.zeros(4))) == 0"),
    ],
    "flat": [
        ("double", "def double(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"),
        ("double-1", "assert double(2) == 4"),
        ("double-2", "assert double('a') == 'aa'"),
    ],
}  # fmt: skip
RIGHT = {"light": "return tf.reduce_mean(tf.square(x))", "flat": "return 2 * x"}
WRONG = {"light": "return tf.reduce_sum(tf.square(x))", "flat": "return 4"}


def course_of(kind: str, folder: Path, students: int) -> Path:
    """An nbgrader course with one released assignment and submissions, half of which are wrong."""
    nb = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    )
    for id, source in CELLS[kind]:
        cell = nbformat.v4.new_code_cell(source)
        if id:
            check = id[-2] == "-"
            cell.metadata["nbgrader"] = {
                "grade": check, "solution": not check, "locked": check, "grade_id": id, "schema_version": 3, "task": False,
                **({"points": 1} if check else {}),
            }  # fmt: skip
        nb.cells.append(cell)
    source = folder / "source" / kind
    source.mkdir(parents=True)
    nbformat.write(nb, source / f"{kind}.ipynb")
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'bench'\n", encoding="utf-8"
    )
    run([*PYTHON, "nbgrader", "generate_assignment", kind], folder)
    released = nbformat.read(folder / "release" / kind / f"{kind}.ipynb", as_version=4)
    for number in range(students):
        for cell in released.cells:
            if cell.metadata.get("nbgrader", {}).get("solution"):
                stub = cell.source.split("\n")[0]
                cell.source = f"{stub}\n    {(WRONG if number % 2 else RIGHT)[kind]}"
        target = folder / "submitted" / f"student{number:04}" / kind
        target.mkdir(parents=True)
        nbformat.write(released, target / f"{kind}.ipynb")
    return folder


def run(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds, and CPU seconds with all children; if the command fails, raises with its output."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPATH"], env["TF_CPP_MIN_LOG_LEVEL"] = os.pathsep.join([str(folder), str(ROOT)]), "3"
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
    before, begun = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, encoding="utf-8")
    seconds, after = time.perf_counter() - begun, os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-3000:]}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, used


def scores(folder: Path, assignment: str) -> dict[tuple[str, str], float | None]:
    """(student, cell) -> points, from the gradebook."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        return {
            (s.student.id, g.name): g.auto_score
            for s in book.assignment_submissions(assignment)
            for nb in s.notebooks
            for g in nb.grades
        }


def forget(folder: Path) -> None:
    """Removes the results of a grading, but not the cached data of the assignment."""
    for name in ("autograded", ".autograder/records"):
        shutil.rmtree(folder / name, ignore_errors=True)


def compared(course: Path, assignment: str, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of ours and of nbgrader's on copies of one course; stops if the marks differ."""
    theirs = course.with_name(f"{course.name}-nbgrader")
    shutil.copytree(course, theirs)
    grade = [*PYTHON, "autograder.cli", "grade", assignment]
    run(grade, course)  # tries the checks, once per version
    ours, peer = [], []
    for _ in range(rounds):
        forget(course)
        ours.append(run(grade, course)[0])
        forget(theirs)
        peer.append(run([*PYTHON, "nbgrader", "autograde", assignment, "--force"], theirs)[0])
    one, other = scores(course, assignment), scores(theirs, assignment)
    if one != other:
        raise SystemExit(f"the marks differ: {sorted(set(one.items()) ^ set(other.items()), key=str)[:10]}")
    return ours, peer


def light(rounds: int, scratch: Path) -> None:
    ours, peer = compared(course_of("light", scratch / "light", STUDENTS), "light", rounds)
    report("grading_light", "s", ours, peer, [p / 10 for p in peer])


def lab(scratch: Path, with_peer: bool) -> None:
    from autograder import demo
    from autograder.author import build
    from autograder.author.lab_source import load_lab
    from autograder.course.lab_course import LabCourse
    from autograder.release import release

    course = demo.make_course(LabCourse(ROOT), scratch / "lab")
    (course.root / "nbgrader_config.py").write_text(
        (ROOT / "nbgrader_config.py").read_text(encoding="utf-8"), encoding="utf-8"
    )
    for name in course.folders():
        if not name.name.startswith("01"):
            shutil.rmtree(name)
    build.run(course)
    release.run(course, make_zip=False)
    source = load_lab(course.find("01"))
    for student in [s for s in demo.make_class(source) if s.name not in (demo.BLANK, demo.HALF_WAY)]:
        desk = course.submitted / student.name / source.name
        shutil.copytree(course.notebooks / source.name, desk)
        for path in desk.glob("*.ipynb"):
            nb = nbformat.read(path, as_version=4)
            for cell in nb.cells:
                key = cell.metadata.get("nbgrader", {}).get("grade_id")
                cell.source = student.answers.get(key, cell.source)
            nbformat.write(nb, path)
    ours, peer = compared(course.root, source.name, 1) if with_peer else ([], [])
    grade = [*PYTHON, "autograder.cli", "grade", source.name, "--again"]
    first, warm, cold = [], [], []
    if not with_peer:
        run(grade, course.root)  # tries the checks, once per version
    for round in range(3):
        ours.append(run(grade, course.root)[0])
        first.append(run([*grade, "--keep-warm", "0"], course.root)[0])
        warm.append(needed_seconds(course, source.name, warm=True))
        cold += [] if round else [needed_seconds(course, source.name, warm=False)]
    report("grading_lab", "s", ours, peer, warm)
    report("grading_lab_first", "s", first, peer, warm)
    report("grading_lab_cold", "s", ours, peer, cold)


def needed_seconds(course, name: str, warm: bool) -> float:
    """CPU seconds of the cells that marks depend on, for all submissions, including the checks, divided by the number of
    processors, in warm or in ordinary kernels. The cost of an idle kernel is subtracted."""
    from autograder.collect import submissions
    from autograder.notebook.code_cells import for_marks
    from autograder.run import assignment, sandboxes, submission

    shutil.rmtree(course.state / "bench", ignore_errors=True)
    made = assignment.load(course, name, "", course.state / "bench")
    sandbox = sandboxes.of(course, made, True, (), 1)
    seconds = partial(warm_seconds, sandbox, made) if warm else partial(cold_seconds, course, sandbox, made)
    seconds([])
    empty, total = seconds([]), 0.0
    for student in submissions.students(course, name):
        found = submission.read(course.submitted / student / name, made)
        for stem, cells in submission.cells_to_run(found, made).items():
            checks = {c.id: c.source for c in made.cells_for_marks(stem) if c.points or c.kind == "check"}
            sources = [checks.get(cell.id, cell.source) for cell in for_marks(cells)]
            total += seconds(sources) - empty
    sandboxes.close()
    return total / (os.cpu_count() or 1)


def warm_seconds(sandbox, made, sources: list[str]) -> float:
    from autograder.run.kernel import Kernel

    with Kernel(sandbox, made.files) as kernel:
        for source in sources:
            kernel.run(source, 600)
    return kernel.used.cpu_seconds


def cold_seconds(course, sandbox, made, sources: list[str]) -> float:
    """The same cells in an ordinary kernel; failing checks are normal in honest submissions."""
    from jupyter_client.manager import start_new_kernel

    unwritten = "PYTHONDONTWRITEBYTECODE"
    env = {k: v for k, v in os.environ.items() if k != unwritten} | dict(sandbox.variables)
    env["PYTHONPATH"] = os.pathsep.join([str(course.root), str(ROOT)])
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(made.files, folder, dirs_exist_ok=True)
        manager, client = start_new_kernel(kernel_name="python3", cwd=folder, env=env, stderr=subprocess.DEVNULL)
        try:
            for source in sources:
                client.execute_interactive(source, timeout=600, store_history=False, output_hook=lambda message: None)
            fields = (
                Path(f"/proc/{manager.provisioner.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            )
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def flat(sizes: Iterable[int], rounds: int, scratch: Path) -> None:
    smallest, largest = min(sizes), max(sizes)
    cost: dict[int, list[tuple[float, float, float]]] = {size: [] for size in sizes}
    for size in sizes:
        course = course_of("flat", scratch / f"flat-{size}", size)
        measured(course, 1)
        for _ in range(rounds if size < largest else 1):
            forget(course)
            cost[size].append(measured(course))
        for name, which, unit in (("seconds", 0, "s"), ("CPU seconds", 1, "CPU s"), ("memory", 2, "MiB")):
            print(
                f"# {size} submissions: {statistics.median(c[which] for c in cost[size]):.4g} {unit} ({name})",
                flush=True,
            )
    for name, which, unit in (
        ("grading_flat", 1, "CPU s"),
        ("grading_flat_seconds", 0, "s"),
        ("grading_flat_memory", 2, "MiB"),
    ):
        report(name, unit, [c[which] for c in cost[largest]], None, [c[which] for c in cost[smallest]])


INSIDE = """
import json, os, resource, sys, time
from pathlib import Path
from rich.console import Console
from autograder.run import grade, progress_bar
from autograder.course.find import course_around
times = []
def cpu():
    import psutil
    return sum(t.user + t.system for t in [psutil.Process().cpu_times()] + [c.cpu_times() for c in psutil.Process().children(recursive=True)])
started, finished = progress_bar.Bar.started, progress_bar.Bar.finished
def first(self, student):
    if not times:
        times.append((time.perf_counter(), os.times()))
    started(self, student)
progress_bar.Bar.started = first
end = []
def last(self, record):
    finished(self, record)
    end[:] = [time.perf_counter()]
progress_bar.Bar.finished = last
records = grade.run(course_around(), "flat", student=sys.argv[1] if len(sys.argv) > 1 else None, console=Console(quiet=True))
assert {r.points for r in records} <= {2.0, 1.0, 0.0} and all(r.status == "graded" for r in records)
print(json.dumps([end[0] - times[0][0], sum(r.resources["cpu_seconds"] for r in records), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def measured(course: Path, students: int | None = None) -> tuple[float, float, float]:
    """Seconds and CPU seconds per submission from the first to the last, and peak MiB of the grader's process."""
    arguments = ["student0000"] if students else []
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", INSIDE, *arguments], cwd=course, env=env, capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    seconds, cpu, memory = json.loads(done.stdout.splitlines()[-1])
    count = students or len(list((course / "submitted").iterdir()))
    return seconds / count, cpu / count, memory


def report(name: str, unit: str, ours: list[float], peer: list[float] | None, limit: list[float] | None) -> None:
    for side, values in (("ours", ours), ("peer", peer), ("limit", limit)):
        if values:
            print(f"# {name}, {side}: {', '.join(f'{value:.3f}' for value in values)} {unit}", flush=True)
    a, b, c = (statistics.median(values) if values else None for values in (ours, peer, limit))
    row = {"name": name, "ours": a, "peer": b, "limit": c, "ratio_peer": b and b / a, "ratio_limit": c and a / c}
    print(
        json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} | {"unit": unit}), flush=True
    )


def main(
    what: Annotated[list[str] | None, typer.Argument(help="light, lab, flat; default: all.")] = None,
    rounds: int = 3,
    sizes: Annotated[list[int] | None, typer.Option(help="Submissions in `flat`; repeatable.")] = None,
    no_peer: Annotated[
        bool, typer.Option("--no-peer", help="Skip nbgrader in grading_lab, which takes twenty minutes.")
    ] = False,
    version: command_line.Version = False,
) -> None:
    chosen = what or ["light", "lab", "flat"]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["AUTOGRADER_ALLOW_NBGRADER_AUTOGRADE"] = "1"  # the peer
    with tempfile.TemporaryDirectory(prefix="grading-") as folder:
        scratch = Path(folder)
        if "light" in chosen:
            light(rounds, scratch)
        if "flat" in chosen:
            flat(sizes or [10, 100, 1000], rounds, scratch)
        if "lab" in chosen:
            lab(scratch, not no_peer)


if __name__ == "__main__":
    raise SystemExit(command_line.single(main, "python benchmarks/grading.py"))

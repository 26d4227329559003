"""`autograder reference`: executes the solution notebooks and records the outputs that the tests compare with."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from nbformat.notebooknode import NotebookNode
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from autograder.author.build import (
    MAX_BYTES,
    build_lab,
    keeps_output,
    notebook_metadata,
    number_cells,
    to_bytes,
)
from autograder.author.lab_source import Cell, Lab, load_lab
from autograder.course.course import Course
from autograder.errors import AutograderError, SourceError, SourceErrors
from data_fetch.store.atomic import write_atomically

if TYPE_CHECKING:
    from rich.console import Console

CELL_SECONDS = 1800  # only to stop a kernel that hangs; a lab's cells are much faster


def run(course: Course, labs: Sequence[str] | None = None, console: Console | None = None) -> list[Path]:
    """Executes the named labs' solution notebooks from top to bottom and stores the outputs of tagged cells.

    Raises
    ------
    SourceError
        If a cell raises, or an image among its outputs has no description. Gives the line of the cell. Earlier
        recordings are kept.
    """
    written = []
    for folder in course.choose(labs):
        lab = load_lab(folder)
        build_lab(lab)
        written += record(course, lab, console)
    return written


def record(course: Course, lab: Lab, console: Console | None = None) -> list[Path]:
    """Executes one lab; once all its notebooks pass, writes them with their outputs and the expected images.

    Raises
    ------
    SourceErrors
        If cells failed; lists all of them.
    SourceError
        If a notebook is too large with its outputs.
    """
    done: dict[Path, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="expected-") as pictures:
        for source in lab.notebooks:
            path = source.with_suffix(".ipynb")
            nb = nbformat.read(path, as_version=4)
            with _bar(console, f"{lab.name}/{path.name}", sum(c.cell_type == "code" for c in nb.cells)) as step:
                execute(course, nb, lab.folder, step, MEDXAI_RECORD_EXPECTED=pictures)
            problems = list(_failures(nb, lab.sources[source.stem]))
            if problems:
                raise SourceErrors(problems)
            strip(nb)
            done[path] = to_bytes(nb)
            if len(done[path]) > MAX_BYTES:
                raise SourceError(
                    source,
                    None,
                    f"with its outputs the notebook is {len(done[path]) // 1000} kB, expected at most {MAX_BYTES // 1000} kB. Keep fewer outputs, or draw smaller figures.",
                )
        drawn = sorted(Path(pictures).glob("*.png"))
        for path, data in done.items():
            write_atomically(path, data)
        for picture in drawn:
            write_atomically(lab.folder / "expected" / picture.name, picture.read_bytes())
        for old in (lab.folder / "expected").glob("*.png"):
            # An exercise that course.toml leaves out draws nothing, but its pictures are still shown.
            if not lab.left_out and old.name not in [p.name for p in drawn]:
                old.unlink()  # no longer drawn by any cell
    if console:
        kept = sum(bool(c.get("outputs")) for data in done.values() for c in nbformat.reads(data.decode(), 4).cells)
        console.print(f"{lab.name}: recorded the outputs of {kept} cells and {len(drawn)} expected images")
    return list(done)


def execute(
    course: Course, nb: NotebookNode, folder: Path, step: Callable[[], None] = lambda: None, **environment: str
) -> None:
    """Runs a notebook from top to bottom in its own kernel, with `folder` as working folder; stores the outputs in `nb`.

    Stops at a cell that raises, unless it has the tag "raises-exception", as in JupyterLab.

    Raises
    ------
    AutograderError
        If the kernel dies or a cell times out.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        nb, kernel_name="python3", timeout=CELL_SECONDS, resources={"metadata": {"path": str(folder)}},
        on_cell_executed=lambda **_: step(), allow_errors=False, coalesce_streams=True, record_timing=False,
    )  # fmt: skip
    with tempfile.TemporaryFile() as log:  # the kernel's own output: TensorFlow's startup messages, or why it died
        try:
            client.execute(
                env=course.environment(PYDEVD_DISABLE_FILE_VALIDATION="1", TF_CPP_MIN_LOG_LEVEL="3", **environment),
                stderr=log,
            )
        except CellExecutionError:
            pass  # the error is in the cell's output; the caller reports its line
        except (DeadKernelError, CellTimeoutError) as e:
            log.seek(0)
            said = log.read().decode(errors="replace").strip().split("\n")[-5:]
            raise AutograderError(
                f"The kernel died while running the notebook in {folder}: {e}. Is there enough memory? "
                "The kernel's last lines:\n" + "\n".join(said)
            ) from e


def strip(nb: NotebookNode) -> None:
    """Removes the outputs of cells that do not keep them, and everything that depends on time or machine."""
    nb.metadata = notebook_metadata()
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.metadata.pop("execution", None)
            if not keeps_output(cell):
                cell.outputs = []
    number_cells(nb)


def _failures(nb: NotebookNode, cells: Sequence[Cell]) -> Iterator[SourceError]:
    for cell, source in zip(nb.cells, cells, strict=True):
        for output in cell.get("outputs", []):
            if output.output_type == "error" and "raises-exception" not in source.tags:
                yield source.error(f"this cell of the solution raises {output.ename}: {output.evalue}")
            if "image/png" in output.get("data", {}) and not output.metadata.get("image/png", {}).get("alt"):
                yield source.error(
                    'this cell shows an image without a description: end it with plots.show(fig, alt="...").'
                )


@contextlib.contextmanager
def _bar(console: Console | None, name: str, cells: int) -> Iterator[Callable[[], None]]:
    if console is None:
        yield lambda: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=cells)
        yield lambda: progress.advance(task)

"""One submission, graded: takes a job and returns an outcome, both plain data.

`grade` can run in a thread of the grader, in another process, or on another machine that sees the same files. Whatever is
expensive to start, such as the warm process and an assignment's checkers, is started once per process and kept.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.check.protocol.verdict import FAILED, Cause, Finding, Verdict, safe_exception
from autograder.check.runner.host import CheckerHost
from autograder.check.runner.seeds import keyed_checks
from autograder.check.runner.servers import Server, Submission
from autograder.notebook import code_cells, syntax
from autograder.notebook.code_cells import CHECK, LOCKED, SOLUTION, CodeCell
from autograder.run.assignment import Assignment
from autograder.run.kept_calibration import Calibrated
from autograder.run.kernel import Kernel, Sandbox, Used
from autograder.run.results import Ran, Seconds
from autograder.run.walk import walk

# How a cell ended, which explains missing names that it should define.
LEFT_BY = {
    Cause.RAISED: Cause.CELL_RAISED,
    Cause.OUT_OF_TIME: Cause.CELL_OUT_OF_TIME,
    Cause.KERNEL_ENDED: Cause.CELL_ENDED_KERNEL,
}


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms on which all submissions to an assignment are graded.

    Attributes
    ----------
    assignment : Assignment
    calibrated : Calibrated
    sandbox : Sandbox
    seconds : Seconds
    secret : bytes
        Seeds each student's hidden inputs.
    full : bool
        Run also the cells that no mark depends on.
    """

    assignment: Assignment
    calibrated: Calibrated
    sandbox: Sandbox
    seconds: Seconds
    secret: bytes
    full: bool = False

    @property
    def key(self) -> str:
        """Equal for equal terms, also across processes."""
        return (
            "\n".join(map(repr, (self.assignment.digest, self.sandbox, self.seconds, self.full)))
            + self.calibrated.to_json()
        )


@dataclass
class Job:
    """One submission.

    Attributes
    ----------
    student : str
    cells : dict
        For each readable notebook, its code cells with the student's answers.
    files : Path
        The working folder: the assignment's files, and the student's own.
    wanted : frozenset or None
        The check cells to run, as (notebook, id); None: all.
    """

    student: str
    cells: dict[str, list[CodeCell]]
    files: Path
    wanted: frozenset[tuple[str, str]] | None = None


@dataclass
class Outcome:
    """The results for a submission.

    Attributes
    ----------
    verdicts : dict
        The verdict on each check cell to run, by (notebook, id).
    seeds : dict
        The seed of each check with random inputs, by (notebook, id).
    endings : list of Finding
        For manual review: cells that ended a kernel or took too long, and locked cells that raised.
    resources : dict
        `seconds`, `cpu_seconds`, `peak_mb`, `kernels`.
    """

    verdicts: dict[tuple[str, str], Verdict] = field(default_factory=dict)
    seeds: dict[tuple[str, str], int] = field(default_factory=dict)
    endings: list[Finding] = field(default_factory=list)
    resources: dict[str, float] = field(default_factory=dict)


class Engine:
    """Grades the submissions to one assignment in this process; several threads may use it in parallel."""

    def __init__(self, terms: Terms):
        self.terms = terms
        self.lock = threading.Lock()
        self.starting = {stem: threading.Lock() for stem in terms.assignment.instructor}
        self.servers: dict[str, Server] = {}
        self.host: CheckerHost | None = None

    def server(self, stem: str) -> Server:
        """The checker of a notebook, started on first use, and again if it has ended."""
        assignment = self.terms.assignment
        with self.starting[stem]:
            found = self.servers.get(stem)
            if found is None or not found.alive:
                with self.lock:
                    host = self._host()
                found = self.servers[stem] = host.server(assignment.cells_for_marks(stem), assignment.files)
            return found

    def has_server(self, stem: str) -> bool:
        """Whether the checker of a notebook is already running."""
        found = self.servers.get(stem)
        return found is not None and found.alive

    def new_server(self, stem: str, cells: list[CodeCell]) -> Server:
        """A checker of other cells, to be closed by the caller."""
        with self.lock:
            host = self._host()
        return host.server(cells, self.terms.assignment.files)

    def _host(self) -> CheckerHost:
        if self.host is None or not self.host.alive:
            sandbox = self.terms.sandbox
            keras = any(
                code_cells.uses_keras(self.terms.assignment.cells_for_marks(stem))
                for stem in self.terms.assignment.instructor
            )
            self.host = CheckerHost(
                sandbox.settings() if sandbox.safe else None, dict(sandbox.variables), keras, sandbox.safe
            )
        return self.host

    def grade(self, job: Job) -> Outcome:
        """Runs and checks one submission."""
        outcome, begun = Outcome(), time.monotonic()
        with _Kernels(self.terms.sandbox, job.files) as kernels:
            for stem, cells in job.cells.items():
                left = self.terms.seconds.total - (time.monotonic() - begun)
                seconds = Seconds(self.terms.seconds.check, self.terms.seconds.cell, max(left, 1.0))
                self._notebook(job, stem, cells, seconds, kernels, outcome)
        outcome.resources = _sum(kernels.used, time.monotonic() - begun)
        return outcome

    def _notebook(
        self, job: Job, stem: str, cells: list[CodeCell], seconds: Seconds, kernels: _Kernels, outcome: Outcome
    ) -> None:
        terms = self.terms
        policies = terms.calibrated.policies(stem)
        wanted = [c for c in cells if c.kind != CHECK or job.wanted is None or (stem, c.id) in job.wanted]
        if not any(c.kind == CHECK for c in wanted):
            return
        trimmed = wanted if terms.full or terms.calibrated.full(stem) else code_cells.for_marks(wanted)
        checks, seeds = keyed_checks(terms.assignment.cells_for_marks(stem), terms.secret, job.student)
        heard = _Heard(outcome)

        sources = [c.source for c in cells if c.kind == SOLUTION or (c.kind == LOCKED and not c.id)]
        with Submission(lambda: self.server(stem), sources, checks) as submission:
            judged = {c.id for c in wanted if c.kind == CHECK}
            submission.seen = [c.id for c in cells if c.kind == CHECK and c.id not in judged]
            if self.has_server(stem):
                submission.begin()
            found = walk(trimmed, kernels.fresh, submission, policies, seconds, heard)
        for id, verdict in found.items():
            heard.explain(verdict)
            outcome.verdicts[stem, id] = verdict
            if id in seeds:
                outcome.seeds[stem, id] = seeds[id]

    def warm(self) -> None:
        """Starts the checkers in advance, while another thread starts the warm process."""
        assignment = self.terms.assignment
        stems = [s for s in assignment.instructor if any(cell.kind == CHECK for cell in assignment.cells_for_marks(s))]
        with ThreadPoolExecutor(max(1, len(stems))) as pool:
            list(pool.map(self.server, stems))

    def close(self) -> None:
        """Ends the checkers."""
        with self.lock:
            for server in self.servers.values():
                server.close()
            if self.host is not None:
                self.host.close()
            self.servers, self.host = {}, None


class _Kernels:
    """The kernels of one submission, one at a time; the next can start while one ends."""

    def __init__(self, sandbox: Sandbox, files: Path):
        self.sandbox, self.files = sandbox, files
        self.used: list[Used] = []
        self._closing = ThreadPoolExecutor(1, thread_name_prefix="close")
        self._closed: list[Future[None]] = []

    @contextmanager
    def fresh(self) -> Iterator[Kernel]:
        """A kernel for the duration of the block."""
        kernel = Kernel(self.sandbox, self.files)
        self.used.append(kernel.used)
        try:
            yield kernel
        finally:
            self._closed.append(self._closing.submit(kernel.close))

    def __enter__(self) -> _Kernels:
        return self

    def __exit__(self, *_: object) -> None:
        """Waits until all have ended; then `used` is complete."""
        self._closing.shutdown(wait=True)
        for future in self._closed:
            future.result()


class _Heard:
    """Remembers failed cells, to explain checks that lack the names these should have defined."""

    def __init__(self, outcome: Outcome):
        self.outcome = outcome
        self.defining: dict[str, Finding] = {}  # by name: how the cell ended that should define it
        self.killed: dict[str, Finding] = {}

    def __call__(self, cell: CodeCell, ran: Ran) -> None:
        if ran.ended is None:
            return
        # An error's text comes from the student's process, and may reveal inputs of a hidden check.
        ended = replace(ran.ended, exception=safe_exception(ran.ended.exception), text="").bounded()
        called = cell.id or _first_line(cell.source)
        left = replace(ended, cause=LEFT_BY[ended.cause], cell=called)
        if ended.cause is not Cause.RAISED or (cell.kind == LOCKED and cell.id):
            self.outcome.endings.append(left)
        if cell.kind == CHECK and not ran.alive:
            self.killed[cell.id] = ended
        if cell.kind == SOLUTION:
            left = replace(left, line=_wrong_line(cell.source))
            for name in {n for s in syntax.statements(cell.source) for n in syntax.bound(s)} | {cell.id}:
                self.defining[name] = left

    def explain(self, verdict: Verdict) -> None:
        """Completes the finding of a check whose function was missing or lost."""
        if verdict.status == FAILED and verdict.id in self.killed:
            verdict.finding = self.killed[verdict.id]
        missing = verdict.finding.name
        if verdict.finding.cause is Cause.MISSING_NAME and missing in self.defining:
            left = self.defining[missing]
            own = left.cell == verdict.id.rsplit("-", 1)[0]
            verdict.finding = replace(left, name=missing, cell="" if own else left.cell)


def _wrong_line(source: str) -> int | None:
    """The line of a syntax error, None if the source is valid."""
    try:
        syntax.parse(source)
    except SyntaxError as e:
        return e.lineno
    return None


def _first_line(source: str) -> str:
    first = next((line for line in source.splitlines() if line.strip() and not line.startswith("#")), "")
    return f"the cell that starts with `{first[:60]}`"


def _sum(used: list[Used], seconds: float) -> dict[str, float]:
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(sum(u.cpu_seconds for u in used), 2),
        "peak_mb": round(max((u.peak_mb for u in used), default=0.0)),
        "kernels": len(used),
    }


_engines: dict[str, Engine] = {}
_lock = threading.Lock()


def engine_for(terms: Terms) -> Engine:
    """This process's engine for an assignment."""
    key = terms.key
    with _lock:
        if key not in _engines:
            _engines[key] = Engine(terms)
        return _engines[key]


def close_all() -> None:
    """Ends the engines of this process."""
    with _lock:
        for engine in _engines.values():
            engine.close()
        _engines.clear()


def grade(terms: Terms, job: Job) -> Outcome:
    """Grades one submission; the function that a queue calls.

    Raises
    ------
    AutograderError
        If no kernel or checker can be started on this machine.
    """
    return engine_for(terms).grade(job)


atexit.register(close_all)

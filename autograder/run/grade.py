"""`autograder grade`: grades the submissions to an assignment, and writes a record for each.

This module runs trusted code only: it decides who is graded against what, and what is written where. Students' code runs in
kernels of `run.kernel`, checks in processes of `check.runner.host`. A submission that cannot be graded gets a record with the
reason, and the others are still graded. To finish an interrupted run, run the same command again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
from filelock import FileLock, Timeout
from nbformat import NotebookNode
from rich.console import Console

from autograder.check.protocol.verdict import NOT_RUN, PASSED, Cause, Finding
from autograder.collect import submissions
from autograder.course.course import Course, make_private
from autograder.errors import AutograderError
from autograder.notebook.cells import grade_id_of, is_graded, points_in
from autograder.notebook.read import MOST_BYTES
from autograder.plain_text import plain
from autograder.record import gradebook, sentences
from autograder.record.records import (
    FAILED,
    GRADED,
    NEEDS_ATTENTION,
    QUEUED,
    CellGrade,
    ManualGrade,
    Record,
    RecordStore,
    now,
)
from autograder.remarks import About, Remark
from autograder.report.tables import problems_table
from autograder.run import assignment as assignments
from autograder.run import kept_calibration, queue, sandboxes, submission
from autograder.run.assignment import Assignment
from autograder.run.calibration import why_inside
from autograder.run.job import Engine, Job, Outcome, Terms, close_all, engine_for
from autograder.run.kernel import Kernel
from autograder.run.progress_bar import Bar
from autograder.run.results import USUAL, Seconds
from data_fetch.store.atomic import fresh_folder, remove_left_overs

FINISHED = (GRADED, FAILED, NEEDS_ATTENTION)
NOT_RUN_CAUSES = (Cause.NOT_RUN_NO_TIME, Cause.NOT_RUN_KERNELS)


@dataclass(frozen=True)
class Options:
    """How to grade.

    Attributes
    ----------
    seconds : Seconds
        Time limits of a check, of any other cell, and of a submission.
    workers : int or None
        Number of submissions graded in parallel; None: the number of processors.
    safe : bool
        False: students' code runs without a sandbox, which is noted in every record.
    strict : bool
        Refuse to grade if a check must run in the student's process.
    full : bool
        Also run the cells that no mark depends on.
    show : tuple of Path
        Files and folders that notebooks may read, in addition to the course's data cache.
    memory : int
        Memory limit of a student's kernel, in bytes.
    keep_warm : float
        Minutes to keep the warm process, which has imported TensorFlow, for the next command.
    """

    seconds: Seconds = USUAL
    workers: int | None = None
    safe: bool = True
    strict: bool = False
    full: bool = False
    show: tuple[Path, ...] = ()
    memory: int = 3 << 30
    keep_warm: float = 0.0


@dataclass
class Ticket:
    """A submission in the queue: its record, the parts that it was assembled from, and the pages to keep."""

    record: Record
    terms: Terms
    wanted: frozenset[tuple[str, str]] | None = None
    pages: dict[str, NotebookNode] = field(default_factory=dict)
    reasons: list[Remark] = field(default_factory=list)
    folder: Path | None = None


def run(
    course: Course,
    lab: str,
    student: str | None = None,
    exercise: str | None = None,
    again: bool = False,
    options: Options | None = None,
    console: Console | None = None,
) -> list[Record]:
    """Grades an assignment.

    Parameters
    ----------
    course : Course
        Ours, or any nbgrader course.
    lab : str
        Number, topic or folder name.
    student : str, optional
        Grade only this student, again even if already graded.
    exercise : str, optional
        Grade only this exercise and keep the other marks; students not graded yet, or with a new hand-in, are graded
        completely.
    again : bool
        Also grade submissions that are graded and unchanged.
    options : Options, optional
    console : Console, optional
        Console for progress and problems.

    Returns
    -------
    list of Record
        The records of all submissions to the assignment (or of the one student), by student.

    Raises
    ------
    AutograderError
        If there is no release or no submission, no sandbox can be created, the reference solution loses points, or another
        grading is running. Also, after the others are graded, if folders have names that cannot be used for our files.
    """
    console = console or Console()
    name = course.find(lab).name
    students = submissions.students(course, name, student)
    course.make_state()
    lock = FileLock(course.state / "grade.lock", timeout=0)
    try:
        with lock:
            grading = Grading(course, name, options or Options(), console)
            with grading:
                grading.grade(students, again or student is not None, exercise)
    except Timeout:
        raise AutograderError(
            f"Another `autograder grade` is running in {course.root}. Wait for it to finish, then run the command again."
        ) from None
    except PermissionError as e:
        raise AutograderError(
            f"You lack permission to read or write {e.filename or course.root}. Finished grading was kept. "
            "Was the course graded by another user? Change its owner, then run the command again."
        ) from e
    except OSError as e:
        if e.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise AutograderError(
            f"No space left on device: {e.filename or course.root} could not be written. Finished grading was kept. "
            "Free some space, then run the command again."
        ) from e
    store = RecordStore(course.state)
    records = [record for s in students if (record := store.load(name, s))]
    problems_table(console, records)
    typed = course.typed(name)
    console.print(f"Next: autograder feedback {typed}, autograder report {typed}", markup=False, highlight=False)
    submissions.refuse_names(course, name)
    return records


class Grading:
    """One run of the command, under the course's lock."""

    def __init__(self, course: Course, name: str, options: Options, console: Console):
        self.course, self.name, self.options, self.console = course, name, options, console
        self.scratch = course.state / "scratch"
        self.store = RecordStore(course.state)
        self.known: dict[str, Terms] = {}
        self.open = ExitStack()

    def __enter__(self) -> Grading:
        # Left behind by a killed run.
        shutil.rmtree(self.scratch, ignore_errors=True)
        for part in (self.store.folder / self.name).glob("*.part"):
            part.unlink()
        self.scratch.mkdir(parents=True)
        self.open.callback(shutil.rmtree, self.scratch, ignore_errors=True)
        self.open.callback(close_all)
        return self

    def __exit__(self, *_: object) -> None:
        self.open.close()

    def terms(self, version: str = "") -> Terms:
        """The terms for grading one version; it is calibrated the first time."""
        if version not in self.known:
            made = assignments.load(self.course, self.name, version, self.scratch)
            sandbox = sandboxes.of(self.course, made, self.options.safe, self.options.show, self._threads())
            sandbox = replace(sandbox, limits={"wall": self.options.seconds.total + 60, "memory": self.options.memory})
            found = kept_calibration.known(self.course.state, made)
            terms = Terms(
                made,
                found or kept_calibration.Calibrated(),
                sandbox,
                self.options.seconds,
                self.course.secret(),
                self.options.full,
            )
            if found is None:
                found = self._calibrate(terms)
            self._tell(made, found)
            self.known[version] = replace(terms, calibrated=found)
        return self.known[version]

    def _threads(self) -> int:
        return max(1, (os.cpu_count() or 1) // self._workers())

    def _workers(self) -> int:
        return self.options.workers or os.cpu_count() or 1

    def _calibrate(self, terms: Terms) -> kept_calibration.Calibrated:
        made = terms.assignment
        if self.course.proved:
            with self.console.status(f"Preparing the data for {made.name} {made.version}"):
                sandboxes.prepare(self.course, made, self.scratch)
            found = kept_calibration.by_contract(made)
            self._try_reference(replace(terms, calibrated=found))
            kept_calibration.keep(self.course.state, made, found)
            return found
        terms.sandbox.warm(self.options.keep_warm)
        status = self.console.status(f"Calibrating the checks of {made.name} {made.version} (once per version)")
        with closing(Engine(terms)) as engine, status:
            found = kept_calibration.find_out(
                made,
                engine.new_server,
                lambda folder: Kernel(terms.sandbox, folder),
                self.options.seconds,
                self.scratch,
                lambda stem: status.update(f"Calibrating the checks of {stem} (once per version)"),
            )
        kept_calibration.keep(self.course.state, made, found)
        return found

    def _try_reference(self, terms: Terms) -> None:
        """Grades the reference solution: a check that it fails is the instructor's error, and must not cost students marks."""
        made = terms.assignment
        terms.sandbox.warm(self.options.keep_warm)
        answers = {stem: made.cells(stem) for stem in made.instructor}
        status = self.console.status(f"Trying the reference solution of {made.name} {made.version}")
        with status, closing(Engine(terms)) as engine:
            tried = engine.grade(Job("reference", answers, made.files))
        wrong = {where: verdict.finding for where, verdict in tried.verdicts.items() if verdict.status != PASSED}
        if wrong:
            raise kept_calibration.wrong_reference(made, wrong)

    def _tell(self, made: Assignment, found: kept_calibration.Calibrated) -> None:
        if self.course.outdated(made.name, made.version):
            self.console.print(
                f"  note: course.toml has changed since {made.name} was released as {made.version}. Run: autograder release {self.course.typed(made.name)}",
                markup=False, highlight=False, soft_wrap=True,
            )  # fmt: skip
        if self.options.strict and found.inside:
            raise AutograderError(
                f"--strict: {len(found.inside)} checks of {made.name} work only in the student's process:\n"
                + "\n".join(f"  {stem}, {id}: {why_inside(why)}" for (stem, id), why in found.inside.items())
            )
        for problem in found.problems():
            self.console.print(f"  note: {problem}", markup=False, highlight=False, soft_wrap=True)

    def grade(self, students: list[str], again: bool, exercise: str | None) -> None:
        """Grades the students who are not graded yet (`again`: all of them)."""
        if self.options.safe:
            sandboxes.check()
        tickets, kept = [], 0
        for student in students:
            ticket = self._ticket(student, again, exercise)
            kept += ticket is None
            tickets += [ticket] if ticket else []
        if kept:
            self.console.print(
                f"{kept} of {len(students)} already graded and unchanged. To grade one of them again: --student NAME",
                highlight=False,
            )
        if not tickets:
            return
        executor = queue.local(self._workers())
        kernels, checkers = self._warm({ticket.terms.key: ticket.terms for ticket in tickets}.values())
        # One more than can run: it starts while another one's results are written.
        at_once = self._workers() + 1
        try:
            with gradebook.Writer(self.course, self.name) as book, Bar(self.console, self.name, len(tickets)) as bar:
                for future in kernels:
                    future.result()
                begun = 0
                for ticket, result in queue.graded(executor, self._jobs(tickets, bar, book), at_once):
                    if result is None:
                        bar.started(ticket.record.student)
                        begun += 1
                        if begun == min(at_once, len(tickets)):
                            wait(checkers)  # waits, so as not to slow down the start of the first kernels
                            book.open()  # imports nbgrader, which takes two seconds, while the first kernels start
                        continue
                    if isinstance(result, Exception):
                        for future in checkers:  # failing to start one is no submission's fault
                            future.result()
                    self._finish(ticket, result, book)
                    bar.finished(ticket.record)
        except BaseException:
            close_all()  # first: the threads wait for the processes that this call ends
            raise
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def _warm(self, all_terms: Iterable[Terms]) -> tuple[list[Future[None]], list[Future[None]]]:
        """Starts the warm processes that kernels are forked from, then the checkers."""
        pool, terms = ThreadPoolExecutor(1), list(all_terms)
        kernels = [pool.submit(one.sandbox.warm, self.options.keep_warm) for one in terms]
        checkers = [pool.submit(engine_for(one).warm) for one in terms]
        pool.shutdown(wait=False)
        return kernels, checkers

    def _ticket(self, student: str, again: bool, exercise: str | None) -> Ticket | None:
        """The work to do for a student, None if there is none."""
        old = self.store.load(self.name, student)
        folder = self.course.submitted / student / self.name
        terms = self.terms(submissions.version(self.course, folder, self.name))
        digest = _digest(folder, terms)
        finished = old is not None and old.status in FINISHED
        if exercise is not None and old and finished and not old.retry and _same_files(old.digest, digest):
            cells = frozenset((cell.notebook, cell.id) for cell in old.cells if cell.exercise == exercise)
            if not cells:
                known = ", ".join(dict.fromkeys(cell.exercise for cell in old.cells))
                raise AutograderError(f"{self.name} has no exercise {exercise!r}. Exercises: {known}.")
            ticket = Ticket(old, terms, cells)
        elif old and finished and old.digest == digest and not old.retry and not again:
            return None
        else:
            ticket = Ticket(blank_record(terms.assignment, student, self.course.exercise_of), terms)
            ticket.record.attempt = old.attempt if old else 0
        record = ticket.record
        record.digest, record.status, record.unsafe = digest, QUEUED, not self.options.safe
        record.submission, record.handed_in = submissions.handed_in(folder)
        self.store.save(record)
        return ticket

    def _finish(self, ticket: Ticket, result: Outcome | Exception, book: gradebook.Writer) -> None:
        """Settles a submission and keeps its results. If that fails, only this submission goes without marks."""
        try:
            self._settle(ticket, result)
            self._keep(ticket, book)
        except (AutograderError, OSError):  # a problem of this machine or the course, which affects all submissions
            raise
        except Exception as e:
            self._settle(ticket, e)
            self._keep(ticket, book)

    def _jobs(self, tickets: list[Ticket], bar: Bar, book: gradebook.Writer) -> Iterator[tuple[Ticket, Terms, Job]]:
        """Assembles submissions one at a time, as capacity allows; those with nothing to run are settled here."""
        for ticket in tickets:
            record = ticket.record
            record.begin()
            self.store.save(record)
            try:
                job = self._job(ticket)
            except (AutograderError, OSError):
                raise
            except Exception as e:
                job = None
                self._settle(ticket, e)
            if job is None:
                self._keep(ticket, book)
                bar.finished(record)
            else:
                yield ticket, ticket.terms, job

    def _job(self, ticket: Ticket) -> Job | None:
        """The job to run, None if the submission can be settled without one."""
        record, terms = ticket.record, ticket.terms
        folder = self.course.submitted / record.student / self.name
        read = submission.read(folder, terms.assignment)
        ticket.reasons, ticket.pages = read.bad, {s: a.notebook for s, a in read.assembled.items()}
        record.note(read.remarks)
        if not read.assembled:
            record.end(FAILED, read.bad)
            for cell in record.cells:
                sentences.tell(cell, Finding(Cause.NO_NOTEBOOK))
            return None
        for task in record.manual:
            task.points = submission.empty_answer(read, terms.assignment, task)
        cells = submission.cells_to_run(read, terms.assignment, self.options.full)
        ticket.folder, left_out = submission.working_folder(folder, terms.assignment, self.scratch)
        record.note(left_out)
        return Job(record.student, cells, ticket.folder, ticket.wanted)

    def _settle(self, ticket: Ticket, result: Outcome | Exception) -> None:
        """Writes the results into the record."""
        record = ticket.record
        if isinstance(result, Exception):  # a bug of ours, or a problem of this machine, must not cost a student marks
            record.retry = True
            record.end(FAILED, [Remark(About.GRADER_FAILED, type(result).__name__, text=plain(str(result)))])
            for cell in record.cells:
                if ticket.wanted is None or (cell.notebook, cell.id) in ticket.wanted:
                    cell.points = cell.passed = None
                    sentences.tell(cell, Finding(Cause.GRADER_FAILED))
            return
        record.resources = result.resources
        record.note(map(sentences.ending, result.endings))
        policies = ticket.terms.calibrated
        for cell in record.cells:
            verdict = result.verdicts.get((cell.notebook, cell.id))
            if verdict is None:
                if ticket.wanted is None:
                    sentences.tell(cell, Finding(Cause.NOTEBOOK_UNREADABLE))
                continue
            cell.outside = policies.policies(cell.notebook)[cell.id].outside
            cell.seed, cell.seconds = result.seeds.get((cell.notebook, cell.id)), verdict.seconds
            sentences.tell(cell, verdict.finding)
            if verdict.status == NOT_RUN:
                cell.points, cell.passed = None, None
            else:
                cell.points, cell.passed = verdict.points, verdict.status == PASSED
        reasons = list(ticket.reasons)
        if not_graded := [cell for cell in record.cells if cell.passed is None]:
            whys = (cell.finding for cell in not_graded if cell.finding and cell.finding.cause in NOT_RUN_CAUSES)
            why = None if reasons else next(whys, None)
            reasons.append(sentences.not_run([cell.id for cell in not_graded], why))
        record.end(NEEDS_ATTENTION if reasons else GRADED, reasons)

    def _keep(self, ticket: Ticket, book: gradebook.Writer) -> None:
        """Saves autograded notebooks, then the gradebook, and the record last: "graded" in a record is always true."""
        record = ticket.record
        record.finished = now()
        target = self.course.autograded / record.student / record.lab
        if ticket.folder is not None:
            submission.discard(ticket.folder, self.scratch)
        if record.status == FAILED:
            shutil.rmtree(target, ignore_errors=True)
        else:
            if self.course.closed:
                make_private(self.course.autograded)
            _write_pages(target, {stem: _page(stem, page, record) for stem, page in ticket.pages.items()})
        folder = self.course.submitted / record.student / record.lab
        record.note(book.write(record, submissions.timestamp(folder), ticket.wanted))
        self.store.save(record)
        ticket.pages.clear()


def blank_record(assignment: Assignment, student: str, exercise_of: Callable[[str], str]) -> Record:
    """A queued record with all graded cells of the assignment, none of them graded yet."""
    record = Record(assignment.name, student, QUEUED, release=assignment.version)
    graded, manual = assignment.graded(), assignment.manual()
    used = Counter(grade_id_of(cell) for _, cell in graded + manual)
    for stem, cell in graded:
        grade_id, exercise = grade_id_of(cell), _exercise(stem, cell, used, exercise_of)
        record.cells.append(CellGrade(grade_id, exercise, stem, assignments.statement(cell), points_in(cell)))
    for stem, cell in manual:
        exercise = _exercise(stem, cell, used)
        record.manual.append(ManualGrade(grade_id_of(cell), stem, points_in(cell), exercise=exercise))
    return record


def _exercise(
    stem: str, cell: NotebookNode, used: Counter[str], exercise_of: Callable[[str], str] = lambda grade_id: grade_id
) -> str:
    """A cell's name where its notebook is not shown: two notebooks of an assignment may use the same id."""
    grade_id = grade_id_of(cell)
    return exercise_of(grade_id) if used[grade_id] < 2 else f"{stem}/{grade_id}"


def _write_pages(target: Path, notebooks: dict[str, NotebookNode]) -> None:
    """Writes notebooks next to the folder that they replace, then moves them into its place."""
    remove_left_overs(target)  # from a killed run: we hold the course's lock
    with fresh_folder(target, replace=True) as fresh:
        for stem, notebook in notebooks.items():
            # Not nbformat.write, which would repeat the validation warnings given on reading.
            (fresh / f"{stem}.ipynb").write_text(nbformat.v4.writes(notebook) + "\n", encoding="utf-8")


def _page(stem: str, notebook: NotebookNode, record: Record) -> NotebookNode:
    """The assembled notebook with our message as the only output of each graded cell.

    All other outputs are those handed in: whatever the student's code prints during checks could contain hidden inputs,
    and is never received.
    """
    grades = {cell.id: cell for cell in record.cells if cell.notebook == stem}
    for cell in notebook.cells:
        if is_graded(cell) and grade_id_of(cell) in grades:
            grade = grades[grade_id_of(cell)]
            cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=sentences.verdict(grade) + "\n")]
            cell.execution_count = None
    return notebook


def _digest(folder: Path, terms: Terms) -> str:
    """Two hashes of everything that affects a mark: of the assignment and how its checks run; of the submission's files."""
    judged = hashlib.sha256(repr((terms.assignment.digest, sorted(terms.calibrated.inside), terms.full)).encode())
    digest = hashlib.sha256()
    left = submissions.MOST_OTHER_BYTES
    notebooks = {f"{stem}.ipynb" for stem in terms.assignment.released}
    for path, name in submissions.files(folder):
        size = path.stat().st_size
        digest.update(os.fsencode(name) + b"\0" + str(size).encode())
        if size > (MOST_BYTES if name in notebooks else left):
            continue  # neither read nor copied into the working folder; it may be larger than any disk
        left -= size if name not in notebooks else 0
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(2**20), b""):
                digest.update(block)
    return f"{judged.hexdigest()}-{digest.hexdigest()}"


def _same_files(digest: str, other: str) -> bool:
    return digest.split("-")[-1] == other.split("-")[-1]

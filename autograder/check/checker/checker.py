"""Runs the check cells of one submission: trusted code, with the student's functions at the other end of a channel.

Each check cell gets one verdict. It passes if it completes without an exception, or earns the number given by its last
expression, as in nbgrader. A cell that lost its channel or did not run has not passed, whatever its code caught.
"""

from __future__ import annotations

import ast
import inspect
import io
import linecache
import math
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from autograder.check.checker.channel import Channel
from autograder.check.checker.finding import WrongCredit, of_error
from autograder.check.checker.names import Names, NeedsStudent
from autograder.check.checker.standins import Function, Lost
from autograder.check.protocol.limits import GRACE
from autograder.check.protocol.verdict import PASSED, Cause, Finding, Verdict, failed, partial, passed
from autograder.notebook import code_cells, syntax
from autograder.notebook.code_cells import CHECK, LOCKED, SOLUTION, CodeCell

MISSING = object()


class Checker:
    """The trusted cells of one assignment, and, after a fork, those of one submission.

    Parameters
    ----------
    cells : sequence of CodeCell
        The instructor's cells in order; solution cells contain the reference solution, of which only the names are used.
    """

    def __init__(self, cells: Sequence[CodeCell]):
        self.cells = list(cells)
        self.names = Names({"__name__": "__main__"})
        self.checks = {c.id: c for c in cells if c.kind == CHECK}
        self.known = code_cells.names_outside_checks(cells)
        self.owned: dict[
            str, tuple[frozenset[str], frozenset[str]]
        ] = {}  # by check cell: the student's names, and the derived ones
        self.before: dict[str, dict[str, Any]] = {}  # names bound by locked cells since the previous check cell
        self.answers: set[str] = set()
        self.done: set[str] = set()
        self.sources: list[str] = []
        self.channel = Channel()
        self.channel.signature = self._signature
        self._own: set[str] = set()
        self._derived: set[str] = set()
        self._fresh: dict[str, Any] = {}
        needed = code_cells.needed(cells)
        self.steps: list[tuple[CodeCell, ast.stmt | None]] = []
        for i, cell in enumerate(cells):
            if cell.kind == CHECK:
                self.steps.append((cell, None))
            for n, statement in enumerate(syntax.statements(cell.source) if cell.kind != CHECK else ()):
                if cell.kind == SOLUTION or (i, n) in needed:
                    self.steps.append((cell, statement))
        solutions = [s for cell, s in self.steps if cell.kind == SOLUTION and s is not None]
        self.names.used_in_functions = frozenset(name for s in solutions for name in syntax.used_in_functions(s))
        self.names.rebound_in_functions = frozenset(name for s in solutions for name in syntax.declared_global(s))
        self.read: dict[
            str, frozenset[str]
        ] = {}  # by check cell: the names that answers read in calls and in later cells
        read = self.names.used_in_functions | self.names.rebound_in_functions
        for cell, step in reversed(self.steps):
            if step is None:
                self.read[cell.id] = read
            elif cell.kind == SOLUTION:
                read |= syntax.loaded(step)
        self.position = 0

    def step(self) -> bool:
        """Runs the next locked statement; returns False if none is left."""
        if self.position == len(self.steps):
            return False
        cell, statement = self.steps[self.position]
        self.position += 1
        if statement is None:
            self.owned[cell.id] = frozenset(self._own), frozenset(self._derived)
            self.before[cell.id], self._fresh = self._fresh, {}
        elif cell.kind == LOCKED or syntax.is_import(statement):
            self._locked(statement)
        else:
            self._own |= syntax.bound(statement)
            self.answers |= syntax.bound(statement)
        return True

    def finish(self, sources: Sequence[str], checks: dict[str, str]) -> None:
        """Runs the rest of the locked cells; from here on this object belongs to one submission.

        Parameters
        ----------
        sources : sequence of str
            The text of the student's cells, for checks that inspect it.
        checks : dict
            Alternative sources of check cells, by id.
        """
        while self.step():
            pass
        self.sources = list(sources)
        self.checks = {id: replace(cell, source=checks.get(id, cell.source)) for id, cell in self.checks.items()}
        self.names.clear()
        self.names.restore({"__name__": "__main__"})
        # In this process alone, which ends with the submission: checks ask `inspect` for the student's text, which is in no file here.
        inspect.getsource = self._getsource  # type: ignore[assignment]

    def skip(self, id: str) -> None:
        """Runs a cell that was checked in another process only for its definitions."""
        self._enter(self.checks[id])
        self.names.channel = None
        for statement in syntax.statements(self.checks[id].source):
            if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign)):
                try:
                    self._run(ast.Module([statement], []), "<check>")
                except BaseException:
                    continue

    def check(self, id: str, sock: socket.socket, seconds: float, in_place: bool | None) -> Verdict:
        """Checks one cell.

        Parameters
        ----------
        id : str
            The check cell.
        sock : socket.socket
            The channel to the student's kernel, fresh.
        seconds : float
            Time limit, after which the cell is lost; GRACE later, this process ends.
        in_place : bool or None
            Whether the reference solution changes the arguments passed by this cell; None to determine this.
        """
        cell = self.checks[id]
        self.channel.begin(sock, seconds)
        self.channel.in_place = in_place is not False
        try:
            self._enter(cell)
            with _limit(seconds):
                with suppress(Lost):  # recorded by the channel
                    self.channel.greet()
                verdict = self._judge(cell)
            if self.channel.surprised and not self.channel.lost:
                # The property holds only if it holds both with and without visible changes.
                self.channel.again(seconds)
                with _limit(seconds):
                    again = self._judge(cell)
                verdict = min(verdict, again, key=lambda v: (v.status == PASSED, v.points))
                verdict.in_place = True
            verdict.in_place |= self.channel.changed
            return verdict
        finally:
            self.channel.end()
            self.channel.restore()

    def _enter(self, cell: CodeCell) -> None:
        for earlier in self.checks:
            if earlier not in self.done:
                self.done.add(earlier)
                news = self.before.get(earlier, {})
                self.names.restore(
                    {k: v for k, v in news.items() if v is not MISSING}, [k for k, v in news.items() if v is MISSING]
                )
            if earlier == cell.id:
                break
        owned, derived = self.owned[cell.id]
        # Names that a function of the check declares `global` bypass Names.__setitem__.
        declared = {name for s in syntax.statements(cell.source) for name in syntax.declared_global(s)}
        self.names.enter(owned - (declared - self.names.rebound_in_functions), derived, self.read[cell.id])

    def _judge(self, cell: CodeCell) -> Verdict:
        begun = time.perf_counter()
        self.names.channel = self.channel
        self.channel.seeded = bool(re.search(r"\bseed\(|set_random_seed", cell.source))
        tree = ast.Module([], [])
        try:
            tree = syntax.parse(cell.source)
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                value = self._run(tree, f"<check {cell.id}>", cell.source)
            verdict = _earned(cell, value)
        except BaseException as e:
            verdict = failed(cell.id, self._finding(e, tree, cell))
        against = self.channel.against()
        if against is not None:
            verdict = failed(cell.id, self._finding(against, tree, cell))
        verdict.seconds, verdict.calls = round(time.perf_counter() - begun, 4), self.channel.calls
        return verdict

    def _run(self, tree: ast.Module, name: str, source: str = "") -> Any:
        """Runs statements; returns the value of the last one if it is an expression."""
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        body, last = list(tree.body), None
        if body and isinstance(body[-1], ast.Expr):
            last = body.pop()
        exec(compile(ast.Module(body, []), name, "exec"), self.names)
        if not isinstance(last, ast.Expr):
            return None
        return eval(compile(ast.Expression(last.value), name, "eval"), self.names)

    def _finding(self, error: BaseException, tree: ast.AST, cell: CodeCell) -> Finding:
        try:
            return of_error(error, tree, cell.hidden, frozenset(self.answers), self.known).bounded()
        except BaseException:  # its text is unavailable, which is no reason to stop
            return Finding(Cause.PROPERTY)

    def _locked(self, statement: ast.stmt) -> None:
        mine = syntax.bound(statement)
        known = set(self.names.keys())
        self.names.enter(frozenset(self._own), frozenset(self._derived), frozenset())
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                exec(compile(ast.Module([statement], []), "<locked>", "exec"), self.names)
        except (Exception, NeedsStudent, SystemExit):
            # It needs the student, or a notebook. It runs in the student's kernel, where the names that it binds are.
            self._own |= mine
            self._derived |= mine
            return
        mine |= set(self.names.keys()) - known - {"__builtins__"}
        self._own -= mine
        self._derived -= mine
        self._fresh.update({name: dict.get(self.names, name, MISSING) for name in mine})

    def _getsource(self, thing: Any, _real: Any = inspect.getsource) -> str:
        if type(thing) is not Function:
            return _real(thing)
        found = syntax.definition(thing._asked, self.sources)
        if found is None:
            raise OSError("source code not available")
        return found[0] + "\n"

    def _signature(self, name: str) -> inspect.Signature:
        found = syntax.definition(name, self.sources)
        if found is None or not isinstance(found[1], ast.FunctionDef):
            raise AttributeError("__signature__")
        given = found[1].args
        for argument in ast.walk(given):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        given.defaults = [_constant(d) for d in given.defaults]
        given.kw_defaults = [d and _constant(d) for d in given.kw_defaults]
        empty = ast.Lambda(given, ast.Constant(None))
        return inspect.signature(
            eval(compile(ast.fix_missing_locations(ast.Expression(empty)), "<signature>", "eval"), {})
        )


def _constant(default: ast.expr) -> ast.expr:
    """A default value as written, None if it would have to be computed."""
    return default if isinstance(default, ast.Constant) else ast.Constant(None)


def _earned(cell: CodeCell, value: Any) -> Verdict:
    """nbgrader's rule: a number as the last expression is partial credit, any other completed cell gets full points.

    The exception is arrays and similar values: `sum(f(x) == y for x, y in cases)` would become an empty array, and earn
    full points, if `f` returned one.
    """
    np, pd = sys.modules.get("numpy"), sys.modules.get("pandas")
    numbers = (int, float, complex, Fraction, Decimal, *((np.number, np.ndarray) if np else ()))
    if isinstance(value, bool) or not isinstance(value, (*numbers, *((pd.Series, pd.DataFrame) if pd else ()))):
        return passed(cell.id, cell.points)
    try:
        number: Any = value.item() if np and isinstance(value, np.ndarray) else value
        credit = float(number)
    except (TypeError, ValueError, OverflowError):
        raise WrongCredit(Finding(Cause.CREDIT_NOT_A_NUMBER, text=type(value).__name__)) from None
    if not math.isfinite(credit):
        raise WrongCredit(Finding(Cause.CREDIT_NOT_A_NUMBER, text=f"{credit:g}"))
    if not 0 <= credit <= cell.points:
        raise WrongCredit(Finding(Cause.CREDIT_OUT_OF_RANGE, credit=credit, limit=cell.points))
    return passed(cell.id, cell.points) if credit == cell.points else partial(cell.id, credit, cell.points)


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    # The signal's default action ends the process even in a loop of compiled code. Only this cell is lost.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)

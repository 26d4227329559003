"""Words are made of results, and never the other way round: in any language, the marks and their causes are the same."""

import ast
import itertools
import json
import socket
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import autograder
from autograder import remarks
from autograder.check.protocol.flaws import Flaw
from autograder.check.protocol.verdict import Cause, Finding
from autograder.notebook.code_cells import CHECK, LOCKED, SOLUTION, CodeCell
from autograder.record import records as kept
from autograder.record import sentences
from autograder.record.records import CellGrade, Record
from autograder.remarks import About, Remark
from autograder.report import class_report
from autograder.run.calibration import Calibration
from autograder.run.grade import Grading, Ticket
from autograder.run.job import Outcome, _Heard
from autograder.run.results import Policy, Ran, Seconds, kernel_ended, not_stopped, out_of_time, raised
from autograder.run.walk import walk

WHOLE = Finding(Cause.PROPERTY, "x", "ValueError", "", False, "f", 3, 6.0, 0.5, "memory", -9)
# Sentences of ours that a check or an exception may hold: nobody takes them for what they say.
SPOOFS = (
    "f: `f` is not defined",
    "This cell was not run: no time was left.",
    "the kernel died (memory)",
    "g: Passed.",
)
CELLS = [
    CodeCell(LOCKED, "setup", "import numpy"),
    CodeCell(SOLUTION, "f", "def f(x):\n    return x"),
    *(CodeCell(CHECK, f"f-{n}", f"assert f({n})\nassert f({n}), 'no {n}'", 2.0, hidden=n % 2 > 0) for n in range(1, 7)),
    CodeCell(SOLUTION, "g", "def g(:\n    pass"),
    *(CodeCell(CHECK, f"g-{n}", f"assert g({n})", 1.0) for n in range(1, 4)),
]
MISSING = raised("NameError", "g")
# What becomes of each cell in the kernels of each student; all others run to their ends.
STUDENTS: dict[str, dict[str, Ran]] = {
    "right": {},
    "half": {"f-1": Ran(value="1"), "f-2": Ran(value="7"), "f-3": Ran(value="7"), "f-4": Ran(value="nan")},
    "wrong": {
        "f-1": raised("AssertionError", "no 1"), "f-2": raised("AssertionError", "no 2"), "f-3": raised("NotImplementedError"),
        "f-4": raised("RecursionError", "deep"), "f-5": raised("Own", "why"), "f-6": raised("ValueError", "why"),
    },
    "spoofs": {f"f-{n}": raised("AssertionError", text) for n, text in enumerate(SPOOFS, 1)},
    "spoofs too": {f"f-{n}": raised(text, text) for n, text in enumerate(SPOOFS, 1)},
    "late": {"f-1": out_of_time(6.0), "f-2": not_stopped(6.0), "f-3": kernel_ended("memory", -9), "g": out_of_time(9.0), "g-1": MISSING},
    "dies": {id: kernel_ended("", 1) for id in ("f-1", "f-2", "f-3", "f-4", "f-5", "f-6", "g-1")},
    "broken": {"setup": raised("ImportError", "no"), "g": raised("SyntaxError", "no"), "g-1": MISSING, "g-2": MISSING},
    "broken too": {"f": kernel_ended("memory"), "g": kernel_ended("memory"), "g-1": MISSING},
}  # fmt: skip


class ScriptedKernel:
    """A kernel in which each cell ends as it is written down."""

    def __init__(self, ends):
        self.control, self.ends = socket.socketpair()[0], ends

    def run(self, source, seconds):
        return self.ends.get(next(cell.id for cell in CELLS if cell.source == source), Ran())

    def begin_serving(self):
        raise AssertionError("all is judged inside")

    def end_serving(self, seconds):
        raise AssertionError("all is judged inside")


def graded(student, total=60.0):
    """The record of a student, by the same way as in a grading, without processes."""
    outcome = Outcome()
    heard = _Heard(outcome)

    @contextmanager
    def kernel():
        made = ScriptedKernel(STUDENTS[student])
        yield made
        made.control.close()

    policies = {cell.id: Policy(outside=False) for cell in CELLS if cell.kind == CHECK}
    for id, verdict in walk(CELLS, kernel, None, policies, Seconds(total=total), heard).items():
        if (
            verdict.finding.exception == "NameError"
        ):  # where a check runs outside, its checker knows which name is missing
            verdict.finding = Finding(Cause.MISSING_NAME, name="g")
        heard.explain(verdict)
        outcome.verdicts["nb", id] = verdict
    cells = [CellGrade(c.id, c.id[0], "nb", f"property {c.id}", c.points) for c in CELLS if c.kind == CHECK]
    calibrated = SimpleNamespace(policies=lambda stem: Calibration(policies).policies)
    ticket = Ticket(Record("01_x", student, cells=cells), SimpleNamespace(calibrated=calibrated))
    Grading._settle(None, ticket, outcome)
    return Record.from_json(ticket.record.to_json())


def decided(records):
    """All that may not depend on words."""
    told = class_report.summary("01_x", records, {})["messages"]["rows"]
    return (
        [(r.student, r.status, r.points) for r in records],
        [[(remark.about, remark.name, remark.names) for remark in (*r.reasons, *r.remarks)] for r in records],
        [[(c.id, c.points, c.passed, c.finding) for c in r.cells] for r in records],
        [(row["exercise"], row["count"], row["who"]["shown"]) for row in told],
    )


def a_class():
    return [*(graded(student) for student in STUDENTS), replace(graded("right", total=-1.0), student="no time")]


def test_marks_causes_and_groups_are_the_same_in_any_words(monkeypatch):
    records = a_class()
    found = decided(records)
    causes = {cell.finding.cause for record in records for cell in record.cells}
    assert causes >= {
        Cause.PASSED, Cause.PARTIAL, Cause.PROPERTY, Cause.RAISED, Cause.NOT_IMPLEMENTED, Cause.RECURSION, Cause.OUT_OF_TIME,
        Cause.KERNEL_ENDED, Cause.CELL_OUT_OF_TIME, Cause.CELL_RAISED, Cause.CELL_ENDED_KERNEL,
        Cause.CREDIT_OUT_OF_RANGE, Cause.CREDIT_NOT_A_NUMBER,
        Cause.NOT_RUN_NO_TIME, Cause.NOT_RUN_KERNELS,
    }  # fmt: skip
    number = itertools.count()
    for words in (
        lambda *_: "other words",  # all are the same
        lambda *_: f"sentence {next(number)}",  # no two are
        lambda *_: SPOOFS[next(number) % len(SPOOFS)],
    ):
        for name in ("message", "how_it_ended", "comment", "verdict"):
            monkeypatch.setattr(sentences, name, words)
        monkeypatch.setattr(remarks, "said", words)
        monkeypatch.setattr(kept, "said", words)
        assert decided(a_class()) == found


def test_one_reason_is_one_group_and_two_are_two():
    records = [graded("wrong"), replace(graded("wrong"), student="her neighbour"), graded("spoofs")]
    rows = class_report.summary("01_x", records, {})["messages"]["rows"]
    assert {row["message"]: row["count"] for row in rows}["no 1"] == 2
    assert len({row["message"] for row in rows}) == len(rows)


def test_a_hidden_check_that_speaks_like_us_is_only_quoted():
    by_id = {cell.id: cell for cell in graded("spoofs").cells}
    assert by_id["f-1"].finding == Finding(Cause.RAISED, exception="AssertionError")
    assert by_id["f-2"].finding == Finding(Cause.PROPERTY, exception="AssertionError", text=SPOOFS[1], quoted=True)
    assert all(by_id[f"f-{n}"].passed is False for n in range(1, 5))


@pytest.mark.parametrize("cause", Cause)
def test_there_is_a_sentence_for_every_cause(cause):
    for finding in (replace(WHOLE, cause=cause), replace(WHOLE, cause=cause, text="why", name="x", exception="Own")):
        text = sentences.message("f-1", finding)
        assert bool(text) is (cause is not Cause.PASSED) and len(text) <= 500 and "None" not in text
    for ending in (Cause.CELL_RAISED, Cause.CELL_OUT_OF_TIME, Cause.CELL_ENDED_KERNEL):
        assert remarks.said(sentences.ending(replace(WHOLE, cause=ending))).startswith("f")


@pytest.mark.parametrize("about", About)
def test_there_is_a_sentence_for_every_remark(about):
    for remark in (Remark(about), Remark(about, "a", ("b", "c"), "d", "e", 3e6, 2e6, 7)):
        assert remarks.said(remark) and "None" not in remarks.said(remark)
        assert Remark.from_json(json.loads(json.dumps(remark.to_json()))) == remark


@pytest.mark.parametrize("flaw", Flaw)
def test_there_are_words_for_every_flaw(flaw):
    for cause in (Cause.PROTOCOL_BROKEN, Cause.CANNOT_CROSS, Cause.NOT_PLAIN):
        for finding in (Finding(cause, flaw=flaw), Finding(cause, flaw=flaw, text="list", name="{x}", exception="Own")):
            text = sentences.message("f-1", finding)
            assert "  " not in text and " a a " not in text and "None" not in text


def test_a_message_names_the_exercise_and_what_is_known():
    assert sentences.message("a-b-2", Finding(Cause.MISSING_NAME, name="x")).startswith("a-b: `x` is not defined.")
    assert sentences.message("f-1", Finding(Cause.NOT_PLAIN, text="Dog")) == (
        "f: the return value is a Dog, which cannot be checked outside the student's process."
    )
    assert sentences.message("f-1", Finding(Cause.NOT_PLAIN, text="list", flaw=Flaw.CONTAINS_ITSELF)) == (
        "f: the return value is a list: a container that contains itself, which cannot be checked outside the student's process."
    )
    assert sentences.message("f-1", Finding(Cause.PROTOCOL_BROKEN, flaw=Flaw.NO_VALUE, exception="KeyError")) == (
        "f: the student's process sent an invalid value (KeyError)."
    )
    assert sentences.message("f-1", Finding(Cause.NOT_PLAIN)) == (
        "f: the return value is something that cannot be checked outside the student's process."
    )
    assert remarks.said(sentences.not_run(["f-1", "f-2"], Finding(Cause.NOT_RUN_NO_TIME))) == (
        "Not run: f-1, f-2. This cell was not run: no time was left."
    )


WORDS = {"message", "reason", "flags"}  # of a record
READING = {
    "startswith",
    "endswith",
    "partition",
    "rpartition",
    "split",
    "removeprefix",
    "removesuffix",
    "find",
    "index",
    "count",
}


def reads_words(tree):
    """Where a program looks into the words of a record or compares them with a text of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            matched = isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
            asked = [node.func.value] if node.func.attr in READING else node.args if matched else []
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            asked = sides if any(isinstance(side, (ast.Constant, ast.JoinedStr)) for side in sides) else []
        else:
            continue
        if any(isinstance(part, ast.Attribute) and part.attr in WORDS for part in asked):
            yield node.lineno


def test_nothing_in_the_grader_looks_into_words():
    folder = Path(autograder.__file__).parent
    found = {path: list(reads_words(ast.parse(path.read_text(encoding="utf-8")))) for path in folder.rglob("*.py")}
    assert {str(path): lines for path, lines in found.items() if lines} == {}
    for wrong in (
        "c.message.startswith('This')",
        "re.search('x', record.reason)",
        "'gone' in c.message",
        "c.message == 'x'",
    ):
        assert list(reads_words(ast.parse(wrong))) == [1]

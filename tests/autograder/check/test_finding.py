"""What is known of a check that failed: nothing hidden, and nothing that is not bounded."""

import json

import pytest
from plain_kernel import told_of

from autograder.check.protocol.limits import LONGEST_MESSAGE
from autograder.check.protocol.verdict import FAILED, Cause, Finding, Verdict
from autograder.check.runner.believed import believed
from autograder.notebook.code_cells import CHECK, CodeCell
from autograder.run.results import Ran, kernel_ended, not_stopped, out_of_time, raised
from autograder.run.walk import inside_verdict

SOURCE = "assert f(3) == 4, 'one more than given'\nassert f(5) == 6, f'got {f(5)}'"


@pytest.mark.parametrize(
    ("ran", "hidden", "cause", "expected"),
    [
        (raised("AssertionError", "one more than given"), True, Cause.PROPERTY, "one more than given"),
        (raised("AssertionError", "got 27182"), True, Cause.PROPERTY, "got …"),
        (raised("AssertionError", "27182"), True, Cause.RAISED, "f: the function stopped with an AssertionError."),
        (raised("ValueError", "27182"), True, Cause.RAISED, "f: the function stopped with a ValueError."),
        (raised("Leak27182"), True, Cause.RAISED, "f: the function stopped with an error of its own kind."),
        (raised("NotImplementedError"), True, Cause.NOT_IMPLEMENTED, "f: not answered yet"),
        (raised("RecursionError", "27182"), True, Cause.RECURSION, "f: the function calls itself without end"),
        (raised("ValueError", "27182"), False, Cause.RAISED, "ValueError: 27182"),
        (out_of_time(6.0), True, Cause.OUT_OF_TIME, "f: the check was stopped after 6 s."),
        (not_stopped(6.0), True, Cause.KERNEL_ENDED, "f: calling the function ended the kernel (did not stop after 6 s)."),
        (kernel_ended("", 1), True, Cause.KERNEL_ENDED, "f: calling the function ended the kernel (exit status 1)."),
        (kernel_ended("memory", -9), True, Cause.KERNEL_ENDED, "f: calling the function ended the kernel (memory)."),
        (Ran(value="27182"), True, Cause.CREDIT_OUT_OF_RANGE, "f: this property does not hold."),
        (Ran(value="27182"), False, Cause.CREDIT_OUT_OF_RANGE, "f: this cell gave 27182 points, but it has from 0 to 1"),
        (Ran(value="nan"), True, Cause.CREDIT_NOT_A_NUMBER, "f: this cell gave a nan"),
    ],
)  # fmt: skip
def test_a_hidden_check_never_quotes_what_the_student_raised(ran, hidden, cause, expected):
    verdict = inside_verdict(CodeCell(CHECK, "f-1", SOURCE, 1.0, hidden), ran)
    assert (verdict.status, verdict.points, verdict.finding.cause) == (FAILED, 0, cause)
    assert told_of(verdict).startswith(expected)
    assert not hidden or "27182" not in json.dumps(verdict.to_json()) + told_of(verdict)


@pytest.mark.parametrize("cause", Cause)
def test_a_finding_comes_back_as_it_was_sent(cause):
    found = Finding(cause, "x", "ValueError", "why", True, "f", 3, 6.5, 1.0, "memory", -9)
    assert Finding.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert Finding(cause).to_json() == {"cause": cause.value}
    assert Finding.from_json({"cause": cause.value}) == Finding(cause)


@pytest.mark.parametrize(
    "data",
    [None, "raised", {}, {"cause": "unheard of"}, {"cause": ["raised"]}, {"cause": "raised", "more": 1},
     {"cause": "raised", "text": 3}, {"cause": "raised", "text": None}, {"cause": "raised", "quoted": 1},
     {"cause": "raised", "line": True}, {"cause": "raised", "line": 1.5}, {"cause": "raised", "limit": float("nan")},
     {"cause": "raised", "credit": "1"}, {"cause": "raised", "text": "x" * (LONGEST_MESSAGE + 1)},
     {"cause": "raised", "exception": "x" * 201}, {"cause": "raised", "text": "\x1b[31mred"}, {"cause": "raised", "text": "\ud800"}],
)  # fmt: skip
def test_what_is_no_finding_is_refused(data):
    with pytest.raises(ValueError, match="finding|Cause"):
        Finding.from_json(data)


VISIBLE, HIDDEN = CodeCell(CHECK, "f-1", SOURCE, 1.0), CodeCell(CHECK, "f-1", SOURCE, 1.0, True)
QUOTED = Finding(Cause.RAISED, exception="ValueError", text="27182", quoted=True)


def said(status, points, finding, **more):
    return Verdict("f-1", status, points, finding, 0.5, 3).to_json() | more


def test_an_honest_answer_is_believed():
    passed, half = said("passed", 1.0, Finding(Cause.PASSED)), said("partial", 0.5, Finding(Cause.PARTIAL))
    assert believed(VISIBLE, passed) == Verdict("f-1", "passed", 1.0, Finding(Cause.PASSED), 0.5, 3)
    assert believed(VISIBLE, half).finding == Finding(Cause.PARTIAL, credit=0.5, limit=1.0)
    assert believed(VISIBLE, said("failed", 0, QUOTED)).finding == QUOTED


@pytest.mark.parametrize(
    "forgery",
    [{"points": 2}, {"points": float("nan")}, {"points": -1}, {"points": True}, {"points": 0.5}, {"id": "f-2"},
     {"status": "not run"}, {"status": "failed"}, {"status": ["passed"]}, {"seconds": "1"}, {"seconds": float("inf")},
     {"seconds": -1}, {"calls": [1]}, {"in_place": 1}, {"more": 1}, {"finding": "passed"}, {"finding": {"cause": "x"}}],
)  # fmt: skip
def test_a_forged_answer_is_not_believed(forgery):
    assert believed(VISIBLE, said("passed", 1.0, Finding(Cause.PASSED)) | forgery) is None


@pytest.mark.parametrize(
    "finding",
    [QUOTED, Finding(Cause.PASSED), Finding(Cause.GRADER_FAILED), Finding(Cause.NOT_RUN_NO_TIME), Finding(Cause.KERNEL_ENDED)],
)  # fmt: skip
def test_a_checker_states_only_what_it_can_know_and_quotes_nothing_hidden(finding):
    assert believed(HIDDEN, said("failed", 0.0, finding)) is None


@pytest.mark.parametrize("answer", [{}, {"id": "f-1"}])
def test_no_answer_is_not_believed(answer):
    assert believed(VISIBLE, answer) is None

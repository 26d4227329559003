"""What is known of a check that failed: nothing hidden, and nothing that is not bounded."""

import ast
import itertools
import json
from dataclasses import replace

import pytest
from plain_kernel import told_of

from autograder import remarks
from autograder.check.checker.finding import of_error
from autograder.check.checker.standins import Lost, mark
from autograder.check.protocol.flaws import Flaw
from autograder.check.protocol.limits import LONGEST_MESSAGE, MAX_CALLS
from autograder.check.protocol.verdict import FAILED, FAILURES, FIELDS, Cause, Finding, Verdict
from autograder.check.runner.believed import believed
from autograder.notebook.code_cells import CHECK, CodeCell
from autograder.record.sentences import ending, message
from autograder.run.job import LEFT_BY
from autograder.run.results import Ran, kernel_ended, not_stopped, out_of_time, raised
from autograder.run.walk import inside_verdict

SOURCE = "assert f(3) == 4, 'one more than given'\nassert f(5) == 6, f'got {f(5)}'"


@pytest.mark.parametrize(
    ("ran", "hidden", "cause", "expected"),
    [
        (raised("AssertionError", "one more than given"), True, Cause.PROPERTY, "one more than given"),
        (raised("AssertionError", "got 27182"), True, Cause.PROPERTY, "got …"),
        (raised("AssertionError", "27182"), True, Cause.RAISED, "f: the function raised an AssertionError."),
        (raised("ValueError", "27182"), True, Cause.RAISED, "f: the function raised a ValueError."),
        (raised("Leak27182"), True, Cause.RAISED, "f: the function raised a custom exception."),
        (raised("NotImplementedError"), True, Cause.NOT_IMPLEMENTED, "f: not answered yet"),
        (raised("RecursionError", "27182"), True, Cause.RECURSION, "f: infinite recursion (RecursionError)."),
        (raised("ValueError", "27182"), False, Cause.RAISED, "ValueError: 27182"),
        (out_of_time(6.0), True, Cause.OUT_OF_TIME, "f: the check was stopped after 6 s."),
        (not_stopped(6.0), True, Cause.KERNEL_ENDED, "f: calling the function ended the kernel (did not stop after 6 s)."),
        (kernel_ended("", 1), True, Cause.KERNEL_ENDED, "f: calling the function ended the kernel (exit status 1)."),
        (kernel_ended("memory", -9), True, Cause.KERNEL_ENDED, "f: calling the function ended the kernel (memory)."),
        (Ran(value="27182"), True, Cause.CREDIT_OUT_OF_RANGE, "f: this property does not hold."),
        (Ran(value="27182"), False, Cause.CREDIT_OUT_OF_RANGE, "f: this cell returned 27182 points, expected 0 to 1"),
        (Ran(value="nan"), True, Cause.CREDIT_NOT_A_NUMBER, "f: this cell returned nan"),
    ],
)  # fmt: skip
def test_a_hidden_check_never_quotes_what_the_student_raised(ran, hidden, cause, expected):
    verdict = inside_verdict(CodeCell(CHECK, "f-1", SOURCE, 1.0, hidden), ran)
    assert (verdict.status, verdict.points, verdict.finding.cause) == (FAILED, 0, cause)
    assert told_of(verdict).startswith(expected)
    assert not hidden or "27182" not in json.dumps(verdict.to_json()) + told_of(verdict)


WHOLE = {"name": "x", "exception": "ValueError", "text": "why", "quoted": True, "cell": "f", "line": 3, "limit": 6.5, "credit": 1.0,
         "ended_by": "memory", "exit_status": -9, "flaw": "array_of"}  # fmt: skip
NOT_OF_ITS_TYPE = [
    None,
    [],
    {},
    True,
    "",
    7,
    1.5,
    10**400,
    -(10**400),
    float("nan"),
    float("inf"),
    "x" * 10_000,
    "\x1b[31m",
    "\ud800",
]


def as_json(cause, names):
    return {"cause": cause.value} | {name: WHOLE[name] for name in names}


@pytest.mark.parametrize("cause", Cause)
def test_a_finding_comes_back_as_it_was_sent(cause):
    for names in (FIELDS[cause].needed, FIELDS[cause].needed | FIELDS[cause].others):
        sent = as_json(cause, names)
        found = Finding.from_json(json.loads(json.dumps(sent)))
        assert found.to_json() == sent
        assert (message("f-1", found) == "") is (cause is Cause.PASSED)


@pytest.mark.parametrize("cause", Cause)
def test_whatever_is_believed_can_be_said(cause):
    """Each field left out, added, or of another kind: either that is no finding, or there is a sentence for it."""
    needed, others = FIELDS[cause].needed, FIELDS[cause].others
    for name in needed:
        with pytest.raises(ValueError, match=name):
            Finding.from_json(as_json(cause, (needed | others) - {name}))
    for name in WHOLE.keys() - needed - others:
        with pytest.raises(ValueError, match=name):
            Finding.from_json(as_json(cause, needed | {name}))
    for name, wrong in itertools.product(needed | others, NOT_OF_ITS_TYPE):
        for names in (needed, needed | others):
            try:
                found = Finding.from_json(as_json(cause, names) | {name: wrong})
            except ValueError:
                continue
            assert type(wrong) is type(WHOLE[name]) or {type(wrong), type(WHOLE[name])} == {int, float}
            assert len(message("f-1", found)) <= LONGEST_MESSAGE
            if cause in LEFT_BY.values():
                remarks.said(ending(found))


@pytest.mark.parametrize(
    "data",
    [None, "raised", {}, {"cause": "unheard of"}, {"cause": ["raised"]}, {"cause": "raised", "more": 1},
     {"cause": "raised", "quoted": 1}, {"cause": "raised", "text": "x" * (LONGEST_MESSAGE + 1)}, {"cause": "too_many_calls"}],
)  # fmt: skip
def test_what_is_no_finding_is_refused(data):
    with pytest.raises(ValueError, match="finding|Cause"):
        Finding.from_json(data)


HOLDS = "expected = {'Anna': 27182}\nassert f(3) == 4, 'one more than given'\nassert f(5) == 6, f' got {f(5)}'"
VISIBLE, HIDDEN = CodeCell(CHECK, "f-1", HOLDS, 1.0), CodeCell(CHECK, "f-1", HOLDS, 1.0, True)
QUOTED = Finding(Cause.RAISED, exception="ValueError", text="27182", quoted=True)
SECONDS, NAMES = 30.0, frozenset({"f"})


def said(status, points, finding, **more):
    return Verdict("f-1", status, points, finding, 0.5, 3).to_json() | more


def heard(cell, answer):
    return believed(cell, answer, SECONDS, NAMES)


def test_an_honest_answer_is_believed():
    passed, half = (
        said("passed", 1.0, Finding(Cause.PASSED)),
        said("partial", 0.5, Finding(Cause.PARTIAL, credit=0.5, limit=1.0)),
    )
    assert heard(VISIBLE, passed) == Verdict("f-1", "passed", 1.0, Finding(Cause.PASSED), 0.5, 3)
    assert heard(VISIBLE, half).finding == Finding(Cause.PARTIAL, credit=0.5, limit=1.0)
    assert heard(VISIBLE, said("failed", 0, QUOTED)).finding == QUOTED


@pytest.mark.parametrize(
    "forgery",
    [{"points": 2}, {"points": float("nan")}, {"points": -1}, {"points": True}, {"points": 0.5}, {"id": "f-2"},
     {"status": "not run"}, {"status": "failed"}, {"status": ["passed"]}, {"seconds": "1"}, {"seconds": float("inf")},
     {"seconds": -1}, {"calls": [1]}, {"calls": 0.5}, {"in_place": 1}, {"more": 1}, {"finding": "passed"}, {"finding": {"cause": "x"}},
     *({name: 10**400} for name in ("points", "seconds", "calls"))],
)  # fmt: skip
def test_a_forged_answer_is_not_believed(forgery):
    assert heard(VISIBLE, said("passed", 1.0, Finding(Cause.PASSED)) | forgery) is None


@pytest.mark.parametrize(
    "finding",
    [Finding(Cause.PASSED), Finding(Cause.GRADER_FAILED), Finding(Cause.NOT_RUN_NO_TIME), Finding(Cause.KERNEL_ENDED),
     Finding(Cause.OUT_OF_TIME, limit=27182), Finding(Cause.TOO_MANY_CALLS, limit=27182),
     Finding(Cause.CREDIT_OUT_OF_RANGE, credit=2.0, limit=27182)],
)  # fmt: skip
def test_a_checker_states_only_what_it_can_know(finding):
    assert heard(VISIBLE, said("failed", 0.0, finding)) is None


LIMITS = {Cause.OUT_OF_TIME: SECONDS, Cause.TOO_MANY_CALLS: MAX_CALLS, Cause.CREDIT_OUT_OF_RANGE: 1.0}


@pytest.mark.parametrize("cause", sorted(FAILURES))
def test_of_a_hidden_check_nothing_is_believed_that_could_hold_an_input(cause):
    """Whatever a forger writes into a text, a name or a number does not come through; what an honest checker says does."""
    forged, free = Finding(cause, limit=LIMITS.get(cause)), {"text", "name", "exception", "credit"}
    forged = replace(forged, flaw=Flaw.NO_VALUE if "flaw" in FIELDS[cause].needed else None)
    for name in (FIELDS[cause].needed | FIELDS[cause].others) & free:
        more = {name: 27182.0} if name == "credit" else {name: "Secret27182"}
        for also in ({}, {"quoted": True}):
            assert heard(HIDDEN, said("failed", 0.0, replace(forged, **more, **also))) is None
    tree = ast.parse(HOLDS)
    errors = [AssertionError("one more than given"), AssertionError(" got 27182"), AssertionError("27182"), ValueError("27182"), AssertionError(),
              NameError("27182", name="f"), mark(ValueError("27182"), "Leak27182"), mark(NotImplementedError("27182"), "NotImplementedError"),
              *(Lost(Finding(cause, name="f", exception="Leak27182", text=text, flaw=Flaw.NO_VALUE, credit=27182.0, limit=LIMITS.get(cause)))
                for text in ("27182", "nan", "one more than given"))]  # fmt: skip
    for error in errors:
        found = of_error(error, tree, True, NAMES, NAMES).bounded()
        assert heard(HIDDEN, said("failed", 0.0, found)).finding == found
        assert "27182" not in json.dumps(found.to_json()) + message("f-1", found)
    assert message("f-1", of_error(errors[0], tree, True)) == "one more than given"
    assert message("f-1", of_error(errors[1], tree, True)) == "got …"


@pytest.mark.parametrize("answer", [{}, {"id": "f-1"}])
def test_no_answer_is_not_believed(answer):
    assert heard(VISIBLE, answer) is None

"""What is remembered of a submission's cells, and what of it may be told."""

from __future__ import annotations

from autograder.check.protocol.verdict import Cause, Finding, failed
from autograder.notebook.code_cells import LOCKED, SOLUTION, CodeCell
from autograder.record import sentences
from autograder.remarks import said
from autograder.run.job import Outcome, _Heard
from autograder.run.results import out_of_time, raised

SECRET = "27182"


def test_what_an_error_says_is_not_told():
    outcome = Outcome()
    heard = _Heard(outcome)
    heard(CodeCell(LOCKED, "", "raise TimeoutError(seen)"), raised("TimeoutError", SECRET))
    heard(CodeCell(LOCKED, "after", "print(f(3))"), raised(f"Leak{SECRET}", SECRET))
    heard(CodeCell(SOLUTION, "f", "raise SyntaxError(seen)"), raised("SyntaxError", f"x (line {SECRET})"))
    heard(CodeCell(SOLUTION, "g", "x = 1\ndef g(:\n    pass"), raised("SyntaxError", f"x (line {SECRET})"))
    heard(CodeCell(SOLUTION, "h", "while True: pass"), out_of_time(8.0))
    verdicts = [failed(f"{name}-1", Finding(Cause.MISSING_NAME, name=name)) for name in "fgh"]
    for verdict in verdicts:
        heard.explain(verdict)
    flags = [said(sentences.ending(ending)) for ending in outcome.endings]
    told = [sentences.message(verdict.id, verdict.finding) for verdict in verdicts]
    assert SECRET not in " ".join([*flags, *told, repr(outcome), repr(verdicts)])
    assert flags == ["after, a locked cell, raised a custom exception", "h: stopped after 8 s"]
    assert told[0].endswith("its cell stopped with a SyntaxError.")
    assert told[1].endswith("its cell stopped with a SyntaxError at line 2.")
    assert told[2].endswith("its cell ran out of time.")
    assert [verdict.finding.cause for verdict in verdicts] == [
        Cause.CELL_RAISED, Cause.CELL_RAISED, Cause.CELL_OUT_OF_TIME,
    ]  # fmt: skip

"""What a student reads of a check that was judged in their own process."""

import pytest

from autograder.notebook.code_cells import CHECK, CodeCell
from autograder.run.results import Ran
from autograder.run.walk import inside_verdict

SOURCE = "assert f(3) == 4, 'one more than given'\nassert f(5) == 6, f'got {f(5)}'"


@pytest.mark.parametrize(
    ("ran", "hidden", "expected"),
    [
        (Ran("AssertionError: one more than given"), True, "one more than given"),
        (Ran("AssertionError: got 27182"), True, "got …"),
        (Ran("AssertionError: 27182"), True, "f: the function stopped with an AssertionError."),
        (Ran("ValueError: 27182"), True, "f: the function stopped with a ValueError."),
        (Ran("Leak27182: "), True, "f: the function stopped with an error of its own kind."),
        (Ran("ValueError: 27182"), False, "ValueError: 27182"),
        (Ran("stopped after 6 s", late=True), True, "f: stopped after 6 s."),
    ],
)
def test_a_hidden_check_never_quotes_what_the_student_raised(ran, hidden, expected):
    verdict = inside_verdict(CodeCell(CHECK, "f-1", SOURCE, 1.0, hidden), ran)
    assert verdict.status == "failed" and verdict.message.startswith(expected)
    assert not hidden or "27182" not in verdict.message

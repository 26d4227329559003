"""Would you trust this network? A poll without marks, taken in lab 03 before anything is explained, and again afterwards.

The questions follow an experiment by Ribeiro, Singh and Guestrin (2016, arXiv 1602.04938). They deliberately trained a bad
classifier, which distinguishes huskies from wolves by the snow, and asked 27 people who had taken a machine learning course
whether they trusted it, before and after seeing explanations. In the paper answers were free text, and three judges counted
who named the snow; here they are letters.

The answers are in the notebook's cells tagged ``poll-before`` and ``poll-after`` and are submitted with it; `read` finds
them without running anything, and `autograder report` shows the class's table next to the paper's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from . import questions
from .questions import UNSURE, Question

TIMES = ("before", "after")
TAGS = {when: f"poll-{when}" for when in TIMES}
QUESTIONS = (
    Question(
        "trust",
        "Would you trust this network to read the films of a hospital that it has never seen?",
        ("Yes.", "No."),
    ),
    Question(
        "looks_at",
        "What do you think it looks at when it calls a film ill?",
        (
            "The heart: its width or its shape.",
            "Another part of the patient: lungs, diaphragm, bones.",
            "The film as a whole: how bright or sharp it is, how the patient stands.",
            "Something on the film that does not belong to the patient.",
        ),
    ),
)


class Counted(NamedTuple):
    """An answer that is counted: the question, the letter, its text, and the paper's count among 27 people."""

    question: str
    letter: str
    text: str
    paper: dict[str, int]


PAPER_ASKED = 27
COUNTED = (
    Counted("trust", "a", "would trust the bad network", {"before": 10, "after": 3}),
    Counted("looks_at", "d", "name what does not belong (there: the snow)", {"before": 12, "after": 25}),
)


class Row(NamedTuple):
    """One row of the class's table: how many of how many gave the counted answer, before and after, and in the paper."""

    text: str
    before: tuple[int, int]
    after: tuple[int, int]
    paper_before: tuple[int, int]
    paper_after: tuple[int, int]


def show() -> None:
    """Show the two questions with their lettered options."""
    questions.show(QUESTIONS)


def keep(when: str, answers: Mapping[str, str]) -> dict[str, str]:
    """Check the answers, print how many there are, and return them.

    Parameters
    ----------
    when : "before" or "after"
    answers : dict, id of a question -> letter, "?" or "" (not answered)

    Raises
    ------
    AnswerError
        For an invalid `when`, an unknown question id, or an answer that is not one of its letters.
    """
    _tag(when)
    given = questions.check(QUESTIONS, answers)
    left = [question.id for question in QUESTIONS if question.id not in given]
    print(
        f"{len(given)} of {len(QUESTIONS)} questions answered ({when}). "
        + (
            f"Unanswered: {', '.join(left)}. Write a letter between the quotation marks."
            if left
            else "Save the notebook."
        )
    )
    return given


def compare(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Print a student's answers from both rounds, and the paper's counts."""
    rounds = {
        "before": questions.check(QUESTIONS, before or {}),
        "after": questions.check(QUESTIONS, after or {}),
    }
    for question in QUESTIONS:
        said = [_words(question, rounds[when].get(question.id)) for when in TIMES]
        print(f"{question.text}\n    you, before: {said[0]}\n    you, after:  {said[1]}")
    print(f"\n{f'In the paper, of {PAPER_ASKED} people:':47}{'before':>6}{'after':>8}")
    for row in COUNTED:
        print(f"  {row.text:45}{row.paper['before']:6}{row.paper['after']:8}")


def read(notebook: Mapping, when: str) -> dict[str, str] | None:
    """The answers in a notebook's poll cell, read without running it.

    Parameters
    ----------
    notebook : mapping
        As nbformat or json loads it.
    when : "before" or "after"

    Returns
    -------
    dict or None
        id -> letter; None if there are no readable answers.

    Raises
    ------
    AnswerError
        For an invalid `when`.
    """
    return questions.read(QUESTIONS, notebook, _tag(when))


def asked_in(notebook: Mapping) -> bool:
    """Whether a notebook (as nbformat or json loads it) has a poll cell."""
    tags = set(TAGS.values())
    return any(tags & questions.tags_of(cell) for cell in notebook.get("cells", ()))


def table(people: Iterable[Mapping[str, Mapping[str, str] | None]]) -> list[Row]:
    """The class's table: for each counted answer, how many of those who answered (including "?") gave it.

    Parameters
    ----------
    people : iterable of mapping
        For each student {"before": answers, "after": answers}; either may be missing or None.

    Returns
    -------
    list of Row
    """
    people = list(people)
    rows = []
    for counted in COUNTED:
        found = []
        for when in TIMES:
            said = [answer for one in people if (answer := (one.get(when) or {}).get(counted.question))]
            found.append((said.count(counted.letter), len(said)))
        paper = [(counted.paper[when], PAPER_ASKED) for when in TIMES]
        rows.append(Row(counted.text, *found, *paper))
    return rows


def _tag(when: str) -> str:
    if when not in TAGS:
        raise questions.AnswerError(f'The poll is taken "before" or "after", got {when!r}.')
    return TAGS[when]


def _words(question: Question, letter: str | None) -> str:
    if letter is None:
        return "-"
    return "do not know yet" if letter == UNSURE else question.options[question.letters.index(letter)]

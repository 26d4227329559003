"""Questions with lettered options, without marks, whose answers are part of the submitted notebook.

The answers are a dict in a cell with a special tag; :func:`read` finds them there without running anything. The basis of
`medxai.lab.quiz` and `medxai.lab.poll`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNSURE = "?"
LONGEST = 20_000  # characters of a cell that is parsed: parsing a very long text can take minutes and gigabytes


class AnswerError(ValueError):
    """Invalid answers; the message says which, what was expected and what to write."""


@dataclass(frozen=True)
class Question:
    """One question with its options, in the order of their letters a, b, c, d."""

    id: str
    text: str
    options: tuple[str, ...]

    @property
    def letters(self) -> tuple[str, ...]:
        """One letter for each option."""
        return tuple("abcdefgh"[: len(self.options)])


def show(questions: Sequence[Question], ids: Sequence[str] | None = None) -> None:
    """Show the questions (all, or those with the given ids) as text with lettered options."""
    from IPython.display import Markdown, display

    parts = []
    for number, question in enumerate(questions, 1):
        if ids is None or question.id in ids:
            options = "\n".join(
                f"    - **{letter}** {option}"
                for letter, option in zip(question.letters, question.options, strict=True)
            )
            parts.append(f"{number}. `{question.id}`: {question.text}\n{options}")
    display(Markdown("\n\n".join(parts)))


def check(questions: Sequence[Question], answers: Mapping[str, str]) -> dict[str, str]:
    """The given answers, in the order of the questions; unanswered ones ("") are omitted.

    Raises
    ------
    AnswerError
        For an unknown question id, or an answer that is not one of its letters, "?" or "".
    """
    if not isinstance(answers, Mapping):
        raise AnswerError(f"Expected a dict from the question's name to a letter, got {type(answers).__name__}.")
    known = {question.id for question in questions}
    unknown = [name for name in answers if name not in known]
    if unknown:
        raise AnswerError(
            f"There is no question {unknown[0]!r}. The questions are: {', '.join(question.id for question in questions)}."
        )
    given = {}
    for question in questions:
        answer = answers.get(question.id, "")
        letter = answer.strip().lower() if isinstance(answer, str) else answer
        if letter == "":
            continue
        if letter not in (*question.letters, UNSURE):
            raise AnswerError(
                f'The answer to {question.id!r} is {answer!r}; expected one of {", ".join(question.letters)}, or "?" if you '
                "do not know yet."
            )
        given[question.id] = letter
    return given


def tags_of(cell: Mapping) -> set[str]:
    """The tags of a notebook cell; empty if its metadata are damaged."""
    metadata = cell.get("metadata") if isinstance(cell, Mapping) else None
    tags = metadata.get("tags") if isinstance(metadata, Mapping) else None
    return {tag for tag in tags if isinstance(tag, str)} if isinstance(tags, list | tuple) else set()


def read(questions: Sequence[Question], notebook: Mapping, tag: str) -> dict[str, str] | None:
    """The answers in a notebook (as nbformat or json loads it), read without running it.

    Returns
    -------
    dict or None
        id -> letter; None if no cell has the tag, or its content cannot be read.
    """
    for cell in notebook.get("cells", ()):
        if tag not in tags_of(cell):
            continue
        source = cell.get("source", "")
        try:
            text = source if isinstance(source, str) else "".join(source)
            if len(text) > LONGEST:
                return None
            tree = ast.parse(text)
            literal = next(
                node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
            )
            return check(questions, ast.literal_eval(literal))
        except (SyntaxError, StopIteration, ValueError, TypeError, MemoryError, RecursionError):
            return None
    return None

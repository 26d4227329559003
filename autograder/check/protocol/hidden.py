"""What may be told of a hidden check that failed: nothing that it holds, and nothing that a student wrote.

A hidden check's own message is shown as far as it is a constant in its text; what it fills in may come from the student's
process, which knows the hidden inputs, so that is shown as an ellipsis. The checker reduces what it found, and the runner believes
only what is reduced.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import replace

from autograder.check.protocol.limits import LONGEST_MESSAGE
from autograder.check.protocol.verdict import FIELDS, Cause, Finding, safe_exception
from autograder.plain_text import plain

# What a check can end with that is no number.
NO_NUMBERS = frozenset(["nan", "inf", "-inf", "complex", "Decimal", "ndarray", "Series", "DataFrame"])
BY_EXCEPTION = {"NotImplementedError": Cause.NOT_IMPLEMENTED, "RecursionError": Cause.RECURSION}


def told(finding: Finding, tree: ast.AST, names: Collection[str]) -> Finding:
    """A finding without what must not be told; what is told already stays as it is.

    Parameters
    ----------
    finding : Finding
    tree : ast.AST
        The hidden check.
    names : collection of str
        Those that stand outside checks, which students know or have to define.
    """
    kept = finding.only(FIELDS[finding.cause].told)
    if kept.cause is Cause.CREDIT_NOT_A_NUMBER:
        return kept if kept.text in NO_NUMBERS else replace(kept, text="")
    return replace(
        kept,
        name=kept.name if kept.name in names else "",
        exception=safe_exception(kept.exception),
        text=own_words(kept.text, tree),
    )


def raised(exception: str) -> Finding:
    """What is told of an exception of the student's."""
    return Finding(BY_EXCEPTION.get(exception, Cause.RAISED), exception=safe_exception(exception))


def own_words(text: str, tree: ast.AST) -> str:
    """A message as its check's source holds it, "" where it does not. The text may be a student's: this takes linear time."""
    nodes = list(ast.walk(tree))
    constants = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str) and n.value]
    filled = [
        [str(v.value) if isinstance(v, ast.Constant) else None for v in n.values]
        for n in nodes
        if isinstance(n, ast.JoinedStr)
    ]
    filled = [parts for parts in filled if any(p and p.strip() for p in parts)]
    whole = {_bounded(c) for c in constants} | {_bounded(_without_what_is_filled_in(parts)) for parts in filled}
    if _bounded(text) in whole:
        return _bounded(text)
    for parts in filled:
        if _made_of(text, parts):
            return _bounded(_without_what_is_filled_in(parts))
    own = [c for c in constants if text.endswith(f" : {c}")]  # unittest: what it found, then the check's own words
    return _bounded(max(own, key=len, default=""))


def _bounded(text: str) -> str:
    return plain(text, LONGEST_MESSAGE)


def _without_what_is_filled_in(parts: list[str | None]) -> str:
    return "".join("…" if p is None else p for p in parts)


def _made_of(text: str, parts: list[str | None]) -> bool:
    """Whether a text is these parts in a row, with anything for None."""
    at, free = 0, False
    for n, part in enumerate(parts):
        if part is None:
            free = True
            continue
        last = n == len(parts) - 1
        found = text.rfind(part) if last and free else text.find(part, at)
        if found < at or (not free and found != at):
            return False
        at, free = found + len(part), False
    return free or at == len(text)

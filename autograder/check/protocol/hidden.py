"""Redacts the findings of hidden checks: nothing of their contents may be shown, and nothing that a student wrote.

The constant parts of a hidden check's message are shown; inserted values may come from the student's process, which knows the
hidden inputs, so they are replaced with an ellipsis. The checker redacts its findings, and the runner accepts redacted findings
only.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import replace

from autograder.check.protocol.limits import LONGEST_MESSAGE
from autograder.check.protocol.verdict import FIELDS, Cause, Finding, safe_exception
from autograder.plain_text import plain

# Names for last values of a check that are not finite numbers.
NO_NUMBERS = frozenset(["nan", "inf", "-inf", "complex", "Decimal", "ndarray", "Series", "DataFrame"])
BY_EXCEPTION = {"NotImplementedError": Cause.NOT_IMPLEMENTED, "RecursionError": Cause.RECURSION}


def told(finding: Finding, tree: ast.AST, names: Collection[str]) -> Finding:
    """A finding without its secrets; an already redacted one is unchanged.

    Parameters
    ----------
    finding : Finding
    tree : ast.AST
        The hidden check.
    names : collection of str
        The names outside checks, which students know or must define.
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
    """What is shown of a student's exception."""
    return Finding(BY_EXCEPTION.get(exception, Cause.RAISED), exception=safe_exception(exception))


def own_words(text: str, tree: ast.AST) -> str:
    """A message as written in its check's source, "" if it is not there. The text may be a student's, so this takes linear time."""
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
    own = [c for c in constants if text.endswith(f" : {c}")]  # unittest: the values found, then the check's message
    return _bounded(max(own, key=len, default=""))


def _bounded(text: str) -> str:
    return plain(text, LONGEST_MESSAGE)


def _without_what_is_filled_in(parts: list[str | None]) -> str:
    return "".join("…" if p is None else p for p in parts)


def _made_of(text: str, parts: list[str | None]) -> bool:
    """Whether a text is the concatenation of these parts, with anything in place of None."""
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

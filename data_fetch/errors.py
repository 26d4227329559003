"""Errors that a person can act on: what happened, where, what was expected, what was found, what to type next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DataFetchError(Exception):
    """Data could not be had, or is not what it should be.

    Parameters
    ----------
    what : str
        What happened, in one sentence.
    where, expected, got : optional
        The file or address, what should be there, and what is.
    next : str, optional
        What to do now; a command that can be typed wherever there is one.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        expected: object = None,
        got: object = None,
        next: str | None = None,
    ) -> None:
        self.what, self.where, self.expected, self.got, self.next = what, where, expected, got, next
        lines = [what]
        for title, value in (("where", where), ("expected", expected), ("got", got), ("next", next)):
            if value is not None:
                lines.append(f"  {title + ':':<10}{value}")
        super().__init__("\n".join(lines))


class TooFewFilms(DataFetchError):
    """A source is what it should be, and holds too few films: a split would lack a class."""


def choose(kind: str, value: str, known: Iterable[str], where: object = None) -> str:
    """Return `value` if it is one of `known`, else raise with the nearest name.

    Raises
    ------
    DataFetchError
        Names every value that would do and, if one is close, suggests it.
    """
    known = list(known)
    if value in known:
        return value
    near = difflib.get_close_matches(str(value).lower(), known, n=1, cutoff=0.5)
    raise DataFetchError(
        f"Unknown {kind} {str(value)!r}." + (f" Did you mean {near[0]!r}?" if near else ""),
        where=where,
        expected="one of " + ", ".join(known),
        got=repr(value),
        next="data-fetch list shows what there is." if kind in ("data set", "source", "split") else None,
    )

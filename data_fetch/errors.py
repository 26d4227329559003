"""Errors that the user can act on: what happened, where, what was expected, what was found, what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DataFetchError(Exception):
    """Data could not be obtained, or are not as expected.

    Parameters
    ----------
    what : str
        What happened, in one sentence.
    where, expected, got : optional
        The file or address, what should be there, and what was found.
    next : str, optional
        The next step: a command wherever possible.
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
    """A source is intact but holds too few films: a split would lack a class."""


def choose(kind: str, value: str, known: Iterable[str], where: object = None) -> str:
    """Return `value` if it is one of `known`, else raise an error that suggests the closest name.

    Raises
    ------
    DataFetchError
        Lists the accepted values and suggests one if it is close.
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
        next="data-fetch list shows what is available." if kind in ("data set", "source", "split") else None,
    )

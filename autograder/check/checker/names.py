"""The global names of the checker's cells: its own, and those defined in the student's process.

The instructor's notebook alone decides which are which, separately for each check cell: a name last bound by an import or a
locked cell is the checker's; one bound by a solution cell is fetched from the student's process at every access.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from typing import Any

from autograder.check.checker.channel import Channel
from autograder.check.checker.standins import Function
from autograder.check.protocol.verdict import Cause


class NeedsStudent(BaseException):
    """A locked cell accessed a student's name before there was a student. Not an Exception, or the cell might catch it."""


class Names(dict):
    """Globals of all trusted cells of a submission.

    Attributes
    ----------
    channel : Channel or None
        None while there is no student's process.
    owned : frozenset of str
        The student's names at this point of the notebook.
    derived : set of str
        Those of them that the instructor's cells bind to the student's results (`result = answer(3)`): plain values only,
        or the check would mistake functions served by the student's process for the instructor's.
    read_by_answers : frozenset of str
        Names that the reference solution reads, in its functions or in a later cell: values that a check cell stores there are
        also sent to the student's process. All others are kept from it: they may be expected values.
    used_in_functions, rebound_in_functions : frozenset of str
        Names that functions of the reference solution mention, and names that they declare `global`.
    lent : frozenset of str
        The student's names that this check cell has bound and now reads itself.
    """

    channel: Channel | None = None
    owned: frozenset[str] = frozenset()
    derived: frozenset[str] = frozenset()
    read_by_answers: frozenset[str] = frozenset()
    used_in_functions: frozenset[str] = frozenset()
    rebound_in_functions: frozenset[str] = frozenset()
    lent: frozenset[str] = frozenset()

    def enter(self, owned: frozenset[str], derived: frozenset[str], read_by_answers: frozenset[str]) -> None:
        """Moves to another cell of the notebook."""
        self.owned, self.derived, self.read_by_answers = owned, derived, read_by_answers
        self.lent = frozenset()

    def __getitem__(self, name: str) -> Any:
        if name not in self.owned:
            if dict.__contains__(self, name):
                return dict.__getitem__(self, name)
            if hasattr(builtins, name) or name.startswith("__"):
                raise KeyError(name)
        channel = self._ask(name)
        before = channel.stand_ins
        try:
            value = channel.ask("get", name)
        except NameError:
            raise KeyError(name) from None
        if channel.stand_ins != before and (name not in self.owned or name in self.derived):
            raise channel.lose(Cause.NAME_OF_INSTRUCTOR, name=name)
        if type(value) is Function:
            value.__dict__["_asked"] = name
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """Like `dict.get`, but through `__getitem__`, so that a student's name is fetched."""
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name: object) -> bool:
        if name not in self.owned and dict.__contains__(self, name):
            return True
        return isinstance(name, str) and self._ask(name).ask("has", name) is True

    def __setitem__(self, name: str, value: Any) -> None:
        if self.channel is not None:
            theirs = name in self.owned
            given_back = theirs and type(value) is Function
            if (given_back or name in self.read_by_answers) and self.channel.crosses(value):
                self.channel.ask("set", name, value)
                if theirs and self._may_change(name, value):
                    return
            self.lent |= self.owned & {name}
            self.owned -= {
                name
            }  # the checker's own from here on: `for x, y in cases` must not fetch y from the student
        dict.__setitem__(self, name, value)

    def _may_change(self, name: str, value: Any) -> bool:
        """Whether calling the student's functions, if they are like the reference solution's, can change a name's value."""
        fixed = value is None or isinstance(value, (int, float, complex, str, bytes)) or callable(value)
        return name in self.rebound_in_functions or (name in self.used_in_functions and not fixed)

    def __delitem__(self, name: str) -> None:
        if name not in self.owned or self.channel is None:
            dict.__delitem__(self, name)
            if name not in self.lent or self.channel is None:
                return
            self.owned |= {name}
        try:
            self.channel.ask("del", name)
        except NameError:
            if name not in self.lent:
                raise KeyError(name) from None
        self.lent -= {name}

    def restore(self, bindings: dict[str, Any], without: Iterable[str] = ()) -> None:
        """Binds the checker's own names, regardless of their current owner."""
        dict.update(self, bindings)
        for name in without:
            dict.pop(self, name, None)

    def _ask(self, name: str) -> Channel:
        if self.channel is None:
            raise NeedsStudent(name)
        return self.channel

"""Stand-ins in the checker for objects that stay in the student's process: functions, iterators, objects and exceptions."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from autograder.check.protocol.flaws import Flaw
from autograder.check.protocol.verdict import Cause, Finding

if TYPE_CHECKING:
    from autograder.check.checker.channel import Channel


class Lost(BaseException):
    """This cell cannot be checked any further. Not an Exception, so that a check's `except Exception` does not catch it.

    Attributes
    ----------
    finding : Finding
        The reason.
    """

    def __init__(self, finding: Finding):
        super().__init__(finding.cause)
        self.finding = finding


class StudentError(Exception):
    """A student's exception that is not passed on with its own class."""


class Unusable:
    """Stands for a custom object of the student's. It may be tested (`is None`, isinstance) but not used.

    It has no `__call__` and no `__next__`: callables and iterators arrive as a Function or an Iterator.
    """

    def __init__(self, channel: Channel, what: str, flaw: Flaw | None = None, name: str = ""):
        object.__setattr__(self, "_of", (channel, what, flaw, name))

    def __repr__(self) -> str:
        _, what, flaw, _ = object.__getattribute__(self, "_of")
        return f"<{what or flaw}>"

    __str__ = __repr__
    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> Any:
        return _used(self)


def _used(unusable: Any, *_: Any, **__: Any) -> Any:
    channel, what, flaw, name = object.__getattribute__(unusable, "_of")
    raise channel.lose(Cause.NOT_PLAIN, text=what, flaw=flaw, name=name)


USES = """
    eq ne lt le gt ge bool len getitem setitem delitem contains iter add radd sub rsub mul rmul truediv rtruediv
    floordiv rfloordiv mod rmod pow rpow matmul rmatmul neg pos abs invert and or xor int float complex index round array
    enter exit format setattr
    """
for _name in USES.split():
    setattr(Unusable, f"__{_name}__", _used)


class Function:
    """A student's function. Calls run in the student's process."""

    def __init__(self, channel: Channel, number: int, name: str, doc: str | None):
        # `_asked` is the name under which a check fetched it, if any; the student's process cannot influence it.
        self.__dict__.update(_channel=channel, _number=number, _asked="")
        self.__dict__.update(__name__=name, __qualname__=name, __doc__=doc)

    # isinstance(f, types.FunctionType) and inspect.isfunction hold, as they do in the student's notebook.
    __class__ = property(lambda self: types.FunctionType)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls it in the student's process; raises the student's exception, or Lost."""
        return self._channel.call(self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "__signature__":
            return self._channel.signature(self._asked)
        if name.startswith("__"):
            raise AttributeError(name)
        return self._channel.ask("attribute", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._channel.ask("set_attribute", self, name, value)

    def __repr__(self) -> str:
        return f"<function {self.__name__}>"


class Iterator:
    """A student's generator or other iterator; each step is a request."""

    def __init__(self, channel: Channel, number: int):
        self._channel, self._number = channel, number

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        return self._channel.ask("next", self)

    def __repr__(self) -> str:
        return "<iterator>"


def mark(error: Exception, name: str) -> Exception:
    """Marks an exception as raised by the student's code, under this name."""
    error._student = name  # type: ignore[attr-defined]
    return error


def student_error(error: BaseException) -> str:
    """The name of an exception that the student's code raised, "" for one of the check's own."""
    return getattr(error, "_student", "")

"""The checker's end of the channel: sends requests to the student's process and turns its replies into values that are safe to check.

A reply is plain data, a stand-in for one of the student's functions or iterators, or an `Unusable`. It never runs the
student's code here: comparing, converting or printing a value sends no request. If the reply cannot be checked (a timeout,
a broken rule, or a custom object that the check then uses), the cell is lost, even if the check catches the exception:
`Channel.lost` holds the reason, and the caller of the check inspects it.
"""

from __future__ import annotations

import builtins
import os
import socket
import sys
import threading
import time
import zlib
from typing import Any

from autograder.check.checker import networks
from autograder.check.checker.standins import Function, Iterator, Lost, StudentError, Unusable, mark, student_error
from autograder.check.protocol.flaws import Flaw
from autograder.check.protocol.limits import FIRST_ANSWER, MAX_CALLS
from autograder.check.protocol.values import Decoder, Encoder, Unplain, replace_contents, state
from autograder.check.protocol.verdict import Cause, Finding
from autograder.check.protocol.wire import Broken, Gone, Late, Wire

MAX_NESTED = 30  # callbacks inside callbacks
MAX_KEPT = 100_000  # functions and iterators per submission
MAX_CLASSES, MAX_ANCESTORS = (
    1000,
    20,
)  # exception classes per submission, and ancestors examined per class
REAL_INPUT, REAL_STDIN = builtins.input, sys.stdin
# These would affect the checker itself: StopIteration ends `for x in f`, SystemExit ends the process.
STEERING = (StopIteration, StopAsyncIteration, GeneratorExit, SystemExit, KeyboardInterrupt)
PLAIN_TYPES = {
    "bool",
    "int",
    "float",
    "complex",
    "str",
    "bytes",
    "list",
    "tuple",
    "set",
    "frozenset",
    "dict",
    "range",
    "slice",
}


class Channel:
    """Sends requests to one student's process.

    It lives for the whole submission; `begin` gives it a fresh socket for each cell.
    """

    def __init__(self) -> None:
        self.functions: list[Any] = []  # the checker's functions that the student may call back
        self.numbers: dict[int, int] = {}  # numbers of these functions, by id
        self.kept: dict[int, Any] = {}  # stand-ins for the student's objects
        self.errors: dict[str, type[Exception]] = {}
        self.models: dict[int, tuple[Any, int]] = {}  # by id: the network (kept alive) and a checksum of its weights
        self.sending: dict[int, tuple[Any, int]] = {}  # the same, for the message being written
        self.signature: Any = None  # finds the signature of a student's function by its name
        self.wire: Wire | None = None
        self.lost: Finding | None = None  # the reason
        self.refuted: AssertionError | None = None  # an assertion of the check that failed inside a callback
        self.undo: list[tuple[Any, Any]] | None = (
            None  # changed objects with their old contents, if changes are to be undone
        )
        self.deadline = 0.0
        self.seconds = 0.0
        self.calls = self.nested = 0
        self.in_place = False
        self.surprised = self.changed = False
        self.seeded = False
        self.random_sent: Any = None
        self.stand_ins = 0  # number of callables received so far
        self.lock = threading.RLock()

    def begin(self, sock: socket.socket, seconds: float) -> None:
        """Starts a cell: a fresh socket, and a deadline in `seconds` for all replies."""
        self.wire, self.lost, self.calls = Wire(sock), None, 0
        self.refuted = self.undo = None
        self.surprised = self.changed = False
        self.seconds, self.deadline = seconds, time.monotonic() + seconds

    def again(self, seconds: float) -> None:
        """Restarts the same cell on the same socket with changes to arguments visible, until the end of the cell.

        They must not reach the next cell: the reference solution makes none, and the changed objects may be expected values there.
        """
        self.calls, self.surprised, self.refuted = 0, False, None
        self.in_place, self.undo = True, []
        self.deadline = time.monotonic() + seconds

    def greet(self) -> None:
        """Tests whether the kernel replies at all, so that a dead one does not use up the cell's whole time."""
        seconds, deadline = self.seconds, self.deadline
        self.seconds = min(seconds, FIRST_ANSWER)
        self.deadline = deadline - seconds + self.seconds
        self.ask("has", "")
        self.seconds, self.deadline = seconds, deadline

    def end(self) -> None:
        """Closes the socket, which tells the student's side that the cell is finished."""
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    def lose(self, cause: Cause, **data: Any) -> Lost:
        """Marks the cell as lost (the first reason counts) and returns the exception to raise. `data` are fields of a `Finding`."""
        if self.lost is None:
            self.lost = Finding(cause, **data)
        return Lost(self.lost)

    def restore(self) -> None:
        """Restores the contents of the check's objects that the student changed, at the end of a cell."""
        while self.undo:
            replace_contents(*self.undo.pop())

    def against(self) -> BaseException | None:
        """The error that fails the cell, even if the check's code or the student's caught it."""
        return Lost(self.lost) if self.lost else self.refuted

    # Requests.

    def call(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a function of the student."""
        if self.seeded:
            self._send_random_state()
        return self.ask("call", function, args, kwargs)

    def ask(self, action: str, *arguments: Any) -> Any:
        """Sends one request and returns the reply; raises the student's exception, or Lost."""
        with self.lock:
            if self.lost or self.wire is None:
                raise self.lose(Cause.PROCESS_GONE)
            self._count()
            shared: list[Any] = []
            encoder = self._encoder(shared)
            try:
                tree = encoder.encode(arguments)
            except Unplain as e:
                raise self.lose(Cause.CANNOT_CROSS, flaw=e.flaw, name=e.name) from None
            number = int.from_bytes(os.urandom(6), "big")
            try:
                self._send([number, action, tree], encoder)
                return self._answer(number, action, shared, (tree, b"".join(encoder.buffers)))
            except Late:
                raise self.lose(Cause.OUT_OF_TIME, limit=self.seconds) from None
            except Gone:
                self.end()
                raise self.lose(Cause.PROCESS_GONE) from None
            except Broken as e:
                self.end()
                raise self.lose(Cause.PROTOCOL_BROKEN, flaw=e.flaw, exception=e.exception) from None
            except Exception as e:
                if student_error(e) or isinstance(e, StopIteration):
                    raise
                self.end()
                raise self.lose(Cause.UNREADABLE, exception=type(e).__name__) from None

    def crosses(self, value: Any) -> bool:
        """Whether a value can be sent to the student's process."""
        try:
            self._encoder([]).encode(value)
        except Unplain:
            return False
        return True

    def _send(self, head: list[Any], encoder: Encoder) -> None:
        assert self.wire is not None
        try:
            self.wire.send(head, encoder.buffers, self.deadline)
        except ValueError:
            raise self.lose(Cause.TOO_LARGE) from None
        self.models.update(self.sending)

    def _answer(self, number: int, action: str, shared: list[Any], question: Any) -> Any:
        assert self.wire is not None
        while True:
            head, body = self.wire.receive(self.deadline)
            if type(head) is not list or len(head) < 4 or type(head[0]) is not int or head[0] != number:
                raise Broken(Flaw.NOT_ASKED)
            if head[1] == "back" and len(head) == 4:
                known: list[Any] = []
                arguments = Decoder(known, body, self._take).decode(head[3])
                self._called_back(number, head[2], arguments, known)
            elif head[1] == "returned" and len(head) == 5:
                return self._returned(head, body, shared, question)
            elif head[1] == "raised" and len(head) == 5:
                decoder = Decoder([], body, self._take)
                args = decoder.decode(head[2])
                self._printed(decoder.decode(head[4]))
                raise self._error(head[3], args, action)
            else:
                raise Broken(Flaw.NO_ANSWER)

    def _returned(self, head: list[Any], body: Any, shared: list[Any], question: Any) -> Any:
        _, _, tree, changes, printed = head
        if type(changes) is not list or not all(type(c) is list and len(c) == 2 for c in changes):
            raise Broken(Flaw.NO_ANSWER)
        known = len(shared)
        self.changed |= bool(changes)
        if changes and not self.in_place:
            # The reference solution does not change its arguments. This answer does, so it is first checked on copies.
            self.surprised = True
            shared = self._copies(*question)
        decoder = Decoder(shared, body, self._take)
        news = []
        for number, contents in changes:
            if type(number) is not int or not 0 <= number < known:
                raise Broken(Flaw.CHANGED_NOT_GIVEN)
            news.append((shared[number], decoder.contents(contents)))
        value = decoder.decode(tree)
        self._printed(decoder.decode(printed))
        decoder.end()
        for old, new in news:
            if self.undo is not None:
                self.undo.append((old, _snapshot(old)))
            replace_contents(old, new)
        return value

    def _copies(self, tree: Any, body: bytes) -> list[Any]:
        shared: list[Any] = []
        Decoder(shared, body, self._copy).decode(tree)
        return shared

    def _called_back(self, question: int, number: Any, arguments: Any, known: list[Any]) -> None:
        """Calls a function of the check; its changes to arguments are applied to the student's objects."""
        self._count()
        if type(number) is not int or not -1 <= number < len(self.functions):
            raise Broken(Flaw.CALLED_NOT_GIVEN)
        if type(arguments) is not tuple or [type(a) for a in arguments] != [tuple, dict]:
            raise Broken(Flaw.NO_ARGUMENT)
        args, kwargs = arguments
        self.nested += 1
        try:
            if self.nested > MAX_NESTED:
                raise self.lose(Cause.NESTED_CALLBACKS)
            before = [state(known, n, self._give) for n in range(len(known))]
            value = (self.functions[number] if number >= 0 else _input)(*args, **kwargs)
            changed = [n for n, was in enumerate(before) if state(known, n, self._give) != was]
            encoder = self._encoder(known)
            changes = [[n, encoder.contents(n)] for n in changed]
            tree, answer = encoder.encode(value), "returned"
        except Unplain as e:
            raise self.lose(Cause.CANNOT_CROSS, flaw=e.flaw, name=e.name) from None
        except Exception as e:
            encoder, changes = self._encoder([]), []
            text = str(e)[:2000]
            if isinstance(e, AssertionError) and not student_error(e):
                # An error of the check, which may reveal the expected value, and which the student's code might catch.
                self.refuted, text = self.refuted or e, ""
            tree, answer = encoder.encode((type(e).__name__, text)), "raised"
        finally:
            self.nested -= 1
        self._send([question, answer, tree, changes], encoder)

    def _encoder(self, shared: list[Any]) -> Encoder:
        self.sending = {}
        return Encoder(shared, self._give)

    def _count(self) -> None:
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise self.lose(Cause.TOO_MANY_CALLS, limit=MAX_CALLS)

    def _printed(self, text: Any) -> None:
        if type(text) is str and text:
            sys.stdout.write(text)

    def _send_random_state(self) -> None:
        """Sends the random state, because a check that sets a seed expects the student's function to use it."""
        import random

        np = sys.modules.get("numpy")
        state, numpy_state = random.getstate(), np.random.get_state() if np else None
        mark = (state, numpy_state and (numpy_state[1].tobytes(), numpy_state[2:]))
        if mark != self.random_sent:
            self.random_sent = mark
            self.ask("random", state, numpy_state)

    def _error(self, names: Any, args: Any, action: str) -> BaseException:
        if type(names) is not list or not names or not all(type(n) is str for n in names) or type(args) is not tuple:
            raise Broken(Flaw.NO_EXCEPTION)
        if action == "next" and names[0] == "StopIteration":
            return StopIteration()
        text = str(args[0])[:2000] if args else ""
        known: Any = next((b for n in names if (b := _builtin_exception(n)) is not None), BaseException)
        if _is_plain_exception(known) and (known.__name__ != names[0] or issubclass(AssertionError, known)):
            self._exception_class(names)  # `except Own` looks up the class after it was raised
        for name in names[:MAX_ANCESTORS]:
            kind: Any = self.errors.get(name) or _builtin_exception(name)
            if kind is None:
                continue
            if not _is_plain_exception(kind):
                break
            try:
                return mark(kind(*args), names[0])
            except Exception:
                continue  # UnicodeDecodeError and others need special arguments; their base class is close enough
        return mark(StudentError(f"{names[0][:100]}: {text}"), names[0])

    # Values that are not plain: outgoing, incoming, and returning as copies.

    def _give(self, value: Any, encoder: Encoder) -> list[Any]:
        if type(value) in (Function, Iterator):
            return ["kept", value._number]
        keras, tf = sys.modules.get("keras"), sys.modules.get("tensorflow")
        if tf is not None and isinstance(value, (tf.Tensor, tf.Variable)):
            return ["tensor", encoder.encode(value.numpy())]
        if keras is not None and isinstance(value, keras.Model):
            return self._give_network(value, encoder)
        if isinstance(value, type) and _is_shared(value):
            return ["type", value.__module__, value.__name__]
        if callable(value) and not isinstance(value, Unusable):
            number = self.numbers.setdefault(id(value), len(self.functions))
            if number == len(self.functions):
                self.functions.append(value)  # keeps it alive, and its id unique
            return ["callback", number, str(getattr(value, "__name__", "function"))[:100]]
        raise Unplain(Flaw.OF_TYPE, type(value).__name__)

    def _give_network(self, model: Any, encoder: Encoder) -> list[Any]:
        config, weights = networks.describe(model)
        encoder.number(model)
        checksum = 0
        for weight in weights:
            checksum = zlib.crc32(weight.tobytes(), checksum)
        known = self.models.get(id(model))
        self.sending[id(model)] = (model, checksum)
        return [
            "network",
            id(model),
            None if known else encoder.encode(config),
            None if known and known[1] == checksum else [encoder.encode(w) for w in weights],
        ]

    def _take(self, tree: list[Any], decoder: Decoder) -> Any:
        tag, *rest = tree
        if tag == "kept":
            return self._take_kept(*rest)
        if tag == "callback":
            (number,) = rest
            if type(number) is not int or not 0 <= number < len(self.functions):
                raise Broken(Flaw.FUNCTION_NOT_GIVEN)
            self.stand_ins += 1
            return self.functions[number]
        if tag == "type":
            module, name = rest
            self.stand_ins += 1
            known = _type_named(module, name)
            # ndarray(3) would expose this process's memory, which may contain the expected values.
            return known if known is not None and name != "ndarray" else Unusable(self, f"class {str(name)[:100]}")
        if tag == "error":
            return self._exception_class(rest)
        if tag == "network":
            config, weights = rest
            description = decoder.decode(config)
            if type(weights) is not list:
                raise Broken(Flaw.NO_WEIGHTS)
            arrays = [decoder.decode(w) for w in weights]
            self.stand_ins += 1
            try:
                return networks.rebuild(description, arrays)
            except networks.Refused as e:
                return Unusable(self, "", e.flaw, e.name)
        if tag == "other" and all(type(part) is str for part in rest):
            what, flaw, name = (*rest, "", "")[:3]
            return Unusable(self, _printable(what), Flaw(flaw) if flaw else None, _printable(name))
        raise Broken(Flaw.UNKNOWN_TYPE)

    def _take_kept(self, number: Any, kind: Any, name: Any, doc: Any) -> Any:
        if type(number) is not int or type(name) is not str or not (doc is None or type(doc) is str):
            raise Broken(Flaw.NO_FUNCTION)
        self.stand_ins += 1
        if number not in self.kept:
            if len(self.kept) >= MAX_KEPT:
                raise Broken(Flaw.TOO_MANY_FUNCTIONS)
            self.kept[number] = (
                Iterator(self, number) if kind == "iterator" else Function(self, number, name[:100], doc and doc[:2000])
            )
        return self.kept[number]

    def _exception_class(self, names: list[Any]) -> Any:
        """A class with the same name and ancestors, as far as they are built-in exceptions or known by name.

        It never catches what the check itself raises, as in `try: f(); assert False / except Own: pass`.
        """
        if not names or not all(type(n) is str for n in names):
            raise Broken(Flaw.NO_CLASS)
        self.stand_ins += 1
        own = _builtin_exception(names[0])
        if own is not None and not issubclass(AssertionError, own):
            return own
        kind: Any = own if own is not None and _is_plain_exception(own) else Exception
        for name in reversed(names[1:MAX_ANCESTORS]) if own is None else ():
            kind = self._ancestor(name, kind)
        return self.errors.get(names[0]) or self._new_class(names[0], kind)

    def _ancestor(self, name: str, base: Any) -> Any:
        builtin = _builtin_exception(name)
        if name in self.errors or name == "object":
            return self.errors.get(name, base)
        if builtin is None:
            return self._new_class(name, base)
        return builtin if _is_plain_exception(builtin) else base

    def _new_class(self, name: str, base: Any) -> Any:
        if len(self.errors) >= MAX_CLASSES:
            raise Broken(Flaw.TOO_MANY_CLASSES)
        self.errors[name] = type(name.replace("\0", "")[:100], (base,), {})
        return self.errors[name]

    def _copy(self, tree: list[Any], decoder: Decoder) -> Any:
        tag, *rest = tree
        if tag == "kept":
            return self.kept[rest[0]]
        if tag == "callback":
            return self.functions[rest[0]]
        if tag == "tensor":
            return decoder.decode(rest[0])
        if tag == "type":
            return object  # classes among the arguments cannot be changed
        model = self.models[rest[0]][0]
        return decoder.container(lambda: self._copy_network(model, rest, decoder))

    def _copy_network(self, model: Any, rest: list[Any], decoder: Decoder) -> Any:
        for tree in [rest[1], *(rest[2] or [])]:
            decoder.decode(tree)  # they are in the body
        return networks.rebuild(*networks.describe(model))


def _printable(text: str) -> str:
    return "".join(c for c in text[:200] if c.isprintable())


def _snapshot(old: Any) -> Any:
    """The contents of a container, for `replace_contents`."""
    np, keras = sys.modules.get("numpy"), sys.modules.get("keras")
    for kind in (list, dict, set):
        if isinstance(old, kind):
            return kind(old)
    if np is not None and isinstance(old, np.ndarray):
        return np.array(old, dtype=old.dtype.newbyteorder("<"))
    if keras is not None and isinstance(old, keras.Model):
        return old.get_weights()
    return old.copy()  # a deque or a pandas object


def _builtin_exception(name: str) -> type[BaseException] | None:
    kind = getattr(builtins, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, BaseException) else None


def _is_plain_exception(kind: type[BaseException]) -> bool:
    return issubclass(kind, Exception) and not issubclass(kind, STEERING)


def _type_named(module: Any, name: Any) -> type | None:
    """A type known to both sides, by name; None for anything else, such as a function that could be called here."""
    if module == "builtins" and name in PLAIN_TYPES:
        return getattr(builtins, name)
    np = sys.modules.get("numpy")
    if module == "numpy" and np is not None and type(name) is str:
        known = getattr(np, name, None)
        if isinstance(known, type) and (issubclass(known, np.generic) or known is np.ndarray):
            return known
    return None


def _is_shared(kind: type) -> bool:
    """Whether a type has the same name in the student's process."""
    own = issubclass(kind, Exception) and getattr(builtins, kind.__name__, None) is kind
    return own or _type_named(kind.__module__, kind.__name__) is kind


def _input(*_: Any) -> str:
    if builtins.input is not REAL_INPUT or sys.stdin is not REAL_STDIN:
        return builtins.input()
    raise EOFError("no input is available")

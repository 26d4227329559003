"""The student's end of the channel, untrusted: however a student tampers with it, the checker receives only plain data.

`serve` runs in the kernel's main thread in place of a check cell, and answers requests about the kernel's names: it gets,
sets, deletes and calls them. Functions and iterators stay here and are sent as numbers; functions passed in by the check are
called back. After each call it reports which arguments the call has changed.

`runner.responder_code.bundle` joins this file and the parts of `protocol` that it needs (standard library only) for kernels
without this package.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import socket
import sys
import threading
from typing import Any

from autograder.check.protocol.flaws import Flaw
from autograder.check.protocol.values import Decoder, Encoder, Unplain, replace_contents
from autograder.check.protocol.wire import Broken, Wire

FOREVER = float("inf")
PRINTED = 1 << 18  # characters of a call's printed output that are sent on
PATIENCE = 60.0  # seconds within which the runner must hand over the channel


class Callback:
    """A function of the checker, as seen by the student's code."""

    def __init__(self, responder: Responder, number: int, name: str):
        self._responder, self._number = responder, number
        self.__name__ = self.__qualname__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls it in the checker; raises what it raises."""
        return self._responder.call_back(self._number, args, kwargs)


class Responder:
    """Answers requests for one kernel; numbers of functions stay valid across cells.

    Parameters
    ----------
    names : dict
        The kernel's global names.
    """

    def __init__(self, names: dict[str, Any]):
        self.names = names
        self.kept: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.callbacks: dict[int, Callback] = {}
        self.models: dict[int, tuple[Any, list[Any]]] = {}
        self.wire: Wire | None = None
        self.question = 0
        self.lock = threading.RLock()

    def serve(self, channel: socket.socket) -> None:
        """Answers requests until the checker closes the channel."""
        self.wire = Wire(channel)
        real_input = builtins.input
        builtins.input = self._input
        try:
            while True:
                head, body = self.wire.receive(FOREVER)
                self._answer(head, body)
        except Broken:
            pass
        finally:
            builtins.input = real_input
            self.wire.close()

    def call_back(self, number: int, args: Any, kwargs: Any) -> Any:
        """Calls a function of the checker; raises what it raises."""
        assert self.wire is not None
        encoder = Encoder([], self._other)
        tree = encoder.encode((tuple(args), kwargs))
        with self.lock:  # the student's threads take turns
            self.wire.send([self.question, "back", number, tree], encoder.buffers, FOREVER)
            while True:
                head, body = self.wire.receive(FOREVER)
                if head[1] in ("returned", "raised"):
                    break
                self._answer(head, body)  # the checker's function sends requests in turn
        decoder = Decoder(encoder.shared if head[1] == "returned" else [], body, self._build)
        changes = [(encoder.shared[n], decoder.contents(contents)) for n, contents in head[3]]
        value = decoder.decode(head[2])
        if head[1] == "raised":
            raise getattr(builtins, value[0], RuntimeError)(value[1])
        for old, new in changes:  # as if it had run here
            with contextlib.suppress(Broken):  # for example read-only, so it cannot be written here
                replace_contents(old, new)
        return value

    def _answer(self, head: list[Any], body: Any) -> None:
        assert self.wire is not None
        outer, self.question = self.question, head[0]
        shared: list[Any] = []
        printed = io.StringIO()
        try:
            arguments = Decoder(shared, body, self._build).decode(head[2])
            before = [self._state(shared, n) for n in range(len(shared))]
            with contextlib.redirect_stdout(printed):
                value = getattr(self, f"do_{head[1]}")(*arguments)
        except BaseException as e:
            self._raised(e, printed)
        else:
            self._returned(shared, before, value, printed)
        finally:
            self.question = outer

    def _returned(self, shared: list[Any], before: list[Any], value: Any, printed: io.StringIO) -> None:
        assert self.wire is not None
        known = range(len(before))
        try:
            changed = [n for n in known if self._state(shared, n) != before[n]]
            encoder = Encoder(shared, self._other)
            contents = [[n, encoder.contents(n)] for n in changed]
            tree = encoder.encode(value)
            text = encoder.encode(printed.getvalue()[-PRINTED:])
            self.wire.send([self.question, "returned", tree, contents, text], encoder.buffers, FOREVER)
        except (Unplain, ValueError) as e:
            self.wire.send(
                [self.question, "returned", ["other", type(value).__name__[:100], *_flaw_of(e)], [], ""], [], FOREVER
            )

    def _raised(self, error: BaseException, printed: io.StringIO) -> None:
        assert self.wire is not None
        names = [kind.__name__[:100] for kind in type(error).__mro__][:20]
        encoder = Encoder([], self._nothing_else)
        try:
            text = str(error)[:2000]
        except Exception:
            text = ""
        try:
            args = encoder.encode(tuple(a if not isinstance(a, str) else a[:2000] for a in error.args[:10]))
        except Exception:
            encoder = Encoder([], self._nothing_else)
            args = encoder.encode((text,))
        out = encoder.encode(printed.getvalue()[-PRINTED:])
        self.wire.send([self.question, "raised", args, names, out], encoder.buffers, FOREVER)

    def _state(self, shared: list[Any], number: int) -> Any:
        """A container's contents, for comparison; None if they cannot be encoded."""
        encoder = Encoder(shared[:], self._other)
        try:
            return repr(encoder.contents(number)), encoder.buffers
        except Exception:
            return None

    # The checker's requests.

    def do_get(self, name: str) -> Any:
        """The value of a name, or the builtin with that name; NameError if there is neither."""
        if name in self.names:
            return self.names[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        raise NameError(f"name {name!r} is not defined")

    def do_has(self, name: str) -> bool:
        """Whether the notebook defines a name."""
        return name in self.names

    def do_set(self, name: str, value: Any) -> None:
        """Sets a name."""
        self.names[name] = value

    def do_del(self, name: str) -> None:
        """Removes a name; NameError if it is not defined."""
        if name not in self.names:
            raise NameError(f"name {name!r} is not defined")
        del self.names[name]

    def do_call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a student's function."""
        return function(*args, **kwargs)

    def do_attribute(self, function: Any, name: str) -> Any:
        """An attribute of a function."""
        return getattr(function, name)

    def do_set_attribute(self, function: Any, name: str, value: Any) -> None:
        """Sets an attribute of a function."""
        setattr(function, name, value)

    def do_next(self, iterator: Any) -> Any:
        """The next value of an iterator; StopIteration at its end."""
        return next(iterator)

    def do_random(self, state: Any, numpy_state: Any) -> None:
        """Sets the state of `random`, and of NumPy's generator if NumPy is imported."""
        import random

        random.setstate(state)
        if numpy_state is not None and "numpy" in sys.modules:
            sys.modules["numpy"].random.set_state(numpy_state)

    def _input(self, prompt: object = "") -> str:
        sys.stdout.write(str(prompt))
        return self.call_back(-1, (), {})

    # Values that are not plain.

    def _nothing_else(self, value: Any, encoder: Encoder) -> list[Any]:
        raise Unplain(Flaw.OF_TYPE)

    def _other(self, value: Any, encoder: Encoder) -> list[Any]:
        keras = sys.modules.get("keras")
        if isinstance(value, Callback):
            return ["callback", value._number]
        if keras is not None and isinstance(value, keras.Model):
            return self._network(value, encoder)
        if type(value).__name__ in ("EagerTensor", "ResourceVariable") and hasattr(value, "numpy"):
            return encoder.encode(sys.modules["numpy"].asarray(value))
        if isinstance(value, type):
            if issubclass(value, BaseException):
                return ["error", *[kind.__name__[:100] for kind in value.__mro__][:20]]
            if value.__module__ in ("builtins", "numpy"):
                return ["type", value.__module__, value.__name__]
        if hasattr(type(value), "__next__") or callable(value):
            kind = "iterator" if hasattr(type(value), "__next__") else "function"
            doc = getattr(value, "__doc__", None)
            name = getattr(value, "__name__", type(value).__name__)
            return ["kept", self._keep(value), kind, str(name)[:100], str(doc)[:2000] if doc is not None else None]
        return ["other", type(value).__name__[:100]]

    def _keep(self, value: Any) -> int:
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.kept)
            self.kept.append(value)
        return self.numbers[id(value)]

    def _network(self, model: Any, encoder: Encoder) -> list[Any]:
        if id(model) in encoder.numbers:  # its contents were requested
            return ["l", *[encoder.encode(w) for w in model.get_weights()]]
        try:
            config, weights = model.to_json(), model.get_weights()
        except Exception:
            return ["other", "", Flaw.NETWORK_KIND]
        return ["network", encoder.encode(config), [encoder.encode(w) for w in weights]]

    def _build(self, tree: list[Any], decoder: Decoder) -> Any:
        tag, rest = tree[0], tree[1:]
        if tag == "kept":
            return self.kept[rest[0]]
        if tag == "callback":
            number, name = rest
            return self.callbacks.setdefault(number, Callback(self, number, name))
        if tag == "type":
            return getattr(sys.modules[rest[0]], rest[1])
        if tag == "tensor":
            import tensorflow as tf

            return tf.constant(decoder.decode(rest[0]))
        if tag == "network":
            return decoder.container(lambda: self._rebuild(rest, decoder))
        raise Broken(Flaw.UNKNOWN_TYPE)

    def _rebuild(self, fields: list[Any], decoder: Decoder) -> Any:
        """One of the checker's networks: its configuration is sent once, its weights whenever they have changed."""
        number, config, weights = fields
        if config is not None:
            import keras

            self.models[number] = (keras.models.model_from_json(decoder.decode(config)), [])
        model, kept = self.models[number]
        if weights is not None:
            kept = [decoder.decode(w) for w in weights]
            self.models[number] = (model, kept)
        model.set_weights(kept)  # a call may have trained the network
        return model


def _flaw_of(error: Exception) -> tuple[str, str]:
    """The flaw of a value that cannot be sent; any other error means that its message is too large."""
    return (error.flaw, error.name) if isinstance(error, Unplain) else (Flaw.TOO_LARGE, "")


_responder: Responder | None = None


def serve(control: int, names: dict[str, Any] | None = None) -> None:
    """Takes one channel from the inherited socket `control` and answers requests on it until it is closed.

    Parameters
    ----------
    control : int
        File descriptor of a socket whose other end the runner holds. The runner sends one byte together with the
        descriptor of a channel, so that each check cell gets a fresh one, unaffected by earlier cells.
    names : dict, optional
        The global names to serve; default: those of `__main__`.
    """
    global _responder
    if _responder is None:
        _responder = Responder(sys.modules["__main__"].__dict__ if names is None else names)
    with socket.socket(fileno=socket.dup(control)) as inherited:
        channel = _newest(inherited)
    if channel is not None:
        _responder.serve(channel)


def _newest(inherited: socket.socket) -> socket.socket | None:
    """The channel sent last: an earlier cell may have ended without taking its own."""
    channel = None
    patience = PATIENCE
    with contextlib.suppress(OSError):
        while True:
            inherited.settimeout(patience)
            data, descriptors, _, _ = socket.recv_fds(inherited, 1, 1)
            if not data:
                break
            if descriptors:
                if channel is not None:
                    channel.close()
                channel, patience = socket.socket(fileno=descriptors[0]), 0.0
    return channel

"""Converts plain values to and from a head (JSON) and a body (bytes).

Supported: None, bool, int of any size, float, complex, str, bytes, list, tuple, set, frozenset, deque, dict and its views, range,
slice, dates and times, Fraction, Decimal, NumPy arrays, scalars and dtypes, pandas' DataFrame, Series and Index. Received
values have exactly these types: a subclass is reduced to its base type. All other values go through `other`.

In the head, a scalar stands for itself, and everything else is a list whose first element is a tag. Mutable containers
(lists, dicts, sets, arrays, frames) are numbered in order of appearance; a repeated one becomes a reference to its number.
Aliases are therefore preserved, and a reply can refer to the containers of its request.

Decoding is safe against a hostile peer: it raises Broken, and builds nothing larger than the data received.
Standard library only, plus NumPy and pandas if a value needs them: this file is also part of the student's side.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from autograder.check.protocol.flaws import Flaw
from autograder.check.protocol.wire import MAX_BODY, Broken

MAX_DEPTH, MAX_NODES = 64, 300_000
SHORT = 200  # characters of the longest text stored in the head
MAX_INT = 1 << 20  # bytes
PLAIN_DTYPE = re.compile(
    r"\|b1|[|<][iu][1248]|<f[248]|<c(8|16)|<U\d{1,6}|\|S\d{1,6}|<[Mm]8(\[\d{0,3}(Y|M|W|D|h|m|s|ms|us|ns)\])?"
)


class Unplain(Exception):
    """A value cannot be sent as plain data: the flaw, and the name of the unsupported type."""

    def __init__(self, flaw: Flaw, name: str = ""):
        super().__init__(f"{flaw.value} {name}".strip())
        self.flaw, self.name = flaw, name


class Encoder:
    """Turns values into a head's trees; `buffers` collects the body.

    Parameters
    ----------
    shared : list
        Containers already known to both sides, by number; new ones are appended.
    other : callable
        Called with a value that is not plain and this encoder; returns its tree or raises Unplain.
    """

    def __init__(self, shared: list[Any], other: Callable[[Any, Encoder], list[Any]]):
        self.shared, self.other = shared, other
        self.numbers = {id(x): n for n, x in enumerate(shared)}
        self.buffers: list[bytes] = []
        self.size = self.nodes = self.depth = 0
        self.open: set[int] = set()  # containers being written: one that contains itself cannot be sent

    def encode(self, value: Any) -> Any:
        """The tree of a value; raises Unplain."""
        if self.depth > MAX_DEPTH:
            raise Unplain(Flaw.TOO_DEEP)
        if value is None or value is True or value is False or type(value) is float:
            return value
        if type(value) is int and -(2**53) < value < 2**53:
            return value
        self.depth += 1
        try:
            number = self.numbers.get(id(value))
            if number is not None:
                if number in self.open:
                    raise Unplain(Flaw.CONTAINS_ITSELF)
                return ["=", number]
            tree = self._immutable(value)
            return tree if tree is not None else self._mutable(value)
        finally:
            self.depth -= 1

    def contents(self, number: int) -> Any:
        """The current tree of a container that already has a number."""
        return self._filled(self.shared[number], number)

    def number(self, container: Any) -> int:
        """Gives the next number to a container, or to another object whose identity `other` must preserve."""
        self.numbers[id(container)] = len(self.shared)
        self.shared.append(container)
        return len(self.shared) - 1

    def put(self, data: bytes) -> int:
        """Appends data to the body; returns the number of bytes."""
        self.size += len(data)
        if self.size > MAX_BODY:
            raise Unplain(Flaw.TOO_LARGE)
        self.buffers.append(data)
        return len(data)

    def _all(self, values: Iterable[Any]) -> list[Any]:
        made = [v if type(v) is float else self.encode(v) for v in values]
        self.nodes += len(made)
        if self.nodes > MAX_NODES:
            raise Unplain(Flaw.TOO_MANY_PARTS)
        return made

    def _immutable(self, x: Any) -> Any:
        np, pd = sys.modules.get("numpy"), sys.modules.get("pandas")
        if np is not None and isinstance(x, np.generic):
            return self._scalar(x, np)
        if isinstance(x, int):
            return self._integer(int.__index__(x))
        if isinstance(x, float):
            return float.__float__(x)
        if isinstance(x, str):
            text = str.__str__(x)
            return text if len(text) < SHORT else ["s", self.put(text.encode("utf-8", "surrogatepass"))]
        if isinstance(x, (bytes, bytearray)):
            return ["b", self.put(bytes(memoryview(x)))]
        if isinstance(x, complex):
            return ["c", x.real, x.imag]
        if isinstance(x, tuple):
            return ["t", *self._all(tuple.__iter__(x))]
        if isinstance(x, frozenset):
            return ["z", *self._keys(frozenset.__iter__(x))]
        if isinstance(x, range):
            return ["r", *self._all((x.start, x.stop, x.step))]
        if isinstance(x, slice):
            return [":", *self._all((x.start, x.stop, x.step))]
        if isinstance(x, fractions.Fraction):
            return ["F", *self._all((x.numerator, x.denominator))]
        if isinstance(x, decimal.Decimal):
            return ["D", decimal.Decimal.__str__(x)]
        if type(x) in VIEWS:
            return ["k", VIEWS.index(type(x)), *(self._keys(x) if type(x) is KEYS else self._all(x))]
        if pd is not None and (x is pd.NaT or x is pd.NA):
            return ["N", x is pd.NaT]
        if isinstance(x, datetime.datetime):
            return ["dt", datetime.datetime.isoformat(x)]
        if isinstance(x, datetime.date):
            return ["da", datetime.date.isoformat(x)]
        if isinstance(x, datetime.time):
            return ["ti", datetime.time.isoformat(x)]
        if isinstance(x, datetime.timedelta):
            return ["td", x.days, x.seconds, x.microseconds]
        if x is Ellipsis or x is NotImplemented:
            return ["..", x is Ellipsis]
        if np is not None and isinstance(x, np.dtype):
            return ["y", _plain_dtype(x).str]
        if pd is not None and isinstance(x, pd.Index):
            return self._index(x, pd)
        return None

    def _integer(self, x: int) -> Any:
        if -(2**53) < x < 2**53:
            return x
        size = x.bit_length() // 8 + 1
        if size > MAX_INT:
            raise Unplain(Flaw.TOO_MANY_DIGITS)
        return ["i", self.put(x.to_bytes(size, "big", signed=True))]

    def _scalar(self, x: Any, np: Any) -> Any:
        if isinstance(x, np.str_):
            return self.encode(str.__str__(x))
        if isinstance(x, np.bytes_):
            return self.encode(bytes(x))
        if isinstance(x, np.void):
            raise Unplain(Flaw.RECORD)
        data = np.asarray(x)
        data = data.astype(_plain_dtype(data.dtype))
        self.put(data.tobytes())
        return ["n", data.dtype.str]

    def _keys(self, values: Iterable[Any]) -> list[Any]:
        # Set elements and dict keys must be hashable on arrival, which is certain only for plain values.
        other, self.other = self.other, _refuse
        try:
            return self._all(values)
        finally:
            self.other = other

    def _mutable(self, x: Any) -> Any:
        np, pd = sys.modules.get("numpy"), sys.modules.get("pandas")
        kinds = (
            list,
            dict,
            set,
            collections.deque,
            *((np.ndarray,) if np else ()),
            *((pd.DataFrame, pd.Series) if pd else ()),
        )
        if isinstance(x, kinds):
            return self._filled(x, self.number(x))
        return self.other(x, self)

    def _filled(self, x: Any, number: int) -> Any:
        np, pd = sys.modules.get("numpy"), sys.modules.get("pandas")
        self.open.add(number)
        try:
            if isinstance(x, list):
                return ["l", *self._all(list.__iter__(x))]
            if isinstance(x, dict):
                keys = self._keys(dict.keys(x))
                return ["d", *[part for pair in zip(keys, self._all(dict.values(x)), strict=True) for part in pair]]
            if isinstance(x, collections.deque):
                return ["q", x.maxlen, *self._all(collections.deque.__iter__(x))]
            if isinstance(x, set):
                return ["e", *self._keys(set.__iter__(x))]
            if np is not None and isinstance(x, np.ndarray):
                return self._array(x, np)
            if pd is not None and isinstance(x, pd.DataFrame):
                columns = [self._column(x.iloc[:, n], np) for n in range(x.shape[1])]
                return ["P", self._index(x.columns, pd), self._index(x.index, pd), *columns]
            if pd is not None and isinstance(x, pd.Series):
                return ["Q", self.encode(x.name), self._index(x.index, pd), self._column(x, np)]
            return self.other(x, self)
        finally:
            self.open.discard(number)

    def _array(self, x: Any, np: Any) -> list[Any]:
        if isinstance(x, np.ma.MaskedArray):
            raise Unplain(Flaw.MASKED)
        x, writeable = np.asarray(x), x.flags.writeable
        if x.dtype.kind == "O":
            return ["o", list(x.shape), *self._all(x.ravel().tolist())]
        x = np.ascontiguousarray(x, _plain_dtype(x.dtype)).reshape(x.shape)
        self.put(x.tobytes())
        return ["a", x.dtype.str, list(x.shape), *([] if writeable else [False])]

    def _column(self, x: Any, np: Any) -> list[Any]:
        return self._array(x.to_numpy(), np)

    def _index(self, x: Any, pd: Any) -> list[Any]:
        if isinstance(x, pd.MultiIndex):
            return ["X", self.encode(tuple(x.names)), None, *self._all(x.tolist())]
        if isinstance(x, pd.RangeIndex):
            return ["X", self.encode(x.name), self.encode(range(x.start, x.stop, x.step))]
        every = [x.freqstr] if isinstance(x, pd.DatetimeIndex) and x.freqstr else []
        return ["X", self.encode(x.name), self._array(x.to_numpy(), sys.modules["numpy"]), *every]


def state(shared: list[Any], number: int, other: Callable[[Any, Encoder], list[Any]]) -> Any:
    """The contents of a list, dict, set, array or frame, for comparison; None for anything else, or if they cannot be encoded."""
    np, pd, x = sys.modules.get("numpy"), sys.modules.get("pandas"), shared[number]
    frame = pd is not None and isinstance(x, (pd.DataFrame, pd.Series))
    if not (frame or isinstance(x, (list, dict, set)) or (np is not None and isinstance(x, np.ndarray))):
        return None
    encoder = Encoder(shared[:], other)
    try:
        return repr(encoder.contents(number)), encoder.buffers
    except Exception:
        return None


def replace_contents(old: Any, new: Any) -> None:
    """Replaces a container's contents with those of another, in place, so that all references see them."""
    np, pd, keras = (sys.modules.get(name) for name in ("numpy", "pandas", "keras"))
    if isinstance(old, list) and type(new) is list:
        old[:] = new
    elif isinstance(old, collections.deque) and isinstance(new, collections.deque):
        old.clear()
        old.extend(new)
    elif (isinstance(old, dict) and type(new) is dict) or (isinstance(old, set) and type(new) is set):
        old.clear()
        old.update(new)
    elif np is not None and isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        _replace_array(old, new)
    elif pd is not None and isinstance(old, (pd.DataFrame, pd.Series)) and type(new) is type(old):
        old.__init__(new)  # pandas has no method that replaces rows, columns and index together
    elif keras is not None and isinstance(old, keras.Model) and type(new) is list:
        old.set_weights(new)
    else:
        raise Broken(Flaw.CHANGED_KIND)


def _replace_array(old: Any, new: Any) -> None:
    if old.dtype.newbyteorder("<") != new.dtype or not old.flags.writeable:
        raise Broken(Flaw.CHANGED_KIND)
    if old.shape != new.shape:
        try:
            old.resize(new.shape, refcheck=False)
        except ValueError:
            raise Broken(Flaw.CHANGED_SHAPE) from None
    old[...] = new


class Decoder:
    """Builds values from a head's trees and a body.

    Parameters
    ----------
    shared : list
        Containers already known to both sides, by number; new ones are appended.
    body : bytes-like
    other : callable
        Called with a tree whose tag is not defined here and this decoder; returns the value or raises Broken.
    """

    def __init__(self, shared: list[Any], body: Any, other: Callable[[list[Any], Decoder], Any]):
        self.shared, self.body, self.other = shared, memoryview(body), other
        self.at = self.nodes = self.depth = 0
        self.known = False

    def decode(self, tree: Any) -> Any:
        """The value of a tree; raises Broken if it is invalid."""
        if self.depth > MAX_DEPTH + 2:
            raise Broken(Flaw.NESTED)
        if type(tree) is not list:
            return tree
        if not tree or type(tree[0]) is not str:
            raise Broken(Flaw.NO_TYPE)
        self.depth += 1
        try:
            build = BUILD.get(tree[0])
            return build(self, *tree[1:]) if build else self.other(tree, self)
        except Broken:
            raise
        except Exception as e:  # a constructor in NumPy, pandas, datetime, ... rejected its arguments
            raise Broken(Flaw.NO_VALUE, type(e).__name__) from None
        finally:
            self.depth -= 1

    def contents(self, tree: Any) -> Any:
        """The new contents of a container that already has a number; see Encoder.contents."""
        self.known = True
        try:
            return self.decode(tree)
        finally:
            self.known = False

    def end(self) -> None:
        """Raises Broken unless the whole body was used."""
        if self.at != len(self.body):
            raise Broken(Flaw.MORE_BYTES)

    def take(self, size: Any) -> memoryview:
        """The next bytes of the body."""
        if type(size) is not int or not 0 <= size <= len(self.body) - self.at:
            raise Broken(Flaw.FEWER_BYTES)
        self.at += size
        return self.body[self.at - size : self.at]

    def _all(self, trees: Sequence[Any]) -> list[Any]:
        self.nodes += len(trees)
        if self.nodes > MAX_NODES:
            raise Broken(Flaw.TOO_MANY_VALUES)
        return [self.decode(t) if type(t) is list else t for t in trees]

    def _reference(self, number: Any) -> Any:
        if type(number) is not int or not 0 <= number < len(self.shared) or self.shared[number] is PENDING:
            raise Broken(Flaw.NO_REFERENCE)
        return self.shared[number]

    def container(self, build: Callable[[], Any]) -> Any:
        """Builds a container and gives it the same number as at the sender."""
        if self.known:
            self.known = False
            return build()
        number = len(self.shared)
        self.shared.append(PENDING)
        self.shared[number] = made = build()
        return made

    def _pairs(self, trees: tuple[Any, ...]) -> dict[Any, Any]:
        keys, values = trees[::2], trees[1::2]
        # The sender wrote all keys first, which determines the numbers of containers in keys and values.
        made = self._all(keys)
        return dict(zip(made, self._all(values), strict=True))

    def _view(self, kind: Any, *trees: Any) -> Any:
        values = self._all(trees)
        if kind == 0:
            return dict.fromkeys(values).keys()
        return dict(enumerate(values)).values() if kind == 1 else dict(values).items()

    def _decimal(self, text: Any) -> decimal.Decimal:
        made = decimal.Decimal(text) if type(text) is str and len(text) <= 1000 else None
        # A number of three characters can take gigabytes once it is converted to an int.
        if made is None or (made.is_finite() and abs(made.adjusted()) > 10_000):
            raise Broken(Flaw.NUMBER_TOO_LARGE)
        return made

    def _dtype(self, text: Any) -> Any:
        import numpy as np

        if type(text) is not str or not PLAIN_DTYPE.fullmatch(text):
            raise Broken(Flaw.ARRAY_TYPE)
        return np.dtype(text)

    def _shape(self, shape: Any) -> tuple[int, ...]:
        if type(shape) is not list or len(shape) > 32 or not all(type(n) is int and 0 <= n < 2**31 for n in shape):
            raise Broken(Flaw.ARRAY_SHAPE)
        return tuple(shape)

    def _array(self, text: Any, shape: Any, writeable: Any = True) -> Any:
        import numpy as np

        dtype, shape = self._dtype(text), self._shape(shape)
        made = np.frombuffer(self.take(dtype.itemsize * math.prod(shape)), dtype).reshape(shape).copy()
        if dtype.kind == "b":
            made = np.asarray(made.view("u1") != 0)  # a byte of 2 would be neither True nor False
        if dtype.kind == "U" and made.nbytes and made.reshape(-1).view("u4").max(initial=0) > sys.maxunicode:
            raise Broken(Flaw.NO_TEXT)
        made.flags.writeable = writeable is True
        return made

    def _objects(self, shape: Any, *trees: Any) -> Any:
        import numpy as np

        made = np.empty(len(trees), object)
        for n, value in enumerate(self._all(trees)):
            made[n] = value
        return made.reshape(self._shape(shape))

    def _values(self, tree: Any) -> Any:
        if type(tree) is not list or not tree or tree[0] not in ("a", "o"):
            raise Broken(Flaw.NO_COLUMN)
        return self._array(*tree[1:]) if tree[0] == "a" else self._objects(*tree[1:])

    def _index(self, name: Any, values: Any, *rows: Any) -> Any:
        import pandas as pd

        label = self.decode(name)
        if values is None:
            made = self._all(rows)
            empty = pd.MultiIndex.from_arrays([[]] * len(label), names=label)
            return pd.MultiIndex.from_tuples(made, names=label) if made else empty
        if type(values) is list and values[:1] == ["r"]:
            return pd.RangeIndex(self.decode(values), name=label)
        if rows:
            return pd.DatetimeIndex(self._values(values), freq=str(rows[0])[:20], name=label)
        return pd.Index(self._values(values), name=label)

    def _frame(self, columns: Any, rows: Any, *data: Any) -> Any:
        import pandas as pd

        filled = {n: self._values(tree) for n, tree in enumerate(data)}
        names = self.decode(columns)
        made = pd.DataFrame(filled, index=self.decode(rows))
        made.columns = names
        return made

    def _series(self, name: Any, rows: Any, data: Any) -> Any:
        import pandas as pd

        label = self.decode(name)
        index = self.decode(rows)
        return pd.Series(self._values(data), index=index, name=label)


class _Pending:
    """Placeholder for a container that is still being built."""


PENDING = _Pending()
KEYS: Any = type({}.keys())
VIEWS: Any = (KEYS, type({}.values()), type({}.items()))
BUILD: dict[str, Callable[..., Any]] = {
    "=": Decoder._reference,
    "i": lambda d, size: int.from_bytes(d.take(size if size <= MAX_INT else -1), "big", signed=True),
    "s": lambda d, size: bytes(d.take(size)).decode("utf-8", "surrogatepass"),
    "b": lambda d, size: bytes(d.take(size)),
    "c": lambda d, real, imaginary: complex(float(real), float(imaginary)),
    "t": lambda d, *trees: tuple(d._all(trees)),
    "z": lambda d, *trees: frozenset(d._all(trees)),
    "l": lambda d, *trees: d.container(lambda: d._all(trees)),
    "e": lambda d, *trees: d.container(lambda: set(d._all(trees))),
    "d": lambda d, *trees: d.container(lambda: d._pairs(trees)),
    "q": lambda d, longest, *trees: d.container(lambda: collections.deque(d._all(trees), longest)),
    "r": lambda d, *trees: range(*d._all(trees)),
    ":": lambda d, *trees: slice(*d._all(trees)),
    "F": lambda d, *trees: _fraction(*d._all(trees)),
    "D": Decoder._decimal,
    "k": Decoder._view,
    "N": lambda d, is_time: sys.modules["pandas"].NaT if is_time is True else sys.modules["pandas"].NA,
    "dt": lambda d, text: datetime.datetime.fromisoformat(text),
    "da": lambda d, text: datetime.date.fromisoformat(text),
    "ti": lambda d, text: datetime.time.fromisoformat(text),
    "td": lambda d, *parts: datetime.timedelta(*parts),
    "..": lambda d, is_ellipsis: Ellipsis if is_ellipsis is True else NotImplemented,
    "y": Decoder._dtype,
    "n": lambda d, dtype: d._array(dtype, [])[()],
    "a": lambda d, *rest: d.container(lambda: d._array(*rest)),
    "o": lambda d, shape, *trees: d.container(lambda: d._objects(shape, *trees)),
    "X": Decoder._index,
    "P": lambda d, *trees: d.container(lambda: d._frame(*trees)),
    "Q": lambda d, *trees: d.container(lambda: d._series(*trees)),
}


def _fraction(numerator: Any, denominator: Any) -> fractions.Fraction:
    if max(abs(numerator), abs(denominator)).bit_length() > 100_000:  # reducing it takes quadratic time
        raise Broken(Flaw.NUMBER_TOO_LARGE)
    return fractions.Fraction(numerator, denominator)


def _plain_dtype(dtype: Any) -> Any:
    import numpy as np

    if dtype.kind in "fc" and dtype.itemsize > (8 if dtype.kind == "f" else 16):
        dtype = np.dtype(dtype.kind + ("8" if dtype.kind == "f" else "16"))  # long doubles differ between machines
    dtype = dtype.newbyteorder("<")
    if not PLAIN_DTYPE.fullmatch(dtype.str):
        raise Unplain(Flaw.ARRAY_OF, str(dtype)[:100])
    return dtype


def _refuse(value: Any, encoder: Any = None) -> Any:
    raise Unplain(Flaw.OF_TYPE, type(value).__name__[:100])

"""Plain values cross unchanged and lose their tricks; whatever else comes is refused, and nothing large is built from it."""

import collections
import enum
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.check.protocol.flaws import Flaw
from autograder.check.protocol.values import MAX_DEPTH, Decoder, Encoder, Unplain, replace_contents
from autograder.check.protocol.wire import Broken


def refuse(value, _):
    raise Unplain(Flaw.OF_TYPE, type(value).__name__)


def never(tree, _):
    raise Broken(Flaw.UNKNOWN_TYPE)


def cross(value):
    encoder = Encoder([], refuse)
    tree = json.loads(json.dumps(encoder.encode(value)))
    decoder = Decoder([], b"".join(encoder.buffers), never)
    made = decoder.decode(tree)
    decoder.end()
    return made


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(map(repr, a)) == list(map(repr, b)) and all(map(same, a.values(), b.values()))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return a == b or (a != a and b != b)


scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(-(2**600), 2**600) | st.floats() | st.complex_numbers()
    | st.text(st.characters(exclude_categories=()), max_size=300) | st.binary(max_size=300)
    | st.dates() | st.datetimes() | st.times() | st.timedeltas() | st.fractions()
    | st.decimals(min_value=-(10**30), max_value=10**30) | st.builds(range, st.integers(-99, 99), st.integers(-99, 99))
)  # fmt: skip
keys = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.tuples(st.integers(), st.text(max_size=3))
dtypes = st.one_of(
    hnp.boolean_dtypes(), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.complex_number_dtypes(),
    hnp.floating_dtypes(sizes=(16, 32, 64)), hnp.unicode_string_dtypes(), hnp.byte_string_dtypes(), hnp.datetime64_dtypes(),
)  # fmt: skip
arrays = dtypes.flatmap(lambda d: hnp.arrays(d.newbyteorder("<"), hnp.array_shapes(min_dims=0, min_side=0, max_side=3)))
values = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.sets(keys, max_size=4)
        | st.frozensets(keys, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_what_goes_in_comes_out(value):
    assert same(cross(value), value)


def test_tables_come_out_as_they_went_in():
    frame = pd.DataFrame(
        {"n": [1, 2], "x": [0.5, math.nan], "who": ["a", None], "when": pd.to_datetime(["2020-01-01", "2021-02-03"])},
        index=pd.Index(["p", "q"], name="row"),
    )
    pd.testing.assert_frame_equal(cross(frame), frame)
    grouped = pd.DataFrame({"a": [1, 1, 2], "b": list("xyx"), "c": [1.0, 2, 3]}).groupby(["a", "b"]).sum()
    pd.testing.assert_frame_equal(cross(grouped), grouped)
    pd.testing.assert_series_equal(cross(frame["x"]), frame["x"])
    pd.testing.assert_index_equal(cross(frame.columns), frame.columns)
    assert cross(np.array([1, None, "x", [2]], object)).tolist() == [1, None, "x", [2]]
    assert cross(pd.NaT) is pd.NaT
    daily = pd.Series([1.0, 2], index=pd.date_range("2020-01-01", periods=2))
    pd.testing.assert_series_equal(cross(daily), daily)
    pd.testing.assert_frame_equal(cross(grouped[:0]), grouped[:0], check_index_type=False)


def test_subclasses_lose_their_tricks():
    class Sly(int):
        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

    class SlyList(list):
        def __iter__(self):
            return iter([1, 2, 3])

        def __eq__(self, other):
            return True

    class SlyArray(np.ndarray):
        def __eq__(self, other):
            return np.True_

    class Colour(enum.IntEnum):
        RED = 7

    Point = collections.namedtuple("Point", "x y")
    for value, expected in [
        (Sly(3), 3), (SlyList([9]), [9]), (Colour.RED, 7), (Point(1, 2), (1, 2)), (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.OrderedDict(a=1), {"a": 1}), (bytearray(b"x"), b"x"), (np.str_("s"), "s"),
        (collections.deque([1, 2], 5), collections.deque([1, 2], 5)),
    ]:  # fmt: skip
        made = cross(value)
        assert type(made) is type(expected) and made == expected
    made = cross(np.zeros(2).view(SlyArray))
    assert type(made) is np.ndarray and not (made == 1).any()
    assert type(cross(np.float64(2))) is np.float64 and type(cross({1: 2}.items())) is type({}.items())


def test_containers_keep_their_identity():
    row, film = [0], np.zeros(2)
    grid, again, (a, b) = cross(([row] * 2, row, (film, film)))
    assert grid[0] is grid[1] is again and a is b
    made = cross(frozen := np.zeros(2))
    assert made.flags.writeable
    frozen.flags.writeable = False
    assert not cross(frozen).flags.writeable


def test_what_is_not_plain_is_named():
    ring = []
    ring.append(ring)
    deep = []
    for _ in range(MAX_DEPTH + 5):
        deep = [deep]
    for value, told in [
        (object(), "of_type object"), (ring, "contains_itself"), (deep, "too_deep"), ([0] * 400_000, "too_many_parts"),
        (1 << 2**24, "too_many_digits"), (np.zeros(2, "i4,f4"), "array_of"), (np.ma.array([1]), "masked"),
        ({(1, object()): 2}, "of_type object"), ({frozenset([Ellipsis, ring.append])}, "of_type builtin_function_or_method"),
    ]:  # fmt: skip
        with pytest.raises(Unplain, match=told):
            Encoder([], refuse).encode(value)


HOSTILE = [
    ["a", "<f8", [1 << 40]], ["a", "|O", [1]], ["a", "<f8", [-1]], ["a", "<f8", [2.0]], ["a", "<U9999999", [1]], ["a", "<f8"], ["a", "<f8", [1] * 40],
    ["o", [5], 1], ["i", 1 << 30], ["s", -1], ["b", 99], ["=", 0], ["=", -1], ["=", True], ["l", ["=", 0]], ["e", ["l"]], ["d", 1], ["d", ["l"], 1],
    ["D", "1e999999999"], ["D", "x"], ["F", 1, 0], ["F", 0.5, 1], ["dt", "soon"], ["dt", 5], ["td", "1"], ["r", 0, 1, 0], ["r", "a"],
    ["c", "nan(", 0], [], [[]], [None], ["nothing"], ["P", 1, 2], ["Q"], ["X", None, ["a", "<f2", [0], []]], ["k", 9, 1], ["y", "|O"], ["q", -1], ["n", "<U5"], ["N"], [5],
]  # fmt: skip


@pytest.mark.parametrize("tree", HOSTILE, ids=str)
def test_hostile_trees_are_refused(tree):
    with pytest.raises(Broken):
        Decoder([], b"", never).decode(tree)


trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4) | st.sampled_from(["<f8", "<U2", "1e9"]),
    lambda inner: st.builds(
        lambda tag, rest: [tag, *rest],
        st.sampled_from([*"=isbctzledqrFDkNyanoXPQ:", "dt", "da", "ti", "td", ".."]),
        st.lists(inner, max_size=4),
    ),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(trees, st.binary(max_size=40))
def test_no_tree_does_more_than_be_refused(tree, body):
    decoder = Decoder([], body, never)
    try:
        made = decoder.decode(tree)
        decoder.end()
    except Broken:
        return
    repr(made)


def test_bytes_that_are_no_value_of_their_type():
    odd = Decoder([], bytes([2, 0]), never).decode(["a", "|b1", [2]])
    assert odd.tolist() == [True, False] and odd.view("u1").max() == 1
    with pytest.raises(Broken):
        Decoder([], b"\xff\xff\xff\xff", never).decode(["a", "<U1", [1]])
    with pytest.raises(Broken):
        decoder = Decoder([], b"more than was spoken of", never)
        decoder.decode(1)
        decoder.end()
    nan = np.array([0x7FF0DEADBEEF0001], "u8").view("f8")  # a payload in a NaN stays one, and is a NaN
    assert same(cross(nan), nan) and math.isnan(cross(nan)[0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [3.0, 4.0, 5.0]}, index=list("xyz"))),
        (pd.Series([1, 2], name="n"), pd.Series([5.0], index=["x"], name="m")),
    ],
)
def test_a_table_takes_over_all_of_another_where_it_stands(old, new):
    also = old
    replace_contents(old, new)
    assert also is old and also.equals(new) and also.index.equals(new.index)
    assert getattr(also, "name", None) == getattr(new, "name", None)
    also.loc["y"] = 7.0
    assert len(also.loc[["x", "y"]]) == 2

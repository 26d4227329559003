"""The checker's end of the channel by itself: whatever the other end says, it is a value, the student's exception, or Lost."""

import contextlib
import json
import socket
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.check.checker.channel import Channel
from autograder.check.checker.standins import Function, Lost, StudentError, Unusable, student_error
from autograder.check.protocol.flaws import Flaw
from autograder.check.protocol.verdict import Cause, Finding
from autograder.check.protocol.wire import LENGTHS, MAGIC, Broken, Wire

leaves = (
    st.none() | st.booleans() | st.integers(-2, 5) | st.integers() | st.floats() | st.text(max_size=3)
    | st.sampled_from(["int", "eval", "builtins", "numpy", "ValueError", "StopIteration", "SystemExit", "function", "iterator"])
)  # fmt: skip
tags = st.sampled_from([*"=lted", "kept", "callback", "type", "error", "network", "other", "tensor", "a", "o"])
trees = st.recursive(
    leaves, lambda inner: st.builds(lambda tag, rest: [tag, *rest], tags, st.lists(inner, max_size=4)), max_leaves=8
)
changes = st.lists(st.tuples(st.integers(-1, 3), trees).map(list), max_size=3) | trees
names = st.lists(
    st.sampled_from(["ValueError", "Exception", "SystemExit", "KeyError", "Own", "UnicodeDecodeError"]) | leaves,
    max_size=3,
)
answers = (
    st.tuples(st.just("returned"), trees, changes, trees)
    | st.tuples(st.just("raised"), trees, names | trees, trees)
    | st.tuples(st.just("back"), st.integers(-2, 2) | trees, trees)
    | st.tuples(trees, trees, trees, trees)
)


def channel_with(answer_to, seconds=5.0):
    """A channel whose other end answers each question by `answer_to(head)`, a list to follow the question's number."""
    ours, theirs = socket.socketpair()

    def serve():
        wire = Wire(theirs)
        try:
            while True:
                head, _ = wire.receive(float("inf"))
                if head[1] in ("returned", "raised"):
                    text = json.dumps([head[0], "returned", 1, [], ""]).encode()
                else:
                    text = json.dumps([head[0], *answer_to(head)]).encode()
                theirs.sendall(LENGTHS.pack(MAGIC, len(text), 0) + text)
        except (Broken, OSError):
            wire.close()

    threading.Thread(target=serve, daemon=True).start()
    channel = Channel()
    channel.begin(ours, seconds)
    return channel


@settings(max_examples=300, deadline=None)
@given(answers, st.booleans())
def test_no_answer_does_more_than_lose_the_cell(answer, in_place):
    channel = channel_with(lambda head: answer)
    channel.in_place = in_place
    mine = ([1], np.zeros(2), {"a": [2]}, lambda: 3)
    try:
        value = channel.ask("call", Function(channel, 0, "f", None), mine, {})
        repr(value)
    except Lost:
        assert channel.lost
    except Exception as e:
        assert student_error(e), e
    finally:
        channel.end()
    assert len(mine) == 4 and (in_place or (mine[0] == [1] and not mine[1].any() and mine[2] == {"a": [2]}))


def test_steering_exceptions_become_one_of_ours():
    for name in ("StopIteration", "GeneratorExit", "SystemExit", "KeyboardInterrupt", "Lost", "Own", "BaseException"):
        channel = channel_with(lambda head, name=name: ["raised", ["t", "why"], [name, "BaseException", "object"], ""])
        with pytest.raises(StudentError, match=f"{name}: why"):
            channel.ask("get", "x")
        channel.end()


def test_what_cannot_be_judged_may_be_passed_over_but_not_used():
    channel = channel_with(lambda head: ["returned", ["other", "Dog"], [], ""])
    dog = channel.ask("get", "dog")
    assert (
        dog is not None and not isinstance(dog, (int, list, np.ndarray)) and repr(dog) == "<Dog>" and not callable(dog)
    )
    assert not channel.lost
    uses = (
        lambda: dog == 3, lambda: dog.name, lambda: bool(dog), lambda: dog[0], lambda: list(dog), lambda: dog + 1, lambda: 1 - dog,
        lambda: np.asarray(dog), lambda: np.allclose(dog, 1), lambda: [3].index(dog), lambda: len(dog), lambda: float(dog), lambda: f"{dog:d}",
    )  # fmt: skip
    for use in uses:
        channel.lost = None
        with pytest.raises(Lost):
            use()
        assert channel.lost == Finding(Cause.NOT_PLAIN, text="Dog")
    assert isinstance(dog, Unusable)
    channel.end()


def test_a_student_names_a_flaw_that_there_is_or_none():
    for sent, found in [
        (["list", "contains_itself", ""], Finding(Cause.NOT_PLAIN, text="list", flaw=Flaw.CONTAINS_ITSELF)),
        (["", "network_part", "Lambda"], Finding(Cause.NOT_PLAIN, flaw=Flaw.NETWORK_PART, name="Lambda")),
        (["list", "invented", ""], Finding(Cause.PROTOCOL_BROKEN, flaw=Flaw.NO_VALUE, exception="ValueError")),
        (["list", 3], Finding(Cause.PROTOCOL_BROKEN, flaw=Flaw.UNKNOWN_TYPE)),
    ]:
        channel = channel_with(lambda head, sent=sent: ["returned", ["other", *sent], [], ""])
        with pytest.raises(Lost):
            len(channel.ask("get", "x"))
        assert channel.lost == found
        channel.end()


def test_a_lost_cell_stays_lost_whatever_the_check_catches():
    channel = channel_with(lambda head: ["returned", ["=", 9], [], ""])
    for _ in range(3):
        with contextlib.suppress(BaseException):
            channel.ask("get", "x")
    assert channel.lost == Finding(Cause.PROTOCOL_BROKEN, flaw=Flaw.NO_REFERENCE)
    with pytest.raises(Lost):
        channel.ask("get", "x")

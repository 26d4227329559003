"""Lines between the grader and its checkers: whoever holds the other end can neither hold up a reader nor fill its process."""

import os
import socket
import threading
import time

import pytest

from autograder.check.protocol import lines as protocol
from autograder.check.protocol.lines import Lines, send


@pytest.fixture
def ends():
    mine, theirs = socket.socketpair()
    yield mine, theirs
    mine.close()
    theirs.close()


def open_descriptors():
    return len(os.listdir("/dev/fd"))


def test_lines_arrive_one_by_one_however_they_are_cut(ends):
    mine, theirs = ends
    lines = Lines(mine)
    for part in (b'{"a": 1}\n{"b"', b': 2}\n{"c": 3}\n', b"none\n[4]\n" + b"[" * 100_000 + b"\n"):
        theirs.sendall(part)
    assert [lines.read(5) for _ in range(6)] == [{"a": 1}, {"b": 2}, {"c": 3}, {}, {}, {}]
    theirs.close()
    assert lines.read(5) == {} and not lines.open


@pytest.mark.parametrize("part", [b"x", b" " * 1000])
def test_one_deadline_holds_for_the_whole_line(ends, part):
    mine, theirs = ends
    over = threading.Event()

    def drip():
        while not over.wait(0.05):
            theirs.sendall(part)

    dripping = threading.Thread(target=drip)
    dripping.start()
    begun = time.monotonic()
    assert Lines(mine).read(0.5) == {}
    took = time.monotonic() - begun
    over.set()
    dripping.join()
    assert 0.4 < took < 1.5


def test_a_line_without_end_is_given_up(ends, monkeypatch):
    mine, theirs = ends
    monkeypatch.setattr(protocol, "LONGEST_LINE", 1000)
    theirs.sendall(b"x" * 2000)
    assert Lines(mine).read(30) == {}


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "not taken"])
def test_descriptors_that_nobody_expects_are_closed(ends, taken):
    mine, theirs = ends
    lines, before = Lines(mine, descriptors=taken), open_descriptors()
    for number in range(50):
        send(theirs, {"number": number}, [0, 1, 2])
        assert lines.read(5) == {"number": number}
    assert open_descriptors() == before + (150 if taken else 0)
    lines.close()
    assert open_descriptors() == before - 1

"""Frames: what is sent arrives; everything else closes the channel in time, and costs no memory."""

import contextlib
import resource
import socket
import threading
import time

import pytest

from autograder.check.protocol.wire import LENGTHS, MAGIC, MAX_BODY, MAX_HEAD, Broken, Late, Wire


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Wire(ours), theirs


def soon(seconds=5.0):
    return time.monotonic() + seconds


def test_a_frame_arrives_as_it_was_sent(ends):
    wire, theirs = ends
    body = bytes(range(256)) * 40_000
    sender = threading.Thread(target=Wire(theirs).send, args=([1, "x", None], [body[:5], body[5:]], soon()))
    sender.start()
    assert wire.receive(soon()) == ([1, "x", None], body)
    sender.join()


def frame(head, body=b"", head_size=None, body_size=None, magic=MAGIC):
    sizes = len(head) if head_size is None else head_size, len(body) if body_size is None else body_size
    return LENGTHS.pack(magic, *sizes) + head + body


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        frame(b"[1]", magic=b"XXXX"),
        frame(b"[1]", body_size=10 << 30),
        frame(b"[1]", head_size=MAX_HEAD + 1),
        frame(b"[" * 1_000_000),
        frame(b'{"a": 1}'),
        frame(b"[1, "),
        frame(b"\xff\xfe"),
        frame(b"9" * 100_000),
        frame(b"")[:7],
        frame(b"[1]", body_size=100),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_no_frame_closes_the_channel(ends, data):
    wire, theirs = ends

    def send():
        with contextlib.suppress(OSError):  # the other end closes as soon as it has seen enough
            theirs.sendall(data)
            theirs.shutdown(socket.SHUT_WR)

    threading.Thread(target=send, daemon=True).start()
    with pytest.raises(Broken):
        wire.receive(soon())
    with pytest.raises(Broken):
        wire.receive(soon())


def test_lengths_that_were_announced_cost_nothing(ends):
    wire, theirs = ends
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    theirs.sendall(frame(b"[1]", body_size=MAX_BODY))
    with pytest.raises(Late):
        wire.receive(soon(0.1))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


def test_one_byte_now_and_then_does_not_move_the_deadline(ends):
    wire, theirs = ends
    stop = threading.Event()

    def dribble():
        for byte in frame(b"[1]"):
            if stop.wait(0.05):
                return
            theirs.sendall(bytes([byte]))

    thread = threading.Thread(target=dribble)
    thread.start()
    with pytest.raises(Late):
        wire.receive(soon(0.2))
    stop.set()
    thread.join()


def test_a_reader_that_does_not_read_is_left_behind(ends):
    wire, _ = ends
    with pytest.raises(Late):
        wire.send([1], [b"x" * (8 << 20)], soon(0.2))


def test_our_own_messages_have_limits_too(ends):
    wire, theirs = ends
    with pytest.raises(ValueError):
        wire.send(["x" * (MAX_HEAD + 1)], [], soon())
    wire.send([1], [], soon())
    assert Wire(theirs).receive(soon()) == ([1], b"")


def test_the_other_side_is_gone(ends):
    wire, theirs = ends
    theirs.close()
    with pytest.raises(Broken):
        wire.send([1], [], soon())

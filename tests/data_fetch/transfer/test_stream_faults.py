"""A file read from a misbehaving server is complete and correct, or an error that says what happened."""

from __future__ import annotations

import datetime
import email.message
import email.utils
import random
import time

import pytest
from bad_server import Answer, serve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_fetch import DataFetchError
from data_fetch.transfer import answers, retrying_stream, transport

CONTENT = random.Random(1).randbytes(700_000)


@pytest.fixture(scope="module")
def server():
    with serve({"film": CONTENT}) as running:
        yield running


def read(server, path="film"):
    with transport.opened(server.url(path)) as opened:
        parts, seen = [], []
        opened.on_bytes = lambda data: seen.append(bytes(data))
        while data := opened.read(1 << 16):
            parts.append(data)
    content = b"".join(parts)
    assert b"".join(seen) == content, "a hash sees each byte once, in order, over all connections"
    return content


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.integers(0, len(CONTENT) - 1), max_size=3).map(sorted),
    reset=st.booleans(),
    ranges=st.booleans(),
    tag=st.sampled_from(['"v1"', 'W/"v1"', None]),
)
def test_a_connection_that_drops_anywhere_goes_on_where_it_stopped(server, cuts, reset, ranges, tag):
    server.again(answers=[Answer(cut=cut, reset=reset) for cut in cuts], ranges=ranges, tag=tag)
    assert read(server) == CONTENT
    assert len(server.asked) == len(cuts) + 1
    if ranges and tag == '"v1"' and not reset:
        assert server.sent == len(CONTENT), "no byte was sent twice"


def test_what_drops_for_ever_is_given_up_and_told(server):
    server.again(always=Answer(cut=1000))
    with pytest.raises(transport.CannotReach, match="700,000 bytes[\\s\\S]*1,000 bytes; 5 tries"):
        read(server)
    assert len(server.asked) == retrying_stream.TRIES
    server.again(answers=[Answer(cut=100_000 * n) for n in range(1, 6)], tag=None)
    with pytest.raises(transport.CannotReach, match="connection ended before the file did"):
        read(server)
    assert len(server.asked) == retrying_stream.RESTARTS + 2, "a server that cannot resume is not retried endlessly"


def test_progress_gives_a_long_file_new_tries(server, monkeypatch):
    monkeypatch.setattr(retrying_stream, "PROGRESS", 10_000)
    server.again(answers=[Answer(cut=20_000 * n) for n in range(1, 31)])
    assert read(server) == CONTENT and server.sent == len(CONTENT)


def test_a_file_that_changes_meanwhile_is_not_mixed(server):
    server.again(answers=[Answer(cut=300_000)])
    server.on_get = lambda path: len(server.asked) == 2 and setattr(server, "tag", '"v2"')
    with pytest.raises(DataFetchError, match='different file[\\s\\S]*identified by "v2"'):
        read(server)
    server.again(answers=[Answer(cut=300_000), Answer(body=b"<html><title>Hotel wifi</title>")], tag=None)
    server.on_get = lambda path: None
    with pytest.raises(DataFetchError, match="different file[\\s\\S]*text"):
        read(server)
    server.again(answers=[Answer(cut=300_000), Answer(body=bytes(len(CONTENT)))], tag=None)
    with pytest.raises(DataFetchError, match="different file[\\s\\S]*different bytes at its beginning"):
        read(server)


def test_a_wrong_content_length(server):
    server.again(always=Answer(claim=len(CONTENT) + 5))
    with pytest.raises(transport.CannotReach, match="700,005 bytes[\\s\\S]*700,000 bytes"):
        read(server)
    assert server.sent == len(CONTENT), "the server says that there are no more bytes; nothing is read again"
    server.again(always=Answer(claim=1000))
    assert read(server) == CONTENT[:1000], "truncated by the server's own statement: the hash reveals it"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again_and_not_for_ever(server, status):
    server.again(answers=[Answer(status), Answer(cut=5), Answer(status)])
    assert read(server) == CONTENT and len(server.asked) == 4
    server.again(always=Answer(status))
    with pytest.raises(transport.CannotReach, match=f"HTTP {status}[\\s\\S]*5 tries"):
        read(server)
    assert len(server.asked) == retrying_stream.TRIES


def test_a_server_that_says_how_long_to_wait_is_obeyed_within_reason(server):
    server.again(answers=[Answer(429, {"Retry-After": "1"})])
    started = time.monotonic()
    assert read(server) == CONTENT and time.monotonic() - started >= 1
    server.again(always=Answer(429, {"Retry-After": "3600"}))
    with pytest.raises(transport.CannotReach, match="too many requests[\\s\\S]*retry after 3,600 s"):
        read(server)
    assert len(server.asked) == 1, "a class cannot wait for an hour"
    headers = email.message.Message()
    headers["Retry-After"] = email.utils.format_datetime(
        datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=90), usegmt=True
    )
    assert 80 < answers.retry_after(headers) <= 90


def test_a_read_that_stalls_is_given_up_and_goes_on(server, monkeypatch):
    monkeypatch.setenv("DATA_FETCH_TIMEOUT", "0.4")
    server.again(answers=[Answer(cut=400_000, stall=True)])
    assert read(server) == CONTENT
    assert server.asked[1][1], "only the rest was requested"
    monkeypatch.setattr(retrying_stream, "TRIES", 2)
    server.again(always=Answer(cut=0, stall=True))
    with pytest.raises(transport.CannotReach, match="no answer within 0.4 s; 2 tries"):
        read(server)
    monkeypatch.setenv("DATA_FETCH_TIMEOUT", "soon")
    with pytest.raises(DataFetchError, match="DATA_FETCH_TIMEOUT[\\s\\S]*'soon'"):
        read(server)


def test_what_will_not_get_better_is_asked_once(server):
    for answer, message in (
        (Answer(404), "no such file[\\s\\S]*HTTP 404"),
        (Answer(403), "refused to send[\\s\\S]*HTTP 403"),
    ):
        server.again(always=answer)
        with pytest.raises(DataFetchError, match=message):
            read(server)
        assert len(server.asked) == 1
    server.again(always=Answer(302, {"Location": server.url("film")}))
    with pytest.raises(DataFetchError, match="redirects endlessly[\\s\\S]*HTTP 302"):
        read(server)
    assert len(server.asked) < 12

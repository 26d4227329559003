"""Films from archives: several in parallel, over broken connections, from malicious archives."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import shutil
import tarfile
import threading

import nih_mirrors
import numpy as np
import pytest
from bad_server import Answer, serve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_fetch import DataFetchError
from data_fetch.transfer import archive_reader, retrying_stream, transport
from data_fetch.transfer.archives import Archive, take_films

NAMES = {f"archive_{number}.tar.gz": [f"{number}{film:03d}.png" for film in range(12)] for number in (1, 2, 3)}
FILMS = {name: nih_mirrors.png(int(name[:4]), pixels=64) for films in NAMES.values() for name in films}


def packed(films, level=1):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=level) as tar:
        for name, content in films.items():
            member = tarfile.TarInfo(f"images/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVES = {archive: packed({name: FILMS[name] for name in names}) for archive, names in NAMES.items()}


@pytest.fixture(scope="module")
def server():
    with serve(dict(ARCHIVES)) as running:
        yield running


@pytest.fixture
def decoded(monkeypatch):
    """The films decoded, in order."""
    seen = []
    real = archive_reader.decode_film

    def decode_film(content, size, name):
        seen.append(name.split()[0])
        return real(content, size, name)

    monkeypatch.setattr(archive_reader, "decode_film", decode_film)
    return seen


def archive(server, name, by_film, wanted=None):
    """Every other film of an archive, confirmed individually or by the archive's md5."""
    wanted = NAMES[name][1::2] if wanted is None else wanted
    md5 = {film: hashlib.md5(FILMS[film]).hexdigest() if by_film else None for film in wanted}
    return Archive(name, server.url(name), md5, None if by_film else hashlib.md5(server.files[name]).hexdigest())


def served_films(pieces, name):
    """The confirmed films of an archive, each compared with the ground truth."""
    found = sorted((pieces / name).glob("*.npy"))
    for path in found:
        assert np.array_equal(np.load(path), nih_mirrors.grey_film(int(path.name[:4]), 64)), path
    return [path.name.removesuffix(".npy") for path in found]


def test_archives_are_read_at_the_same_time_and_only_those_that_are_needed(server, tmp_path):
    server.again()
    both = threading.Barrier(2, timeout=30)
    server.on_get = lambda path: both.wait()
    films = []
    wanted = [archive(server, name, by_film=False) for name in list(NAMES)[:2]]
    nothing = archive(server, list(NAMES)[2], by_film=False, wanted=[])
    take_films([*wanted, nothing], tmp_path, 64, lambda: films.append(1), at_once=3)
    server.on_get = lambda path: None
    assert [served_films(tmp_path, one.name) for one in wanted] == [NAMES[one.name][1::2] for one in wanted]
    assert len(films) == 12 and len(server.asked) == 2
    take_films([*wanted, nothing], tmp_path, 64, at_once=3)
    assert len(server.asked) == 2, "existing films are not fetched again"


def test_reading_stops_after_the_last_wanted_film_where_films_are_confirmed_by_themselves(
    server, tmp_path, monkeypatch
):
    name, first = "long.tar.gz", next(iter(NAMES))
    films = {film: FILMS[film] for film in NAMES[first]}
    filler = {f"nobody_wants_{number}.png": random.Random(number).randbytes(15 << 20) for number in range(4)}
    monkeypatch.setitem(server.files, name, packed(films | filler, level=0))
    server.again()
    take_films([archive(server, name, True, NAMES[first][1::2])], tmp_path / "by film", 64)
    assert served_films(tmp_path / "by film", name) == NAMES[first][1::2]
    assert server.sent < len(server.files[name]) / 2
    server.again()
    take_films([archive(server, name, False, NAMES[first][1::2])], tmp_path / "whole", 64)
    assert server.sent == len(server.files[name]), "the md5 of an archive is known at its end"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(by_film=st.booleans(), ranges=st.booleans(), at=st.lists(st.floats(0, 0.999), min_size=1, max_size=4))
def test_a_fetch_that_breaks_anywhere_loses_nothing_and_serves_nothing_wrong(
    server, tmp_path, decoded, by_film, ranges, at
):
    pieces = tmp_path / "pieces"
    shutil.rmtree(pieces, ignore_errors=True)
    decoded.clear()
    name = "archive_1.tar.gz"
    one = archive(server, name, by_film)
    before = []
    for cut in at:  # runs ended by a broken connection
        server.again(always=Answer(cut=int(cut * len(ARCHIVES[name]))), ranges=ranges)
        try:
            take_films([one], pieces, 64)
        except DataFetchError as problem:
            assert isinstance(problem, transport.CannotReach)
            here = served_films(pieces, name)
            assert set(before) <= set(here) and (by_film or not here), "nothing unconfirmed is served"
            before = here
        else:
            assert by_film, "the last wanted film came before the cut"
    server.again(ranges=ranges)
    count = []
    take_films([one], pieces, 64, lambda: count.append(1))
    assert served_films(pieces, name) == sorted(one.wanted) and len(count) == len(one.wanted)
    assert sorted(decoded) == sorted(one.wanted), "no film was decoded twice, confirmed or not"
    assert [path.name for path in pieces.iterdir()] == [name]


def test_unconfirmed_films_that_come_back_different_are_replaced(server, tmp_path, decoded, monkeypatch):
    name = "archive_1.tar.gz"
    one = archive(server, name, by_film=False)
    first = next(iter(one.wanted))
    forged = packed({film: FILMS[film] if film != first else nih_mirrors.png(7, pixels=64) for film in NAMES[name]})
    monkeypatch.setattr(retrying_stream, "TRIES", 1)
    monkeypatch.setitem(server.files, name, forged)
    server.again(answers=[Answer(cut=len(forged) - 20)])
    with pytest.raises(transport.CannotReach):
        take_films([one], tmp_path, 64)
    waiting = list((tmp_path / f"{name}.unconfirmed").glob("*.npy"))
    assert waiting and not served_films(tmp_path, name)
    without = {film: FILMS[film] for film in NAMES[name] if film != first}
    monkeypatch.setitem(server.files, name, packed(without))
    shutil.copytree(tmp_path / f"{name}.unconfirmed", tmp_path / "else" / f"{name}.unconfirmed")
    server.again()
    with pytest.raises(DataFetchError, match="lacks 1 of the 6"):
        take_films([archive(server, name, by_film=False)], tmp_path / "else", 64)
    assert first not in served_films(tmp_path / "else", name), (
        "confirmed films are those in this archive, not leftovers"
    )
    decoded.clear()
    monkeypatch.setitem(server.files, name, ARCHIVES[name])
    server.again()
    take_films([one], tmp_path, 64)
    assert served_films(tmp_path, name) == sorted(one.wanted)
    assert first in decoded and len(decoded) == len(one.wanted) - len(waiting) + 1


def test_a_wrong_archive_throws_away_only_what_came_from_it(server, tmp_path):
    good, bad = archive(server, "archive_1.tar.gz", False), archive(server, "archive_2.tar.gz", False)
    bad = Archive(bad.name, bad.address, bad.wanted, "0" * 32)
    later = archive(server, "archive_3.tar.gz", False)
    server.again()
    with pytest.raises(
        DataFetchError, match="differs from the published one[\\s\\S]*archive_2[\\s\\S]*expected: md5 0000"
    ):
        take_films([bad, good, later], tmp_path, 64, at_once=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [good.name, later.name]
    assert served_films(tmp_path, good.name) and served_films(tmp_path, later.name)


# --- malicious archives ---


def header(name, size, kind=tarfile.REGTYPE, link="", pax=None):
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname, member.pax_headers = size, kind, link, pax or {}
    return member.tobuf(tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT)


def padded(content):
    return content + bytes(-len(content) % 512)


def take_from(tar, tmp_path, wanted, by_film=True):
    """The wanted films of an archive made of these bytes; nothing may be written outside their folder."""
    path = tmp_path / "from" / "hostile.tar.gz"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(tar, 1))
    md5 = None if by_film else hashlib.md5(path.read_bytes()).hexdigest()
    films = {film: hashlib.md5(FILMS[film]).hexdigest() if by_film else None for film in wanted}
    pieces = tmp_path / "cache" / "partial"
    try:
        take_films([Archive("hostile.tar.gz", str(path), films, md5)], pieces, 64)
        return served_films(pieces, "hostile.tar.gz")
    finally:
        for written in tmp_path.rglob("*"):
            assert written.is_relative_to(tmp_path / "cache") or written.is_relative_to(path.parent), written
            assert not written.is_symlink() and (written.is_dir() or written.is_file()), written
        for written in (tmp_path / "cache").rglob("*"):
            assert written.is_dir() or written.name.removesuffix(".npy")[:8] in wanted, written


@pytest.mark.parametrize("by_film", [True, False])
def test_members_that_lead_elsewhere_write_nothing_there(tmp_path, by_film):
    one, two = NAMES["archive_1.tar.gz"][:2]
    film, other = FILMS[one], FILMS[two]
    outside = tmp_path / "outside.png"
    tar = header(f"images/{one}", 0, tarfile.SYMTYPE, str(outside))
    tar += header(f"images/{two}", 0, tarfile.LNKTYPE, f"images/{one}")
    for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
        tar += header(one, 0, kind)
    for name in ("../../outside.png", str(outside), "images/../../../outside.png"):
        tar += header(name, len(other)) + padded(other)
    tar += header(f"../../../{one}", len(film)) + padded(film)
    tar += header(str(tmp_path / two), len(other)) + padded(other)
    tar += header(f"images/{two}", len(film)) + padded(film)  # a repeated name with another film: the first counts
    assert take_from(tar + bytes(1024), tmp_path, [one, two], by_film) == [one, two]


def test_a_film_that_is_only_a_link_is_not_there(tmp_path):
    one = NAMES["archive_1.tar.gz"][0]
    tar = header(f"images/{one}", 0, tarfile.SYMTYPE, "../../secret") + bytes(1024)
    with pytest.raises(DataFetchError, match="lacks 1 of the 1[\\s\\S]*regular files"):
        take_from(tar, tmp_path, [one])


GIGANTIC = 10 << 30
REFUSED = "truncated or corrupted|lacks 1 of the 1|cannot be decoded|does not match the manifest"


@pytest.mark.parametrize(
    "tar",
    [
        header("images/1000.png", GIGANTIC) + bytes(5000),
        header("images/nobody_wants.png", GIGANTIC) + bytes(5000),
        header("images/1000.png", 15 << 20) + bytes(5000),
        header("a", GIGANTIC, tarfile.XHDTYPE) + bytes(5000),
        header("a", GIGANTIC, tarfile.GNUTYPE_LONGNAME) + bytes(5000),
        header("images/1000.png", 0, pax={"size": str(GIGANTIC)}) + bytes(5000),
        header("images/1000.png", 0, pax={"size": "-512"}) + bytes(5000),
        header("images/1000.png", 0, pax={"size": "many"}) + bytes(5000),
        padded(header("a", 20, tarfile.XHDTYPE) + padded(b"20 path=aaaaaaaaaaa\n")) * 3000,
        bytes(100),
        random.Random(3).randbytes(5000),
        b"",
    ],
    ids=["film", "other", "short", "pax", "name", "pax size", "backwards", "no number", "deep", "zeros", "noise", "empty"],
)  # fmt: skip
@pytest.mark.parametrize("by_film", [True, False])
def test_a_member_that_lies_is_told_and_costs_nothing(tmp_path, tar, by_film):
    with pytest.raises(DataFetchError, match=REFUSED) as raised:
        take_from(tar, tmp_path, ["1000.png"], by_film)
    assert "hostile.tar.gz" in str(raised.value)


PLAIN = gzip.decompress(ARCHIVES["archive_1.tar.gz"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.integers(0, 255)), min_size=1, max_size=8),
       in_headers=st.booleans())  # fmt: skip
def test_an_archive_with_changed_bytes_is_refused_or_harmless(tmp_path, changes, in_headers):
    tar = bytearray(PLAIN)
    starts = [place for place in range(0, len(PLAIN), 512) if PLAIN[place : place + 7] == b"images/"]
    for place, value in changes:
        tar[starts[place % len(starts)] + place % 512 if in_headers else place] = value
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    wanted = NAMES["archive_1.tar.gz"]
    try:
        assert take_from(bytes(tar), tmp_path, wanted) == wanted
    except DataFetchError as problem:
        assert "hostile.tar.gz" in str(problem)

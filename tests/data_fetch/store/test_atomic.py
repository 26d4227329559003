"""Small files are either complete or unchanged."""

from __future__ import annotations

import os
import stat

import pytest

from data_fetch.store.atomic import create_atomically, fresh_file, fresh_folder, remove_left_overs, write_atomically


def test_text_and_bytes_are_written_and_others_may_read_them(tmp_path):
    path = tmp_path / "new" / "card.toml"
    write_atomically(path, "ü = 1\r\n")
    assert path.read_bytes() == "ü = 1\r\n".encode()
    write_atomically(path, b"\x00")
    assert path.read_bytes() == b"\x00" and list(path.parent.iterdir()) == [path]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_what_stops_it_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "card.toml"
    write_atomically(path, "before")

    def stopped(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "after")
    assert path.read_text(encoding="utf-8") == "before" and list(tmp_path.iterdir()) == [path]


def through_a_fresh_file(path, content):
    with fresh_file(path) as part:
        part.write_bytes(content)


@pytest.mark.parametrize("write", [write_atomically, create_atomically, through_a_fresh_file])
def test_a_file_lies_on_the_disk_whole_before_it_has_its_name(tmp_path, monkeypatch, write):
    path, synced = tmp_path / "quiz.json", []
    sync = os.fsync

    def watched(file):
        synced.append((os.fstat(file).st_size, path.exists()))
        sync(file)

    monkeypatch.setattr(os, "fsync", watched)
    write(path, b"answers")
    assert synced == [(7, False)] and path.read_bytes() == b"answers"


def test_a_folder_takes_the_place_of_another_whole_or_not_at_all(tmp_path):
    place = tmp_path / "pages"
    for text in ("first", "second"):
        with fresh_folder(place, replace=True) as part:
            (part / text).touch()
    with pytest.raises(KeyError), fresh_folder(place, replace=True) as part:
        (part / "third").touch()
        raise KeyError
    assert [path.name for path in tmp_path.rglob("*")] == ["pages", "second"]


def test_what_killed_writers_left_goes_with_the_next_one_a_day_later(tmp_path):
    path = tmp_path / "card.toml"
    fresh, old, other = (tmp_path / name for name in (".card.toml.1.part", ".card.toml.2.part", ".cards.toml.3.part"))
    for one in (fresh, old, other):
        one.write_text("half", encoding="utf-8")
    for one in (old, other):
        os.utime(one, (1e9, 1e9))
    write_atomically(path, "whole")
    assert sorted(tmp_path.iterdir()) == sorted([path, fresh, other]), (
        "another process may be writing the temporary file"
    )
    remove_left_overs(path)
    assert sorted(tmp_path.iterdir()) == sorted([path, other])


def test_files_with_long_names_keep_apart(tmp_path):
    first, second = (tmp_path / ("long-" * 45 + end) for end in "ab")
    with fresh_file(first) as part:
        part.write_text("first", encoding="utf-8")
        remove_left_overs(second)
    assert first.read_text(encoding="utf-8") == "first"


def test_names_that_begin_alike_keep_apart(tmp_path):
    with fresh_folder(tmp_path / "ada.b") as part:
        remove_left_overs(tmp_path / "ada")
        assert part.is_dir()


def test_a_folder_for_all_can_be_read_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        with fresh_folder(tmp_path / "sets" / "set", for_all=True) as part:
            (part / "masks").mkdir()
            (part / "masks" / "heart.npy").touch()
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in [tmp_path / "sets", *(tmp_path / "sets").rglob("*")]}
    assert modes == {"sets": 0o755, "set": 0o755, "masks": 0o755, "heart.npy": 0o644}


@pytest.mark.parametrize("replace", [False, True])
def test_what_killed_writers_of_a_folder_left_goes_a_day_later(tmp_path, replace):
    fresh, old = (tmp_path / name for name in (".set.1.part", ".set.2.part"))
    for one in (fresh, old):
        (one / "deep").mkdir(parents=True)
    os.utime(old, (1e9, 1e9))
    with fresh_folder(tmp_path / "set", replace=replace):
        pass
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "set", fresh])

"""Small files are there whole, or as they were before."""

from __future__ import annotations

import os
import stat

import pytest

from data_fetch.store.atomic import write_atomically


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
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]

"""Weights and cards of checkpoints: they match, or are refused."""

from __future__ import annotations

import hashlib

import pytest

import data_fetch
from data_fetch import DataFetchError


def test_checkpoints_are_checked_against_their_card(tmp_path):
    (tmp_path / "net.h5").write_bytes(b"weights")
    (tmp_path / "net.toml").write_text(
        f'name = "net"\nsha256 = "{hashlib.sha256(b"weights").hexdigest()}"\n', encoding="utf-8"
    )
    files = data_fetch.checkpoint("net", folder=tmp_path)
    assert files.path == tmp_path / "net.h5" and files.card["name"] == "net"
    (tmp_path / "net.h5").write_bytes(b"weight")
    with pytest.raises(DataFetchError, match=r"not those described by its card[\s\S]*6 bytes"):
        data_fetch.checkpoint("net", folder=tmp_path)
    (tmp_path / "net.h5").unlink()
    with pytest.raises(DataFetchError, match="missing"):
        data_fetch.checkpoint("net", folder=tmp_path)
    with pytest.raises(DataFetchError, match="Did you mean 'net'"):
        data_fetch.checkpoint("nett", folder=tmp_path)

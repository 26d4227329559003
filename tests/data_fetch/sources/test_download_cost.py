"""The stated cost of a fetch is its actual cost."""

from __future__ import annotations

import re

import nih_mirrors

from data_fetch import fetch_cardiomegaly
from data_fetch.datasets.catalogue import DATASETS
from data_fetch.sources.nih.cardiomegaly import choose_cardiomegaly
from data_fetch.sources.nih.download_cost import print_cost
from data_fetch.sources.nih.origin import Origin


def cost(capsys, name="cardiomegaly", films=None, size=64):
    """Rows of the table, and the lines about costs."""
    print_cost(DATASETS[name].source("nih", films=films), DATASETS[name].size(size))
    said = capsys.readouterr()
    return said.out.splitlines()[1:], said.err


def test_the_official_archives_need_no_network_and_are_an_estimate(capsys, monkeypatch, own_cache):
    monkeypatch.setenv("DATA_FETCH_OFFLINE", "1")
    rows, costs = cost(capsys, size=512)
    assert len(rows) == 700 and re.search(r"to open: +1 of 12 archives", costs)
    assert re.search(r"to download: +about 1\.80 GB, estimated at 0\.36 MB per film", costs)
    assert re.search(r"on disk: +184 MB \(700 films of 512 x 512", costs)
    rows, costs = cost(capsys, "pneumothorax", 2000)
    assert len(rows) == 2000 and re.search(r"to open: +4 of 12 archives", costs) and "about 12.60 GB" in costs
    assert not own_cache.exists()


def test_a_mirror_is_asked_and_what_is_there_is_not_counted(capsys, packed, monkeypatch, own_cache):
    chosen = choose_cardiomegaly(Origin("mirror", str(packed), (packed / "manifest.csv").read_bytes()))
    bytes_ = sum((packed / archive.name).stat().st_size for archive in chosen.archives)
    with nih_mirrors.served(packed) as server:
        monkeypatch.setenv("DATA_FETCH_MIRROR", server.address)
        rows, costs = cost(capsys)
        assert f"to download:  at most {bytes_ / 1e9:.2f} GB\n" in costs and "to open:      2 of 12" in costs
        assert not [path for path in server.asked if path.endswith(".tar.gz")], "stating the cost downloads nothing"
        assert len(fetch_cardiomegaly("nih", size=64, progress=False))
        _, costs = cost(capsys)
    assert "the whole set" in costs and "to open:      0 of 12" in costs and "to download:  0.00 GB" in costs
    kept = next((own_cache / "sets").iterdir()) / "images.npy"
    assert kept.stat().st_size == 128 + len(rows) * 64 * 64, "the stated disk space"

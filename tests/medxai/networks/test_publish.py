"""An instructor trains, packs and serves a checkpoint; a student's machine fetches it and loads it by its name."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import data_fetch
import medxai
from data_fetch import DataFetchError
from data_fetch.checkpoints.packing import pack_checkpoints
from data_fetch.store import registry, tomltext
from medxai import CheckpointError, PixelRangeError
from medxai.networks import train_command
from medxai.networks.recipes import RECIPES, Films

sys.path.insert(0, str(Path(__file__).parents[2] / "data_fetch"))
import nih_mirrors

pytestmark = pytest.mark.kernel

NAME = "pneumothorax-gpu"


@pytest.fixture(scope="module")
def instructor(discs, tmp_path_factory):
    """A cache with a network of the gpu profile's recipe, made tiny: (cache, films)."""
    parts = [replace(discs(24, 64, k, 1000 * k), classes=("no pneumothorax", "pneumothorax")) for k in range(4)]
    cache = tmp_path_factory.mktemp("instructor")
    recipe = replace(RECIPES["pneumothorax"]["gpu"], epochs=1, size=64, width_divisor=16, learning_rate=1e-3)
    command = "python -m medxai.train pneumothorax --profile gpu"
    train_command.train(recipe, Films(*parts, {"split": "train"}), cache / "checkpoints", command, verbose=0)
    return cache, parts[3].images


@pytest.fixture
def student(tmp_path, monkeypatch):
    """An empty cache of somebody else, in the gpu profile."""
    for name in [name for name in os.environ if name.startswith("DATA_FETCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DATA_FETCH_DIR", str(tmp_path / "student"))
    monkeypatch.setenv("MEDXAI_PROFILE", "gpu")
    return tmp_path / "student"


def command(*arguments, status=0, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "data_fetch", *arguments],
        capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL, env={**os.environ, **environment}, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr and done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def packed_again(folder, change_card=None, change_weights=None):
    """Change what lies on the release page so that its registry and hashes still agree: a mistake, not a damage."""
    path = folder / "registry.toml"
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    entry = table["checkpoints"][NAME]
    files = {part: folder / entry[part]["urls"][0].rsplit("/", 1)[1] for part in ("weights", "card")}
    weights, card = files["weights"].read_bytes(), tomllib.loads(files["card"].read_text(encoding="utf-8"))
    if change_weights:
        weights = change_weights(weights)
        card |= {"sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}
    if change_card:
        change_card(card)
    for part, content in (("weights", weights), ("card", tomltext.dumps(card).encode())):
        digest = hashlib.sha256(content).hexdigest()
        name = f"{NAME}-{digest[:12]}{files[part].suffix}"
        (folder / name).write_bytes(content)
        address = entry[part]["urls"][0].rsplit("/", 1)[0] + "/" + name
        entry[part] = {"urls": [address], "sha256": digest, "bytes": len(content)}
    path.write_text(tomltext.dumps(table), encoding="utf-8")


def test_a_class_downloads_what_its_instructor_trained(instructor, student, tmp_path):
    cache, films = instructor
    with pytest.raises(CheckpointError, match=r"not on this machine[\s\S]*data-fetch use ADDRESS[\s\S]*--profile gpu"):
        medxai.load_checkpoint(NAME)
    page = tmp_path / "page"
    with nih_mirrors.served(page.parent) as server:
        told = command("pack-checkpoints", str(page), "--url", f"{server.address}/page", DATA_FETCH_DIR=str(cache))
        assert f"data-fetch use {server.address}/page/registry.toml" in told
        assert sorted(path.suffix for path in page.iterdir()) == [".h5", ".toml", ".toml"]
        assert not student.exists()

        assert NAME in command("use", f"{server.address}/page/registry.toml")
        assert "not fetched yet" in command("list")
        asked = len(server.asked)
        checkpoint = medxai.load_checkpoint(NAME)
        assert len(server.asked) == asked + 2, "the weights and the card"
    # The server is gone, and the cache has them; they are the instructor's, number by number.
    again = medxai.load_checkpoint(NAME)
    theirs = medxai.load_checkpoint(NAME, cache / "checkpoints")
    assert again.card == checkpoint.card == theirs.card
    assert np.ptp(theirs.predict(films)) > 1e-4
    assert np.array_equal(checkpoint.predict(films), theirs.predict(films))
    assert command("verify").count(f"good     files/{NAME}-") == 2
    with pytest.raises(PixelRangeError, match=rf"{NAME}.*scaled to 0-1"):
        checkpoint.predict(np.repeat(films[..., None], 3, -1) / 255.0)
    with pytest.raises(ValueError, match="size=64"):
        checkpoint.predict(films[:, ::2, ::2])
    # A flipped bit is found, and without a network nothing else takes its place.
    (weights,) = (student / "files").glob(f"{NAME}-*.h5")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert f"damaged  files/{NAME}-" in command("verify", status=1)
    with pytest.raises(CheckpointError, match="connection refused"):
        medxai.load_checkpoint(NAME)


def test_a_hub_needs_one_file_and_one_variable(instructor, student, tmp_path, monkeypatch):
    pack_checkpoints(tmp_path / "page", "https://example.org/never/asked", cache_dir=instructor[0])
    monkeypatch.setenv("DATA_FETCH_REGISTRY", str(tmp_path / "page" / "registry.toml"))
    # A mirror that holds the files serves them without the address: a class without a network.
    (tmp_path / "mirror").mkdir()
    shutil.copytree(tmp_path / "page", tmp_path / "mirror" / "files")
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("DATA_FETCH_OFFLINE", "1")
    assert medxai.load_checkpoint(NAME).card["name"] == NAME


def test_what_is_wrong_on_the_page_is_told(instructor, student, tmp_path):
    page = tmp_path / "page"
    with nih_mirrors.served(page.parent) as server:
        pack_checkpoints(page, f"{server.address}/page", cache_dir=instructor[0])
        (weights,) = page.glob("*.h5")
        whole = weights.read_bytes()
        weights.write_bytes(whole[:-1000])
        registry.use(str(page / "registry.toml"))
        with pytest.raises(CheckpointError, match=rf"expected: sha256[\s\S]*\({len(whole) - 1000:,} bytes\)"):
            medxai.load_checkpoint(NAME)
        assert not list((student / "files").glob("*.h5")), "what is wrong is not kept"

        # The file is truncated, and the instructor packed it like that by hand.
        packed_again(page, change_weights=lambda content: content[:-1000])
        registry.use(str(page / "registry.toml"))
        with pytest.raises(CheckpointError, match="not a file of Keras weights"):
            medxai.load_checkpoint(NAME)

        def wider(card):
            card["arguments"]["width_divisor"] = 8

        packed_again(page, change_card=wider, change_weights=lambda _: whole)
        registry.use(str(page / "registry.toml"))
        with pytest.raises(
            CheckpointError, match=r"another network than its card says.*layer 'stage1_conv1' should have"
        ):
            medxai.load_checkpoint(NAME)

        def renamed(card):
            card["name"] = "cardiomegaly-gpu"

        packed_again(page, change_card=renamed)
        registry.use(str(page / "registry.toml"))
        with pytest.raises(CheckpointError, match="card of another checkpoint"):
            medxai.load_checkpoint(NAME)


def test_what_nobody_could_use_is_not_packed(instructor, tmp_path):
    cache, _ = instructor
    course = data_fetch.checkpoint("pneumothorax-cpu").path.parent

    def pack(folder, *names):
        pack_checkpoints(tmp_path / "page", "https://example.org/c", names, folder)

    with pytest.raises(DataFetchError, match=r"comes with the course[\s\S]*--name NAME"):
        pack(course, "pneumothorax-cpu")
    with pytest.raises(DataFetchError, match="Did you mean 'pneumothorax-gpu'"):
        pack(cache / "checkpoints", "pneumotorax-gpu")
    folder = tmp_path / "made"
    shutil.copytree(cache / "checkpoints", folder)
    card = tomllib.loads((folder / f"{NAME}.toml").read_text(encoding="utf-8"))
    (folder / f"{NAME}.toml").write_text(
        tomltext.dumps({k: v for k, v in card.items() if k not in ("licence", "input")}), encoding="utf-8"
    )
    with pytest.raises(DataFetchError, match=r"no input\.size|no input, input\.size"):
        pack(folder)

    medxai.load_checkpoint(NAME, cache / "checkpoints").model.save(folder / "whole.h5", save_format="h5")
    content = (folder / "whole.h5").read_bytes()
    table = {**card, "name": "whole", "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (folder / "whole.toml").write_text(tomltext.dumps(table), encoding="utf-8")
    with pytest.raises(DataFetchError, match=r"weights-only file[\s\S]*a whole model"):
        pack(folder, "whole")
    assert not (tmp_path / "page").exists()

"""What an organiser relies on: a read-only shared cache, one command for an image, a mirror without a network."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import nih_mirrors
import numpy as np
import pytest
from mit_files import mit_file
from namespaces import LOOPBACK, PYTHON, inside, read_only

from data_fetch import (
    DataFetchError,
    checkpoint,
    fetch_cardiomegaly,
    fetch_cardiomegaly_biased,
    fetch_file,
    fetch_pneumothorax,
)
from data_fetch.datasets.catalogue import DATASETS
from data_fetch.sources.nih import source
from data_fetch.store import registry, stored_sets
from data_fetch.store.manifest import verify
from data_fetch.store.stored_sets import StoredSet, stored

SIZE = 64
DEAD = "http://127.0.0.1:9"

# Every way to load films and weights, with only a read-only shared cache.
EVERYTHING = """
import pathlib, sys
import numpy as np
import data_fetch
shared, net = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
sets = [data_fetch.fetch_cardiomegaly(split=split, size=64) for split in ("develop", "train", "test")]
sets += [data_fetch.fetch_cardiomegaly_biased(split="neutral", size=64), data_fetch.fetch_cardiomegaly("nih", size=64)]
sets += [data_fetch.fetch_cardiomegaly_biased("nih", size=64), data_fetch.fetch_pneumothorax("mit", "train", size=64)]
for films in sets:
    assert pathlib.Path(films.images.filename).is_relative_to(shared), films.images.filename
    for mask in (films.masks or {}).values():
        assert pathlib.Path(mask.filename).is_relative_to(shared)
    assert films.images.sum() > 0 and films.card["licence"]
assert data_fetch.fetch_file("pneumothorax-mit-train").parent == shared / "files"
assert data_fetch.checkpoint("net", folder=net).path.parent == shared / "files"
assert not pathlib.Path(sys.argv[3]).exists(), "nothing had to be written"
print("all of it,", len(sets), "sets")
"""


@pytest.fixture
def filled(tmp_path, packed, small_phantoms, monkeypatch):
    """A cache that an organiser filled: phantoms, NIH films of a mirror, MIT's file, a checkpoint's weights; and its card."""
    shared, net, mirror = tmp_path / "shared", tmp_path / "net", tmp_path / "mirror"
    mit_file(mirror / "files" / "pneumothorax_train.h5", 16)
    (mirror / "files" / f"net-{hashlib.sha256(b'weights').hexdigest()[:12]}.h5").write_bytes(b"weights")
    net.mkdir()
    (net / "net.toml").write_text(
        f'sha256 = "{hashlib.sha256(b"weights").hexdigest()}"\nurl = "{DEAD}/net.h5"\n', encoding="utf-8"
    )
    monkeypatch.setenv("DATA_FETCH_DIR", str(shared))
    for split in ("develop", "test"):
        fetch_cardiomegaly(split=split, size=SIZE, progress=False)
    fetch_cardiomegaly_biased(split="neutral", size=SIZE, progress=False)
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(mirror))
    fetch_pneumothorax("mit", "train", SIZE, progress=False)
    checkpoint("net", folder=net)
    with nih_mirrors.served(packed) as server:
        monkeypatch.setenv("DATA_FETCH_MIRROR", server.address)
        fetch_cardiomegaly("nih", size=SIZE, progress=False)
        fetch_cardiomegaly_biased("nih", size=SIZE, progress=False)
        yield shared, net, server.address


def test_a_shared_cache_serves_everything_and_is_never_written(filled, tmp_path):
    shared, net, address = filled
    private = tmp_path / "private"
    told = inside(
        read_only(shared) + f'{PYTHON} -c "$CODE" "{shared}" "{net}" "{private}"\n',
        "mount",
        "net",
        CODE=EVERYTHING,
        DATA_FETCH_SHARED=shared,
        DATA_FETCH_DIR=private,
        DATA_FETCH_MIRROR=address,  # there is no network over which to reach it
    )
    assert told.returncode == 0, told.stderr
    assert "all of it, 7 sets" in told.stdout


def test_what_the_shared_cache_lacks_goes_into_the_private_one(filled, tmp_path, monkeypatch, small_phantoms, capsys):
    shared, _, _ = filled
    private = tmp_path / "private"
    monkeypatch.setenv("DATA_FETCH_MIRROR", "")
    monkeypatch.setenv("DATA_FETCH_SHARED", os.pathsep.join([str(tmp_path), str(shared)]))
    before = sorted(shared.rglob("*"))
    small_phantoms.clear()
    assert fetch_cardiomegaly(size=SIZE, cache_dir=private, progress=False).images.filename.is_relative_to(shared)
    films = fetch_cardiomegaly(split="pretrain", size=SIZE, cache_dir=private, progress=False)
    assert films.images.filename.is_relative_to(private) and small_phantoms == [("pretrain", SIZE)]
    assert sorted(shared.rglob("*")) == before

    # A damaged set there is reported, not served, and does not stop the user.
    with (next(shared.glob("sets/cardiomegaly-phantom-*-develop")) / "images.npy").open("r+b") as file:
        file.truncate(100)
    films = fetch_cardiomegaly(size=SIZE, cache_dir=private, progress=False)
    assert films.images.filename.is_relative_to(private) and len(films) == 40
    assert "administrator of the shared cache" in capsys.readouterr().err

    monkeypatch.setenv("DATA_FETCH_SHARED", str(tmp_path / "not mounted"))
    with pytest.raises(
        DataFetchError, match="shared cache does not exist[\\s\\S]*not mounted[\\s\\S]*DATA_FETCH_SHARED"
    ):
        fetch_cardiomegaly(size=SIZE, cache_dir=private, progress=False)


def test_a_read_only_cache_of_ones_own_serves_what_it_has_and_says_what_to_do_for_the_rest(filled):
    shared, _, _ = filled
    get = f"{PYTHON} -m data_fetch get cardiomegaly --size 64 --split"
    told = inside(
        read_only(shared) + f"{get} develop; {get} pretrain || {PYTHON} -m data_fetch clean --yes || exit 7",
        "mount",
        DATA_FETCH_DIR=shared,
        DATA_FETCH_MIRROR="",
    )
    assert told.returncode == 7 and "40 films" in told.stdout
    assert "Read-only file system" in told.stderr and "set DATA_FETCH_DIR to a folder of your own" in told.stderr
    assert str(shared) in told.stderr and "expected" in told.stderr


@pytest.fixture
def small_profiles(monkeypatch):
    """The profiles at 64 px, with one more file each: `--all` fetches what the registry lists."""
    profiles = {
        "cpu": [{"set": "cardiomegaly", "source": "phantom", "splits": ["develop", "test"], "size": SIZE}],
        "gpu": [
            {"set": "cardiomegaly", "source": "nih", "splits": ["develop", "test"], "size": SIZE},
            {"set": "cardiomegaly_biased", "source": "nih", "splits": ["develop", "own"], "size": SIZE},
            {"set": "pneumothorax", "source": "nih", "splits": ["train", "test"], "size": SIZE},
            {"set": "cardiomegaly", "source": "phantom", "splits": ["test"], "size": SIZE},
            {"file": "weights"},
        ],
    }
    for name, entries in profiles.items():
        monkeypatch.setitem(registry.registry()["profiles"], name, entries)
    entry = {"title": "w", "filename": "weights.h5", "licence": "test", "urls": [f"{DEAD}/weights.h5"]}
    entry |= {"md5": hashlib.md5(b"weights").hexdigest(), "bytes": 7}
    monkeypatch.setitem(registry.registry()["files"], "weights", entry)


def run(monkeypatch, capsys, *arguments):
    """The command line in this process, so that it sees the small registry."""
    from data_fetch.cli import console
    from data_fetch.cli import main as cli

    monkeypatch.setenv("MEDXAI_PROFILE", "cpu")  # so that the effect of --profile is undone
    monkeypatch.setattr(sys, "argv", ["data-fetch", *map(str, arguments)])
    monkeypatch.setattr(console.out, "file", sys.stdout)
    with pytest.raises(SystemExit) as end:
        cli.main()
    shown = capsys.readouterr()
    return end.value.code or 0, shown.out, shown.err


def test_everything_of_a_profile_for_an_image(small_profiles, small_phantoms, packed, tmp_path, monkeypatch, capsys):
    cache = tmp_path / "image"
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(packed))
    status, out, _ = run(monkeypatch, capsys, "get", "--all", "--profile", "gpu", "--dir", cache)
    assert status == 1, "a file that no URL provides is a failure"
    assert "- file weights: The file could not be read" in out and "connection refused" in out
    # Unavailable items that are not failures are listed with the reason.
    assert "- pneumothorax, nih, train, 64 px: Pneumothorax cannot be learned from this mirror" in out, out
    assert "only on request (data-fetch get pneumothorax-mit-train)" in out
    assert "python -m medxai.train" in out and "checkpoint cardiomegaly-gpu" in out
    sets = sorted(path.name.rpartition("-mirror")[0] or path.name for path in (cache / "sets").iterdir())
    assert len(sets) == 4 and {name.split("-v")[0] for name in sets} == {
        "cardiomegaly-nih",
        "cardiomegaly-phantom",
        "cardiomegaly_biased-nih",
    }

    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "weights.h5").write_bytes(b"weights")
    monkeypatch.setitem(registry.registry()["files"]["weights"], "urls", [str(tmp_path / "files" / "weights.h5")])
    monkeypatch.setattr(source, "write_films", lambda *a, **k: pytest.fail("fetched twice"))
    small_phantoms.clear()
    status, out, _ = run(monkeypatch, capsys, "get", "--all", "--profile", "gpu", "--dir", cache)
    assert status == 0 and "Failed" not in out and "5 stored sets and files" in out and small_phantoms == []
    assert fetch_file("weights", cache).read_bytes() == b"weights"


def test_all_takes_no_options_of_one_set(monkeypatch, capsys):
    for arguments in (["get"], ["get", "cardiomegaly", "--all"], ["get", "--all", "--size", "64"]):
        status, _, err = run(monkeypatch, capsys, *arguments)
        assert status == 1 and "data-fetch get --all" in err


def test_the_profiles_of_the_registry_have_what_the_labs_ask_for(root):
    """Each fetch_* call of a lab with literal source, split and size is in the list of its profile."""
    import ast

    named = {profile: set() for profile in ("cpu", "gpu")}
    for profile in named:
        for part in registry.registry()["profiles"][profile]:
            named[profile] |= {
                (part.get("set"), part.get("source"), s, part.get("size")) for s in part.get("splits", ())
            }
    views = {"train": "develop", "validation": "develop"}
    asked = 0
    for path in sorted((root / "solutions").glob("*/*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            function = getattr(call, "func", None)
            name = getattr(function, "attr", getattr(function, "id", ""))
            if not isinstance(call, ast.Call) or not name.startswith("fetch_") or name == "fetch_file":
                continue
            given = {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
            if given.get("source") == "mit" or ("split" in {k.arg for k in call.keywords} and "split" not in given):
                continue
            task = name.removeprefix("fetch_")
            split = given.get("split", "train" if task == "pneumothorax" else "develop")
            split = split if task == "pneumothorax" else views.get(split, split)
            for profile, sizes in (("cpu", {"cardiomegaly": 256, "pneumothorax": 128}), ("gpu", {"pneumothorax": 256})):
                source = given.get("source") or {"cpu": "phantom", "gpu": "nih"}[profile]
                size = given.get("size") if given.get("size") != sizes.get(task) else None
                assert (task, source, split, size) in named[profile], f"{path.name}, {profile}: {ast.unparse(call)}"
                asked += 1
    assert asked > 30


# --- verify, clean ---


def flip(path, place=None):
    """Flip one bit, by default in the last byte."""
    content = bytearray(path.read_bytes())
    content[-1 if place is None else place] ^= 1
    path.write_bytes(content)


def test_verify_finds_one_flipped_bit_in_each_kind_of_file(filled, data_fetch_command, monkeypatch):
    shared, _, _ = filled
    monkeypatch.setenv("DATA_FETCH_MIRROR", "")
    kinds = ["cardiomegaly-phantom-*/images.npy", "cardiomegaly-phantom-*/masks/lungs.npy"]
    kinds += ["cardiomegaly-nih-*/images.npy", "cardiomegaly-nih-*/boxes.csv", "cardiomegaly-nih-*/table.csv"]
    kinds += [
        "cardiomegaly_biased-phantom-*/masks/cue.npy",
        "pneumothorax-mit-*/card.toml",
        "cardiomegaly_biased-nih-*/manifest.toml",
    ]
    files = [next(shared.glob(f"sets/{kind}")) for kind in kinds]
    files += [shared / "files" / "pneumothorax_train.h5", next(shared.glob("files/net-*.h5"))]
    files += [next(shared.glob("mirrors/*/manifest.csv")), shared / "files" / "pneumothorax_train.h5.sha256"]
    assert "damaged" not in data_fetch_command("verify").stdout
    for path in files[:-1]:
        flip(path, 40 if path.suffix == ".toml" else None)
    told = data_fetch_command("verify", status=1).stderr
    for path in files[:-1]:
        assert str(path) in told, path
        flip(path, 40 if path.suffix == ".toml" else None)
    assert told.count("expected:") >= len(files) - 2 and told.count("next:") == len(files) - 1
    # A changed recorded hash is reported for its file, which no longer matches.
    flip(files[-1], 0)
    assert str(files[-2 - 2]) in data_fetch_command("verify", status=1).stderr


def test_every_bit_of_a_manifest_matters(tmp_path):
    def make(part):
        (part / "masks").mkdir()
        (part / "masks" / "heart.npy").write_bytes(b"a mask")

    manifest = stored(StoredSet("tiny", make), tmp_path) / "manifest.toml"
    whole = manifest.read_bytes()
    assert verify(manifest.parent) == []
    for place in range(len(whole)):
        for bit in range(8):
            manifest.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            assert verify(manifest.parent), f"bit {bit} of byte {place}: {manifest.read_bytes()[: place + 1]!r}"


def test_clean_says_what_it_frees_in_bytes_before_and_after(filled, data_fetch_command, tmp_path, monkeypatch):
    shared, _, _ = filled
    monkeypatch.setenv("DATA_FETCH_MIRROR", "")

    def held():
        return sum(path.stat().st_size for path in shared.rglob("*") if path.is_file())

    before = held()
    victim = next(shared.glob("sets/cardiomegaly-phantom-*-test"))
    size = sum(path.stat().st_size for path in victim.rglob("*") if path.is_file())
    out = data_fetch_command("clean", victim.name, "--yes").stdout
    assert f"holds {before:,} bytes; this would free {size:,} of them" in out
    assert f"Freed {size:,} bytes. The cache holds {held():,} bytes now." in out and held() >= before - size
    assert f"{size:,} bytes  sets/{victim.name}" in out and not victim.exists()
    data_fetch_command("clean", "--yes")
    assert [path.name for path in shared.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    # A shared cache is never cleaned.
    monkeypatch.setenv("DATA_FETCH_SHARED", str(shared))
    monkeypatch.setenv("DATA_FETCH_DIR", str(tmp_path / "own"))
    assert "Nothing to free" in data_fetch_command("clean", "--yes").stdout


# --- a mirror ---

CLASS = """
import sys
import numpy as np
import data_fetch
from data_fetch.sources.phantoms import writing
writing.write = None  # whatever is drawn here would show
for split in ("develop", "test"):
    films = data_fetch.fetch_cardiomegaly(split=split, size=64)
    np.save(f"{sys.argv[1]}-{split}.npy", films.images)
print(data_fetch.fetch_file("pneumothorax-mit-train").name)
"""


def test_a_class_without_a_network_uses_a_mirror_as_a_folder_and_over_http(filled, tmp_path, monkeypatch, capsys):
    shared, _, _ = filled
    made, here = tmp_path / "made", tmp_path / "films"
    monkeypatch.setitem(
        registry.registry()["profiles"],
        "cpu",
        [
            {"set": "cardiomegaly", "source": "phantom", "splits": ["develop", "test"], "size": SIZE},
            {"file": "pneumothorax-mit-train"},
        ],
    )
    monkeypatch.setenv("DATA_FETCH_MIRROR", "")
    status, out, _ = run(monkeypatch, capsys, "mirror", made)
    assert status == 0 and out.count("written: ") >= 3 and f"DATA_FETCH_MIRROR={made}" in out
    script = f"""
{PYTHON} -c "{LOOPBACK}"
! {PYTHON} -c "import socket; socket.create_connection(('192.0.2.1', 80), 2)" 2>/dev/null
DATA_FETCH_MIRROR="{made}" DATA_FETCH_DIR="{tmp_path}/a" {PYTHON} -c "$CODE" "{here}-a"
{PYTHON} -m http.server 8000 --bind 127.0.0.1 --directory "{made}" 2>"{tmp_path}/log" >/dev/null &
server=$!
trap "kill $server" EXIT
until {PYTHON} -c "import socket; socket.create_connection(('127.0.0.1', 8000))" 2>/dev/null; do sleep 0.1; done
DATA_FETCH_MIRROR=http://127.0.0.1:8000 DATA_FETCH_DIR="{tmp_path}/b" {PYTHON} -c "$CODE" "{here}-b"
"""
    told = inside(script, "net", CODE=CLASS)
    assert told.returncode == 0, told.stderr
    assert told.stdout.split() == ["pneumothorax_train.h5"] * 2
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert log.count("images.npy") == 2 and log.count("pneumothorax_train.h5") == 1, "each file once"
    for way in "ab":
        for split in ("develop", "test"):
            films = fetch_cardiomegaly(split=split, size=SIZE, cache_dir=shared, progress=False)
            assert np.array_equal(np.load(f"{here}-{way}-{split}.npy"), films.images)


@pytest.mark.slow(
    reason="renders the phantom sets of the cpu profile that no notebook has rendered, and copies all of them twice"
)
def test_the_whole_cpu_profile_is_fetched_mirrored_and_used_without_a_network(drawn_for_notebooks, tmp_path):
    """As an organiser would: fetch all, mirror, and a class in which nothing is rendered again."""
    cache, made = drawn_for_notebooks, tmp_path / "made"
    get = [sys.executable, "-m", "data_fetch", "get", "--all", "--profile", "cpu", "--dir", str(cache)]
    done = subprocess.run(get, capture_output=True, encoding="utf-8", timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(line.startswith("ready:") for line in done.stdout.splitlines()) >= 14
    done = subprocess.run(
        [sys.executable, "-m", "data_fetch", "mirror", str(made), "--dir", str(cache)],
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0 and "Drawing" not in done.stderr, done.stderr
    told = inside(
        f'{PYTHON} -m data_fetch get --all --dir "{tmp_path}/class" && {PYTHON} -m data_fetch verify --dir "{tmp_path}/class"',
        "net",
        DATA_FETCH_MIRROR=made,
    )
    assert told.returncode == 0 and "Drawing" not in told.stderr, told.stderr
    here, there, given = (
        {path.name for path in (folder / "sets").iterdir() if not path.name.startswith(".")}
        for folder in (cache, made, tmp_path / "class")
    )
    assert there == here and given <= there and len(given) > 10


@pytest.mark.parametrize("kept", ["set", "all sets"])
def test_a_shared_set_that_may_not_be_read_is_reported_with_the_command_that_opens_it(
    filled, monkeypatch, capsys, kept
):
    """Whoever runs the tests, root too: what Linux says to another user is said here."""
    shared, _, _ = filled
    owner, name = {"set": (os, "listdir"), "all sets": (type(shared), "is_dir")}[kept]
    real = getattr(owner, name)
    set_id = next(path.name for path in (shared / "sets").glob("*-phantom-*"))

    def refuse(path, *more):
        if "-phantom-" in str(path):
            raise PermissionError(13, "Permission denied")
        return real(path, *more)

    monkeypatch.setenv("DATA_FETCH_SHARED", str(shared))
    monkeypatch.setattr(owner, name, refuse)
    assert stored_sets._in_shared(set_id) is None
    assert f"chmod -R go+rX {shared}" in capsys.readouterr().err


def test_every_set_can_be_fetched_and_stored():
    assert set(DATASETS) == set(registry.registry()["datasets"])

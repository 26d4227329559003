"""The registry of the course and that of a class: what is refused names the entry and the key; what is taken is safe."""

from __future__ import annotations

import copy
import hashlib
import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import data_fetch
from data_fetch import DataFetchError
from data_fetch.checkpoints.checkpoint_files import _published_names, checkpoint_folder, described, verified_checkpoints
from data_fetch.store import registry, registry_schema, tomltext

RELAXED = settings(deadline=None, max_examples=60)  # a busy machine is no failure
PART = {"urls": ["https://example.org/net.h5"], "sha256": "0" * 64, "bytes": 1000}
ENTRY = {"title": "A network", "profile": "gpu", "licence": "CC-BY-4.0", "weights": PART, "card": {**PART, "bytes": 9}}
# By way of text, so that no two entries are one object.
CLASS = tomllib.loads(tomltext.dumps({"checkpoints": {"net-gpu": ENTRY, "other": {**ENTRY, "command": "make it"}}}))
FILES = {"weights": {"title": "W", "filename": "w.h5", "urls": PART["urls"], "licence": "MIT", "sha256": "a" * 64}}

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
# Beside these the tests below try whatever hypothesis thinks of.
WRONG = {
    "sha256": ["0" * 63, "0" * 65, "A" * 64, "g" * 64, "sha256:" + "0" * 57, "0" * 63 + "\n", 0],
    "bytes": [0, -1, True, 1.0, "1000", 1 << 50],
    "urls": [[], "https://example.org/x", ["file:///etc/passwd"], ["https://"], ["ftp://example.org/x"], ["../x"], [1],
             ["https://example.org/a b"], ["http://[::1/x"], ["https://example.org/\nx"], ["https://example.org:port/"]],
    "filename": ["../w.h5", "/w.h5", "a/b.h5", "a\\b.h5", "..", ".", "", "C:w.h5", "nul", "CON.h5", "w\0.h5", "w.h5.", ".w"],
    "title": ["", "  ", "two\nlines", 3, ["A"], "\x1b[2J"],
    "licence": ["", None],
    "profile": ["tpu", "", "GPU", ["gpu"]],
}  # fmt: skip


def refused(call, *names):
    with pytest.raises(DataFetchError) as caught:
        call()
    told = str(caught.value)
    for name in names:
        assert name in told, told
    assert "somewhere.toml" in told and "expected" in told
    return told


def check(table):
    return registry_schema.check_class_registry(table, "somewhere.toml")


def places(table):
    """(path, key) of every key of an entry that has a rule."""
    for name, entry in table["checkpoints"].items():
        yield from ((("checkpoints", name), key) for key in entry if key not in ("weights", "card", "command"))
        for part in ("weights", "card"):
            yield from ((("checkpoints", name, part), key) for key in entry[part])


PLACES = list(places(CLASS))


def inside(table, path):
    for key in path:
        table = table[key]
    return table


def test_what_is_right_is_taken():
    assert check(CLASS).keys() == {"net-gpu", "other"}
    assert tomllib.loads(tomltext.dumps(CLASS)) == CLASS
    registry_schema.check_files(FILES, "somewhere.toml")


def test_the_courses_own_registry_keeps_the_rules():
    whole = registry.registry()
    registry_schema.check_files(whole["files"], "registry.toml")
    registry_schema.check_shipped_checkpoints(whole["checkpoints"], "registry.toml")
    for name, entry in whole["checkpoints"].items():
        if "weights" in entry:
            card = data_fetch.checkpoint(name, checkpoint_folder()).card
            assert entry["weights"] == {"sha256": card["sha256"], "bytes": card["bytes"]}
            assert entry["licence"] == card["licence"] and card["command"].startswith(entry["command"])


@RELAXED
@given(st.sampled_from(PLACES))
def test_a_missing_key_is_named(place):
    path, key = place
    table = copy.deepcopy(CLASS)
    del inside(table, path)[key]
    assert "is missing" in refused(lambda: check(table), ".".join(path), repr(key))


@RELAXED
@given(st.sampled_from(PLACES), st.data())
def test_a_wrong_value_is_named_with_what_was_expected(place, data):
    path, key = place
    rule = {**registry_schema.CHECKPOINT, **registry_schema.PART}[key]
    value = data.draw(st.sampled_from(WRONG[key]) | ANYTHING.filter(lambda value: not rule.good(value)))
    table = copy.deepcopy(CLASS)
    inside(table, path)[key] = value
    refused(lambda: check(table), ".".join(path), repr(key), rule.expected)


@RELAXED
@given(st.sampled_from(sorted({path for path, _ in PLACES})), st.text(min_size=1, max_size=20), ANYTHING)
def test_an_unknown_key_is_named(path, key, value):
    table = copy.deepcopy(CLASS)
    entry = inside(table, path)
    if key in (*registry_schema.CHECKPOINT, *registry_schema.PART, "weights", "card"):
        return
    entry[key] = value
    assert "has an unknown key" in refused(lambda: check(table), ".".join(path), registry_schema._short(key))


def test_a_misspelt_key_is_told_the_right_one():
    table = copy.deepcopy(CLASS)
    table["checkpoints"]["other"]["weights"]["sha265"] = "0" * 64
    refused(lambda: check(table), "checkpoints.other.weights", "Did you mean 'sha256'")
    refused(lambda: check({"datasets": {}, **CLASS}), "'datasets'", "one of checkpoints")


@RELAXED
@given(
    st.sampled_from(["..", ".", "../../etc", "a/b", "a\\b", "/net", "nul", "COM1", "n" * 65, "", "né", "a b"])
    | st.text()
)
def test_a_name_is_a_name_and_never_a_path(name):
    table = {"checkpoints": {name: ENTRY}}
    if registry_schema.is_name(name):
        check(table)
        assert not set(name) & set("/\\:.")
    else:
        refused(lambda: check(table), registry_schema._short(name))


@pytest.mark.parametrize(
    ("key", "value"), [(k, value) for k, values in WRONG.items() if k in registry_schema.FILE for value in values]
)
def test_single_files_keep_the_same_rules(key, value):
    table = {"weights": {**FILES["weights"], key: value}}
    refused(lambda: registry_schema.check_files(table, "somewhere.toml"), "files.weights", repr(key))


def test_two_files_cannot_have_one_name():
    other = {**FILES["weights"], "filename": "W.H5"}
    refused(
        lambda: registry_schema.check_files({**FILES, "other": other}, "somewhere.toml"), "files.other", "files.weights"
    )


@RELAXED
@given(ANYTHING | st.fixed_dictionaries({"checkpoints": st.dictionaries(st.text(max_size=5), ANYTHING, max_size=2)}))
def test_any_table_is_taken_or_refused_in_words(table):
    try:
        found = registry_schema.check_class_registry(
            table if isinstance(table, dict) else {"checkpoints": table}, "somewhere.toml"
        )
    except DataFetchError as problem:
        assert "somewhere.toml" in str(problem)
    else:
        for name, entry in found.items():
            assert all(registry_schema.FILE_NAME.good(one) for one in _published_names(name, entry).values())


@settings(RELAXED, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.text(max_size=60).map(str.encode)
    | st.just(b"[" * 5000)
    | st.just(b"a." * 5000 + b"b=1")
)
def test_any_file_is_taken_or_refused_and_the_one_before_stays(own_cache, tmp_path, content):
    own_cache.mkdir(exist_ok=True)
    before = tomltext.dumps(CLASS).encode()
    (own_cache / "registry.toml").write_bytes(before)
    (tmp_path / "given.toml").write_bytes(content)
    with pytest.raises(DataFetchError, match="given.toml"):
        registry.use(str(tmp_path / "given.toml"))
    assert (own_cache / "registry.toml").read_bytes() == before
    assert sorted(path.name for path in own_cache.iterdir()) == ["registry.toml"]


def test_the_classes_registry_adds_and_never_exchanges(own_cache, tmp_path, monkeypatch):
    theirs = {"checkpoints": {"cardiomegaly-gpu": ENTRY, "net-gpu": ENTRY}}
    path = tmp_path / "class.toml"
    path.write_text(tomltext.dumps(theirs), encoding="utf-8")
    monkeypatch.setenv("DATA_FETCH_REGISTRY", str(path))
    found = registry.checkpoints()
    assert found["cardiomegaly-gpu"]["weights"]["sha256"] == "0" * 64 and "net-gpu" in found
    assert found["cardiomegaly-cpu"] == registry.registry()["checkpoints"]["cardiomegaly-cpu"]
    assert "weights" not in registry.registry()["checkpoints"]["cardiomegaly-gpu"], (
        "the course's own table is untouched"
    )

    path.write_text(tomltext.dumps({"checkpoints": {"cardiomegaly-cpu": ENTRY}}), encoding="utf-8")
    with pytest.raises(DataFetchError, match=r"'cardiomegaly-cpu', which comes with the course[\s\S]*--name NAME"):
        data_fetch.checkpoint("cardiomegaly-cpu")
    with pytest.raises(DataFetchError, match="comes with the course"):
        registry.use(str(path))
    path.write_text("[checkpoints.net", encoding="utf-8")
    with pytest.raises(DataFetchError, match=r"class.toml[\s\S]*unset DATA_FETCH_REGISTRY"):
        data_fetch.checkpoint("cardiomegaly-cpu")
    monkeypatch.setenv("DATA_FETCH_REGISTRY", str(tmp_path / "none.toml"))
    with pytest.raises(DataFetchError, match=r"does not exist[\s\S]*DATA_FETCH_REGISTRY[\s\S]*data-fetch use"):
        registry.checkpoints()


def test_a_shared_cache_brings_a_registry_and_what_was_made_there(own_cache, tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    made = shared / "checkpoints"
    made.mkdir(parents=True)
    (shared / "registry.toml").write_text(tomltext.dumps(CLASS), encoding="utf-8")
    (made / "pneumothorax-gpu.h5").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    (made / "pneumothorax-gpu.toml").write_text(
        f'name = "pneumothorax-gpu"\nsha256 = "{digest}"\nbytes = 7\n', encoding="utf-8"
    )
    monkeypatch.setenv("DATA_FETCH_SHARED", str(shared))
    assert "net-gpu" in registry.checkpoints()
    assert data_fetch.checkpoint("pneumothorax-gpu").path.parent == made
    states = {name: state for name, (_, state) in described().items()}
    assert "not fetched yet" in states["net-gpu"] and str(made) in states["pneumothorax-gpu"]
    assert dict(verified_checkpoints())["pneumothorax-gpu"] is None
    (made / "pneumothorax-gpu.h5").write_bytes(b"weigh")
    assert "truncated" in str(dict(verified_checkpoints())["pneumothorax-gpu"])
    # One's own choice comes before the hub's, and it is one file, never two.
    (tmp_path / "own.toml").write_text(
        tomltext.dumps({"checkpoints": {"other": CLASS["checkpoints"]["other"]}}), encoding="utf-8"
    )
    registry.use(str(tmp_path / "own.toml"))
    assert "other" in registry.checkpoints() and "net-gpu" not in registry.checkpoints()


def test_the_commands_tell_mistakes_as_text(data_fetch_command, tmp_path, own_cache):
    told = data_fetch_command("use", str(tmp_path / "none.toml"), status=1).stderr
    assert "no such file" in told and "none.toml" in told
    told = data_fetch_command("use", "http://127.0.0.1:9/registry.toml", status=1).stderr
    assert "connection refused" in told
    told = data_fetch_command(
        "pack-checkpoints", str(tmp_path / "out"), "--url", "https://example.org/c", status=1
    ).stderr
    assert "no checkpoint to pack" in told and "medxai.train" in told
    told = data_fetch_command("pack-checkpoints", str(tmp_path / "out"), "--url", "files/here", status=1).stderr
    assert "not a valid base URL" in told
    told = data_fetch_command("get", "cardiomegaly-gpu", status=1).stderr
    assert "python -m medxai.train cardiomegaly --profile gpu" in told and "data-fetch use ADDRESS" in told
    assert not (tmp_path / "out").exists()

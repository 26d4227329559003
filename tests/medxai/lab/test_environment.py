"""The look at the student's computer: says what is wrong and what to type, and never stops half-way."""

import collections
import shutil
import subprocess
import sys

import pytest

from medxai.lab import environment

pytestmark = pytest.mark.kernel


def finding(name):
    return {f.name: f for f in environment.report().findings}[name]


LOOK = environment._tensorflow


@pytest.fixture(autouse=True)
def tensorflow_is_not_started(monkeypatch):
    """It takes seconds; one test starts it, in a process of its own."""
    monkeypatch.setattr(environment, "_tensorflow", lambda: environment.Finding("TensorFlow", "not looked at"))


def test_this_environment_is_ready():
    """In a process of its own, as it is typed in a terminal."""
    done = subprocess.run([sys.executable, "-m", "medxai.lab.environment"], capture_output=True, encoding="utf-8")
    lines = done.stdout.splitlines()
    assert [line.split()[1] for line in lines[:4]] == ["Python", "packages", "TensorFlow", "memory"], done.stdout
    assert "ok     TensorFlow" in done.stdout and "works" in done.stdout
    assert (done.returncode == 0) == ("WRONG" not in done.stdout)


def test_a_package_of_another_version_is_named(monkeypatch):
    version = environment.metadata.version
    monkeypatch.setattr(environment.metadata, "version", lambda name: "2.9" if name == "numpy" else version(name))
    packages = finding("packages")
    assert "numpy is 2.9, expected" in packages.found and packages.advice
    assert not environment.report().ready and "WRONG  packages" in str(environment.report())


def test_a_course_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(environment, "DISTRIBUTION", "no-such-course")
    assert "not installed" in finding("packages").found


def test_too_little_memory_and_disk(monkeypatch, tmp_path):
    import psutil

    Memory = collections.namedtuple("Memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(1e9))
    assert finding("memory").found.startswith("1.0 GB free") and "Kernel" in finding("memory").advice
    monkeypatch.setenv("DATA_FETCH_DIR", str(tmp_path / "not" / "yet" / "there"))
    assert finding("data cache").advice is None
    Usage = collections.namedtuple("Usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2e8))
    assert "DATA_FETCH_DIR" in finding("data cache").advice


def test_a_cache_that_is_a_file(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("DATA_FETCH_DIR", str(tmp_path / "file"))
    assert "cannot be written" in finding("data cache").found


def test_a_look_that_fails_does_not_hide_the_others(monkeypatch):
    def broken():
        raise RuntimeError("no such sensor")

    monkeypatch.setattr(environment, "_memory", broken)
    findings = environment.report().findings
    assert len(findings) == 5 and "no such sensor" in finding("memory").found


def test_a_tensorflow_that_dies_is_reported_not_shared(monkeypatch):
    dead = subprocess.CompletedProcess([], -4, "", "Illegal instruction\n")
    monkeypatch.setattr(environment.subprocess, "run", lambda *a, **k: dead)
    found = LOOK()
    assert "Illegal instruction" in found.found and found.advice

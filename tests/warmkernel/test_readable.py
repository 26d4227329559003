"""An environment, package or data written under umask 077 are reported before a kernel starts, with the fix."""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig

import pytest

from warmkernel import pool, readable, settings
from warmkernel.errors import SandboxError
from warmkernel.visible_files import VisibleFiles

NOBODY = 61_184
LIBRARY = f"lib/python{sysconfig.get_python_version()}"


@pytest.fixture
def hardened():
    before = os.umask(0o077)
    yield
    os.umask(before)


def visible(shown=(), packages=(), helpers=()):
    return VisibleFiles(tuple(shown), tuple(packages), tuple(helpers), (), (), ())


def write(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x = 1\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["environment", "package", "helper", "data"])
def test_what_only_its_owner_can_read_is_named_and_the_command_mends_it(tmp_path, hardened, kind):
    folder = tmp_path / "a folder"
    write(folder / (f"{LIBRARY}/site-packages/ipykernel/__init__.py" if kind == "environment" else "part/one.py"))
    shown = {
        "environment": visible([str(folder)]),
        "data": visible([str(folder)]),
        "package": visible((), [("p", str(folder))]),
    }
    planned = shown.get(kind) or visible((), (), [("p", str(folder))])
    with pytest.raises(SandboxError) as caught:
        readable.check(planned, NOBODY)
    assert caught.value.step == "files" and str(folder) in caught.value.said and str(NOBODY) in caught.value.said
    assert "ipykernel" not in caught.value.advice
    subprocess.run(shlex.split(caught.value.advice.split(" (")[0]), check=True)
    readable.check(planned, NOBODY)


def test_one_unreadable_file_of_a_package_is_found(tmp_path):
    bad = write(tmp_path / LIBRARY / "site-packages" / "numpy" / "core.py")
    write(bad.with_name("__init__.py"))
    tmp_path.chmod(0o755)  # pytest creates it for its owner only
    bad.chmod(0o600)
    with pytest.raises(SandboxError, match="core.py"):
        readable.check(visible([str(tmp_path)]), NOBODY)


def test_an_ordinary_user_and_what_is_nobodys_to_read_are_left_alone(tmp_path, hardened):
    write(tmp_path / "mine.txt")
    readable.check(visible([str(tmp_path)]), None)  # the current user
    (tmp_path / "mine.txt").chmod(0o644)
    tmp_path.chmod(0o755)
    for name in ("set.lock", ".set.abcd.part", "lost+found", ".hidden", "__pycache__/one.pyc"):
        write(tmp_path / name)
    readable.check(visible([str(tmp_path)]), NOBODY)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the user")
def test_a_kernel_does_not_start_on_what_it_could_not_read(tmp_path, hardened):
    write(tmp_path / "shown" / "film.npy")
    with pytest.raises(SandboxError, match="film.npy|shown"):
        pool.get(settings.Settings(show=(str(tmp_path / "shown"),)), {})

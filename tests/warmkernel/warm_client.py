"""Kernels for the tests, started by a client in a separate process, as root or as an ordinary user."""

from __future__ import annotations

import functools
import itertools
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
USERS = ("root", "ordinary")
_ORDINARY = 12345
# Kernels without TensorFlow start in one second instead of five.
LIGHT = ["-tensorflow", "-keras", "-sklearn", "-pandas", "-scipy.ndimage", "-matplotlib.pyplot", "-ipywidgets"]


@dataclass
class Reply:
    """The result of a cell: status "ok", "error", "dead" (the kernel) or "timeout", and its outputs as Jupyter messages."""

    status: str
    outputs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything printed, and the plain text of results."""
        return "".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in self.outputs)

    @property
    def error(self) -> str:
        """ "NameError: name 'x' is not defined", or nothing."""
        return "".join(f"{o['ename']}: {o['evalue']}" for o in self.outputs if o["type"] == "error")


class Client:
    """A Jupyter client in a separate process, as "root" or as an "ordinary" user; its kernels share a zygote."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.home = Path(tempfile.mkdtemp(prefix="warmkernel-test-"))
        self.home.chmod(0o777)
        environment = dict(
            os.environ, HOME=str(self.home), TMPDIR=str(self.home), JUPYTER_RUNTIME_DIR=str(self.home / "run")
        )
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        self.process = subprocess.Popen(
            [*as_user(user), sys.executable, str(Path(__file__).with_name("warm_client_process.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=environment,
            cwd=self.home,
        )
        self._names = (f"kernel{number}" for number in itertools.count())

    def ask(self, **order: Any) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the client ended"
        reply = json.loads(line)
        assert "broken" not in reply, reply["broken"]
        return reply

    def start(self, *, light: bool = False, cwd: Any = None, env: Any = None, **settings: Any) -> Kernel:
        """A kernel; `settings` are those of metadata.warmkernel (limits, packages, show, preload, environment)."""
        if light:
            settings["preload"] = [*LIGHT, *settings.get("preload", [])]
        name = next(self._names)
        reply = self.ask(do="start", kernel=name, settings=settings, cwd=str(cwd) if cwd else None, env=env or {})
        if "refused" in reply:
            raise Refused(reply["refused"])
        return Kernel(self, name)

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.home, ignore_errors=True)


class Refused(Exception):
    """The message of warmkernel when it refused to start a kernel."""


@dataclass
class Kernel:
    client: Client
    name: str

    def run(self, code: str, timeout: float = 120) -> Reply:
        return Reply(**self.client.ask(do="run", kernel=self.name, code=code, timeout=timeout))

    def value(self, code: str, timeout: float = 120) -> str:
        """The output of the code, which must succeed."""
        reply = self.run(code, timeout)
        assert reply.status == "ok", reply.error or reply.status
        return reply.text.strip()

    def interrupt(self) -> None:
        self.client.ask(do="interrupt", kernel=self.name)

    def restart(self, now: bool = False) -> None:
        self.client.ask(do="restart", kernel=self.name, now=now)

    def info(self) -> dict[str, Any]:
        """{"alive": bool, "end": None or how it ended, "memory_by": "cgroup" or "watcher"}."""
        return self.client.ask(do="info", kernel=self.name)

    def shutdown(self, now: bool = False) -> dict[str, Any] | None:
        """How it ended."""
        return self.client.ask(do="shutdown", kernel=self.name, now=now)["end"]


def as_user(user: str) -> list[str]:
    """Prefix of a command that runs the rest as this user; skips the test if that is impossible."""
    if os.geteuid() != 0:
        if user == "root":
            pytest.skip("needs to be run as root")
        return []
    if user == "root":
        return []
    needs_a_whole_proc()
    # Python may be where only root has access (/root, say): in a mount namespace of the client only, its folders are put
    # into an empty copy of the inaccessible folder.
    lines = ["set -e", 'stash="$(mktemp -d)"', 'mount -t tmpfs -o mode=0755 stash "$stash"']
    wanted = {
        os.path.realpath(p)
        for p in (sys.prefix, sys.base_prefix, ROOT, *os.environ.get("PYTHONPATH", "").split(":"))
        if p
    }
    closed = {folder: [w for w in wanted if w.startswith(folder + "/")] for w in wanted for folder in _closed(w)}
    for number, place in enumerate(sorted({w for inside in closed.values() for w in inside})):
        lines += [f'mkdir "$stash/{number}"', f'mount --rbind {shlex.quote(place)} "$stash/{number}"']
        closed[place] = [str(number)]
    for folder in sorted(f for f in closed if f not in wanted):
        lines.append(f"mount -t tmpfs -o mode=0755 closed {shlex.quote(folder)}")
        for place in closed[folder]:
            lines += [
                f"mkdir -p {shlex.quote(place)}",
                f'mount --rbind "$stash/{closed[place][0]}" {shlex.quote(place)}',
            ]
    lines.append(f'exec setpriv --reuid {_ORDINARY} --regid {_ORDINARY} --clear-groups "$@"')
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines), "as-user"]


def needs_a_whole_proc() -> None:
    """Skip the test where only the machine's own root can create a sandbox."""
    if _proc_is_covered():
        pytest.skip("parts of /proc are masked on this machine: Linux does not let an ordinary user create a sandbox")


@functools.cache
def _proc_is_covered() -> bool:
    """Whether ordinary users may create namespaces here, but without a /proc in them, as in many containers."""
    ordinary = ["setpriv", "--reuid", str(_ORDINARY), "--regid", str(_ORDINARY), "--clear-groups"]
    namespaces = [*ordinary, "unshare", "--user", "--map-root-user", "--pid", "--fork"]
    may, with_proc = (
        subprocess.run([*namespaces, *more, "true"], capture_output=True) for more in ([], ["--mount-proc"])
    )
    return may.returncode == 0 and with_proc.returncode != 0


def _closed(path: str) -> list[str]:
    """The outermost parent folder that other users may not enter, if any."""
    parents = [str(p) for p in reversed(Path(path).parents)]
    return [p for p in parents if not os.stat(p).st_mode & stat.S_IXOTH][:1]

"""The checker server of an assignment: runs the locked cells once, then forks a child for each submission.

It is a fork of a sandboxed `host.CheckerHost`, or `python -P -m autograder.outside.server FD`; `Server` is the runner's handle on
it. What the runner says and hears are lines of JSON on sockets that no student's process has: one to the server, one to each child. A child that runs
out of time, or dies otherwise, costs the one cell that it was judging; the next cells get a new child.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import gc
import json
import os
import random
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from autograder.errors import AutograderError
from autograder.messages import plain
from autograder.outside.checker import FAILED, GRACE, NOT_RUN, PARTIAL, PASSED, Checker, Verdict
from autograder.outside.plan import CHECK, PlanCell, from_json, is_import, statements, to_json, uses_keras
from autograder.outside.tell import LONGEST

START = 120.0  # seconds for the locked cells
MEMORY = 4 << 30  # bytes that a child may need on top of what the server has
LONGEST_LINE = 1 << 20
# One thread is enough for small arrays, and none must be running when a child is forked.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
    "CUDA_VISIBLE_DEVICES": "",
}


class Process(Protocol):
    """What a server runs in: a program of its own, or a fork of a `host.CheckerHost`."""

    def said(self) -> str:
        """The last line that it printed, "" where that is not known."""

    def end(self) -> None:
        """Ends it and what it started."""


class Program(subprocess.Popen):
    """A Python of its own, in a session of its own; keeps what it prints.

    Parameters
    ----------
    theirs : socket.socket
        The end of a socket pair that it inherits.
    command : list of str, optional
        What to run; without it, a server.
    environment : dict, optional
        This process's and ENVIRONMENT by default.
    files : sequence of int
        Further descriptors that it inherits.
    """

    def __init__(
        self,
        theirs: socket.socket,
        command: list[str] | None = None,
        environment: dict[str, str] | None = None,
        files: Sequence[int] = (),
    ):
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        super().__init__(
            command or [sys.executable, "-P", "-m", "autograder.outside.server", str(theirs.fileno())],
            pass_fds=(theirs.fileno(), *files),
            env=os.environ | ENVIRONMENT if environment is None else environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def said(self) -> str:
        """The last line that it printed."""
        self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, self.log.tell() - 2000))
        return self.log.read().decode(errors="replace").strip().split("\n")[-1]

    def end(self) -> None:
        """Ends it and what it started."""
        if self.poll() is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                self.kill()
        self.wait()
        self.log.close()


class Server:
    """The runner's handle on a checker server.

    Parameters
    ----------
    plan : sequence of PlanCell
        The instructor's cells.
    folder : Path, optional
        The instructor's copy of the assignment's folder, as the server sees it: where locked cells find data files and
        modules. Never a folder in which a student's files lie.
    start : callable
        Starts the server with one end of a socket pair. The default is a program without a sandbox;
        `host.CheckerHost.server` gives one in a sandbox.

    Raises
    ------
    AutograderError
        If the locked cells do not run, or the process ends.
    """

    def __init__(
        self,
        plan: Sequence[PlanCell],
        folder: Path | None = None,
        start: Callable[[socket.socket], Process] = Program,
    ):
        self.points = {c.id: c.points for c in plan if c.kind == CHECK}
        self.lock = threading.Lock()
        mine, theirs = socket.socketpair()
        self.lines = Lines(mine)
        with theirs:
            self.process = start(theirs)
        with contextlib.suppress(OSError):  # a server that ended at once is noticed when it does not answer
            send(mine, {"plan": to_json(plan), "folder": str(folder) if folder else ""})
        answer = self.lines.read(START)
        if not answer.get("ready"):
            said = str(answer.get("failed", "")) or self.process.said()
            self.close()
            raise AutograderError(
                f"The checker did not start within {START:g} s ({plain(said, 300) or 'it said nothing'}). Do the "
                "assignment's locked cells run, from the first to the last, in a fresh kernel on this machine?"
            )

    @property
    def alive(self) -> bool:
        """Whether the server is still there."""
        return self.lines.open

    def submission(self, sources: Sequence[str] = (), checks: dict[str, str] | None = None) -> Submission:
        """A fresh child for one submission.

        Parameters
        ----------
        sources : sequence of str
            The text of the student's cells.
        checks : dict, optional
            Other sources of check cells, by id, for this submission alone; see `seeds.keyed_checks`.
        """
        return Submission(lambda: self, sources, checks or {})

    def close(self) -> None:
        """Ends the server and its children."""
        self.lines.close()
        self.process.end()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, theirs: socket.socket, request: dict[str, Any]) -> int:
        with self.lock:
            with contextlib.suppress(OSError):
                send(self.lines.sock, {"open": request}, [theirs.fileno()])
            pid = int(self.lines.read(START).get("pid", 0))
        if not pid:
            raise AutograderError(
                "The checker ended while it was needed. Is there enough memory? Grade again to go on."
            )
        return pid

    def _kill(self, pid: int) -> None:
        with self.lock, contextlib.suppress(OSError):  # a server that is gone has no children
            send(self.lines.sock, {"kill": pid})


class Submission:
    """One submission being judged: `check` for each check cell, in the order of the notebook.

    The server may still be starting, and is waited for when the first cell is judged: `find_server` gives it.
    """

    def __init__(self, find_server: Callable[[], Server], sources: Sequence[str], checks: dict[str, str]):
        self.find_server, self.what = find_server, {"sources": list(sources), "checks": checks}
        self.seen: list[str] = []
        self.lines: Lines | None = None
        self.pid, self.ready = 0, False

    @cached_property
    def server(self) -> Server:
        return self.find_server()

    def check(self, id: str, channel: socket.socket, seconds: float, in_place: bool | None = False) -> Verdict:
        """Judges one cell.

        Parameters
        ----------
        id : str
            The check cell.
        channel : socket.socket
            The other end of what the student's responder serves; closed on return.
        seconds : float
            Time limit of the cell.
        in_place : bool or None
            See `Checker.check`.

        Returns
        -------
        Verdict
            Also when the child died or did not answer: the cell has failed then.
        """
        with channel:
            lines = self._child()
            with contextlib.suppress(OSError):  # a child that is gone gives no answer
                send(lines.sock, {"check": id, "seconds": seconds, "in_place": in_place}, [channel.fileno()])
        answer = lines.read(2 * (seconds + GRACE) + 5)
        self.seen.append(id)
        verdict = self._read(id, answer)
        if verdict is None:
            self.close()
            if not self.server.alive:
                raise AutograderError("The checker ended while it was needed. Grade again to go on.")
            key = id.rsplit("-", 1)[0]
            return Verdict(
                id, FAILED, message=f"{key}: the check was stopped after {seconds:g} s, or ran out of memory."
            )
        return verdict

    def _read(self, id: str, answer: dict[str, Any]) -> Verdict | None:
        # The child interprets what students return, so even its word is bounded by what the cell can give.
        try:
            verdict = Verdict(**answer)
            most = 0 if verdict.status == FAILED else self.server.points[id]
            numbers = (verdict.points, verdict.seconds, verdict.calls)
            if verdict.id != id or not all(type(n) in (int, float) for n in numbers) or not 0 <= verdict.points <= most:
                return None
            verdict.in_place = verdict.in_place is True
            verdict.message = str(verdict.message)[:LONGEST].encode("utf-8", "replace").decode()
            return verdict if verdict.status in (PASSED, PARTIAL, FAILED) else None
        except TypeError:
            return None

    def begin(self) -> None:
        """Starts the child, which gets ready while the caller does something else; without this the first `check` does."""
        if self.lines is None:
            mine, theirs = socket.socketpair()
            with theirs:
                self.pid = self.server._open(theirs, {**self.what, "seen": self.seen})
            self.lines, self.ready = Lines(mine), False

    def _child(self) -> Lines:
        self.begin()
        assert self.lines is not None
        if not self.ready:
            if not self.lines.read(START).get("ready"):
                self.close()
                raise AutograderError(
                    f"The checker could not run the assignment's locked cells for one submission within {START:g} s."
                )
            self.ready = True
        return self.lines

    def close(self) -> None:
        """Ends the child."""
        if self.lines is not None:
            self.lines.close()
            self.lines = None
            self.server._kill(self.pid)

    def __enter__(self) -> Submission:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def not_run(id: str, why: str) -> Verdict:
    """The verdict of a cell that was never judged."""
    return Verdict(id, NOT_RUN, message=why)


class Lines:
    """Reads lines of JSON, and the descriptors that came with them, from a socket."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.data = b""
        self.descriptors: list[int] = []

    def read(self, seconds: float | None) -> dict[str, Any]:
        """The next line; {} when none comes in time, or what comes is not one."""
        self.sock.settimeout(seconds)
        try:
            while b"\n" not in self.data and len(self.data) < (LONGEST_LINE if seconds else 1 << 30):
                part, descriptors, _, _ = socket.recv_fds(self.sock, 1 << 16, 4)
                self.descriptors += descriptors
                if not part:
                    return {}
                self.data += part
            line, _, self.data = self.data.partition(b"\n")
            made = json.loads(line)
        except (OSError, ValueError, RecursionError):
            return {}
        return made if isinstance(made, dict) else {}

    def descriptor(self) -> int:
        """The oldest descriptor that came and was not yet taken."""
        return self.descriptors.pop(0)

    @property
    def open(self) -> bool:
        """Whether anybody holds the other end."""
        if self.sock.fileno() < 0:
            return False
        poller = select.poll()
        poller.register(self.sock, 0)
        return not poller.poll(0)

    def close(self) -> None:
        """Closes the socket."""
        self.sock.close()


def send(sock: socket.socket, line: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Sends one line of JSON for `Lines.read`, and descriptors with it. OSError when the other side is gone."""
    sock.settimeout(START)
    data = json.dumps(line).encode() + b"\n"
    if descriptors:
        data = data[socket.send_fds(sock, [data], descriptors) :]
    sock.sendall(data)


def main(descriptor: int) -> None:
    """Serves until the runner closes the socket."""
    lines = Lines(socket.socket(fileno=descriptor))
    try:
        checker = _prepared(lines.read(None))
    except (Exception, SystemExit) as e:
        send(lines.sock, {"failed": f"{type(e).__name__}: {e}"[:2000]})
        return
    send(lines.sock, {"ready": True})
    children: set[int] = set()
    drawn = random.getstate()  # Python gives every child a state of its own, but a locked cell may have set a seed
    while request := lines.read(None):
        if "kill" in request and request["kill"] in children:
            os.kill(request["kill"], signal.SIGKILL)
        if "open" in request:
            channel = lines.descriptor()
            pid = os.fork()
            if not pid:
                try:
                    lines.close()
                    random.setstate(drawn)
                    _child(checker, socket.socket(fileno=channel), request["open"])
                finally:
                    os._exit(0)  # never back into the server's loop
            os.close(channel)
            children.add(pid)
            send(lines.sock, {"pid": pid})
        children -= _ended(children)
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _prepared(start: dict[str, Any]) -> Checker:
    """A checker that has run what can run before a fork."""
    if start["folder"]:
        os.chdir(start["folder"])
        sys.path.append(start["folder"])
    builtins.display = lambda *_, **__: None  # type: ignore[attr-defined]  # IPython's; nobody looks here
    checker = Checker(from_json(start["plan"]))
    _preload(checker)
    safe = _safe_steps(checker)
    while checker.position < safe:
        checker.step()
    gc.collect()
    gc.freeze()  # a child then does not copy every page by counting references
    return checker


def _preload(checker: Checker) -> None:
    """Imports what the cells import, and Keras where the course uses it: children then share it instead of each doing it.

    Imports start no threads that matter for a fork.
    """
    trees = [statement for _, statement in checker.steps if statement is not None and is_import(statement)]
    for cell in checker.cells.values():
        trees += [
            node
            for s in statements(cell.source)
            for node in ast.walk(s)
            if isinstance(node, ast.stmt) and is_import(node)
        ]
    if uses_keras(checker.plan):
        trees.append(ast.Import([ast.alias("keras")]))
    for tree in trees:
        try:
            exec(compile(ast.fix_missing_locations(ast.Module([tree], [])), "<import>", "exec"), {})
        except (Exception, SystemExit):
            continue  # it fails again where it stands, and is dealt with there


def _ended(children: set[int]) -> set[int]:
    return {pid for pid in children if os.waitpid(pid, os.WNOHANG)[0]}


def _safe_steps(checker: Checker) -> int:
    """How many locked statements can run before a fork: those before the first that starts a thread.

    A process with threads cannot be forked safely; TensorFlow starts its own with the first operation, and a child
    hangs in its next one. A child that is thrown away finds out.
    """
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(read)
        safe = 0
        before = _threads()
        while checker.step() and _threads() <= before:
            safe = checker.position
        os.write(write, str(safe).encode())
        os._exit(0)
    os.close(write)
    told = b""
    if select.select([read], [], [], START / 2)[0]:
        told = os.read(read, 100)
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(read)
    os.waitpid(pid, 0)
    return int(told or 0)


def _threads() -> int:
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else threading.active_count()


def _child(checker: Checker, control: socket.socket, request: dict[str, Any]) -> None:
    statm = Path("/proc/self/statm")
    if statm.exists():  # Linux, the only place where there is a sandbox around this
        size = int(statm.read_text(encoding="utf-8").split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    lines = Lines(control)
    checker.finish(request["sources"], request["checks"])
    for id in request["seen"]:
        checker.skip(id)
    send(control, {"ready": True})
    while asked := lines.read(None):
        channel = socket.socket(fileno=lines.descriptor())
        verdict = checker.check(asked["check"], channel, asked["seconds"], asked["in_place"])
        send(control, asdict(verdict))


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""The checker server of an assignment: runs the locked cells once, then forks a child for each submission.

It is a fork of a sandboxed `host.CheckerHost`, or `python -P -m autograder.check.checker.server_process FD`; `Server` is the runner's handle on
it. The runner exchanges lines of JSON over sockets that no student's process has: one to the server, one to each child. A child that
times out or dies costs only the cell that it was checking; the next cells get a new child.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from autograder.check.protocol.limits import GRACE, START
from autograder.check.protocol.lines import Lines, send
from autograder.check.protocol.verdict import Cause, Finding, Verdict, failed
from autograder.check.runner.believed import believed
from autograder.errors import AutograderError
from autograder.notebook.code_cells import CHECK, CodeCell, names_outside_checks, to_json
from autograder.plain_text import plain

# One thread is enough for small arrays, and no other may be running when a child is forked.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
    "CUDA_VISIBLE_DEVICES": "",
}


class Process(Protocol):
    """The process of a server: a separate program, or a fork of a `host.CheckerHost`."""

    def said(self) -> str:
        """The last line of its output, "" if unknown."""

    def end(self) -> None:
        """Ends the process and its children."""


class Program(subprocess.Popen):
    """A separate Python process in its own session; keeps its output.

    Parameters
    ----------
    theirs : socket.socket
        The end of a socket pair that the process inherits.
    command : list of str, optional
        The command to run; default: a server.
    environment : dict, optional
        Default: this process's environment and ENVIRONMENT.
    files : sequence of int
        Further descriptors that the process inherits.
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
            command or [sys.executable, "-P", "-m", "autograder.check.checker.server_process", str(theirs.fileno())],
            pass_fds=(theirs.fileno(), *files),
            env=os.environ | ENVIRONMENT if environment is None else environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def said(self) -> str:
        """The last line of its output."""
        self.log.seek(0, os.SEEK_END)
        self.log.seek(max(0, self.log.tell() - 2000))
        return self.log.read().decode(errors="replace").strip().split("\n")[-1]

    def end(self) -> None:
        """Ends the process and its children."""
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
    cells : sequence of CodeCell
        The instructor's cells.
    folder : Path, optional
        The instructor's copy of the assignment's folder, as seen by the server, with data files and modules for locked
        cells. Never a folder with a student's files.
    start : callable
        Starts the server with one end of a socket pair. The default is a program without a sandbox;
        `host.CheckerHost.server` gives one in a sandbox.

    Raises
    ------
    AutograderError
        If the locked cells fail, or the process ends.
    """

    def __init__(
        self,
        cells: Sequence[CodeCell],
        folder: Path | None = None,
        start: Callable[[socket.socket], Process] = Program,
    ):
        self.checks = {c.id: c for c in cells if c.kind == CHECK}
        self.names = names_outside_checks(cells)
        self.lock = threading.Lock()
        mine, theirs = socket.socketpair()
        self.lines = Lines(mine)
        with theirs:
            self.process = start(theirs)
        with contextlib.suppress(OSError):  # a server that ended immediately is noticed when it does not reply
            send(mine, {"cells": to_json(cells), "folder": str(folder) if folder else ""})
        answer = self.lines.read(START)
        if not answer.get("ready"):
            said = str(answer.get("failed", "")) or self.process.said()
            self.close()
            raise AutograderError(
                f"The checker did not start within {START:g} s ({plain(said, 300) or 'no output'}). Do the "
                "assignment's locked cells run, from the first to the last, in a fresh kernel on this machine?"
            )

    @property
    def alive(self) -> bool:
        """Whether the server is still running."""
        return self.lines.open

    def submission(self, sources: Sequence[str] = (), checks: dict[str, str] | None = None) -> Submission:
        """A fresh child for one submission.

        Parameters
        ----------
        sources : sequence of str
            The text of the student's cells.
        checks : dict, optional
            Alternative sources of check cells, by id, for this submission; see `seeds.keyed_checks`.
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
                "The checker stopped unexpectedly. Is there enough memory? Run the grading again to continue."
            )
        return pid

    def _kill(self, pid: int) -> None:
        with self.lock, contextlib.suppress(OSError):  # a server that has ended has no children
            send(self.lines.sock, {"kill": pid})


class Submission:
    """One submission being checked: call `check` for each check cell, in the order of the notebook.

    The server may still be starting: `find_server` returns it, and is called when the first cell is checked.
    """

    def __init__(self, find_server: Callable[[], Server], sources: Sequence[str], checks: dict[str, str]):
        self.find_server, self.checks = find_server, checks
        self.what = {"sources": list(sources), "checks": checks}
        self.seen: list[str] = []
        self.lines: Lines | None = None
        self.pid, self.ready = 0, False

    @cached_property
    def server(self) -> Server:
        """The notebook's server; waits if it is still starting."""
        return self.find_server()

    def check(self, id: str, channel: socket.socket, seconds: float, in_place: bool | None = False) -> Verdict:
        """Checks one cell.

        Parameters
        ----------
        id : str
            The check cell.
        channel : socket.socket
            The other end of the channel that the student's responder serves; closed on return.
        seconds : float
            Time limit of the cell.
        in_place : bool or None
            See `Checker.check`.

        Returns
        -------
        Verdict
            A failure if the child died or did not reply.
        """
        with channel:
            lines = self._child()
            with contextlib.suppress(OSError):  # a dead child gives no reply
                send(lines.sock, {"check": id, "seconds": seconds, "in_place": in_place}, [channel.fileno()])
        answer = lines.read(2 * (seconds + GRACE) + 5)
        self.seen.append(id)
        cell = self.server.checks[id]
        asked = replace(cell, source=self.checks.get(id, cell.source))
        verdict = believed(asked, answer, seconds, self.server.names)
        if verdict is None:
            self.close()
            if not self.server.alive:
                raise AutograderError("The checker stopped unexpectedly. Run the grading again to continue.")
            return failed(id, Finding(Cause.CHECKER_ENDED, limit=seconds))
        return verdict

    def begin(self) -> None:
        """Starts the child in advance; otherwise the first `check` does."""
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
        """Ends the child process."""
        if self.lines is not None:
            self.lines.close()
            self.lines = None
            self.server._kill(self.pid)

    def __enter__(self) -> Submission:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

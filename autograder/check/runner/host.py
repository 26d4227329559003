"""A sandboxed process that has imported Keras, and forks the checker servers of all notebooks of a course.

`CheckerHost` runs in the runner and starts `checker.host_process` next to the kernels (`warmkernel.warm_program`): a fork of the
warm process that students' kernels are forked from, which has imported what it needs. Checks see the parts of the machine that
they need read-only: the Python environment, our packages, data caches. An assignment's folder is not known when the host starts,
so it is copied in when its server starts: a server can then write files there, and the original is unchanged.

A server interprets values returned by students. Therefore it has its own sandbox, restricted like those of kernels: no network,
no capabilities, an unprivileged user that owns nothing on the machine (if run as root; an ordinary user is kept), few system
calls. The sandboxes of servers and kernels cannot see each other.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from autograder.check.protocol import limits
from autograder.check.protocol.lines import Lines, send
from autograder.check.runner.servers import ENVIRONMENT, Program, Server
from autograder.errors import AutograderError
from autograder.notebook.code_cells import CodeCell
from autograder.plain_text import plain
from warmkernel import pool, working_folder
from warmkernel.errors import WarmkernelError
from warmkernel.settings import Limits, Settings
from warmkernel.warm_program import WarmProgram

PROGRAM = "autograder.check.checker.host_process"  # the program in the sandbox
HELPERS = ("autograder", "data_fetch", "medxai", "warmkernel")
ASSIGNMENTS = Path("/tmp/assignments")
START = 180.0  # seconds to create the sandbox and import Keras
# For all servers and their children together, including threads. Memory is per process; `server_process.MEMORY` is less.
LIMITS = Limits(wall=0, memory=8 << 30, processes=512 + 64 * (os.cpu_count() or 1), files=1024, disk=2 << 30)
NOTHING_WARM = Settings(preload=tuple(f"-{name.removesuffix('?')}" for name in pool.PRELOAD))


class CheckerHost:
    """Starts checker servers, which share one import of Keras. Thread-safe.

    All its processes end with the runner, even if that is killed.

    Parameters
    ----------
    settings : warmkernel.settings.Settings, optional
        Settings of the kernels whose warm process is shared; checks see the same files. Default: a separate process, with
        nothing imported yet.
    environment : dict, optional
        Environment variables, in addition to the few that are always set; the rest of the runner's environment is not passed on.
    keras : bool
        Whether to import Keras.
    sandbox : bool
        False starts the same process without a sandbox and with the runner's environment.

    Raises
    ------
    AutograderError
        If no sandbox can be created here, or Keras cannot be imported; gives the reason and the next command.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        environment: dict[str, str] | None = None,
        keras: bool = True,
        sandbox: bool = True,
    ):
        self.sandboxed = sandbox
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        mine, theirs = socket.socketpair()
        self.lines = Lines(mine)
        variables = ENVIRONMENT | (environment or {})
        self.program: WarmProgram | Program
        try:
            with theirs:
                if sandbox:
                    shared = replace(settings or NOTHING_WARM, helpers=HELPERS)
                    self.program = WarmProgram(PROGRAM, [theirs.fileno()], shared, variables, LIMITS)
                else:
                    self.program = Program(theirs, _python(theirs), os.environ | variables)
        except WarmkernelError as e:
            self.lines.close()
            raise _no_sandbox(e) from e
        with contextlib.suppress(OSError):  # a host that ended immediately is noticed when it does not reply
            send(mine, {"keras": keras})
        answer = self.lines.read(START)
        if not answer.get("ready"):
            last = self.program.said() if isinstance(self.program, Program) else ""
            said = str(answer.get("failed", "")) or plain(last, 300) or "no output"
            self.close()
            raise AutograderError(f"The checker could not start ({said}). Run: autograder doctor")

    @property
    def alive(self) -> bool:
        """Whether the host is still running."""
        return self.lines.open

    def server(self, cells: Sequence[CodeCell], folder: Path | None = None) -> Server:
        """The checker server of a notebook.

        Parameters
        ----------
        cells : sequence of CodeCell
            The instructor's cells.
        folder : Path, optional
            The instructor's copy of the assignment's folder. Its regular files and folders are copied into the sandbox, up to
            half of LIMITS.disk in total.

        Raises
        ------
        AutograderError
            If the host has ended, the folder is too large, or the locked cells fail.
        """
        if not self.sandboxed or folder is None:
            return Server(cells, folder, lambda theirs: self._fork(theirs, None, None))
        place = ASSIGNMENTS / str(next(self.numbers))
        try:
            archive = working_folder.pack(folder, LIMITS)
        except WarmkernelError:
            raise AutograderError(
                f"{folder} cannot be read, or exceeds {LIMITS.disk // 2 >> 20:,} MiB or {LIMITS.inodes // 2:,} files, "
                "the limits for copying it for the checks. Move large data to a cache folder."
            ) from None
        try:
            return Server(cells, place, lambda theirs: self._fork(theirs, place, archive))
        finally:
            os.close(archive)

    def close(self) -> None:
        """Ends the host and all its servers."""
        self.lines.close()
        self.program.end()

    def __enter__(self) -> CheckerHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fork(self, theirs: socket.socket, place: Path | None, archive: int | None) -> _Fork:
        descriptors = [theirs.fileno(), *([] if archive is None else [archive])]
        with self.lock:
            with contextlib.suppress(OSError):
                send(self.lines.sock, {"fork": len(descriptors), "folder": str(place or "")}, descriptors)
            pid = int(self.lines.read(limits.START).get("pid", 0))
        if not pid:
            raise AutograderError(
                "The checker stopped unexpectedly. Is there enough memory? Run the grading again to continue."
            )
        return _Fork(self, pid)

    def _end(self, pid: int) -> None:
        with self.lock, contextlib.suppress(OSError):  # a host that has ended has no servers
            send(self.lines.sock, {"end": pid})


class _Fork:
    """The process of one server, seen from the runner."""

    def __init__(self, host: CheckerHost, pid: int):
        self.host, self.pid = host, pid

    def said(self) -> str:
        return ""  # it reports on its socket why it did not start

    def end(self) -> None:
        self.host._end(self.pid)


def _python(theirs: socket.socket) -> list[str]:
    return [sys.executable, "-P", "-m", PROGRAM, str(theirs.fileno())]


def _no_sandbox(error: WarmkernelError) -> AutograderError:
    step = getattr(error, "step", "settings")
    said, cure = getattr(error, "said", str(error)), getattr(error, "advice", "")
    return AutograderError(
        f"No sandbox can be created for the checks ({step}: {said}). {cure}\nTo check this machine, run: autograder doctor"
    )

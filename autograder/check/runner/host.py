"""One process in a sandbox that has imported Keras, and forks the checker servers of all notebooks of a course.

`CheckerHost` lives in the runner and starts `checker.host_process` beside the kernels (`warmkernel.warm_program`): a fork of the
process that students' kernels are forked from, which has imported what it needs. What a check needs of the machine is shown read-only:
the Python environment, our packages, data caches. An assignment's folder is known later than the host's start, and is copied in
when its server starts: a server can then write beside its files, and the folder stays as it is.

A server interprets what students return. So it is in a jail of its own, locked as those of kernels are: no network, no
capability, a user that owns nothing on the machine (for root; an ordinary user stays who they are), few system calls. Of the
jails of kernels it sees nothing, nor they of it.
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

PROGRAM = "autograder.check.checker.host_process"  # what runs in the sandbox
HELPERS = ("autograder", "data_fetch", "medxai", "warmkernel")
ASSIGNMENTS = Path("/tmp/assignments")
START = 180.0  # seconds to make the sandbox and to import Keras
# Of all servers and their children together; threads count. Memory is of one process, and `server_process.MEMORY` is less.
LIMITS = Limits(wall=0, memory=8 << 30, processes=512 + 64 * (os.cpu_count() or 1), files=1024, disk=2 << 30)
NOTHING_WARM = Settings(preload=tuple(f"-{name.removesuffix('?')}" for name in pool.PRELOAD))


class CheckerHost:
    """Starts checker servers, which share one import of Keras. Threads of the runner may share it.

    Everything in it ends when the runner does, killed or not.

    Parameters
    ----------
    settings : warmkernel.settings.Settings, optional
        Of the kernels whose warm process is shared; what is shown to them is shown to checks. Default: a process of its own, with
        nothing imported yet.
    environment : dict, optional
        Environment variables, beside the few that are always set; nothing else of the runner's environment is there.
    keras : bool
        Whether to import Keras.
    sandbox : bool
        False starts the same process without a sandbox and with the runner's environment.

    Raises
    ------
    AutograderError
        If there can be no sandbox here, or Keras cannot be imported; says why and what to type.
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
        with contextlib.suppress(OSError):  # a host that ended at once is noticed when it does not answer
            send(mine, {"keras": keras})
        answer = self.lines.read(START)
        if not answer.get("ready"):
            last = self.program.said() if isinstance(self.program, Program) else ""
            said = str(answer.get("failed", "")) or plain(last, 300) or "it said nothing"
            self.close()
            raise AutograderError(f"The checker could not start ({said}). Type: autograder doctor")

    @property
    def alive(self) -> bool:
        """Whether the host is still there."""
        return self.lines.open

    def server(self, cells: Sequence[CodeCell], folder: Path | None = None) -> Server:
        """The checker server of a notebook.

        Parameters
        ----------
        cells : sequence of CodeCell
            The instructor's cells.
        folder : Path, optional
            The instructor's copy of the assignment's folder. Its regular files and folders are copied into the sandbox, up to
            half of LIMITS.disk.

        Raises
        ------
        AutograderError
            If the host is gone, the folder holds too much, or the locked cells do not run.
        """
        if not self.sandboxed or folder is None:
            return Server(cells, folder, lambda theirs: self._fork(theirs, None, None))
        place = ASSIGNMENTS / str(next(self.numbers))
        try:
            archive = working_folder.pack(folder, LIMITS)
        except WarmkernelError:
            raise AutograderError(
                f"{folder}: cannot be read, or holds more than {LIMITS.disk // 2 >> 20:,} MiB or {LIMITS.inodes // 2:,} files, "
                "which is what is copied for the checks. Move large data to a cache folder."
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
            raise AutograderError("The checker ended. Is there enough memory? Grade again to go on.")
        return _Fork(self, pid)

    def _end(self, pid: int) -> None:
        with self.lock, contextlib.suppress(OSError):  # a host that is gone has no servers
            send(self.lines.sock, {"end": pid})


class _Fork:
    """The process of one server, seen from the runner."""

    def __init__(self, host: CheckerHost, pid: int):
        self.host, self.pid = host, pid

    def said(self) -> str:
        return ""  # it says on its socket why it did not start

    def end(self) -> None:
        self.host._end(self.pid)


def _python(theirs: socket.socket) -> list[str]:
    return [sys.executable, "-P", "-m", PROGRAM, str(theirs.fileno())]


def _no_sandbox(error: WarmkernelError) -> AutograderError:
    step = getattr(error, "step", "settings")
    said, cure = getattr(error, "said", str(error)), getattr(error, "advice", "")
    return AutograderError(
        f"No sandbox can be made for the checks ({step}: {said}). {cure}\nTo see what this machine can do, type: autograder doctor"
    )

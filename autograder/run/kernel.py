"""The student's kernel, as a walk over a submission's cells needs it: warm and sandboxed, or, if asked for, neither.

Nothing that a cell prints or displays is received: the runner talks on the shell channel alone, whose replies are bounded.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from autograder.check.runner.host import HELPERS
from autograder.check.runner.responder_code import MODULE, serve_code, setup_code
from autograder.errors import AutograderError
from autograder.record.sentences import how_it_ended
from autograder.run.results import Ran, kernel_ended, not_stopped, out_of_time, raised
from warmkernel import kernelspec, pool, settings
from warmkernel.errors import WarmkernelError
from warmkernel.inside.run_kernel import CHANNEL_VARIABLE

LARGEST_REPLY = 4 << 20  # bytes of one message; the student's process can forge replies of any size
START = 60.0  # seconds until a kernel must have answered for the first time
GRACE = 2.0  # seconds for a cell to hear an interrupt
LOOK = 0.1  # seconds between two looks at a kernel that does not answer
# What a student's code may not learn of the grader, or change in it, is not there; this is all of its environment.
PASSED_VARIABLES = ("DATA_FETCH_*", "MEDXAI_*", "OMP_*", "TF_*")
# The value of the last expression, where a check cell is judged in the kernel: nbgrader's partial credit.
LAST_VALUE = "Out.get(get_ipython().execution_count - 1)"
CONTROL = f"__import__({MODULE!r}).CONTROL"  # where the descriptor of the channel stands in the kernel


@dataclass(frozen=True)
class Sandbox:
    """What the kernels of an assignment may see and use.

    Attributes
    ----------
    packages : tuple of str
        Import packages that are not installed in the environment's site-packages.
    show : tuple of str
        Files and folders that are shown read-only, such as a data cache.
    variables : mapping
        Environment variables, beside those of the sandbox itself.
    limits : mapping
        `warmkernel.settings.Limits` by name.
    preload : tuple of str
        Modules that the warm process imports too.
    safe : bool
        False: no sandbox, an ordinary kernel with all rights of the person who grades.
    """

    packages: tuple[str, ...] = ()
    show: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    preload: tuple[str, ...] = ()
    safe: bool = True

    def settings(self) -> settings.Settings:
        """What stands in the kernelspec of such kernels."""
        return settings.Settings(
            limits=settings.Limits(**self.limits),
            packages=self.packages,
            show=self.show,
            helpers=HELPERS,
            preload=self.preload,
            environment=PASSED_VARIABLES,
        )

    def specification(self) -> KernelSpec:
        """The kernelspec of such kernels."""
        if not self.safe:
            argv = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, language="python", interrupt_mode="signal", display_name="without a sandbox")
        return KernelSpec(**kernelspec.specification(self.settings()))

    def warm(self, keep: float = 0.0) -> None:
        """Starts the process that kernels are forked from, which takes seconds, before the first of them is asked for.

        Parameters
        ----------
        keep : float
            Minutes that it stays for the next command.

        Raises
        ------
        AutograderError
            If this machine cannot make the sandbox.
        """
        if self.safe:
            with _as_our_error():
                pool.get(self.settings(), {}, keep)


@contextmanager
def _as_our_error() -> Iterator[None]:
    try:
        yield
    except WarmkernelError as e:
        raise AutograderError(
            f"The sandbox for students' code cannot be made: {e}\nNothing was graded. Type: autograder doctor"
        ) from e


@dataclass
class Used:
    """What a kernel used: seconds of the clock and of processors, megabytes at most, bytes that it sent, and the limit that ended it."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    sent: int = 0
    reason: str = ""


class Kernel:
    """A fresh kernel with the responder in it; see `walk.Kernel`.

    Parameters
    ----------
    sandbox : Sandbox
    folder : Path
        Its working folder; a sandboxed kernel gets a copy of the regular files in it.

    Raises
    ------
    AutograderError
        If no kernel can be started on this machine; the message says what to type.
    """

    def __init__(self, sandbox: Sandbox, folder: Path):
        self.begun = time.monotonic()
        self.used = Used()
        self.control, theirs = socket.socketpair()
        # The connection file holds the key of this kernel; it is gone with the folder, also when the grader is killed.
        self.files = tempfile.TemporaryDirectory(prefix="kernel-", dir=folder.parent)
        self.manager = KernelManager(
            context=_context(),
            connection_file=str(Path(self.files.name) / "kernel.json"),
            kernel_spec_manager=kernelspec.OneKernelspec(sandbox.specification()),
        )
        try:
            with theirs, _as_our_error():
                self._start(sandbox, folder, theirs.fileno())
            self.client = self.manager.client()
            self.client.start_channels(shell=True, iopub=False, stdin=False, hb=False, control=False)
            ran = self._wait(self._send(_setup()), START)
        except BaseException:
            self.close()
            raise
        if ran.ended is not None:
            self.close()
            raise AutograderError(
                f"A kernel for students' code did not start ({how_it_ended(ran.ended)}; {self.used.reason or 'no limit was passed'}). "
                "Is there enough memory? Type: autograder doctor"
            )

    def _start(self, sandbox: Sandbox, folder: Path, channel: int) -> None:
        if sandbox.safe:
            self.manager.start_kernel(cwd=str(folder), channel=channel, env={**os.environ, **sandbox.variables})
            return
        os.set_inheritable(channel, True)
        variables = {**os.environ, **sandbox.variables, CHANNEL_VARIABLE: str(channel), "MPLBACKEND": "agg"}
        with open(os.devnull, "wb") as nothing:
            self.manager.start_kernel(
                cwd=str(folder), env=variables, stdout=nothing, stderr=nothing, pass_fds=(channel,)
            )

    def run(self, source: str, seconds: float) -> Ran:
        """Runs a cell; one that takes longer than `seconds` is interrupted, and its kernel ended when it does not hear that."""
        return self._wait(self._send(source, {"value": LAST_VALUE}), seconds)

    def begin_serving(self) -> None:
        """Lets the responder answer on the channel that comes next."""
        self.serving = self._send(serve_code(CONTROL))

    def end_serving(self, seconds: float) -> Ran:
        """Waits for the responder's end, and says how the kernel came out of it."""
        return self._wait(self.serving, seconds)

    def _send(self, source: str, expressions: dict[str, str] | None = None) -> str:
        return self.client.execute(
            source, user_expressions=expressions or {}, allow_stdin=False, stop_on_error=False, store_history=True
        )

    def _wait(self, message: str, seconds: float) -> Ran:
        content = self._reply(message, seconds)
        if content is None and self._alive():
            for _ in range(2):  # the first may have hit a handler of the student's
                self.manager.interrupt_kernel()
                content = self._reply(message, GRACE)
                if content is not None or not self._alive():
                    break
            if content is not None:
                return out_of_time(seconds)
            if self._alive():
                self.manager.shutdown_kernel(now=True)
                return not_stopped(seconds)
        if content is None:
            end = self._end()
            return kernel_ended(end.reason, end.exit_code) if end else kernel_ended()
        if content.get("status") != "ok":
            return raised(str(content.get("ename", "error"))[:200], str(content.get("evalue", ""))[:2000])
        return Ran(value=_value(content))

    def _reply(self, message: str, seconds: float) -> dict[str, Any] | None:
        """The content of the reply to a message; None when none came, or the kernel died."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                reply = self.client.get_shell_msg(timeout=min(LOOK, left))
                content = reply["content"]
                if reply["parent_header"].get("msg_id") == message and isinstance(content, dict):
                    return content
            except Exception:  # nothing yet, or something that is no message: it comes from the student's process
                if not self._alive():
                    return None
        return None

    def _alive(self) -> bool:
        return bool(self.manager.is_alive())

    def _end(self) -> Any:
        """What the sandbox knows of the kernel's end (`warmkernel.provisioner.End`), None where there is none."""
        return getattr(self.manager.provisioner, "end", None)

    def close(self) -> None:
        """Ends the kernel with all its processes, and notes what it used."""
        with suppress(AttributeError):
            self.client.stop_channels()
        provisioner = self.manager.provisioner
        if provisioner is not None:
            with suppress(Exception):
                self.manager.shutdown_kernel(now=True)
        self.used.seconds = time.monotonic() - self.begun
        if (end := self._end()) is not None:
            self.used.cpu_seconds, self.used.sent, self.used.reason = end.cpu_seconds, end.output, end.reason
            self.used.peak_mb = end.peak_memory / 2**20
        self.control.close()
        self.files.cleanup()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _value(content: dict[str, Any]) -> str | None:
    try:
        text = content["user_expressions"]["value"]["data"]["text/plain"]
    except (KeyError, TypeError):
        return None
    return text[:1000] if isinstance(text, str) and text != "None" else None


@cache
def _setup() -> str:
    """Puts the responder into a kernel, and notes where its channel is before a student can change that."""
    return f"{setup_code()}{CONTROL} = int(__import__('os').environ.pop({CHANNEL_VARIABLE!r}))\n"


def _context() -> zmq.Context:
    """One for all kernels of this process: what comes from them is bounded before it is read."""
    global _shared
    if _shared is None:
        _shared = zmq.Context()
        _shared.setsockopt(zmq.MAXMSGSIZE, LARGEST_REPLY)
        _shared.setsockopt(zmq.RCVHWM, 100)
        _shared.setsockopt(zmq.LINGER, 0)
    return _shared


_shared: zmq.Context | None = None

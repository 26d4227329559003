"""The student's kernel, as used by a walk over a submission's cells: warm and sandboxed or, on request, neither.

Printed or displayed output is never received: the runner uses only the shell channel, whose replies are bounded.
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

LARGEST_REPLY = 4 << 20  # bytes per message; the student's process can forge replies of any size
START = 60.0  # seconds within which a kernel must reply for the first time
GRACE = 2.0  # seconds for a cell to react to an interrupt
LOOK = 0.1  # polling interval in seconds for a kernel that does not reply
# The whole environment: nothing that reveals the grader to a student's code, or lets the code change it.
PASSED_VARIABLES = ("DATA_FETCH_*", "MEDXAI_*", "OMP_*", "TF_*")
# The value of the last expression of a check cell that runs in the kernel: nbgrader's partial credit.
LAST_VALUE = "Out.get(get_ipython().execution_count - 1)"
CONTROL = f"__import__({MODULE!r}).CONTROL"  # the kernel's variable with the channel's file descriptor


@dataclass(frozen=True)
class Sandbox:
    """The resources that an assignment's kernels may see and use.

    Attributes
    ----------
    packages : tuple of str
        Import packages that are not installed in the environment's site-packages.
    show : tuple of str
        Files and folders visible read-only, such as a data cache.
    variables : mapping
        Environment variables, in addition to the sandbox's own.
    limits : mapping
        `warmkernel.settings.Limits` by name.
    preload : tuple of str
        Additional modules that the warm process imports.
    safe : bool
        False: no sandbox, an ordinary kernel with all permissions of the user.
    """

    packages: tuple[str, ...] = ()
    show: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, Any] = field(default_factory=dict)
    preload: tuple[str, ...] = ()
    safe: bool = True

    def settings(self) -> settings.Settings:
        """The settings in the kernelspec of such kernels."""
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
        """Starts the process that kernels are forked from in advance, because it takes seconds.

        Parameters
        ----------
        keep : float
            Minutes to keep it for the next command.

        Raises
        ------
        AutograderError
            If this machine cannot create the sandbox.
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
            f"The sandbox for students' code cannot be created: {e}\nNothing was graded. Run: autograder doctor"
        ) from e


@dataclass
class Used:
    """A kernel's resource use: wall-clock and CPU seconds, peak megabytes, bytes sent, and the limit that ended it, if any."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    sent: int = 0
    reason: str = ""


class Kernel:
    """A fresh kernel with the responder loaded; see `walk.Kernel`.

    Parameters
    ----------
    sandbox : Sandbox
    folder : Path
        Its working folder; a sandboxed kernel gets a copy of the regular files in it.

    Raises
    ------
    AutograderError
        If no kernel can be started on this machine; the message names the next command.
    """

    def __init__(self, sandbox: Sandbox, folder: Path):
        self.begun = time.monotonic()
        self.used = Used()
        self.control, theirs = socket.socketpair()
        # The connection file contains this kernel's key; it is deleted with the folder, even if the grader is killed.
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
                f"A kernel for students' code did not start ({how_it_ended(ran.ended)}; {self.used.reason or 'no limit was exceeded'}). "
                "Is there enough memory? Run: autograder doctor"
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
        """Runs a cell and interrupts it after `seconds`; if it does not react, ends the kernel."""
        return self._wait(self._send(source, {"value": LAST_VALUE}), seconds)

    def begin_serving(self) -> None:
        """Starts the responder on the next channel."""
        self.serving = self._send(serve_code(CONTROL))

    def end_serving(self, seconds: float) -> Ran:
        """Waits for the responder to end, and returns the kernel's state."""
        return self._wait(self.serving, seconds)

    def _send(self, source: str, expressions: dict[str, str] | None = None) -> str:
        return self.client.execute(
            source, user_expressions=expressions or {}, allow_stdin=False, stop_on_error=False, store_history=True
        )

    def _wait(self, message: str, seconds: float) -> Ran:
        content = self._reply(message, seconds)
        if content is None and self._alive():
            for _ in range(2):  # the student's own handler may have caught the first
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
        """The content of the reply to a message; None if there was none, or the kernel died."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                reply = self.client.get_shell_msg(timeout=min(LOOK, left))
                content = reply["content"]
                if reply["parent_header"].get("msg_id") == message and isinstance(content, dict):
                    return content
            except Exception:  # no message yet, or an invalid one from the student's process
                if not self._alive():
                    return None
        return None

    def _alive(self) -> bool:
        return bool(self.manager.is_alive())

    def _end(self) -> Any:
        """The sandbox's report on how the kernel ended (`warmkernel.provisioner.End`), None if there is none."""
        return getattr(self.manager.provisioner, "end", None)

    def close(self) -> None:
        """Ends the kernel with all its processes, and records its resource use."""
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
    """Code that loads the responder into a kernel and stores its channel before a student can change it."""
    return f"{setup_code()}{CONTROL} = int(__import__('os').environ.pop({CHANNEL_VARIABLE!r}))\n"


def _context() -> zmq.Context:
    """The ZeroMQ context shared by all kernels of this process; incoming messages are bounded before they are read."""
    global _shared
    if _shared is None:
        _shared = zmq.Context()
        _shared.setsockopt(zmq.MAXMSGSIZE, LARGEST_REPLY)
        _shared.setsockopt(zmq.RCVHWM, 100)
        _shared.setsockopt(zmq.LINGER, 0)
    return _shared


_shared: zmq.Context | None = None

"""Process 1 of a kernel's namespace. It lives as long as the kernel: when it ends, Linux kills everything in the namespace."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import time
from typing import NoReturn

from .fork_service import ForkService
from .limit_watcher import LimitWatcher
from .relay import Relay

_LOOK_EVERY = 0.1
_LAST_WORDS = 1.0


class Init:
    """Reaps processes, relays channels, watches the limits, forwards signals, and forks on request.

    `control` is the socket to the client: signals arrive on it as {"signal": 2}, or {} to end the kernel, and the end of
    the kernel is reported on it. It closes when the client ends, in whatever way, and this process ends with it.
    """

    def __init__(
        self, control: socket.socket, kernel: int, relay: Relay, forks: ForkService, watcher: LimitWatcher
    ) -> None:
        self.control, self.kernel = control, kernel
        self.relay, self.forks, self.watcher = relay, forks, watcher

    def run(self, output: int | None) -> NoReturn:
        """Run until the kernel has ended or a limit is exceeded; `output` is the limit on the bytes sent by the kernel."""
        look = 0.0
        while True:
            poller = select.poll()
            poller.register(self.control, select.POLLIN)
            self.relay.register(poller)
            self.forks.register(poller)
            # A starting kernel has not bound its sockets yet, and does not signal when it has.
            pause = 0.005 if self.relay.waiting else max(0.001, look - time.monotonic())
            ready = {number for number, _ in poller.poll(min(pause, _LOOK_EVERY) * 1000)}
            if self.control.fileno() in ready:
                self._obey()
            self.relay.carry(ready)
            self.forks.serve(ready)
            self._reap()
            if output is not None and self.relay.said > output:
                self._end(-signal.SIGKILL, f"output: the limit of {output / 2**20:,.0f} MiB was exceeded")
            if time.monotonic() >= look:
                look = time.monotonic() + _LOOK_EVERY
                if reason := self.watcher.passed():
                    self._end(-signal.SIGKILL, reason)

    def _obey(self) -> None:
        message = self.control.recv(4096)
        if not message:
            os._exit(0)
        number = json.loads(message).get("signal")
        if number is None:
            self._end(-signal.SIGKILL, "")
        for send in (os.killpg, os.kill):
            try:
                send(self.kernel, number)
                return
            except OSError:  # it left its process group, or has ended
                continue

    def _reap(self) -> None:
        while True:
            try:
                number, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if number == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if number == self.kernel:
                self._end(code, "")
            self.forks.ended(number, code)

    def _end(self, code: int, reason: str) -> NoReturn:
        """Kill the remaining processes, pass on the kernel's last output, and report how it ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        # A killed kernel has no output worth waiting for.
        self.relay.finish(_LAST_WORDS if code >= 0 else 0.0)
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                break
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        end = {
            "exit": code,
            "reason": reason,
            "peak_memory": self.watcher.peak,
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
            "output": self.relay.said,
        }
        try:
            self.control.send(json.dumps(end).encode())
        finally:
            os._exit(0)

"""A program of the grader that starts warm: a fork of the kernels' zygote, in a jail like theirs.

It shares the zygote's imports, and sees the kernelspec's `helpers` packages, which kernels do not. Kernels are also forks
of the zygote, never of this program.
"""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict

from . import pool, sandbox, working_folder
from .settings import Limits, Settings
from .visible_files import HELPERS, visible_files


class WarmProgram:
    """Calls `main` of a module, with inherited descriptors as its arguments.

    Its output is discarded. It ends, with everything it started, when `end` is called or this process ends.

    Parameters
    ----------
    module : str
        A module of one of the settings' `helpers` packages, or an installed one.
    descriptors : sequence of int
        Copied; `main` gets their numbers in the new process.
    settings : Settings
        Settings of the kernels whose zygote is shared; their limits do not apply to this program.
    environment : mapping
        Environment variables in addition to those of every process in the sandbox.
    limits : Limits
        `memory` applies to each process here; the sum is not watched.

    Raises
    ------
    SandboxError
        If no sandbox can be created, with the step that failed.
    SettingsError
        If the settings name something that does not exist.
    """

    def __init__(
        self,
        module: str,
        descriptors: Sequence[int],
        settings: Settings,
        environment: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits(wall=0)
        zygote, _ = pool.get(settings, {})
        work = working_folder.pack(None, limits)
        request = {
            "program": {"module": module, "path": [HELPERS]},
            "connection": {},
            "ports": [],
            "environment": sandbox.environment(visible_files(settings), dict(environment or {})),
            "limits": asdict(limits),
            "channel": False,
            "cgroup": False,
        }
        try:
            self._control, self._handle = zygote.start(request, [work, *descriptors])
        finally:
            os.close(work)

    @property
    def alive(self) -> bool:
        """Whether it is still running."""
        if self._handle < 0:
            return False
        poller = select.poll()
        poller.register(self._handle, select.POLLIN)
        return not poller.poll(0)

    def kill(self) -> None:
        """Kill it immediately, with everything it started."""
        with suppress(OSError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def end(self) -> None:
        """End it, and wait until all its processes are gone."""
        if self._handle < 0:
            return
        with suppress(OSError):
            self._control.send(json.dumps({}).encode())
        self._control.close()
        poller = select.poll()
        poller.register(self._handle, select.POLLIN)
        if not poller.poll(2000):
            self.kill()
            poller.poll(2000)
        os.close(self._handle)
        self._handle = -1

"""A program of the grader's own that starts warm: a fork of the kernels' zygote, in a jail like theirs.

It shares what the zygote has imported, and sees the kernelspec's `helpers` packages, which no kernel does. Kernels are forks
of the zygote too, never of it.
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
    """Calls `main` of a module, with descriptors that it inherits as its arguments.

    What it prints goes nowhere. It has ended, with all that it started, when `end` is called or this process ends.

    Parameters
    ----------
    module : str
        Of one of the settings' `helpers` packages, or of an installed one.
    descriptors : sequence of int
        Copied; `main` gets the numbers they have in there.
    settings : Settings
        Of the kernels whose zygote is shared; their limits are not this program's.
    environment : mapping
        Environment variables beside those that every process in the sandbox has.
    limits : Limits
        `memory` is of one process here, and nothing watches the sum.

    Raises
    ------
    SandboxError
        If there can be no sandbox, with the step that failed.
    SettingsError
        If the settings name what is not there.
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
        """Whether it is still there."""
        if self._handle < 0:
            return False
        poller = select.poll()
        poller.register(self._handle, select.POLLIN)
        return not poller.poll(0)

    def kill(self) -> None:
        """Ends it at once, with all that it started."""
        with suppress(OSError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def end(self) -> None:
        """Ends it, and waits until nothing of it is left."""
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

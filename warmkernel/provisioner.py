"""The entry point for Jupyter: a kernel provisioner, used by any client whose kernelspec names it."""

from __future__ import annotations

import asyncio
import fnmatch
import json
import os
import secrets
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from jupyter_client.provisioning import KernelProvisionerBase

from . import cgroups, pool, settings, working_folder
from .errors import SandboxError

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
_KERNEL_ADDRESS = "@warmkernel"  # in the sandbox, "-1" to "-5" is added


@dataclass(frozen=True)
class End:
    """How a kernel ended. `exit_code` as in subprocess (-9: killed); `reason` is the limit that it exceeded, or empty."""

    exit_code: int
    reason: str = ""
    peak_memory: int = 0
    """Bytes, as measured by the watcher or the cgroup."""
    cpu_seconds: float = 0.0
    output: int = 0
    """Bytes sent to the client."""


class WarmProvisioner(KernelProvisionerBase):
    """Starts kernels as forks of this process's zygote.

    Attributes
    ----------
    end : End or None
        How the last kernel ended; None while it is alive or if none was started.
    memory_by : str
        What enforces the memory limit: "cgroup" or "watcher".

    `start_kernel(channel=fd)` passes the kernel a copy of one descriptor, whose number is in its environment variable
    WARMKERNEL_CHANNEL. This applies only to the first start: after a restart the number may refer to something else.
    """

    _control: socket.socket | None = None
    _handle: int | None = None
    _group: cgroups.Group | None = None
    _address: str | None = None
    _settings = settings.Settings()
    _started_once = False
    end: End | None = None
    memory_by = "watcher"

    @property
    def has_process(self) -> bool:
        """Whether a kernel was started and its end has not been waited for."""
        return self._control is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Find or start the warm process of this kernelspec, and write the connection file. SandboxError if that fails."""
        self._settings = settings.read(self.kernel_spec.metadata)
        prepared = await super().pre_launch(cmd=[], **kwargs)
        own = {name: prepared["env"][name] for name in self.kernel_spec.env}
        self._variables = own
        self._zygote, self._environment = await asyncio.to_thread(pool.get, self._settings, own)
        manager: Any = self.parent
        if self._address is None:
            self._address = f"{self._zygote.folder}/{secrets.token_hex(4)}"
            manager.transport, manager.ip, manager.cache_ports = "ipc", self._address, False
        manager.write_connection_file()
        self.connection_info = manager.get_connection_info()
        return prepared

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork the kernel, and return how to connect to it. `cmd` is not used. SandboxError if the fork fails."""
        try:
            await self._launch(kwargs)
        except BaseException:
            self._remove_sockets()
            raise
        self.end = None
        return self.connection_info

    async def _launch(self, kwargs: dict[str, Any]) -> None:
        limits = self._settings.limits
        channel = None if self._started_once else kwargs.get("channel")
        self._started_once = True
        environment = {**self._environment, **self._passed_variables(kwargs.get("env", {}))}
        with self._sent_descriptors(channel) as (descriptors, ports):
            descriptors.append(await asyncio.to_thread(working_folder.pack, kwargs.get("cwd"), limits))
            if channel is not None:
                descriptors.append(os.dup(channel))
            self._group = await asyncio.to_thread(cgroups.new_group, limits)
            if self._group is not None:
                descriptors.append(self._group.entrance())
            self.memory_by = "watcher" if self._group is None else "cgroup"
            request = {
                "connection": self._inner_connection(ports),
                "ports": list(range(1, len(ports) + 1)),
                "environment": environment,
                "limits": asdict(limits) | {"socket_buffer": _socket_buffer()},
                "channel": channel is not None,
                "cgroup": self._group is not None,
            }
            try:
                self._control, self._handle = await self._fork(request, descriptors)
            except BaseException:
                self._leave_group()
                raise

    async def _fork(self, request: dict[str, Any], descriptors: list[int]) -> tuple[socket.socket, int]:
        try:
            return await asyncio.to_thread(self._zygote.start, request, descriptors)
        except SandboxError:
            if self._zygote.alive:
                raise
        # The zygote was killed, perhaps just now. Its successor gets one try.
        self._zygote, _ = await asyncio.to_thread(pool.get, self._settings, self._variables)
        return await asyncio.to_thread(self._zygote.start, request, descriptors)

    def _passed_variables(self, given: dict[str, str]) -> dict[str, str]:
        patterns = self._settings.environment
        return {n: v for n, v in given.items() if any(fnmatch.fnmatchcase(n, pattern) for pattern in patterns)}

    @contextmanager
    def _sent_descriptors(self, channel: int | None) -> Iterator[tuple[list[int], list[int]]]:
        """Listening sockets for the client's connections, closed here afterwards; and their ports."""
        ports = self._outer_ports()
        descriptors: list[int] = []
        try:
            for port in ports:
                path = f"{self._address}-{port}"
                if os.path.exists(path):  # left by the kernel before a restart
                    os.unlink(path)
                listener = socket.socket(socket.AF_UNIX)
                descriptors.append(listener.detach())
                with socket.socket(fileno=os.dup(descriptors[-1])) as listener:
                    listener.bind(path)
                    listener.listen(16)
            yield descriptors, ports
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _outer_ports(self) -> list[int]:
        info: dict[str, Any] = dict(self.connection_info)
        return [info[name] for name in (f"{channel}_port" for channel in CHANNELS) if name in info]

    def _inner_connection(self, ports: list[int]) -> dict[str, Any]:
        info = self.connection_info
        inner = {f"{name}_port": number for number, name in enumerate(CHANNELS, 1)}
        key = info["key"].decode() if isinstance(info["key"], bytes) else info["key"]
        scheme = info["signature_scheme"]
        return {"transport": "ipc", "ip": _KERNEL_ADDRESS, "key": key, "signature_scheme": scheme, **inner}

    async def poll(self) -> int | None:
        """The exit code, -N for signal N; None while the kernel is alive or before the first start."""
        if self._handle is None:
            return self.end.exit_code if self.end else None
        poller = select.poll()
        poller.register(self._handle, select.POLLIN)
        if poller.poll(0):  # process 1 has ended, and with it all processes of the kernel
            self._collect()
        return self.end.exit_code if self.end else None

    def _collect(self) -> None:
        """Read the last message and release the kernel's resources."""
        assert self._control is not None and self._handle is not None
        end: dict[str, Any] = {}
        try:
            while message := self._control.recv(1 << 16):
                end = json.loads(message)
        except OSError:
            pass
        os.close(self._handle)
        self._handle = None
        code, reason = end.get("exit", -signal.SIGKILL), end.get("reason", "")
        peak = end.get("peak_memory", 0)
        if self._group is not None:
            peak = self._group.peak() or peak
            reason = reason or self._group.reason()
        self._leave_group()
        self.end = End(code, reason, peak, end.get("cpu_seconds", 0.0), end.get("output", 0))
        if reason:
            self.log.warning("The kernel exceeded a limit and was killed. %s", reason)

    def _leave_group(self) -> None:
        if self._group is not None:
            self._group.remove()
            self._group = None

    async def wait(self) -> int | None:
        """Wait until the kernel has ended, and return its exit code."""
        while self._handle is not None and await self.poll() is None:
            await asyncio.sleep(0.005)
        if self._control is not None:
            self._control.close()
            self._control = None
        return self.end.exit_code if self.end else None

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel; SIGKILL also kills everything that it started."""
        if self._control is None or signum == 0:
            return
        if signum == signal.SIGKILL:
            return await self.kill()
        with suppress(OSError):  # it has ended or is not listening: `kill` handles that
            self._control.send(json.dumps({"signal": int(signum)}).encode())

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel and everything that it started."""
        if self._handle is None:
            return
        # On request, process 1 kills the rest and reports the resources used. The manager would poll only every 0.1 s.
        with suppress(OSError):
            assert self._control is not None
            self._control.send(b"{}")
            await self._soon(0.5)
        if self._handle is not None:
            with suppress(OSError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            await self._soon(2.0)

    async def terminate(self, restart: bool = False) -> None:
        """As `kill`."""
        await self.kill(restart)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Give a kernel that was asked to shut down half a second to do so."""
        # As in `kill`: most kernels have ended before the manager polls for the first time.
        await self._soon(0.5)

    async def _soon(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while await self.poll() is None and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.005)

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the sockets; a restarting kernel keeps its address."""
        self._remove_sockets()
        if not restart:
            self._address = None

    def _remove_sockets(self) -> None:
        if self._address is not None:
            for port in self._outer_ports():
                with suppress(FileNotFoundError):
                    os.unlink(f"{self._address}-{port}")

    def __del__(self) -> None:
        # A client that drops its kernel: the socket closes by itself, which ends the kernel; the handle is a plain number.
        if self._handle is not None:
            os.close(self._handle)

    async def get_provisioner_info(self) -> dict[str, Any]:
        """Jupyter's provisioner information, and under "warmkernel" the limits, `memory_by` and how the kernel ended."""
        info = await super().get_provisioner_info()
        info["warmkernel"] = {
            "memory_by": self.memory_by,
            "limits": asdict(self._settings.limits),
            "end": asdict(self.end) if self.end else None,
        }
        return info


def _socket_buffer() -> int:
    """Maximum number of bytes that a socket buffers for its reader. Not readable from inside a network namespace."""
    try:
        with open("/proc/sys/net/core/wmem_default", encoding="utf-8") as file:
            return max(int(file.read()), 212_992)
    except (OSError, ValueError):
        return 212_992

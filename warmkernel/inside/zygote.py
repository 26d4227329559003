"""The warm process: imports the modules that notebooks use, runs nothing, and forks one jailed kernel per request.

Started in bubblewrap as `python -m _warmkernel.zygote FD`: FD is a SOCK_SEQPACKET socket to the process that requests
kernels. The first message is the configuration (warmkernel.sandbox), each further one a request for a kernel
(warmkernel.provisioner) or for a program next to the kernels (warmkernel.warm_program). The zygote ends when the socket
closes.

    zygote --fork--> a helper that leaves the zygote's namespaces --fork--> process 1 (jail, init) --fork--> the kernel
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import resource
import signal
import socket
import sys
import time
from typing import Any, NoReturn

from . import fork_service, fresh_process, init, jail, limit_watcher, linux, relay, run_kernel, run_program, unpack

_LARGEST_REQUEST = 1 << 18


def main() -> None:
    """Import the configured modules, report ready, then fork a kernel for each request on the descriptor in `sys.argv[1]`."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    configuration = json.loads(orders.recv(_LARGEST_REQUEST) or sys.exit(0))
    try:
        started = time.monotonic()
        with jail.step("zygote's user"):
            if configuration["root"]:
                _leave_root(configuration["user"])
        _clean_path()
        with jail.step("imports"):
            _import_all(configuration["preload"])
        gc.enable()
        gc.collect()
        gc.freeze()  # otherwise the garbage collector of every fork would write to, and thus copy, all pages
        orders.send(json.dumps({"ready": round(time.monotonic() - started, 2)}).encode())
    except jail.StepFailed as failed:
        _report(orders, failed)
        sys.exit(1)
    # Descriptors in flight are counted per user: those of one kernel must not block those of the next.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)  # as in process 1: Linux then shields it from its children
    # Forks communicate over sockets: a log file would be shared by all students.
    os.dup2(0, 1)
    os.dup2(0, 2)
    while True:
        data, descriptors, _, _ = socket.recv_fds(orders, _LARGEST_REQUEST, 16)
        if not data:
            return
        if (helper := os.fork()) == 0:
            orders.close()
            _enter_jail(json.loads(data), descriptors, configuration)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(helper, 0)


def _leave_root(user: int | None) -> None:
    """Mount a /proc without bubblewrap's masks, which would prevent kernels from mounting theirs; then drop root for good.

    Without a `user`, root is an ordinary user in its user namespace, which has no other user.
    """
    linux.mount("proc", "/proc", "proc", linux.NO_SUID | linux.NO_DEVICES | linux.NO_PROGRAMS)
    if user is None:
        return
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    linux.prctl(linux.PR_SET_DUMPABLE, 1)


def _clean_path() -> None:
    # The first entry is the starting folder; this package is of no use to notebooks.
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [entry for entry in sys.path[1:] if entry not in ("", ours)]
    sys.argv = [""]


def _import_all(names: list[str]) -> None:
    """Import modules; a name that ends in "?" only if it is installed."""
    gc.disable()  # imports create almost no garbage, and collecting would take a sixth of the time
    for name in names:
        wanted = name.removesuffix("?")
        if wanted != name and importlib.util.find_spec(wanted.split(".")[0]) is None:
            continue
        try:
            importlib.import_module(wanted)
        except ModuleNotFoundError:
            if wanted == name:
                raise
        if (threads := len(os.listdir("/proc/self/task"))) > 1:
            raise RuntimeError(
                f"importing {wanted} started {threads - 1} threads; a process with threads cannot be forked"
            )


def _enter_jail(request: dict[str, Any], descriptors: list[int], configuration: dict[str, Any]) -> NoReturn:
    control = socket.socket(fileno=descriptors[0])
    try:
        os.setsid()
        if request["cgroup"]:
            with jail.step("cgroup"):
                os.write(descriptors.pop(), b"0")
        jail.enter()
        if os.fork() == 0:
            _process_one(request, control, descriptors[1:], configuration)
    except BaseException as error:
        _report(control, error)
    os._exit(0)


def _process_one(
    request: dict[str, Any], control: socket.socket, descriptors: list[int], configuration: dict[str, Any]
) -> NoReturn:
    try:
        fresh_process.keep_only({control.fileno(), *descriptors})
        # The grader uses this handle to kill process 1, and with it all other processes.
        handle = os.pidfd_open(os.getpid())
        socket.send_fds(control, [b"{}"], [handle])
        os.close(handle)
        ports, wanted = request["ports"], request.get("program")
        listeners = {port: socket.socket(fileno=n) for port, n in zip(ports, descriptors, strict=False)}
        folder, *rest = descriptors[len(ports) :]
        channel = rest[0] if request["channel"] else None
        limits = request["limits"]

        jail.furnish(limits, configuration["covered" if wanted is None else "covered_helpers"], configuration["kept"])
        jail.lock(limits)
        with jail.step("working folder"):
            unpack.unpack(folder, jail.WORK)
        environment = {**request["environment"], fork_service.VARIABLE: fork_service.ADDRESS}
        service = fork_service.ForkService(environment)
        # Its children must not read this process.
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        if (number := os.fork()) == 0:
            if wanted is not None:
                run_program.run(wanted, environment, rest)
            run_kernel.run(request["connection"], environment, channel)
        for descriptor in rest:
            os.close(descriptor)
        control.send(json.dumps({"started": number}).encode())
        watcher = limit_watcher.LimitWatcher(limits, watches_memory=wanted is None and not request["cgroup"])
        init.Init(control, number, relay.Relay(listeners), service, watcher).run(limits["output"])
    except BaseException as error:
        _report(control, error)
    os._exit(1)


def _report(control: socket.socket, error: BaseException) -> None:
    step, said = (error.step, error.said) if isinstance(error, jail.StepFailed) else ("start", repr(error))
    with contextlib.suppress(OSError):
        control.send(json.dumps({"failed": step, "said": said[:2000]}).encode())


if __name__ == "__main__":
    main()

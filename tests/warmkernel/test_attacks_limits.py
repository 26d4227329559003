"""A kernel can only use up its own resources: memory, processes, files, disk, time; other kernels continue.

Linux counts some resources per user, not per sandbox, and all kernels of one client are one user: such a budget
needs a limit per kernel, or one student takes all of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import socket
import subprocess
import textwrap
import time

import pytest
from warm_attacks import ask, libc, processes, soon, text_of, tried

pytestmark = pytest.mark.kernel

MIB = 2**20


def ended_by(kernel, limit):
    """Whether the kernel was ended by this limit and reports it."""
    end = kernel.info()["end"]
    return end is not None and end["exit_code"] == -signal.SIGKILL and end["reason"].startswith(limit)


def test_six_gigabytes_in_one_array(kernels):
    """A MemoryError, as on a machine with that much memory, and the notebook continues."""
    kernel = kernels()
    reply = kernel.run("import numpy; a = numpy.ones(6 << 27)")
    assert reply.status == "error" and "MemoryError" in reply.error
    assert kernel.value("print(6 * 7)") == "42"


@pytest.mark.parametrize(
    "code",
    [
        """
            import os, time
            for _ in range(30):
                if os.fork() == 0:
                    mine = bytearray(os.urandom(1 << 20) * 40)
                    time.sleep(600)
            time.sleep(600)""",
        """
            import mmap, os, time
            for _ in range(8):
                block = mmap.mmap(-1, 100 << 20)
                if os.fork() == 0:
                    for _ in range(100): block.write(os.urandom(1 << 20))
                    time.sleep(600)
            time.sleep(600)""",
        """
            import time
            for folder in ("/tmp/work", "/dev/shm"):
                with open(f"{folder}/big", "wb") as file:
                    try:
                        for _ in range(450): file.write(bytes(1 << 20))
                    except OSError: pass
            time.sleep(600)""",
        """
            import ctypes, os, time
            libc = ctypes.CDLL(None)
            libc.mmap.restype = ctypes.c_void_p
            libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
            size = 24 << 30
            for _ in range(20):
                if os.fork() == 0:
                    start = libc.mmap(None, size, 1, 0x4022, -1, 0)
                    for place in range(start, start + size, 1 << 21): ctypes.c_char.from_address(place).value
                    time.sleep(600)
            time.sleep(600)""",
        """
            import fcntl, os, struct, time
            for number in range(128):
                file = os.open(f"locked{number}", os.O_CREAT | os.O_RDWR)
                kind = (fcntl.F_SETLK, fcntl.F_OFD_SETLK)[number % 2]
                for place in range(4096, 0, -2):
                    fcntl.fcntl(file, kind, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, place, 1, 0))
            time.sleep(600)""",
        """
            import socket, time
            kept = []
            while True:
                a, b = socket.socketpair()
                a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
                a.setblocking(False)
                kept += [a, b]
                try:
                    while True: a.send(bytes(1 << 16))
                except BlockingIOError: pass
                except OSError: time.sleep(600)""",
    ],
    ids=["processes", "shared", "files", "tables", "locks", "sockets"],
)  # fmt: skip
def test_memory_wherever_it_is(kernels, code):
    """400 MiB are allowed, and the kernel requests more in ways that no per-process limit sees."""
    neighbour = kernels()
    kernel = kernels(limits={"memory": "400 MiB", "disk": "512 MiB", "file_size": "512 MiB"})
    reply = kernel.run(textwrap.dedent(code), timeout=300)
    if reply.status == "error":  # not allowed in the first place
        assert "Memory" in reply.error or "OSError" in reply.error
    else:
        assert reply.status == "dead" and ended_by(kernel, "memory"), (reply.status, kernel.info())
    assert neighbour.value("print(6 * 7)") == "42"


def test_two_thousand_forks(pair):
    """In their own sessions, with children of children; the neighbour still has its share."""

    def attack(mark):
        said = []
        for _ in range(2000):
            try:
                if os.fork() == 0:
                    os.setsid()
                    with contextlib.suppress(OSError):
                        while os.fork():
                            pass
                    os.execv("/usr/bin/sleep", [mark, "600"])
            except OSError as error:
                said.append(errno.errorcode[error.errno])
                break
        return said, sum(name.isdigit() for name in os.listdir("/proc"))

    mark = f"warmkernel-forks-{os.getpid()}-{time.monotonic_ns()}"
    attacker, neighbour = pair
    said, count = ask(attacker, attack, mark)
    assert said == ["EAGAIN"]
    assert count <= 192 + 16 * os.cpu_count()
    assert (
        neighbour.value("import subprocess; print(subprocess.run(['echo', '42'], capture_output=True).stdout)")
        == "b'42\\n'"
    )
    attacker.shutdown(now=True)
    assert soon(lambda: not processes(mark))


def test_processes_that_spin_do_not_blind_the_watcher(kernels):
    """Each in its own session, and thus its own scheduling group; the wall limit still holds."""
    neighbour = kernels()
    kernel = kernels(limits={"wall": 6})
    code = """
import os, time
for _ in range(500):
    try:
        if os.fork() == 0:
            os.setsid()
            while True: pass
    except OSError: break
while True: pass
"""
    reply = kernel.run(code, timeout=300)
    assert reply.status == "dead" and ended_by(kernel, "wall"), (reply.status, kernel.info())
    assert neighbour.value("print(6 * 7)") == "42"


def test_disk_files_and_file_sizes(pair):
    def attack():
        seen = {}

        def fill(folder, count):
            for number in range(count):
                with open(f"{folder}/{number}", "wb") as file:
                    file.write(bytes(1 << 20) * 16)

        for folder in ("/tmp/work", "/dev/shm"):
            seen[folder] = tried(fill, folder, 100)
            subprocess.run(f"rm -rf {folder}/*", shell=True)

        def touch(folder):
            for number in range(1_000_000):
                os.close(os.open(f"{folder}/{number}", os.O_CREAT))

        for folder in ("/tmp/work", "/dev/shm"):
            os.mkdir(f"{folder}/many")
            seen[f"{folder} inodes"] = tried(touch, f"{folder}/many")
            subprocess.run(["rm", "-rf", f"{folder}/many"])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        handle = os.open("hole", os.O_CREAT | os.O_RDWR)
        seen["hole"] = tried(os.truncate, "hole", 1 << 40)
        os.close(handle)
        with contextlib.suppress(OSError):
            for _ in range(3000):
                os.mkdir("d")
                os.chdir("d")
        os.chdir("/tmp/work")
        return seen

    seen = ask(pair[0], attack)
    assert seen == {"/tmp/work": "ENOSPC", "/dev/shm": "ENOSPC", "/tmp/work inodes": "ENOSPC",
                    "/dev/shm inodes": "ENOSPC", "hole": "EFBIG"}  # fmt: skip
    assert pair[1].value("open('x', 'w').write('1' * 100); print(open('x').read(1))") == "1"


def test_budgets_that_linux_keeps_for_each_user(pair, kernels):
    """One kernel takes all it can get; its neighbour still has its own, and another kernel can be started."""

    def attack():
        global kept
        kept, count = [], {}

        def take(name, get):
            taken = []
            with contextlib.suppress(OSError):
                while len(taken) < 20_000:
                    taken.append(get())
            count[name] = len(taken)
            return taken

        def watch():
            if (number := libc.inotify_init1(0)) < 0:
                raise OSError
            return number

        # Each in its own process, with its own descriptor table.
        for name in ("inotify", "in flight", "signals", "pipes"):
            read, write = os.pipe()
            if os.fork() == 0:
                os.setpgid(0, 0)
                if name == "inotify":
                    kept += take(name, watch)
                if name == "pipes":
                    kept += take(name, os.pipe)
                if name == "signals":
                    signal.pthread_sigmask(signal.SIG_BLOCK, {40})
                    libc.sigqueue.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
                    count[name] = 0
                    while count[name] < 200_000 and libc.sigqueue(os.getpid(), 40, None) == 0:
                        count[name] += 1
                if name == "in flight":

                    def send():
                        a, b = socket.socketpair()
                        a.setblocking(False)
                        with contextlib.suppress(BlockingIOError):
                            while True:
                                socket.send_fds(a, [b"x"], [0] * 250)
                        return a, b

                    kept += take(name, send)
                os.write(write, json.dumps(count).encode())
                while True:
                    time.sleep(600)
            os.close(write)
            count |= json.loads(os.read(read, 1000))
        return count

    def use():
        seen = {"inotify": libc.inotify_init1(0) >= 0}
        ends = socket.socketpair()
        seen["send"] = tried(socket.send_fds, ends[0], [b"x"], [0])
        timer = ctypes.c_void_p()
        seen["timer"] = libc.timer_create(0, None, ctypes.byref(timer)) == 0
        seen["pipe"] = os.write(os.pipe()[1], b"x" * 4000)
        return seen

    attacker, neighbour = pair
    count = ask(attacker, attack)
    assert count["inotify"] < 100 and count["signals"] < 20_000, count
    expected = {"inotify": True, "send": "done", "timer": True, "pipe": 4000}
    assert ask(neighbour, use) == expected
    assert ask(kernels(), use) == expected


def test_open_files(kernels):
    """One process uses up its descriptors: other processes of the kernel, and its neighbour, still have theirs."""
    kernel = kernels()
    code = """
import os, resource
kept = []
try:
    while True: kept.append(os.dup(0))
except OSError as error: said = error.strerror
for n in kept: os.close(n)
print(said, len(kept) < 1000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] <= 512)
"""
    assert kernel.value(code) == "Too many open files True True"


def test_endless_output_ends_the_kernel(kernels):
    neighbour = kernels()
    # Output is buffered in the kernel for 0.2 s before it is sent: gigabytes, if nothing slows the loop down.
    for code, limits in (
        ("while True: print('x' * 100_000, flush=True)", ["output"]),
        ("while True: print('x' * 100_000)", ["output", "memory"]),
    ):
        kernel = kernels(limits={"output": "8 MiB"})
        reply = kernel.run(code, timeout=300)
        assert reply.status == "dead" and any(ended_by(kernel, name) for name in limits), (reply.status, kernel.info())
        assert sum(len(o.get("text", "")) for o in reply.outputs) <= 9 * MIB
    assert neighbour.value("print(6 * 7)") == "42"


def test_limits_cannot_be_raised(pair):
    def attack():
        seen = {}
        for name in ("NPROC", "NOFILE", "FSIZE", "DATA", "CORE", "MEMLOCK", "MSGQUEUE", "SIGPENDING", "NICE", "RTPRIO"):
            what = getattr(resource, f"RLIMIT_{name}", {"SIGPENDING": 11, "NICE": 13, "RTPRIO": 14}.get(name))
            _, hard = resource.getrlimit(what)
            seen[name] = tried(
                resource.setrlimit, what, (hard + 1 if hard >= 0 else hard, hard + 1 if hard >= 0 else 0)
            )
            seen[f"{name} finite"] = "no" if hard < 0 else "EPERM"
        seen["nice"] = tried(os.setpriority, os.PRIO_PROCESS, 0, 0)
        seen["real time"] = tried(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
        seen["oom score"] = text_of("/proc/self/oom_score_adj").strip()
        return seen

    seen = ask(pair[0], attack)
    assert seen.pop("oom score") == "1000"
    assert set(seen.values()) <= {"EPERM", "EACCES", "ValueError"}, seen

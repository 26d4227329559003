"""A kernel reaches no process but its own, and no more of Linux than an ordinary program needs."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import platform
import resource
import signal
import struct
import tempfile
import time

import pytest
from warm_attacks import ask, in_a_child, in_command, processes, soon, system_call, text_of, tried

pytestmark = pytest.mark.kernel

# By number on x86-64, with arguments that would have an effect, as the names say.
REFUSED = {
    "mount": (165, "none", "/tmp/work", "tmpfs", 0, 0),
    "umount2": (166, "/proc", 2),
    "pivot_root": (155, "/tmp", "/tmp"),
    "chroot": (161, "/tmp"),
    "open_tree": (428, -100, "/", 1),
    "move_mount": (429, -100, "/", -100, "/tmp", 0),
    "fsopen": (430, "tmpfs", 0),
    "mount_setattr": (442, -100, "/", 0, 0, 0),
    "name_to_handle_at": (303, -100, "/usr", 0, 0, 0),
    "open_by_handle_at": (304, 3, 0, 0),
    "fanotify_init": (300, 0, 0),
    "unshare user": (272, 0x10000000),
    "unshare mount": (272, 0x20000),
    "setns": (308, 0, 0),
    "ptrace process 1": (101, 16, 1, 0, 0),
    "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "process_vm_writev": (311, 1, 0, 0, 0, 0, 0),
    "pidfd_getfd": (438, 3, 0, 0),
    "kcmp": (312, 1, 2, 0, 0, 0),
    "add_key": (248, "user", "planted", "x", 1, -3),
    "request_key": (249, "user", "planted", 0, -3),
    "keyctl": (250, 0, -3, 1),
    "bpf": (321, 0, 0, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0),
    "userfaultfd": (323, 1),
    "io_uring_setup": (425, 8, 0),
    "memfd_create": (319, "hidden", 0),
    "memfd_secret": (447, 0),
    "shmget": (29, 0, 1 << 20, 0o1600),
    "semget": (64, 0, 32_000, 0o1600),
    "msgget": (68, 0, 0o1600),
    "mq_open": (240, "queue", os.O_CREAT | os.O_RDWR, 0o600, 0),
    "vmsplice": (278, 1, 0, 0, 0),
    "io_setup": (206, 100, 0),
    "clock_settime": (227, 0, 0),
    "settimeofday": (164, 0, 0),
    "adjtimex": (159, 0),
    "clock_adjtime": (305, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "init_module": (175, 0, 0, 0),
    "finit_module": (313, 0, 0, 0),
    "delete_module": (176, "ext4", 0),
    "swapon": (167, "/tmp/work/swap", 0),
    "reboot": (169, 0xFEE1DEAD, 672274793, 0x01234567),
    "acct": (163, "/tmp/work/acct"),
    "syslog": (103, 2, 0, 0),
    "quotactl": (179, 0, 0, 0, 0),
    "vhangup": (153,),
    "modify_ldt": (154, 0, 0, 0),
    "iopl": (172, 3),
    "setuid 0": (105, 0),
    "setgroups": (116, 0, 0),
    "sethostname": (170, "grader", 6),
    "setdomainname": (171, "grader", 6),
    "mlockall": (151, 1),
}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64")
def test_refused_system_calls(pair):
    """Including those for memory that belongs to no process: objects that outlive processes, pages held by a pipe."""

    def attack(calls):
        seen = {}
        for name, (number, *arguments) in calls.items():
            seen[name] = system_call(number, *[a.encode() if isinstance(a, str) else a for a in arguments])
        return seen

    seen = ask(pair[0], attack, REFUSED)
    allowed = {name: said for name, said in seen.items() if said not in ("EPERM", "ENOMEM", "EINVAL")}
    assert allowed == {}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86-64")
def test_other_ways_to_the_same_system_calls(pair):
    """New namespaces by clone and clone3, the x32 numbers, and 32-bit code."""

    def attack():
        seen = {}
        for name, flag in (
            ("user", 0x10000000),
            ("mount", 0x20000),
            ("pid", 0x20000000),
            ("net", 0x40000000),
            ("ipc", 0x8000000),
            ("uts", 0x4000000),
            ("cgroup", 0x2000000),
        ):
            seen[f"clone {name}"] = system_call(56, flag | signal.SIGCHLD, 0, 0, 0, 0)
            seen[f"clone user+{name}, high bits set"] = system_call(
                56, 1 << 40 | 0x10000000 | flag | signal.SIGCHLD, 0, 0, 0, 0
            )
        arguments = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, signal.SIGCHLD)
        seen["clone3"] = system_call(435, ctypes.byref(arguments), ctypes.sizeof(arguments))
        seen["x32 unshare"] = system_call(0x40000000 | 272, 0x10000000)
        seen["x32 ptrace"] = system_call(0x40000000 | 521, 16, 1, 0, 0)
        # mov eax, 310 (unshare, 32-bit); mov ebx, CLONE_NEWUSER; int 0x80; ret
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(bytes.fromhex("53b836010000bb00000010cd805bc3"))
        run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
        seen["int 0x80"] = in_a_child(lambda: os._exit(50 if run() == 0 else 51))
        return seen

    seen = ask(pair[0], attack)
    assert seen.pop("int 0x80") in (-signal.SIGSYS, -signal.SIGSEGV, 51)
    assert seen.pop("clone3") == "ENOSYS"
    assert set(seen.values()) == {"EPERM"} or set(seen.values()) == {"EPERM", "ENOSYS"}, seen


def test_processes_of_others_are_not_seen(pair):
    def attack():
        numbers = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        threads = {int(name) for number in numbers for name in os.listdir(f"/proc/{number}/task")}
        others = [tried(os.kill, n, 0) for n in range(1, 40_000) if n not in numbers | threads]
        return sorted(numbers), os.getpid(), os.getppid(), sorted(set(others))

    numbers, own, parent, found = ask(pair[0], attack)
    assert parent == 1
    assert set(numbers) <= set(range(1, own + 20))
    assert len(numbers) <= 4
    assert found == ["ESRCH"]


def test_nothing_is_learned_from_process_1(pair):
    """Its memory, environment, files and root folder: through it, everything outside would be reachable."""

    def attack():
        seen = {}
        for name in (
            "environ",
            "maps",
            "mem",
            "auxv",
            "stack",
            "syscall",
            "personality",
            "smaps_rollup",
            "io",
            "timers",
        ):
            try:
                with open(f"/proc/1/{name}", "rb") as file:
                    seen[name] = "open" if file.read(1) else "empty"
            except OSError as error:
                seen[name] = errno.errorcode[error.errno]
        for name in ("fd", "fdinfo", "map_files", "task/1/fd"):
            seen[name] = tried(os.listdir, f"/proc/1/{name}")
        for name in ("root", "cwd", "exe", "ns/mnt", "ns/user", "ns/net", "fd/0", "fd/3", "fd/5"):
            seen[name] = tried(os.readlink, f"/proc/1/{name}")
        for name in ("root/tmp", "cwd/.", "fd/3", "fd/4"):
            seen[f"open {name}"] = tried(os.open, f"/proc/1/{name}", os.O_RDONLY)
        for name in ("oom_score_adj", "autogroup", "comm", "clear_refs", "coredump_filter", "uid_map"):
            seen[f"write {name}"] = tried(open, f"/proc/1/{name}", "w")
        return seen

    seen = ask(pair[0], attack)
    allowed = {name: said for name, said in seen.items() if said not in ("EACCES", "EPERM", "ENOENT", "empty")}
    assert allowed == {}


def test_process_1_cannot_be_signalled_or_held_up(kernels):
    """Every signal; its priority, processors and limits: a slow or blind watcher would be useless."""

    def attack():
        def state():
            fields = text_of("/proc/1/stat").rpartition(")")[2].split()
            return [fields[16], fields[38], sorted(os.sched_getaffinity(1)), text_of("/proc/1/timerslack_ns")]

        before, seen = state(), {}
        for number in range(1, 65):
            tried(os.kill, 1, number)
        handle = os.pidfd_open(1)
        for number in (signal.SIGINT, signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM):
            tried(signal.pidfd_send_signal, handle, number)
        os.close(handle)
        idle, one = os.sched_param(0), {min(os.sched_getaffinity(0))}
        seen["idle"] = tried(os.sched_setscheduler, 1, os.SCHED_IDLE, idle)
        seen["batch"] = tried(os.sched_setscheduler, 1, os.SCHED_BATCH, idle)
        seen["parameters"] = tried(os.sched_setparam, 1, idle)
        seen["processors"] = tried(os.sched_setaffinity, 1, one)
        attributes = struct.pack("IIQiIQQQ", 48, 5, 0, 19, 0, 0, 0, 0)
        seen["attributes"] = system_call(314, 1, attributes, 0)
        seen["nice"] = tried(os.setpriority, os.PRIO_PROCESS, 1, 19)
        tried(os.setpriority, os.PRIO_PGRP, os.getpgid(1), 19)
        tried(os.setpriority, os.PRIO_USER, os.getuid(), 19)
        seen["io"], seen["io user"] = system_call(251, 1, 1, 3 << 13), system_call(251, 3, os.getuid(), 3 << 13)
        for name in ("NOFILE", "DATA", "CPU", "AS", "STACK", "NPROC"):
            seen[name] = tried(resource.prlimit, 1, getattr(resource, f"RLIMIT_{name}"), (4, 4))
        with contextlib.suppress(OSError), open("/proc/1/timerslack_ns", "w", encoding="utf-8") as file:
            file.write("4000000000")
        return seen, before, state()

    kernel = kernels()
    seen, before, after = ask(kernel, attack)
    assert set(seen.values()) <= {"EPERM", "EACCES"}, seen
    assert after == before
    assert kernel.value("print(6 * 7)") == "42"


def test_kills_everything_it_can(pair, kernels):
    """kill(-1), its own parent, its own group: only the kernel itself dies."""

    def attack():
        for number in (signal.SIGTERM, signal.SIGKILL):
            tried(os.kill, os.getppid(), number)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGKILL):
            tried(os.kill, -1, number)
        return True

    kernel, neighbour = pair
    assert ask(kernel, attack)
    assert kernel.run("os.killpg(0, 9)").status == "dead"
    assert neighbour.value("print(6 * 7)") == "42"
    assert kernels().value("print(6 * 7)") == "42"


def test_daemons_end_with_the_kernel(kernels):
    """Forked twice, in their own sessions, ignoring every signal, without descriptors: they end with the kernel."""

    def attack(mark):
        for _ in range(20):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    for number in set(range(1, 65)) - {9, 19, 32, 33}:
                        tried(signal.signal, number, signal.SIG_IGN)
                    os.closerange(0, 512)
                    os.execv("/usr/bin/sleep", [mark, "600"])
                os._exit(0)
        seen, deadline = 0, time.monotonic() + 60
        while seen < 20 and time.monotonic() < deadline:
            numbers = [n for n in os.listdir("/proc") if n.isdigit()]
            seen = sum(in_command(n, mark) for n in numbers)
        return seen

    mark = f"warmkernel-daemon-{os.getpid()}-{time.monotonic_ns()}"
    kernel = kernels()
    assert ask(kernel, attack, mark) == 20
    assert len(processes(mark)) == 20  # as seen from outside
    kernel.shutdown(now=True)
    assert soon(lambda: not processes(mark))


def test_a_kernel_that_ignores_interrupts_can_be_killed(kernels):
    kernel = kernels()
    code = "import signal\nfor number in (2, 15): signal.signal(number, signal.SIG_IGN)\nwhile True: pass"
    assert kernel.run(code, timeout=1).status == "timeout"
    kernel.interrupt()
    assert kernel.info()["alive"]
    assert kernel.shutdown(now=True)["exit_code"] == -signal.SIGKILL


def test_random_numbers_differ_between_kernels(pair):
    """They are forks of one process: without precautions all students would draw the same numbers."""

    def draw():
        import random
        import uuid

        import numpy

        name = tempfile.mkdtemp()
        return [random.random(), float(numpy.random.rand()), str(uuid.uuid4()), os.urandom(8).hex(), name]

    first, second = ask(pair[0], draw), ask(pair[1], draw)
    assert [a for a, b in zip(first, second, strict=True) if a == b] == []

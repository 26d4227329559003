"""Nothing leads out of a kernel or into another: no network, no socket, no terminal, no descriptor, no shared memory."""

from __future__ import annotations

import ast
import contextlib
import errno
import fcntl
import json
import os
import re
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time

import pytest
from warm_attacks import ask, system_call, text_of, tried
from warm_client import ROOT, USERS, as_user

pytestmark = pytest.mark.kernel


@pytest.fixture
def host_listeners():
    """Sockets on which an outside program might listen: TCP, UDP, an abstract unix socket, a unix socket with a path."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        tcp, udp, six = socket.socket(), socket.socket(type=socket.SOCK_DGRAM), socket.socket(socket.AF_INET6)
        abstract, named = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        addresses = [("127.0.0.1", 0), ("127.0.0.1", 0), ("::1", 0), "\0warmkernel-test-host", f"{folder}/host"]
        sockets = [tcp, udp, six, abstract, named]
        try:
            for one, address in zip(sockets, addresses, strict=True):
                one.bind(address)
                if one is not udp:
                    one.listen()
                one.setblocking(False)
            os.chmod(f"{folder}/host", 0o777)
            yield sockets
        finally:
            for one in sockets:
                one.close()


def test_no_way_to_the_host_or_the_world(pair, host_listeners):
    tcp, udp, six, abstract, named = host_listeners

    def attack(tcp, udp, six, named):
        def tcp_to(address, family=socket.AF_INET):
            with socket.socket(family) as s:
                s.settimeout(2)
                s.connect(address)

        def unix_to(address):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(address)

        def udp_to(address):
            with socket.socket(type=socket.SOCK_DGRAM) as s:
                s.sendto(b"marks", address)

        tried(udp_to, ("127.0.0.1", udp))  # its own loopback accepts it, and nothing is listening
        return {
            "tcp": tried(tcp_to, ("127.0.0.1", tcp)), "tcp6": tried(tcp_to, ("::1", six), socket.AF_INET6),
            "abstract": tried(unix_to, "\0warmkernel-test-host"), "named": tried(unix_to, named),
            "world": tried(tcp_to, ("1.1.1.1", 80)), "udp world": tried(udp_to, ("1.1.1.1", 53)),
            "link local": tried(tcp_to, ("169.254.169.254", 80)), "name": tried(socket.getaddrinfo, "example.org", 80),
            "interfaces": ",".join(name for _, name in socket.if_nameindex()),
        }  # fmt: skip

    seen = ask(pair[0], attack, tcp.getsockname()[1], udp.getsockname()[1], six.getsockname()[1], named.getsockname())
    assert seen.pop("interfaces") == "lo"
    assert set(seen.values()) <= {"ECONNREFUSED", "ENETUNREACH", "EADDRNOTAVAIL", "ENOENT", "gaierror"} | {
        said for said in seen.values() if "resolution" in said or "not known" in said
    }, seen
    for listener in (tcp, six, abstract, named):
        with pytest.raises(BlockingIOError):
            listener.accept()
    with pytest.raises(BlockingIOError):
        udp.recv(100)


def test_which_sockets_there_are(pair):
    def attack():
        seen = {}
        for name, family, kind, protocol in (
            ("vsock", 40, 1, 0),
            ("packet", 17, 3, 0),
            ("alg", 38, 5, 0),
            ("bluetooth", 31, 3, 1),
            ("can", 29, 3, 1),
            ("tipc", 30, 1, 0),
            ("rds", 21, 5, 0),
            ("key", 15, 3, 2),
            ("kcm", 41, 5, 0),
            ("xdp", 44, 3, 0),
            ("smc", 43, 1, 0),
            ("diag", 16, 3, 4),
            ("netfilter", 16, 3, 12),
            ("uevent", 16, 3, 15),
            ("audit", 16, 3, 9),
            ("generic", 16, 3, 16),
            ("raw", 2, 3, 1),
            ("raw6", 10, 3, 58),
        ):
            seen[name] = tried(socket.socket, family, kind, protocol)
            seen[f"{name} pair"] = tried(socket.socketpair, family, kind, protocol)
        # lo down, by netlink: RTM_NEWLINK for interface 1
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as s:
            s.bind((0, 0))
            s.send(struct.pack("=IHHIIBxHiII", 32, 16, 5, 1, 0, 0, 0, 1, 0, 1))
            reply = s.recv(4096)
            seen["link down"] = errno.errorcode.get(-struct.unpack_from("=i", reply, 16)[0], "done")
        return seen

    seen = ask(pair[0], attack)
    assert "done" not in seen.values(), seen


def test_the_channels_of_another_kernel_cannot_be_reached(pair):
    """Neither by name nor by path: its replies cannot be forged, nor its ports taken."""

    def attack():
        names = [line.split()[7] for line in text_of("/proc/net/unix").splitlines()[1:] if len(line.split()) > 7]
        taken = []
        for number in range(1, 6):
            with socket.socket(socket.AF_UNIX) as s:
                taken.append(tried(s.bind, f"\0warmkernel-neighbour-{number}"))
        for name in ("warmkernel-1", "warmkernel-2", "warmkernel-3", "warmkernel-4", "warmkernel-5"):
            with socket.socket(socket.AF_UNIX) as s:  # already taken by its own socket
                taken.append(tried(s.bind, f"\0{name}"))
        return names, text_of("/proc/net/unix").count("\n"), taken

    names, count, taken = ask(pair[0], attack)
    assert count < 80
    assert all(name.startswith("@warmkernel") for name in names), names
    assert taken == ["done"] * 5 + ["EADDRINUSE"] * 5
    assert pair[1].value("print(6 * 7)") == "42"


def test_inherited_descriptors(pair):
    """None leads to the client: none of its listening sockets, logs or files; and sockets cannot be reopened."""

    def attack():
        targets, opened, names = [], [], set()
        for number in os.listdir("/proc/self/fd"):
            try:
                target = os.readlink(f"/proc/self/fd/{number}")
            except OSError:
                continue
            targets.append(target)
            if target.startswith("socket:"):
                opened.append(tried(os.open, f"/proc/self/fd/{number}", os.O_RDWR))
                with socket.socket(fileno=os.dup(int(number))) as s:
                    for end in (s.getsockname, s.getpeername):
                        with contextlib.suppress(OSError):
                            names.add(repr(end()))
        return targets, sorted(set(opened)), sorted(names)

    targets, opened, names = ask(pair[0], attack)
    odd = [t for t in targets if not t.startswith(("socket:", "pipe:", "anon_inode:")) and t != "/dev/null"]
    assert [t for t in odd if not t.startswith("/proc/")] == []
    assert opened == ["ENXIO"]
    assert all("warmkernel-" in name or name in ("''", "b''", "None") or "127.0.0.1" in name for name in names), names


def test_what_is_written_to_standard_error_reaches_nobody(pair):
    """A log file that all kernels inherit would be a channel between students, in both directions."""

    def attack():
        os.write(2, b"answer = 42\n")
        os.write(1, b"answer = 42\n")
        return os.readlink("/proc/self/fd/0")

    def look():
        found = []
        for number in os.listdir("/proc/self/fd"):
            try:
                mode = os.stat(f"/proc/self/fd/{number}").st_mode
                if stat.S_ISREG(mode):
                    found.append(text_of(f"/proc/self/fd/{number}"))
            except OSError:
                continue
        return found

    assert ask(pair[0], attack) == "/dev/null"
    assert ask(pair[1], look) == []


def test_devices_terminals_and_shared_memory_are_each_kernels_own(pair):
    def leave():
        global kept
        kept = os.openpty()
        from multiprocessing import shared_memory

        block = shared_memory.SharedMemory("neighbour", create=True, size=100)
        block.buf[:6] = b"answer"
        block.close()
        return os.ttyname(kept[1]), sorted(os.listdir("/dev/pts"))

    def look(terminal):
        seen = {
            "terminal": tried(os.open, terminal, os.O_RDWR | os.O_NOCTTY),
            "tty": tried(os.open, "/dev/tty", os.O_RDWR),
            "console": tried(os.open, "/dev/console", os.O_RDWR),
        }
        seen["shared"] = sorted(set(os.listdir("/dev/shm")))
        seen["dev"] = sorted(name for name in os.listdir("/dev"))
        seen["memory"] = [
            tried(os.open, f"/dev/{name}", os.O_RDONLY)
            for name in ("mem", "kmem", "kmsg", "port", "vda", "kvm", "fuse", "loop0", "vsock", "nvidia0")
        ]
        seen["planted"] = tried(os.mkdir, "/dev/planted")
        mine, other = os.openpty()
        seen["typed"] = tried(fcntl.ioctl, other, 0x5412, b"x")  # TIOCSTI
        seen["typed, high bits"] = system_call(16, other, 1 << 32 | 0x5412, b"x")
        os.close(mine), os.close(other)
        return seen

    terminal, terminals = ask(pair[1], leave)
    assert "0" in terminals
    seen = ask(pair[0], look, terminal)
    assert seen["terminal"] in ("ENOENT", "EIO")
    assert seen["tty"] == "ENXIO"
    assert seen["console"] in ("ENOENT", "EACCES", "ENXIO")
    assert "neighbour" not in seen["shared"]
    assert set(seen["dev"]) <= {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd", "stdin",
                                "stdout", "stderr", "core", "console"}  # fmt: skip
    assert set(seen["memory"]) == {"ENOENT"}
    assert seen["planted"] in ("EROFS", "EPERM", "EACCES")
    assert (seen["typed"], seen["typed, high bits"]) == ("EPERM", "EPERM")


def test_the_machine_cannot_be_told_apart_or_changed(pair):
    """Names and switches in /proc/sys; the clock; the kernel's log."""

    def attack():
        return {
            "name": socket.gethostname(), "sysrq": tried(open, "/proc/sysrq-trigger", "w"),
            "clock": tried(time.clock_settime, time.CLOCK_REALTIME, 0), "log": tried(open, "/proc/kmsg"),
            "memory": tried(open, "/proc/kcore", "rb"), "sys": os.path.exists("/sys/kernel"),
            "cgroups": [line.split(":")[2] for line in text_of("/proc/self/cgroup").split()],
            "cgroup": os.path.exists("/sys/fs/cgroup"),
        }  # fmt: skip

    seen = ask(pair[0], attack)
    assert seen["name"] == "kernel"
    assert {seen["sysrq"], seen["clock"], seen["log"], seen["memory"]} <= {
        "EACCES",
        "EPERM",
        "ENOENT",
        "EROFS",
        "empty",
    }
    assert not seen["sys"] and not seen["cgroup"]
    assert set(seen["cgroups"]) <= {"/"}


_RESTARTS = """
import json, os, socket, sys, tempfile
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from warmkernel import kernelspec, settings

def run(code):
    said = []
    client.execute_interactive(code, timeout=60, output_hook=lambda m: said.append(m["content"].get("text", "")))
    return "".join(said).strip()

def connect():
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(60)
    return client

light = [f"-{name}" for name in ("tensorflow", "keras", "sklearn", "pandas", "scipy.ndimage", "matplotlib.pyplot")]
chosen = settings.read({settings.KEY: {"preload": light}})
spec = KernelSpec(**kernelspec.specification(chosen))
manager = KernelManager(kernel_spec_manager=kernelspec.OneKernelspec(spec))
ours, theirs = socket.socketpair()
manager.start_kernel(channel=theirs.fileno())
client = connect()
run("import os, socket; socket.socket(fileno=int(os.environ['WARMKERNEL_CHANNEL'])).send(b'hello')")
ours.settimeout(10)
assert ours.recv(10) == b"hello"
number = theirs.fileno()
theirs.close()
secret = tempfile.NamedTemporaryFile()
secret.write(b"hidden check")
os.dup2(secret.fileno(), number)
client.stop_channels()
manager.restart_kernel(now=True)
client = connect()
files = "import os; print([os.path.realpath(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')])"
print(json.dumps({"channel": run("import os; print(os.environ.get('WARMKERNEL_CHANNEL'))"), "files": run(files)}))
client.stop_channels()
manager.shutdown_kernel(now=True)
"""


@pytest.mark.parametrize("user", USERS)
def test_only_the_first_start_hands_over_the_channel(sandbox_works, user, tmp_path):
    """After a restart the number may belong to another file of the grader: sending it would reveal that file."""
    tmp_path.chmod(0o777)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}", "HOME": str(tmp_path)}
    command = [*as_user(user), sys.executable, "-c", _RESTARTS]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, cwd="/")
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["channel"] == "None"
    files = [f for f in ast.literal_eval(seen["files"]) if not re.search(r"/(socket|pipe|anon_inode):", f)]
    assert [f for f in files if f != "/dev/null" and not f.startswith("/proc/")] == []

"""The system calls denied to a kernel: a filter program, assembled here and installed in Linux.

It is a deny list, because the calls of a student's libraries are open-ended. It backs up what namespaces and dropped
capabilities already forbid, and closes the parts of Linux with most of its past vulnerabilities.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

from . import linux

# Denied with EPERM. name: (x86-64, aarch64); None if the architecture has no such call.
DENIED: dict[str, tuple[int, int | None]] = {
    # mounts and namespaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "fanotify_init": (300, 262),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "kcmp": (312, 272), "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # keyrings, tracing, and interfaces with a history of vulnerabilities
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "modify_ldt": (154, None),
    # memory that the limit watcher would not see
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "msgget": (68, 186),
    "semget": (64, 190), "mq_open": (240, 180), "vmsplice": (278, 75), "io_setup": (206, 0),
    # the machine: clocks, modules, swap, power, accounting, log
    "clock_settime": (227, 112), "settimeofday": (164, 170), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "swapon": (167, 224), "swapoff": (168, 225), "reboot": (169, 142),
    "acct": (163, 89), "syslog": (103, 116), "vhangup": (153, 58), "iopl": (172, None), "ioperm": (173, None),
}  # fmt: skip

# Denied if the first argument is process 1.
_BY_PROCESS = {
    "prlimit64": (302, 261), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274), "sched_setaffinity": (203, 122),
}  # fmt: skip
# The same for calls whose first argument is the kind of the second one: only single processes are allowed.
_BY_KIND = {"setpriority": (141, 140, 0), "ioprio_set": (251, 30, 1)}

# Allowed socket families: AF_UNIX, AF_INET and AF_INET6 (the sandbox has its own loopback), and of AF_NETLINK only
# routing, which lists the interfaces. In particular not AF_VSOCK, which reaches the host of a virtual machine.
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16

_SOL_SOCKET, _BUFFER_SIZES = 1, (7, 8, 32, 33)  # SO_SNDBUF, SO_RCVBUF, and their FORCE variants

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C


def program(machine: str) -> bytes:
    """The filter for "x86_64" or "aarch64", as instructions of classic BPF. ValueError for other machines."""
    if machine not in ("x86_64", "aarch64"):
        raise ValueError(f"no list of system calls for {machine}: only x86_64 and aarch64 are supported")
    x86 = machine == "x86_64"

    def call(on_x86: int | None, on_arm: int | None) -> int | None:
        return on_x86 if x86 else on_arm

    parts = [_load(_ARCHITECTURE), _jump(_EQUAL, 0xC000003E if x86 else 0xC00000B7, 1, 0), _return(_KILL_PROCESS)]
    parts.append(_load(_NUMBER))
    if x86:  # the x32 numbering of the same calls
        parts += [_jump(_AT_LEAST, 0x40000000, 0, 1), _fail(errno.EPERM)]
    for numbers in DENIED.values():
        if (number := call(*numbers)) is not None:
            parts += [_jump(_EQUAL, number, 0, 1), _fail(errno.EPERM)]
    # clone3 hides its flags behind a pointer; if it does not exist, libraries fall back to clone.
    parts += [_jump(_EQUAL, 435, 0, 1), _fail(errno.ENOSYS)]
    any_new = _jump(_ANY_BIT, linux.ALL_NAMESPACES, 0, 1)
    parts += _when(call(56, 220), [_load(_ARGUMENTS), any_new, _fail(errno.EPERM)])
    allowed = [_jump(_EQUAL, family, 5 - place, 0) for place, family in enumerate((_UNIX, _INET, _INET6))]
    netlink = [_jump(_EQUAL, _NETLINK, 0, 3), _load(_ARGUMENTS + 16), _jump(_EQUAL, 0, 0, 1), _return(_ALLOW)]
    parts += _when(call(41, 198), [_load(_ARGUMENTS), *allowed, *netlink, _fail(errno.EAFNOSUPPORT)])
    only_unix = [_load(_ARGUMENTS), _jump(_EQUAL, _UNIX, 1, 0), _fail(errno.EAFNOSUPPORT)]
    parts += _when(call(53, 199), only_unix)
    # Process 1, the watcher, has the same user as the kernel, which must not slow it down or lower its limits.
    for numbers in _BY_PROCESS.values():
        parts += _when(call(*numbers), [_load(_ARGUMENTS), _jump(_EQUAL, 1, 0, 1), _fail(errno.EPERM)])
    for on_x86, on_arm, one_process in _BY_KIND.values():
        other = [_jump(_EQUAL, one_process, 0, 2), _load(_ARGUMENTS + 8), _jump(_EQUAL, 1, 0, 1), _fail(errno.EPERM)]
        parts += _when(call(on_x86, on_arm), [_load(_ARGUMENTS), *other])
    # Larger buffers, which no memory limit would see: requesting them succeeds and changes nothing.
    sizes = [_jump(_EQUAL, option, 3 - place, 0 if place < 3 else 1) for place, option in enumerate(_BUFFER_SIZES)]
    options = [_load(_ARGUMENTS + 8), _jump(_EQUAL, _SOL_SOCKET, 0, 6), _load(_ARGUMENTS + 16), *sizes, _fail(0)]
    parts += _when(call(54, 208), options)
    # Injecting input into a terminal that others read.
    terminal = [_load(_ARGUMENTS + 8), _jump(_EQUAL, _TIOCSTI, 1, 0), _jump(_EQUAL, _TIOCLINUX, 0, 1)]
    parts += _when(call(16, 29), [*terminal, _fail(errno.EPERM)])
    parts.append(_return(_ALLOW))
    return b"".join(parts)


def install() -> None:
    """Bind this process and all its children to the filter permanently. Needs no_new_privs."""
    code = program(platform.machine())
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer)))
    linux.prctl(linux.PR_SET_SECCOMP, linux.SECCOMP_MODE_FILTER, ctypes.addressof(header))


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, offset)


def _jump(kind: int, value: int, if_true: int, if_false: int) -> bytes:
    return _instruction(kind, value, if_true, if_false)


def _return(action: int) -> bytes:
    return _instruction(_RETURN, action)


def _fail(number: int) -> bytes:
    return _return(_FAIL | number)


def _when(number: int | None, body: list[bytes]) -> list[bytes]:
    """`body` for this call only; falling through its end allows the call."""
    assert number is not None
    return [_jump(_EQUAL, number, 0, len(body) + 1), *body, _return(_ALLOW)]

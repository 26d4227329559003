"""A kernel reads nothing that it was not shown, writes only to its scratch folder, and gains no privilege."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import stat
import struct
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest
from warm_attacks import ask, in_a_child, text_of, tried
from warm_client import USERS, Refused

pytestmark = pytest.mark.kernel


@pytest.fixture
def open_folder():
    """A folder that ordinary users can read."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


def test_host_files_are_not_there(pair, tmp_path):
    """Other submissions, the gradebook, accounts, keys: files that are not shown do not exist."""
    secret = tmp_path / "gradebook.db"
    secret.write_text("marks", encoding="utf-8")
    tmp_path.chmod(0o777)

    def attack(paths):
        return {path: tried(os.stat, path) for path in paths}

    paths = [str(secret), __file__, *("/etc/shadow", "/etc/gshadow", "/etc/ssh", "/etc/hostname", "/etc/machine-id")]
    paths += [
        "/var/log",
        "/var/lib",
        "/run/docker.sock",
        "/sys/kernel",
        "/boot",
        "/mnt",
        "/srv",
        "/opt",
        "/proc/1/root",
    ]
    seen = ask(pair[0], attack, paths)
    assert seen.pop("/proc/1/root") == "EACCES"
    assert set(seen.values()) == {"ENOENT"}, seen


@pytest.mark.parametrize("user", USERS)
def test_the_packages_of_programs_beside_the_kernels_are_not_there(user, warm_kernel):
    """They can be neither read nor imported, and what covers them cannot be removed."""
    kernel = warm_kernel(user, light=True, helpers=["autograder", "warmkernel"])

    def attack():
        import ctypes
        import importlib.util
        import sys

        sys.path.insert(0, "/run/warmkernel/helpers")
        return [
            os.listdir("/run/warmkernel/helpers"),
            [name for name in ("autograder", "warmkernel") if importlib.util.find_spec(name)],
            [tried(os.stat, f"/run/warmkernel/helpers{rest}") for rest in ("/autograder", "/../helpers/autograder")],
            ctypes.CDLL(None).umount2(b"/run/warmkernel/helpers", 2),
            [m for m in sys.modules if m.startswith(("autograder", "warmkernel."))],
        ]

    assert ask(kernel, attack) == [[], [], ["ENOENT", "ENOENT"], -1, []]


def test_another_kernel_and_the_zygote_have_other_scratch_folders(pair):
    def leave():
        for folder in ("/tmp", "/dev/shm", os.environ["HOME"], "."):
            with open(f"{folder}/left-by-the-neighbour", "w", encoding="utf-8") as file:
                file.write("answer = 42")
        return True

    def look():
        found = [name for name in os.listdir("/tmp") if name not in ("home", "work")]
        return found + [
            f for f in ("/tmp", "/dev/shm", os.environ["HOME"], ".") if "left-by-the-neighbour" in os.listdir(f)
        ]

    assert ask(pair[1], leave)
    assert [name for name in ask(pair[0], look) if not os.path.isdir(f"/tmp/{name}")] == []


def test_nothing_but_scratch_can_be_written(pair):
    """All but four mounts are read-only, and every file and folder not covered by a read-only mount refuses writes."""

    def attack():
        own = ["/tmp", "/dev/shm", "/dev/pts", "/proc"]
        devices = [f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx")]
        seen = {}
        for line in text_of("/proc/self/mountinfo").splitlines():
            fields = line.split()
            seen[fields[4]] = "ro" in fields[5].split(",") or "ro" in line.partition(" - ")[2].split()[2].split(",")
        writable = [place for place, read_only in seen.items() if not read_only]
        found = [p for p in writable if p not in own + devices and os.path.basename(p) not in ("newroot", "oldroot")]
        looked = 0
        for folder, folders, files in os.walk("/"):
            inside_proc = folder.startswith("/proc")
            if folder in ("/tmp", "/dev/shm", "/dev/pts"):
                folders[:], files[:] = [], []
                continue
            if folder == "/proc":  # except the processes
                folders[:] = [name for name in folders if not name.isdigit() and "self" not in name]
            elif not inside_proc and folder.count("/") > 3:
                folders[:] = []
            for path in [os.path.join(folder, name) for name in files]:
                looked += 1
                if path not in devices and not os.path.islink(path) and tried(os.open, path, os.O_WRONLY) == "done":
                    found.append(path)
            if tried(os.mkdir, f"{folder}/planted") == "done":
                found.append(folder)
        return looked, found

    looked, found = ask(pair[0], attack)
    assert looked > 500
    assert found == []


def test_the_environment_cannot_be_poisoned(pair):
    """Bytecode, site-packages, start-up files: nothing that a later kernel imports or runs at its start."""

    def attack():

        import numpy

        folder = os.path.dirname(numpy.__file__)
        places = [
            folder,
            f"{folder}/__pycache__",
            sysconfig.get_path("stdlib"),
            sysconfig.get_path("purelib"),
            sys.prefix,
        ]
        seen = {place: tried(open, f"{place}/planted.pth", "w") for place in places if os.path.isdir(place)}
        seen["overwrite"] = tried(open, numpy.__file__, "r+")
        seen["remove"] = tried(os.unlink, numpy.__file__)
        seen["rename"] = tried(os.rename, folder, f"{folder}-away")
        seen["chmod"] = tried(os.chmod, numpy.__file__, 0o777)
        seen["chown"] = tried(os.chown, numpy.__file__, os.getuid(), os.getgid())
        seen["touch"] = tried(os.utime, numpy.__file__)
        seen["attribute"] = tried(os.setxattr, numpy.__file__, "user.planted", b"1")
        home = os.environ["HOME"]
        os.makedirs(f"{home}/.ipython/profile_default/startup", exist_ok=True)
        os.makedirs(f"{home}/.local/lib/python3.11/site-packages", exist_ok=True)
        for path in (
            f"{home}/.ipython/profile_default/startup/0.py",
            f"{home}/.pythonrc.py",
            "sitecustomize.py",
            "usercustomize.py",
            f"{home}/.local/lib/python3.11/site-packages/planted.pth",
        ):
            with open(path, "w", encoding="utf-8") as file:
                file.write("import builtins; builtins.planted = True\n")
        return seen

    seen = ask(pair[0], attack)
    assert set(seen.values()) <= {"EROFS", "EPERM", "EACCES"}, seen

    def look():
        import builtins

        return hasattr(builtins, "planted") or os.path.exists("sitecustomize.py")

    assert ask(pair[1], look) is False


def test_a_fork_of_the_zygote_shares_no_memory(kernels):
    """Changes by one kernel to imported modules, C memory and the page cache are not visible in the next."""

    def poison():
        import builtins

        import numpy

        builtins.planted = True
        numpy.testing.assert_allclose = lambda *a, **k: None
        numpy.pi = 3
        sys.modules["json"].planted = True
        return numpy.pi

    def look():
        import builtins

        import numpy

        return (
            hasattr(builtins, "planted"),
            hasattr(json, "planted"),
            numpy.pi > 3.1,
            numpy.testing.assert_allclose.__module__,
        )

    assert ask(kernels(), poison) == 3
    seen = ask(kernels(), look)
    assert seen[:3] == [False, False, True]
    assert seen[3].startswith("numpy.testing")


@pytest.mark.parametrize("folder", ["/dev/shm", "."])
def test_no_device_and_no_setuid_program_can_be_made(pair, folder):
    def attack(folder):
        seen = {}
        for name, kind, number in (
            ("memory", stat.S_IFCHR, os.makedev(1, 1)),
            ("disk", stat.S_IFBLK, os.makedev(254, 0)),
            ("console", stat.S_IFCHR, os.makedev(5, 1)),
            ("vsock", stat.S_IFCHR, os.makedev(10, 121)),
        ):
            seen[name] = tried(os.mknod, f"{folder}/{name}", kind | 0o666, number)
        program = f"{folder}/id"
        shutil.copyfile("/usr/bin/id", program)
        os.chmod(program, 0o6755)
        seen["chown"] = tried(os.chown, program, 0, 0)
        run = subprocess.run([program, "-u"], capture_output=True, encoding="utf-8")
        seen["setuid"] = run.stdout.strip()
        seen["capability"] = tried(
            os.setxattr, program, "security.capability", struct.pack("<5I", 0x2000001, 255, 0, 0, 0)
        )
        return seen

    seen = ask(pair[0], attack, folder)
    assert seen.pop("setuid") == "1000"
    assert set(seen.values()) <= {"EPERM", "EINVAL"}, seen


def test_programs_that_are_setuid_outside_give_nothing(pair):
    def attack():
        found = []
        for folder in ("/usr/bin", "/usr/sbin", "/usr/libexec", "/usr/lib"):
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                path = f"{folder}/{name}"
                if os.path.isfile(path) and os.stat(path).st_mode & (stat.S_ISUID | stat.S_ISGID):
                    found.append(path)
        run = (
            subprocess.run(["su", "-c", "id -u"], capture_output=True, encoding="utf-8", input="\n") if found else None
        )
        status = dict(line.split(":\t", 1) for line in text_of("/proc/self/status").splitlines() if ":\t" in line)
        return [
            run.returncode if run else 1,
            status["NoNewPrivs"],
            status["CapEff"],
            status["CapBnd"],
            status["CapPrm"],
        ]

    code, no_new_privileges, *capabilities = ask(pair[0], attack)
    assert code != 0
    assert no_new_privileges == "1"
    assert {int(text, 16) for text in capabilities} == {0}


def test_the_client_and_the_environment_of_the_grader_stay_outside(pair, monkeypatch):
    """Variables, arguments, the folder, the connection file's path: none is inherited from the client."""

    def attack():
        return (
            dict(os.environ),
            os.getcwd(),
            [text_of(f"/proc/{n}/cmdline") for n in os.listdir("/proc") if n.isdigit()],
        )

    environment, folder, commands = ask(pair[0], attack)
    assert "GRADER_SECRET" not in environment
    assert not any(
        os.environ["PYTHONPATH" if "PYTHONPATH" in os.environ else "PATH"] == v for v in environment.values()
    )
    assert folder == "/tmp/work"
    assert not any("GRADER_SECRET" in command for command in commands)


def test_hostile_files_in_the_working_folder(kernels, open_folder):
    """Links, devices, pipes, hard links, holes: only regular files are copied, and nothing that links point to."""
    secret = open_folder / "secret.txt"
    secret.write_text("hidden check", encoding="utf-8")
    work = open_folder / "work"
    work.mkdir()
    (work / "data.csv").write_text("1,2\n", encoding="utf-8")
    (work / "to-secret").symlink_to(secret)
    (work / "to-etc").symlink_to("/etc")
    (work / "dangling").symlink_to("nowhere")
    (work / "loop").symlink_to("loop")
    (work / "up").symlink_to("../..")
    os.link(secret, work / "hard")
    os.mkfifo(work / "pipe")
    (work / os.fsdecode(b"caf\xe9.txt")).write_text("not UTF-8", encoding="utf-8")
    (work / "PYTHONSTARTUP.py").write_text("raise SystemExit", encoding="utf-8")
    for name in ("sitecustomize.py", "usercustomize.py", "json.py", "zmq.py", "ipykernel.py", "ctypes.py"):
        (work / name).write_text(
            "raise SystemExit('a file of the student ran before the first cell')", encoding="utf-8"
        )

    def attack():
        kinds = {}
        for name in os.listdir("."):
            kinds[os.fsencode(name).decode("latin-1")] = stat.S_IFMT(os.lstat(name).st_mode) in (
                stat.S_IFREG,
                stat.S_IFDIR,
            )
        return kinds, [os.stat(name).st_nlink for name in kinds if name == "hard"], text_of("data.csv")

    kinds, links, data = ask(kernels(cwd=work), attack)
    assert data == "1,2\n"
    assert set(kinds.values()) == {True}
    assert not {"to-secret", "to-etc", "pipe", "loop", "up"} & set(kinds)
    assert links in ([], [1])
    assert (work / "hard").read_text(encoding="utf-8") == secret.read_text(encoding="utf-8") == "hidden check"


def test_a_hole_of_a_terabyte_in_the_working_folder(kernels, open_folder):
    """A file with a size of 1 TB is refused or left out, quickly, and the next kernel starts."""
    (open_folder / "huge.bin").touch()
    os.truncate(open_folder / "huge.bin", 1 << 40)
    (open_folder / "data.csv").write_text("1,2\n", encoding="utf-8")

    with pytest.raises(Refused, match="may fill at most half"):
        kernels(cwd=open_folder)
    assert kernels().value("print(6 * 7)") == "42"


def test_a_core_dump_writes_nothing(kernels):
    def attack():
        import faulthandler

        faulthandler.disable()
        code = in_a_child(lambda: ctypes.string_at(0))
        return code, resource.getrlimit(resource.RLIMIT_CORE), [n for n in os.listdir(".") if "core" in n]

    assert ask(kernels(), attack) == [-signal.SIGSEGV, [0, 0], []]

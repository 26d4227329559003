"""Zygotes that stay warm between commands: lent again, never stale, gone when unused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from warm_client import LIGHT, ROOT, USERS, as_user

from warmkernel import keeper

pytestmark = pytest.mark.kernel

CLIENT = str(Path(__file__).with_name("keeper_client.py"))


class Desk:
    """Commands of one user, with a folder for the keeper's socket that is private to this test."""

    def __init__(self, user: str, folder: Path):
        self.user, self.folder, self.commands = user, folder, []
        self.environment = os.environ | {
            "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]),
        }  # fmt: skip
        self.environment.pop(keeper.SWITCH, None)

    def command(self, minutes: float = 1.0, code: str = "1", **settings):
        """(the process, whether its zygote is the keeper's, the output of the cell in its kernel)"""
        chosen = json.dumps({"preload": LIGHT, **settings})
        process = subprocess.Popen(
            [*as_user(self.user), sys.executable, CLIENT, str(minutes), chosen, code],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", cwd=self.folder, env=self.environment,
        )  # fmt: skip
        self.commands.append(process)
        return process, json.loads(process.stdout.readline()), json.loads(process.stdout.readline())

    def keepers(self) -> list[int]:
        return [pid for pid, words in processes() if "warmkernel.keeper" in words and str(self.folder) in words]

    def zygotes(self) -> set[int]:
        """The keeper's processes: its children are bubblewrap."""
        return {pid for keeper in self.keepers() for pid in children(keeper)}

    def close(self):
        for process in self.commands:
            process.kill()
            process.wait()
        for pid in self.keepers():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder)


def processes():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield int(path.parent.name), path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


def children(pid: int) -> list[int]:
    try:
        return [
            int(word)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for word in (task / "children").read_text(encoding="utf-8").split()
        ]
    except OSError:
        return []


def below(pid: int) -> set[int]:
    return {pid}.union(*(below(child) for child in children(pid)))


def wait_until(true, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


@pytest.fixture
def desk(sandbox_works):
    """`desk(user)`: see Desk."""
    made = []

    def make(user: str = "ordinary") -> Desk:
        folder = Path(tempfile.mkdtemp(prefix="keeper-", dir="/tmp"))
        folder.chmod(0o777)
        made.append(Desk(user, folder))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("user", USERS)
def test_the_next_command_finds_it_warm_and_kernels_end_with_their_command(user, desk):
    here = desk(user)
    first, kept, _ = here.command()
    zygote = here.zygotes()
    assert kept and len(zygote) == 1
    empty_and_one = len(below(*zygote))
    second, kept, _ = here.command()
    assert kept and here.zygotes() == zygote and len(below(*zygote)) > empty_and_one
    first.kill()  # its kernel ends, but not the other's
    assert wait_until(lambda: len(below(*zygote)) == empty_and_one)
    second.stdin.close()
    assert second.wait(30) == 0 and wait_until(lambda: len(below(*zygote)) < empty_and_one)
    third, kept, said = here.command(code="print('here')")
    assert kept and said == "here" and here.zygotes() == zygote
    third.kill()


def test_what_has_changed_is_not_lent_again(desk):
    here = desk()
    package = here.folder / "taught"
    package.mkdir()
    (package / "__init__.py").write_text("word = 'old'\n", encoding="utf-8")
    package.chmod(0o755)
    ask = {"packages": ["taught"], "preload": [*LIGHT, "taught"], "code": "import taught; print(taught.word)"}
    first, kept, said = here.command(**ask)
    old = here.zygotes()
    assert kept and said == "old"
    (package / "__init__.py").write_text("word = 'newer'\n", encoding="utf-8")
    second, kept, said = here.command(**ask)
    assert kept and said == "newer"
    assert first.poll() is None and old <= {pid for pid, _ in processes()}  # the borrower continues
    first.kill()
    assert wait_until(lambda: len(here.zygotes()) == 1) and here.zygotes() != old
    second.kill()


def test_when_nobody_asks_nothing_is_left(desk):
    here = desk("root" if os.geteuid() == 0 else "ordinary")
    process, kept, _ = here.command(minutes=0.005)
    assert kept
    busy = below(here.keepers()[0])
    time.sleep(1.5)  # longer than it would wait for the next command
    assert here.keepers()  # it has a borrower
    process.stdin.close()
    process.wait()
    assert wait_until(lambda: not here.keepers() and not busy & {pid for pid, _ in processes()})
    # The next command starts another one; `stop` ends it immediately.
    process, kept, _ = here.command()
    process.kill()
    process.wait()
    done = subprocess.run(
        [sys.executable, "-m", "warmkernel", "stop"], env=here.environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0 and wait_until(lambda: not here.keepers()), done.stderr


def test_without_a_keeper_commands_work_all_the_same(desk):
    here = desk()
    process, kept, _ = here.command()
    os.kill(here.keepers()[0], signal.SIGKILL)
    _, kept, said = here.command(code="print('again')")
    assert kept and said == "again" and process.poll() is None
    here.environment[keeper.SWITCH] = "0"
    assert here.command(code="print(2)")[1:] == (False, "2")
    here.environment.pop(keeper.SWITCH)
    for place in here.folder.glob("warmkernel-of-*"):
        place.chmod(0o777)  # any user could listen there instead of the keeper
    assert here.command(code="print(3)")[1:] == (False, "3")

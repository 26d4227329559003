"""However kernels and their clients end: no process, folder, socket or descriptor is left."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
from warm_attacks import soon, text_of
from warm_client import USERS, Refused

pytestmark = pytest.mark.kernel

# A daemon that left its session, and a kernel busy in C code.
BUSY = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\nsum(range(10**12))"


class Traces:
    """The resources of a client and its kernels on this machine."""

    def __init__(self, client):
        self.client, self.folder = client, Path(client.home)

    def start(self, **settings):
        return self.client.start(light=True, **settings)

    def family(self):
        """The descendants of the client: number -> (when it was started, its state, its command)."""
        table, found = process_table(), {}
        new = {self.client.process.pid}
        while new:
            new = {number for number, entry in table.items() if entry.parent in new}
            found |= {number: table[number] for number in new}
        return found

    def zygotes(self):
        """The Python processes that started together with the first process of a bubblewrap, as its oldest children."""
        family = self.family()
        sandboxes = {
            n
            for n, e in family.items()
            if e.name == "bwrap" and family.get(e.parent, e).name == "bwrap" and e.parent in family
        }
        return [min(n for n, e in family.items() if e.parent == s) for s in sandboxes]

    def files(self):
        """The contents of the client's TMPDIR, including sockets, except Jupyter's connection files and the tests' user folders."""
        return sorted(
            str(p.relative_to(self.folder))
            for p in self.folder.rglob("*")
            if not p.match("*.json") and not p.match("tmp.*") and p.name != "run"
        )

    def sockets(self):
        return text_of("/proc/net/unix").count(str(self.folder))

    def now(self):
        family = self.family()
        return {
            "processes": len(family),
            "zombies": [e for e in family.values() if e.state == "Z"],
            "files": self.files(),
            "sockets": self.sockets(),
            "descriptors of the client": self.client.ask(do="descriptors")["count"],
            "descriptors of the zygote": [len(os.listdir(f"/proc/{n}/fd")) for n in self.zygotes()],
        }

    def all_gone(self, family):
        """Whether everything is gone soon."""
        return soon(lambda: not alive(family) and not self.files() and not self.sockets())


def alive(family):
    table = process_table()
    return {n: e for n, e in family.items() if n in table and table[n].started == e.started}


@dataclass
class Process:
    name: str
    state: str
    parent: int
    started: int


def process_table():
    found = {}
    for number in [int(name) for name in os.listdir("/proc") if name.isdigit()]:
        name, end, rest = text_of(f"/proc/{number}/stat").partition("(")[2].rpartition(")")
        if end:
            fields = rest.split()
            found[number] = Process(name, fields[0], int(fields[1]), int(fields[19]))
    return found


@pytest.fixture(params=USERS)
def traces(new_client, request):
    return Traces(new_client(request.param))


def test_the_client_is_killed(traces):
    kernels = [traces.start() for _ in range(2)]
    assert kernels[0].run(BUSY, timeout=1).status == "timeout"
    assert soon(
        lambda: len(traces.family()) >= 9
    )  # two of bubblewrap, the zygote, the janitor, two per kernel, the daemon
    family = traces.family()
    traces.client.process.kill()
    assert traces.all_gone(family), (alive(family), traces.files())


def test_the_client_ends_without_a_word_to_its_kernels(traces):
    kernels = [traces.start() for _ in range(2)]
    assert kernels[0].run(BUSY, timeout=1).status == "timeout"
    traces.client.ask(do="forget", kernel=kernels[0].name)
    assert kernels[0].info()["alive"]
    family = traces.family()
    traces.client.process.stdin.close()
    traces.client.process.wait(120)
    assert traces.all_gone(family), (alive(family), traces.files())


def test_the_zygote_is_killed(traces):
    """Its kernels continue, the next one has a new zygote, and nothing of the old sandbox is left at the end."""
    kernel = traces.start()
    family = {n: e for n, e in traces.family().items() if e.name != "sh"}
    (zygote,) = traces.zygotes()
    os.kill(zygote, signal.SIGKILL)
    new = traces.start()
    assert zygote not in traces.zygotes()
    assert [k.value("print(6 * 7)") for k in (kernel, new)] == ["42", "42"]
    kernel.shutdown(now=True)
    new.shutdown()
    assert soon(lambda: not alive(family))
    assert traces.now()["zombies"] == []


def in_a_row(traces, count):
    """One kernel after another, ending in every possible way."""
    ways = (
        lambda k: k.shutdown(),
        lambda k: k.shutdown(now=True),
        lambda k: (k.run("import os; os._exit(3)"), k.shutdown(now=True)),
        lambda k: (k.run(BUSY, timeout=0.3), k.shutdown(now=True)),
        lambda k: (k.run("exit()"), k.shutdown()),
    )
    for way in ways:  # opened by the client once
        way(traces.start())
    before = traces.now()
    for number in range(count):
        kernel = traces.start()
        assert kernel.value(f"print({number} + 1)") == str(number + 1)
        ways[number % len(ways)](kernel)
    assert soon(lambda: traces.now() == before), (before, traces.now())
    assert before["zombies"] == []


@pytest.mark.sample
def test_fifteen_kernels_in_a_row(traces):
    in_a_row(traces, 15)


@pytest.mark.slow(reason="starts a hundred kernels per kind of user; each push starts fifteen")
def test_a_hundred_kernels_in_a_row(traces):
    in_a_row(traces, 100)


def test_eight_at_once(traces):
    traces.start().shutdown()
    before = traces.now()
    kernels = [traces.start() for _ in range(8)]
    for number, kernel in enumerate(kernels):
        kernel.run(f"mine = {number}")
    assert [kernel.value("print(mine)") for kernel in kernels] == [str(number) for number in range(8)]
    for kernel in kernels[:4]:
        kernel.run(BUSY, timeout=0.2)
    for kernel in kernels:
        kernel.shutdown(now=kernel in kernels[:6])
    assert soon(lambda: traces.now() == before), (before, traces.now())


def interrupted(kernel):
    """The value of `mine` afterwards. On a busy machine the first interrupt may come before the cell has started."""
    kernel.interrupt()
    return kernel.run("print(mine)", timeout=5).text.strip()


def test_restarts_and_interrupts(traces):
    kernel = traces.start()
    kernel.run("mine = 1")
    kernel.restart(now=True)
    before = traces.now()
    for now in (True, False, True):
        assert kernel.run("mine").error.startswith("NameError")
        assert kernel.run("mine = 1\nwhile True: pass", timeout=0.5).status == "timeout"
        assert soon(lambda: interrupted(kernel) == "1")
        if now:
            kernel.run(BUSY, timeout=0.3)
        kernel.restart(now=now)
    assert kernel.value("print(6 * 7)") == "42"
    assert soon(lambda: traces.now() == before), (before, traces.now())


def test_a_kernel_that_is_refused(traces):
    """A working folder that is too large, a missing module: reported, and nothing is left of the attempt."""
    traces.start().shutdown()
    before = traces.now()
    here = Path(__file__).parent
    for settings in ({"cwd": here, "limits": {"inodes": 1}}, {"packages": ["nowhere"]}, {"preload": ["nowhere"]}):
        with pytest.raises(Refused):
            traces.start(**settings)
    assert soon(lambda: traces.now() == before), (before, traces.now())

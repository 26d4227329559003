"""The sandbox of the checker: what is in it, what is not, and that nothing of it is left."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from plain_kernel import cells_of
from warm_client import ROOT, USERS, as_user

from autograder.check.runner import host as hosts
from autograder.check.runner.host import CheckerHost
from autograder.errors import AutograderError
from autograder.run.results import Seconds
from autograder.run.walk import walk
from warmkernel import pool
from warmkernel.settings import Settings

pytestmark = pytest.mark.kernel

HERE = Path(__file__).parent
SIMPLE = cells_of(("f", "def f(x):\n    return 2 * x"), ("f-1", "assert f(2) == 4", 1))
SECRET = "a word that is nowhere in there"
REFUSED = "def refused(act, *arguments):\n    try:\n        act(*arguments)\n    except (OSError, RuntimeError):\n        return True\n"
SEEN = {
    "its files": "assert open('ages.csv').read() == '41\\n63\\n' and not os.path.lexists('link')\nimport helper\nassert helper.doubled(f(1)) == 4",
    "what is shown": "assert open(os.path.join(SHOWN, 'film')).read() == 'x'",
    "its packages": "import medxai, data_fetch, autograder\nassert os.listdir(medxai.__path__[0])",
    "no network": REFUSED + "assert {n for _, n in socket.if_nameindex()} == {'lo'}\n"
    "for family, where in ((socket.AF_INET, ('127.0.0.1', 22)), (socket.AF_INET, ('1.1.1.1', 53)), (40, (2, 22))):\n"
    "    assert refused(lambda: socket.socket(family).connect(where)), where",
    "no other files": "for path in (f'{ROOT}/README.md', f'{ROOT}/solutions', CLIENT, '/etc/shadow', '/var', '/sys', '/boot', '/home', '/root/.ssh'):\n    assert not os.path.exists(path), path",
    "nothing to write": REFUSED + "for folder in ('/', '/usr', '/etc', '/dev', '/run', '/proc', '/proc/sys/kernel', sys.prefix, SHOWN, os.path.dirname(os.__file__),\n"
    "               '/run/warmkernel/helpers/autograder'):\n    assert refused(open, os.path.join(folder, 'new'), 'w'), folder\n"
    "assert refused(open, '/proc/sys/kernel/core_pattern', 'w') and refused(open, os.path.join(SHOWN, 'film'), 'a')\nassert open('new', 'w').write('mine')",
    "nobody's environment": "assert SECRET not in str(os.environ) and 'SECRET' not in os.environ and os.environ['DATA_FETCH_OFFLINE'] == '1'\n"
    "assert os.listdir(os.environ['HOME']) in ([], ['.keras']) and set(os.environ) & {'PATH', 'HOME'}",
    "no privilege": "status = dict(line.split(':\\t') for line in open('/proc/self/status').read().split('\\n') if line)\n"
    "assert all(int(status[name], 16) == 0 for name in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb')), status\n"
    "assert status['NoNewPrivs'] == '1' and status['Seccomp'] == '2'",
    "no namespaces": REFUSED + "from warmkernel.inside import linux\nfor kind in (linux.NEW_USER, linux.NEW_MOUNT, linux.NEW_PID):\n    assert refused(linux.unshare, kind)",
    "no other processes": "assert len([p for p in os.listdir('/proc') if p.isdigit()]) <= 5",
    "no memory of the server": REFUSED + "assert refused(open, f'/proc/{os.getppid()}/mem', 'rb') and refused(os.listdir, f'/proc/{os.getppid()}/fd')",
}  # fmt: skip


@pytest.fixture
def open_folder():
    """A folder that any user can read, unlike pytest's."""
    made = Path(tempfile.mkdtemp(prefix="checker-test-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def client(user, folder, checks):
    """A runner of this user, as a process that has been told what to do."""
    shown = folder / "shown"
    shown.mkdir(exist_ok=True)
    (shown / "film").write_text("x", encoding="utf-8")
    given = {
        "SHOWN": str(shown),
        "SECRET": SECRET,
        "ROOT": str(ROOT),
        "HOME": os.path.expanduser("~"),
        "CLIENT": str(folder / "own"),
    }
    names = "".join(f"{name} = {value!r}\n" for name, value in given.items())
    own = folder / "own"
    own.mkdir(exist_ok=True)
    own.chmod(0o777)
    process = subprocess.Popen(
        [*as_user(user), sys.executable, str(HERE / "host_client.py"), str(shown), SECRET],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", cwd=own,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)]), "HOME": str(own), "TMPDIR": str(own)},
    )  # fmt: skip
    process.stdin.write(json.dumps({name: names + source for name, source in checks.items()}))
    process.stdin.close()
    assert json.loads(process.stdout.readline()) == "ready"
    return process


@pytest.mark.parametrize("user", USERS)
def test_a_check_sees_what_it_needs_and_nothing_else(user, open_folder):
    process = client(user, open_folder, SEEN)
    *verdicts, left = (json.loads(line) for line in process.stdout)
    assert process.wait() == 0
    assert [v for v in verdicts if v[1] != "passed"] == [] and len(verdicts) == len(SEEN)
    assert left == ["ages.csv", "helper.py", "link"]  # the folder itself was not written to


@pytest.mark.parametrize("user", USERS)
def test_a_killed_runner_leaves_no_process_behind(user, open_folder):
    process = client(
        user,
        open_folder,
        {"hang": "open('begun', 'w')\nimport os\nif not os.fork():\n    os.setsid()\nwhile True: pass"},
    )
    deadline = time.monotonic() + 30
    while len(busy := family(process.pid)) < 8 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(busy) >= 8, busy  # bwrap twice, zygote, process 1, host, server, child and its own child, a kernel
    if user == "root":  # what interprets answers is nobody's
        owners = {int(line.split()[1]) for pid in busy for line in status(pid) if line.startswith("Uid:")}
        assert owners - {0} and max(owners) >= 61_184, owners
    process.kill()
    process.wait()
    while (left := {pid: name for pid, name in busy.items() if alive(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def status(pid):
    try:
        return Path(f"/proc/{pid}/status").read_text(encoding="utf-8").split("\n")
    except OSError:
        return []


def family(ancestor):
    """The descendants of a process, by number."""
    parents, names = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text(encoding="utf-8").partition("(")[2].rpartition(")")
        except OSError:
            continue
        parents[int(stat.parent.name)], names[int(stat.parent.name)] = int(rest.split()[1]), name
    found, new = {}, {ancestor}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new}
        found |= {pid: names[pid] for pid in new}
    return found


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def judged(server, nursery, course, seconds=20):
    with server.submission([]) as submission:
        return walk(course, nursery.kernel, submission, {}, Seconds(seconds))


def test_two_notebooks_share_one_import_of_keras_and_threads_share_the_host(keras_nursery):
    course = cells_of(
        "import keras, medxai\nimport numpy as np\nfrom medxai import checks\nnet = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])",
        ("score", "def score(model, x):\n    return model(x)"),
        ("score-1", "x = np.eye(2, dtype='f4')\nassert np.allclose(score(net, x), net(x), atol=1e-6) and checks", 1),
    )  # fmt: skip
    begun = time.monotonic()
    with CheckerHost() as host:
        importing = time.monotonic() - begun
        begun = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            servers = list(pool.map(lambda _: host.server(course), range(2)))
            assert time.monotonic() - begun < importing / 2
            found = list(pool.map(lambda server: judged(server, keras_nursery, course, 60), servers * 2))
        assert [v["score-1"].status for v in found] == ["passed"] * 4, found


def test_servers_of_one_host_end_one_by_one(nursery, tmp_path):
    (tmp_path / "ages.csv").write_text("41", encoding="utf-8")
    reads = cells_of(
        ("f", "def f(x):\n    return 2 * x"), ("f-1", "assert open('ages.csv').read() == '41' and f(1) == 2", 1)
    )
    with CheckerHost(keras=False) as host:
        first, second = host.server(reads, tmp_path), host.server(SIMPLE)
        assert judged(first, nursery, reads)["f-1"].status == "passed"
        first.close()
        assert not first.alive and second.alive
        assert judged(second, nursery, SIMPLE)["f-1"].status == "passed"
        with second.submission([]) as submission:
            host._end(second.process.pid)
            with pytest.raises(AutograderError, match="stopped unexpectedly"):
                walk(SIMPLE, nursery.kernel, submission, {})
        with host.server(SIMPLE) as third:
            assert judged(third, nursery, SIMPLE)["f-1"].status == "passed"
            host.program.kill()
            with pytest.raises(AutograderError, match="stopped unexpectedly"):
                judged(third, nursery, SIMPLE)
        with pytest.raises(AutograderError, match="The checker stopped"):
            host.server(SIMPLE)


def test_without_a_sandbox_it_is_the_same_process(nursery, tmp_path, monkeypatch):
    monkeypatch.setenv("SEEN_INSIDE", "1")
    course = cells_of("import os", ("f", "def f(x):\n    return 2 * x"), ("f-1", f"assert os.environ['SEEN_INSIDE'] and os.getcwd() == {str(tmp_path)!r} and f(2) == 4", 1))  # fmt: skip
    with CheckerHost(keras=False, sandbox=False) as host, host.server(course, tmp_path) as server:
        assert judged(server, nursery, course)["f-1"].status == "passed"


def test_where_there_can_be_no_sandbox_it_says_why(monkeypatch, tmp_path):
    pool.close_all()
    monkeypatch.setattr("warmkernel.sandbox.find_bubblewrap", lambda: "/bin/false")
    with pytest.raises(AutograderError, match="No sandbox can be created.*bubblewrap[\\s\\S]*autograder doctor"):
        CheckerHost(keras=False)
    with pytest.raises(AutograderError, match="the file or folder .* does not exist"):
        CheckerHost(Settings(show=(str(tmp_path / "nowhere"),)), keras=False)


def test_what_cannot_start_says_why(tmp_path, monkeypatch):
    with CheckerHost(keras=False) as host:
        with pytest.raises(AutograderError, match="cannot be read"):
            host.server(SIMPLE, tmp_path / "nowhere")
        monkeypatch.setattr(hosts, "LIMITS", hosts.Limits(disk=100))
        (tmp_path / "large").write_bytes(bytes(100))
        with pytest.raises(AutograderError, match="exceeds"):
            host.server(SIMPLE, tmp_path)
    with CheckerHost(keras=False, sandbox=False) as host, pytest.raises(AutograderError, match="FileNotFoundError"):
        host.server(SIMPLE, tmp_path / "nowhere")

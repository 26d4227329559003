"""Attacks by code in an answer: it is in the cell `centre`, and `longest_run` is correct."""

from __future__ import annotations

from nbformat.v4 import new_code_cell

from autograder.attack.kinds import ALL, NOTHING, OPEN, SECOND, STOPPED, Desk, Kinds
from autograder.check.protocol.verdict import Cause
from autograder.record.records import NEEDS_ATTENTION

RIGHT = "def centre(values):\n    return values - values.mean()\n"
WRONG = "def centre(values):\n    return values + 1\n"

ends = Kinds("never ends")
ends.answer(
    "loops",
    "an infinite loop in the function",
    "def centre(values):\n    while True:\n        pass\n",
    because=STOPPED,
    quick=True,
)
ends.answer(
    "loops-deaf",
    "a loop that catches KeyboardInterrupt",
    "def centre(values):\n    while True:\n        try:\n            while True:\n                pass\n        except BaseException:\n            pass\n",
    because=STOPPED,
    quick=True,
)
ends.answer(
    "loops-masked",
    "an infinite loop with SIGINT ignored and blocked",
    "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\n"
    "def centre(values):\n    while True:\n        pass\n",
    because=STOPPED,
)
ends.answer(
    "loops-cell", "an infinite loop in the cell itself", "while True:\n    pass\n", because={Cause.CELL_OUT_OF_TIME}
)
ends.answer("waits-for-input", "waits for user input", "name = input('name? ')\n" + RIGHT, because={Cause.CELL_RAISED})
ends.answer(
    "input-inside", "waits for user input when called", "def centre(values):\n    return values - float(input())\n"
)
ends.answer(
    "yields-for-ever",
    "returns an infinite generator",
    "import itertools\ndef centre(values):\n    return itertools.count()\n",
)
ends.answer(
    "slow-each-call",
    "each call takes slightly less than the limit",
    "import time\ndef centre(values):\n    time.sleep(4.5)\n    return values - values.mean()\n",
    marks=(0.0, 1.0, 2.0, 1.0),
)


@ends.kind(
    "sleeps-everywhere",
    "sleeps for 25 s in each of many cells",
    marks=OPEN,
    status=NEEDS_ATTENTION,
    because={Cause.NOT_RUN_NO_TIME},
)
def _sleeps(desk: Desk) -> None:
    notebook = desk.answered()
    for _ in range(30):
        notebook.cells.insert(3, new_code_cell("import time, sys\ntime.sleep(25)"))
    desk.hand_in(notebook)


dies = Kinds("dies")
DYING = """
called = []
def centre(values):
    called.append(1)
    if len(called) > 2:  # the first check calls twice
        <HOW>
    return values - values.mean()
"""
for name, how in {
    "sys-exit": "import sys; sys.exit(0)",
    "os-exit": "import os; os._exit(0)",
    "sigkill": "import os; os.kill(os.getpid(), 9)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "abort": "import os; os.abort()",
}.items():
    dies.answer(
        f"dies-{name}",
        f"ends its process with {name} after passing the first check",
        DYING.replace("<HOW>", how),
        marks=(2.0, 0.0, 2.0, 1.0),
        quick=name in ("os-exit", "segfault"),
    )
dies.answer(
    "dies-shutdown",
    "requests a kernel shutdown",
    DYING.replace("<HOW>", "get_ipython().kernel.do_shutdown(False); import time; time.sleep(60)"),
    marks=(2.0, 0.0, 2.0, 1.0),
    exact=False,
)
dies.answer("dies-quit", "exit() in IPython", DYING.replace("<HOW>", "exit()"), marks=ALL)
dies.answer(
    "dies-later",
    "ends the process a second later, during another check",
    "import os, threading\nthreading.Timer(1, os._exit, [1]).start()\n" + RIGHT,
    marks=ALL,
    exact=False,
    status="",
)
dies.answer(
    "dies-at-once",
    "the cell ends the process every time",
    "import os\nos._exit(3)\n",
    because={Cause.CELL_ENDED_KERNEL},
    quick=True,
)
dies.answer(
    "deletes-everything",
    "deletes all names in the notebook",
    RIGHT + "for name in list(globals()):\n    del globals()[name]\n",
    marks=SECOND,
)
dies.answer(
    "recursion-limit",
    "infinite recursion with a raised limit",
    "import sys\nsys.setrecursionlimit(10**9)\ndef centre(values):\n    return centre(values)\n",
)
dies.answer(
    "recursion", "infinite recursion", "def centre(values):\n    return centre(values)\n", because={Cause.RECURSION}
)

kills = Kinds("kills others")
kills.answer(
    "kills-parent",
    "kills its parent process",
    "import os, signal\nfor number in (2, 15, 9):\n    try:\n        os.kill(os.getppid(), number)\n    except OSError:\n        pass\n"
    + RIGHT,
    marks=ALL,
)
kills.answer(
    "kills-all",
    "kills every process of the same user",
    "import os\nos.kill(-1, 9)\n" + RIGHT,
    quick=True,
    because={Cause.CELL_ENDED_KERNEL, Cause.CELL_RAISED},
)
kills.answer(
    "stops-all",
    "stops every visible process",
    "import os, signal\ndef centre(values):\n    for number in [1, *range(2, 40000)]:\n        if number != os.getpid():\n            try:\n                os.kill(number, signal.SIGSTOP)\n            except OSError:\n                pass\n    os.kill(0, signal.SIGSTOP)\n",
)

hides = Kinds("hides")
CHILD = "import os\nfor _ in range(20):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n            os.closerange(0, 200)\n            os.execve('/usr/bin/sleep', ['<TOKEN>', '900'], {'TOKEN': '<TOKEN>'})\n        os._exit(0)\n"
hides.answer("leaves-children", "leaves 20 children in separate sessions", CHILD + RIGHT, marks=ALL, quick=True)
hides.answer(
    "second-kernel",
    "starts its own Jupyter kernel",
    "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-m', 'ipykernel_launcher', '--<TOKEN>'])\n"
    + RIGHT,
    marks=ALL,
)
hides.answer(
    "fork-socket",
    "requests processes through WARMKERNEL_FORK",
    "import os, socket\ntry:\n    with socket.socket(socket.AF_UNIX) as s:\n        s.connect(os.environ.get('WARMKERNEL_FORK', ''))\n        s.send(b'x' * 100000)\n    for _ in range(50):\n        s = socket.socket(socket.AF_UNIX)\n        s.connect(os.environ.get('WARMKERNEL_FORK', ''))\nexcept OSError:\n    pass\n"
    + RIGHT,
    marks=ALL,
)
hides.answer(
    "thread-changes-answer",
    "a thread floods the output and later installs wrong answers",
    WRONG.replace("centre", "other")
    + RIGHT
    + "import sys, threading, time\ndef work():\n    while True:\n        print('x' * 1000)\n        sys.__stderr__.write('y' * 1000)\n        time.sleep(0.001)\nthreading.Thread(target=work, daemon=True).start()\n",
    marks=ALL,
)

eats = Kinds("eats")
eats.answer(
    "eats-memory",
    "allocates memory endlessly",
    "kept = []\ndef centre(values):\n    while True:\n        kept.append(np.ones(40_000_000))\n",
    quick=True,
    because={*STOPPED, Cause.RAISED},
)
eats.answer(
    "prints-much",
    "200 MB of output",
    RIGHT + "for _ in range(200):\n    print('x' * 1_000_000)\n",
    marks=ALL,
    quick=True,
)
eats.answer("prints-lines", "a million lines", RIGHT + "print('\\n' * 1_000_000)\n", marks=ALL)
eats.answer(
    "prints-pictures",
    "50 MB of rich output",
    RIGHT
    + "from IPython.display import HTML, display\nfor _ in range(50):\n    display(HTML('<b>' + 'x' * 1_000_000 + '</b>'))\n",
    marks=ALL,
)
eats.answer(
    "floods-descriptor",
    "endless output, bypassing Python",
    "import os\ndef centre(values):\n    while True:\n        os.write(1, b'x' * 65536)\n",
)
eats.answer(
    "fills-disk",
    "fills the disk",
    RIGHT
    + "try:\n    with open('big', 'wb') as file:\n        while True:\n            file.write(b'x' * 10_000_000)\nexcept OSError:\n    pass\n",
    marks=ALL,
)
eats.answer(
    "many-files",
    "creates files endlessly",
    RIGHT + "try:\n    for n in range(10**7):\n        open(f'f{n}', 'w').close()\nexcept OSError:\n    pass\n",
    marks=ALL,
)
eats.answer(
    "fork-bomb",
    "a fork bomb",
    "import os\ndef centre(values):\n    while True:\n        try:\n            os.fork()\n        except OSError:\n            pass\n",
    quick=True,
    because=STOPPED,
)
eats.answer(
    "threads-without-end",
    "starts threads up to the limit and keeps them",
    "import threading, time\ntry:\n    while True:\n        threading.Thread(target=time.sleep, args=(900,), daemon=True).start()\nexcept RuntimeError:\n    pass\n"
    + RIGHT,
    marks=ALL,
    exact=False,
)
eats.answer("huge-result", "returns 2 GB", "def centre(values):\n    return np.zeros(250_000_000)\n")
eats.answer(
    "huge-number", "returns an integer with ten million digits", "def centre(values):\n    return 1 << 33_000_000\n"
)
eats.answer(
    "deep-result",
    "returns lists nested a million deep",
    "def centre(values):\n    deep = []\n    for _ in range(10**6):\n        deep = [deep]\n    return deep\n",
)
eats.answer(
    "round-result",
    "returns a list that contains itself",
    "def centre(values):\n    out = [1]\n    out.append(out)\n    return out\n",
)
eats.answer(
    "huge-repr",
    "an object whose repr is enormous",
    "class Big:\n    def __repr__(self):\n        return 'x' * 10**9\ndef centre(values):\n    return Big()\nBig()\n",
)

cheats = Kinds("cheats in the process")
cheats.answer(
    "equals-all",
    "returns an object that equals everything",
    "class Yes:\n    def __eq__(self, other):\n        return True\n    def __array__(self, *_):\n        return np.zeros(3)\n    def __getattr__(self, name):\n        return self\ndef centre(values):\n    return Yes()\n",
    quick=True,
)
cheats.answer(
    "array-subclass",
    "returns an array whose comparisons are always true",
    "class Yes(np.ndarray):\n    def __eq__(self, other):\n        return True\n    def __array_ufunc__(self, *a, **k):\n        return np.bool_(True)\n    def __array_function__(self, *a, **k):\n        return True\ndef centre(values):\n    return (values + 1).view(Yes)\n",
)
cheats.answer(
    "patches-numpy",
    "patches numpy.allclose and numpy.testing",
    "np.allclose = np.isclose = lambda *a, **k: True\nimport numpy.testing\nfor name in dir(numpy.testing):\n    if name.startswith('assert'):\n        setattr(numpy.testing, name, lambda *a, **k: None)\n"
    + WRONG,
    quick=True,
)
cheats.answer(
    "patches-builtins",
    "patches the builtins",
    "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {'__new__': lambda *a: None})\nbuiltins.all = builtins.any = lambda *a: True\nbuiltins.len = lambda x: 3\n"
    + WRONG,
)
cheats.answer(
    "removes-asserts",
    "an AST transformer that removes asserts and raises",
    "import ast\nclass Away(ast.NodeTransformer):\n    def visit_Assert(self, node):\n        return ast.Pass()\n    visit_Raise = visit_Assert\nget_ipython().ast_transformers.append(Away())\n"
    + WRONG,
)
cheats.answer(
    "blanks-cells",
    "an input transformer that blanks check cells",
    "get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'] if any('check' in x or 'assert' in x for x in lines) else lines)\n"
    + WRONG,
)
cheats.answer(
    "run-cell",
    "patches run_cell to succeed",
    "shell = get_ipython()\nold, old_async = shell.run_cell, shell.run_cell_async\ndef run_cell(source, *a, **k):\n    return old('pass', *a, **k)\nasync def run_cell_async(source, *a, **k):\n    return await old_async('pass', *a, **k)\nshell.run_cell, shell.run_cell_async = run_cell, run_cell_async\n"
    + WRONG,
    exact=False,
)
cheats.answer(
    "custom-exceptions",
    "set_custom_exc swallows all errors",
    "get_ipython().set_custom_exc((BaseException,), lambda *a, **k: None)\n" + WRONG,
)
cheats.answer(
    "forged-result",
    "an execute_result published from a hook",
    "def forge(*_):\n    get_ipython().display_pub.publish({'text/plain': '3'})\n    get_ipython().displayhook(3)\nget_ipython().events.register('post_run_cell', forge)\n"
    + WRONG,
)
cheats.answer("negative-credit", "negative or enormous partial credit", "def centre(values):\n    return -1e308\n3.0\n")
cheats.answer(
    "second-call",
    "correct on the first call only",
    "called = []\ndef centre(values):\n    called.append(1)\n    return values - values.mean() if len(called) < 2 else values\n",
    marks=SECOND,
)
cheats.answer(
    "table",
    "looks up answers to known inputs",
    "def centre(values):\n    return {3: np.array([-2.0, -1.0, 3.0])}.get(len(values), np.zeros(len(values)))\n",
    marks=(0.0, 1.0, 2.0, 1.0),
)
cheats.answer(
    "patches-time",
    "stops the clock functions",
    "import time\ntime.time = time.monotonic = time.perf_counter = lambda: 0.0\ndef centre(values):\n    while True:\n        pass\n",
    because=STOPPED,
)
cheats.probe(
    "graders-variable",
    "behaves differently if a variable reveals grading",
    "import os\nassert any(name.startswith(('NBGRADER', 'AUTOGRADER', 'GRADER', 'PYTEST')) for name in os.environ)",
)
cheats.answer(
    "responder",
    "the responder in the kernel reports success",
    "import sys\nresponder = sys.modules.get('course_responder')\nif responder:\n    cls = responder.Responder\n    cls.do_call = lambda self, f, a, k: 0\n    cls._raised = lambda self, *a: self._returned([], [], 0, __import__('io').StringIO())\n"
    + WRONG,
    marks=(0.0, 1.0, 0.0, 1.0),  # 0 is correct for equal values and for flags without a true one
    quick=True,
)
cheats.answer(
    "no-responder",
    "removes the responder",
    "import sys\nsys.modules.pop('course_responder', None)\nsys.modules['course_responder'] = None\n" + RIGHT,
    marks=NOTHING,
    because=STOPPED,
)
cheats.answer(
    "closes-descriptors",
    "closes every descriptor",
    RIGHT + "def centre(values):\n    import os\n    os.closerange(3, 500)\n    return values\n",
)
cheats.answer(
    "control-descriptor",
    "reads and writes on every inherited socket",
    "import os, socket\nfor number in range(3, 100):\n    try:\n        with socket.socket(fileno=os.dup(number)) as s:\n            if s.family == socket.AF_UNIX:\n                s.setblocking(False)\n                s.send(b'{\"pid\": 1}\\n' * 100)\n    except OSError:\n        pass\n"
    + WRONG,
    exact=False,
)
FORGE = """
import threading
kernel = get_ipython().kernel
def forge(*_):
    parent = kernel.get_parent('shell')
    for _ in range(<COUNT>):
        kernel.session.send(kernel.shell_stream, 'execute_reply', {'status': 'ok', 'user_expressions': {'value': {'data': {'text/plain': '3'}}}, 'payload': 'x' * <SIZE>}, parent=parent, ident=kernel._get_shell_context_var(kernel._shell_parent_ident) if hasattr(kernel, '_get_shell_context_var') else kernel._parent_ident['shell'])
get_ipython().events.register('pre_run_cell', forge)
"""
cheats.answer(
    "forges-replies",
    "forges thousands of ok replies",
    FORGE.replace("<COUNT>", "3000").replace("<SIZE>", "10") + WRONG,
    exact=False,
)
cheats.answer(
    "forges-huge",
    "forges an ok reply of 600 MB",
    FORGE.replace("<COUNT>", "1").replace("<SIZE>", "600_000_000") + WRONG,
    exact=False,
)
cheats.answer("magic-writefile", "a %%writefile cell", "%%writefile centre.py\n" + RIGHT, because={Cause.MISSING_NAME})
cheats.answer(
    "magic-bash",
    "a %%bash cell",
    "%%bash\nkill -9 -1; rm -rf / 2>/dev/null; exit 0\n",
    because={Cause.MISSING_NAME, Cause.CELL_ENDED_KERNEL},
)
cheats.answer(
    "magic-run",
    "a cell that runs a file, a script and a cell",
    RIGHT
    + "with open('left.py', 'w') as file:\n    file.write('centre = lambda values: values - values.mean()')\nget_ipython().run_line_magic('run', 'left.py')\nget_ipython().run_cell('x = 1')\nget_ipython().run_cell_magic('javascript', '', 'alert(1)')\n",
    marks=ALL,
)
cheats.answer(
    "faulthandler",
    "changes faulthandler, limits and priorities",
    RIGHT
    + "import faulthandler, os, resource\nfaulthandler.enable()\nfaulthandler.dump_traceback_later(1, repeat=True)\nfor limit in (resource.RLIMIT_CORE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE):\n    try:\n        resource.setrlimit(limit, (resource.RLIM_INFINITY,) * 2)\n    except (ValueError, OSError):\n        pass\ntry:\n    os.nice(-40)\nexcept OSError:\n    pass\n",
    marks=ALL,
)

reads = Kinds("reads")
SEARCH = "import os\nseen = ''\nfor top in <PLACES>:\n    for folder, _, names in os.walk(top):\n        for name in names:\n            try:\n                with open(os.path.join(folder, name), errors='ignore') as file:\n                    seen += file.read(1_000_000)\n            except OSError:\n                pass\n"
reads.probe(
    "reads-course",
    "opens the gradebook, the sources, other submissions",
    "import os\nfound = [p for p in ('<GRADEBOOK>', '<COURSE>/solutions', '<COURSE>/submitted', '<COURSE>/.autograder/secret', '<CANARY>') if os.path.exists(p)]\nassert found",
    quick=True,
)
reads.probe(
    "reads-checks",
    "searches memory for the text of hidden checks",
    "import gc\nassert any(isinstance(o, str) and 'planted' + '_values' in o for o in gc.get_objects())",
)
reads.probe(
    "reads-files",
    "searches all visible files for hidden checks",
    SEARCH.replace("<PLACES>", "('/tmp', os.getcwd(), os.path.expanduser('~'), '/dev/shm', '/run', '/var')")
    + "assert 'planted' + '_values' in seen or 'canary of the' + ' grader' in seen",
)
reads.probe(
    "reads-environment",
    "reads the environment of the grader, itself and process 1",
    "import os, glob\nseen = repr(os.environ)\nfor path in glob.glob('/proc/[0-9]*/environ'):\n    try:\n        seen += open(path).read()\n    except OSError:\n        pass\nassert '<TOKEN>' in seen",
    quick=True,
)
reads.probe(
    "reads-processes",
    "reads the memory of other processes",
    "import os\nothers = [n for n in os.listdir('/proc') if n.isdigit() and int(n) != os.getpid()]\ngot = []\nfor n in others:\n    try:\n        open(f'/proc/{n}/mem', 'rb').close()\n        got.append(open(f'/proc/{n}/maps').read())\n    except OSError:\n        pass\nassert any(got)",
)

writes = Kinds("writes")
writes.probe(
    "writes-course",
    "changes the gradebook, the sources, the next submission, the configuration",
    "import os\nwrote = False\nfor path in ('<GRADEBOOK>', '<COURSE>/nbgrader_config.py', '<COURSE>/solutions/01_prey/01_prey.py', '<COURSE>/submitted/zz-blank/01_prey/01_prey.ipynb', '<CANARY>'):\n    try:\n        open(path, 'r+').write('x')\n        wrote = True\n    except OSError:\n        pass\nassert wrote",
    quick=True,
)
writes.probe(
    "writes-packages",
    "changes modules imported by the next student's kernel",
    "import numpy, IPython, os, site\nwrote = False\nfor path in (numpy.__file__, IPython.__file__, os.path.join(site.getsitepackages()[0], 'sitecustomize.py'), '/etc/profile', '/usr/bin/python3'):\n    try:\n        open(path, 'a').write('x')\n        wrote = True\n    except OSError:\n        pass\nassert wrote",
)
writes.answer(
    "writes-startup",
    "leaves an IPython startup file and a numpy.py for later kernels",
    "import os\nfor folder in ('~/.ipython/profile_default/startup', '~/.jupyter', '.'):\n    folder = os.path.expanduser(folder)\n    os.makedirs(folder, exist_ok=True)\n    for name in ('0.py', 'numpy.py', 'jupyter_config.py', 'prey_checks.py', 'sitecustomize.py'):\n        open(os.path.join(folder, name), 'w').write('raise SystemExit')\nimport os\nos._exit(1)\n",
    marks=SECOND,
)
writes.answer(
    "spoils-folder",
    "deletes its working folder and makes its scratch folder unreadable",
    "import os, shutil\nhere = os.getcwd()\nos.chmod(os.path.expanduser('~'), 0)\nos.chmod('/tmp', 0)\nshutil.rmtree(here, ignore_errors=True)\n"
    + RIGHT,
    marks=ALL,
)

network = Kinds("network")
network.probe(
    "posts",
    "sends data to a listener on this machine",
    "import socket\nwith socket.create_connection(('127.0.0.1', <PORT>), timeout=2) as s:\n    s.send(b'marks')",
    quick=True,
)
network.probe(
    "posts-unix",
    "sends data to a Unix socket",
    "import socket\nwith socket.socket(socket.AF_UNIX) as s:\n    s.connect('<SOCKET>')\n    s.send(b'marks')",
)
network.probe(
    "posts-abstract",
    "sends data to an abstract Unix socket",
    "import socket\nwith socket.socket(socket.AF_UNIX) as s:\n    s.connect('\\0<TOKEN>')\n    s.send(b'marks')",
)
network.probe(
    "resolves",
    "looks up and connects to an internet host",
    "import socket\nsocket.getaddrinfo('example.org', 80)\nsocket.create_connection(('example.org', 80), timeout=3)",
)

tells = Kinds("tells")
SEEN = "seen = []\ndef centre(values):\n    seen.append(values.tolist())\n    print(values)\n"


@tells.kind("tells-in-timeout", "writes hidden inputs into an error that imitates ours", marks=SECOND, quick=True)
def _tells(desk: Desk) -> None:
    notebook = desk.answered(centre=SEEN + "    raise TimeoutError(f'stopped after {values.tolist()}')\n")
    at = next(
        n for n, c in enumerate(notebook.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == "longest_run"
    )
    for text in (
        "raise TimeoutError(seen)",
        "raise TimeoutError(f'stopped: {seen}')",
        "print(seen)\nseen",
        "raise SyntaxError(f'line {seen[-1][0]:.0f})')",
    ):
        notebook.cells.insert(at, new_code_cell(text))
    desk.hand_in(notebook)


tells.answer(
    "tells-in-error",
    "writes hidden inputs into custom exceptions",
    SEEN + "    raise type(f'Leak{int(values[0])}', (AssertionError,), {})(f'{values.tolist()}')\n",
    because={Cause.RAISED},
)


@tells.kind("tells-in-line", "writes hidden inputs into the line of a syntax error", marks=NOTHING, quick=True)
def _tells_in_line(desk: Desk) -> None:
    source = "raise SyntaxError(f'made up (line {seen[-1][0]:.0f})')"
    desk.hand_in(desk.answered(centre=SEEN + "    return values + 1\n", longest_run=source))


tells.answer(
    "tells-in-value",
    "returns hidden inputs as texts, types and names",
    SEEN
    + "    f = lambda: 0\n    f.__name__ = f.__qualname__ = f.__doc__ = str(values.tolist())\n    return [f, type(f'T{int(values[0])}', (), {})(), str(values.tolist())]\n",
)


GROUPS = (ends, dies, kills, hides, eats, cheats, reads, writes, network, tells)

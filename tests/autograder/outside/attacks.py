"""What a student can try against the channel and the checker, as sources of the cell that should hold `def f(x): return 2 * x`."""

# On the channel and the responder: no cell may pass, not even one that expects an exception.
HEAD = "import sys, json, socket, struct, time, threading\nr = sys.modules['outside_responder']\nW = r.Wire\nreal = W.send\n"
RAW = HEAD + "def raw(wire, head, body=b'', size=None):\n    wire.sock.settimeout(None)\n" \
    "    wire.sock.sendall(r.LENGTHS.pack(r.MAGIC, len(head), len(body) if size is None else size) + head + body)\n"  # fmt: skip


def reply(expression):
    """Answers every question with this JSON tree, whatever `f` would say; `q` is the question's number."""
    return (
        RAW
        + f"def send(self, head, buffers, deadline):\n    q = head[0]\n    raw(self, json.dumps({expression}).encode())\nW.send = send\ndef f(x): return 4\n"
    )


CHANNEL = {
    "ten gigabytes announced": RAW + "W.send = lambda self, h, b, d: raw(self, b'[1]', size=10 << 30)\ndef f(x): return 4",
    "ten gigabytes sent": RAW + "def send(self, h, b, d):\n    raw(self, b'[1]', size=256 << 20)\n    while True: self.sock.sendall(bytes(1 << 20))\nW.send = send\ndef f(x): return 4",
    "nested without end": RAW + "W.send = lambda self, h, b, d: raw(self, b'[' * (4 << 20))\ndef f(x): return 4",
    "nested values": reply("[q, 'returned', __import__('functools').reduce(lambda t, _: ['l', t], range(200), 1), [], '']"),
    "a million values": reply("[q, 'returned', ['l', *[1] * 400000], [], '']"),
    "no json": RAW + "W.send = lambda self, h, b, d: raw(self, b'\\xff' * 10)\ndef f(x): return 4",
    "no frame": HEAD + "W.send = lambda self, h, b, d: self.sock.sendall(b'GET / HTTP/1.1' * 100)\ndef f(x): return 4",
    "dribble": RAW + "def send(self, head, b, d):\n    h = json.dumps([head[0], 'returned', 4, [], '']).encode()\n"
    "    for c in r.LENGTHS.pack(r.MAGIC, len(h), 0) + h:\n        time.sleep(0.3)\n        self.sock.sendall(bytes([c]))\nW.send = send\ndef f(x): return 4",
    "a million replies": RAW + "def send(self, head, b, d):\n    h = json.dumps([head[0] + 1, 'returned', 4, [], '']).encode()\n"
    "    for _ in range(1000000): raw(self, h)\nW.send = send\ndef f(x): return 4",
    "replies sent early": RAW + "init = W.__init__\ndef early(self, sock):\n    init(self, sock)\n    for n in range(1000): raw(self, json.dumps([n, 'returned', 4, [], '']).encode())\n"
    "W.__init__ = early\ndef f(x): return 4",
    "one number for all": reply("[7, 'returned', 4, [], '']"),
    "forged callback": reply("[q, 'returned', ['callback', 0], [], '']"),
    "forged reference": reply("[q, 'returned', ['=', 99], [], '']"),
    "changes what it was not given": reply("[q, 'returned', 4, [[99, ['l']]], '']"),
    "calls what it was not given": reply("[q, 'back', 3, ['t', ['t'], ['d']]]"),
    "calls input without end": HEAD + "def f(x):\n    for _ in range(300000):\n        try: input()\n        except EOFError: pass\n    return 4",
    "bytes left over": RAW + "W.send = lambda self, h, b, d: raw(self, json.dumps([h[0], 'returned', 4, [], '']).encode(), b'rest')\ndef f(x): return 4",
    "other lengths": reply("[q, 'returned', 4]"),
    "other types": reply("{'a': 1}"),
    "booleans for numbers": reply("[True, 'returned', 4, [], '']"),
    "raises what is no exception": reply("[q, 'raised', ['t'], 5, '']"),
    "raises with no arguments": reply("[q, 'raised', 4, ['ValueError'], '']"),
    "an enormous decimal": reply("[q, 'returned', ['D', '1e999999999'], [], '']"),
    "an enormous array": reply("[q, 'returned', ['a', '<f8', [2147483647, 2147483647]], [], '']"),
    "an array of pointers": RAW + "W.send = lambda self, h, b, d: raw(self, json.dumps([h[0], 'returned', ['a', '|O', [1]], [], '']).encode(), bytes(8))\ndef f(x): return 4",
    "a billion laughs": "def f(x):\n    t = [4]\n    for _ in range(40): t = [t] * 9\n    raise ValueError(t, t)",
    "keys that collide": "def f(x): return {i * (2 ** 61 - 1): 0 for i in range(60000)}",
    "never answers": "def f(x):\n    while True: pass",
    "sleeps, deaf": "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ndef f(x): time.sleep(60)",
    "dies": "import os\ndef f(x): os._exit(0)",
    "is killed": "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGKILL)",
    "closes everything": "import os\ndef f(x): os.closerange(3, 999)",
    "does not read": HEAD + "W.receive = lambda self, d: time.sleep(60)\ndef f(x): return 4",
    "does not serve": HEAD + "r.serve = lambda *a: None\ndef f(x): return 4",
    "forgets the responder": "import sys\ndel sys.modules['outside_responder']\ndef f(x): return 4",
}  # fmt: skip

# In what `f` is and returns: the cells that want 4 or doubled arrays must not pass.
EVERYTHING = "__eq__ __ne__ __lt__ __gt__ __le__ __ge__ __call__ __bool__ __getitem__ __contains__ __sub__ __rsub__ __add__ __and__"
VALUES = {
    "equal to everything": f"class T:\n    pass\nfor n in '{EVERYTHING}'.split(): setattr(T, n, lambda *a: True)\n"
    "T.__hash__ = lambda s: 4\nT.__float__ = T.__int__ = T.__index__ = lambda s: 4\nT.__len__ = lambda s: 3\nT.__array__ = lambda s, *a: None\ndef f(x): return T()",
    "an int that is equal": "class T(int):\n    __eq__ = lambda s, o: True\n    __ne__ = lambda s, o: False\n    __hash__ = int.__hash__\ndef f(x): return T(9)",
    "an array that is equal": "import numpy as np\nclass T(np.ndarray):\n    __eq__ = lambda s, o: True\n    __array_function__ = lambda s, *a: True\n"
    "    __array_ufunc__ = lambda s, *a, **k: True\ndef f(x): return np.zeros(3).view(T)",
    "a list that lies": "class T(list):\n    __eq__ = lambda s, o: True\n    __iter__ = lambda s: iter([2, 2, 2])\n    __len__ = lambda s: 3\ndef f(x): return T()",
    "patched numpy.testing": "import numpy.testing, numpy as np\nnumpy.testing.assert_allclose = lambda *a, **k: None\nnp.allclose = lambda *a, **k: True\nassert_allclose = lambda *a: None\ndef f(x): return 0",
    "patched builtins": "import builtins\nbuiltins.all = builtins.any = lambda *a: True\nbuiltins.AssertionError = ValueError\ndef f(x): return 0",
    "the instructor's names": "expected = 0\nassert_allclose = lambda *a: None\nclass np:\n    ones = staticmethod(lambda n: 0)\ndef f(x): return expected",
    "a class for a function": "class f:\n    def __new__(cls, x): return object.__new__(cls)\n    def __eq__(s, o): return True",
    "a number for a function": "f = 4",
    "system exit": "def f(x): raise SystemExit(0)",
    "os exit status": "import sys\ndef f(x): sys.exit()",
    "generator exit": "def f(x): raise GeneratorExit",
    "keyboard interrupt": "def f(x): raise KeyboardInterrupt",
    "stop iteration": "def f(x): raise StopIteration(4)",
    "skipped": "import unittest\ndef f(x): raise unittest.SkipTest('4')",
    "an exception of ours": "class Lost(BaseException): pass\ndef f(x): raise Lost('4')",
    "an exception that cannot be read": "class E(Exception):\n    def __str__(s): raise SystemExit\n    args = property(lambda s: 1 / 0)\ndef f(x): raise E",
    "a generator": "def f(x):\n    while True: yield 4",
    "a generator of arrays": "import numpy as np\ndef f(x):\n    yield from 2 * np.ones(2)",
    "an enormous int": "def f(x): return 1 << (1 << 22)",
    "a long text": "def f(x): return '4' * (1 << 22)",
    "not a number, with a payload": "import numpy as np\ndef f(x): return np.array([0x7ff0deadbeef0001] * 3, 'u8').view('f8')",
    "itself": "def f(x):\n    t = []\n    t.append(t)\n    return t",
    "deep": "def f(x):\n    t = 4\n    for _ in range(5000): t = [t]\n    return t",
    "a module": "import numpy\ndef f(x): return numpy",
    "the argument, spoilt": "def f(x):\n    if hasattr(x, 'shape'): x[:] = 0\n    return x",
    "prints without end": "def f(x):\n    print('4' * (100 << 20))\n    return 0",
    "a hundred thousand functions": "def f(x): return [lambda: 4 for _ in range(100001)]",
    "forged type": "class T(type):\n    __module__ = 'builtins'\ndef f(x):\n    t = type('eval', (), {}); t.__module__ = 'builtins'\n    return t",
    "masked": "import numpy as np\ndef f(x): return np.ma.masked_all(3)",
}  # fmt: skip

"""Notebooks behave in a warm kernel as in an ordinary one."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from warm_client import USERS

pytestmark = pytest.mark.kernel

EVERYONE = pytest.mark.parametrize("user", USERS)
# The same for all, so that all are forks of one zygote per user.
COURSE: dict[str, Any] = {"packages": ["medxai", "data_fetch"], "preload": ["innvestigate"]}


@EVERYONE
def test_a_network_is_trained(warm_kernel, user):
    kernel = warm_kernel(user, **COURSE)
    code = """
import numpy as np, tensorflow as tf
x = np.linspace(-1, 1, 256, dtype=np.float32)[:, None]
net = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(1,))])
net.compile("sgd", "mse")
net.fit(x, 3 * x, epochs=100, verbose=0)
net.save("line.keras")
again = tf.keras.models.load_model("line.keras")
print(round(float(again.get_weights()[0][0, 0]), 1), tf.executing_eagerly())
"""
    assert kernel.value(code) == "3.0 True"


def test_figures_tables_and_rich_results(warm_kernel):
    kernel = warm_kernel(**COURSE)
    reply = kernel.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('films')\nplt.show()")
    (figure,) = [o["data"] for o in reply.outputs if o["type"] == "display_data"]
    assert base64.b64decode(figure["image/png"]).startswith(b"\x89PNG")
    reply = kernel.run("import pandas as pd\npd.DataFrame({'films': [7]})")
    assert "<table" in reply.outputs[-1]["data"]["text/html"]
    assert kernel.run("%matplotlib inline\nplt.imshow([[1, 2]]);").outputs[-1]["type"] == "display_data"


def test_widgets_talk_to_the_front_end(warm_kernel):
    reply = warm_kernel(**COURSE).run("import ipywidgets\nslider = ipywidgets.IntSlider(value=7)\nslider")
    opened = [o for o in reply.outputs if o["type"] == "comm_open"]
    assert any(o["data"]["state"].get("value") == 7 for o in opened)
    assert "application/vnd.jupyter.widget-view+json" in reply.outputs[-1]["data"]


def test_errors_and_what_is_printed(warm_kernel):
    """From Python, C libraries and programs; input() without a frontend is an error, and the kernel continues."""
    kernel = warm_kernel(light=True)
    code = """
import os, sys, time
print('one')
print('two', file=sys.stderr)
os.write(1, b'three\\n')
_ = os.system('echo four')
time.sleep(0.5)
"""
    expected = ["four", "one", "three", "two"]
    for _ in range(5):  # three and four go through a thread of ipykernel and may arrive after the cell has ended
        reply = kernel.run(code)
        if sorted(reply.text.split()) == expected:
            break
    assert sorted(reply.text.split()) == expected
    assert {o["name"] for o in reply.outputs if o["type"] == "stream"} == {"stdout", "stderr"}
    assert kernel.run("input('name?')").error.startswith("StdinNotImplementedError")
    reply = kernel.run("def deep(n):\n    return 1 / n\ndeep(0)")
    assert reply.error == "ZeroDivisionError: division by zero"
    assert "return" in "".join(reply.outputs[-1]["traceback"])
    assert kernel.value("!echo five") == "five"
    assert kernel.value("%%bash\necho six") == "six"


def test_random_numbers_of_tensorflow_differ_between_kernels(warm_kernel):
    """For its operations and for Keras's initial weights; for NumPy and Python see test_attacks_processes.py."""
    code = """
import tensorflow as tf
layer = tf.keras.layers.Dense(1)
layer.build((None, 1))
print(float(tf.random.uniform(())), float(layer.kernel[0, 0]))
"""
    first, second = (warm_kernel(**COURSE).value(code).split() for _ in range(2))
    assert [a for a, b in zip(first, second, strict=True) if a == b] == []


def test_no_kernel_imports_the_debugger(warm_kernel):
    """ipykernel would start it before the first cell, and it is not needed here."""
    kernel = warm_kernel(light=True)
    assert kernel.value("import sys; print('debugpy' in sys.modules)") == "False"
    assert kernel.run("import debugpy").error.startswith("ModuleNotFoundError")


@EVERYONE
def test_other_processes_do_work(warm_kernel, user):
    """Workers of joblib and multiprocessing, programs, and a server on the kernel's own loopback."""
    kernel = warm_kernel(user, **COURSE)
    assert (
        kernel.value("import joblib\nprint(sum(joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(-i) for i in range(9))))")
        == "36"
    )
    code = """
import multiprocessing, subprocess, sys, threading, http.server, urllib.request
import numpy as np
for method in ("fork", "spawn"):
    with multiprocessing.get_context(method).Pool(2) as pool:
        print(pool.map(abs, [-1, -2]))
print(subprocess.run([sys.executable, "-c", "import numpy; print(numpy.arange(3).sum())"], capture_output=True, text=True).stdout)
server = http.server.ThreadingHTTPServer(("localhost", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen(f"http://localhost:{server.server_port}/").status)
"""
    printed = kernel.value(code).splitlines()
    assert [line for line in printed if "GET /" not in line] == ["[1, 2]", "[1, 2]", "3", "", "200"]


def test_interrupt_and_restart(warm_kernel, tmp_path):
    """The kernel keeps its variables across an interrupt, and loses them on a restart."""
    kernel = warm_kernel(light=True)
    # It interrupts itself, so that no waiting is necessary.
    kernel.run("x = 1")
    reply = kernel.run("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)")
    assert reply.error.startswith("KeyboardInterrupt")
    assert kernel.value("print(x)") == "1"
    kernel.restart()
    assert kernel.run("x").error.startswith("NameError")


@EVERYONE
def test_maps_come_from_a_pristine_fork_and_are_the_same(warm_kernel, user):
    """iNNvestigate's process is a fork of the warm one if that is offered, and is started normally if not."""
    kernel = warm_kernel(user, **COURSE)
    code = """
import os, numpy as np, tensorflow as tf, medxai
from medxai.explain import analyzers
net = tf.keras.Sequential([
    tf.keras.layers.Conv2D(4, 3, activation="relu", input_shape=(16, 16, 1)),
    tf.keras.layers.GlobalAveragePooling2D(), tf.keras.layers.Dense(2)])
# With a logit below zero deep Taylor has nothing to share out.
net.set_weights([np.abs(weights) + 0.01 for weights in net.get_weights()])
films = np.random.default_rng(0).normal(size=(2, 16, 16, 1))
tf.random.normal((2, 2))  # operations have run in the kernel
def maps():
    return [medxai.create_analyzer(name, net).analyze(films) for name in ("gradient", "lrp.epsilon", "deep_taylor")]
warm = maps()
print(open(f"/proc/{analyzers._CHILD.pid}/stat").read().split()[3])
analyzers._CHILD.stop()
del os.environ["WARMKERNEL_FORK"]
cold = maps()
print(open(f"/proc/{analyzers._CHILD.pid}/stat").read().split()[3])
print(all((a == b).all() and np.abs(a).max() > 0 for a, b in zip(warm, cold)), tf.executing_eagerly())
"""
    # The parent is first process 1, then the kernel.
    assert kernel.value(code).split() == ["1", "2", "True", "True"]


def test_a_fork_that_cannot_be_is_refused(warm_kernel):
    """Any code in the kernel may use the service: invalid requests get an answer, and the kernel survives."""
    kernel = warm_kernel(light=True)
    code = """
import json, os, socket
def ask(message, count=3):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect("\\0" + os.environ["WARMKERNEL_FORK"][1:])
        read, write = os.pipe()
        socket.send_fds(s, [message], [os.open(os.devnull, os.O_RDONLY), write, write][:count])
        os.close(write)
        first = json.loads(s.recv(4096))
        if "error" in first:
            return "error"
        said = os.read(read, 100).decode()
        return said, json.loads(s.recv(4096))["exit"]
print(ask(b"[" * 60_000), ask(b"{}"), ask(b'{"module": "this"}', 2), ask(b'{"module": 7}'))
open("mine.py", "w").write("print('never')")
print(ask(b'{"module": "mine"}')[1], ask(b'{"module": "__hello__", "environment": {"A": "1"}}'))
"""
    assert kernel.value(code).split("\n") == ["error error error error", "1 ('Hello world!\\n', 0)"]

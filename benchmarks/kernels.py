"""The cost of a warm, sandboxed kernel compared with an ordinary one.

Run: python benchmarks/kernels.py [--rounds 5]

Prints one line of JSON per measurement, with medians over the rounds; both sides run alternately:

kernel_start    CPU seconds from the start to a completed TensorFlow operation, of all processes started for it.
                ours: a kernel forked from a warm process; peer: an ordinary ipykernel, with compiled bytecode;
                limit: a tenth of the peer.
kernel_seconds  the same in wall-clock time.
kernel_memory   MiB per kernel (PSS) with 8 running kernels that have each run an operation; ours including its share of
                the warm process; limit: half of the peer.
explain_start   CPU seconds from the first call of an iNNvestigate analyzer to its map. ours: its process is a fork of
                the warm process; peer: it is a new Python; limit: a fifth of the peer.
explain_seconds the same in wall-clock time. Ours runs at nice 19: on a busy machine it waits and the peer does not.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from pathlib import Path

import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from data_fetch import command_line
from warmkernel import kernelspec, settings

KERNELS = 8
OPERATION = "import tensorflow as tf; print(float(tf.reduce_sum(tf.ones((3, 4)))))"
NETWORK = """
import time, numpy as np, tensorflow as tf, medxai
net = tf.keras.Sequential([
    tf.keras.layers.Conv2D(8, 3, activation="relu", input_shape=(64, 64, 1)),
    tf.keras.layers.GlobalAveragePooling2D(), tf.keras.layers.Dense(2)])
films = np.ones((1, 64, 64, 1), np.float32)
analyzer = medxai.create_analyzer("gradient", net)
"""
EXPLAIN = """
started = time.perf_counter()
analyzer.analyze(films)
print(time.perf_counter() - started)
"""
WARM = settings.Settings(packages=("medxai", "data_fetch"), preload=("innvestigate",))


class Kernel:
    """A kernel with its client."""

    def __init__(self, warm: bool) -> None:
        spec = KernelSpec(**kernelspec.specification(WARM))
        self.manager = KernelManager(kernel_spec_manager=kernelspec.OneKernelspec(spec)) if warm else KernelManager()
        self.manager.start_kernel(**({} if warm else {"stderr": subprocess.DEVNULL}))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def run(self, code: str) -> str:
        said: list[str] = []
        reply = self.client.execute_interactive(code, output_hook=lambda m: said.append(m["content"].get("text", "")))
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(said)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def cpu_seconds() -> float:
    """CPU seconds of all descendants of this process, including terminated ones."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        times = process.cpu_times()
        total += times.user + times.system + times.children_user + times.children_system
    return total


def start(warm: bool) -> tuple[float, float]:
    """CPU seconds and seconds until the operation has completed."""
    before, started = cpu_seconds(), time.perf_counter()
    kernel = Kernel(warm)
    kernel.run(OPERATION)
    seconds, used = time.perf_counter() - started, cpu_seconds() - before
    kernel.close()
    return used, seconds


def memory(warm: bool) -> float:
    """MiB per kernel."""
    others = {process.pid for process in psutil.Process().children(recursive=True)} if not warm else set()
    kernels = [Kernel(warm) for _ in range(KERNELS)]
    for kernel in kernels:
        kernel.run(OPERATION)
    total = sum(pss(p.pid) for p in psutil.Process().children(recursive=True) if p.pid not in others)
    for kernel in kernels:
        kernel.close()
    return total / KERNELS / 2**20


def pss(number: int) -> int:
    """Bytes; only root can read the PSS of process 1 of a kernel, otherwise its unshared memory is counted."""
    try:
        lines = Path(f"/proc/{number}/smaps_rollup").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
    except PermissionError:
        return psutil.Process(number).memory_info().rss - psutil.Process(number).memory_info().shared


def explain(warm: bool) -> tuple[float, float]:
    """CPU seconds and seconds from the first call of an analyzer to its map."""
    kernel = Kernel(warm)
    kernel.run(NETWORK)
    before = cpu_seconds()
    seconds = float(kernel.run(EXPLAIN).splitlines()[-1])
    used = cpu_seconds() - before
    kernel.close()
    return used, seconds


def by_side(
    taken: list[tuple[tuple[float, float], tuple[float, float]]], which: int
) -> tuple[list[float], list[float]]:
    """One of the two numbers measured on each side: ours, the peer's."""
    return [ours[which] for ours, _ in taken], [peer[which] for _, peer in taken]


def report(name: str, unit: str, less: float | None, ours: list[float], peer: list[float]) -> None:
    """Print a measurement. `less`: the limit is the peer divided by this; None if there is no limit."""
    a, b = statistics.median(ours), statistics.median(peer)
    limit = b / less if less else None
    row = {"name": name, "ours": a, "peer": b, "limit": limit, "ratio_peer": b / a, "ratio_limit": limit and a / limit}
    rounded = {key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()}
    print(json.dumps(rounded | {"unit": unit}), flush=True)


def main(rounds: int = 5, version: command_line.Version = False) -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # as in our kernels
    for warm in (True, False):  # starts the warm process, and compiles missing bytecode
        start(warm)
    taken = [(start(True), start(False)) for _ in range(rounds)]
    report("kernel_start", "CPU s", 10, *by_side(taken, 0))
    report("kernel_seconds", "s", None, *by_side(taken, 1))
    held = [(memory(True), memory(False)) for _ in range(max(1, rounds // 2))]
    report("kernel_memory", "MiB", 2, [ours for ours, _ in held], [peer for _, peer in held])
    taken = [(explain(True), explain(False)) for _ in range(rounds)]
    report("explain_start", "CPU s", 5, *by_side(taken, 0))
    report("explain_seconds", "s", None, *by_side(taken, 1))


if __name__ == "__main__":
    raise SystemExit(command_line.single(main, "python benchmarks/kernels.py"))

"""The process that iNNvestigate runs in, started by `medxai.explain.analyzers`.

iNNvestigate needs eager execution to be off. That is permanent and affects the whole process, so it cannot run in the
notebook's process. Requests arrive on standard input, replies leave on standard output (see `pipe`); anything that
libraries print goes to standard error. The process ends when its input is closed, even during a computation.

Each analyzer has its own graph and its own copy of the network: in a shared graph the LRP presets return wrong maps once
other analyzers have been built, and each analyzer makes the next one slower to build.
"""

from __future__ import annotations

import math
import os
import queue
import signal
import sys
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, BinaryIO

import numpy as np

from . import integrated_gradients, pipe, smoothgrad

# Methods that average iNNvestigate's gradient over samples; we generate the samples, so that they can be processed in chunks.
SAMPLED = {"smoothgrad": smoothgrad, "integrated_gradients": integrated_gradients}

# Working memory per film, in units of all its activations (float32). Measured on VGG16 as the growth of the process's
# peak memory with the number of films (1.3 to 1.5 for the gradient, 0.8 for deconvnet, 2.9 for deep Taylor, 2.3 and
# 2.2 for LRP-Z and LRP-epsilon, 3.0 and 3.7 to 3.9 for the presets), rounded up.
MEMORY_FACTOR = {
    "gradient": 2,
    "input_t_gradient": 2,
    "guided_backprop": 2,
    "deconvnet": 2,
    "deep_taylor": 4,
    "lrp.z": 3,
    "lrp.epsilon": 3,
    "lrp.sequential_preset_a_flat": 4,
    "lrp.sequential_preset_b_flat": 5,
}
LARGEST_BATCH = 32
KEPT_ANALYZERS = 16
KEPT_WEIGHTS = 3


class Analyzer:
    """One of iNNvestigate's analyzers in its own graph, with its own copy of the network (with logits as output)."""

    def __init__(self, name: str, architecture: str, parameters: dict[str, Any]) -> None:
        import innvestigate
        import tensorflow as tf

        self.graph = tf.Graph()
        self.session = tf.compat.v1.Session(graph=self.graph)
        self.weights_key = ""
        with self.active():
            self.model = tf.keras.models.model_from_json(architecture)
            # "index" even for the winner, whose class we determine ourselves, so that one graph serves every target.
            self.analyzer = innvestigate.create_analyzer(name, self.model, neuron_selection_mode="index", **parameters)
            self.analyzer.create_analyzer_model()
            activations = sum(math.prod(layer.get_output_at(0).shape[1:]) for layer in self.model.layers)
        self.bytes_per_film = 4 * activations * MEMORY_FACTOR[name]

    def active(self) -> ExitStack:
        """A context in which TensorFlow uses this analyzer's graph."""
        stack = ExitStack()
        stack.enter_context(self.graph.as_default())
        stack.enter_context(self.session.as_default())
        return stack

    def use_weights(self, key: str, weights: list[np.ndarray]) -> None:
        """Set the network's weights, unless it already has those with this key."""
        if key != self.weights_key:
            with self.active():
                self.model.set_weights(weights)
            self.weights_key = key

    def winners(self, films: np.ndarray) -> np.ndarray:
        """The class with the largest logit for each film, int (N,)."""
        with self.active():
            return np.argmax(self.model.predict_on_batch(films), axis=1)

    def maps(self, films: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """iNNvestigate's maps of all films in one batch, float (N, H, W, C)."""
        with self.active():
            return self.analyzer.analyze(films, neuron_selection=targets)

    def close(self) -> None:
        """Release the graph and its memory."""
        self.session.close()


class Server:
    """Caches networks, weights and analyzers; the least recently used are dropped first."""

    def __init__(self) -> None:
        self.architectures: dict[str, str] = {}
        self.weights: OrderedDict[str, list[np.ndarray]] = OrderedDict()
        self.analyzers: OrderedDict[str, Analyzer] = OrderedDict()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """{"maps": array}, or {"need": ...} if the network or its weights are not (or no longer) cached."""
        if request["do"] == "network":
            self.architectures[request["network"]] = request["architecture"]
            return {}
        if request["do"] == "weights":
            self.weights[request["key"]] = request["arrays"]
            while len(self.weights) > KEPT_WEIGHTS:
                self.weights.popitem(last=False)
            return {}
        if request["network"] not in self.architectures:
            return {"need": "network"}
        if request["weights"] not in self.weights:
            return {"need": "weights"}
        self.weights.move_to_end(request["weights"])
        analyzer = self.analyzer(request)
        analyzer.use_weights(request["weights"], self.weights[request["weights"]])
        return {"maps": explain(analyzer, request)}

    def analyzer(self, request: dict[str, Any]) -> Analyzer:
        """The analyzer for this method, network and settings: built at first use, then cached."""
        name, settings = request["name"], dict(request["settings"])
        if name in SAMPLED:
            name, settings = "gradient", {"postprocess": settings["postprocess"]}
        if isinstance(settings.get("input_layer_rule"), list):
            settings["input_layer_rule"] = tuple(settings["input_layer_rule"])
        key = repr((request["network"], name, sorted(settings.items())))
        if key not in self.analyzers:
            while len(self.analyzers) >= KEPT_ANALYZERS:
                self.analyzers.popitem(last=False)[1].close()
            self.analyzers[key] = Analyzer(name, self.architectures[request["network"]], settings)
        self.analyzers.move_to_end(key)
        return self.analyzers[key]


def explain(analyzer: Analyzer, request: dict[str, Any]) -> np.ndarray:
    """The maps of a request, computed in batches that fit the request's memory limit (at least one film).

    Parameters
    ----------
    analyzer : Analyzer
        For the request's method and network, with its weights.
    request : dict
        "films" float32 (N, H, W, C), "targets" int (N,) or None, "name", "settings", and "memory" in bytes.

    Returns
    -------
    float32 array, (N, H, W, C)
    """
    films, name, settings = request["films"], request["name"], request["settings"]
    batch = int(min(LARGEST_BATCH, max(1, request["memory"] // analyzer.bytes_per_film)))
    parts = [slice(start, start + batch) for start in range(0, len(films), batch)]
    targets = request["targets"]
    if targets is None:
        targets = np.concatenate([analyzer.winners(films[part]) for part in parts])
    if name not in SAMPLED:
        return np.concatenate([analyzer.maps(films[part], targets[part]) for part in parts]).astype(np.float32)
    method = SAMPLED[name]
    means = np.empty_like(films)
    for film, target, mean in zip(films, targets, means, strict=True):
        mean[...] = _mean_map(analyzer, method.samples, film, target, settings, settings[method.COUNT], batch)
    return method.maps(means, films, settings)


def _mean_map(
    analyzer: Analyzer,
    samples: Callable[..., np.ndarray],
    film: np.ndarray,
    target: int,
    settings: dict[str, Any],
    count: int,
    batch: int,
) -> np.ndarray:
    total = np.zeros(film.shape, np.float64)
    for start in range(0, count, batch):
        some = samples(film, range(start, min(start + batch, count)), settings)
        total += analyzer.maps(some, np.full(len(some), target)).sum(axis=0, dtype=np.float64)
    return total / count


def _listen(stream: BinaryIO, requests: queue.SimpleQueue) -> None:
    try:
        while True:
            requests.put(pipe.receive(stream))
    finally:
        # The parent is gone: exit, whatever the main thread is computing. There is nothing to save.
        os._exit(0)


def main() -> None:
    """Answer requests until standard input ends."""
    # Ctrl-C in a terminal, or "interrupt" in a notebook, reaches the whole process group; the parent handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    requests: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer.raw, requests), daemon=True).start()  # type: ignore

    warnings.filterwarnings("ignore")
    import tensorflow as tf

    tf.compat.v1.disable_eager_execution()
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    from keras.src.engine import base_layer_utils

    # Constants stay tensors instead of becoming layers: building is three times faster, the maps are identical to the
    # bit, and new weights reach every analyzer. Keras has no public option for this; test_innvestigate_process.py fails
    # if it disappears.
    base_layer_utils._UNSAFE_GRAPH_OP_LAYER_CREATION = True
    server = Server()
    while True:
        request = requests.get()
        try:
            reply = server.answer(request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        pipe.send(replies, reply)


if __name__ == "__main__":
    main()

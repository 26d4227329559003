"""One interface to all attribution methods of the course, with iNNvestigate's names and parameters: arrays in, arrays out.

Eleven methods run in iNNvestigate, in one child process that starts at first use (`innvestigate_process` explains why);
PatternNet and PatternAttribution are our own (`pattern_net`, `pattern_attribution`). The calling kernel stays eager.
"""

from __future__ import annotations

import atexit
import difflib
import hashlib
import json
import numbers
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..errors import ExplanationError
from ..networks.layers import output_activation
from . import pipe
from .start_process import Forked, start_module

if TYPE_CHECKING:
    import tensorflow as tf

    from .patterns import PatternMethod

_GRADIENT: dict[str, Any] = {"postprocess": None}
_SMOOTHGRAD = {"augment_by_n": 64, "noise_scale": 1.0, "seed": 0, **_GRADIENT}
_PATH = {"steps": 64, "reference_inputs": 0.0, **_GRADIENT}

# Each method that runs in iNNvestigate -> its parameters with their defaults.
METHODS: dict[str, dict[str, Any]] = {
    "gradient": _GRADIENT,
    "smoothgrad": _SMOOTHGRAD,
    "deconvnet": {},
    "guided_backprop": {},
    "deep_taylor": {},
    "input_t_gradient": _GRADIENT,
    "integrated_gradients": _PATH,
    "lrp.z": {"input_layer_rule": None},
    "lrp.epsilon": {"epsilon": 1e-7, "bias": True, "input_layer_rule": None},
    "lrp.sequential_preset_a_flat": {"epsilon": 0.1},
    "lrp.sequential_preset_b_flat": {"epsilon": 0.1},
}
# Our own methods, fitted to training films.
PATTERNS: dict[str, dict[str, Any]] = {
    "pattern.net": {"patterns": None, "pattern_type": "relu"},
    "pattern.attribution": {"patterns": None, "pattern_type": "relu"},
}

_INPUT_RULES = ("Z", "Epsilon", "WSquare", "Flat", "Alpha2Beta1", "Alpha1Beta0", "ZPlus", "ZPlusFast")
# Films are sent to the child in portions of this size, so that neither side holds a long series twice.
_PORTION_BYTES = 64 * 2**20


class Analyzer(Protocol):
    """What `create_analyzer` returns."""

    def analyze(self, images: np.ndarray, target: Any = None) -> np.ndarray:
        """Maps, float32 (N, H, W, C), of network input (N, H, W, C); see `InnvestigateAnalyzer.analyze`."""
        ...


def create_analyzer(name: str, model: tf.keras.Model, **parameters: Any) -> Analyzer:
    """The attribution method `name` for `model`; its `analyze(images, target=None)` returns the maps.

    Parameters
    ----------
    name : str
        A method of iNNvestigate: "gradient", "smoothgrad", "deconvnet", "guided_backprop", "deep_taylor",
        "input_t_gradient", "integrated_gradients", "lrp.z", "lrp.epsilon", "lrp.sequential_preset_a_flat",
        "lrp.sequential_preset_b_flat"; or one of our own, "pattern.net", "pattern.attribution". docs/explanations.md
        lists the methods with their papers.
    model : keras Model
        From (N, H, W, C) to (N, classes), plain (no BatchNormalization, no nested model). A softmax or sigmoid at the
        end is removed: the logit is explained. The weights are read again at each `analyze`.
    **parameters
        Parameters of the method, with iNNvestigate's names and defaults (`medxai.explain.analyzers.METHODS`).

        - smoothgrad: augment_by_n=64 samples, noise_scale=1.0 (standard deviation, in units of the input; iNNvestigate
          itself accepts it but always uses 1), seed=0;
        - integrated_gradients: steps=64, reference_inputs=0 (a number or an array (H, W, C));
        - gradient, input_t_gradient, smoothgrad, integrated_gradients: postprocess=None, "abs" or "square", of the
          gradients;
        - lrp.z, lrp.epsilon: input_layer_rule=None, the name of a rule, or (low, high);
        - lrp.epsilon: epsilon=1e-7, bias=True; the presets: epsilon=0.1;
        - pattern.net, pattern.attribution: patterns=None (from `medxai.explain.fit_patterns`, or call the analyzer's
          `fit` with training films), pattern_type="relu" or "linear";
        - all of iNNvestigate's methods: memory_gb=2.0, the working memory (10^9 bytes) for films and samples being
          processed, in addition to the network; they are processed in batches that fit, or at least one at a time.

    Nothing is built before the first `analyze`. Analyzers with the same network and parameters share one graph, which
    is kept for later calls; new weights are copied into it.

    Raises
    ------
    ValueError
        An unknown method or parameter (with the closest name), a value out of range, or a model that does not map films
        to classes.
    NotExplainableError
        A cause that `medxai.check_explainable` names, such as BatchNormalization; but a softmax at the end or an Input
        without a name is accepted here.
    """
    if name in PATTERNS:
        return _pattern_analyzer(name, model, parameters)
    if name not in METHODS:
        known = [*METHODS, *PATTERNS]
        raise ValueError(
            f"create_analyzer: unknown method {name!r}.{_nearest(name, known)} Methods: {', '.join(known)}."
        )
    return InnvestigateAnalyzer(name, model, **parameters)


def _pattern_analyzer(name: str, model: tf.keras.Model, parameters: dict[str, Any]) -> Analyzer:
    from .pattern_attribution import PatternAttribution
    from .pattern_net import PatternNet

    unknown = [given for given in parameters if given not in PATTERNS[name]]
    if unknown:
        raise ValueError(_unknown_parameter(name, unknown[0], list(PATTERNS[name])))
    kinds: dict[str, type[PatternMethod]] = {kind.name: kind for kind in (PatternNet, PatternAttribution)}
    if output_activation(model):
        return _OfLogits(kinds[name], model, parameters)
    return kinds[name](model, **parameters)


class _OfLogits:
    """A pattern method for a network that ends in a softmax: works on its logits, with its current weights."""

    def __init__(self, kind: Any, model: tf.keras.Model, parameters: dict[str, Any]) -> None:
        from .logits import logits_model

        self.model = model
        self._logits = logits_model(model)
        self._analyzer = kind(self._logits, **parameters)

    def fit(self, images: Any, **arguments: Any) -> _OfLogits:
        """Same as `PatternMethod.fit`."""
        self._logits.set_weights(self.model.get_weights())
        self._analyzer.fit(images, **arguments)
        return self

    def analyze(self, images: np.ndarray, target: Any = None, **arguments: Any) -> np.ndarray:
        """Same as `PatternMethod.analyze`."""
        self._logits.set_weights(self.model.get_weights())
        return self._analyzer.analyze(images, target, **arguments)


class InnvestigateAnalyzer:
    """A method of iNNvestigate, computed in the child process. Created by `create_analyzer`."""

    def __init__(self, name: str, model: tf.keras.Model, *, memory_gb: float = 2.0, **parameters: Any) -> None:
        import tensorflow as tf

        unknown = [given for given in parameters if given not in METHODS[name]]
        if unknown:
            raise ValueError(_unknown_parameter(name, unknown[0], [*METHODS[name], "memory_gb"]))
        if not _is_number(memory_gb) or not 0 < memory_gb < float("inf"):
            raise ValueError(f"{name}: memory_gb must be a number greater than 0 (10^9 bytes), got {memory_gb!r}.")
        shapes = [getattr(model, key, None) for key in ("input_shape", "output_shape")]
        if [len(shape) if isinstance(shape, tuple) else 0 for shape in shapes] != [4, 2]:
            raise ValueError(
                f"{name}: expected a built keras Model from films (N, H, W, C) to (N, classes), got a "
                f"{type(model).__name__} from {shapes[0]} to {shapes[1]}."
            )
        self.name = name
        self.model = model
        self.memory_gb = float(memory_gb)
        self.settings = _checked_settings(name, {**METHODS[name], **parameters}, model.input_shape[1:])
        # Shares the model's layers and so their weights; a Sequential model has no graph in its configuration.
        self._graph = tf.keras.Model(model.inputs, model.outputs, name="explained")
        _refuse_what_would_be_wrong(self._graph)
        self._architecture = _architecture_of_logits(self._graph)

    def __repr__(self) -> str:
        given = [f", {key}={value!r}" for key, value in self.settings.items() if not isinstance(value, np.ndarray)]
        return f"<{self.name} of {self.model.name!r}{''.join(given)}, memory_gb={self.memory_gb:g}>"

    def analyze(self, images: np.ndarray, target: int | np.ndarray | None = None) -> np.ndarray:
        """The maps of films, which are not modified.

        Parameters
        ----------
        images : numeric array, (N, H, W, C)
            Network input, as for `model.predict`.
        target : int or int array, (N,), optional
            The class to explain, 0 ... classes - 1: one for all films, or one for each. None selects, for each film, the
            class with the largest logit.

        Returns
        -------
        float32 array, (N, H, W, C)
            Signed, on the method's own scale.

        Raises
        ------
        ValueError
            Films or targets do not match the network in shape, type or range; or pixels are NaN or infinite.
        ExplanationError
            iNNvestigate rejects the network, or its process ended (a new one starts at the next call).
        """
        images = self._checked_images(images)
        targets = self._checked_targets(target, len(images))
        weights = self._graph.get_weights()
        request = {
            "do": "maps",
            "name": self.name,
            "network": _digest(self._architecture.encode()),
            "weights": _digest(*weights),
            "settings": self.settings,
            "memory": self.memory_gb * 1e9,
        }
        maps = np.empty(images.shape, np.float32)
        step = max(1, _PORTION_BYTES // max(1, images[:1].nbytes))
        for start in range(0, len(images), step):
            part = slice(start, start + step)
            films = images[part].astype(np.float32)
            request |= {"films": films, "targets": None if targets is None else targets[part]}
            maps[part] = _CHILD.ask(request, self._architecture, weights, self.name)
        return maps

    def _checked_images(self, images: np.ndarray) -> np.ndarray:
        images = np.asanyarray(images)
        expected = self.model.input_shape[1:]
        fits = images.ndim == 4 and all(
            side is None or side == found for side, found in zip(expected, images.shape[1:], strict=True)
        )
        if not fits:
            hint = ""
            if images.ndim == 3 and images.shape == expected:
                hint = " For one film, write images[None]."
            elif images.ndim == 3:
                hint = " Convert stored films with medxai.networks.preprocessing.to_network_input."
            raise ValueError(
                f"{self.name}: expected network input of shape (N, {', '.join(map(str, expected))}), got "
                f"{images.shape}.{hint}"
            )
        if images.dtype.kind not in "iuf":
            raise ValueError(f"{self.name}: expected numbers, got an array of dtype {images.dtype}.")
        if not np.isfinite(images).all():
            raise ValueError(f"{self.name}: the films contain NaN or infinite pixels; their maps would be all NaN.")
        return images

    def _checked_targets(self, target: Any, films: int) -> np.ndarray | None:
        if target is None:
            return None
        classes = int(self.model.output_shape[1])
        targets = np.asarray(target)
        if targets.dtype.kind not in "iu" and not (targets.size == 0 and films == 0):
            raise ValueError(f"{self.name}: a target must be a class number, 0 to {classes - 1}; got {target!r}.")
        if targets.shape not in ((), (1,), (films,)):
            raise ValueError(
                f"{self.name}: expected one target for all films or one for each, got {targets.shape} for {films} films."
            )
        wrong = targets[(targets < 0) | (targets >= classes)]
        if wrong.size:
            raise ValueError(
                f"{self.name}: no class {int(wrong.flat[0])}; the network has {classes} classes, 0 to {classes - 1}."
            )
        return np.broadcast_to(targets.astype(np.int64), (films,))


def _nearest(name: Any, known: list[str]) -> str:
    # A missing or wrong prefix ("epsilon", "lrp_z") is common: compare the endings, too.
    close = difflib.get_close_matches(str(name).lower().replace("_", "."), [k.replace("_", ".") for k in known], 1, 0.5)
    ends = [k for k in known if k.split(".")[-1] == str(name).lower()]
    found = ends or [k for k in known if close and k.replace("_", ".") == close[0]]
    return f" Did you mean {found[0]!r}?" if found else ""


def _unknown_parameter(name: str, given: str, known: list[str]) -> str:
    if given == "neuron_selection_mode":
        return (
            f"{name}: choose the class when computing a map: analyze(images, target=1), or target=None for the winner."
        )
    return f"{name}: unknown parameter {given!r}.{_nearest(given, known)} Parameters: {', '.join(known)}."


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)


def _checked_settings(name: str, settings: dict[str, Any], film: tuple[int, ...]) -> dict[str, Any]:
    """The settings as plain values; a ValueError names one that is out of range."""

    def refuse(key: str, expected: str) -> None:
        raise ValueError(f"{name}: {key} must be {expected}, got {settings[key]!r}.")

    for key in ("augment_by_n", "steps", "seed"):
        if key in settings:
            smallest = 0 if key == "seed" else 1
            value = settings[key]
            if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < smallest:
                refuse(key, f"a whole number, at least {smallest}")
            settings[key] = int(value)
    for key in ("noise_scale", "epsilon"):
        if key in settings:
            value = settings[key]
            if not _is_number(value) or not 0 <= value < float("inf") or (key == "epsilon" and value == 0):
                refuse(key, "a number greater than 0" if key == "epsilon" else "a number, at least 0")
            settings[key] = float(value)
    if settings.get("postprocess") not in (None, "abs", "square"):
        refuse("postprocess", 'None, "abs" or "square"')
    if "bias" in settings:
        if not isinstance(settings["bias"], bool | np.bool_):
            refuse("bias", "True or False")
        settings["bias"] = bool(settings["bias"])
    rule = settings.get("input_layer_rule")
    if isinstance(rule, tuple | list) and len(rule) == 2 and all(map(_is_number, rule)) and rule[0] < rule[1]:
        settings["input_layer_rule"] = tuple(float(bound) for bound in rule)
    elif rule is not None and rule not in _INPUT_RULES:
        refuse("input_layer_rule", f"None, (low, high) in units of the input, or one of {', '.join(_INPUT_RULES)}")
    if "reference_inputs" in settings:
        reference = np.asarray(settings["reference_inputs"])
        shapes = ((), film, (1, *film))
        if reference.dtype.kind not in "iuf" or reference.shape not in shapes or not np.isfinite(reference).all():
            refuse("reference_inputs", f"a finite number or an array {film}")
        settings["reference_inputs"] = reference.astype(np.float32).reshape(reference.shape[-3:])
    return settings


def _refuse_what_would_be_wrong(graph: tf.keras.Model) -> None:
    from .explainable import Cause, NotExplainableError, find_causes

    # An unnamed Input matters only if analyzers share a graph.
    causes = [cause for cause in find_causes(graph, logits=False) if cause.kind != "unnamed_input"]
    why = "a custom layer, whose class is not available in iNNvestigate's process."
    call = "Build the network from Keras's layers."
    for layer in graph.layers:
        if not type(layer).__module__.startswith(("keras.", "tensorflow.")):
            causes.append(Cause("unsupported", layer.name, why, call))
    if causes:
        raise NotExplainableError(graph.name, tuple(causes))


def _architecture_of_logits(graph: tf.keras.Model) -> str:
    """The network as JSON, without a final softmax (or sigmoid)."""
    description = json.loads(graph.to_json())
    found = output_activation(graph)
    if found is None:
        return json.dumps(description)
    config = description["config"]
    last = next(layer for layer in config["layers"] if layer["name"] == found[1].name)
    if last["class_name"] in ("Activation", "Softmax"):
        reference = config["output_layers"][0]
        reference[:3] = last["inbound_nodes"][reference[1]][0][:3]
        config["layers"].remove(last)
    else:
        last["config"]["activation"] = "linear"
    return json.dumps(description)


def _digest(*parts: bytes | np.ndarray) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, bytes):
            digest.update(part)
        else:
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


class Child:
    """The process that iNNvestigate runs in: started at the first request, and restarted after it ended."""

    def __init__(self) -> None:
        self._forget()
        atexit.register(self.stop)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave_to_parent)

    def _forget(self) -> None:
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._messages: Any = None
        self._lock = threading.RLock()

    def ask(self, request: dict[str, Any], architecture: str, weights: list[np.ndarray], what: str) -> np.ndarray:
        """The maps for `request`. The network and its weights are sent if the child does not have them."""
        with self._lock:
            while True:
                reply = self._exchange(request, what)
                if "maps" in reply:
                    return reply["maps"]
                if reply["need"] == "network":
                    message = {"do": "network", "network": request["network"], "architecture": architecture}
                else:
                    message = {"do": "weights", "key": request["weights"], "arrays": weights}
                self._exchange(message, what)

    @property
    def pid(self) -> int | None:
        """The process ID, or None if no process is running."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def stop(self) -> None:
        """Kill the process, if there is one; a thread that waits for its reply gets an ExplanationError."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            if self._lock.acquire(blocking=False):  # otherwise a thread is still reading, and will see the end of file
                for stream in filter(None, (process.stdin, process.stdout, self._messages)):
                    stream.close()
                self._lock.release()

    def _exchange(self, message: dict[str, Any], what: str) -> dict[str, Any]:
        if self.pid is None:
            self.stop()
            self._start()
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            pipe.send(process.stdin, message)  # type: ignore[arg-type]
            reply = pipe.receive(process.stdout)  # type: ignore[arg-type]
        except pipe.PipeClosed as error:
            reason = self._reason(process)
            self.stop()
            raise ExplanationError(
                f"{what}: the process that computes the maps stopped unexpectedly: {reason} Call analyze again: a new one "
                "starts."
            ) from error
        except BaseException:
            # Interrupted between request and reply: the next reply would belong to this request.
            self.stop()
            raise
        if "error" in reply:
            raise ExplanationError(f"{what}: iNNvestigate could not compute the map: {reply['error'][:1000]}")
        return reply

    def _start(self) -> None:
        environment = dict(os.environ)
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        # On a GPU shared with the kernel's TensorFlow, allocate only the memory that is needed.
        environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._process = start_module("medxai.explain.innvestigate_process", environment, self._messages)

    def _reason(self, process: subprocess.Popen[bytes] | Forked) -> str:
        try:
            code: int | None = process.wait(5)
        except subprocess.TimeoutExpired:
            code = None
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            memory = " It may have run out of memory: pass fewer films, or a smaller memory_gb." if -code == 9 else ""
            return f"{name}.{memory}"
        last = "\n".join(self._last_messages())
        return f"exit status {code}.{f' Its last output:{chr(10)}{last}{chr(10)}' if last else ''}"

    def _last_messages(self) -> Iterator[str]:
        self._messages.seek(0, os.SEEK_END)
        self._messages.seek(max(0, self._messages.tell() - 2000))
        yield from self._messages.read().decode(errors="replace").strip().splitlines()[-5:]

    def _leave_to_parent(self) -> None:
        # In a forked copy of this process: the child belongs to the original process and must notice when that ends.
        process = self._process
        self._forget()
        if process is not None:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
            process.returncode = 0  # only its parent can wait for it


_CHILD = Child()

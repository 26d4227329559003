"""Patterns, used by PatternNet and PatternAttribution: which part of the input does a network respond to?

A weight vector filters the distractor out; it does not show where the signal is: for x = signal + distractor it must
be orthogonal to the distractor, so it rotates with the distractor even if the signal stays. The direction of the
signal, the pattern, is learned from data: it is the covariance of the input with the neuron's output,
a = cov[x, y] / (w . cov[x, y]), so that w . a = 1. For a ReLU only inputs that make the neuron fire are counted
(the two-component estimator; the maps need only its positive half, which a ReLU lets through).

A class's logit is then propagated back through the layers, by `pattern_net.PatternNet` through the patterns instead of
the weights, by `pattern_attribution.PatternAttribution` through pattern times weight.

Source: Kindermans et al., "Learning how to explain neural networks: PatternNet and PatternAttribution",
arXiv 1705.05598. The mean of the output, too, is taken over the inputs that make the neuron fire, as in the authors'
implementation in iNNvestigate 1: with the mean over all inputs, a distractor with a nonzero mean would leak into the
pattern.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..networks.layers import references
from .explainable import Cause, NotExplainableError, check_explainable

if TYPE_CHECKING:
    from typing import Self

    import tensorflow as tf

PATTERN_TYPES = ("relu", "linear")

# Layers with a kernel, hence with patterns. Exact types, as Conv2DTranspose is a subclass of Conv2D.
WEIGHTED = ("Conv2D", "Dense")
# Layers that propagate relevance back in the same way as a gradient.
AS_GRADIENT = (
    "Activation",
    "AveragePooling2D",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "MaxPooling2D",
    "Reshape",
    "ZeroPadding2D",
)
# Layers that do nothing at inference.
IDLE = ("InputLayer", "Dropout", "SpatialDropout2D")

# Default batch sizes: at most this many films, fewer if they would need more than WORKING_BYTES.
FIT_FILMS = 16
MAP_FILMS = 4
WORKING_BYTES = 2e9
# Working memory per film, measured on VGG16 at full width and 512 px and rounded up: for fitting patterns, in units of the
# largest layer's output; for computing a map, in units of all outputs together.
FIT_MEMORY = 8
MAP_MEMORY = 3

# A unit whose output varies by less than this fraction of its mean is constant within the precision of float32.
SMALLEST_VARIATION = 1e-6


@dataclass(frozen=True)
class Patterns:
    """The signal directions of a network, from `fit_patterns`.

    Attributes
    ----------
    pattern_type : str
        The estimator, "relu" or "linear".
    directions : mapping, str -> float32 array
        For each Conv2D and Dense layer by name, in the shape of its kernel (height, width, channels, units) or (features,
        units). The sum of kernel times direction over all axes but the last is 1 for a living unit. A unit that never
        fired, or never varied, on the training films has the direction 0, as nothing is known about it.
    films : int
        The number of films they were fitted on.
    """

    pattern_type: str
    directions: Mapping[str, np.ndarray]
    films: int

    def living(self) -> dict[str, np.ndarray]:
        """For each layer, bool (units,): whether the unit fired, and varied, on the training films."""
        return {name: a.reshape(-1, a.shape[-1]).any(axis=0) for name, a in self.directions.items()}


def fit_patterns(
    model: tf.keras.Model,
    images: Any,
    batch_size: int | None = None,
    pattern_type: str = "relu",
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Patterns:
    """The patterns of a network, for both PatternNet and PatternAttribution.

    Statistics are kept in float64 and merged across batches, so the result does not depend on `batch_size`
    (except for float32 rounding: 1e-4 of the largest value in the first layer of the network of lab 01, 1e-6 in most
    others). Patches are never copied: their sums are computed as the gradient of a convolution with respect to its
    filter. The memory needed is that of one layer for one batch.

    Parameters
    ----------
    model : keras Model
        A plain network that outputs logits: a chain of Conv2D, Dense, max or average pooling, global pooling, Flatten,
        Reshape, ZeroPadding2D, Dropout and Activation layers with relu or linear activations.
    images : array, (N, H, W, C)
        **Training** films, never those to be explained: float network input, or, with `prepare`, whatever it takes.
        Only slices are read, so a memory map is fine.
    batch_size : int, optional
        Films per batch. None means 16, or as many as fit in 2 GB, at least one.
    pattern_type : str
        "relu", the two-component estimator for units with a ReLU and the linear one for the others, or "linear" for
        all. The ReLU may be in the layer itself or in an Activation layer directly after it.
    prepare : function, optional
        Called with each batch, returns float (n, H, W, C); for uint8 films
        `medxai.networks.preprocessing.to_network_input`.

    Raises
    ------
    NotExplainableError
        A layer that patterns do not support, or a cause that `check_explainable` names.
    ValueError
        There are no images, the shape is wrong, images are uint8 without `prepare`, values are not finite, or no unit
        of a layer ever fires.
    """
    import tensorflow as tf

    if pattern_type not in PATTERN_TYPES:
        raise ValueError(f"fit_patterns: pattern_type={pattern_type!r}; expected one of {', '.join(PATTERN_TYPES)}.")
    steps = _steps(model)
    moments: dict[str, _Moments] = {}

    def fitting(shape: tuple[int, ...]) -> int:
        return _films_at_once(FIT_FILMS, FIT_MEMORY * max(_output_bytes(steps, shape)))

    for batch in _batches("fit_patterns", model, images, fitting if batch_size is None else batch_size, prepare):
        x = tf.convert_to_tensor(batch)
        for step in steps:
            if step.weighted:
                x = _observe(step, x, moments, relu=step.fires and pattern_type == "relu")
            else:
                x = step.layer(x, training=False)
    directions = {name: found.directions(_layer(steps, name).kernel.numpy()) for name, found in moments.items()}
    patterns = Patterns(pattern_type, directions, len(images))
    dead = [name for name, alive in patterns.living().items() if not alive.any()]
    if dead:
        raise ValueError(
            f"fit_patterns: in layer {dead[0]!r} no unit fired and varied on {len(images)} films, so every map would be "
            "zero. Expected several different films, preprocessed as for training "
            "(medxai.networks.preprocessing.to_network_input)."
        )
    return patterns


class PatternMethod:
    """The common part of `PatternNet` and `PatternAttribution`: a class's logit is propagated back layer by layer.

    The two differ only in what replaces a layer's weights in the backward pass, `_backward_kernel`.

    Parameters
    ----------
    model : keras Model
        A plain network that outputs logits (see `fit_patterns`).
    patterns : Patterns, optional
        From `fit_patterns` for this model with these weights, so that one fit serves both methods; or None, and call
        `fit`.
    pattern_type : str
        The estimator that `fit` uses.

    Raises
    ------
    NotExplainableError
        The network is not plain, see `fit_patterns`.
    """

    name: ClassVar[str]

    def __init__(self, model: tf.keras.Model, patterns: Patterns | None = None, pattern_type: str = "relu") -> None:
        self.model = model
        self.patterns = patterns
        self.pattern_type = patterns.pattern_type if patterns else pattern_type
        self._steps = _steps(model)

    def fit(
        self, images: Any, batch_size: int | None = None, prepare: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> Self:
        """Fit the patterns on training films; parameters and errors as in `fit_patterns`. Returns the analyzer."""
        self.patterns = fit_patterns(self.model, images, batch_size, self.pattern_type, prepare)
        return self

    def analyze(
        self,
        images: Any,
        target: int | np.ndarray | None = None,
        batch_size: int | None = None,
        prepare: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> np.ndarray:
        """Maps of `images` (N, H, W, C), float32 in the shape of the network's input, signed.

        Parameters
        ----------
        images : object
            Float network input, or, with `prepare`, whatever it takes.
        target : int or array, optional
            The class to explain, one for all films or one per film (N,); None selects each film's largest logit.
        batch_size : int, optional
            Films per batch; the maps do not depend on it. None means 4, or as many as fit in 2 GB, at least one.
        prepare : function, optional
            Called with each batch, as in `fit_patterns`.

        Raises
        ------
        ValueError
            The patterns are not fitted or belong to other weights, the network does not have the class, or the images do
            not fit the network.
        """
        patterns = self._checked_patterns()
        classes = int(self.model.output_shape[-1])
        wanted = _targets(target, len(images), classes)

        def fitting(shape: tuple[int, ...]) -> int:
            return _films_at_once(MAP_FILMS, MAP_MEMORY * sum(_output_bytes(self._steps, shape)))

        maps, start = [], 0
        size = fitting if batch_size is None else batch_size
        for batch in _batches(self.name, self.model, images, size, prepare):
            own = None if wanted is None else wanted[start : start + len(batch)]
            maps.append(self._explain(batch, own, patterns))
            start += len(batch)
        return np.concatenate(maps)

    def _backward_kernel(self, kernel: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """The weights of a layer's backward pass, in the shape of its kernel."""
        raise NotImplementedError

    def _checked_patterns(self) -> Patterns:
        if self.patterns is None:
            raise ValueError(f"{self.name}: not fitted yet. Call fit(training_films) first.")
        kernels = {step.layer.name: step.layer.kernel.numpy() for step in self._steps if step.weighted}
        for name, kernel in kernels.items():
            direction = self.patterns.directions.get(name)
            if direction is None or direction.shape != kernel.shape or not _match(kernel, direction):
                raise ValueError(
                    f"{self.name}: the patterns of layer {name!r} do not belong to the network's current weights "
                    "(weight times pattern is not 1). Fit again: fit(training_films)."
                )
        return self.patterns

    def _explain(self, batch: np.ndarray, target: np.ndarray | None, patterns: Patterns) -> np.ndarray:
        import tensorflow as tf

        x = tf.convert_to_tensor(batch)
        passed = []
        for step in self._steps:
            out = step.layer(x, training=False)
            passed.append((step, x, out))
            x = out
        chosen = tf.argmax(x, axis=-1) if target is None else tf.convert_to_tensor(target)
        back = tf.one_hot(chosen, x.shape[-1], dtype=x.dtype) * x
        powers = np.zeros(len(batch), int)
        while passed:  # memory is released as layers are popped
            step, x, out = passed.pop()
            back, powers = _rescaled(back, powers)
            if not step.weighted:
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    out = step.layer(x, training=False)
                back = tape.gradient(out, x, output_gradients=back)
                continue
            if step.relu:
                back = back * tf.cast(out > 0, back.dtype)
            layer = step.layer
            kernel = self._backward_kernel(layer.kernel.numpy(), patterns.directions[layer.name])
            if step.convolution:
                padding = layer.padding.upper()
                back = tf.nn.conv2d_transpose(back, kernel, tf.shape(x), layer.strides, padding)
            else:
                back = tf.matmul(back, kernel, transpose_b=True)
        back, powers = _rescaled(back, powers)
        # Clipped at +-120, near the limits of float32.
        return back.numpy() * _powers_of_two(np.clip(powers, -120, 120), back.shape.rank)


@dataclass(frozen=True)
class _Step:
    """One layer of the chain.

    Attributes
    ----------
    layer : keras Layer
    weighted : bool
        It has a kernel.
    convolution : bool
        Its kernel is a convolution's.
    relu : bool
        It has its own ReLU.
    fires : bool
        Its output passes through a ReLU, its own or the next layer's.
    """

    layer: Any
    weighted: bool = False
    convolution: bool = False
    relu: bool = False
    fires: bool = False


def _steps(model: Any) -> list[_Step]:
    """The layers that are active at inference, in order; raises NotExplainableError."""
    import tensorflow as tf

    check_explainable(model)
    # A Sequential model has no graph in its configuration; a functional model has one.
    graph = tf.keras.Model(model.inputs, model.outputs, name=model.name)
    causes = _not_a_chain(graph.get_config())
    for layer in graph.layers:
        causes += _not_for_patterns(layer)
    if causes:
        raise NotExplainableError(model.name, tuple(causes))
    layers = [layer for layer in graph.layers if type(layer).__name__ not in IDLE]
    steps = []
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        relu = _activation(layer) == "relu"
        next_relu = type(following).__name__ == "Activation" and _activation(following) == "relu"
        kind = type(layer).__name__
        steps.append(_Step(layer, kind in WEIGHTED, kind == "Conv2D", relu, relu or next_relu))
    return steps


def _activation(layer: Any) -> str | None:
    return getattr(getattr(layer, "activation", None), "__name__", None)


def _not_a_chain(config: dict[str, Any]) -> list[Cause]:
    why = "patterns need a chain of layers, in which each reads only the one before it; this one reads {}."
    call = "Use a network without skips and branches, or another method (gradient, lrp.epsilon)."
    names = [layer["name"] for layer in config["layers"]]
    causes = []
    for before, layer in zip([None, *names[:-1]], config["layers"], strict=True):
        sources = references(layer["inbound_nodes"], names)
        expected = [] if before is None else [before]
        if sources != expected:
            read = ", ".join(map(repr, sources)) or "a separate input"
            causes.append(Cause("unsupported", layer["name"], why.format(read), call))
    return causes


def _not_for_patterns(layer: Any) -> list[Cause]:
    kind = type(layer).__name__
    known = (*WEIGHTED, *AS_GRADIENT, *IDLE)
    why = call = ""
    if kind not in known:
        why = f"a {kind} layer, for which patterns are not defined here."
        call = f"Use {', '.join(sorted(set(known) - {'InputLayer'}))}, or another method (gradient, input_t_gradient)."
    elif kind in (*WEIGHTED, "Activation") and _activation(layer) not in ("relu", "linear"):
        why = f"activation {_activation(layer)!r}; the estimators are defined for ReLU and linear units."
        call = "Train the network with activation='relu'."
    elif getattr(layer, "data_format", "channels_last") == "channels_first":
        why, call = "data_format='channels_first'.", "Build it with data_format='channels_last'."
    elif kind == "Conv2D" and (layer.groups != 1 or tuple(layer.dilation_rate) != (1, 1)):
        why = f"a convolution with groups={layer.groups}, dilation_rate={tuple(layer.dilation_rate)}."
        call = "Patterns are fitted for groups=1 and dilation_rate=1 only: use another method (gradient)."
    elif kind == "Dense" and len(layer.input_shape) != 2:
        why = f"a Dense layer on input of shape {layer.input_shape}."
        call = "Put Flatten or GlobalAveragePooling2D before it, or use a 1 x 1 Conv2D."
    return [Cause("unsupported", layer.name, why, call)] if why else []


def _layer(steps: list[_Step], name: str) -> Any:
    return next(step.layer for step in steps if step.layer.name == name)


def _linear(step: _Step, x: Any, kernel: Any) -> Any:
    """The layer's w . x, without bias and activation."""
    import tensorflow as tf

    if step.convolution:
        return tf.nn.conv2d(x, kernel, step.layer.strides, step.layer.padding.upper())
    return tf.matmul(x, kernel)


def _observe(step: _Step, x: Any, moments: dict[str, _Moments], relu: bool) -> Any:
    """Add a batch to the layer's statistics and return the layer's output."""
    import tensorflow as tf

    layer = step.layer
    kernel = tf.convert_to_tensor(layer.kernel)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(kernel)
        y = _linear(step, x, kernel)
    z = tf.nn.bias_add(y, layer.bias) if layer.use_bias else y
    fires = tf.cast(z > 0, y.dtype) if relu else tf.ones_like(y)

    axes = list(range(len(y.shape) - 1))
    count = tf.math.count_nonzero(fires, axes, dtype=tf.int64).numpy().astype(np.float64)
    mean_y = tf.reduce_sum(fires * y, axes) / tf.cast(np.maximum(count, 1), y.dtype)
    # Centred before summing, so that the covariance is not a small difference of two large numbers.
    deviation = fires * (y - mean_y)
    # y is linear in the kernel, so its gradient sums the patches, weighted by `output_gradients`.
    patches = tape.gradient(y, kernel, output_gradients=fires).numpy().astype(np.float64)
    together = tape.gradient(y, kernel, output_gradients=deviation).numpy().astype(np.float64)
    rest = tf.reduce_sum(deviation, axes).numpy().astype(np.float64)

    moments.setdefault(layer.name, _Moments(kernel.shape)).add(
        count, patches, mean_y.numpy().astype(np.float64), together, rest
    )
    return layer.activation(z)


class _Moments:
    """Count, means and co-moment of patch and output for each unit, merged batch by batch.

    The merge is that of Chan, Golub and LeVeque (1979), "Updating formulae and a pairwise algorithm for computing sample
    variances", which does not subtract large sums.
    """

    def __init__(self, shape: Any) -> None:
        self.count = np.zeros(shape[-1])
        self.mean_x = np.zeros(shape)
        self.mean_y = np.zeros(shape[-1])
        self.together = np.zeros(shape)

    def add(
        self, count: np.ndarray, patches: np.ndarray, mean_y: np.ndarray, together: np.ndarray, rest: np.ndarray
    ) -> None:
        mean_x = patches / np.maximum(count, 1)
        # `mean_y` is rounded, so the deviations do not sum exactly to 0.
        together = together - mean_x * rest
        mean_y = mean_y + rest / np.maximum(count, 1)
        total = np.maximum(self.count + count, 1)
        step_x, step_y = mean_x - self.mean_x, mean_y - self.mean_y
        self.together += together + step_x * step_y * self.count * count / total
        self.mean_x += step_x * count / total
        self.mean_y += step_y * count / total
        self.count += count

    def directions(self, kernel: np.ndarray) -> np.ndarray:
        """cov[x, y] / (w . cov[x, y]) for living units, 0 for the others; w . cov[x, y] is the variance of y."""
        axes = tuple(range(kernel.ndim - 1))
        covariance = self.together / np.maximum(self.count, 1)
        products = kernel.astype(np.float64) * covariance
        variance = products.sum(axis=axes)
        noise = np.maximum(
            SMALLEST_VARIATION * np.abs(products).sum(axis=axes), (SMALLEST_VARIATION * self.mean_y) ** 2
        )
        if not np.isfinite(variance).all():
            raise ValueError("fit_patterns: the statistics are not finite. Do the network's weights contain NaN?")
        living = variance > noise
        return np.where(living, covariance / np.where(living, variance, 1), 0).astype(np.float32)


def _rescaled(back: Any, powers: np.ndarray) -> tuple[Any, np.ndarray]:
    """Each film's values, divided by a power of two (without rounding) so that the largest magnitude is 1 to 2.

    After many layers they would leave the range of float32. Also returns the accumulated powers.
    """
    flat = np.abs(back.numpy()).reshape(len(powers), -1).max(axis=1)
    out = np.where(flat > 0, np.frexp(flat)[1] - 1, 0)
    return back * _powers_of_two(-out, back.shape.rank), powers + out


def _powers_of_two(exponents: np.ndarray, rank: int) -> np.ndarray:
    """float32 (N, 1, 1, ...) of 2 to the exponents (N,)."""
    return np.ldexp(np.float32(1), exponents).astype(np.float32).reshape(-1, *[1] * (rank - 1))


def _match(kernel: np.ndarray, direction: np.ndarray) -> bool:
    """Whether weight times pattern is 1 in every living unit."""
    products = (kernel * direction).reshape(-1, kernel.shape[-1])
    living = direction.reshape(products.shape).any(axis=0)
    sums = products.sum(axis=0, dtype=np.float64)[living]
    # If large products cancel, the sum over float32 directions cannot be closer to 1 than this.
    tolerance = 1e-3 + 1e-6 * np.abs(products).sum(axis=0)[living]
    return bool((np.abs(sums - 1) < tolerance).all())


def _targets(target: Any, films: int, classes: int) -> np.ndarray | None:
    if target is None:
        return None
    chosen = np.asarray(target)
    if not np.issubdtype(chosen.dtype, np.integer) or chosen.shape not in ((), (films,)):
        raise ValueError(
            f"target: expected one class number, or one for each of the {films} films; got {chosen.dtype} of shape "
            f"{chosen.shape}."
        )
    if films and (chosen.min() < 0 or chosen.max() >= classes):
        raise ValueError(f"target: the network has classes 0 to {classes - 1}, got {np.unique(chosen).tolist()}.")
    return np.broadcast_to(chosen, films)


def _output_bytes(steps: list[_Step], shape: tuple[int, ...]) -> list[int]:
    """Bytes of one film of this shape, and of each layer's output for it (float32)."""
    shapes = [(1, *shape)]
    for step in steps:
        shapes.append(tuple(step.layer.compute_output_shape(shapes[-1])))
    return [4 * math.prod(found) for found in shapes]


def _films_at_once(most: int, film_bytes: int) -> int:
    return int(max(1, min(most, WORKING_BYTES // film_bytes)))


def _batches(
    who: str,
    model: Any,
    images: Any,
    batch_size: int | Callable[[tuple[int, ...]], int],
    prepare: Callable | None,
) -> Iterator[np.ndarray]:
    """Batches of float32 network input, each checked. `batch_size` may be a function of the films' shape."""
    if not callable(batch_size) and batch_size < 1:
        raise ValueError(f"{who}: batch_size={batch_size}; expected 1 or more.")
    if not len(images):
        raise ValueError(f"{who}: no images. Expected an array (N, H, W, C) with N at least 1.")
    if callable(batch_size):
        batch_size = batch_size(_checked_batch(who, model, images[:1], 0, prepare).shape[1:])
    for start in range(0, len(images), batch_size):
        yield _checked_batch(who, model, images[start : start + batch_size], start, prepare)


def _checked_batch(who: str, model: Any, batch: Any, start: int, prepare: Callable | None) -> np.ndarray:
    expected = tuple(model.input_shape[1:])
    batch = np.asarray(prepare(batch) if prepare else batch)
    if not np.issubdtype(batch.dtype, np.floating):
        raise ValueError(
            f"{who}: images are {batch.dtype}; expected float network input. For stored films, pass "
            "prepare=medxai.networks.preprocessing.to_network_input."
        )
    if len(batch.shape) != len(expected) + 1 or any(
        want is not None and want != got for want, got in zip(expected, batch.shape[1:], strict=True)
    ):
        raise ValueError(f"{who}: images have shape {batch.shape[1:]} each; the network takes {expected}.")
    batch = batch.astype(np.float32)
    if not np.isfinite(batch).all():
        raise ValueError(f"{who}: values are not finite in films {start} to {start + len(batch) - 1}.")
    return batch

"""Train a network on an ImageSet, in batches read from the memory-mapped films.

The whole image set is never converted to float: 400 films of 512 px in three float channels would need 1.3 GB, a batch
needs 50 MB.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import tensorflow as tf

from ..evaluate import metrics
from .prediction import predict_films
from .preprocessing import release, to_network_input

if TYPE_CHECKING:
    from data_fetch import ImageSet


# The optimizers of `fit`, as named on cards.
OPTIMIZERS = {"adam": "Adam", "nesterov": "gradient descent with Nesterov momentum 0.9"}


@dataclass(frozen=True)
class Augmentation:
    """Small changes that do not affect a film's label, drawn again for each film and epoch.

    Attributes
    ----------
    shift : int
        Largest shift in pixels in each direction; edge pixels are repeated.
    gamma : float
        Standard deviation of log(gamma) in (film / 255) ** gamma, a change of exposure.
    flip : bool
        Mirror half of the films. Off by default: a mirrored chest film shows the heart on the wrong side, which is not
        seen in practice.
    """

    shift: int = 6
    gamma: float = 0.15
    flip: bool = False

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """uint8 (N, H, W) -> a new uint8 (N, H, W)."""
        height, width = images.shape[1:]
        grey = np.arange(256) / 255
        changed = np.empty_like(images)
        for number, image in enumerate(images):
            down, right = rng.integers(-self.shift, self.shift + 1, 2)
            gamma, mirror = math.exp(rng.normal(0, self.gamma)), rng.random() < 0.5
            rows = np.clip(np.arange(height) - down, 0, height - 1)
            columns = np.clip(np.arange(width) - right, 0, width - 1)
            if self.flip and mirror:
                columns = columns[::-1]
            curve = np.round(255 * grey**gamma).astype(np.uint8)
            changed[number] = curve[image[rows[:, None], columns]]
        return changed


class FilmBatches(tf.keras.utils.Sequence):
    """Batches (network input float32 (B, H, W, 3), one-hot labels float32 (B, classes)) of an ImageSet.

    Films are read from the memory map, augmented and preprocessed one batch at a time. With `shuffle` the order is drawn
    again for each epoch. Order and augmentation depend only on seed, epoch and batch, so the same seed gives the same
    batches, whichever thread requests them.
    """

    def __init__(
        self,
        films: ImageSet,
        batch_size: int = 16,
        augment: Augmentation | None = None,
        shuffle: bool = False,
        seed: int = 0,
    ) -> None:
        if not len(films):
            raise ValueError("FilmBatches: the image set contains no films.")
        self.films, self.batch_size, self.augment = films, batch_size, augment
        self.shuffle, self.seed, self.epoch = shuffle, seed, 0
        self._order_epoch()

    def __len__(self) -> int:
        return math.ceil(len(self.films) / self.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        # Reading in sorted order is faster from a memory map; the order within a batch does not matter.
        rows = np.sort(rows)
        images = np.asarray(self.films.images[rows])
        release(self.films.images)
        if self.augment is not None:
            images = self.augment(images, np.random.default_rng([self.seed, self.epoch, number]))
        return to_network_input(images), one_hot(self.films.labels[rows], len(self.films.classes))

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        self.epoch += 1
        self._order_epoch()

    def _order_epoch(self) -> None:
        count = len(self.films)
        rng = np.random.default_rng([self.seed, self.epoch])
        self.order = rng.permutation(count) if self.shuffle else np.arange(count)


def one_hot(labels: np.ndarray, classes: int = 2) -> np.ndarray:
    """One-hot labels: int (N,) -> float32 (N, classes), 1 at the film's class and 0 elsewhere."""
    return np.eye(classes, dtype=np.float32)[np.asarray(labels).astype(int)]


def class_weights(labels: np.ndarray) -> dict[int, float]:
    """Weights that give every class the same total weight.

    Parameters
    ----------
    labels : int array, (N,)

    Returns
    -------
    dict, int -> float
        N / (classes * films of the class); a dict, as Keras expects.
    """
    values, counts = np.unique(np.asarray(labels).astype(int), return_counts=True)
    return {int(v): len(labels) / (len(values) * int(c)) for v, c in zip(values, counts, strict=True)}


def hold_out(films: ImageSet, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two parts of an image set, split by patient and with about the same prevalence.

    Parameters
    ----------
    films : ImageSet
    share : float
        Approximate share of the films that is held out, at most 0.5.
    seed : int

    Returns
    -------
    learn, held : int array
        Rows to train on, and rows that are held out.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(max(2, round(1 / share)), shuffle=True, random_state=seed)
    return next(iter(splitter.split(films.labels, films.labels, films.patients)))


@dataclass(frozen=True)
class Training:
    """The record of a training.

    Attributes
    ----------
    history : DataFrame
        One row per epoch (from 1): loss, accuracy, val_loss, val_auroc, seconds.
    best_epoch : int
        The epoch whose weights the model now has.
    seconds : float
        Total duration.
    """

    history: pd.DataFrame
    best_epoch: int
    seconds: float


def fit(
    model: tf.keras.Model,
    train: ImageSet,
    validation: ImageSet,
    *,
    epochs: int,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    weights: Mapping[int, float] | None = None,
    augment: Augmentation | None = None,
    optimizer: str = "adam",
    seed: int = 0,
    verbose: str | int = "auto",
) -> Training:
    """Train with a cosine decay of the learning rate to 0, and keep the weights of the best validation epoch.

    Parameters
    ----------
    model : keras Model
        From (N, H, W, 3) network input to softmax (N, classes). Trained in place; it ends with the weights of the epoch
        with the highest validation AUROC (in a tie, the one with the lower validation loss).
    train, validation : ImageSet
        ImageSets of different patients (checked), each with both classes.
    weights : mapping, optional
        {class: weight}, see `class_weights`; None weights all films equally. Keras ignores or rejects an array.
    augment : Augmentation, optional
        Changes to the training films, `Augmentation()` or None.
    optimizer : str
        "adam", or "nesterov": gradient descent with Nesterov momentum 0.9.
    seed : int
        For the order, the augmentation and dropout.
    verbose : str or int
        "auto" shows Keras's progress bar on a terminal and prints one line per epoch elsewhere, also in notebooks; 0, 1
        (bar) and 2 (line) as in Keras.

    Raises
    ------
    ValueError
        A patient is in both sets, a class is missing, sizes do not match, or the optimizer is unknown.
    TypeError
        `weights` is not a dict.
    FloatingPointError
        The loss became NaN or infinite.
    """
    _check_sets(model, train, validation)
    if weights is not None and not isinstance(weights, Mapping):
        raise TypeError(
            f"fit: weights must be a dict {{class: weight}}, got {type(weights).__name__}. "
            "Use medxai.networks.training.class_weights(train.labels)."
        )
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"fit: optimizer must be one of {', '.join(OPTIMIZERS)}, got {optimizer!r}.")
    tf.keras.utils.set_random_seed(seed)
    batches = FilmBatches(train, batch_size, augment, shuffle=True, seed=seed)
    schedule = tf.keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=epochs * len(batches))
    # The name of the argument matters: Keras 2.14 ignores `lr` and trains at its default.
    chosen = (
        tf.keras.optimizers.Adam(learning_rate=schedule)
        if optimizer == "adam"
        else tf.keras.optimizers.SGD(learning_rate=schedule, momentum=0.9, nesterov=True)
    )
    model.compile(chosen, "categorical_crossentropy", metrics=["accuracy"])
    best = _BestEpoch(validation)
    started = time.monotonic()
    model.fit(
        batches,
        epochs=epochs,
        class_weight=None if weights is None else {int(k): float(v) for k, v in weights.items()},
        callbacks=[best],
        verbose=_verbosity() if verbose == "auto" else verbose,
        shuffle=False,  # done by FilmBatches
    )
    model.set_weights(best.weights)
    history = pd.DataFrame(best.rows).set_index("epoch")
    return Training(history, best.epoch, time.monotonic() - started)


class _BestEpoch(tf.keras.callbacks.Callback):
    """Scores the validation films after each epoch and keeps the weights of the best epoch."""

    def __init__(self, validation: ImageSet) -> None:
        super().__init__()
        self.validation = validation
        self.rows: list[dict[str, float]] = []
        self.best = -1.0, -math.inf
        self.epoch = 0
        self.weights: list[np.ndarray] | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = {} if logs is None else logs
        if not math.isfinite(logs["loss"]):
            raise FloatingPointError(
                f"The loss became {logs['loss']} in epoch {epoch + 1}. Lower the learning rate, or build the network "
                "with batch_norm=True if it starts from random weights."
            )
        p = predict_films(self.model, self.validation.images)[:, 1]
        # Keras prints the entries of the logs, so these two appear next to the loss.
        logs["val_loss"] = metrics.log_loss(self.validation.labels, p)
        logs["val_auroc"] = metrics.auroc(self.validation.labels, p)
        names = ("loss", "accuracy", "val_loss", "val_auroc")
        row = {"epoch": epoch + 1, **{name: float(logs[name]) for name in names}}
        self.rows.append({**row, "seconds": time.monotonic() - self.started})
        merit = (row["val_auroc"], -row["val_loss"])
        if merit > self.best:
            self.best, self.epoch, self.weights = merit, epoch + 1, self.model.get_weights()


def _check_sets(model: tf.keras.Model, train: ImageSet, validation: ImageSet) -> None:
    both = np.intersect1d(train.patients, validation.patients)
    if len(both):
        raise ValueError(
            f"fit: {len(both)} patients have films in both training and validation (first: {both[0]!r}), so the "
            "validation score would measure memorisation. Split by patient."
        )
    for name, films in (("training", train), ("validation", validation)):
        for label, kind in enumerate(films.classes):
            if not (np.asarray(films.labels) == label).any():
                raise ValueError(f"fit: the {name} set has no film of class {label} ({kind}).")
    size, films_size = tuple(model.input_shape[1:3]), tuple(train.images.shape[1:3])
    if size != films_size:
        raise ValueError(f"fit: the network takes films of {size} pixels, got {films_size}. Build it for this size.")


def _verbosity() -> int:
    # A progress bar needs a terminal: in a notebook it becomes hundreds of lines when the page is saved or printed.
    return 1 if sys.stdout.isatty() else 2

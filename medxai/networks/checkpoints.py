"""Checkpoints: trained weights with a card that describes them, their input and their performance.

A checkpoint is two files: NAME.h5, only the weights, in Keras's HDF5 layout (nothing in it is ever executed), and
NAME.toml, the card. The network itself is built by the function named on the card.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import data_fetch
from data_fetch.checkpoints.checkpoint_files import check_weights, missing_from_card
from data_fetch.store.atomic import FOR_ALL, fresh_file, write_atomically
from data_fetch.store.cache import sha256_of
from data_fetch.store.tomltext import dumps

from ..errors import CheckpointError
from . import models
from .prediction import predict_films, predict_input
from .preprocessing import check_pixel_range

if TYPE_CHECKING:
    import tensorflow as tf

_AGAIN = "Make it again with `{command}`, or install the course again."


@dataclass(frozen=True)
class Checkpoint:
    """A trained network and its card.

    Attributes
    ----------
    model : keras Model
        Plain (no BatchNormalization), ending in a softmax.
    card : mapping
        The card as a dict.
    """

    model: tf.keras.Model
    card: Mapping[str, Any]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(self.card["classes"])

    @property
    def threshold(self) -> float:
        """A film is called positive if its probability of class 1 is at least this; chosen on validation films."""
        return float(self.card["threshold"])

    @property
    def target_layer(self) -> str:
        """The layer whose feature maps are explained."""
        return self.card["target_layer"]

    def predict(self, images: np.ndarray, batch_size: int | None = None) -> np.ndarray:
        """Probabilities of the classes.

        Parameters
        ----------
        images : array, uint8 (N, H, W) or float (N, H, W, 3)
            Stored films, which are preprocessed in batches; or network input, whose pixel range is first checked against
            the card.
        batch_size : int, optional
            By default small enough for a student's machine (`medxai.networks.prediction.batch_for`).

        Returns
        -------
        float32 array, (N, classes)
            From 0 to 1; each row adds up to 1.

        Raises
        ------
        PixelRangeError
            The pixel range differs from the card; the message names the likely mistake.
        ValueError
            The films do not have the network's input size.
        """
        images = np.asanyarray(images)
        side = int(self.card["input"]["size"])
        if images.ndim not in (3, 4) or images.shape[1:3] != (side, side):
            raise ValueError(
                f"{self.card['name']} takes films of {side} x {side} pixels: uint8 (N, {side}, {side}), or network "
                f"input (N, {side}, {side}, {self.card['input']['channels']}). Got shape {images.shape}. "
                f"{'For one film, write films.images[:1].' if images.ndim == 2 else f'Fetch films with size={side}.'}"
            )
        if images.ndim == 3:
            return predict_films(self.model, images, batch_size)
        check_pixel_range(images, self.card)
        return predict_input(self.model, images, batch_size)


def load_checkpoint(name: str, folder: str | os.PathLike | None = None) -> Checkpoint:
    """The checkpoint called `name`, verified and ready to predict.

    Parameters
    ----------
    name : str
        For example "cardiomegaly-cpu".
    folder : path, optional
        The folder of NAME.h5 and NAME.toml. None searches the checkpoints that come with the course, those in the class's
        registry (downloaded once), and those that `python -m medxai.train` stored in the cache, in this order
        (`data_fetch.checkpoint`).

    Returns
    -------
    Checkpoint

    Raises
    ------
    CheckpointError
        The checkpoint is unknown or not available yet (the message says how to get it), the card is incomplete, the file is
        truncated or does not match the card, the builder is unknown, or the weights do not fit the network on the card.
    """
    if folder is None:
        try:
            files = data_fetch.checkpoint(name)
        except data_fetch.DataFetchError as error:
            raise CheckpointError(str(error)) from error
        path, card = files.path, dict(files.card)
        _check_card(card, files.card_path)
    else:
        path = Path(folder) / f"{name}.h5"
        card = read_card(path.with_suffix(".toml"))
        try:
            check_weights(path, card)
        except data_fetch.DataFetchError as error:
            raise CheckpointError(str(error)) from None
    return Checkpoint(_build_and_load(path, card), card)


def save_checkpoint(model: tf.keras.Model, card: Mapping[str, Any], folder: str | os.PathLike) -> Path:
    """Write NAME.h5 and NAME.toml into a folder, each atomically.

    Parameters
    ----------
    model : keras Model
    card : mapping
        Without `sha256` and `bytes`, which are added here.
    folder : path
        Created if it is missing.

    Returns
    -------
    Path
        The file of weights.

    Raises
    ------
    CheckpointError
        The model still has BatchNormalization, has no layer `target_layer`, or differs from what `builder` and
        `arguments` build.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    normed = [layer.name for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    if normed:
        raise CheckpointError(
            f"save_checkpoint: the model has {len(normed)} BatchNormalization layers (first {normed[0]!r}); "
            "checkpoints are plain networks. Call medxai.networks.fold.fold_batch_norm(model) first."
        )
    if card["target_layer"] not in [layer.name for layer in model.layers]:
        raise CheckpointError(f"save_checkpoint: the model has no layer {card['target_layer']!r} (target_layer).")
    target = folder / f"{card['name']}.h5"
    with fresh_file(target, FOR_ALL, suffix=".part.h5") as part:  # Keras looks at the suffix
        model.save_weights(part, save_format="h5")
        card = {**card, "sha256": sha256_of(part), "bytes": part.stat().st_size}
        _check_card(card, target.with_suffix(".toml"))
        _build_and_load(part, card)  # verifies that it can be loaded again
    write_atomically(target.with_suffix(".toml"), dumps(card))
    return target


# ---- cards ----------------------------------------------------------------------------------------------------------


def read_card(path: Path) -> dict[str, Any]:
    """The card at `path`.

    Returns
    -------
    dict

    Raises
    ------
    CheckpointError
        It is missing, is not TOML, or lacks a field.
    """
    try:
        card = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"No checkpoint card {path.name} in {path.parent}. Is the name right? "
            "medxai.load_checkpoint('cardiomegaly-cpu') loads the checkpoint that comes with the course."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CheckpointError(f"The card {path} cannot be read: {error}. Install the course again.") from None
    _check_card(card, path)
    return card


def _check_card(card: Mapping[str, Any], path: Path) -> None:
    missing = missing_from_card(card)
    if missing:
        raise CheckpointError(f"The card {path} is incomplete: it lacks {', '.join(missing)}.")
    if card["builder"] not in models.BUILDERS:
        raise CheckpointError(
            f"The card {path} names the builder {card['builder']!r}; expected one of {', '.join(models.BUILDERS)} "
            "(medxai.networks.models). Was it made by another version of the course?"
        )


# ---- weights --------------------------------------------------------------------------------------------------------


def _build_and_load(path: Path, card: Mapping[str, Any]) -> tf.keras.Model:
    builder = models.BUILDERS[card["builder"]]
    try:
        model = builder(**card["arguments"])
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"The network of {card['name']} cannot be built: {card['builder']}({dict(card['arguments'])}): {error}"
        ) from error
    stored = _stored_weights(path, card)
    expected = {
        layer.name: [tuple(weight.shape) for weight in layer.weights] for layer in model.layers if layer.weights
    }
    got = {name: [weight.shape for weight in weights] for name, weights in stored.items()}
    if expected != got:
        raise CheckpointError(
            f"{path.name} contains the weights of another network than its card says "
            f"({card['builder']}({dict(card['arguments'])})): {_first_difference(expected, got)}. "
            "Does this file belong to this card?"
        )
    for name, weights in stored.items():
        model.get_layer(name).set_weights(weights)
    return model


def _stored_weights(path: Path, card: Mapping[str, Any]) -> dict[str, list[np.ndarray]]:
    """Layer name -> its weights in order, from Keras's HDF5 layout; layers without weights are omitted."""
    import h5py

    def names(attribute: Iterable[str | bytes]) -> list[str]:
        return [name.decode() if isinstance(name, bytes) else str(name) for name in attribute]

    try:
        with h5py.File(path, "r") as file:
            layers = {name: file[name] for name in names(file.attrs["layer_names"])}
            weights = {
                name: [np.asarray(group[weight]) for weight in names(group.attrs["weight_names"])]
                for name, group in layers.items()
            }
    except (OSError, KeyError) as error:
        raise CheckpointError(
            f"{path} is not a file of Keras weights (HDF5), or it is damaged: {error}. "
            f"{_AGAIN.format(command=card['command'])}"
        ) from error
    return {name: values for name, values in weights.items() if values}


def _first_difference(expected: Mapping, got: Mapping) -> str:
    for name in [*expected, *got]:
        if expected.get(name) != got.get(name):
            return f"layer {name!r} should have weights {expected.get(name, 'none')}, got {got.get(name, 'none')}"
    return "no difference"

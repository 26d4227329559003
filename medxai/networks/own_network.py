"""A network trained and saved by a student, as a checkpoint, so that the same code explains it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CheckpointError
from ..evaluate import metrics
from .checkpoints import Checkpoint
from .fold import fold_batch_norm
from .layers import output_activation
from .prediction import predict_films

if TYPE_CHECKING:
    from data_fetch import ImageSet


def load(path: str | os.PathLike, like: Checkpoint, validation: ImageSet | None = None) -> Checkpoint:
    """The network at `path` as a checkpoint: with BatchNorm folded, ending in a softmax, with its own threshold.

    Parameters
    ----------
    path : path
        A file saved by `model.save` in a lab, such as "../04_pneumothorax/my_pneumothorax.keras". It may contain
        BatchNorm and may end in logits or in a softmax. Open only your own files: a file of this kind can contain code.
    like : Checkpoint
        The course's checkpoint for the same films; film size and classes must be the same.
    validation : ImageSet, optional
        Films that the network was not trained on. The threshold is the highest with a sensitivity of at least 0.9 on
        them, as for the course's checkpoints; without such films it is 0.5.

    Raises
    ------
    CheckpointError
        The file does not exist or is not a network, or the network has other inputs or outputs.
    FoldError
        A BatchNorm does not directly follow a convolution or dense layer.
    """
    import tensorflow as tf

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(
            f"Your own network was not found: {path} does not exist. Train one in the last section of the lab in "
            f"{path.parent.name or 'this folder'}, or set MY_NETWORK = False."
        )
    try:
        model = tf.keras.models.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} cannot be read as a network: {error}. Train and save it again.") from error
    size, channels = like.card["input"]["size"], like.card["input"]["channels"]
    expected, got = ((None, size, size, channels), (None, len(like.classes))), (model.input_shape, model.output_shape)
    if got != expected:
        raise CheckpointError(
            f"{path.name} has input {got[0]} and output {got[1]}; expected {expected[0]} and {expected[1]}, as for "
            f"{like.card['name']}. Was it trained on films of another size?"
        )
    model = fold_batch_norm(model)
    if output_activation(model) is None:
        probabilities = tf.keras.layers.Activation("softmax", name="probabilities")(model.output)
        model = tf.keras.Model(model.input, probabilities, name=model.name)
    threshold = 0.5
    if validation is not None:
        scores = predict_films(model, validation.images)[:, 1]
        threshold = metrics.operating_point(validation.labels, scores, 0.9).threshold
    return Checkpoint(model, {**like.card, "name": path.stem, "threshold": threshold, "metrics": {}})

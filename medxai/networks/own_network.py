"""A network that a student has trained and saved, in the shape of a checkpoint: what explains ours explains theirs."""

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
    """The network at `path` as a checkpoint: BatchNorm folded away, ending in a softmax, with a threshold of its own.

    Parameters
    ----------
    path : path
        A file that `model.save` of a lab has written, such as "../04_pneumothorax/my_pneumothorax.keras". It may hold
        BatchNorm and may end in logits or in a softmax. Open only files of your own: a file of this kind can hold code.
    like : Checkpoint
        The course's checkpoint for the same films; the size of the films and the classes must be its own.
    validation : ImageSet, optional
        Films that the network did not learn from. The threshold is the highest that finds nine of ten ill ones among
        them, as for the course's checkpoints; without such films it is 0.5.

    Raises
    ------
    CheckpointError
        No such file, a file that is no network, or a network that reads other films or gives other outputs.
    FoldError
        A BatchNorm that does not follow a convolution or a dense layer directly.
    """
    import tensorflow as tf

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(
            f"There is no network of your own: {path} does not exist. Train one in the last section of the lab in "
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
            f"{path.name} reads {got[0]} and gives {got[1]}; expected {expected[0]} and {expected[1]}, as "
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

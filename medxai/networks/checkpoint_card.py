"""The card of a checkpoint, stored next to the weights, and its numbers as a table."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .recipes import Films, Recipe

if TYPE_CHECKING:
    import pandas as pd

    from data_fetch import ImageSet

    from ..evaluate.metrics import Interval

# A checkpoint's threshold is the highest with at least this sensitivity.
WANTED_SENSITIVITY = 0.9


class Row(NamedTuple):
    """One number on the card: an interval, the films it was measured on, and the name of their split."""

    interval: Interval
    films: ImageSet
    split: str


def make_card(
    recipe: Recipe,
    films: Films,
    history: pd.DataFrame,
    best_epoch: int,
    seconds: float,
    judged: Mapping[str, Any],
    command: str,
    start: str,
) -> dict[str, Any]:
    """The card of a checkpoint, without the hash of the weights.

    Parameters
    ----------
    recipe : Recipe
    films : Films
    history : DataFrame
        From `medxai.networks.training.Training`.
    best_epoch : int
    seconds : float
        Duration of the training.
    judged : mapping
        From `medxai.networks.train_command.judge`.
    command : str
        The command that makes the checkpoint again.
    start : str
        The starting weights.

    Returns
    -------
    dict
        Ready to be written as TOML.
    """
    import tensorflow as tf

    from .models import ARCHITECTURES
    from .preprocessing import INPUT_CONTRACT
    from .training import OPTIMIZERS

    def rows(judged: Mapping[str, Row]) -> dict[str, dict]:
        return {
            name: {
                **{end: round(getattr(row.interval, end), 5) for end in ("value", "low", "high")},
                "n": len(row.films),
                "positives": int(np.sum(row.films.labels)),
                "split": row.split,
            }
            for name, row in judged.items()
        }

    def counted(part: ImageSet) -> dict[str, int]:
        return {
            "films": len(part),
            "positives": int(np.sum(part.labels)),
            "patients": len(np.unique(part.patients)),
        }

    classes = films.train.classes
    data = films.train.card
    card: dict[str, Any] = {
        "name": recipe.name,
        "architecture": ARCHITECTURES[recipe.builder]
        + (f"; every convolution {recipe.width_divisor} times narrower" if recipe.width_divisor > 1 else ""),
        "builder": recipe.builder,
        "classes": list(classes),
        "threshold": float(judged["threshold"]),
        "threshold_rule": f"highest that reaches a sensitivity of {WANTED_SENSITIVITY} on the threshold films",
        "temperature": float(judged["temperature"]),
        "target_layer": recipe.target_layer,
        "command": command,
        "seed": recipe.seed,
        "profile": recipe.profile,
        "licence": "CC-BY-4.0" if recipe.source == "phantom" else str(data.get("licence", "see the source")),
        "arguments": {
            "size": recipe.size,
            "width_divisor": recipe.width_divisor,
            "batch_norm": False,
            "channels": INPUT_CONTRACT["channels"],
            "classes": len(classes),
            "activation": "softmax",
        },
        "input": {"size": recipe.size, **INPUT_CONTRACT},
        "data": {
            "set": recipe.task.replace("-", "_"),
            "source": recipe.source,
            **films.described,
            **counted(films.train),
            "test": f"the {films.test_split} split, of further patients: every number under metrics and baselines"
            + (f"; auroc_... on {', '.join(films.further)}" if films.further else ""),
            "version": str(data.get("version", "")),
            **({"cue": data["cue"]["kind"]} if "cue" in data else {}),
        },
        "training": {
            "epochs": recipe.epochs,
            "best_epoch": best_epoch,
            "validation_auroc": round(float(history["val_auroc"].loc[best_epoch]), 5),
            "batch_size": recipe.batch_size,
            "optimizer": f"{OPTIMIZERS[recipe.optimizer]}, {recipe.learning_rate:g}, cosine decay to 0",
            "augmentation": f"shifts of up to {recipe.shift} px, gamma with log-sd {recipe.gamma:g}, no flips",
            "start": start,
            "seconds": round(seconds),
            "versions": {
                "python": platform.python_version(),
                "tensorflow": tf.__version__,
                "numpy": np.__version__,
            },
        },
        "metrics": {"interval": "95% bootstrap over patients", **rows(judged["metrics"])},
        "baselines": {"fitted_on": "the films to learn from", **rows(judged["baselines"])},
    }
    if recipe.beside:
        card["beside"] = {"checkpoint": recipe.beside, **rows(judged["beside"])}
    return card


def summary(card: Mapping[str, Any]) -> str:
    """The card's numbers as a small table."""
    lines = [f"{card['name']} on {card['metrics']['auroc']['n']} test films, 95% intervals over patients:"]
    for part in ("metrics", "baselines", "beside"):
        if part == "beside" and part in card:
            lines.append(f"{card[part]['checkpoint']} on the same films:")
        for name, row in card.get(part, {}).items():
            if isinstance(row, Mapping):
                counts = f"{row['n']} films, {row['positives']} positive"
                lines.append(f"  {name:35s} {row['value']:6.3f}  [{row['low']:.3f}, {row['high']:.3f}]  {counts}")
    return "\n".join(lines)

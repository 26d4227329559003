"""`python -m medxai.train TASK`: train a checkpoint of the course and write it with its card.

TASK is one of `medxai.recipes.RECIPES`. In the cpu profile narrow networks learn from phantoms, with BatchNorm, which is
folded away at the end; in the gpu profile full networks learn from NIH films. Threshold and temperature are chosen on
films that took no part in the training and are not the test films; the test films are looked at once, for the numbers
on the card.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .recipes import RECIPES, Films, Recipe, fetch_films

if TYPE_CHECKING:
    import pandas as pd
    import tensorflow as tf

    from data_fetch import ImageSet

    from .metrics import Interval

WANTED_SENSITIVITY = 0.9


def build(recipe: Recipe, weights: str | None = None) -> tf.keras.Model:
    """The network of a recipe with its starting weights; `weights` is a local file of ImageNet weights."""
    from .models import BUILDERS, load_imagenet_vgg16

    model = BUILDERS[recipe.builder](recipe.size, recipe.width_divisor, recipe.batch_norm)
    if recipe.imagenet:
        loaded = load_imagenet_vgg16(model, weights)
        print(f"{len(loaded)} convolutions start from ImageNet; each of them changed.")
    return model


def train(
    recipe: Recipe, films: Films, out: Path, command: str, weights: str | None = None, verbose: str | int = "auto"
) -> Path:
    """Train, fold, judge and save; returns the path of the weights. The card lies beside them."""
    import tensorflow as tf

    from .checkpoints import load_checkpoint, save_checkpoint
    from .fold import fold_batch_norm
    from .training import Augmentation, class_weights, fit, predict_films

    tf.keras.utils.set_random_seed(recipe.seed)
    model = build(recipe, weights)
    print(f"{model.count_params():,} parameters, {len(films.train)} films to learn from, {recipe.epochs} epochs")
    training = fit(
        model,
        films.train,
        films.validation,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        weights=class_weights(films.train.labels),
        augment=Augmentation(recipe.shift, recipe.gamma),
        optimizer=recipe.optimizer,
        seed=recipe.seed,
        verbose=verbose,
    )
    plain = fold_batch_norm(model)
    sample = films.validation.images[:16]
    folding = float(np.abs(predict_films(plain, sample) - predict_films(model, sample)).max())
    print(f"best epoch {training.best_epoch}; folded, outputs differ by at most {folding:.1e}")

    judged = judge(plain, films, recipe.beside)
    card = make_card(recipe, films, training.history, training.best_epoch, training.seconds, judged, command)
    path = save_checkpoint(plain, card, out)
    stored = load_checkpoint(path.stem, out).predict(films.test.images[:16])
    if not np.allclose(stored, predict_films(plain, films.test.images[:16]), atol=1e-6):
        raise RuntimeError(f"{path} gives other probabilities than the network that was saved. Please report this.")
    print(summary(card))
    print(f"written: {path} ({path.stat().st_size:,} bytes) and {path.with_suffix('.toml').name}")
    return path


class Row(NamedTuple):
    """One number of the card: an interval, the films it was measured on, and the name of their split."""

    interval: Interval
    films: ImageSet
    split: str


def judge(model: tf.keras.Model, films: Films, beside: str | None = None) -> dict[str, Any]:
    """Threshold and temperature from the threshold films; metrics and rivals on the test films, by patient.

    beside : a checkpoint of the course, whose AUROC on the same films is measured too.
    """
    from . import metrics, rivals
    from .checkpoints import load_checkpoint
    from .training import predict_films

    chosen = predict_films(model, films.threshold.images)[:, 1]
    point = metrics.operating_point(films.threshold.labels, chosen, WANTED_SENSITIVITY)
    temperature = metrics.fit_temperature(films.threshold.labels, metrics.logits_of(chosen))

    test = films.test
    scores = predict_films(model, test.images)[:, 1]
    truth = test.labels, scores, test.patients
    at = metrics.performance_at(test.labels, scores, point.threshold, test.patients)
    found = {
        "auroc": metrics.bootstrap_interval(*truth),
        **{name: metrics.Interval(*row[["value", "low", "high"]]) for name, row in at.iterrows()},
        "ece": metrics.bootstrap_interval(*truth, metrics.expected_calibration_error, resamples=500),
    }
    contest = {}
    for name, rival in rivals.all_rivals(films.train, test).items():
        contest[name] = metrics.bootstrap_interval(test.labels, rival, test.patients)
        contest[f"network_minus_{name}"] = metrics.paired_bootstrap(test.labels, scores, rival, test.patients)

    def areas(network: tf.keras.Model, sets: Mapping[str, ImageSet]) -> dict[str, Row]:
        return {
            f"auroc_{name}": Row(
                metrics.bootstrap_interval(part.labels, predict_films(network, part.images)[:, 1], part.patients),
                part,
                name,
            )
            for name, part in sets.items()
        }

    def on_test(intervals: Mapping[str, Interval]) -> dict[str, Row]:
        return {name: Row(interval, test, films.test_split) for name, interval in intervals.items()}

    other = load_checkpoint(beside).model if beside else None
    return {
        "threshold": point.threshold,
        "temperature": temperature,
        "metrics": on_test(found) | areas(model, films.further),
        "rivals": on_test(contest),
        "beside": areas(other, {films.test_split: test, **films.further}) if other else {},
    }


def make_card(
    recipe: Recipe,
    films: Films,
    history: pd.DataFrame,
    best_epoch: int,
    seconds: float,
    judged: Mapping[str, Any],
    command: str,
) -> dict[str, Any]:
    """The card, all but the hash of the weights."""
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
            "test": f"the {films.test_split} split, of further patients: every number under metrics and rivals"
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
            "start": "ImageNet" if recipe.imagenet else "random, BatchNorm folded after training",
            "seconds": round(seconds),
            "versions": {
                "python": platform.python_version(),
                "tensorflow": tf.__version__,
                "numpy": np.__version__,
            },
        },
        "metrics": {"interval": "95% bootstrap over patients", **rows(judged["metrics"])},
        "rivals": {"fitted_on": "the films to learn from", **rows(judged["rivals"])},
    }
    if recipe.beside:
        card["beside"] = {"checkpoint": recipe.beside, **rows(judged["beside"])}
    return card


def summary(card: Mapping[str, Any]) -> str:
    """The card's numbers as a small table."""
    lines = [f"{card['name']} on {card['metrics']['auroc']['n']} test films, 95% intervals over patients:"]
    for part in ("metrics", "rivals", "beside"):
        if part == "beside" and part in card:
            lines.append(f"{card[part]['checkpoint']} on the same films:")
        for name, row in card.get(part, {}).items():
            if isinstance(row, Mapping):
                counts = f"{row['n']} films, {row['positives']} positive"
                lines.append(f"  {name:35s} {row['value']:6.3f}  [{row['low']:.3f}, {row['high']:.3f}]  {counts}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m medxai.train", description="Train a checkpoint of the course and write it with its card."
    )
    parser.add_argument("task", choices=list(RECIPES))
    parser.add_argument("--profile", choices=["cpu", "gpu"], help="default: MEDXAI_PROFILE, else cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    parser.add_argument("--films", type=int, metavar="N", help="learn from about N films only, for a trial")
    parser.add_argument("--weights", metavar="FILE", help="a local copy of VGG16's ImageNet weights (gpu profile)")
    parser.add_argument(
        "--out", type=Path, default=Path("checkpoints"), help="folder to write to (default: checkpoints)"
    )
    wanted = list(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(wanted)
    for name in ("epochs", "films"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1")

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow, whose notes on the machine help nobody here
    import data_fetch

    from .errors import CheckpointError

    command = shlex.join(["python", "-m", "medxai.train", *wanted])
    try:
        recipe = RECIPES[options.task][options.profile or data_fetch.profile().name]
        recipe = replace(recipe, seed=options.seed, epochs=options.epochs or recipe.epochs)
        films = fetch_films(recipe, options.films)
        train(recipe, films, options.out, command, options.weights)
    except (data_fetch.DataFetchError, CheckpointError, FloatingPointError, ValueError, OSError) as error:
        print(f"medxai.train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nmedxai.train: stopped; nothing was written.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m medxai.train cardiomegaly`: train a checkpoint of the course and write it with its card.

In the cpu profile VGG16 + block 6 at an eighth of its width learns from 1,000 phantoms (split "pretrain", its
validation part held out by patient), with BatchNorm, which is folded away at the end. In the gpu profile the full
network starts from ImageNet and learns from NIH films. Threshold and temperature are chosen on films that took no part
in the training and are not the test films; the test films are looked at once, for the numbers on the card.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import tensorflow as tf

    from data_fetch import ImageSet

    from .metrics import Interval

CLASSES = ("normal", "cardiomegaly")
WANTED_SENSITIVITY = 0.9


@dataclass(frozen=True)
class Recipe:
    """Everything that a training depends on besides the films."""

    profile: str
    source: str
    size: int
    width_divisor: int
    batch_norm: bool
    imagenet: bool
    epochs: int
    batch_size: int
    learning_rate: float
    shift: int
    gamma: float
    target_layer: str
    seed: int = 0


RECIPES = {
    "cpu": Recipe(
        profile="cpu",
        source="phantom",
        size=256,
        width_divisor=8,
        batch_norm=True,
        imagenet=False,
        epochs=24,
        batch_size=16,
        learning_rate=1e-3,
        shift=6,
        gamma=0.15,
        target_layer="block5_conv3",  # 16 x 16 places; block 6 leaves 2 x 2 at 256 px
    ),
    "gpu": Recipe(
        profile="gpu",
        source="nih",
        size=512,
        width_divisor=1,
        batch_norm=False,
        imagenet=True,
        epochs=50,
        batch_size=2,
        learning_rate=1e-5,
        shift=12,
        gamma=0.15,
        target_layer="block6_conv3",  # 10 x 10 places at 512 px
    ),
}


@dataclass(frozen=True)
class Films:
    """The films of a training by their part in it; no patient has two parts.

    train : to learn from. validation : decides the best epoch. threshold : decides threshold and temperature; may be
    the validation films where there are few. test : for the card's numbers alone.
    """

    train: ImageSet
    validation: ImageSet
    threshold: ImageSet
    test: ImageSet
    described: Mapping[str, str]


def fetch_films(recipe: Recipe, limit: int | None = None, progress: bool = True) -> Films:
    """The cardiomegaly films for a recipe. limit : train on about this many films only (by patient), for a trial."""
    from data_fetch import fetch_cardiomegaly

    from .training import hold_out

    def fetch(split: str) -> ImageSet:
        return fetch_cardiomegaly(source=recipe.source, split=split, size=recipe.size, progress=progress)

    if recipe.source == "phantom":
        pretrain, develop = fetch("pretrain"), fetch("develop")
        learn, held = hold_out(pretrain, 0.2, recipe.seed)
        train, validation, threshold = pretrain.subset(learn), pretrain.subset(held), develop
        described = {
            "split": "pretrain",
            "validation": f"{len(held)} films of the pretrain split, by patient: best epoch",
            "threshold": f"the {len(develop)} films of the develop split: threshold and temperature",
        }
    else:
        train, validation = fetch("train"), fetch("validation")
        threshold = validation
        described = {
            "split": "train",
            "validation": "the validation split (fold 0): best epoch",
            "threshold": "the validation split too: threshold and temperature",
        }
    if limit is not None and limit < len(train):
        _, part = hold_out(train, limit / len(train), recipe.seed)
        train = train.subset(part)
    return Films(train, validation, threshold, fetch("test"), described)


def build(recipe: Recipe, weights: str | None = None) -> tf.keras.Model:
    """The network of a recipe with its starting weights; `weights` is a local file of ImageNet weights."""
    from .models import load_imagenet_vgg16, vgg16_block6

    model = vgg16_block6(recipe.size, recipe.width_divisor, recipe.batch_norm)
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
        seed=recipe.seed,
        verbose=verbose,
    )
    plain = fold_batch_norm(model)
    sample = films.validation.images[:16]
    folding = float(np.abs(predict_films(plain, sample) - predict_films(model, sample)).max())
    print(f"best epoch {training.best_epoch}; folded, outputs differ by at most {folding:.1e}")

    judged = judge(plain, films)
    card = make_card(recipe, films, training.history, training.best_epoch, training.seconds, judged, command)
    path = save_checkpoint(plain, card, out)
    stored = load_checkpoint(path.stem, out).predict(films.test.images[:16])
    if not np.allclose(stored, predict_films(plain, films.test.images[:16]), atol=1e-6):
        raise RuntimeError(f"{path} gives other probabilities than the network that was saved. Please report this.")
    print(summary(card))
    print(f"written: {path} ({path.stat().st_size:,} bytes) and {path.with_suffix('.toml').name}")
    return path


def judge(model: tf.keras.Model, films: Films) -> dict[str, Any]:
    """Threshold and temperature from the threshold films; metrics and rivals on the test films, by patient."""
    from . import metrics, rivals
    from .training import predict_films

    chosen = predict_films(model, films.threshold.images)[:, 1]
    point = metrics.operating_point(films.threshold.labels, chosen, WANTED_SENSITIVITY)
    temperature = metrics.fit_temperature(films.threshold.labels, metrics.logits_of(chosen))

    test = films.test
    scores = predict_films(model, test.images)[:, 1]
    truth = test.labels, scores, test.patients
    at = metrics.performance_at(test.labels, scores, point.threshold, test.patients)
    beside = {}
    for name, rival in rivals.all_rivals(films.train, test).items():
        beside[name] = metrics.bootstrap_interval(test.labels, rival, test.patients)
        beside[f"network_minus_{name}"] = metrics.paired_bootstrap(test.labels, scores, rival, test.patients)
    return {
        "threshold": point.threshold,
        "temperature": temperature,
        "metrics": {
            "auroc": metrics.bootstrap_interval(*truth),
            **{name: metrics.Interval(*row[["value", "low", "high"]]) for name, row in at.iterrows()},
            "ece": metrics.bootstrap_interval(*truth, metrics.expected_calibration_error, resamples=500),
        },
        "rivals": beside,
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

    from .preprocessing import INPUT_CONTRACT

    test = films.test

    def rows(intervals: Mapping[str, Interval]) -> dict[str, dict]:
        counts = {"n": len(test), "positives": int(np.sum(test.labels)), "split": "test"}
        return {
            name: {"value": round(i.value, 5), "low": round(i.low, 5), "high": round(i.high, 5), **counts}
            for name, i in intervals.items()
        }

    def counted(part: ImageSet) -> dict[str, int]:
        return {
            "films": len(part),
            "positives": int(np.sum(part.labels)),
            "patients": len(np.unique(part.patients)),
        }

    return {
        "name": f"cardiomegaly-{recipe.profile}",
        "architecture": "VGG16 blocks 1-5, block 6 of three valid convolutions, dense 100, 20, 2, softmax"
        + (f"; every convolution {recipe.width_divisor} times narrower" if recipe.width_divisor > 1 else ""),
        "builder": "vgg16_block6",
        "classes": list(CLASSES),
        "threshold": float(judged["threshold"]),
        "threshold_rule": f"highest that reaches a sensitivity of {WANTED_SENSITIVITY} on the threshold films",
        "temperature": float(judged["temperature"]),
        "target_layer": recipe.target_layer,
        "command": command,
        "seed": recipe.seed,
        "profile": recipe.profile,
        "licence": "CC-BY-4.0"
        if recipe.source == "phantom"
        else str(films.train.card.get("licence", "see the source")),
        "arguments": {
            "size": recipe.size,
            "width_divisor": recipe.width_divisor,
            "batch_norm": False,
            "channels": INPUT_CONTRACT["channels"],
            "classes": len(CLASSES),
            "activation": "softmax",
        },
        "input": {"size": recipe.size, **INPUT_CONTRACT},
        "data": {
            "set": "cardiomegaly",
            "source": recipe.source,
            **films.described,
            **counted(films.train),
            "test": "the test split, of further patients: every number under metrics and rivals",
            "version": str(films.train.card.get("version", "")),
        },
        "training": {
            "epochs": recipe.epochs,
            "best_epoch": best_epoch,
            "validation_auroc": round(float(history["val_auroc"].loc[best_epoch]), 5),
            "batch_size": recipe.batch_size,
            "optimizer": f"Adam, {recipe.learning_rate:g}, cosine decay to 0",
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


def summary(card: Mapping[str, Any]) -> str:
    """The card's numbers as a small table."""
    lines = [f"{card['name']} on {card['metrics']['auroc']['n']} test films, 95% intervals over patients:"]
    for part in ("metrics", "rivals"):
        for name, row in card[part].items():
            if isinstance(row, Mapping):
                lines.append(f"  {name:35s} {row['value']:6.3f}  [{row['low']:.3f}, {row['high']:.3f}]")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m medxai.train", description="Train a checkpoint of the course and write it with its card."
    )
    parser.add_argument("task", choices=["cardiomegaly"])
    parser.add_argument("--profile", choices=sorted(RECIPES), help="default: MEDXAI_PROFILE, else cpu")
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
        recipe = RECIPES[options.profile or data_fetch.profile().name]
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

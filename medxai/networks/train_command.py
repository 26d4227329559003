"""`python -m medxai.train TASK`: train a checkpoint of the course and write it with its card.

TASK is one of `medxai.networks.recipes.RECIPES`. In the cpu profile, narrow networks are trained on phantoms, with
BatchNorm, which is folded at the end; in the gpu profile, full networks are trained on NIH films, and the result of the
complete recipe is stored in the cache, where `medxai.load_checkpoint` finds it. Threshold and temperature are chosen on
films that are neither training nor test films; the test films are used once, for the numbers on the card.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from data_fetch import command_line
from data_fetch.profiles import PROFILES
from data_fetch.store.registry_schema import is_name

from .checkpoint_card import WANTED_SENSITIVITY, Row, make_card, summary
from .models import imagenet_vgg16_file, imagenet_vgg16_start
from .prediction import predict_films
from .recipes import RECIPES, Films, Recipe, fetch_films

if TYPE_CHECKING:
    import tensorflow as tf

    from data_fetch import ImageSet

    from ..evaluate.metrics import Interval


def build(recipe: Recipe, weights: str | None = None) -> tf.keras.Model:
    """The network of a recipe with its starting weights.

    Parameters
    ----------
    recipe : Recipe
    weights : path, optional
        A file of ImageNet weights; None uses the published one. Read only if the recipe starts from ImageNet.

    Returns
    -------
    keras Model

    Raises
    ------
    ValueError, FileNotFoundError, DataFetchError
        As for `medxai.networks.models.load_imagenet_vgg16`.
    """
    from .models import BUILDERS, load_imagenet_vgg16

    model = BUILDERS[recipe.builder](recipe.size, recipe.width_divisor, recipe.batch_norm)
    if recipe.imagenet:
        loaded = load_imagenet_vgg16(model, weights)
        print(f"{len(loaded)} convolutions start from ImageNet; all of them changed.")
    return model


def train(
    recipe: Recipe, films: Films, out: Path, command: str, weights: str | None = None, verbose: str | int = "auto"
) -> Path:
    """Train, fold, evaluate and save.

    Parameters
    ----------
    recipe : Recipe
    films : Films
    out : Path
        The folder for NAME.h5 and NAME.toml.
    command : str
        The command that makes the checkpoint again, for the card.
    weights : str, optional
        As in `build`.
    verbose : str or int
        As in `medxai.networks.training.fit`.

    Returns
    -------
    Path
        The file of weights. The card is next to it.

    Raises
    ------
    CheckpointError, ValueError, FloatingPointError
        From `save_checkpoint` and `fit`.
    """
    import tensorflow as tf

    from .checkpoints import load_checkpoint, save_checkpoint
    from .fold import fold_batch_norm
    from .training import Augmentation, class_weights, fit

    start = "random, BatchNorm folded after training"
    if recipe.imagenet:
        weights = str(imagenet_vgg16_file(weights))
        start = imagenet_vgg16_start(weights)
    tf.keras.utils.set_random_seed(recipe.seed)
    model = build(recipe, weights)
    print(f"{model.count_params():,} parameters, {len(films.train)} training films, {recipe.epochs} epochs")
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
    print(f"best epoch {training.best_epoch}; folding changed the outputs by at most {folding:.1e}")

    judged = judge(plain, films, recipe.beside)
    card = make_card(recipe, films, training.history, training.best_epoch, training.seconds, judged, command, start)
    path = save_checkpoint(plain, card, out)
    stored = load_checkpoint(path.stem, out).predict(films.test.images[:16])
    if not np.allclose(stored, predict_films(plain, films.test.images[:16]), atol=1e-6):
        raise RuntimeError(f"{path} predicts other probabilities than the network that was saved. Please report this.")
    print(summary(card))
    print(f"written: {path} ({path.stat().st_size:,} bytes) and {path.with_suffix('.toml').name}")
    return path


def judge(model: tf.keras.Model, films: Films, beside: str | None = None) -> dict[str, Any]:
    """Threshold and temperature from the threshold films; metrics and baselines on the test films, by patient.

    Parameters
    ----------
    model : keras Model
    films : Films
    beside : str, optional
        A checkpoint of the course whose AUROC on the same films is measured, too.

    Returns
    -------
    dict
        "threshold" and "temperature", numbers; "metrics", "baselines" and "beside", name -> Row.
    """
    from ..evaluate import baselines, metrics
    from .checkpoints import load_checkpoint

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
    compared = {}
    for name, baseline in baselines.all_baselines(films.train, test).items():
        compared[name] = metrics.bootstrap_interval(test.labels, baseline, test.patients)
        compared[f"network_minus_{name}"] = metrics.paired_bootstrap(test.labels, scores, baseline, test.patients)

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
        "baselines": on_test(compared),
        "beside": areas(other, {films.test_split: test, **films.further}) if other else {},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    wanted = list(sys.argv[1:] if arguments is None else arguments)
    command = shlex.join(["python", "-m", "medxai.train", *wanted])

    def train_task(
        task: Annotated[str, typer.Argument(help=f"{', '.join(RECIPES)}.", callback=command_line.one_of(RECIPES))],
        profile: Annotated[
            str | None,
            typer.Option(
                help="cpu or gpu; default: MEDXAI_PROFILE, otherwise cpu.", callback=command_line.one_of(PROFILES)
            ),
        ] = None,
        seed: int = 0,
        epochs: Annotated[int | None, typer.Option(min=1, help="Default: the recipe's.")] = None,
        films: Annotated[
            int | None, typer.Option(min=1, help="Train on only about this many films, for a trial.")
        ] = None,
        weights: Annotated[
            str | None,
            typer.Option(help="A local copy of VGG16's ImageNet weights (gpu profile); default: downloaded."),
        ] = None,
        name: Annotated[
            str | None, typer.Option(help="The checkpoint's name; default: TASK-PROFILE.", callback=_a_name)
        ] = None,
        out: Annotated[
            Path | None,
            typer.Option(
                help="Output folder; default: the cache for a complete recipe of the gpu profile, else checkpoints."
            ),
        ] = None,
        version: command_line.Version = False,
    ) -> None:
        """Train a checkpoint of the course and write it with its card."""
        chosen = Chosen(task, profile, seed, epochs, films, weights, name, out)
        if status := _train_as_asked(chosen, command):
            raise typer.Exit(status)

    return command_line.single(train_task, "python -m medxai.train", wanted)


@dataclass(frozen=True)
class Chosen:
    """What the user asked for; None stands for the recipe's value or the default."""

    task: str
    profile: str | None
    seed: int
    epochs: int | None
    films: int | None
    weights: str | None
    name: str | None
    out: Path | None


def _a_name(given: str | None) -> str | None:
    if given is not None and not is_name(given):
        raise typer.BadParameter("expected at most 64 letters, digits, '_' and '-', beginning with a letter or digit")
    return given


def _train_as_asked(chosen: Chosen, command: str) -> int:
    """Trains, and returns the exit status; problems are printed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported, to suppress its notes
    import data_fetch

    from ..errors import CheckpointError

    try:
        recipe = RECIPES[chosen.task][chosen.profile or data_fetch.profile().name]
        trial = bool(chosen.epochs or chosen.films or chosen.seed)
        recipe = replace(recipe, seed=chosen.seed, epochs=chosen.epochs or recipe.epochs, called=chosen.name)
        out = chosen.out or folder_for(recipe, trial)
        # Problems that would stop a long training at its end, or after fetching the films, are detected first.
        check_writable(out)
        weights = str(imagenet_vgg16_file(chosen.weights)) if recipe.imagenet else None
        films = fetch_films(recipe, chosen.films)
        train(recipe, films, out, command, weights)
    except (data_fetch.DataFetchError, CheckpointError, FloatingPointError, ValueError, OSError) as error:
        print(f"medxai.train: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nmedxai.train: stopped; nothing was written.", file=sys.stderr)
        return 130
    return 0


def folder_for(recipe: Recipe, trial: bool) -> Path:
    """The default folder for a checkpoint: CACHE/checkpoints, from where it is loaded by name, or checkpoints/.

    Only results of a complete gpu recipe are written to the cache: the cpu checkpoints come with the course, and a trial
    must not be found by a class that looks for its network.
    """
    from data_fetch.checkpoints.checkpoint_files import made_folder

    return made_folder() if recipe.profile == "gpu" and not trial else Path("checkpoints")


def check_writable(folder: Path) -> None:
    """Create `folder` if needed; raise an OSError with a readable message if no files can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as reason:
        raise OSError(f"{folder} is not writable ({reason.strerror}). Choose another folder: --out") from None

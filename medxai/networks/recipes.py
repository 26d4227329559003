"""How each checkpoint of the course is trained: the recipes, and the films by their role in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from data_fetch import ImageSet


@dataclass(frozen=True)
class Recipe:
    """Everything that a training depends on besides the films.

    Attributes
    ----------
    task, profile, source : str
        They determine the films (`FETCH`); task and profile give the checkpoint's name, unless `called` is set.
    builder : str
        A function of `medxai.networks.models`.
    size : int
        Side of the films in pixels.
    width_divisor : int
        Divides the channels of every convolution.
    batch_norm : bool
        Train with BatchNormalization, which is folded at the end.
    imagenet : bool
        Start from ImageNet weights.
    epochs, batch_size : int
    learning_rate : float
        At the start; it decays to 0.
    shift, gamma : int, float
        See `medxai.networks.training.Augmentation`.
    target_layer : str
        The layer whose feature maps are explained.
    optimizer : str
        See `medxai.networks.training.fit`.
    beside : str, optional
        Another checkpoint whose AUROC on the same films is stated on the card.
    seed : int
    called : str, optional
        The checkpoint's name.
    """

    task: str
    profile: str
    source: str
    builder: str
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
    optimizer: str = "adam"
    beside: str | None = None
    seed: int = 0
    called: str | None = None

    @property
    def name(self) -> str:
        """The checkpoint's name, such as "cardiomegaly-cpu"."""
        return self.called or f"{self.task}-{self.profile}"


_VGG16_CPU = Recipe(
    task="cardiomegaly",
    profile="cpu",
    source="phantom",
    builder="vgg16_block6",
    size=256,
    width_divisor=8,
    batch_norm=True,
    imagenet=False,
    epochs=24,
    batch_size=16,
    learning_rate=1e-3,
    shift=6,
    gamma=0.15,
    target_layer="block5_conv3",  # 16 x 16 positions; block 6 leaves 2 x 2 at 256 px
)
_VGG16_GPU = replace(
    _VGG16_CPU,
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
    target_layer="block6_conv3",  # 10 x 10 positions at 512 px
)
_STAGES_CPU = Recipe(
    task="pneumothorax",
    profile="cpu",
    source="phantom",
    builder="skip_sum_stages",
    size=128,
    width_divisor=8,
    batch_norm=True,
    imagenet=False,
    epochs=14,
    batch_size=15,
    learning_rate=0.05,
    shift=3,
    gamma=0.15,
    target_layer="stage4_pool",  # 8 x 8 positions at 128 px
    optimizer="nesterov",
)

RECIPES: dict[str, dict[str, Recipe]] = {
    "cardiomegaly": {"cpu": _VGG16_CPU, "gpu": _VGG16_GPU},
    # A cue is learned faster than the width of a heart.
    "cardiomegaly-biased": {
        "cpu": replace(_VGG16_CPU, task="cardiomegaly-biased", epochs=4, beside="cardiomegaly-cpu"),
        "gpu": replace(_VGG16_GPU, task="cardiomegaly-biased"),
    },
    "pneumothorax": {
        "cpu": _STAGES_CPU,
        "gpu": replace(_STAGES_CPU, profile="gpu", source="nih", size=256, width_divisor=1, shift=6),
    },
}


@dataclass(frozen=True)
class Films:
    """The films of a training by role; each patient has only one role.

    Attributes
    ----------
    train : ImageSet
        For training.
    validation : ImageSet
        For choosing the best epoch.
    threshold : ImageSet
        For choosing threshold and temperature; may be the validation films if there are few.
    test : ImageSet
        Only for the card's numbers.
    described : mapping
        Their description on the card.
    further : mapping, str -> ImageSet
        Other films, or parts of the test films, each with its own AUROC.
    test_split : str
        The name of the test films' split.
    """

    train: ImageSet
    validation: ImageSet
    threshold: ImageSet
    test: ImageSet
    described: Mapping[str, str]
    further: Mapping[str, ImageSet] = field(default_factory=dict)
    test_split: str = "test"


def fetch_films(recipe: Recipe, limit: int | None = None, progress: bool = True) -> Films:
    """The films for a recipe.

    Parameters
    ----------
    recipe : Recipe
    limit : int, optional
        Train on only about this many films (by patient), for a trial.
    progress : bool
        Show the progress of fetching.

    Returns
    -------
    Films

    Raises
    ------
    DataFetchError
        The films cannot be fetched.
    """
    from .training import hold_out

    films = FETCH[recipe.task](recipe, progress)
    if limit is not None and limit < len(films.train):
        _, part = hold_out(films.train, limit / len(films.train), recipe.seed)
        films = replace(films, train=films.train.subset(part))
    return films


def _by_split(fetch: Callable[[str], ImageSet], recipe: Recipe, test: str) -> Films:
    """Phantoms: train on "pretrain", which is larger than the labs' training set. NIH films: on "train"."""
    from .training import hold_out

    if recipe.source == "phantom":
        pretrain, develop = fetch("pretrain"), fetch("develop")
        learn, held = hold_out(pretrain, 0.2, recipe.seed)
        described = {
            "split": "pretrain",
            "validation": f"{len(held)} films of the pretrain split, by patient: best epoch",
            "threshold": f"the {len(develop)} films of the develop split: threshold and temperature",
        }
        return Films(pretrain.subset(learn), pretrain.subset(held), develop, fetch(test), described, test_split=test)
    return _train_and_validation(fetch, test)


def _train_and_validation(fetch: Callable[[str], ImageSet], test: str) -> Films:
    train, validation = fetch("train"), fetch("validation")
    described = {
        "split": "train",
        "validation": "the validation split: best epoch",
        "threshold": "the validation split too: threshold and temperature",
    }
    return Films(train, validation, validation, fetch(test), described, test_split=test)


def _cardiomegaly(recipe: Recipe, progress: bool) -> Films:
    from data_fetch import fetch_cardiomegaly

    def fetch(split: str) -> ImageSet:
        return fetch_cardiomegaly(source=recipe.source, split=split, size=recipe.size, progress=progress)

    return _by_split(fetch, recipe, "test")


def _cardiomegaly_biased(recipe: Recipe, progress: bool) -> Films:
    from data_fetch import fetch_cardiomegaly_biased

    def fetch(split: str) -> ImageSet:
        return fetch_cardiomegaly_biased(source=recipe.source, split=split, size=recipe.size, progress=progress)

    films = _by_split(fetch, recipe, "own")
    return replace(films, further={split: fetch(split) for split in ("neutral", "reversed")})


def _pneumothorax(recipe: Recipe, progress: bool) -> Films:
    from data_fetch import fetch_pneumothorax

    def fetch(split: str) -> ImageSet:
        return fetch_pneumothorax(source=recipe.source, split=split, size=recipe.size, progress=progress)

    films = _train_and_validation(fetch, "test")
    return replace(films, further=drain_strata(films.test))


def drain_strata(films: ImageSet) -> dict[str, ImageSet]:
    """The films by chest drain: the positives with one, and those without, each with all negatives.

    Negatives are shared, so that the two areas differ only in their positives.

    Parameters
    ----------
    films : ImageSet
        With the column `drain`.

    Returns
    -------
    dict, str -> ImageSet
        "with_drain" and "without_drain"; empty if drains are not known.
    """
    if "drain" not in films.attributes:
        return {}
    drain, negative = films.attributes["drain"].to_numpy(bool), films.labels == 0
    return {
        "with_drain": films.subset(np.flatnonzero(negative | drain)),
        "without_drain": films.subset(np.flatnonzero(negative | ~drain)),
    }


FETCH: dict[str, Callable[[Recipe, bool], Films]] = {
    "cardiomegaly": _cardiomegaly,
    "cardiomegaly-biased": _cardiomegaly_biased,
    "pneumothorax": _pneumothorax,
}

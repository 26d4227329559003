"""What each checkpoint of the course is trained on and how: the recipes, and the films by their part in a training."""

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
        They name the films (`FETCH`); task and profile name the checkpoint, unless it is `called` otherwise.
    builder : str
        A function of `medxai.networks.models`.
    size : int
        Side of the films in pixels.
    width_divisor : int
        Every convolution has this many times fewer channels.
    batch_norm : bool
        Train with BatchNormalization, which is folded away at the end.
    imagenet : bool
        Start from ImageNet weights.
    epochs, batch_size : int
    learning_rate : float
        At the start; it falls to 0.
    shift, gamma : int, float
        Of `medxai.networks.training.Augmentation`.
    target_layer : str
        The layer whose feature maps are explained.
    optimizer : str
        Of `medxai.networks.training.fit`.
    beside : str, optional
        Another checkpoint whose AUROC on the same films goes on the card.
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
        """The checkpoint's: "cardiomegaly-cpu"."""
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
    target_layer="block5_conv3",  # 16 x 16 places; block 6 leaves 2 x 2 at 256 px
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
    target_layer="block6_conv3",  # 10 x 10 places at 512 px
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
    target_layer="stage4_pool",  # 8 x 8 places at 128 px
    optimizer="nesterov",
)

RECIPES: dict[str, dict[str, Recipe]] = {
    "cardiomegaly": {"cpu": _VGG16_CPU, "gpu": _VGG16_GPU},
    # A cue is learned sooner than a heart's width.
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
    """The films of a training by their part in it; no patient has two parts.

    Attributes
    ----------
    train : ImageSet
        To learn from.
    validation : ImageSet
        Decides the best epoch.
    threshold : ImageSet
        Decides threshold and temperature; may be the validation films where there are few.
    test : ImageSet
        For the card's numbers alone.
    described : mapping
        What the card says of them.
    further : mapping, str -> ImageSet
        Other films, or parts of the test films, for an AUROC each.
    test_split : str
        The name of test's split.
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
        Train on about this many films only (by patient), for a trial.
    progress : bool
        Show how far fetching is.

    Returns
    -------
    Films

    Raises
    ------
    DataFetchError
        They cannot be fetched.
    """
    from .training import hold_out

    films = FETCH[recipe.task](recipe, progress)
    if limit is not None and limit < len(films.train):
        _, part = hold_out(films.train, limit / len(films.train), recipe.seed)
        films = replace(films, train=films.train.subset(part))
    return films


def _by_split(fetch: Callable[[str], ImageSet], recipe: Recipe, test: str) -> Films:
    """Phantoms: learn from "pretrain", which is larger than what the labs train on. NIH films: from "train"."""
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
    """The films by whether a chest drain lies in: the positives with one, and those without, against all negatives.

    Negatives are shared, so that the two areas differ by the positives alone.

    Parameters
    ----------
    films : ImageSet
        With the column `drain`.

    Returns
    -------
    dict, str -> ImageSet
        "with_drain" and "without_drain"; empty where drains are not known.
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

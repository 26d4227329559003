"""What a network must beat to be worth explaining: a single measurement per film, and classifiers of raw pixels.

Each baseline returns scores (N,); a larger score means a larger heart. Baselines are fitted on training films only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .metrics import auroc

if TYPE_CHECKING:
    from data_fetch import ImageSet


def apparent_ctr(films: ImageSet) -> np.ndarray:
    """The cardiothoracic ratio as measured on the film, including magnification and poor inspiration.

    Parameters
    ----------
    films : ImageSet
        With the column `ctr_seen`, which only phantoms have.

    Returns
    -------
    float array, (N,)
        About 0.35 to 0.7.

    Raises
    ------
    ValueError
        The ratio is unknown for these films.
    """
    if "ctr_seen" not in films.attributes:
        raise ValueError(
            "apparent_ctr: this image set has no measured cardiothoracic ratio (column 'ctr_seen'); only phantoms have one."
        )
    return films.attributes["ctr_seen"].to_numpy(float)


def mean_intensity(train: ImageSet, films: ImageSet) -> np.ndarray:
    """The mean grey value of each film, with its sign chosen on the training films so that larger means class 1.

    Parameters
    ----------
    train, films : ImageSet
        The films to choose the sign on, and the films to score.

    Returns
    -------
    float array, (N,)
        From -255 to 255.
    """
    sign = 1.0 if auroc(train.labels, _means(train)) >= 0.5 else -1.0
    return sign * _means(films)


def logistic_regression(train: ImageSet, films: ImageSet, size: int = 16, seed: int = 0) -> np.ndarray:
    """Log-odds of a logistic regression on the films reduced to size x size pixels, fitted on `train`.

    Pixels are standardised and classes balanced; to make it a fair baseline, the penalty is chosen on `train` by
    five-fold cross-validation over patients.

    Parameters
    ----------
    train, films : ImageSet
        The films to fit on, and the films to score.
    size : int
        Side in pixels.
    seed : int
        For the folds.

    Returns
    -------
    float array, (N,)
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=3000))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    grid = {"logisticregression__C": [1e-4, 1e-3, 1e-2, 1e-1, 1.0]}
    search = GridSearchCV(model, grid, scoring="roc_auc", cv=folds)
    search.fit(shrink(train.images, size), train.labels, groups=train.patients)
    return search.decision_function(shrink(films.images, size))


def shrink(images: np.ndarray, size: int = 16) -> np.ndarray:
    """The mean grey values of size x size nearly equal blocks of each film.

    Parameters
    ----------
    images : uint8 array, (N, H, W)
    size : int
        At most H and W.

    Returns
    -------
    float array, (N, size * size)
        From 0 to 255.

    Raises
    ------
    ValueError
        The films are smaller than that.
    """
    height, width = images.shape[1:]
    if min(height, width) < size:
        raise ValueError(
            f"shrink: films of {height} x {width} pixels cannot be reduced to {size} x {size}; choose a smaller size."
        )
    rows, columns = (np.arange(size) * side // size for side in (height, width))
    areas = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    out = np.empty((len(images), size * size))
    for number, image in enumerate(images):
        sums = np.add.reduceat(np.add.reduceat(image.astype(float), rows, axis=0), columns, axis=1)
        out[number] = (sums / areas).ravel()
    return out


def chest_patterns(films: ImageSet, size: int = 32) -> np.ndarray:
    """The fine pattern of the chest on each film, wherever the chest is.

    The bounding box of the lungs is cropped and resized to a common size, and structures coarser than a rib are removed.
    Two films of one patient are often each other's nearest neighbours: this is how a program can memorise patients.

    Parameters
    ----------
    films : ImageSet
        With masks of the lungs.
    size : int
        Side of the pattern in pixels.

    Returns
    -------
    float array, (N, size * size)
        Each with mean 0 and standard deviation 1.

    Raises
    ------
    ValueError
        There are no masks of the lungs.
    """
    from PIL import Image
    from scipy import ndimage

    if films.masks is None:
        raise ValueError("chest_patterns: this image set has no masks of the lungs; only phantoms have them.")
    patterns = np.empty((len(films), size * size))
    for number, (image, lungs) in enumerate(zip(films.images, films.masks["lungs"], strict=True)):
        rows, columns = np.flatnonzero(lungs.any(axis=1)), np.flatnonzero(lungs.any(axis=0))
        chest = Image.fromarray(np.asarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]))
        grey = np.asarray(chest.resize((size, size), Image.Resampling.BOX), float)
        fine = grey - ndimage.gaussian_filter(grey, 3 * size / 32)
        patterns[number] = ((fine - fine.mean()) / fine.std()).ravel()
    return patterns


def all_baselines(train: ImageSet, films: ImageSet) -> dict[str, np.ndarray]:
    """The scores of every baseline that can be computed for these films.

    Parameters
    ----------
    train, films : ImageSet
        The films to fit on, and the films to score.

    Returns
    -------
    dict, str -> float array, (N,)
        apparent_ctr (if known), mean_intensity, logistic_regression.
    """
    known = {"apparent_ctr": apparent_ctr(films)} if "ctr_seen" in films.attributes else {}
    return {
        **known,
        "mean_intensity": mean_intensity(train, films),
        "logistic_regression": logistic_regression(train, films),
    }


def _means(films: ImageSet) -> np.ndarray:
    return np.array([image.mean(dtype=float) for image in films.images])

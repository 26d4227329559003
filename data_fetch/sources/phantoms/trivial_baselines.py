"""How far simple baselines get without a network: their AUROC, fitted on one split and evaluated on `test`.

`python -m data_fetch.sources.phantoms.trivial_baselines SET` draws both splits in a temporary folder, measures, and rewrites
the set's baselines file next to this one; the cards of the set quote that file. Run it after any change to the films.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from data_fetch import command_line

from . import cardiomegaly, pneumothorax, writing


@dataclass(frozen=True)
class Contest:
    """The splits and size to measure, the table columns that are baselines (by name), and the regression's C.

    C is the best of 0.001 ... 1 by cross-validation over the patients of the training split.
    """

    set: writing.PhantomSet
    file: Path
    version: str
    seed: int
    train: str
    size: int
    columns: Mapping[str, str]
    c: float


CONTESTS = {
    "cardiomegaly": Contest(
        cardiomegaly.SET,
        cardiomegaly.BASELINES,
        cardiomegaly.VERSION,
        cardiomegaly.SEED,
        "pretrain",
        256,
        {"ctr_seen": "ctr_seen"},
        0.3,
    ),
    "pneumothorax": Contest(
        pneumothorax.SET,
        pneumothorax.BASELINES,
        pneumothorax.VERSION,
        pneumothorax.SEED,
        "train",
        128,
        {"drain": "drain"},
        0.1,
    ),
}


def coarse_pixels(images: np.ndarray, cells: int = 16) -> np.ndarray:
    """uint8 (N, H, W) -> float32 (N, cells * cells) block means, 0-1; H and W are multiples of `cells`."""
    count, height, width = images.shape
    blocks = images.reshape(count, cells, height // cells, cells, width // cells)
    return (blocks.mean((2, 4), dtype=np.float32) / 255).reshape(count, -1)


def _read(folder: Path) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    with (folder / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return np.load(folder / "images.npy", mmap_mode="r"), columns["label"].astype(int), columns


def _number(column: np.ndarray) -> np.ndarray:
    return (column == "True").astype(float) if set(column) <= {"True", "False"} else column.astype(float)


def measure(contest: Contest, train: Path, test: Path) -> dict[str, float]:
    """AUROC on the test split of mean intensity, the contest's columns, and logistic regression on 16x16 pixels.

    The two folders are splits written by `writing.write`.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train_images, train_labels, _ = _read(train)
    images, labels, table = _read(test)
    regression = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=contest.c, max_iter=5000),
    ).fit(coarse_pixels(train_images), train_labels)
    return {
        "mean_intensity": float(roc_auc_score(labels, images.mean((1, 2)))),
        **{name: float(roc_auc_score(labels, _number(table[column]))) for name, column in contest.columns.items()},
        "logistic_regression_16x16": float(roc_auc_score(labels, regression.decision_function(coarse_pixels(images)))),
    }


def main(
    name: Annotated[str, typer.Argument(metavar="SET", callback=command_line.one_of(sorted(CONTESTS)))],
    version: command_line.Version = False,
) -> None:
    """Measure and rewrite the baselines file of a set."""
    contest = CONTESTS[name]
    with tempfile.TemporaryDirectory(prefix="baselines-") as top:
        folders = {split: Path(top) / split for split in (contest.train, "test")}
        for split, folder in folders.items():
            folder.mkdir()
            writing.write(contest.set, split, contest.size, folder)
        record(name, measure(contest, folders[contest.train], folders["test"]))
    print(contest.file.read_text(encoding="utf-8"), end="")


def record(name: str, values: Mapping[str, float]) -> None:
    """Write the values measured for a set into its baselines file."""
    contest = CONTESTS[name]
    lines = [
        f"[baselines]  # AUROC on the test split; written by python -m data_fetch.sources.phantoms.trivial_baselines {name}",
        f'version = "{contest.version}"',
        f"seed = {contest.seed}",
        f"size = {contest.size}",
        *(f"{baseline} = {value:.4f}" for baseline, value in values.items()),
    ]
    contest.file.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(command_line.single(main, "python -m data_fetch.sources.phantoms.trivial_baselines"))

"""How far one gets without a network: AUROC of three simple rivals, fitted on `pretrain`, judged on `test`.

`python -m data_fetch.phantoms.rivals` draws both splits in a temporary folder, measures, and rewrites rivals.toml beside
this file; the cards of the sets quote that file. Run it after any change of the films.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np

from . import cardiomegaly
from .cardiomegaly import RIVALS

SIZE = 256
C = 0.3  # strength of the regression: the best of 0.001 ... 1 by cross-validation over pretrain's patients


def coarse_pixels(images: np.ndarray, cells: int = 16) -> np.ndarray:
    """uint8 (N, H, W) -> float32 (N, cells * cells) means of blocks, 0-1; H and W are multiples of `cells`."""
    count, height, width = images.shape
    blocks = images.reshape(count, cells, height // cells, cells, width // cells)
    return (blocks.mean((2, 4), dtype=np.float32) / 255).reshape(count, -1)


def _read(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with (folder / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = np.array([int(row["label"]) for row in rows])
    seen = np.array([float(row["ctr_seen"]) for row in rows])
    return np.load(folder / "images.npy", mmap_mode="r"), labels, seen


def measure(pretrain: Path, test: Path) -> dict[str, float]:
    """AUROC on the test split of mean intensity, apparent cardiothoracic ratio, and logistic regression on 16x16 pixels.

    The two folders are splits written by `cardiomegaly.write`.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train_images, train_labels, _ = _read(pretrain)
    images, labels, seen = _read(test)
    regression = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=C, max_iter=5000),
    ).fit(coarse_pixels(train_images), train_labels)
    return {
        "mean_intensity": float(roc_auc_score(labels, images.mean((1, 2)))),
        "ctr_seen": float(roc_auc_score(labels, seen)),
        "logistic_regression_16x16": float(roc_auc_score(labels, regression.decision_function(coarse_pixels(images)))),
    }


def main() -> None:
    """Measure and rewrite rivals.toml."""
    with tempfile.TemporaryDirectory(prefix="rivals-") as top:
        folders = {}
        for split in ("pretrain", "test"):
            folders[split] = Path(top) / split
            folders[split].mkdir()
            cardiomegaly.write(split, SIZE, folders[split])
        values = measure(folders["pretrain"], folders["test"])
    lines = [
        "[rivals]  # AUROC on the test split; written by python -m data_fetch.phantoms.rivals",
        f'version = "{cardiomegaly.VERSION}"',
        f"seed = {cardiomegaly.SEED}",
        f"size = {SIZE}",
        *(f"{name} = {value:.4f}" for name, value in values.items()),
    ]
    RIVALS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(RIVALS.read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    main()

"""The answers of lab 04 are what libraries and the course's own network compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score, roc_curve

from autograder.author.lab_source import load_lab
from medxai.evaluate import metrics
from medxai.networks import models

pytestmark = pytest.mark.kernel

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def answer():
    """The function that the lab's reference solution defines, by its key."""
    exercises = {exercise.key: exercise for exercise in load_lab(ROOT / "solutions" / "04_pneumothorax").exercises}

    def function(key):
        space = {"np": np, "tf": tf, "metrics": metrics}
        exec(compile(exercises[key].reference, key, "exec"), space)
        return space[key]

    return function


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_four_stages_an_average_and_a_dense_layer_are_the_course_s_network(answer, rng):
    whole = models.skip_sum_stages(32, width_divisor=16, activation="linear")
    film = x = tf.keras.Input((32, 32, 3), name="film")
    for number, channels in enumerate(models.STAGES, start=1):
        x = answer("skip_stage")(tuple(x.shape[1:]), channels // 16, last=number == len(models.STAGES))(x)
    x = tf.keras.layers.Dense(2)(tf.keras.layers.GlobalAveragePooling2D()(x))
    mine = tf.keras.Model(film, x)
    mine.set_weights([rng.normal(0, 0.3, weight.shape) for weight in whole.get_weights()])
    whole.set_weights(mine.get_weights())
    films = rng.normal(size=(3, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(mine(films), whole(films), rtol=1e-4, atol=1e-5)


def test_the_cost_is_tensorflow_s(answer, rng):
    for scale in (1, 50, 2000):
        logits, labels = rng.normal(0, scale, (15, 3)), rng.integers(0, 3, 15)
        theirs = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        assert answer("mean_cross_entropy")(logits, labels) == pytest.approx(float(theirs), rel=1e-9)


@pytest.mark.parametrize("decimals", [12, 1, 0])
def test_curve_and_areas_are_scikit_learn_s(answer, rng, decimals):
    labels = (rng.random(200) < 0.2).astype(int)
    ill = np.round(1 / (1 + np.exp(-rng.normal(labels, 1))), decimals)
    fpr, tpr, area = answer("roc_by_hand")(labels, np.stack([1 - ill, ill], axis=1))
    theirs = roc_curve(labels, ill, drop_intermediate=False)
    np.testing.assert_allclose([fpr, tpr], theirs[:2], rtol=0, atol=1e-12)
    assert area == pytest.approx(roc_auc_score(labels, ill), abs=1e-12)
    assert answer("rank_auroc")(labels, ill) == pytest.approx(area, abs=1e-12)


def test_a_ward_s_point_is_the_best_of_all_thresholds(answer, rng):
    labels = (rng.random(120) < 0.4).astype(int)
    scores = np.round(rng.normal(1.5 * labels, 1), 1)
    ward = {"prevalence": 0.05, "films_per_day": 60, "most_alarms": 9}
    best = max(
        (np.mean(scores[labels == 1] >= t), -np.mean(scores[labels == 0] >= t), t)
        for t in np.unique(scores)
        if 60 * (0.05 * np.mean(scores[labels == 1] >= t) + 0.95 * np.mean(scores[labels == 0] >= t)) <= 9
    )
    threshold, found, alarms, true = answer("ward_point")(labels, scores, **ward, least_sensitivity=best[0] - 0.01)
    assert (threshold, found) == (best[2], best[0]) and alarms <= 9 and true == pytest.approx(3 * found / alarms)
    assert answer("ward_point")(labels, scores, **ward, least_sensitivity=best[0] + 0.01) is None

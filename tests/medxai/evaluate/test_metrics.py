"""Metrics against scikit-learn, against cases done by hand, and intervals against simulation."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, log_loss, roc_auc_score

from medxai.evaluate import metrics


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_auroc_equals_scikit_learn_with_and_without_ties(rng):
    for decimals in (12, 1, 0):
        labels = (rng.random(200) < 0.2).astype(int)
        scores = np.round(rng.normal(labels, 1), decimals)
        assert metrics.auroc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert metrics.auroc(labels, np.zeros(200)) == 0.5
    with pytest.raises(ValueError, match="both classes"):
        metrics.auroc(np.ones(5), np.arange(5.0))
    with pytest.raises(ValueError, match=r"\[:, 1\]"):
        metrics.auroc(labels, np.zeros((200, 2)))
    with pytest.raises(ValueError, match="not finite"):
        metrics.auroc(labels, np.where(labels == 1, np.nan, scores))


def test_fast_resampling_equals_the_plain_loop(rng, clinic):
    labels, scores, patients = clinic(rng)
    scores = np.round(scores, 1)
    for statistic, values in (
        (metrics.auroc, scores),
        (metrics.sensitivity, (scores > 0.3).astype(int)),
        (metrics.specificity, (scores > 0.3).astype(int)),
        (metrics.accuracy, (scores > 0.3).astype(int)),
    ):
        fast = metrics.bootstrap_interval(labels, values, patients, statistic, resamples=200)
        slow = metrics.bootstrap_interval(labels, values, patients, lambda y, s, f=statistic: f(y, s), resamples=200)
        assert fast == pytest.approx(slow, abs=1e-12), statistic


def test_interval_over_patients_is_wider_than_over_films(rng, clinic):
    ratios = []
    for _ in range(5):
        labels, scores, patients = clinic(rng)
        value, low, high = metrics.bootstrap_interval(labels, scores, patients)
        assert low < value < high
        films = metrics.bootstrap_interval(labels, scores, np.arange(len(labels)))
        ratios.append((high - low) / (films.high - films.low))
    assert np.mean(ratios) == pytest.approx(np.sqrt(3), rel=0.15)  # three films that say nearly the same


def test_seed_level_and_blocks(rng, clinic, monkeypatch):
    data = clinic(rng)
    first = metrics.bootstrap_interval(*data, seed=4)
    assert first == metrics.bootstrap_interval(*data, seed=4) != metrics.bootstrap_interval(*data, seed=5)
    half = metrics.bootstrap_interval(*data, level=0.5)
    assert (half.high - half.low) / (first.high - first.low) == pytest.approx(0.345, abs=0.06)
    monkeypatch.setattr(metrics, "_BLOCK", 1000)  # so few numbers at once that there are many blocks
    small = metrics.bootstrap_interval(*data, seed=4)
    assert small == pytest.approx(first, abs=0.02)


def test_resamples_with_one_class_are_drawn_again_and_counted(rng, clinic):
    labels, scores, patients = clinic(rng, patients=14, films=2, positives=2)
    interval = metrics.bootstrap_interval(labels, scores, patients)
    assert np.isfinite(interval).all()
    # Both positive patients are missed with probability (12/14)**14 = 0.116, and again by some that are drawn again.
    assert interval.redrawn == pytest.approx(2000 * 0.116 / (1 - 0.116), rel=0.2)
    value, low, high = interval
    assert str(interval) == f"{value:.3f} [{low:.3f}, {high:.3f}]"
    with pytest.raises(ValueError, match="two patients"):
        metrics.bootstrap_interval(labels, scores, np.zeros(len(labels)))
    with pytest.raises(ValueError, match="one label, score and patient"):
        metrics.bootstrap_interval(labels, scores, patients[:-1])


def test_paired_difference_is_narrower_than_unpaired(rng, clinic):
    labels, a, patients = clinic(rng, patients=100)
    b = a + rng.normal(0, 0.5, len(a))
    paired = metrics.paired_bootstrap(labels, a, b, patients)
    assert paired.value == pytest.approx(metrics.auroc(labels, a) - metrics.auroc(labels, b))
    single = metrics.bootstrap_interval(labels, a, patients)
    assert paired.high - paired.low < 0.6 * (single.high - single.low)
    assert metrics.paired_bootstrap(labels, a, 3 * a + 1, patients) == (0, 0, 0)


@pytest.mark.slow(reason="800 bootstraps of 500 samples")
def test_the_patient_interval_covers_the_truth_and_the_film_interval_does_not(rng, clinic):
    from scipy.stats import norm

    truth = norm.cdf(1 / np.sqrt(2 * (1 + 0.1**2)))  # two normal scores a distance of 1 apart
    covered = {"patients": 0, "films": 0}
    for _ in range(400):
        labels, scores, patients = clinic(rng)
        for name, who in (("patients", patients), ("films", np.arange(len(labels)))):
            _, low, high = metrics.bootstrap_interval(labels, scores, who, resamples=500)
            covered[name] += low <= truth <= high
    assert 0.91 <= covered["patients"] / 400 <= 0.985
    assert covered["films"] / 400 < 0.85


def test_confusion_and_shares(rng):
    labels, called = rng.integers(0, 2, 50), rng.integers(0, 2, 50)
    table = metrics.confusion(labels, called)
    np.testing.assert_array_equal(table, confusion_matrix(labels, called))
    assert metrics.sensitivity(labels, called) == table[1, 1] / table[1].sum()
    assert metrics.specificity(labels, called) == table[0, 0] / table[0].sum()
    with pytest.raises(ValueError, match="threshold"):
        metrics.sensitivity(labels, rng.random(50))
    with pytest.raises(ValueError, match="classes 0 to 1"):
        metrics.confusion(labels + 1, called)


def test_the_interval_of_a_mean_is_over_patients(rng):
    own = rng.normal(2, 1, 40)
    values, patients = np.repeat(own, 5), np.repeat(np.arange(40), 5)
    shuffled = rng.permutation(200)
    interval = metrics.mean_interval(values[shuffled], patients[shuffled], resamples=4000)
    assert interval.value == pytest.approx(values.mean())
    # The standard error of the mean of 40 patients; five films of each bring nothing new.
    error = own.std() / np.sqrt(40)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * error, rel=0.1)
    films = metrics.mean_interval(values, np.arange(200), resamples=4000)
    assert films.high - films.low == pytest.approx(2 * 1.96 * error / np.sqrt(5), rel=0.1)
    assert metrics.mean_interval(values, patients, seed=1) == metrics.mean_interval(values, patients, seed=1)
    for wrong, told in (
        ((values, patients[:9]), r"\(200,\) and \(9,\)"),
        ((values * np.nan, patients), "200 of 200 values are not finite"),
        ((values, patients * 0), "two patients"),
    ):
        with pytest.raises(ValueError, match=told):
            metrics.mean_interval(*wrong)


def test_wilson_interval_of_a_textbook_case():
    # Newcombe, Statist. Med. 17, 1998, table I: 15 of 148 gives 0.0624 to 0.1605.
    value, low, high = metrics.proportion_interval(15, 148)
    assert (round(low, 4), round(high, 4)) == (0.0624, 0.1605) and value == 15 / 148
    assert metrics.proportion_interval(0, 20).low == 0 and metrics.proportion_interval(20, 20).high == 1


def test_operating_point_is_the_highest_threshold_that_is_sensitive_enough():
    labels = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.75, 0.6, 0.5, 0.1, 0.1])
    assert metrics.operating_point(labels, scores, 0.8) == (0.6, 0.8, 0.6)  # ties at the threshold are called
    assert metrics.operating_point(labels, scores, 0.81) == (0.2, 1.0, 0.4)
    assert metrics.operating_point(np.r_[np.ones(10), 0], np.arange(11)[::-1] / 1.0, 0.9).threshold == 2
    with pytest.raises(ValueError, match="wanted_sensitivity=0"):
        metrics.operating_point(labels, scores, 0)


def test_performance_at_a_threshold(rng, clinic):
    labels, scores, patients = clinic(rng, positives=25)
    table = metrics.performance_at(labels, scores, 0.5, patients, resamples=300)
    assert table.loc["sensitivity", "value"] == np.mean(scores[labels == 1] >= 0.5)
    assert table["n"].tolist() == [75, 105, 180]
    assert (table["low"] < table["value"]).all() and (table["value"] < table["high"]).all()


def test_calibration_error_by_hand():
    labels = np.array([0, 0, 1, 1, 1, 1, 0, 1])
    probabilities = np.array([0.1, 0.1, 0.1, 0.1, 0.85, 0.85, 0.3, 1.0])
    # bins: 0.1 (4 films, half positive: gap 0.4), 0.3 (1, gap 0.3), 0.85 (2, gap 0.15), 1.0 (1, gap 0).
    expected = (4 * 0.4 + 1 * 0.3 + 2 * 0.15) / 8
    assert metrics.expected_calibration_error(labels, probabilities) == pytest.approx(expected)
    table = metrics.reliability_table(labels, probabilities)
    assert table["films"].tolist() == [0, 4, 0, 1, 0, 0, 0, 0, 2, 1]
    assert table["observed"].isna().sum() == 6
    with pytest.raises(ValueError, match="logits"):
        metrics.expected_calibration_error(labels, probabilities * 5)


@pytest.mark.parametrize("truth", [0.4, 1.0, 2.5])
def test_temperature_is_recovered_and_leaves_auroc(rng, truth):
    logits = rng.normal(0, 3, 20000)
    labels = (rng.random(20000) < 1 / (1 + np.exp(-logits / truth))).astype(int)
    found = metrics.fit_temperature(labels, logits)
    assert found == pytest.approx(truth, rel=0.05)
    assert metrics.auroc(labels, logits / found) == pytest.approx(metrics.auroc(labels, logits), abs=1e-12)
    two = np.stack([np.zeros_like(logits), logits], axis=1) + 7.0
    assert metrics.fit_temperature(labels, two) == pytest.approx(found, rel=1e-4)

    def cross_entropy(t):
        return log_loss(labels, 1 / (1 + np.exp(-logits / t)))

    assert cross_entropy(found) <= min(cross_entropy(found * 1.02), cross_entropy(found / 1.02))


def test_temperature_of_separated_films_is_a_bound_with_a_warning():
    with pytest.warns(UserWarning, match="bound of the search"):
        assert metrics.fit_temperature([0, 0, 1, 1], [-3, -2, 2, 3]) == pytest.approx(0.05, rel=1e-2)


def test_logits_give_back_probabilities():
    p = np.array([0.001, 0.5, 0.97])
    np.testing.assert_allclose(1 / (1 + np.exp(-metrics.logits_of(p))), p, rtol=1e-9)
    assert np.isfinite(metrics.logits_of(np.array([0.0, 1.0], np.float32))).all()
    assert metrics.log_loss([0, 1, 1], p) == pytest.approx(log_loss([0, 1, 1], p))


def test_subgroups_with_counts_intervals_and_gaps(rng, clinic):
    labels, scores, patients = clinic(rng, patients=90, positives=30)
    groups = np.where(patients % 3 == 0, "AP", "PA").astype(object)
    groups[labels + (patients > 80) == 2] = "rare"
    groups[:3] = None
    table = metrics.subgroup_table(labels, scores, patients, groups, resamples=200)
    assert table["films"].sum() == len(labels) - 3
    for group, row in table.iterrows():
        inside = groups == group
        assert (row["positives"], row["negatives"]) == ((labels[inside] == 1).sum(), (labels[inside] == 0).sum())
        if group == "rare":
            assert row["negatives"] == 0 and np.isnan(row[["value", "low", "high"]].to_numpy(float)).all()
        else:
            assert row["value"] == pytest.approx(roc_auc_score(labels[inside], scores[inside]))
            assert row["low"] <= row["value"] <= row["high"]
    shared = metrics.subgroup_table(labels, scores, patients, groups, shared_negatives=True, resamples=200)
    assert (shared["negatives"] == (labels == 0).sum()).all() and not shared["value"].isna().any()
    assert (shared["positives"] == table["positives"]).all()


def test_the_band_of_a_curve_is_the_interval_at_each_of_its_places(rng, clinic):
    labels, scores, patients = clinic(rng)
    places = np.array([-0.5, 0.0, 0.8])

    def found(y, s):
        return np.array([np.mean(s[y == 1] >= t) for t in places])

    low, high = metrics.bootstrap_band(labels, scores, patients, found, resamples=150, seed=3)
    for place, *ends in zip(places, low, high, strict=True):
        one = metrics.bootstrap_interval(
            labels, scores, patients, lambda y, s, t=place: np.mean(s[y == 1] >= t), resamples=150, seed=3
        )
        assert ends == pytest.approx([one.low, one.high], abs=1e-12)
    with pytest.raises(ValueError, match="level=1.5"):
        metrics.bootstrap_band(labels, scores, patients, found, level=1.5)

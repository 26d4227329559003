"""What is written for TensorBoard comes back whole; its server is found and ended, and no other process is."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from medxai.networks import tensorboard_runs

pytestmark = pytest.mark.kernel


def test_scalars_images_and_histograms_come_back_with_their_steps(tmp_path):
    films = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 1), dtype=np.uint8)
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        for step in range(40):  # TensorBoard itself keeps a sample of them in memory
            tf.summary.scalar("cost", 1 / (step + 1), step=step)
        tf.summary.scalar("late", 3.0, step=30)
        tf.summary.image("films", films, step=5, max_outputs=2)
        tf.summary.histogram("weights", np.array([0.0, 1.0, 1.0, 2.0]), step=7, buckets=2)
    writer.close()
    run = tensorboard_runs.read_run(tmp_path)
    assert list(run.scalars.columns) == ["cost", "late"] and run.scalars.index.tolist() == list(range(40))
    np.testing.assert_allclose(run.scalars["cost"], 1 / np.arange(1, 41), rtol=1e-6)
    assert run.scalars["late"].notna().sum() == 1 and run.scalars.loc[30, "late"] == 3
    ((step, pictures),) = run.images["films"]
    assert step == 5 and np.array_equal(pictures, films[..., 0])
    ((step, bins),) = run.histograms["weights"]
    assert step == 7 and bins[:, 2].sum() == 4 and bins[0, 0] == 0 and bins[-1, 1] == 2


def test_a_folder_without_a_log_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="No TensorBoard log in"):
        tensorboard_runs.read_run(tmp_path)


def test_the_server_is_asked_and_ended_and_a_stale_note_ends_nobody(tmp_path, monkeypatch):
    from tensorboard import manager

    monkeypatch.setenv("TENSORBOARD_BINARY", "")
    monkeypatch.delenv("TENSORBOARD_BINARY")
    writer = tf.summary.create_file_writer(str(tmp_path / "first"))
    with writer.as_default():
        tf.summary.scalar("cost", 1.0, step=0)
    writer.close()
    assert tensorboard_runs.served(tmp_path) == {} and tensorboard_runs.stop_tensorboard(tmp_path) == 0
    tensorboard_runs.use_own_tensorboard()
    started = manager.start(["--logdir", str(tmp_path), "--port", "0"])
    assert isinstance(started, manager.StartLaunched), started
    assert tensorboard_runs.served(tmp_path, 60) == {"first": ["cost"]}
    assert tensorboard_runs.stop_tensorboard(tmp_path) == 1
    assert tensorboard_runs.stop_tensorboard(tmp_path) == 0

    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        note = manager.TensorBoardInfo("0", 0, bystander.pid, 1, "", str(tmp_path), "", "")
        monkeypatch.setattr(manager, "get_all", lambda: [note])
        assert tensorboard_runs.stop_tensorboard(tmp_path) == 0 and bystander.poll() is None
    finally:
        bystander.communicate(b"\n", timeout=30)

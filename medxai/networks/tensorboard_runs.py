"""A training's TensorBoard log, read back as tables and arrays; and functions to query and stop TensorBoard servers.

A saved page contains no server, so the important parts of a log are also read back and drawn.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Run:
    """One run's log.

    Attributes
    ----------
    scalars : DataFrame
        One column per tag, one row per step; NaN if a tag was not written.
    images : dict, str -> list of (int, uint8 array)
        For each tag, the steps with their images (N, H, W) or (N, H, W, 3).
    histograms : dict, str -> list of (int, float array)
        For each tag, the steps with (bins, 3): left, right, count.
    """

    scalars: pd.DataFrame
    images: dict[str, list[tuple[int, np.ndarray]]]
    histograms: dict[str, list[tuple[int, np.ndarray]]]


def read_run(folder: str | os.PathLike) -> Run:
    """Everything that `tf.summary.scalar`, `image` and `histogram` wrote into a run's folder.

    Flush or close the writer first, otherwise the last steps may be missing.

    Parameters
    ----------
    folder : path

    Returns
    -------
    Run

    Raises
    ------
    FileNotFoundError
        The folder contains no log.
    """
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = Path(folder)
    if not list(folder.glob("*tfevents*")):
        raise FileNotFoundError(
            f"No TensorBoard log in {folder}. Write one first: "
            "tf.summary.create_file_writer(folder), and close the writer."
        )
    log = EventAccumulator(str(folder), size_guidance={"tensors": 0})  # 0: all steps, not a sample of ten
    log.Reload()
    scalars: dict[str, dict[int, float]] = {}
    images: dict[str, list[tuple[int, np.ndarray]]] = {}
    histograms: dict[str, list[tuple[int, np.ndarray]]] = {}
    for tag in log.Tags()["tensors"]:
        kind = log.SummaryMetadata(tag).plugin_data.plugin_name
        for event in log.Tensors(tag):
            value = tf.make_ndarray(event.tensor_proto)
            if kind == "scalars":
                scalars.setdefault(tag, {})[event.step] = float(value)
            elif kind == "images":  # width, height, then one PNG per image
                images.setdefault(tag, []).append((event.step, np.stack([_decoded(png) for png in value[2:]])))
            elif kind == "histograms":
                histograms.setdefault(tag, []).append((event.step, np.asarray(value, dtype=float)))
    table = pd.DataFrame({tag: pd.Series(steps) for tag, steps in scalars.items()}).sort_index()
    table.index.name = "step"
    return Run(table, images, histograms)


def _decoded(png: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png)))


# ---- the server -----------------------------------------------------------------------------------------------------


def use_own_tensorboard() -> None:
    """Let `%tensorboard` start the program of this kernel's environment, even if it is not on the PATH."""
    program = Path(sys.executable).with_name("tensorboard.exe" if os.name == "nt" else "tensorboard")
    if program.exists():
        os.environ.setdefault("TENSORBOARD_BINARY", str(program))


def served(folder: str | os.PathLike, patience: float = 20) -> dict[str, list[str]]:
    """Query the TensorBoard server of a folder for the runs it shows.

    Parameters
    ----------
    folder : path
    patience : float
        Seconds to wait, as a server reads the log only after it has started.

    Returns
    -------
    dict, str -> list of str
        For each run, the sorted tags of its scalars. Empty if no server answers.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy
    until = time.monotonic() + patience
    while infos := _servers(folder):
        address = f"http://localhost:{infos[0].port}/data/plugin/scalars/tags"
        try:
            with opener.open(address, timeout=5) as answer:
                found = json.load(answer)
        except (OSError, ValueError):
            found = {}
        if found or time.monotonic() > until:
            return {run: sorted(tags) for run, tags in sorted(found.items())}
        time.sleep(0.5)
    return {}


def stop_tensorboard(folder: str | os.PathLike) -> int:
    """Stop the servers that `%tensorboard --logdir FOLDER` started, and no others.

    Parameters
    ----------
    folder : path

    Returns
    -------
    int
        The number of stopped servers.
    """
    import psutil

    stopped = 0
    for info in _servers(folder):
        try:
            process = psutil.Process(info.pid)
            # The record of a server that ended may contain a process ID that now belongs to another process.
            if str(folder) not in process.cmdline():
                continue
            process.terminate()
            try:
                process.wait(10)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(10)
            stopped += 1
        except psutil.NoSuchProcess:
            continue
    return stopped


def _servers(folder: str | os.PathLike) -> list:
    from tensorboard import manager

    return [info for info in manager.get_all() if info.logdir == str(folder)]

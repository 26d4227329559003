"""Every data set, by name."""

from __future__ import annotations

from data_fetch.datasets.cardiomegaly import CARDIOMEGALY
from data_fetch.datasets.cardiomegaly_biased import CARDIOMEGALY_BIASED
from data_fetch.datasets.pneumothorax import PNEUMOTHORAX

DATASETS = {one.name: one for one in (CARDIOMEGALY, CARDIOMEGALY_BIASED, PNEUMOTHORAX)}

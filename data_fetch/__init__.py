"""Films for the course: fetched or rendered once, verified, memory-mapped from a cache.

>>> from data_fetch import fetch_cardiomegaly
>>> films = fetch_cardiomegaly()                    # doctest: +SKIP

Importing this package downloads nothing and imports neither TensorFlow nor pandas.
"""

from data_fetch.cardiomegaly import fetch_cardiomegaly
from data_fetch.cardiomegaly_biased import fetch_cardiomegaly_biased
from data_fetch.checkpoint import CheckpointFiles, checkpoint
from data_fetch.cues import erase, paste_cue
from data_fetch.errors import DataFetchError
from data_fetch.files import fetch_file
from data_fetch.imageset import ImageSet
from data_fetch.own_films import read_film
from data_fetch.pneumothorax import fetch_pneumothorax
from data_fetch.profiles import Profile, profile

__all__ = [
    "CheckpointFiles",
    "DataFetchError",
    "ImageSet",
    "Profile",
    "checkpoint",
    "erase",
    "fetch_cardiomegaly",
    "fetch_cardiomegaly_biased",
    "fetch_file",
    "fetch_pneumothorax",
    "paste_cue",
    "profile",
    "read_film",
]

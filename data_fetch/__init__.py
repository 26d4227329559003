"""Films for the course: fetched or rendered once, verified, memory-mapped from a cache.

>>> from data_fetch import fetch_cardiomegaly
>>> films = fetch_cardiomegaly()                    # doctest: +SKIP

Importing this package downloads nothing. Dependencies are imported on first use; TensorFlow never is.
"""

from typing import TYPE_CHECKING

from data_fetch import lazy

if TYPE_CHECKING:
    from data_fetch.checkpoints.checkpoint_files import CheckpointFiles, checkpoint
    from data_fetch.datasets.cardiomegaly import fetch_cardiomegaly
    from data_fetch.datasets.cardiomegaly_biased import fetch_cardiomegaly_biased
    from data_fetch.datasets.cues import erase, paste_cue
    from data_fetch.datasets.film_files import read_film
    from data_fetch.datasets.imageset import ImageSet
    from data_fetch.datasets.pneumothorax import fetch_pneumothorax
    from data_fetch.errors import DataFetchError
    from data_fetch.profiles import Profile, profile
    from data_fetch.store.files import fetch_file
    from data_fetch.version import __version__

__all__ = [
    "CheckpointFiles",
    "DataFetchError",
    "ImageSet",
    "Profile",
    "__version__",
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

__getattr__, __dir__ = lazy.attach(
    __name__,
    modules=("checkpoints", "datasets", "errors", "sources", "store", "transfer"),
    names={
        "CheckpointFiles": "checkpoints.checkpoint_files",
        "__version__": "version",
        "DataFetchError": "errors",
        "ImageSet": "datasets.imageset",
        "Profile": "profiles",
        "checkpoint": "checkpoints.checkpoint_files",
        "erase": "datasets.cues",
        "fetch_cardiomegaly": "datasets.cardiomegaly",
        "fetch_cardiomegaly_biased": "datasets.cardiomegaly_biased",
        "fetch_file": "store.files",
        "fetch_pneumothorax": "datasets.pneumothorax",
        "paste_cue": "datasets.cues",
        "profile": "profiles",
        "read_film": "datasets.film_files",
    },
)

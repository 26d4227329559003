"""Arrays that are filled on the disk."""

from __future__ import annotations

import errno
import os
import pathlib

import numpy as np


def new_array(path: pathlib.Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
    """A memory-mapped .npy file to be filled, whose room on the disk is taken now.

    Without that, a disk that fills up later does not raise an error: it kills the process that writes (SIGBUS).

    Raises
    ------
    OSError
        If there is no room for it.
    """
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as reason:
                if reason.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                    size = f"{path.stat().st_size / 1e6:,.1f} MB"
                    raise OSError(reason.errno, f"{reason.strerror}: {path.name} needs {size}") from None
    return array

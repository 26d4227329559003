"""Arrays filled on disk."""

from __future__ import annotations

import errno
import os
import pathlib

import numpy as np


def new_array(path: pathlib.Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
    """Create a memory-mapped .npy file to be filled, and allocate its disk space now.

    Otherwise, if the disk fills up later, the writing process gets no error but is killed (SIGBUS).

    Raises
    ------
    OSError
        If there is not enough space.
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

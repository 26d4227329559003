"""Files that are written whole or not at all.

Not `data_fetch.store.atomic`, which takes whole contents and needs NumPy to be imported: `python -m medxai submit` must
work with the standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """A place beside `path` to write to; what is written there takes the place of `path` at the end of the block.

    Where the block raises, `path` stays as it was and nothing is left beside it.

    Parameters
    ----------
    path : path
        Its folder must be there.

    Raises
    ------
    OSError
        It cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")  # h5py and Keras look at the suffix
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)

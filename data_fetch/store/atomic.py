"""Small files that are there whole or not at all."""

from __future__ import annotations

import os
import pathlib
import tempfile


def write_whole(path: pathlib.Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or, whatever happens, as it was before; its folder is made if need be.

    Parameters
    ----------
    content : str or bytes
        Text is written in UTF-8, its line ends as they are.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
        os.chmod(temporary, 0o644)  # mkstemp lets nobody else read
        os.replace(temporary, path)
    finally:
        pathlib.Path(temporary).unlink(missing_ok=True)

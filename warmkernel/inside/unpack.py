"""Unpack the archive of `warmkernel.working_folder` on every Python 3.11: tarfile's own filters need 3.11.4."""

from __future__ import annotations

import io
import os
import shutil
import tarfile


def unpack(archive: int, folder: str) -> None:
    """Write the folders and files of an archive into `folder`; the descriptor is closed.

    Raises
    ------
    tarfile.TarError
        If any member is not a plain file or folder, or would be outside `folder`. Earlier members are written.
    """
    with io.FileIO(archive, "r") as file, tarfile.open(fileobj=file, mode="r:") as members:
        for member in members:
            parts = member.name.split("/")
            if member.type not in (tarfile.REGTYPE, tarfile.DIRTYPE) or not all(parts) or {".", ".."} & set(parts):
                raise tarfile.ExtractError(f"{member.name!r} is not a plain file or folder in the working folder")
            path = os.path.join(folder, *parts)
            if member.type == tarfile.DIRTYPE:
                os.mkdir(path, 0o755)
                continue
            # No earlier link is followed, and nothing is written twice.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(handle, "wb") as target:
                source = members.extractfile(member)
                assert source is not None
                shutil.copyfileobj(source, target)
                os.fchmod(handle, member.mode & 0o755 | 0o600)
            os.utime(path, (member.mtime, member.mtime))

"""Copy the working folder into the sandbox: its regular files and folders, in memory."""

from __future__ import annotations

import os
import stat
import tarfile
from pathlib import Path

from .errors import SettingsError
from .settings import Limits


def pack(folder: str | os.PathLike[str] | None, limits: Limits) -> int:
    """Archive the contents of a folder, for the kernel's working folder.

    Links, pipes and devices are left out: nothing in the archive points outside it.

    Parameters
    ----------
    folder : path or None
        None for an empty archive.
    limits : Limits
        `disk` and `inodes`, of which half may be filled.

    Returns
    -------
    int
        The descriptor of a tar file in memory, positioned at its start.

    Raises
    ------
    SettingsError
        If the folder cannot be read, or is too large.
    """
    descriptor = os.memfd_create("work", os.MFD_CLOEXEC)
    try:
        with (
            os.fdopen(os.dup(descriptor), "wb") as file,
            tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            if folder is not None:
                _Packer(archive, Path(folder), limits).add(Path(folder), "")
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class _Packer:
    def __init__(self, archive: tarfile.TarFile, root: Path, limits: Limits) -> None:
        self.archive, self.root, self.limits = archive, root, limits
        self.bytes = self.count = 0

    def add(self, folder: Path, inside: str) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if folder == self.root:
                raise SettingsError(f"{folder}: the working folder cannot be read: {error.strerror}.") from error
            return
        for entry in entries:
            name = f"{inside}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                self._count(0)
                info = tarfile.TarInfo(name)
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                self.archive.addfile(info)
                self.add(folder / entry.name, f"{name}/")
            elif entry.is_file(follow_symlinks=False):
                self._add_file(folder / entry.name, name)

    def _add_file(self, path: Path, name: str) -> None:
        try:
            # It may have become a link or a pipe in the meantime.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return
            self._count(status.st_size)
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = status.st_size, int(status.st_mtime), status.st_mode & 0o755 | 0o600
            self.archive.addfile(info, file)

    def _count(self, size: int) -> None:
        self.bytes += size
        self.count += 1
        if self.bytes > self.limits.disk // 2 or self.count > self.limits.inodes // 2:
            raise SettingsError(
                f"{self.root}: the working folder is copied into the sandbox and may fill at most half of its space "
                f"({self.limits.disk / 2**20:,.0f} MiB, {self.limits.inodes:,} files). Start the kernel in a smaller "
                f"folder, or raise `disk` or `inodes` in metadata.warmkernel.limits of the kernelspec."
            )

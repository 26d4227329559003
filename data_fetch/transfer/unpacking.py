"""Decompress and parse a gzipped tar as it streams past, whatever it contains.

Nothing is written here, and no path from an archive is ever used. No member, header or block larger than a film can be is
kept in memory, so an archive with false sizes costs no memory.
"""

from __future__ import annotations

import tarfile
import typing
import zlib
from collections.abc import Iterable, Iterator

# The largest film of NIH ChestX-ray14 has about 1 MB; a member that claims much more is not a film.
LONGEST_MEMBER = 16 << 20
LONGEST_HEADER = 1 << 20
BLOCK = 1 << 19

DAMAGE = (EOFError, zlib.error, tarfile.TarError, ValueError, RecursionError)


class Unzipped:
    """The decompressed bytes of a gzip stream as a file that is read once, forwards; skipped bytes are not copied.

    (The standard library's GzipFile decompresses 8 kB at a time, and tarfile's own stream mode copies what it skips.)
    """

    def __init__(self, chunks: Iterable[bytes | memoryview]) -> None:
        self._chunks = iter(chunks)
        self._zip = zlib.decompressobj(wbits=31)
        self._zipped: bytes | memoryview = b""
        self._block = memoryview(b"")
        self._position = 0

    def tell(self) -> int:
        """Number of decompressed bytes read so far."""
        return self._position

    def seek(self, position: int) -> None:
        """Skip forward to a position; tarfile.ReadError for an earlier one."""
        left = position - self._position
        if left < 0:
            raise tarfile.ReadError("a header points backwards")
        while left:
            left -= len(self._take(left))

    def read(self, size: int) -> bytes:
        """For tarfile, which reads headers: fewer bytes than requested only at the end."""
        if not 0 <= size <= LONGEST_HEADER:
            raise tarfile.ReadError(f"a header claims to have {size:,} bytes")
        return self._join(size)

    def content(self, size: int) -> bytes:
        """The next bytes, all of them.

        Raises
        ------
        EOFError
            If there are fewer.
        """
        content = self._join(size)
        if len(content) < size:
            raise EOFError("a member ends early")
        return content

    def _join(self, size: int) -> bytes:
        parts = []
        while size and (self._block or self._fill()):
            parts.append(self._take(size))
            size -= len(parts[-1])
        return b"".join(parts)

    def _take(self, size: int) -> memoryview:
        if not self._block and not self._fill():
            raise EOFError("a member ends early")
        part, self._block = self._block[:size], self._block[size:]
        self._position += len(part)
        return part

    def _fill(self) -> bool:
        """Decompress the next block; False at the end."""
        while not self._block:
            if self._zip.eof:
                # Another gzip stream may follow, or zero padding to a tape block.
                rest = self._zip.unused_data.lstrip(b"\0")
                while not rest:
                    chunk = next(self._chunks, None)
                    if chunk is None:
                        return False
                    rest = bytes(chunk).lstrip(b"\0")
                self._zip, self._zipped = zlib.decompressobj(wbits=31), rest
            zipped = self._zipped or next(self._chunks, b"")
            block = self._zip.decompress(zipped, BLOCK)
            self._zipped = self._zip.unconsumed_tail
            if not zipped and not block and not self._zip.eof:
                raise EOFError("the gzip stream is incomplete")
            self._block = memoryview(block)
        return True


def members(unzipped: Unzipped) -> Iterator[tarfile.TarInfo]:
    """The regular files of a tar, one by one; directories, links, devices and sparse files are skipped.

    The content of a member is returned by :meth:`Unzipped.content` until the next member is requested.

    Raises
    ------
    tarfile.TarError, ValueError, RecursionError
        If a header is broken, or claims more bytes than a film can have.
    """
    tar = tarfile.TarFile(fileobj=typing.cast(typing.IO[bytes], unzipped), mode="r")
    while (member := tar.next()) is not None:
        vars(tar)["members"].clear()  # tarfile keeps them all
        if not 0 <= member.size <= LONGEST_MEMBER:
            raise tarfile.ReadError(f"the member {member.name[-80:]!r} claims to have {member.size:,} bytes")
        if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse():
            yield member

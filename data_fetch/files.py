"""Single files of the registry, kept as they are. pooch does temporary file, hash and move."""

from __future__ import annotations

import hashlib
import os
import pathlib

from data_fetch import cache, transport
from data_fetch.errors import DataFetchError, choose
from data_fetch.registry import registry


def fetch_file(name: str, cache_dir: str | os.PathLike[str] | None = None, progress: bool = True) -> pathlib.Path:
    """Path of a single file of the registry, downloaded first if it is not in the cache.

    Parameters
    ----------
    name : str
        As ``data-fetch list`` shows it, for example "vgg16-imagenet".

    Raises
    ------
    DataFetchError
        If there is none of this name, no address gives it, or it is not the file that the registry names.
    """
    files = registry()["files"]
    entry = files[choose("file", name, files)]
    return fetch_url(entry["filename"], entry["urls"], _hash_of(entry), cache_dir, progress)


def _hash_of(entry: dict) -> str:
    return f"sha256:{entry['sha256']}" if "sha256" in entry else f"md5:{entry['md5']}"


def fetch_url(
    filename: str,
    urls: list[str],
    known_hash: str,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pathlib.Path:
    """Path of a file in the cache, downloaded from the mirror (MIRROR/files/FILENAME) or the first URL that answers.

    Parameters
    ----------
    known_hash : str
        "sha256:..." or "md5:...".
    """
    import pooch

    folder = cache.cache_folder(cache_dir)
    target = folder / "files" / filename
    algorithm, _, digest = known_hash.partition(":")
    if target.is_file() and pooch.file_hash(str(target), alg=algorithm) == digest:
        return target
    mirror = transport.mirror_address()
    addresses = ([transport.join(mirror, f"files/{filename}")] if mirror else []) + list(urls)
    problem: DataFetchError | None = None
    with cache.locked(folder, filename, quiet=not progress):
        for address in addresses:
            try:
                # The address is not always a URL, so pooch gets one it accepts and the downloader the real one.
                return pathlib.Path(
                    pooch.retrieve(
                        urls[0],
                        known_hash,
                        fname=filename,
                        path=folder / "files",
                        downloader=_Downloader(address, algorithm, digest),
                    )
                )
            except (transport.NotThere, transport.CannotReach) as reason:
                problem = reason
            except OSError as reason:
                raise DataFetchError(
                    f"{filename} could not be written ({reason.strerror or reason}).",
                    where=folder / "files",
                    next="make room, or set DATA_FETCH_DIR to another folder",
                ) from None
    assert problem is not None
    raise problem


class _Downloader:
    """pooch's downloader interface over our transport, for its errors; refuses a wrong file with both hashes."""

    def __init__(self, address: str, algorithm: str, digest: str) -> None:
        self.address, self.algorithm, self.digest = address, algorithm, digest

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        seen = hashlib.new(self.algorithm, usedforsecurity=False)
        count = 0
        with transport.opened(self.address) as stream, open(output_file, "wb") as out:
            while data := stream.read(1 << 20):
                if not count:
                    transport.refuse_html(data[:4096], self.address, f"{self.algorithm} {self.digest}")
                count += len(data)
                seen.update(data)
                out.write(data)
        if seen.hexdigest() != self.digest:
            raise DataFetchError(
                "A downloaded file is not the one that the registry names; it was thrown away.",
                where=self.address,
                expected=f"{self.algorithm} {self.digest}",
                got=f"{self.algorithm} {seen.hexdigest()} ({count:,} bytes)",
                next="run the same command again; if it happens twice, the publisher has changed the file",
            )

"""Single files of the registry, stored unchanged.

If a publisher states no hash, and the file could not be fetched to compute one, the registry has none. The sha256 of the
first download is then recorded next to the file (NAME.sha256), and the file must match it from then on: this detects later
damage or replacement, but does not verify the first download.

A file is looked up in the shared caches (DATA_FETCH_SHARED), then in the user's own, then fetched. During the download it
is in CACHE/partial/FILENAME/.

(pooch provides temporary file, hash and move. It lacks what takes up most of this module: resuming downloads, mirrors that
are folders, and errors that say what to do.)
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import sys

from data_fetch.errors import DataFetchError, choose
from data_fetch.store import cache
from data_fetch.store.atomic import remove_left_overs, write_atomically
from data_fetch.store.registry import registry
from data_fetch.transfer import transport


def fetch_file(name: str, cache_dir: str | os.PathLike[str] | None = None, progress: bool = True) -> pathlib.Path:
    """Path of a single file of the registry, downloaded if it is not in the cache.

    What : weights or films, one file each; ``data-fetch list`` shows them.
    Counts and units : one file; its size is in the registry if the publisher states it.
    Format : as published (HDF5), never unpacked.
    Load with : ``fetch_file("vgg16-imagenet")``, or ``data-fetch get vgg16-imagenet``.
    Source : the URLs in the registry, or MIRROR/files/FILENAME.
    Licence : in the registry, and in ``data-fetch list``.
    Processing : none; the hash of the registry, or of the first download, is checked at each call.

    Parameters
    ----------
    name : str
        As shown by ``data-fetch list``, for example "vgg16-imagenet".

    Raises
    ------
    DataFetchError
        If the name is unknown, no URL provides the file, or it does not match the registry.
    """
    files = registry()["files"]
    entry = files[choose("file", name, files)]
    return fetch_url(entry["filename"], entry["urls"], _hash_of(entry), cache_dir, progress)


def _hash_of(entry: dict) -> str | None:
    """ "ALGORITHM:DIGEST" from the registry, or None."""
    for algorithm in ("sha256", "md5"):
        if algorithm in entry:
            return f"{algorithm}:{entry[algorithm]}"
    return None


def _record(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(path.name + ".sha256")


def recorded_hash(path: pathlib.Path) -> str | None:
    """The sha256 of a file without a published hash at its first download; None before that."""
    try:
        return _record(path).read_text(encoding="utf-8").split()[0]
    except (OSError, IndexError):
        return None


def verify_file(path: pathlib.Path, entry: dict) -> DataFetchError | None:
    """The problem with a cached file, or None if it has the hash of the registry or of its first download."""
    try:
        if _is_whole(path, _hash_of(entry)):
            return None
    except DataFetchError as problem:
        return problem
    return _changed(path, _hash_of(entry))


def forget(path: pathlib.Path) -> None:
    """Delete a cached file that turned out to be wrong, and its recorded hash."""
    for one in (path, _record(path)):
        one.unlink(missing_ok=True)


def fetch_url(
    filename: str,
    urls: list[str],
    known_hash: str | None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> pathlib.Path:
    """Path of a file in the cache, downloaded from the mirror (MIRROR/files/FILENAME) or the first URL that answers.

    Parameters
    ----------
    known_hash : str or None
        "sha256:..." or "md5:..."; None if the publisher states none: see the module docstring.

    Raises
    ------
    DataFetchError
        If no URL provides it, its hash differs, or the cache cannot be written. The error of the last URL is raised.
    """
    for place in cache.shared_folders():
        path = place / "files" / filename
        if path.is_file():
            try:
                if _is_whole(path, known_hash):
                    return path
                raise _changed(path, known_hash)
            except DataFetchError as damage:
                print(f"Ignoring a file of the shared cache.\n{damage}", file=sys.stderr)
    folder = cache.cache_folder(cache_dir)
    target = folder / "files" / filename
    if target.is_file() and _is_whole(target, known_hash):
        return target
    mirror = transport.mirror_address()
    addresses = ([transport.join(mirror, f"files/{filename}")] if mirror else []) + list(urls)
    problem: DataFetchError | None = None
    with cache.locked(folder, filename, quiet=not progress):
        if target.is_file() and _is_whole(target, known_hash):
            return target  # fetched by another process in the meantime
        recorded = recorded_hash(target)
        expected = known_hash or (f"sha256:{recorded}" if recorded else None)
        if target.is_file() and expected is None:
            _keep_record(target, target)  # placed here manually: it must not change from now on
            return target
        for address in addresses:
            if progress:
                print(f"Fetching {filename} from {address}", file=sys.stderr, flush=True)
            try:
                _download(address, target, folder / "partial" / filename, expected)
                return target
            except (transport.NotThere, transport.CannotReach) as reason:
                problem = reason
            except OSError as reason:
                raise cache.not_written(f"{filename} could not be written", folder / "files", reason) from None
    assert problem is not None
    raise problem


def _download(address: str, target: pathlib.Path, staging: pathlib.Path, expected: str | None) -> None:
    """Download a file to a temporary place, hash it, and move it into place. The caller holds the file's lock.

    Raises
    ------
    DataFetchError
        If it is not the expected file; both hashes are given.
    """
    algorithm, _, digest = (expected or "sha256:").partition(":")
    fetched = staging / target.name
    # Left by a killed process: this one holds the lock.
    shutil.rmtree(staging, ignore_errors=True)
    remove_left_overs(_record(target))
    try:
        staging.mkdir(parents=True)
        wanted = f"{algorithm} {digest}" if digest else target.name
        size, got = transport.save(address, fetched, algorithm, wanted)
        if digest and got != digest:
            raise DataFetchError(
                "A downloaded file does not match the registry or its first download; it was deleted.",
                where=address,
                expected=wanted,
                got=f"{algorithm} {got} ({size:,} bytes)",
                next="run the same command again; if it happens twice, the publisher has changed the file",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        if expected is None:
            _keep_record(fetched, target)  # first, so that no file ever exists without one
        fetched.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _keep_record(fetched: pathlib.Path, target: pathlib.Path) -> None:
    """Write the sha256 of a file next to its present or future place, atomically."""
    write_atomically(_record(target), f"{cache.sha256_of(fetched)}  {target.name}\n")


def same_as_recorded(path: pathlib.Path, renew: bool = False) -> None:
    """Record the sha256 of a cached file if there is none yet (or `renew`), else raise DataFetchError if it differs."""
    recorded = recorded_hash(path)
    if recorded is not None and not renew:
        if cache.sha256_of(path) != recorded:
            raise _changed(path, f"sha256:{recorded}", path.parent.name)
    elif not cache.is_shared(path):
        _keep_record(path, path)


def _is_whole(target: pathlib.Path, known_hash: str | None) -> bool:
    """Whether a cached file has the stated hash; if none is stated, DataFetchError unless it is the first download."""
    recorded = recorded_hash(target)
    if known_hash is None and recorded is None:
        return False
    algorithm, _, digest = (known_hash or f"sha256:{recorded}").partition(":")
    try:
        with target.open("rb") as file:
            got = hashlib.file_digest(file, algorithm).hexdigest()
    except OSError as reason:
        raise DataFetchError(
            f"A cached file cannot be read ({reason.strerror or reason}).",
            where=target,
            next=f"data-fetch clean {target.name} --yes   and then fetch it again",
        ) from None
    if got != digest and known_hash is None:
        raise _changed(target, f"sha256:{recorded}")
    return got == digest


def _changed(path: pathlib.Path, known_hash: str | None, name: str | None = None) -> DataFetchError:
    return DataFetchError(
        "A downloaded file has changed since it was first fetched.",
        where=path,
        expected=(known_hash or "the sha256 recorded at its first download").replace(":", " "),
        got=f"sha256 {cache.sha256_of(path)}",
        next="tell the administrator of the shared cache"
        if cache.is_shared(path)
        else f"data-fetch clean {name or path.name} --yes   and then fetch it again",
    )

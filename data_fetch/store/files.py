"""Single files of the registry, kept as they are.

Where a publisher states no hash, and nobody of ours could fetch the file to take one, the registry has none. The sha256 of
the first download is then recorded beside the file (NAME.sha256), and the file must have it ever after: that finds what
was damaged or exchanged later, and says nothing about the first download.

A file is looked for in the shared caches (DATA_FETCH_SHARED) first, then in the user's own, then fetched. While it is
fetched it lies under CACHE/partial/FILENAME/.

(pooch would do temporary file, hash and move. It would not do what takes the most lines here: going on in the middle of a
file, mirrors that are folders, errors that say what to do.)
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
    """Path of a single file of the registry, downloaded first if it is not in the cache.

    What : weights or films, one file each; ``data-fetch list`` shows them.
    Counts and units : one file; its bytes are in the registry where the publisher states them.
    Format : as published (HDF5), never unpacked.
    Load with : ``fetch_file("vgg16-imagenet")``, or ``data-fetch get vgg16-imagenet``.
    Source : the registry's addresses, or MIRROR/files/FILENAME.
    Licence : in the registry, and in ``data-fetch list``.
    Processing : none; the hash of the registry, or of the first download, is checked at each call.

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


def _hash_of(entry: dict) -> str | None:
    """ "ALGORITHM:DIGEST" as the registry states it, or None."""
    for algorithm in ("sha256", "md5"):
        if algorithm in entry:
            return f"{algorithm}:{entry[algorithm]}"
    return None


def _record(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(path.name + ".sha256")


def recorded_hash(path: pathlib.Path) -> str | None:
    """The sha256 that a file without a published hash had when it was first downloaded; None before."""
    try:
        return _record(path).read_text(encoding="utf-8").split()[0]
    except (OSError, IndexError):
        return None


def verify_file(path: pathlib.Path, entry: dict) -> DataFetchError | None:
    """What is wrong with a file of the cache: None if it has the registry's hash, or that of its first download."""
    try:
        if _is_whole(path, _hash_of(entry)):
            return None
    except DataFetchError as problem:
        return problem
    return _changed(path, _hash_of(entry))


def forget(path: pathlib.Path) -> None:
    """Delete a file of the cache that turned out not to be what it should be, and the hash recorded for it."""
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
        "sha256:..." or "md5:..."; None where the publisher states none: see the head of this module.

    Raises
    ------
    DataFetchError
        If no address gives it, it has another hash, or the cache cannot be written. What went wrong at the last address is raised.
    """
    for place in cache.shared_folders():
        path = place / "files" / filename
        if path.is_file():
            try:
                if _is_whole(path, known_hash):
                    return path
                raise _changed(path, known_hash)
            except DataFetchError as damage:
                print(f"A file of the shared cache is not used.\n{damage}", file=sys.stderr)
    folder = cache.cache_folder(cache_dir)
    target = folder / "files" / filename
    if target.is_file() and _is_whole(target, known_hash):
        return target
    mirror = transport.mirror_address()
    addresses = ([transport.join(mirror, f"files/{filename}")] if mirror else []) + list(urls)
    problem: DataFetchError | None = None
    with cache.locked(folder, filename, quiet=not progress):
        if target.is_file() and _is_whole(target, known_hash):
            return target  # another process fetched it while we waited
        recorded = recorded_hash(target)
        expected = known_hash or (f"sha256:{recorded}" if recorded else None)
        if target.is_file() and expected is None:
            _keep_record(target, target)  # put here by hand: from now on it must stay what it is
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
    """Fetch a file into its place: downloaded beside, hashed, moved. The caller holds the file's lock.

    Raises
    ------
    DataFetchError
        If it is not the expected file; both hashes are named.
    """
    algorithm, _, digest = (expected or "sha256:").partition(":")
    fetched = staging / target.name
    # Of a process that was killed: we hold the lock.
    shutil.rmtree(staging, ignore_errors=True)
    remove_left_overs(_record(target))
    try:
        staging.mkdir(parents=True)
        wanted = f"{algorithm} {digest}" if digest else target.name
        size, got = transport.save(address, fetched, algorithm, wanted)
        if digest and got != digest:
            raise DataFetchError(
                "A downloaded file is not the one that the registry, or its first download, names; it was thrown away.",
                where=address,
                expected=wanted,
                got=f"{algorithm} {got} ({size:,} bytes)",
                next="run the same command again; if it happens twice, the publisher has changed the file",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        if expected is None:
            _keep_record(fetched, target)  # first, so that no file is ever there without one
        fetched.replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _keep_record(fetched: pathlib.Path, target: pathlib.Path) -> None:
    """Write the sha256 of a file beside the place where it is or will be, whole or not at all."""
    write_atomically(_record(target), f"{cache.sha256_of(fetched)}  {target.name}\n")


def same_as_recorded(path: pathlib.Path, renew: bool = False) -> None:
    """Record the sha256 of a kept file if there is none yet (or `renew`), else raise DataFetchError where it differs."""
    recorded = recorded_hash(path)
    if recorded is not None and not renew:
        if cache.sha256_of(path) != recorded:
            raise _changed(path, f"sha256:{recorded}", path.parent.name)
    elif not cache.is_shared(path):
        _keep_record(path, path)


def _is_whole(target: pathlib.Path, known_hash: str | None) -> bool:
    """Whether a file of the cache is the stated one; where none is stated, DataFetchError unless it is the first one."""
    recorded = recorded_hash(target)
    if known_hash is None and recorded is None:
        return False
    algorithm, _, digest = (known_hash or f"sha256:{recorded}").partition(":")
    try:
        with target.open("rb") as file:
            got = hashlib.file_digest(file, algorithm).hexdigest()
    except OSError as reason:
        raise DataFetchError(
            f"A file of the cache cannot be read ({reason.strerror or reason}).",
            where=target,
            next=f"data-fetch clean {target.name} --yes   and then fetch it again",
        ) from None
    if got != digest and known_hash is None:
        raise _changed(target, f"sha256:{recorded}")
    return got == digest


def _changed(path: pathlib.Path, known_hash: str | None, name: str | None = None) -> DataFetchError:
    return DataFetchError(
        "A downloaded file was changed since it was first fetched.",
        where=path,
        expected=(known_hash or "the sha256 recorded at its first download").replace(":", " "),
        got=f"sha256 {cache.sha256_of(path)}",
        next="tell whoever keeps the shared cache"
        if cache.is_shared(path)
        else f"data-fetch clean {name or path.name} --yes   and then fetch it again",
    )

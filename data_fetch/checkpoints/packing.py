"""Pack trained checkpoints for a release page: weights, cards, and the registry of a class that names them."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from typing import Any

from data_fetch.checkpoints.checkpoint_files import (
    CheckpointFiles,
    checkpoint,
    checkpoint_names,
    made_folder,
    missing_from_card,
    published_name,
)
from data_fetch.errors import DataFetchError
from data_fetch.store import registry_schema, tomltext
from data_fetch.store.atomic import write_atomically
from data_fetch.store.cache import sha256_of
from data_fetch.store.registry import CLASS_REGISTRY, registry

_HEAD = """# Checkpoints of a class. Students run `data-fetch use` with the URL of this file; a hub keeps it as registry.toml in
# its cache, or sets DATA_FETCH_REGISTRY to its path. Downloaded files must have these hashes.

"""


def pack_checkpoints(
    out: str | os.PathLike[str],
    url: str,
    names: Sequence[str] = (),
    folder: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> list[pathlib.Path]:
    """Write weights, cards and registry.toml into a folder, ready to be uploaded unchanged.

    Parameters
    ----------
    out : path
        Output folder, created if it does not exist. Only these files are written, the registry last.
    url : str
        The base URL under which the files will be published: http:// or https://.
    names : sequence of str
        Checkpoints; by default all in the folder.
    folder : path, optional
        Folder with NAME.h5 and NAME.toml; by default where `python -m medxai.train` stores them, in the cache.

    Returns
    -------
    list of Path
        The files written. Their names contain part of the sha256, so a new training run never replaces a file in use.

    Raises
    ------
    DataFetchError
        If there is nothing to pack, weights and card do not match, a card is incomplete, the file contains more than
        weights, or the name is that of a checkpoint of the course.
    """
    source = pathlib.Path(folder).expanduser().absolute() if folder is not None else made_folder(cache_dir)
    if not registry_schema.is_address(url) or "?" in url or "#" in url:
        raise DataFetchError(
            "This is not a valid base URL for the files.",
            where="--url",
            expected="http:// or https://, a server and a folder, such as https://example.org/course/checkpoints",
            got=repr(url),
        )
    chosen = list(dict.fromkeys(names)) or checkpoint_names(source)
    if not chosen:
        raise DataFetchError(
            "There is no checkpoint to pack.",
            where=source,
            expected="NAME.h5 and NAME.toml, as written by medxai.train",
            next="python -m medxai.train cardiomegaly --profile gpu   or name another folder: --from FOLDER",
        )
    packed = {name: _checked(name, source) for name in chosen}
    target = pathlib.Path(out).expanduser().absolute()
    entries: dict[str, dict[str, Any]] = {}
    written = []
    for name, files in packed.items():
        entries[name] = _entry(name, files)
        for part, path in (("weights", files.path), ("card", files.card_path)):
            sha256 = sha256_of(path)
            filename = published_name(name, sha256, path.suffix[1:])
            entries[name][part] = {
                "urls": [f"{url.rstrip('/')}/{filename}"],
                "sha256": sha256,
                "bytes": path.stat().st_size,
            }
            write_atomically(target / filename, path.read_bytes())
            written.append(target / filename)
    table = {"checkpoints": entries}
    registry_schema.check_class_registry(table, target / CLASS_REGISTRY)
    write_atomically(target / CLASS_REGISTRY, (_HEAD + tomltext.dumps(table)).encode())
    return [*written, target / CLASS_REGISTRY]


def _entry(name: str, files: CheckpointFiles) -> dict[str, Any]:
    course = registry()["checkpoints"].get(name, {})
    return {
        "title": str(course.get("title") or files.card.get("architecture") or name),
        "profile": str(files.card.get("profile", "cpu")),
        "licence": str(files.card["licence"]),
        "command": str(files.card["command"]),
    }


def _checked(name: str, folder: pathlib.Path) -> CheckpointFiles:
    """The files of a checkpoint, if it may be published."""
    if "weights" in registry()["checkpoints"].get(name, {}):
        raise DataFetchError(
            f"The name {name!r} is taken by a checkpoint that comes with the course.",
            where=folder,
            expected="another name",
            next="train it under another name: python -m medxai.train TASK --name NAME",
        )
    files = checkpoint(name, folder)
    missing = missing_from_card(files.card) + [key for key in ("licence",) if not files.card.get(key)]
    if missing:
        raise DataFetchError(
            "The card of a checkpoint is incomplete, so the checkpoint would be unusable.",
            where=files.card_path,
            expected="a card written by medxai.save_checkpoint",
            got=f"no {', '.join(missing)}",
            next=f"create it again: {files.card.get('command', 'python -m medxai.train')}",
        )
    _refuse_more_than_weights(files.path)
    return files


def _refuse_more_than_weights(path: pathlib.Path) -> None:
    """Refuse a whole Keras model: it also contains its configuration, which may contain code."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            keys = set(file.attrs)
    except OSError as reason:
        raise DataFetchError(
            "This is not an HDF5 file of weights, or it is damaged.", where=path, got=str(reason)
        ) from None
    if "layer_names" not in keys or "model_config" in keys:
        raise DataFetchError(
            "This is not a weights-only file.",
            where=path,
            expected="a file written by medxai.save_checkpoint or model.save_weights(..., save_format='h5')",
            got="a whole model" if "model_config" in keys else "an HDF5 file without Keras's list of layers",
        )

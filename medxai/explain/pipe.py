"""Messages between a process and its child: a JSON header and the raw bytes of arrays; nothing is ever executed.

A frame consists of the magic bytes, the lengths of header and body (two little-endian unsigned 64-bit numbers), the
header in JSON, and the body: the bytes of all arrays, one after another. In the header, an array is {"array": number}.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

import numpy as np

_START = struct.Struct("<4sQQ")
_MAGIC = b"MXA1"
_HEAD_LIMIT = 64 * 2**20


class PipeClosed(EOFError):
    """The other end is closed, or sends something that is not a frame."""


def send(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Write one message.

    Parameters
    ----------
    stream : binary file
    message : dict
        Contains None, bool, int, float, str, lists and dicts of these, and numeric arrays.

    Raises
    ------
    TypeError
        It contains anything else; nothing was written.
    PipeClosed
        The other end is closed.
    """
    arrays: list[np.ndarray] = []
    content = _pack(message, arrays)
    kinds = [{"dtype": array.dtype.str, "shape": array.shape} for array in arrays]
    head = json.dumps({"message": content, "arrays": kinds}).encode()
    _write(stream, _START.pack(_MAGIC, len(head), sum(array.nbytes for array in arrays)) + head)
    for array in arrays:
        _write(stream, array.reshape(-1).view(np.uint8).data)


def receive(stream: BinaryIO) -> dict[str, Any]:
    """Read one message.

    Returns
    -------
    dict
        With writable arrays.

    Raises
    ------
    PipeClosed
        The stream ended, possibly within a frame, or contains something that is not a frame.
    """
    magic, head_length, body_length = _START.unpack(_read(stream, _START.size))
    if magic != _MAGIC or head_length > _HEAD_LIMIT:
        raise PipeClosed("the stream contains something that is not a message")
    head = json.loads(bytes(_read(stream, head_length)))
    body, start = _read(stream, body_length), 0
    arrays = []
    for kind in head["arrays"]:
        dtype = np.dtype(kind["dtype"])
        count = int(np.prod(kind["shape"], dtype=np.int64))
        arrays.append(np.frombuffer(body, dtype, count, start).reshape(kind["shape"]))
        start += count * dtype.itemsize
    return _unpack(head["message"], arrays)


def _pack(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biuf":
            raise TypeError(f"an array of dtype {value.dtype} cannot be sent, only numeric arrays")
        arrays.append(np.asarray(value, order="C"))
        return {"array": len(arrays) - 1}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {"dict": {str(key): _pack(part, arrays) for key, part in value.items()}}
    if isinstance(value, list | tuple):
        return [_pack(part, arrays) for part in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be sent")


def _unpack(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, dict):
        if "array" in value:
            return arrays[value["array"]]
        return {key: _unpack(part, arrays) for key, part in value["dict"].items()}
    if isinstance(value, list):
        return [_unpack(part, arrays) for part in value]
    return value


def _write(stream: BinaryIO, data: bytes | memoryview) -> None:
    # Unbuffered streams may take only a part.
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[stream.write(rest) :]
        stream.flush()
    except (BrokenPipeError, ConnectionError) as error:
        raise PipeClosed("the other end is closed") from error


def _read(stream: BinaryIO, length: int) -> bytearray:
    data = bytearray(length)
    view, done = memoryview(data), 0
    while done < length:
        count = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise PipeClosed("the other end is closed")
        done += count
    return data

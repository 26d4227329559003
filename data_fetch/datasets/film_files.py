"""Read your own film from a PNG, JPEG or DICOM file into the format of the course: grey, 8 bits, bone white."""

from __future__ import annotations

import os
import pathlib
import warnings
from typing import TYPE_CHECKING

import numpy as np

from data_fetch.errors import DataFetchError

if TYPE_CHECKING:
    import pydicom

LARGEST = 100_000_000  # pixels; the largest detectors have 20 million
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
Window = tuple[float, float]


def read_film(path: str | os.PathLike[str], window: Window | None = None) -> np.ndarray:
    """Read one film from a PNG, JPEG or DICOM file.

    Parameters
    ----------
    path : path
        The type is determined by the content of the file, not by its name.
    window : (centre, width), optional
        DICOM only, in the film's own values (after rescaling): replaces the window in the file.

    Returns
    -------
    (H, W) uint8
        0 to 255, bone white, whatever the file's own convention. The size is the file's own.

    Raises
    ------
    DataFetchError
        If the file does not exist, is of another type, cannot be decoded, has no pixels, several frames or more than
        100 million pixels, or if its window is invalid.

    Notes
    -----
    *PNG, JPEG*: 8-bit greys are unchanged; 16-bit greys are divided by 257 and rounded; colours (palette, CMYK) become
    grey by Pillow's luma, (299 R + 587 G + 114 B) / 1000; transparency is ignored; the camera's orientation is applied.

    *DICOM*: stored values become the film's own by RescaleSlope and RescaleIntercept (or the modality LUT). Then the window:
    `window`, else the first WindowCenter and WindowWidth of the file with its VOILUTFunction, else its first VOI LUT, else
    from the lowest to the highest value of the film. Values below the window become 0, values above it 255. MONOCHROME1,
    in which high values are dark, is inverted last. Colours become grey as above. The functions are those of DICOM
    PS3.3, C.11.2.1.2 (LINEAR, with its offset of half a value from the centre, LINEAR_EXACT and SIGMOID).
    """
    path = pathlib.Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError as reason:
        raise DataFetchError(f"The film cannot be read ({reason.strerror or reason}).", where=path) from None
    dicom = start[128:] == b"DICM"
    if not dicom and not start.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        raise DataFetchError(
            "This film cannot be read.",
            where=path,
            expected="a PNG, JPEG or DICOM file (with the letters DICM at byte 128)",
            got=f"a file that begins with {start[:8].hex(' ')}" if start else "an empty file",
            next="export it again from its source",
        )
    if window is not None and not dicom:
        raise DataFetchError("Only DICOM films take a window.", where=path, expected="window=None", got=repr(window))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about oddities that do not prevent reading
        try:
            return _from_dicom(path, window) if dicom else _from_picture(path)
        except DataFetchError:
            raise
        except Exception as reason:  # a damaged file can make the decoders raise anything
            raise DataFetchError(
                f"The film cannot be decoded ({type(reason).__name__}: {str(reason)[:200]}).",
                where=path,
                expected="a complete DICOM file" if dicom else "a complete PNG or JPEG file",
                next="export it again" + (", without compression" if dicom else ""),
            ) from None


def _from_picture(path: pathlib.Path) -> np.ndarray:
    from PIL import Image, ImageOps

    with Image.open(path, formats=("PNG", "JPEG")) as image:
        _check_size(path, image.height, image.width)
        image.load()
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I"):
            return np.round(np.asarray(upright).astype(np.float64) / 257).clip(0, 255).astype(np.uint8)
        return np.array(upright if upright.mode == "L" else upright.convert("RGB").convert("L"), np.uint8)


def _check_size(path: pathlib.Path, rows: int, columns: int) -> None:
    if not 0 < rows * columns <= LARGEST:
        raise DataFetchError(
            "Invalid film size.",
            where=path,
            expected=f"1 to {LARGEST:,} pixels",
            got=f"{rows:,} rows x {columns:,} columns",
        )


def _from_dicom(path: pathlib.Path, window: Window | None) -> np.ndarray:
    import pydicom
    from pydicom.pixels import apply_modality_lut

    data = pydicom.dcmread(path)
    if "PixelData" not in data:
        kind = getattr(data.file_meta, "MediaStorageSOPClassUID", None)
        raise DataFetchError(
            "This DICOM file has no pixels.",
            where=path,
            expected="a film",
            got=getattr(kind, "name", None) or "a file without the element PixelData",
            next="choose the image of the study, not its report or presentation state",
        )
    if int(data.get("NumberOfFrames") or 1) != 1:
        raise DataFetchError(
            "This DICOM file has several frames.", where=path, expected="1 frame", got=f"{data.NumberOfFrames} frames"
        )
    photometric = str(data.get("PhotometricInterpretation"))
    if photometric not in GREY + COLOUR:
        raise DataFetchError(
            "Unsupported colour format in a DICOM file.",
            where=path,
            expected=f"PhotometricInterpretation {', '.join(GREY + COLOUR)}",
            got=photometric,
        )
    _check_size(path, int(data.Rows), int(data.Columns))
    pixels = data.pixel_array
    if photometric in COLOUR:
        from PIL import Image

        if pixels.dtype != np.uint8:
            raise DataFetchError("Only 8-bit colours are supported.", where=path, expected="uint8", got=pixels.dtype)
        return np.array(Image.fromarray(pixels).convert("L"))
    grey = _windowed(path, np.asarray(apply_modality_lut(pixels, data), np.float64), data, window)
    if photometric == "MONOCHROME1":
        grey = 255 - grey
    return np.round(grey).astype(np.uint8)


def _windowed(path: pathlib.Path, values: np.ndarray, data: pydicom.Dataset, window: Window | None) -> np.ndarray:
    """(H, W) float64 from 0 (at the window's lower end and below) to 255."""
    import pydicom
    from pydicom.pixels import apply_voi, apply_windowing

    function = "LINEAR"
    if window is None and data.get("WindowCenter") is not None and data.get("WindowWidth") is not None:
        window = (_first(data.WindowCenter), _first(data.WindowWidth))
        function = str(data.get("VOILUTFunction") or "LINEAR")
    elif window is None and data.get("VOILUTSequence"):
        highest = (1 << int(data.VOILUTSequence[0].LUTDescriptor[2])) - 1
        return np.asarray(apply_voi(values.astype(np.int64), data), np.float64) / highest * 255
    if window is None:
        low, high = values.min(), values.max()
        return (values - low) / (high - low) * 255 if high > low else np.zeros(values.shape)
    centre, width = (float(value) for value in window)
    least = 1.0 if function == "LINEAR" else 0.0
    known = function in ("LINEAR", "LINEAR_EXACT", "SIGMOID")
    if not known or not np.isfinite([centre, width]).all() or width < least or width == 0:
        raise DataFetchError(
            "Invalid display window.",
            where=path,
            expected=f"LINEAR (a width of at least 1), LINEAR_EXACT or SIGMOID (above {least:g})",
            got=f"{function}, centre {centre:g}, width {width:g}",
            next="pass your own: read_film(path, window=(centre, width))",
        )
    # In an otherwise empty dataset, so that the window's ends become 0 and 255 whatever the bit depth of the film.
    window_only = pydicom.Dataset()
    window_only.PhotometricInterpretation, window_only.BitsStored, window_only.PixelRepresentation = GREY[1], 8, 0
    window_only.WindowCenter, window_only.WindowWidth, window_only.VOILUTFunction = centre, width, function
    return apply_windowing(values, window_only)


def _first(value: object) -> float:
    """The window value, or the first of a list: the one preferred by the film's maker."""
    return float(value[0] if isinstance(value, list) or hasattr(value, "__getitem__") else value)  # type: ignore[arg-type]

"""read_film: images and DICOM files of every kind, and damaged ones."""

from __future__ import annotations

import io
import pathlib

import numpy as np
import pytest
from damage import QUICK, damaged, told
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data_fetch import DataFetchError, read_film

PICTURES = st.tuples(
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]), st.integers(1, 40), st.integers(1, 40)
)


def picture(mode: str, height: int, width: int) -> tuple[bytes, np.ndarray]:
    """An image file of a given mode, and its greys."""
    grey = (np.arange(height * width, dtype=np.int64) * 37 % 256).astype(np.uint8).reshape(height, width)
    buffer = io.BytesIO()
    if mode == "I;16":
        Image.fromarray(grey.astype(np.uint16) * 257).save(buffer, "PNG")
    elif mode == "CMYK":
        Image.merge("CMYK", [*[Image.new("L", (width, height))] * 3, Image.fromarray(255 - grey)]).save(
            buffer, "JPEG", quality=100
        )
    elif mode == "P":
        image = Image.fromarray(255 - grey, mode="P")  # indices in the opposite order of their colours
        image.putpalette([255 - i // 3 for i in range(768)])
        image.save(buffer, "PNG")
    elif mode == "1":
        image = Image.fromarray(grey).convert("1")
        grey = np.asarray(image.convert("L"))
        image.save(buffer, "PNG")
    else:
        Image.fromarray(grey).convert(mode).save(buffer, "PNG")
    return buffer.getvalue(), grey


@QUICK
@given(PICTURES)
def test_pictures_of_every_kind_and_size_are_read_as_they_look(tmp_path, what):
    content, grey = picture(*what)
    (tmp_path / "film").write_bytes(content)
    read = read_film(tmp_path / "film")
    assert read.dtype == np.uint8 and read.shape == grey.shape
    tolerance = 12 if what[0] == "CMYK" else 0  # JPEG
    assert np.abs(read.astype(int) - grey).max() <= tolerance


DEFAULT = {"PhotometricInterpretation": "MONOCHROME2", "BitsStored": 12, "PixelRepresentation": 0}


def dicom(path: pathlib.Path, pixels: np.ndarray | None, **elements: object) -> pathlib.Path:
    """A DICOM film in its plainest encoding."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"  # digital X-ray, for presentation
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    if pixels is not None:
        data.Rows, data.Columns, data.SamplesPerPixel = *pixels.shape[:2], 1 if pixels.ndim == 2 else 3
        data.BitsAllocated, data.PlanarConfiguration = pixels.itemsize * 8, 0
        for name, value in {**DEFAULT, **elements}.items():
            if value is not None:
                setattr(data, name, value)
        data.HighBit = data.BitsStored - 1
        data.PixelData = pixels.tobytes()
        data["PixelData"].VR = "OW" if pixels.itemsize > 1 else "OB"
    data.save_as(path, enforce_file_format=True)
    return path


RAMP = np.arange(0, 4000, 100, dtype=np.uint16).reshape(5, 8)


def test_dicom_films_are_bone_white_whatever_their_convention(tmp_path):
    plain = read_film(dicom(tmp_path / "film", RAMP))
    assert plain[0, 0] == 0 and plain[-1, -1] == 255 and (np.diff(plain.ravel().astype(int)) >= 0).all()
    turned = read_film(dicom(tmp_path / "film", RAMP.max() - RAMP, PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(turned, plain)


def test_dicom_windows_are_those_of_the_standard(tmp_path):
    values = np.arange(0, 40, dtype=np.uint16).reshape(5, 8)
    # PS3.3, C.11.2.1.2.1: with centre 20 and width 11, 14.5 and below is black, 24.5 and above is white.
    film = read_film(dicom(tmp_path / "film", values, WindowCenter=20, WindowWidth=11)).ravel()
    assert film[14] == 0 and film[15] == 13 and film[24] == 242 and film[25] == 255
    exact = read_film(
        dicom(tmp_path / "film", values, WindowCenter=20, WindowWidth=10, VOILUTFunction="LINEAR_EXACT")
    ).ravel()
    assert exact[15] == 0 and exact[20] == 128 and exact[25] == 255
    sigmoid = read_film(
        dicom(tmp_path / "film", values, WindowCenter=20, WindowWidth=10, VOILUTFunction="SIGMOID")
    ).ravel()
    assert sigmoid[20] == 128 and sigmoid[10] == round(255 / (1 + np.exp(4))) and sigmoid[30] == 255 - sigmoid[10]
    # The window is in the film's own values, after rescaling; the first of several is used; an explicit one takes precedence.
    rescaled = dict(RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=[-960, 3], WindowWidth=[21, 4])
    film = read_film(dicom(tmp_path / "film", values, **rescaled)).ravel()
    assert film[14] == 0 and film[15] == 6 and film[25] == 255
    assert read_film(tmp_path / "film", window=(-1000, 1)).ravel()[:2].tolist() == [255, 255]
    signed = read_film(dicom(tmp_path / "film", values.astype(np.int16) - 20, PixelRepresentation=1, BitsStored=16))
    assert np.array_equal(signed, read_film(dicom(tmp_path / "film", values)))


@pytest.mark.parametrize(
    ("pixels", "elements", "message"),
    [
        (None, {}, "has no pixels[\\s\\S]*got: +Digital X-Ray Image"),
        (RAMP, {"NumberOfFrames": 2}, "has several frames[\\s\\S]*2 frames"),
        (RAMP, {"PhotometricInterpretation": "PALETTE COLOR"}, "Unsupported colour format[\\s\\S]*PALETTE COLOR"),
        (
            RAMP,
            {"WindowCenter": 20, "WindowWidth": 0},
            "Invalid display window[\\s\\S]*width 0[\\s\\S]*window=\\(centre",
        ),
        (RAMP, {"WindowCenter": 20, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, "got: +CUBIC"),
        (RAMP, {"PhotometricInterpretation": None}, "Unsupported colour format"),
        (RAMP, {"Rows": 60_000, "Columns": 60_000}, "Invalid film size[\\s\\S]*100,000,000"),
        (RAMP, {"Rows": 50}, "cannot be decoded[\\s\\S]*complete DICOM file"),
    ],
)
def test_dicom_files_that_are_no_film_are_refused(tmp_path, pixels, elements, message):
    with pytest.raises(DataFetchError, match=message):
        read_film(dicom(tmp_path / "film.dcm", pixels, **elements))


def test_what_is_no_film_is_named(tmp_path):
    for name, content, message in (
        ("empty", b"", "an empty file"),
        ("text", b"hello, this is text", "begins with 68 65"),
        ("gif", b"GIF89a" + bytes(200), "PNG, JPEG or DICOM"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataFetchError, match=message):
            read_film(tmp_path / name)
    with pytest.raises(DataFetchError, match="No such file"):
        read_film(tmp_path / "nowhere")
    (tmp_path / "film").write_bytes(picture("L", 3, 3)[0])
    with pytest.raises(DataFetchError, match="Only DICOM films"):
        read_film(tmp_path / "film", window=(1, 2))


@QUICK
@given(st.data())
def test_damaged_films_are_read_or_refused(tmp_path, data):
    kind = data.draw(st.sampled_from(["L", "CMYK", "P", "I;16", "dicom", "RGBA"]))
    path = tmp_path / "film"
    content = dicom(path, RAMP).read_bytes() if kind == "dicom" else picture(kind, 9, 11)[0]
    path.write_bytes(data.draw(damaged(content)))
    try:
        film = read_film(path)
    except DataFetchError as problem:
        told(problem)
    else:
        assert film.dtype == np.uint8 and film.ndim == 2
    assert sorted(tmp_path.iterdir()) == [path], "nothing is written"

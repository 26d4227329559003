"""Files that are not what they should be, by hypothesis: handled, or refused with a message; nothing else happens."""

from __future__ import annotations

import io
import pathlib
import tempfile

import numpy as np
import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from data_fetch import DataFetchError, read_film
from data_fetch.datasets import split_views
from data_fetch.datasets.imageset import read_stored_set
from data_fetch.sources.nih import make_index as make_nih_index
from data_fetch.store import manifest, mirror

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CLASSES = ("normal", "cardiomegaly")


def told(problem: DataFetchError) -> None:
    """A message for people: what is wrong and where, and the next thing to do or what was expected."""
    assert problem.what and problem.where is not None and (problem.next or problem.expected)


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """A file cut short, with bytes changed, or with something put in."""
    at = st.integers(0, max(0, len(content) - 1))
    cut = at.map(lambda place: content[:place])
    changed = st.tuples(at, st.binary(min_size=1, max_size=8)).map(
        lambda change: content[: change[0]] + change[1] + content[change[0] + len(change[1]) :]
    )
    put_in = st.tuples(at, st.binary(min_size=1, max_size=8)).map(
        lambda change: content[: change[0]] + change[1] + content[change[0] :]
    )
    return st.one_of(cut, changed, put_in)


# --- films ---

PICTURES = st.tuples(
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]), st.integers(1, 40), st.integers(1, 40)
)


def picture(mode: str, height: int, width: int) -> tuple[bytes, np.ndarray]:
    """An image file of a mode, and the greys that it shows."""
    grey = (np.arange(height * width, dtype=np.int64) * 37 % 256).astype(np.uint8).reshape(height, width)
    buffer = io.BytesIO()
    if mode == "I;16":
        Image.fromarray(grey.astype(np.uint16) * 257).save(buffer, "PNG")
    elif mode == "CMYK":
        Image.merge("CMYK", [*[Image.new("L", (width, height))] * 3, Image.fromarray(255 - grey)]).save(
            buffer, "JPEG", quality=100
        )
    elif mode == "P":
        image = Image.fromarray(255 - grey, mode="P")  # numbers that run against the colours they stand for
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
    # The window is in the film's own values, after rescaling; the first of several counts; and one's own wins.
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
        (RAMP, {"NumberOfFrames": 2}, "is a series[\\s\\S]*2 frames"),
        (RAMP, {"PhotometricInterpretation": "PALETTE COLOR"}, "colours that are not read[\\s\\S]*PALETTE COLOR"),
        (
            RAMP,
            {"WindowCenter": 20, "WindowWidth": 0},
            "Invalid display window[\\s\\S]*width 0[\\s\\S]*window=\\(centre",
        ),
        (RAMP, {"WindowCenter": 20, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, "got: +CUBIC"),
        (RAMP, {"PhotometricInterpretation": None}, "colours that are not read"),
        (RAMP, {"Rows": 60_000, "Columns": 60_000}, "cannot have this size[\\s\\S]*100,000,000"),
        (RAMP, {"Rows": 50}, "cannot be decoded[\\s\\S]*whole DICOM file"),
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


# --- stored sets and mirrors ---

TABLE = "name,label,patient,fold\n" + "".join(f"{i}.png,{i % 2},p{i},{i}\n" for i in range(6))
CARD = 'source = "phantom"\nversion = "1"\n'


def write_set(folder: pathlib.Path, **parts: object) -> pathlib.Path:
    """A stored set of six films, with some of its files as given; None leaves one out."""
    (folder / "masks").mkdir(parents=True)
    pixels = np.arange(6 * 64, dtype=np.uint8).reshape(6, 8, 8)
    boxes = "film,finding,x,y,width,height\n0,Nodule,1,2,3,4\n"
    files = {
        "images.npy": pixels,
        "masks/heart.npy": pixels > 9,
        "table.csv": TABLE,
        "boxes.csv": boxes,
        "card.toml": CARD,
    }
    for name, content in (files | parts).items():
        if isinstance(content, np.ndarray):
            np.save(folder / name, content)
        elif content is not None:
            (folder / name).write_text(str(content))
    return folder


def test_a_whole_set_is_read(tmp_path):
    films = read_stored_set(write_set(tmp_path / "set"), CLASSES)
    assert len(films) == 6 and films.boxes["finding"].tolist() == ["Nodule"]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"table.csv": TABLE.replace("label", "lable", 1)}, "no column label"),
        ({"table.csv": TABLE.replace("patient", "x", 1).replace("name", "y", 1)}, "no column name and no patient"),
        ({"table.csv": TABLE + "0.png,1,p0,0\n"}, "names '0.png' twice"),
        ({"table.csv": TABLE.replace("1.png,1", "1.png,one")}, "not a whole number from 0 to 1"),
        ({"table.csv": TABLE.replace("1.png,1", "1.png,2")}, "not a whole number from 0 to 1"),
        ({"table.csv": TABLE.replace("1.png,1", "1.png,")}, "a row without label"),
        ({"table.csv": TABLE.rsplit("\n", 2)[0] + "\n"}, "6 rows for 5 films"),
        ({"table.csv": None}, "No such file"),
        ({"table.csv": ""}, "No columns"),
        ({"images.npy": np.zeros((6, 8, 8), np.float32)}, r"images.npy is float32 \(6, 8, 8\)"),
        ({"images.npy": "no array"}, "pickle|magic|Cannot"),
        ({"masks/heart.npy": np.zeros((6, 8, 9), bool)}, r"heart.npy is bool \(6, 8, 9\)"),
        ({"boxes.csv": "film,finding,x,y,width\n"}, "boxes.csv has no column height"),
        ({"boxes.csv": "film,finding,x,y,width,height\n6,Nodule,1,2,3,4\n"}, "a box on no film"),
        ({"card.toml": "source ="}, "Invalid value"),
    ],
)
def test_a_set_that_does_not_fit_together_is_refused(tmp_path, parts, message):
    with pytest.raises(DataFetchError, match=message) as found:
        read_stored_set(write_set(tmp_path / "set-1", **parts), CLASSES)
    told(found.value)
    assert "data-fetch clean set-1 --yes" in str(found.value)


def test_a_table_without_its_splits_is_told(tmp_path):
    films = read_stored_set(write_set(tmp_path / "set", **{"table.csv": TABLE.replace("fold", "fooled")}), CLASSES)
    for of in (lambda: split_views.of_split(films, "train"), lambda: split_views.of_fold(films, "train")):
        with pytest.raises(DataFetchError, match="no column (split|fold)[\\s\\S]*data-fetch verify"):
            of()


@QUICK
@given(damaged(TABLE.encode()))
def test_a_damaged_table_is_read_or_refused(content):
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_set(pathlib.Path(temporary, "set"))
        (folder / "table.csv").write_bytes(content)
        try:
            films = read_stored_set(folder, CLASSES)
        except DataFetchError as problem:
            told(problem)
        else:
            assert len(films) == 6 and len(set(films.names)) == 6 and set(films.labels) <= {0, 1}


NAME_PARTS = st.sampled_from(["..", ".", "", "images.npy", "masks", "/etc", "C:", "a\\b", "x", "~", "\x00", "con"])
ENTRIES = st.fixed_dictionaries(
    {},
    optional={
        "bytes": st.one_of(st.integers(-2, 99), st.booleans(), st.text(max_size=3)),
        "sha256": st.one_of(st.just("0" * 64), st.text(max_size=4), st.integers()),
        "extra": st.integers(),
    },
)


@settings(QUICK, max_examples=25)
@given(st.dictionaries(st.lists(NAME_PARTS, min_size=1, max_size=3).map("/".join), ENTRIES, max_size=3))
def test_the_manifest_of_a_mirror_never_leads_out_of_the_cache(files):
    from data_fetch.store import tomltext

    with tempfile.TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        top = pathlib.Path(temporary)
        (top / "m" / "sets" / "one").mkdir(parents=True)
        (top / "m" / "sets" / "one" / manifest.MANIFEST).write_bytes(tomltext.dumps({"files": files}).encode())
        (top / "cache").mkdir()
        patch.setenv("DATA_FETCH_MIRROR", str(top / "m"))
        before = sorted(top.rglob("*"))
        with pytest.raises(DataFetchError) as found:
            mirror.copy_from_mirror("one", top / "cache")
        told(found.value)
        new = [path for path in top.rglob("*") if path not in before]
        assert all(path.is_relative_to(top / "cache") for path in new)


@QUICK
@given(st.one_of(st.binary(max_size=80), damaged(b'[files."images.npy"]\nbytes = 3\nsha256 = "' + b"0" * 64 + b'"\n')))
def test_any_bytes_are_a_manifest_or_none(content):
    try:
        files = manifest.checked_manifest(content)
    except ValueError:
        return
    assert all(entry["bytes"] >= 0 and len(entry["sha256"]) == 64 for entry in files.values())


# --- the NIH's tables ---

FILMS = pandas.DataFrame(
    {
        "Image Index": [f"{p:08d}_{n:03d}.png" for p in (1, 2, 3) for n in (0, 1)],
        "Finding Labels": ["No Finding", "Cardiomegaly|Effusion"] * 3,
        "Follow-up #": [0, 1] * 3,
        "Patient ID": [1, 1, 2, 2, 3, 3],
        "Patient Age": [50, 51] * 3,
        "Patient Sex": ["F", "F", "M", "M", "F", "F"],
        "View Position": ["PA", "AP"] * 3,
        "OriginalImage[Width": [2048] * 6,
        "Height]": [2500] * 6,
        "OriginalImagePixelSpacing[x": [0.143] * 6,
        "y]": [0.143] * 6,
    }
)
DRAWN = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n00000001_001.png,Cardiomegaly,100.5,200,300,400,,,\n"


def made(folder: pathlib.Path, films: pandas.DataFrame, drawn: str = DRAWN) -> dict[str, np.ndarray]:
    films.to_csv(folder / "Data_Entry_2017_v2020.csv", index=False)
    (folder / "BBox_List_2017.csv").write_text(drawn)
    return make_nih_index.columns(*make_nih_index.read_tables(folder))


def test_whole_tables_make_an_index(tmp_path):
    index = made(tmp_path, FILMS)
    assert index["patient"].tolist() == [1, 1, 2, 2, 3, 3] and index["box_xywh"].tolist() == [[100.5, 200, 300, 400]]


@settings(QUICK, max_examples=40)
@given(st.data())
def test_tables_with_missing_columns_wrong_types_or_duplicate_rows_are_refused(tmp_path, data):
    films, drawn = FILMS, DRAWN
    how = data.draw(st.sampled_from(["column", "cell", "twice", "boxes", "empty"]))
    if how == "column":
        films = films.drop(columns=data.draw(st.sampled_from(list(films.columns))))
    elif how == "cell":
        column, row = data.draw(st.sampled_from(list(films.columns))), data.draw(st.integers(0, 5))
        wrong = "" if column == "Finding Labels" else data.draw(st.sampled_from(["", "058Y", "x", -7, 1e9, 0.5, "nan"]))
        if column.startswith(("OriginalImagePixel", "y]")) and wrong == 0.5:
            wrong = "half"
        films = films.astype(object)
        films.loc[row, column] = wrong
    elif how == "twice":
        films = pandas.concat([films, films.iloc[[data.draw(st.integers(0, 5))]]])
    elif how == "boxes":
        drawn = drawn.replace(
            *data.draw(st.sampled_from([("300", "wide"), ("00000001", "99999999"), (",200,300,400", "")]))
        )
    else:
        drawn = ""
    with pytest.raises(DataFetchError) as found:
        made(tmp_path, films, drawn)
    assert found.value.expected and found.value.next

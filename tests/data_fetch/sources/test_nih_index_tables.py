"""Building the index from the NIH's tables, intact and damaged."""

from __future__ import annotations

import pathlib

import numpy as np
import pandas
import pytest
from damage import QUICK
from hypothesis import given, settings
from hypothesis import strategies as st

from data_fetch import DataFetchError
from data_fetch.sources.nih import make_index

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
    (folder / "BBox_List_2017.csv").write_text(drawn, encoding="utf-8")
    return make_index.columns(*make_index.read_tables(folder))


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

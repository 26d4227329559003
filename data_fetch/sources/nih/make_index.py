"""Make nih_index.npz, the compact index of NIH ChestX-ray14, from the official tables.

    python -m data_fetch.sources.nih.make_index FOLDER

FOLDER holds Data_Entry_2017_v2020.csv (or .csv.gz) and BBox_List_2017.csv as published by the NIH Clinical Center.
The same tables give the same bytes. Columns are stored separately, sorted by film, because sorted columns of small
integers compress to a thirtieth of the size of the tables.
"""

from __future__ import annotations

import pathlib
import sys
import zlib
from typing import Annotated

import numpy as np
import pandas
import typer

from data_fetch import command_line
from data_fetch.errors import DataFetchError

OUTPUT = pathlib.Path(__file__).with_name("nih_index.npz")

NOTICE = """\
Index of NIH ChestX-ray14: 112,120 frontal chest films of 30,805 patients, and 984 boxes drawn by a radiologist.
Made from Data_Entry_2017_v2020.csv and BBox_List_2017.csv by data_fetch/sources/nih/make_index.py.
The data are provided by the NIH Clinical Center, without restriction on use, at
https://nihcc.app.box.com/v/ChestXray-NIHCC. Cite: X. Wang, Y. Peng, L. Lu, Z. Lu, M. Bagheri, R. M. Summers,
ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks on Weakly-Supervised Classification and Localization
of Common Thorax Diseases, CVPR 2017. The findings were mined from radiology reports by text processing; the
authors expect them to be more than 90% accurate. They are not a radiologist's reading of the film.
"""


# Our name for each column, in the tables' order; numeric columns with the largest value that the index can hold.
FILMS: dict[str, float | None] = {
    "name": None,
    "findings": None,
    "follow_up": 255,
    "patient": 65_535,
    "age": 255,
    "sex": None,
    "view": None,
}
FILMS |= {"width": 65_535, "height": 65_535, "dx": 100.0, "dy": 100.0}
BOXES: dict[str, float | None] = {
    "name": None,
    "finding": None,
    "x": 1024.0,
    "y": 1024.0,
    "width": 1024.0,
    "height": 1024.0,
}


def _read(path: pathlib.Path, columns: dict[str, float | None]) -> pandas.DataFrame:
    """An official table with our column names; DataFetchError for missing columns, empty cells and invalid numbers."""

    def refuse(what: str, got: object) -> DataFetchError:
        return DataFetchError(
            f"An official table is not as expected: {what}.",
            where=path,
            expected=", ".join(columns),
            got=got,
            next="download the table again from the NIH",
        )

    try:
        table = pandas.read_csv(path)
    except (OSError, ValueError, EOFError, zlib.error) as reason:
        raise refuse("it cannot be read", reason) from None
    extra = table.columns[len(columns) :]
    if len(table.columns) < len(columns) or not table[extra].isna().all(axis=None):
        raise refuse("unexpected columns", ", ".join(map(str, table.columns)))
    table = table[table.columns[: len(columns)]].set_axis(list(columns), axis=1)
    for name, largest in columns.items():
        if largest is None:
            good = table[name].map(lambda value: isinstance(value, str))
        else:
            number = pandas.to_numeric(table[name], errors="coerce")
            whole = number == number.round() if isinstance(largest, int) else True
            good = number.between(0, largest) & whole
            table[name] = number.where(good, 0).astype(int if isinstance(largest, int) else float)
        if not good.all():
            row = int(good.to_numpy().argmin())
            raise refuse(f"row {row + 2} has no valid {name}", repr(pandas.read_csv(path).iloc[row].to_dict()))
    return table


def read_tables(folder: pathlib.Path) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """The two official tables with plain column names, films sorted by name.

    Raises
    ------
    DataFetchError
        If one is missing, or its columns or values differ from the official ones.
    """
    found = [folder / f"Data_Entry_2017_v2020.csv{end}" for end in ("", ".gz")]
    table = next((path for path in found if path.is_file()), None)
    boxes = folder / "BBox_List_2017.csv"
    if table is None or not boxes.is_file():
        raise DataFetchError(
            "The official tables are missing.", where=folder, expected=f"{found[0].name}[.gz] and {boxes.name}"
        )
    films = _read(table, FILMS)
    # The header of the box table splits "Bbox [x,y,w,h]" at its commas and adds three empty columns.
    drawn = _read(boxes, BOXES)
    # The only spelling that differs between the two tables.
    drawn["finding"] = drawn["finding"].replace("Infiltrate", "Infiltration")
    return films.sort_values("name", ignore_index=True), drawn.sort_values(["name", "finding", "x"], ignore_index=True)


def columns(films: pandas.DataFrame, drawn: pandas.DataFrame) -> dict[str, np.ndarray]:
    """The arrays of the index; :class:`data_fetch.sources.nih.index.NihIndex` describes each.

    Raises
    ------
    DataFetchError
        If names, pixels, sexes, views or boxes are not as in the official tables.
    """
    number = pandas.to_numeric(films["name"].str[9:12], errors="coerce").fillna(-1).astype(int)
    rebuilt = films["patient"].map("{:08d}".format) + "_" + number.map("{:03d}".format) + ".png"
    checks = {
        "film names are PATIENT_NUMBER.png": bool((rebuilt == films["name"]).all()),
        "film names are unique": bool(films["name"].is_unique),
        "pixels are square": bool((films["dx"] == films["dy"]).all()),
        "sex is F or M": set(films["sex"]) <= {"F", "M"},
        "view is AP or PA": set(films["view"]) <= {"AP", "PA"},
        "each box is on a film of the table": bool(drawn["name"].isin(films["name"]).all()),
    }
    if broken := [name for name, holds in checks.items() if not holds]:
        raise DataFetchError(
            "The official tables are not as expected.",
            expected="; ".join(broken),
            next="download both tables again from the NIH",
        )
    findings, findings_code = np.unique(films["findings"].to_numpy(dtype=str), return_inverse=True)
    spacings, spacing_code = np.unique(films["dx"].to_numpy(), return_inverse=True)
    box_findings, box_code = np.unique(drawn["finding"].to_numpy(dtype=str), return_inverse=True)
    return {
        "notice": np.array(NOTICE),
        "patient": films["patient"].to_numpy("<u2"),
        "number": number.to_numpy("u1"),
        "findings": findings_code.astype("<u2"),
        "findings_names": findings,
        "follow_up": films["follow_up"].to_numpy("u1"),
        "age": films["age"].to_numpy("u1"),
        "male": np.packbits(films["sex"] == "M"),
        "ap": np.packbits(films["view"] == "AP"),
        "width": films["width"].to_numpy("<u2"),
        "height": films["height"].to_numpy("<u2"),
        "spacing": spacing_code.astype("u1"),
        "spacing_mm": spacings,
        "box_film": np.searchsorted(films["name"].to_numpy(dtype=str), drawn["name"].to_numpy(dtype=str)).astype("<u4"),
        "box_finding": box_code.astype("u1"),
        "box_findings_names": box_findings,
        "box_xywh": drawn[["x", "y", "width", "height"]].to_numpy("<f8"),
    }


def main(
    folder: Annotated[pathlib.Path, typer.Argument(help="Folder of the two official tables.")],
    out: pathlib.Path = OUTPUT,
    version: command_line.Version = False,
) -> None:
    """Make nih_index.npz from the official tables; exits with status 1 if they are not as expected."""
    try:
        made = columns(*read_tables(folder))
    except DataFetchError as problem:
        print(problem, file=sys.stderr)
        raise typer.Exit(1) from None
    np.savez_compressed(out, **made)
    print(f"{out.name}: {len(made['patient']):,} films, {len(made['box_film'])} boxes, {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    raise SystemExit(command_line.single(main, "python -m data_fetch.sources.nih.make_index"))

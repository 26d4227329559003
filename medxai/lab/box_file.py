"""The file with a student's boxes, `my_boxes.txt`: a few lines of Python that are easy to read, type and paste.

Boxes are a dict, film number (from 1) -> (x, y, width, height) in per cent of the film, where x and y are the upper left
corner. The file is only parsed, never executed.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from pathlib import Path

from data_fetch.store.atomic import fresh_file

Box = tuple[float, float, float, float]
COMMENT = "# x, y, width, height of each box, in per cent of the film; x and y are the upper left corner."


def as_python(boxes: Mapping[int, Box]) -> str:
    """The boxes as Python code for a notebook.

    Parameters
    ----------
    boxes : mapping, int -> (x, y, width, height)
        In per cent of the film.

    Returns
    -------
    str
        The code of a function without arguments that returns them.
    """
    lines = [f"        {number}: ({', '.join(f'{v:.1f}' for v in boxes[number])})," for number in sorted(boxes)]
    return "\n".join([COMMENT, "def my_boxes():", "    return {", *lines, "    }", ""])


def write(path: str | os.PathLike, boxes: Mapping[int, Box]) -> Path:
    """Write the boxes atomically.

    Parameters
    ----------
    path : path
    boxes : mapping, int -> (x, y, width, height)
        In per cent of the film.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        A box is invalid, see `check`.
    OSError
        The file cannot be written.
    """
    path, text = Path(path), as_python(check(boxes))
    with fresh_file(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def read(path: str | os.PathLike = "my_boxes.txt") -> dict[int, Box]:
    """The boxes in a file, which is parsed but never executed.

    Returns
    -------
    dict, int -> (x, y, width, height)
        In per cent of the film, in the order of the films.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    ValueError
        It does not contain a dict of boxes.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} not found: draw your boxes first (notebook 05a, section 1).")
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = [ast.literal_eval(n) for n in ast.walk(tree) if isinstance(n, ast.Dict)]
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}. Fix that line, or draw the boxes again.") from None
    if len(found) != 1:
        raise ValueError(
            f"{path.name}: expected one dict of boxes, film number: (x, y, width, height); got {len(found)} dicts."
        )
    return check(found[0])


def check(boxes: Mapping[int, Box]) -> dict[int, Box]:
    """The boxes as plain floats, sorted by film number.

    Parameters
    ----------
    boxes : mapping, int -> (x, y, width, height)
        In per cent of the film: 0 to 100.

    Returns
    -------
    dict, int -> (float, float, float, float)

    Raises
    ------
    ValueError
        Names the first box that is not inside the film.
    """
    good: dict[int, Box] = {}
    if not isinstance(boxes, Mapping):
        raise ValueError(f"Expected a dict, film number: (x, y, width, height); got {type(boxes).__name__}.")
    for number, box in boxes.items():
        try:
            x, y, width, height = (float(value) for value in box)
        except (TypeError, ValueError):
            raise ValueError(f"Film {number}: expected four numbers (x, y, width, height), got {box!r}.") from None
        inside = x >= 0 and y >= 0 and x + width <= 100.05 and y + height <= 100.05
        if not (width > 0 and height > 0 and inside):
            raise ValueError(
                f"Film {number}: {box} is not a box inside the film. Numbers are per cent of its width and height, from 0 to "
                "100; width and height must be positive, x + width and y + height at most 100."
            )
        good[int(number)] = (x, y, width, height)
    return dict(sorted(good.items()))

"""The widget behind `medxai.lab.boxes.draw`: a film, a box on it, and a file that always matches the screen."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from . import box_file


def _as_address(film: np.ndarray) -> str:
    """A film as a data URL, which a page can show without a server or a file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.asarray(film)).save(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


class BoxDrawer(anywidget.AnyWidget):
    """Draws one box on each film.

    Attributes
    ----------
    boxes : dict, str -> [x, y, width, height]
        Keyed by the film number as a string ("1", ...), in per cent; set by the page or from Python.
    text : str
        The same boxes as Python code.
    saved : str
        A message about the state of the file.

    Parameters
    ----------
    films : uint8 array, (N, H, W)
    path : path
        Where the boxes are saved; boxes already in the file are shown.

    Raises
    ------
    ValueError
        The films have another type or shape, or there are none.
    """

    _esm = Path(__file__).with_name("box_widget.js")
    _css = Path(__file__).with_name("box_widget.css")
    films = traitlets.List(traitlets.Unicode()).tag(sync=True)
    boxes = traitlets.Dict().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    saved = traitlets.Unicode().tag(sync=True)

    def __init__(self, films: np.ndarray, path: str | os.PathLike = "my_boxes.txt") -> None:
        films = np.asarray(films)
        if films.ndim != 3 or films.dtype != np.uint8 or not len(films):
            raise ValueError(f"boxes.draw: expected stored films, uint8 (N, H, W), got {films.dtype} {films.shape}.")
        self._path = Path(path)
        kept, said = {}, f"Nothing drawn yet. Each box is saved in {self._path.name} as soon as you draw it."
        if self._path.is_file():
            try:
                found = box_file.read(self._path)
                kept = {str(n): list(box) for n, box in found.items() if 1 <= n <= len(films)}
                said = f"{len(kept)} of {len(films)} boxes read from {self._path.name}."
            except ValueError as error:
                said = f"{error} The next box you draw replaces the file."
        super().__init__(films=[_as_address(film) for film in films], boxes=kept, saved=said)
        self.text = self._python()
        self.observe(self._keep, "boxes")

    def _python(self) -> str:
        return box_file.as_python({int(n): tuple(box) for n, box in self.boxes.items()})

    def _keep(self, _change: object) -> None:
        try:
            box_file.write(self._path, {int(n): tuple(box) for n, box in self.boxes.items()})
            self.saved = f"{len(self.boxes)} of {len(self.films)} boxes saved in {self._path.name}."
        except (OSError, ValueError) as error:
            self.saved = f"NOT saved: {error}"
        self.text = self._python()

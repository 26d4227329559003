"""Small NIH sources for tests: archives under official names, and web servers that behave or misbehave."""

from __future__ import annotations

import contextlib
import csv
import functools
import hashlib
import http.server
import io
import pathlib
import tarfile
import threading
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from data_fetch.sources.nih.index import nih_index

PIXELS = 128


def grey_film(row: int, pixels: int = PIXELS) -> np.ndarray:
    """A smooth image that differs from film to film, so that a film with a wrong name is noticed."""
    y, x = np.mgrid[:pixels, :pixels] / pixels
    return (127 + 100 * np.sin(3 * x + row % 17) * np.cos(2 * y + row % 13) + row % 20).clip(0, 255).astype(np.uint8)


def png(row: int, mode: str = "L", pixels: int = PIXELS) -> bytes:
    """The film as a PNG, in one of the pixel formats of the originals."""
    grey = Image.fromarray(grey_film(row, pixels))
    image = {
        "L": lambda: grey,
        "RGBA": lambda: Image.merge("RGBA", [grey, grey, grey, Image.new("L", grey.size, 128)]),
        "LA": lambda: Image.merge("LA", [grey, Image.new("L", grey.size, 255)]),
        "P": lambda: _with_palette(grey),
    }[mode]()
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _with_palette(grey: Image.Image) -> Image.Image:
    # The palette is reversed, so that reading the stored indices instead of the colours is noticed.
    image = Image.fromarray(255 - np.asarray(grey), mode="P")
    image.putpalette([255 - i // 3 for i in range(768)])
    return image


def pack(path: pathlib.Path, films: dict[str, bytes]) -> str:
    """Write an archive with the layout of the official ones; returns its md5."""
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        tar.addfile(_directory("images/"))
        for name, content in films.items():
            member = tarfile.TarInfo(f"images/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


def _directory(name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE
    return member


def write_mirror(folder: pathlib.Path, positives: int = 12, normals: int = 40, others: int = 4) -> pathlib.Path:
    """A mirror with a manifest: films of two archives, one per patient, the first four in four pixel formats."""
    index = nih_index()
    archive = index.archives(np.arange(15_000))
    first_of_patient = np.diff(index.patient[:15_000], prepend=0) > 0
    kinds = {
        positives: index.has("Cardiomegaly"),
        normals: index.has("No Finding"),
        others: ~index.has("Cardiomegaly") & ~index.has("No Finding"),
    }
    rows: list[int] = []
    for count, kind in kinds.items():
        for name in ("images_001.tar.gz", "images_002.tar.gz"):
            here = np.flatnonzero((archive == name) & first_of_patient & kind[:15_000])
            rows += here[: count // 2].tolist()
    return write_films(folder, rows)


def write_films(folder: pathlib.Path, rows: list[int]) -> pathlib.Path:
    """A mirror with a manifest that holds these films of the index, the first four in four pixel formats."""
    index = nih_index()
    folder.mkdir(parents=True, exist_ok=True)
    modes = dict(zip(rows, ["L", "RGBA", "LA", "P"], strict=False))
    packed: dict[str, dict[str, bytes]] = {}
    for row, archive in zip(sorted(rows), index.archives(np.sort(rows)), strict=True):
        packed.setdefault(str(archive), {})[index.names([row])[0]] = png(row, modes.get(row, "L"))
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["archive", "image_index", "bytes", "md5"])
        for name, films in packed.items():
            pack(folder / name, films)
            for film, content in films.items():
                table.writerow([name, film, len(content), hashlib.md5(content).hexdigest()])
    return folder


def write_official_copy(folder: pathlib.Path, rows: np.ndarray, pixels: int = 64) -> str:
    """images_001.tar.gz with the given films of the index and no manifest; its md5."""
    folder.mkdir(parents=True, exist_ok=True)
    names = nih_index().names(rows)
    return pack(
        folder / "images_001.tar.gz",
        {name: png(int(row), pixels=pixels) for name, row in zip(names, rows, strict=True)},
    )


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


class Served:
    """A folder served over HTTP; `asked` lists the requested paths, `on_get` may override a response."""

    def __init__(self, address: str, folder: pathlib.Path) -> None:
        self.address, self.folder = address, folder
        self.asked: list[str] = []
        self.on_get: Callable[[http.server.SimpleHTTPRequestHandler], bool] = lambda handler: False


@contextlib.contextmanager
def served(folder: pathlib.Path) -> Iterator[Served]:
    """Serve a folder on a free port of this machine."""

    class Handler(_Quiet):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            if not state.on_get(self):
                super().do_GET()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    state = Served(f"http://127.0.0.1:{server.server_address[1]}", folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()

"""The widget of lab 05 in a real JupyterLab: a box by mouse, one by keyboard, a file that holds both, a cell that loads it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import nbformat
import needs
import pytest
from playwright.sync_api import TimeoutError, sync_playwright

from medxai.lab import boxes

pytestmark = [pytest.mark.kernel, pytest.mark.render]

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 240
SETUP = """import numpy as np
from medxai.lab import boxes
films = np.random.default_rng(0).integers(0, 256, (3, 64, 64)).astype(np.uint8)
boxes.draw(films, "my_boxes.txt")"""
ANSWER = {"grade": False, "grade_id": "my_boxes", "locked": False, "schema_version": 3, "solution": True, "task": False}


@pytest.fixture
def lab(tmp_path):
    """(folder, address with token) of a running JupyterLab; ends with all that it started."""
    cells = [
        nbformat.v4.new_code_cell(SETUP, id="draw"),
        nbformat.v4.new_code_cell("%load my_boxes.txt", id="answer", metadata={"nbgrader": ANSWER}),
        nbformat.v4.new_code_cell('print("boxes:", my_boxes())', id="look"),
    ]
    nb = nbformat.v4.new_notebook(cells=cells)
    nb.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    folder = tmp_path / "work"
    folder.mkdir()
    nbformat.write(nb, folder / "boxes.ipynb")
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    token = uuid.uuid4().hex
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")}  # fmt: skip
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.root_dir={folder}"]
    command += [
        "--ServerApp.ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
    ]
    with (tmp_path / "server.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, **own, "PYTHONPATH": os.pathsep.join(paths), "JUPYTER_PREFER_ENV_PATH": "1"},
        )  # fmt: skip
    try:
        ends = time.monotonic() + SECONDS
        while True:
            assert server.poll() is None and time.monotonic() < ends, (tmp_path / "server.log").read_text(
                encoding="utf-8"
            )[-3000:]
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status?token={token}", timeout=30).close()
                break
            time.sleep(0.3)
        yield folder, f"http://127.0.0.1:{port}/lab/tree/boxes.ipynb?token={token}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


def soon(question, what):
    """Waits until `question()` is true."""
    ends = time.monotonic() + SECONDS
    while not question():
        assert time.monotonic() < ends, what
        time.sleep(0.2)


def open_notebook(browser, address):
    """The page with the notebook's first cell run. Where JupyterLab asks something instead (on a busy machine it may give up on its first kernel, say), the page is loaded again, as a user would; what was waited for and asked is in the failure."""
    page = browser.new_context(viewport={"width": 1200, "height": 1300}).new_page()
    page.goto(address)
    drawer = page.locator(".medxai-boxes .stage img")
    tries = []

    def shown():
        try:
            page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=30_000)
            page.locator(".jp-KernelName", has_text="Python 3").wait_for(timeout=30_000)
            page.locator(".jp-CodeCell .cm-content").first.click(timeout=10_000)
            page.keyboard.press("Control+Enter")  # again, where JupyterLab was not ready for it yet
            drawer.wait_for(timeout=20_000)
        except TimeoutError as e:
            questions = page.locator(".jp-Dialog").all_inner_texts()
            tries.append({"waited for": str(e), "JupyterLab asked": questions})
            if questions:
                page.reload()
            return False
        return True

    soon(shown, tries)
    return page


def test_a_box_by_mouse_and_one_by_keyboard_are_in_the_file(lab):
    chromium = needs.browser() or pytest.fail(
        "There is no browser in which this test opens JupyterLab. Type: make test"
    )
    folder, address = lab
    path = folder / "my_boxes.txt"

    def kept():
        return boxes.read(path) if path.is_file() else {}

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=needs.SWITCHES)
        page = open_notebook(browser, address)
        stage = page.locator(".medxai-boxes .stage")
        area = stage.bounding_box()
        assert area["width"] > 100 and abs(area["width"] - area["height"]) < 2

        # Film 1, by mouse: from (60, 70) back to (20, 30) per cent.
        page.mouse.move(area["x"] + 0.6 * area["width"], area["y"] + 0.7 * area["height"])
        page.mouse.down()
        page.mouse.move(area["x"] + 0.4 * area["width"], area["y"] + 0.5 * area["height"])
        page.mouse.move(area["x"] + 0.2 * area["width"], area["y"] + 0.3 * area["height"])
        page.mouse.up()
        soon(lambda: 1 in kept(), "the box drawn by mouse did not reach the file")
        assert all(abs(a - b) < 1 for a, b in zip(kept()[1], (20, 30, 40, 40), strict=True))

        # Film 2, by keyboard alone, with JupyterLab's own keys out of the way.
        stage.focus()
        cells = page.locator(".jp-CodeCell").count()
        for key in ("n", "Enter", "ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowUp"):
            page.keyboard.press(key)
        soon(
            lambda: kept().get(2) == (42.0, 39.0, 21.0, 19.0), f"the box made by keyboard is not in the file: {kept()}"
        )
        status = page.locator(".medxai-boxes [role=status]")
        for keys, says in (
            (("n", "Enter"), "3 of 3 boxes saved"),
            (("Delete", "d", "d", "a", "b"), "2 of 3 boxes saved"),
        ):
            for key in keys:  # a box that is taken back; d d would cut a cell
                page.keyboard.press(key)
            soon(lambda says=says: says in status.inner_text(), f"{keys}: {says} was expected")
        assert sorted(kept()) == [1, 2]
        assert page.locator(".jp-CodeCell").count() == cells
        assert "box at 42 per cent from the left" in (
            page.locator(".films button").nth(1).click() or stage.get_attribute("aria-label")
        )

        # Film 3 by four numbers.
        page.locator(".films button").nth(2).click()
        for name, value in {"x": "5", "y": "6", "width": "7", "height": "8"}.items():
            page.locator(f'.medxai-boxes input[name="{name}"]').fill(value)
        page.keyboard.press("Tab")
        soon(lambda: kept().get(3) == (5.0, 6.0, 7.0, 8.0), f"typed numbers are not in the file: {kept()}")

        # The answer cell loads the file, runs, and stays the cell that is marked.
        answer = page.locator(".jp-CodeCell .cm-content").nth(1)
        for _ in range(2):
            answer.click()
            page.keyboard.press("Control+Enter")
            page.wait_for_timeout(1500)
        page.locator(".jp-CodeCell .cm-content").nth(2).click()
        page.keyboard.press("Control+Enter")
        page.wait_for_function("() => document.body.innerText.includes('boxes: {1: (')", timeout=1000 * SECONDS)
        page.keyboard.press("Control+s")

        def answered():
            with contextlib.suppress(nbformat.reader.NotJSONError):  # half written
                return "def my_boxes" in nbformat.read(folder / "boxes.ipynb", 4).cells[1].source

        soon(answered, "the cell was not loaded")
        saved = nbformat.read(folder / "boxes.ipynb", 4).cells[1]
        assert saved.metadata.nbgrader.grade_id == "my_boxes"
        page.close()

        # Another day: what was drawn is there again.
        page = open_notebook(browser, address)
        assert "3 of 3 boxes read" in page.locator(".medxai-boxes [role=status]").inner_text()
        assert page.locator(".films button.drawn").count() == 3
        browser.close()

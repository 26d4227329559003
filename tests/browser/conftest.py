"""A browser, and a server that notes whatever a page asks for."""

from __future__ import annotations

import functools
import http.server
import threading

import needs
import pytest
from hostile_pages import Listener


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    """(folder that is served, its address, what was asked for)."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "blank.html").write_text("<!DOCTYPE html><title>nothing</title>", encoding="utf-8")
    handler = type("Handler", (Listener,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}", handler.asked
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    path = needs.browser() or pytest.fail("There is no browser in which this test opens the pages. Type: make test")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=needs.SWITCHES)
        yield browser
        browser.close()

"""What a student wrote: as markup where that is harmless, as text where it is not, and never for longer than its limit."""

from __future__ import annotations

import time

import pytest
from bs4 import BeautifulSoup

from autograder.report.rendering import Renderer

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def renderer():
    made = Renderer()
    yield made
    made.close()


def test_what_may_be_shown_is_shown(renderer):
    html = renderer.markdown(
        "**bold** `code` [link](https://example.org)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- one\n- $x^2$"
    )
    assert "<strong>bold</strong>" in html and "<td>1</td>" in html and "$x^2$" in html
    assert 'href="https://example.org"' in html
    assert '<span class="k">def</span>' in renderer.python("def f(x):\n    return x < 1")


@pytest.mark.parametrize(
    "text",
    [
        "a <script>alert(1)</script> b", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<p/onmouseover=alert(1)>x",
        "<a href='javascript:alert(1)'>alert(1)</a>", "[alert(1)](javascript:alert(1))", "<!-- alert(1) -->",
        "<details open ontoggle=alert(1)>alert(1)", "![alert(1)](http://example.org/x.png)", "<style>*{x:alert(1)}</style>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>", "<math><mtext></mtext><script>alert(1)</script>",
        "<b\nonclick=alert(1)>alert(1)</b>", "[alert(1)](data:text/html,<script>alert(1)</script>)", "<form action=x>alert(1)",
        "`alert(1)<script>`", "list<int> alert(1)", "</pre></section><script>alert(1)</script>", "<<script>script>alert(1)",
    ],
)  # fmt: skip
def test_nothing_runs_and_no_word_is_lost(renderer, text):
    html = renderer.markdown(text)
    soup = BeautifulSoup(html, "html.parser")
    assert not soup.find_all(["script", "img", "svg", "iframe", "style", "form", "math", "object", "embed"])
    for tag in soup.find_all(True):
        assert set(tag.attrs) <= {"href", "rel"}
        assert tag.get("href", "https:").split(":")[0] in ("http", "https", "mailto")
    assert "alert(1)" in soup.get_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("p is lower: a<b and c>d so AP.", "p is lower: a<b and c>d so AP."),
        ("<i and that is why> the heart", "<i and that is why> the heart"),
        ("a <s and t> b", "a <s and t> b"),
        ("[1]: supine\n\nfilm [1]", "[1]: supine film [1]"),
        ("[//]: # (my answer)", "[//]: # (my answer)"),
        ("![image.png](attachment:image.png)", "![image.png](attachment:image.png)"),
        ("x<sub>2</sub> <b>bold</b> line<br>break", "x2 bold linebreak"),
        ("<div class=a>inside</div>", "<div class=a>inside</div>"),
        ("[film](https://example.org 'the title')", "film"),
        ("&lt;script&gt; &amp; &copy;", "<script> & \xa9"),
        ("# Heading <x>\n\n> quote <y z>\n\n1. one <q>\n", "Heading <x> quote <y z> one <q>"),
    ],
)
def test_what_looks_like_html_stays_readable(renderer, text, words):
    shown = BeautifulSoup(renderer.markdown(text), "html.parser").get_text()
    assert " ".join(shown.split()) == words


def test_a_text_that_takes_too_long_is_shown_as_it_was_written_and_the_next_one_is_rendered():
    renderer = Renderer(seconds=1.0)
    try:
        assert renderer.markdown("*first*") == "<p><em>first</em></p>\n"
        slow = "\\\\(" * 60_000 + "<script>"
        begun = time.monotonic()
        assert renderer.markdown(slow) == f"<pre>{slow.replace('<', '&lt;').replace('>', '&gt;')}</pre>"
        assert time.monotonic() - begun < 60  # it was killed: rendering takes minutes
        assert renderer.markdown("*next*") == "<p><em>next</em></p>\n"
    finally:
        renderer.close()

"""A student's Markdown in the notebook that an instructor opens: it looks as written, and nothing of it can run or load."""

from __future__ import annotations

import pytest

from autograder.notebook.inert import JOINER, inert, pictures

PNG = {"image/png": "aGVsbG8="}


@pytest.mark.parametrize(
    "text",
    [
        "Plain, **bold**, `code`, $x < 1$ and a < b.", "| a | b |\n|---|---|\n| 1 | 2 |", "[link](https://example.org/a?b=c)",
        "[mail](mailto:a@example.org) [up](#top) [file](notes.txt)", "[1]: https://example.org\n\n[text][1]",
        "![pasted](attachment:image.png)", "$\\frac{1}{2}$ \\[ \\sum_i x_i \\]", "- [x] done", "5 > 3 and 2 <3",
    ],
)  # fmt: skip
def test_what_is_harmless_is_unchanged(text):
    assert inert(text, {"image.png": PNG}) == text


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("<script>", "<|script>"), ("</div>", "<|/div>"), ("<!--", "<|!--"), ("a<b", "a<|b"), ("<<img src=x>", "<<|img src=x>"),
        ("[a](javascript:x)", "[a]|(javascript:x)"), ("[a]( \tjava&#115;cript:x)", "[a]|( \tjava&#115;cript:x)"),
        ("[a](data:text/html,x)", "[a]|(data:text/html,x)"), ("[a](\n\njavascript:x)", "[a]|(\n\njavascript:x)"),
        ("[a](//example.org)", "[a](//example.org)"), ("[a](file:///etc)", "[a]|(file:///etc)"),
        ("[r]: javascript:x", "[r]|: javascript:x"), ("[r]:\n javascript:x", "[r]|:\n javascript:x"),
        ("![i](http://example.org/x.png)", "!|[i](http://example.org/x.png)"), ("![i](attachment:other.png)", "!|[i](attachment:other.png)"),
        ("![i][r]", "!|[i][r]"), ("![](x.png)", "!|[](x.png)"),
        ("$\\href{javascript:x}{y}$", "$\\|href{javascript:x}{y}$"), ("$\\htmlData{a=b}{c}$", "$\\|htmlData{a=b}{c}$"),
        ("$\\style{a}{b}\\require{x}$", "$\\|style{a}{b}\\|require{x}$"),
    ],
)  # fmt: skip
def test_what_would_run_or_load_is_broken_by_a_character_that_nobody_sees(text, broken):
    assert inert(text, {"image.png": PNG}) == broken.replace("|", JOINER)


def test_only_pictures_are_kept_as_attachments():
    kept = pictures({
        "a.png": PNG, "b.svg": {"image/svg+xml": "<svg onload=x>"}, "c.png": {"image/png": '"><script>'}, "../d.png": PNG,
        "e.jpg": {"text/html": "<b>", "image/jpeg": ["aGVs", "bG8="]}, "f.png": "text", 7: PNG,
    })  # fmt: skip
    assert kept == {"a.png": PNG, "e.jpg": {"image/jpeg": "aGVsbG8="}}
    assert pictures(None) == pictures([1]) == {}

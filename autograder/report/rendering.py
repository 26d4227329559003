"""Renders Markdown and code in a child process: what a student wrote may take a renderer any amount of time.

The renderers' patterns are not linear (30,000 characters of `\\\\(` take a quarter of a minute), and a pattern cannot be interrupted.
The child is started at the first use, serves all pages, and is replaced when a text exceeds its time limit; that text is shown
as it was written.
"""

from __future__ import annotations

import html
import json
import re
import select
import subprocess
import sys
from collections.abc import Callable

import nh3
from pygments.formatters import HtmlFormatter

FORMAT = HtmlFormatter(nowrap=True)
SECONDS = 5.0  # time limit for one text; a written answer takes milliseconds
START = 60.0  # time limit for starting the child
_NAMES = (
    "p br hr h1 h2 h3 h4 h5 h6 strong em b i u s del sub sup blockquote code pre ul ol li a table thead tbody tr th td "
    "details summary span"
)
TAGS = frozenset(_NAMES.split())
# What a student may write in HTML: these tags, without attributes. Everything else is shown as it was written.
SIMPLE = re.compile(r"&lt;(/?(?:b|i|u|s|em|strong|del|sub|sup|br|code|details|summary)\s?/?)&gt;", re.IGNORECASE)


class Renderer:
    """A child process that renders texts, one after the other. It ends with this process at the latest.

    Parameters
    ----------
    seconds : float
        Time limit for one text.
    """

    def __init__(self, seconds: float = SECONDS):
        self.seconds = seconds
        self.child: subprocess.Popen[str] | None = None

    def markdown(self, text: str) -> str:
        """Markdown as HTML without scripts, styles, images or unclosed tags; tags that are not allowed are shown as text.

        If rendering takes too long, the text itself, preformatted.
        """
        rendered = self._ask("markdown", text)
        if rendered is None:
            return f"<pre>{html.escape(text)}</pre>"
        # The child has written what is not allowed as text, so that no word is lost; nh3 alone decides what remains markup.
        return nh3.clean(
            rendered,
            tags=set(TAGS),
            attributes={"a": {"href", "title"}},
            url_schemes={"http", "https", "mailto"},
        )

    def python(self, code: str) -> str:
        """Highlighted Python, escaped, for a <pre>; without colours if highlighting takes too long."""
        rendered = self._ask("python", code)
        return html.escape(code) if rendered is None else rendered

    def close(self) -> None:
        """Ends the child; the next text starts another one."""
        if self.child is not None:
            self.child.kill()
            self.child.communicate()
            self.child = None

    def _ask(self, kind: str, text: str) -> str | None:
        limit = self.seconds
        if self.child is None or self.child.poll() is not None:
            self.child = subprocess.Popen(
                [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
            )
            limit += START
        assert self.child.stdin is not None and self.child.stdout is not None
        try:
            self.child.stdin.write(json.dumps([kind, text]) + "\n")
            self.child.stdin.flush()
            if select.select([self.child.stdout], [], [], limit)[0]:
                made = json.loads(self.child.stdout.readline())
                return None if made is None else str(made)
        except (OSError, ValueError):  # it has ended, for example for lack of memory
            pass
        self.close()
        return None


def simple(text: str) -> str:
    """A piece of HTML that a student wrote: simple tags stay, everything else becomes text."""
    return SIMPLE.sub(r"<\1>", html.escape(text, quote=False))


def _markdown() -> Callable[[str], str]:
    """Markdown as HTML in which every tag with attributes is the renderer's own."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Shown(IPythonRenderer):
        def inline_html(self, html: str) -> str:
            return simple(html)

        def block_html(self, html: str) -> str:
            return simple(html)

        def image(self, text: str, url: str, title: str | None = None) -> str:
            return html.escape(f"![{text}]({url}{f' {title!r}' if title else ''})")

    markdown = MarkdownWithMath(renderer=Shown(escape=False, exclude_anchor_links=True))
    # A reference such as `[1]: supine` would vanish.
    markdown.block.rules.remove("ref_link")
    return markdown.render


def _serve() -> None:
    from pygments import highlight
    from pygments.lexers import PythonLexer

    markdown = _markdown()
    for line in sys.stdin:
        kind, text = json.loads(line)
        try:
            made = markdown(text) if kind == "markdown" else highlight(text, PythonLexer(), FORMAT)
        except Exception:  # whatever a text leads to, it is shown as it was written
            made = None
        print(json.dumps(made), flush=True)


if __name__ == "__main__":
    _serve()

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
NOT_ALLOWED = re.compile(rf"<(?!/?(?:{'|'.join(sorted(TAGS))})(?:\s[^<>]*)?/?>)", re.IGNORECASE)


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
        # nh3 removes tags that are not allowed, and a student who wrote `list<int>` should see it; it alone decides what
        # remains markup.
        escaped = NOT_ALLOWED.sub("&lt;", rendered)
        return nh3.clean(escaped, tags=set(TAGS), attributes={"a": {"href"}}, url_schemes={"http", "https", "mailto"})

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
                return str(json.loads(self.child.stdout.readline()))
        except (OSError, ValueError):  # it has ended, for example for lack of memory
            pass
        self.close()
        return None


def _serve() -> None:
    from nbconvert.filters.markdown_mistune import markdown2html_mistune
    from pygments import highlight
    from pygments.lexers import PythonLexer

    for line in sys.stdin:
        kind, text = json.loads(line)
        made = markdown2html_mistune(text) if kind == "markdown" else highlight(text, PythonLexer(), FORMAT)
        print(json.dumps(made), flush=True)


if __name__ == "__main__":
    _serve()

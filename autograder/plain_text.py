"""Makes untrusted text safe for tables, pages and terminals."""

from __future__ import annotations

import re

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

# Control characters (C1 too: some terminals take \x9b for the start of a command), and those that are invisible or change the
# direction of what follows.
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f]"
)

LONGEST = 600


def plain(text: str, longest: int = LONGEST) -> str:
    """Text without colours, control characters and lone surrogates, truncated to fit a table or page."""
    text = CONTROL.sub("", ANSI.sub("", str(text))).strip()
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def one_line(text: str, longest: int = LONGEST) -> str:
    """Like `plain`, for names and reasons in a terminal: line breaks and tabs become blanks."""
    return plain(" ".join(str(text).split()), longest)


def count(number: float, noun: str) -> str:
    """A number with its noun: "1 row", "2 rows"."""
    return f"{number:g} {noun}{'' if number == 1 else 's'}"

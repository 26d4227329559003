"""Text of strangers made harmless for a table, a page and a terminal."""

from __future__ import annotations

import re

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

LONGEST = 600


def plain(text: str, longest: int = LONGEST) -> str:
    """Text without colours, control characters and halves of characters, cut to a length that a table and a page can hold."""
    text = CONTROL.sub("", ANSI.sub("", str(text))).strip()
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"

"""Makes untrusted text safe for tables, pages and terminals."""

from __future__ import annotations

import re

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

LONGEST = 600


def plain(text: str, longest: int = LONGEST) -> str:
    """Text without colours, control characters and lone surrogates, truncated to fit a table or page."""
    text = CONTROL.sub("", ANSI.sub("", str(text))).strip()
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"

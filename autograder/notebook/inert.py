"""Makes a student's Markdown inert: nothing in it runs or loads anything, wherever the notebook is opened.

The autograded notebooks are opened in formgrader and JupyterLab, whose renderers differ and let HTML through. So this works on the
source, for every renderer: an invisible character (U+2060, word joiner) separates what would become a tag, an image from elsewhere,
a link with another scheme than those of the web, or a command of mathematics that makes links or styles. The text looks as it was
written, and pictures that were pasted, mathematics, tables and links to the web still work. Every pattern is linear.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

JOINER = "\u2060"
IMAGES = ("image/png", "image/jpeg")
MOST_ATTACHED = 10_000_000  # characters of base64 in one cell

TAG = re.compile(r"<(?=[A-Za-z/!?])")
PICTURE = re.compile(r"!(?=\[)")
PASTED = re.compile(r"\[[^\[\]\n]{0,200}\]\(attachment:([\w.-]{1,100})\)")
LINK = re.compile(r"\](?=\()")
WEB_LINK = re.compile(r"\(\s{0,3}(?:https?://|mailto:|#|attachment:[\w.-]{1,100}\)|[\w./-]{1,300}\))", re.IGNORECASE)
DEFINITION = re.compile(r"\](?=:)")
WEB_DEFINITION = re.compile(r":\s{1,3}https?://", re.IGNORECASE)
MATHS = re.compile(
    r"\\(?=(?:href|url|style|class|cssId|html\w{0,20}|require|includegraphics|csname|mmlToken|unicode|bbox|data)\b)",
    re.IGNORECASE,
)
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")


def inert(source: str, attached: Mapping[str, Any] | None = None) -> str:
    """A student's Markdown without anything that runs or loads.

    Parameters
    ----------
    source : str
    attached : mapping, optional
        The pictures of the cell that are kept, from `pictures`; others are shown as text.
    """
    kept = attached or {}

    def picture(match: re.Match[str]) -> str:
        pasted = PASTED.match(source, match.end())
        return "!" if pasted and pasted[1] in kept else f"!{JOINER}"

    source = PICTURE.sub(picture, source)
    source = LINK.sub(lambda m: "]" if WEB_LINK.match(m.string, m.end()) else f"]{JOINER}", source)
    source = DEFINITION.sub(lambda m: "]" if WEB_DEFINITION.match(m.string, m.end()) else f"]{JOINER}", source)
    source = TAG.sub(f"<{JOINER}", source)
    return MATHS.sub(rf"\\{JOINER}", source)


def pictures(attachments: Any) -> dict[str, dict[str, str]]:
    """The attachments of a cell that are pictures, under plain names; others are dropped."""
    found: dict[str, dict[str, str]] = {}
    left = MOST_ATTACHED
    for name, kinds in attachments.items() if isinstance(attachments, Mapping) else ():
        if not (isinstance(name, str) and re.fullmatch(r"[\w.-]{1,100}", name) and isinstance(kinds, Mapping)):
            continue
        for kind in IMAGES:
            data = kinds.get(kind)
            text = "".join(map(str, data)) if isinstance(data, list) else data
            if isinstance(text, str) and len(text) <= left and BASE64.fullmatch(text):
                left -= len(text)
                found[name] = {kind: text}
                break
    return found

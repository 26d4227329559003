"""The student's side as code for a kernel: assembled in the grader from the shared modules and the responder."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

MODULE = "course_responder"  # its name in the student's kernel; it avoids "check", which answers may search for in the call stack


def bundle() -> str:
    """The whole student's side as the text of one module, which needs only the standard library."""
    check = Path(__file__).parents[1]
    parts = []
    for name in ("protocol/flaws", "protocol/wire", "protocol/values", "student/responder"):
        lines = (check / f"{name}.py").read_text(encoding="utf-8").split("\n")
        kept = [x for x in lines if not x.startswith(("from __future__", "from autograder.check"))]
        parts.append("\n".join(kept))
    return "from __future__ import annotations\n\n" + "\n\n".join(parts)


def setup_code() -> str:
    """Code that a kernel runs before any of the student's: it loads the responder for `serve_code`.

    Compressed, because IPython parses a cell's text before running it.
    """
    code = base64.b85encode(zlib.compress(bundle().encode())).decode()
    return (
        f"import base64, sys, types, zlib\nsys.modules[{MODULE!r}] = types.ModuleType({MODULE!r})\n"
        f"exec(zlib.decompress(base64.b85decode({code!r})), sys.modules[{MODULE!r}].__dict__)\ndel base64, sys, types, zlib\n"
    )


def serve_code(control: int | str) -> str:
    """The code to run in place of a check cell; `control` is the socket's descriptor in the kernel's process, or code for it."""
    return f"__import__({MODULE!r}).serve({control})"

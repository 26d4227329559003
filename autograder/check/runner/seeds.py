"""Fresh inputs for every student: the seed of a hidden check depends on the course's secret, the student and the cell.

Stock nbgrader runs the same cells with a fixed seed for each cell. The seed is recorded, so a mark can be reproduced, but
another student's inputs cannot be computed without the secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from autograder.course.markers import fixed_seed
from autograder.notebook.code_cells import CHECK, CodeCell


def keyed_seed(secret: bytes, student: str, cell: str) -> int:
    """The seed of one check cell for one student."""
    text = f"{student}\0{cell}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hmac.digest(secret, text, hashlib.sha256)[:6], "big")


def keyed_checks(cells: Sequence[CodeCell], secret: bytes, student: str) -> tuple[dict[str, str], dict[str, int]]:
    """The check cells with a student's own seeds in place of the fixed ones.

    Returns
    -------
    (sources, seeds)
        By cell id, for cells that contain their fixed seed.
    """
    sources, seeds = {}, {}
    for cell in cells:
        fixed = f"default_rng({fixed_seed(cell.id)})"
        if cell.kind == CHECK and fixed in cell.source:
            seeds[cell.id] = keyed_seed(secret, student, cell.id)
            sources[cell.id] = cell.source.replace(fixed, f"default_rng({seeds[cell.id]})")
    return sources, seeds

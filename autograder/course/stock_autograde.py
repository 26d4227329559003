"""Stops nbgrader's own autograding of our labs: on its command line, and behind the Autograde button of formgrader.

It would run students' code with all the permissions of the instructor, and grade each submission against the current version of a
lab. The setting below takes effect before nbgrader removes or writes anything.
"""

from __future__ import annotations

import os
from typing import Any

from nbconvert.exporters.notebook import NotebookExporter
from nbgrader.converters.base import NbGraderException

ALLOWED = "AUTOGRADER_ALLOW_NBGRADER_AUTOGRADE"


class Refusal(NotebookExporter):
    """In place of the exporter of nbgrader's autograding: raises NbGraderException, with the reason, unless it is allowed."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if os.environ.get(ALLOWED) != "1":
            reason = (
                "Nothing was graded. nbgrader's own autograding, also behind formgrader's Autograde button, would run students' code "
                "without a sandbox and grade every submission against the current version of the lab. Run instead: autograder grade LAB. "
                f"To use it all the same, for trusted submissions on a disposable machine: export {ALLOWED}=1"
            )
            self.log.error(reason)
            raise NbGraderException(reason)

"""The version of this distribution, of which all packages of the course are parts."""

from __future__ import annotations

import importlib.metadata

DISTRIBUTION = "medxai-course"

try:
    __version__ = importlib.metadata.version(DISTRIBUTION)
except importlib.metadata.PackageNotFoundError:  # imported from a folder, without having been installed
    __version__ = "unknown"

"""Renders the page templates, with all texts escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, facts: dict[str, Any]) -> str:
    """A page as HTML.

    Parameters
    ----------
    template : str
        File name in `templates/`.
    facts : dict
        The template's variables. Every text is escaped unless the template marks it as safe.
    """
    return _environment().get_template(template).render(facts)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined,
    )  # fmt: skip

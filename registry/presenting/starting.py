"""What the guided way offers, in the terminal and in the browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry.domain.recipes.recipe import Method
from registry.errors import BadRecipeError

if TYPE_CHECKING:
    from registry.domain.selection.report import Start
    from registry.domain.verbs.registry import Registry

METHODS = (Method.FEATURE_EXTRACTION, Method.FINE_TUNING, Method.ADAPTER)
"""Those that need nothing but one source and data with labels."""


def methods_for(registry: Registry, start: Start) -> list[Method]:
    """The recommended method, then the others that this model and data can be transferred by."""
    found = [start.method]
    for method in METHODS:
        if method is not start.method:
            try:
                registry.transfers.check(start.by(method))
            except BadRecipeError:
                continue
            found.append(method)
    return found


def slug(text: str) -> str:
    """A name for data, made of what its file is called."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-") or "mine"

"""What the guided way offers, in the terminal and in the browser."""

from __future__ import annotations

import re
from collections.abc import Sequence
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


_DELIMITERS = ",\t;|"


def delimiter_of(header: str, suffix: str) -> str:
    """What divides the columns: what the header has most outside quotation marks; a comma where it has none of them."""
    if suffix == ".tsv" and "\t" in header:
        return "\t"
    return max(_DELIMITERS, key=re.sub(r'"[^"]*"', "", header).count)


def guessed(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, str]:
    """The likely columns of texts and of labels: those of these names, else the longest cells and the fewest kinds.

    A column that says the same in all rows is no label where there is another. Of one column, it is that of texts.
    """

    def kinds(place: int) -> tuple[bool, int, int]:
        found = len({row[place] for row in rows})
        return found < 2, found, -place

    places = range(len(heads))
    text = heads.index("text") if "text" in heads else max(places, key=lambda n: sum(len(row[n]) for row in rows))
    others = [place for place in places if place != text]
    if not others:
        return heads[text], ""
    label = next((place for place in others if heads[place] == "label"), min(others, key=kinds))
    return heads[text], heads[label]


def slug(text: str) -> str:
    """A name for data, made of what its file is called."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].strip("-") or "mine"

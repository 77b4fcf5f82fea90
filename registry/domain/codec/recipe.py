"""The record of a recipe: a recipe after defaults as JSON, as it stands in a step and in its manifest.

`recipe_from_record(recipe_record(recipe)) == recipe`, and a record is itself a recipe that can be run again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.domain.codec.read import from_json
from registry.domain.codec.write import to_json
from registry.domain.recipes.recipe import Recipe
from registry.errors import InvalidError

SCHEMA = "forebear/recipe/v1"
"""The schema that recipes and their records name."""


def recipe_record(recipe: Recipe) -> dict[str, Any]:
    """The recipe after defaults as it stands in a step and its manifest: JSON that RFC 8785 can write.

    It is a recipe of the schema, so it can be checked and run as it is.
    """
    written = {key: value for key, value in to_json(recipe).items() if value is not None}
    if not recipe.forgetting:
        del written["forgetting"]  # as in records from before there was such a key
    for part in ("freeze", "optimizer"):
        written[part] = {key: value for key, value in written[part].items() if value is not None}
    written["sources"] = [{"model": source["model"], "as": source["role"]} for source in written["sources"]]
    return {"schema": SCHEMA, **written}


def recipe_from_record(record: Mapping[str, Any]) -> Recipe:
    """The recipe of which `record` was written. Raises: InvalidError naming the place that is wrong."""
    written = dict(record)
    if (schema := written.pop("schema", None)) != SCHEMA:
        raise InvalidError(f"A recipe of schema {schema!r} cannot be read", remedy=f"This Forebear reads {SCHEMA}")
    written["sources"] = [{"model": source["model"], "role": source["as"]} for source in written["sources"]]
    return from_json(Recipe, written)

"""Imports what needs PEFT only when a recipe uses it."""

from __future__ import annotations

from types import ModuleType

from registry.errors import MissingExtraError


def load_adapted() -> ModuleType:
    """`adapters.transformers.parameter_efficient.adapted`. Raises: MissingExtraError with the install command."""
    try:
        from adapters.transformers.parameter_efficient import adapted  # noqa: PLC0415 -- an extra that most transfers need not have
    except ImportError as error:
        raise MissingExtraError(
            f"Adapters need peft, which cannot be imported: {error}", remedy='Run: pip install "forebear[peft]"'
        ) from error
    return adapted

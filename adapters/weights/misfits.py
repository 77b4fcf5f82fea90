"""Compares the names and shapes of weights with those of an architecture, and names every tensor that differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from registry.errors import MisfitError

Shapes = Mapping[str, Sequence[int]]


def check_fit(what: str, wanted: Shapes, given: Shapes) -> None:
    """Raises: MisfitError naming every tensor of `given` or `wanted` that has no equal in the other."""
    misshapen = [
        f"{name}: {list(given[name])} instead of {list(wanted[name])}"
        for name in sorted(wanted.keys() & given.keys())
        if tuple(given[name]) != tuple(wanted[name])
    ]
    missing, left_over = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    if missing or left_over or misshapen:
        raise misfit(what, missing, left_over, misshapen)


def misfit(what: str, missing: list[str], left_over: list[str], misshapen: list[str]) -> MisfitError:
    """One error that counts the tensors that do not fit `what` and names the first; its facts hold all names."""
    parts = [
        f"{len(names)} {word} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for word, names in (("missing", missing), ("left over", left_over), ("of another shape", misshapen))
        if names
    ]
    return MisfitError(
        f"The weights do not fit {what}: " + "; ".join(parts),
        remedy="Name the architecture that these weights were made for",
        facts={"missing": missing, "left_over": left_over, "misshapen": misshapen},
    )

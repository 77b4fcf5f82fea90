"""What a policy file may leave out: evidence types that conditions name and that every registry knows.

A file that reads `subject.use` or `evidence.provider_file` without declaring the type gets the one below. Its producers
are those of `model_card`: who describes models says what one is for, and hands in what its provider wrote. Where people
do not add cards, nothing is added to the file, and the condition is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from registry.domain.governance.case import INTENDED_USE
from registry.domain.governance.conditions.expressions import tree_of
from registry.domain.governance.conditions.other_names import canonical
from registry.domain.governance.conditions.presence import Place, places_read
from registry.errors import BadPolicyError

PROVIDER_FILE = "provider_file"
"""What the provider of a general-purpose AI model hands on to those who build on it."""
DESCRIBING = "model_card"
STANDARD: Mapping[str, Mapping[str, object]] = {
    INTENDED_USE: {
        "predicate": "urn:forebear:intended-use:v1",
        "fields": {
            "decides_about_people": {"type": "boolean", "required": True},
            "exposure": {"type": "choice", "choices": ["internal", "external"], "required": True},
            "purpose": {"type": "text"},
        },
    },
    PROVIDER_FILE: {
        "media_type": "application/octet-stream",
        "fields": {"source": {"type": "text", "required": True}, "file": {"type": "file", "required": True}},
    },
}
_READ_BY: Mapping[Place, str] = {("subject", "use"): INTENDED_USE, ("evidence", PROVIDER_FILE): PROVIDER_FILE}
_CONDITIONS = frozenset({"when", "require"})


def completed(data: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a policy file with conditions in the names of Forebear, and with the standard types that they read.

    What cannot be read is left as it is, to be refused with its line.
    """
    own = data.get("metrics")
    names = tuple(str(one) for one in own) if isinstance(own, list) else ()
    found: dict[str, Any] = _renamed(data, names)
    kinds = found.get("evidence_types", {})
    card = kinds.get(DESCRIBING) if isinstance(kinds, dict) else None
    producer = card.get("producer") if isinstance(card, dict) else None
    if isinstance(producer, list):
        missing = sorted(frozenset(_standard_types(found)) - kinds.keys())
        found["evidence_types"] = {**kinds, **{name: {**STANDARD[name], "producer": producer} for name in missing}}
    return found


def _renamed(value: Any, own_metrics: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_renamed(one, own_metrics) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: _canonical(one, own_metrics) if key in _CONDITIONS and isinstance(one, str) else _renamed(one, own_metrics)
        for key, one in value.items()
    }


@lru_cache(maxsize=512)
def _canonical(text: str, own_metrics: tuple[str, ...]) -> str:
    try:
        return canonical(text, own_metrics)
    except BadPolicyError:
        return text


def _standard_types(value: Any) -> Iterator[str]:
    """The standard types that the conditions in `value` read."""
    for condition in _conditions(value):
        try:
            places = places_read(tree_of(condition))
        except BadPolicyError:
            continue
        yield from (_READ_BY[place[:2]] for place in places if place[:2] in _READ_BY)


def _conditions(value: Any) -> Iterator[str]:
    for key, one in (
        value.items() if isinstance(value, Mapping) else enumerate(value if isinstance(value, list) else ())
    ):
        if key in _CONDITIONS and isinstance(one, str):
            yield one
        else:
            yield from _conditions(one)

"""What a config.json claims, compared with the weights beside it before any library builds a network from it.

A library builds as many layers as it is told, and three million take minutes and gigabytes. Each layer has at least a
tensor, so a config that claims many more layers than there are tensors cannot be that of the weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from registry.errors import BadArtifactError

MAX_CONFIG = 8 * 1024 * 1024
"""Bytes of a config.json; the names of 21,843 classes, twice, are 2 MB."""
_PARTS = re.compile(r"(?:\w+_)?(?:layers|depths?|blocks|experts|stages)|n(?:um)?_layer")
_FEW = 1000
"""As many parts as any network may claim, because some use the tensors of a layer several times."""
_OUTPUTS = re.compile(r"num_(?:labels|classes)")
_MOST_OUTPUTS = 1_000_000


def check_config_size(path: Path) -> None:
    """Raises: BadArtifactError for a config.json that no sound model has."""
    if path.is_file() and path.stat().st_size > MAX_CONFIG:
        raise BadArtifactError(f"{path.name!r} is larger than {MAX_CONFIG:,} bytes")


def check_claims(document: object, tensors: int) -> None:
    """Raises: BadArtifactError naming the field that claims more parts than `tensors` tensors can be, or absurdly many.

    The document is walked without recursion, and lists of numbers count as their sum.
    """
    for name, number in _numbers(document):
        if _PARTS.fullmatch(name) and number > max(_FEW, tensors):
            raise BadArtifactError(
                f"The config says {name} = {number:,}, but the weights have {tensors:,} tensors",
                remedy="Get the config.json that belongs to the weights",
            )
        if _OUTPUTS.fullmatch(name) and number > _MOST_OUTPUTS:
            raise BadArtifactError(f"The config says {name} = {number:,}, which is more than {_MOST_OUTPUTS:,}")


def _numbers(document: object) -> Iterator[tuple[str, int]]:
    waiting = [("", document)]
    while waiting:
        name, one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.items()
        elif isinstance(one, list):
            if whole := [number for number in one if type(number) is int]:
                yield name, sum(whole)
            waiting += [(name, item) for item in one if isinstance(item, dict | list)]
        elif type(one) is int:
            yield name, one

"""Small files that would take gigabytes, or minutes, from whoever reads them without limits; each is built by code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry.ports.data import HowToRead

AS_USUAL = HowToRead()


@dataclass(frozen=True, slots=True)
class Bomb:
    """`build` makes the source in an empty folder and gives its path; `words` are in the refusal of it."""

    name: str
    build: Callable[[Path], Path]
    words: str
    how: HowToRead = AS_USUAL

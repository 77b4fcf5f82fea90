"""The team that the insider belongs to."""

from __future__ import annotations

from tests.registry.conftest import team

__all__ = ["team"]

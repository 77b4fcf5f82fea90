"""Commit ids: what the Hub's clients call a version with one revision of its card.

A commit id holds the number of both, so that it is read without a table, and a digest of both, so that it names nothing
else: 8 digits of the version's number, 4 of the card's, 28 (112 bits) of SHA-256 over the two digests.
"""

from __future__ import annotations

import hashlib

from registry.domain.catalog.models import CardRevision
from registry.domain.names import VersionRef


def commit_of(ref: VersionRef, digest: str, card: CardRevision | None) -> str:
    """The commit id of a version with the content digest `digest` and a revision of its card."""
    said = f"{ref}\n{digest}\n{card.digest if card else ''}"
    tail = hashlib.sha256(said.encode()).hexdigest()[:28]
    return f"{ref.number:08x}{(card.number if card else 0) % 0x10000:04x}{tail}"

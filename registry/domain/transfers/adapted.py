"""Adapters: versions that hold only what was added to a parent, which is pinned by digest.

The version's files hold the adapter and a small `PIN`: which version it was trained on, and that version's content
digest. With another parent the adapter would load and give other answers, so that is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from lineage import BadDigestError, Digest
from registry.domain.manifests import FileEntry
from registry.errors import BadArtifactError, ParentChangedError

PIN = "forebear-base.json"
"""The file that makes a version an adapter."""
BASE = "base"
"""Where `model pull` puts the parent, in the folder of the adapter."""
SCHEMA = "forebear/adapter-base/v1"


def is_adapter(files: Iterable[FileEntry]) -> bool:
    """True for a version that needs its parent's weights beside its own."""
    return any(file.path == PIN for file in files)


@dataclass(frozen=True, slots=True)
class Pin:
    """The parent of an adapter: `model` is its label (`text/minilm/3`), `digest` its content digest."""

    model: str
    digest: Digest

    @property
    def body(self) -> bytes:
        """The file `PIN`."""
        document = {"schema": SCHEMA, "model": self.model, "digest": str(self.digest)}
        return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()

    @classmethod
    def read(cls, body: bytes) -> Pin:
        """The pin of which `body` was written. Raises: BadArtifactError."""
        try:
            document = json.loads(body)
            if document["schema"] == SCHEMA:
                return cls(str(document["model"]), Digest.parse(document["digest"]))
        except (ValueError, KeyError, TypeError, AttributeError, BadDigestError) as error:
            raise BadArtifactError(f"The file {PIN} of an adapter cannot be read: {error}") from error
        raise BadArtifactError(f"The file {PIN} of an adapter is of schema {document['schema']!r}, and not {SCHEMA}")

    def check(self, found: Digest) -> None:
        """Raises: ParentChangedError unless `found`, the digest of the bytes at hand, is the pinned one."""
        if found != self.digest:
            raise ParentChangedError(
                f"The adapter was trained on {self.model} with the digest {self.digest}, and it has {found} now",
                remedy="Restore the parent's bytes from a backup, or train the adapter again",
                facts={"pinned": str(self.digest), "found": str(found)},
            )

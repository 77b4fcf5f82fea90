"""The files of a revision as the Hub's clients see them: what a pull writes, but for the parent of an adapter.

Clients that load an adapter ask for its parent by the name in `adapter_config.json`, at the revision that they asked of
the adapter. Here that name is `team/parent.v3`, which is version 3 whatever revision is asked of it: the adapter always
meets the parent that it was trained on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from registry.api.contents import GivenFile
from registry.api.hub.revisions import Repo, Revision
from registry.domain.drafts.drafts import README
from registry.domain.names import Reference, VersionRef
from registry.domain.verbs.registry import Registry
from registry.errors import BadArtifactError

ADAPTER = "adapter_config.json"
MAX_CONFIG = 1024**2


class HubFile(GivenFile):
    """One file of a revision."""

    __slots__ = ()

    def described(self, *, expand: bool = False) -> dict[str, Any]:
        """As a listing shows it. Every file is in LFS: then clients know it by its SHA-256, and verify it by that."""
        size, digest = self.entry.size, self.entry.sha256.hex
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n".encode()
        blob = hashlib.sha1(b"blob %d\0" % len(pointer) + pointer, usedforsecurity=False).hexdigest()
        lfs = {"oid": digest, "size": size, "pointerSize": len(pointer)}
        shown: dict[str, Any] = {"type": "file", "path": self.path, "size": size, "oid": blob, "lfs": lfs}
        return shown | {"lastCommit": None, "securityFileStatus": None} if expand else shown


def files_of(registry: Registry, revision: Revision) -> Mapping[str, HubFile]:
    """Every file of a revision by its path."""
    exact, plan = Reference.to(revision.ref), revision.plan
    stored = {entry.path: HubFile.stored(registry, exact, entry) for entry in revision.detail.files}
    if plan is None:
        return stored
    texts = dict(plan.written)
    if revision.card is not None and README not in stored:
        texts[README] = revision.card.text
    if len(plan.parts) > 1 and ADAPTER in stored:
        texts[ADAPTER] = _pinned(stored[ADAPTER], plan.parts[1].ref)
    return dict(sorted((stored | {path: HubFile.made(path, text.encode()) for path, text in texts.items()}).items()))


def _pinned(config: HubFile, parent: VersionRef) -> str:
    """`adapter_config.json` with the parent's exact version as the name of the base. Raises: BadArtifactError."""
    with config.open_at(0, min(config.entry.size, MAX_CONFIG + 1)) as stream:
        body = stream.read(MAX_CONFIG + 1)
    try:
        document = json.loads(body) if len(body) <= MAX_CONFIG else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise BadArtifactError(f"The file {ADAPTER} is no JSON object of at most {MAX_CONFIG:,} bytes")
    name = Repo(parent.kind, parent.name, parent.number).id
    return json.dumps(document | {"base_model_name_or_path": name, "revision": None}, indent=2, sort_keys=True) + "\n"

"""Drafts as tests write them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from lineage import Digest
from registry.domain.drafts.drafts import Commit, Draft
from registry.domain.manifests import FileEntry
from registry.domain.names import Name
from registry.domain.paging import PageRequest
from registry.services.context import Context
from registry.services.drafts.verbs import Drafts

BERT = Name("library", "bert")
CARD = "---\nlicense: mit\n---\n# A bert\n"


def small(folder: Path, files: Mapping[str, str]) -> dict[str, Path]:
    """Files that come in the commit itself."""
    folder.mkdir(exist_ok=True)
    written = {}
    for number, (path, text) in enumerate(files.items()):
        written[path] = folder / f"{number}"
        written[path].write_text(text, encoding="utf-8")
    return written


def large(drafts: Drafts, path: str, body: bytes) -> FileEntry:
    """A file whose bytes were sent before."""
    digest, size = drafts.receive(io.BytesIO(body), expected=Digest.of(body))
    return FileEntry(path, size, digest)


def model_sent(context: Context, folder: Path, *, card: str = CARD, weights: bytes = b"weights") -> Draft:
    """A draft with a card, a config and weights."""
    drafts = Drafts(context)
    written = small(folder, {"README.md": card, "config.json": "{}"})
    return drafts.commit(BERT, Commit("all", None, written, (large(drafts, "model.safetensors", weights),)))


def actions(context: Context) -> list[tuple[str, str]]:
    """What the audit log holds, oldest first."""
    with context.read() as uow:
        found = uow.audit.search(subject=None, action=None, page=PageRequest()).items
        return [(one.action, one.subject) for one in sorted(found, key=lambda one: one.seq)]

"""Copies of damaged files from the server of another registry that has the same versions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from registry.client.registry import RemoteRegistry
from registry.client.transport.downloads import Watch, download
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.objects import Damage, Form
from registry.errors import DigestMismatchError, NotFoundError, RefusedError


def fetch_copies(server: RemoteRegistry, damage: Iterable[Damage], folder: Path, *, watch: Watch | None = None) -> int:
    """Download what `server` has of the damaged files and cards into `folder`, each named by its digest.

    A file is asked for by its version and path, as whoever signed in may read it, and checked by its digest. What the
    server does not have or does not give is left out. Gives the number of copies. Raises: NoSpaceError, and as
    `Connection.request` when the server cannot be reached.
    """
    fetched = 0
    for one in damage:
        target = folder / one.digest.hex
        if target.exists():
            continue
        try:
            fetched += _fetch(server, one, target, watch)
        except (NotFoundError, RefusedError):
            continue
        except DigestMismatchError:
            target.unlink()
    return fetched


def _fetch(server: RemoteRegistry, wanted: Damage, target: Path, watch: Watch | None) -> bool:
    reference = Reference.to(wanted.ref)
    if wanted.form is Form.CARD:
        card = next((card for card in server.catalog.cards(reference) if card.digest == wanted.digest), None)
        if card is not None:
            target.write_text(card.text, encoding="utf-8", newline="")
        return card is not None
    entry = next((file for file in _files(server, wanted.ref) if file.sha256 == wanted.digest), None)
    if entry is not None:
        download(server.server, reference, entry, target, watch=watch)
    return entry is not None


def _files(server: RemoteRegistry, ref: VersionRef) -> tuple[FileEntry, ...]:
    reference = Reference.to(ref)
    if ref.kind is AssetKind.MODELS:
        return server.catalog.version(reference).files
    return server.datasets.version(reference).files

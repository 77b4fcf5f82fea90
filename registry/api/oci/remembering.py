"""Which version each digest belongs to that was given out, and a file that keeps it over a restart.

A client asks for the manifest first, so that only the digests of manifests are kept: with the manifest its blobs are
remembered again. What stands in the file opens nothing: the version is asked again before anything is given out.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from registry.api.hub.revisions import Repo
from registry.api.oci.manifests import Document, digest_of, digests_of
from registry.files import write_whole

FILE = "oci-manifests.json"
_REMEMBERED, _KEPT = 20_000, 50_000
"""Digests of anything, and of manifests."""
_LARGEST = 64 * 1024**2
_log = logging.getLogger("forebear.server")


class Seen:
    """By repository and digest, the numbers of the versions in whose manifests it was; the last ones asked for.

    With each number the path of the file that has the digest; empty for what is no file of the version. The digests of
    manifests are kept in `file` too, where there is one.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._numbers: OrderedDict[tuple[str, str], dict[int, str]] = OrderedDict()
        self._manifests: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._file, self._changed, self._lock = file, False, Lock()
        self._bring_back()

    def add(self, repo: Repo, number: int, document: Document) -> None:
        """Remember that the digests of a document are of the version `number`."""
        with self._lock:
            for digest in digests_of(document):
                file = document.files.get(digest)
                self._numbers.setdefault((repo.id, digest), {})[number] = "" if file is None else file.path
                self._numbers.move_to_end((repo.id, digest))
            while len(self._numbers) > _REMEMBERED:
                self._numbers.popitem(last=False)
            key = (repo.id, digest_of(document))
            self._changed |= key not in self._manifests
            self._manifests[key] = number
            self._manifests.move_to_end(key)
            while len(self._manifests) > _KEPT:
                self._manifests.popitem(last=False)

    def of(self, repo: Repo, digest: str) -> list[int]:
        """The numbers, newest first."""
        with self._lock:
            kept = self._manifests.get((repo.id, digest))
            found = {*self._numbers.get((repo.id, digest), ()), *(() if kept is None else (kept,))}
            return sorted(found, reverse=True)

    def files(self, repo: Repo, digest: str) -> list[tuple[int, str]]:
        """The numbers of versions that have it as a file, newest first, each with its path."""
        with self._lock:
            known = self._numbers.get((repo.id, digest), {})
            return sorted(((number, path) for number, path in known.items() if path), reverse=True)

    def save(self) -> None:
        """Write the file if it says something else by now. One that cannot be written is logged."""
        if self._file is None:
            return
        with self._lock:
            if not self._changed:
                return
            rows = [[*key, number] for key, number in self._manifests.items()]
            self._changed = False
        try:
            write_whole(self._file, json.dumps(rows).encode(), private=True)
        except OSError as error:
            self._changed = True
            _log.warning("Which manifests were given out cannot be written to %s: %s", self._file, error.strerror)

    def _bring_back(self) -> None:
        if self._file is None or not self._file.is_file():
            return
        try:
            with self._file.open("rb") as opened:
                rows = json.loads(opened.read(_LARGEST))
            kept = {(str(repo), str(digest)): int(number) for repo, digest, number in rows}
        except (OSError, ValueError, TypeError) as error:
            _log.warning("Which manifests were given out cannot be read from %s: %s", self._file, error)
            return
        self._manifests.update(kept)

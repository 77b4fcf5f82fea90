"""Repositories of a Hub as imports read them: what is asked for, what the Hub lists, and which of that is fetched.

Fields as `GET /api/models/ORG/NAME/revision/REVISION?blobs=true` answers them (huggingface_hub 2.4, `ModelInfo`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lineage import Digest
from registry.domain.catalog.notices import is_notice
from registry.domain.governance.upstream import COMMIT, HUB, REPOSITORY, Upstream, licence_of
from registry.domain.manifests import check_path
from registry.errors import InvalidError, TooLargeError, UnsafeArtifactError

MAX_FILES = 10_000
"""Files that a repository may list."""
CARD, ADAPTER = "README.md", "adapter_config.json"
WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
WEIGHTS = ".safetensors"
_DOCUMENTS = (".json", ".txt")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")
_SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository and the revision that is wanted, as people write it: `hf:org/name@main`."""

    repository: str
    revision: str = "main"

    @classmethod
    def parse(cls, text: str) -> HubSource:
        """Raises: InvalidError."""
        repository, at, revision = text.removeprefix(HUB).partition("@")
        named = text.startswith(HUB) and REPOSITORY.fullmatch(repository) and ".." not in repository
        if not named or (at and (not _REVISION.fullmatch(revision) or ".." in revision)):
            raise InvalidError(f"{text[:120]!r} is no repository of a Hub", remedy="Write hf:ORG/NAME@REVISION")
        return cls(repository, revision or "main")

    def __str__(self) -> str:
        return f"{HUB}{self.repository}@{self.revision}"


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository, with the one digest that the Hub lists: SHA-256 of a large file, else git's SHA-1."""

    path: str
    size: int
    sha256: Digest | None
    blob: str = ""

    def hashing(self) -> Any:
        """What is to be fed the bytes, in order."""
        if self.sha256 is not None:
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)

    @property
    def expected(self) -> str:
        """What `hashing` must come to, in hexadecimal digits."""
        return self.blob if self.sha256 is None else self.sha256.hex


@dataclass(frozen=True, slots=True)
class HubRepository:
    """What the Hub says of a repository at one commit. `licence` and `task` are empty where it says none."""

    upstream: Upstream
    files: tuple[HubFile, ...]
    licence: str = ""
    task: str = ""
    bases: tuple[str, ...] = ()
    """What the card names as `base_model`."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files of a repository that an import fetches, and the paths of those that it leaves."""

    files: tuple[HubFile, ...]
    left: tuple[str, ...] = field(default=())

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(one.size for one in self.files)


def read_repository(source: HubSource, document: object) -> HubRepository:
    """What the Hub answered about `source`. Raises: InvalidError, TooLargeError."""
    said = document if isinstance(document, Mapping) else {}
    commit, siblings = said.get("sha"), said.get("siblings")
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit) or not isinstance(siblings, list):
        raise InvalidError(f"What the Hub answers about {source} names no commit with its files")
    if COMMIT.fullmatch(source.revision) and commit != source.revision:
        raise InvalidError(f"The Hub answers with the commit {commit} instead of {source.revision}")
    if len(siblings) > MAX_FILES:
        raise TooLargeError(f"{source} has {len(siblings):,} files, and at most {MAX_FILES:,} are read")
    files = tuple(_file(source, one) for one in siblings)
    _check_paths(source, [one.path for one in files])
    card = said.get("cardData")
    base = card.get("base_model") if isinstance(card, Mapping) else None
    bases = [base] if isinstance(base, str) else base if isinstance(base, list) else []
    task = said.get("pipeline_tag")
    return HubRepository(
        Upstream(source.repository, commit),
        files,
        licence=licence_of(said) or "",
        task=task if isinstance(task, str) else "",
        bases=tuple(one for one in bases if isinstance(one, str))[:100],
    )


def _file(source: HubSource, one: object) -> HubFile:
    said = one if isinstance(one, Mapping) else {}
    path, size, large = said.get("rfilename"), said.get("size"), said.get("lfs")
    if not isinstance(path, str):
        raise InvalidError(f"What the Hub answers about {source} lists a file without a name")
    check_path(path)
    digest = large.get("sha256", large.get("oid")) if isinstance(large, Mapping) else None
    blob = said.get("blobId")
    known = isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest)
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise InvalidError(f"The Hub does not say the size of {path!r} of {source}")
    if known:
        return HubFile(path, size, Digest(str(digest)))
    if large is not None or not isinstance(blob, str) or not _SHA1.fullmatch(blob):
        raise InvalidError(f"The Hub does not say the digest of {path!r} of {source}")
    return HubFile(path, size, None, blob)


def _check_paths(source: HubSource, paths: Sequence[str]) -> None:
    """Raises: InvalidError for a path that occurs twice, or that is a file and a folder at once."""
    there = set(paths)
    folders = {"/".join(parts[:depth]) for one in paths if (parts := one.split("/")) for depth in range(1, len(parts))}
    if len(there) < len(paths) or there & folders:
        raise InvalidError(f"The Hub lists a file of {source} twice, or as a file and a folder at once")


def chosen(repository: HubRepository) -> Chosen:
    """The weights in safetensors, the JSON and text beside them, licence and card. Never a pickle, never a program.

    Raises: UnsafeArtifactError where there are no such weights.
    """
    every = {one.path for one in repository.files if one.path.endswith(WEIGHTS)}
    top = {path for path in every if "/" not in path}
    weights = {WHOLE} if WHOLE in top else top or every
    if not weights:
        pickles = [one.path for one in repository.files if one.path.endswith(_PICKLES)]
        has = f"; its weights are pickles ({pickles[0]}), and those are never fetched" if pickles else ""
        raise UnsafeArtifactError(
            f"{repository.upstream} has no weights in safetensors{has}",
            remedy="Load the model elsewhere and save it with save_pretrained, which writes safetensors; import that",
        )
    kept = tuple(one for one in repository.files if one.path in weights or is_document(one.path))
    paths = {one.path for one in kept}
    return Chosen(kept, tuple(one.path for one in repository.files if one.path not in paths))


def is_document(path: str) -> bool:
    """True for the JSON, the text, the card and the licence beside weights, by their path."""
    if any(part.startswith(".") for part in path.split("/")):
        return False
    return path == CARD or path.endswith(_DOCUMENTS) or is_notice(path)

"""A draft: the files of one model as people send them, commit by commit. It is no version, and nobody can use it.

There is at most one draft of a model. It begins with the files of the newest version, so that a commit that changes one
file changes nothing else. Making a version of it ends it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from registry.domain.catalog.models import Modality, check_tags
from registry.domain.drafts.uploads import POINTERS
from registry.domain.manifests import FileEntry, canonical_json, check_path
from registry.domain.names import Name, Reference, check_alias
from registry.errors import InvalidError, TooLargeError, UnsafeArtifactError

MAX_FILES = 10_000
"""Files of one draft."""
MAX_MESSAGE = 1000
"""Characters of the message of a commit that the audit log keeps."""
README = "README.md"
"""The file that is the card of the version that is made."""
NO_COMMIT = "0" * 8
"""What the id of a commit of a draft begins with: those of versions begin with their number, which is never 0."""


@dataclass(frozen=True, slots=True)
class DraftSummary:
    """A draft in a list. `head` is the id of its last commit: 40 hexadecimal digits."""

    name: Name
    head: str
    files: int
    size: int
    """In bytes."""
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str
    expires_at: datetime
    """When it is removed, unless it is changed before."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft with its files, sorted by path."""

    summary: DraftSummary
    files: tuple[FileEntry, ...]

    @property
    def name(self) -> Name:
        """The name of the model that it becomes a version of."""
        return self.summary.name

    @property
    def head(self) -> str:
        """The id of its last commit."""
        return self.summary.head

    def file(self, path: str) -> FileEntry | None:
        """The file at `path`."""
        return next((one for one in self.files if one.path == path), None)


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit changes. `written` are new files on the server's own disk, `sent` those whose bytes came before.

    `parent` is the commit that the draft must still be at; None: whatever it is at. `deleted` are files, `emptied`
    folders.
    """

    message: str = ""
    parent: str | None = None
    written: Mapping[str, Path] = field(default_factory=dict)
    sent: tuple[FileEntry, ...] = ()
    deleted: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for path in (*self.written, *(one.path for one in self.sent)):
            check_path(path)
            if path.lower().endswith(POINTERS):
                raise UnsafeArtifactError(
                    f"{path!r} only points to data, so it cannot be uploaded", remedy="Upload the data itself"
                )


@dataclass(frozen=True, slots=True)
class RegisterDraft:
    """Make a version of the draft of `name`. What is None is taken from the files and the card of the draft.

    `head` is the commit that is meant; None: the last. `alias` is what the version is to be named besides, `number` the
    number that it must get. `parents` are claims: they become inputs of the import step with
    assurance `declared`. None: those that the card names as its `base_model`.
    """

    name: Name
    head: str | None = None
    alias: str | None = None
    number: int | None = None
    architecture: str | None = None
    task: str | None = None
    modality: Modality | None = None
    licence: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[Reference, ...] | None = None

    def __post_init__(self) -> None:
        check_tags(self.tags)
        if self.alias is not None:
            check_alias(self.alias)


def changed(files: Iterable[FileEntry], commit: Commit, added: Iterable[FileEntry]) -> tuple[FileEntry, ...]:
    """The files after `commit`, whose new files are `added`. Deleting what is not there changes nothing.

    Raises: InvalidError where a path is a file and a folder at once, TooLargeError for too many files.
    """
    folders = tuple(f"{folder.strip('/')}/" for folder in commit.emptied)
    left = {
        one.path: one
        for one in files
        if one.path not in commit.deleted and not (folders and one.path.startswith(folders))
    }
    left |= {one.path: one for one in added}
    if len(left) > MAX_FILES:
        raise TooLargeError(f"A draft has {MAX_FILES:,} files at most")
    for path in left:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            if (folder := "/".join(parts[:depth])) in left:
                raise InvalidError(f"{folder!r} cannot be a file and a folder at once", remedy="Delete the file first")
    return tuple(sorted(left.values(), key=lambda one: one.path))


def head_of(parent: str, files: Iterable[FileEntry]) -> str:
    """The id of the commit that left `files` after the commit `parent`."""
    document = {"parent": parent, "files": [[one.path, one.size, one.sha256.hex] for one in files]}
    return NO_COMMIT + hashlib.sha256(canonical_json(document)).hexdigest()[:32]

"""The files of a dataset as DVC sees them: listed, hashed twice in one reading (SHA-256 for us, MD5 for DVC), cached.

The list is DVC's own, so that the digest of a folder equals what `dvc add` gives for it: hidden files count, links to
files are read through, links to folders are not followed, empty folders vanish, and the `.dvcignore` of the repository
around the folder (or, where there is none yet, of the folder that holds it) applies. Our manifest lists the same files.

The cache is an ordinary DVC cache: `dvc cache dir` may point at it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.fs import localfs
from dvc.ignore import DvcIgnoreFilter
from dvc_data.hashfile.db import get_odb
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.meta import Meta
from dvc_data.hashfile.tree import Tree
from dvc_objects.errors import ObjectFormatError

from lineage import Digest
from registry.domain.data.datasets import DvcRecord
from registry.domain.manifests import FileEntry
from registry.errors import BadDataError, DatasetChangedError
from registry.limits import DEFAULT, DataLimits

_CHUNK = 1024 * 1024
_State = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    entry: FileEntry
    md5: str
    state: _State


@dataclass(frozen=True, slots=True)
class Tracked:
    """A dataset's files under `root`, its folders (empty ones too), links to folders (left out), and DVC's hash."""

    root: Path
    files: tuple[FileEntry, ...]
    folders: tuple[str, ...]
    links: tuple[str, ...]
    record: DvcRecord
    _seen: tuple[_Seen, ...]
    _tree: bytes | None

    def check_unchanged(self) -> None:
        """Raises: DatasetChangedError when a file is not what it was when it was hashed."""
        for one in self._seen:
            if _state_of(self.root, one.entry.path) != one.state:
                raise _changed(one.entry.path)

    def keep(self, cache: Path, *, scratch: Path) -> None:
        """Copy everything into the DVC cache folder `cache`, by way of `scratch`; files that changed are not kept.

        Raises: DatasetChangedError, OSError when the disk is full.
        """
        store, incoming = _open_cache(cache), _open_cache(Path(tempfile.mkdtemp(dir=scratch)))
        wanted = {one.md5: str(self.root / one.entry.path) for one in self._seen if not _is_whole(store, one.md5)}
        incoming.add(list(wanted.values()), localfs, list(wanted), verify=True)
        if self._tree is not None and not _is_whole(store, self.record.md5):
            listing = scratch / f"{self.record.md5}.json"
            listing.write_bytes(self._tree)
            wanted[self.record.md5] = str(listing)
            incoming.add(str(listing), localfs, self.record.md5, verify=True)
        for md5, name in wanted.items():
            if not incoming.exists(md5):
                raise _changed(Path(name).relative_to(self.root).as_posix())
        for md5 in wanted:  # the list of a folder comes last, when its files are there
            target = Path(store.oid_to_path(md5))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(incoming.oid_to_path(md5), target)


def _open_cache(cache: Path) -> Any:
    return get_odb(localfs, os.fspath(cache / "files" / "md5"))


def _is_whole(store: Any, md5: str) -> bool:
    """True when the cache holds the object undamaged; a damaged one that is not write-protected is removed."""
    try:
        store.check(md5, check_hash=True)
    except (FileNotFoundError, ObjectFormatError):
        return False
    return True


def track(source: Path, *, limits: DataLimits = DEFAULT, ours: Path | None = None) -> Tracked:
    """List and hash the file or folder `source`.

    For data in `ours`, a folder of working copies, the rules of a DVC repository around it do not apply.

    Raises: BadDataError for an empty folder, a broken link or a special file; TooLargeError, DatasetChangedError.
    """
    listing = _list_folder(source, ours, limits) if source.is_dir() else _Listing(source.parent, (source.name,), (), ())
    if not listing.names:
        raise BadDataError(f"{source.name!r} holds no files", remedy="Give a folder with data in it")
    seen = tuple(_read(listing.root, name) for name in listing.names)
    md5, tree = _name_of_folder(seen) if source.is_dir() else (seen[0].md5, None)
    return Tracked(
        root=listing.root,
        files=tuple(one.entry for one in seen),
        folders=listing.folders,
        links=listing.links,
        record=DvcRecord(md5=md5, size=sum(one.entry.size for one in seen), files=len(seen)),
        _seen=seen,
        _tree=tree,
    )


@dataclass(frozen=True, slots=True)
class _Listing:
    root: Path
    names: tuple[str, ...]
    folders: tuple[str, ...]
    links: tuple[str, ...]


def _list_folder(source: Path, ours: Path | None, limits: DataLimits) -> _Listing:
    root = source.resolve()
    names: list[str] = []
    folders: list[str] = []
    links: list[str] = []
    ignore = DvcIgnoreFilter(localfs, str(_rules_root(root, ours)))
    for place, below, files in ignore.walk(localfs, str(root)):
        limits.check_files(len(names) + len(files) + len(folders) + len(below))
        inside = Path(place).relative_to(root)
        if ".dvcignore" in files:
            raise BadDataError(
                f"{(inside / '.dvcignore').as_posix()!r} lies inside the data, which DVC refuses",
                remedy="Move it beside the folder",
            )
        names += [(inside / name).as_posix() for name in files]
        folders += [] if place == str(root) else [inside.as_posix()]
        links += [(inside / name).as_posix() for name in below if (Path(place) / name).is_symlink()]
    return _Listing(root, tuple(sorted(names)), tuple(sorted(folders)), tuple(sorted(links)))


def _rules_root(folder: Path, ours: Path | None) -> Path:
    """Where `.dvcignore` rules start: the DVC repository around `folder`, else the folder that holds it."""
    if ours is not None and folder.is_relative_to(ours.resolve()):
        return folder.parent
    return next((place for place in folder.parents if (place / ".dvc").is_dir()), folder.parent)


def _read(root: Path, name: str) -> _Seen:
    before = _state_of(root, name)
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with (root / name).open("rb") as stream:
        for chunk in _chunks(stream):
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
    if _state_of(root, name) != before or size != before[0]:
        raise _changed(name)
    return _Seen(FileEntry(name, size, Digest(sha256.hexdigest())), md5.hexdigest(), before)


def _chunks(stream: Any) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _state_of(root: Path, name: str) -> _State:
    path = root / name
    try:
        found = path.stat()
    except FileNotFoundError:
        if path.is_symlink():
            raise BadDataError(f"{name!r} is a link to nothing", remedy="Remove it, or restore its target") from None
        raise _changed(name) from None
    if not stat.S_ISREG(found.st_mode):
        raise BadDataError(f"{name!r} is not a regular file", remedy="Remove it from the dataset")
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev


def _changed(name: str) -> DatasetChangedError:
    return DatasetChangedError(f"{name!r} changed while it was read", remedy="Try again when nobody writes to it")


def _name_of_folder(seen: tuple[_Seen, ...]) -> tuple[str, bytes]:
    """DVC's hash of the folder (`<32 hex>.dir`), and the list of files that it is the MD5 of."""
    tree = Tree()
    for one in seen:
        tree.add(tuple(one.entry.path.split("/")), Meta(size=one.entry.size), HashInfo("md5", one.md5))
    tree.digest()
    tree.fs.rm_file(tree.path)  # DVC writes it into a file system in memory that lives as long as the process
    return str(tree.oid), tree.as_bytes()

"""The files of a dataset as DVC sees them: listed, hashed twice (SHA-256 for us, MD5 for DVC) in one reading, cached.

The list is DVC's own, so that the digest of a folder equals what `dvc add` gives for it: hidden files count, links to
files are read through, links to folders are not followed, empty folders vanish, and the `.dvcignore` of the repository
around the folder (or, where there is none yet, of the folder that holds it) applies. Our manifest lists the same files.

The cache is an ordinary DVC cache: `dvc cache dir` may point at it.
"""

from __future__ import annotations

import hashlib
import os
import stat
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

from lineage import Digest
from registry.domain.data import DvcRecord
from registry.domain.manifests import FileEntry
from registry.errors import BadDataError, DatasetChangedError

_CHUNK = 1024 * 1024
_State = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Seen:
    entry: FileEntry
    md5: str
    state: _State


@dataclass(frozen=True, slots=True)
class Tracked:
    """A dataset's files under `root`, its folders (empty ones too), links to folders (left out), and DVC's name."""

    root: Path
    files: tuple[FileEntry, ...]
    folders: tuple[str, ...]
    links: tuple[str, ...]
    record: DvcRecord
    _states: dict[str, _State]

    def digest(self, name: str) -> Digest:
        """The SHA-256 of file `name`."""
        return next(entry.sha256 for entry in self.files if entry.path == name)

    def check_unchanged(self) -> None:
        """Raises: DatasetChangedError when a file is not what it was when it was hashed."""
        for name, state in self._states.items():
            if _state_of(self.root, name) != state:
                raise _changed(name)


def track(source: Path, cache: Path) -> Tracked:
    """Hash the file or folder `source` and copy it into the DVC cache folder `cache`.

    Raises: BadDataError for an empty folder, a broken link or a special file; DatasetChangedError.
    """
    listing = _list_folder(source) if source.is_dir() else _Listing(source.parent, (source.name,), (), ())
    if not listing.names:
        raise BadDataError(f"{source.name!r} holds no files", remedy="Give a folder with data in it")
    seen = [_read(listing.root, name) for name in listing.names]
    record = _cache_folder(listing.root, seen, cache) if source.is_dir() else _cache_file(listing.root, seen[0], cache)
    return Tracked(
        root=listing.root,
        files=tuple(one.entry for one in seen),
        folders=listing.folders,
        links=listing.links,
        record=record,
        _states={one.entry.path: one.state for one in seen},
    )


@dataclass(frozen=True, slots=True)
class _Listing:
    root: Path
    names: tuple[str, ...]
    folders: tuple[str, ...]
    links: tuple[str, ...]


def _list_folder(source: Path) -> _Listing:
    root = source.resolve()
    names, folders, links = [], [], []
    ignore = DvcIgnoreFilter(localfs, str(_repository_root(root)))
    for place, below, files in ignore.walk(localfs, str(root)):
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


def _repository_root(folder: Path) -> Path:
    """Where `.dvcignore` rules start: the DVC repository around `folder`, else the folder that holds it."""
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
        raise BadDataError(f"{name!r} is no regular file", remedy="Remove it from the dataset")
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev


def _changed(name: str) -> DatasetChangedError:
    return DatasetChangedError(f"{name!r} changed while it was read", remedy="Try again when nobody writes to it")


def _cache_folder(root: Path, seen: list[_Seen], cache: Path) -> DvcRecord:
    tree = Tree()
    for one in seen:
        tree.add(tuple(one.entry.path.split("/")), Meta(size=one.entry.size), HashInfo("md5", one.md5))
    tree.digest()
    try:
        _put(root, seen, cache)
        _open_cache(cache).add(tree.path, tree.fs, tree.oid)
    finally:
        tree.fs.rm_file(tree.path)  # DVC builds it in a file system in memory that lives as long as the process
    return DvcRecord(md5=str(tree.oid), size=sum(one.entry.size for one in seen), files=len(seen))


def _cache_file(root: Path, one: _Seen, cache: Path) -> DvcRecord:
    _put(root, [one], cache)
    return DvcRecord(md5=one.md5, size=one.entry.size, files=1)


def _put(root: Path, seen: list[_Seen], cache: Path) -> None:
    """Copy files into the cache, verified: an object that is not its MD5 is not kept."""
    store = _open_cache(cache)
    wanted = {one.md5: one.entry.path for one in seen}
    store.add([str(root / name) for name in wanted.values()], localfs, list(wanted), verify=True)
    for md5, name in wanted.items():
        if not store.exists(md5):
            raise _changed(name)


def _open_cache(cache: Path) -> Any:
    return get_odb(localfs, os.fspath(cache / "files" / "md5"))

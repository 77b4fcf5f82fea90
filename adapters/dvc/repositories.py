"""Data that a `.dvc` file names: fetched from its DVC repository, at a git revision, with its origin.

A `.dvc` file of a git repository is read as committed, not as it is on disk: then `rev_lock` (the commit) and the MD5
in the file say exactly which bytes are meant. DVC's `Repo` caches what it finds, so one is opened per operation.
"""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import yaml
from dvc.api import DVCFileSystem
from dvc.exceptions import NotDvcRepoError
from dvc.repo import Repo
from dvc.repo.open_repo import clean_repos
from scmrepo.exceptions import RevError
from scmrepo.noscm import NoSCM

from registry.errors import BadDataError, InvalidError, NotFoundError
from registry.ports.data import FetchedData

_one_at_a_time = threading.Lock()
"""DVC keeps clones and file systems in globals of its own."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where data came from: a repository, the revision asked for, and the commit that it was."""

    url: str | None = None
    rev: str | None = None
    rev_lock: str | None = None


def fetch(pointer: Path, staging: Path, *, rev: str | None) -> FetchedData:
    """Bring the data of the `.dvc` file `pointer` into the empty folder `staging`.

    Raises: BadDataError for a file that does not point to one output in its repository, InvalidError for a revision
    where there is no git or for uncommitted changes, NotFoundError for an unknown revision or data that is neither in
    the cache nor in a remote.
    """
    with _one_at_a_time:
        try:
            return _fetch(pointer.absolute(), staging, rev)
        finally:
            clean_repos()


def _fetch(pointer: Path, staging: Path, rev: str | None) -> FetchedData:
    try:
        root = Path(Repo.find_root(str(pointer.parent)))
    except NotDvcRepoError:
        raise BadDataError(
            f"{pointer.name!r} is not in a DVC repository", remedy="Give the data itself, or the file in its repository"
        ) from None
    inside = pointer.relative_to(root).as_posix()
    here = _origin_of(root, rev)
    files = DVCFileSystem(str(root), rev=here.rev_lock)
    try:
        text = _committed(files, inside, pointer, here, requested=rev is not None)
        output, upstream = _parse(text, pointer.name)
        place = posixpath.normpath(posixpath.join(posixpath.dirname(inside), output.get("wdir", "."), output["path"]))
        if place == ".." or place.startswith(("../", "/")):
            raise BadDataError(f"{pointer.name!r} names data outside its repository")
        target = staging / posixpath.basename(place)
        try:
            files.get(place, str(target), recursive=True)
        except FileNotFoundError as error:
            raise NotFoundError(
                f"The data of {pointer.name!r} is neither in DVC's cache nor in a remote",
                remedy="Run dvc pull there, then try again",
            ) from error
    finally:
        files.close()
    plain = output["md5"] if output.get("hash") == "md5" else None
    if upstream is None:
        return FetchedData(target, plain, here.url, here.rev, here.rev_lock)
    through = f"imported by way of {here.url} at {here.rev_lock}" if here.rev_lock else "imported by way of DVC"
    return FetchedData(target, plain, upstream.url, upstream.rev, upstream.rev_lock, (through,))


def _origin_of(root: Path, rev: str | None) -> Origin:
    with Repo(str(root)) as repo:
        scm = repo.scm
        if isinstance(scm, NoSCM):
            if rev is not None:
                raise InvalidError(f"{root.name!r} has no git, so no revision {rev!r}", remedy="Leave --rev out")
            return Origin()
        try:
            commit = scm.resolve_rev(rev or "HEAD")
        except RevError:
            raise NotFoundError(
                f"The repository {root.name!r} has no revision {rev or 'HEAD'!r}",
                remedy="Commit first" if rev is None else "Check the name of the branch, tag or commit",
            ) from None
        return Origin(_public(_remote(scm)) or str(root), rev, commit)


def _remote(scm: Any) -> str | None:
    with scm.gitpython.repo.config_reader() as config:
        url = config.get_value('remote "origin"', "url", default="")
    return str(url) or None


def _public(url: str | None) -> str | None:
    """`url` without a password or token in it."""
    if url is None or "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts.scheme != "ssh" else url


def _committed(files: Any, inside: str, pointer: Path, here: Origin, *, requested: bool) -> str:
    """The text of the pointer at its commit, which the file on disk must equal unless a revision was asked for."""
    on_disk = pointer.read_text(encoding="utf-8")
    if here.rev_lock is None:
        return on_disk
    try:
        with files.open(inside, "rb") as stream:
            committed = str(stream.read(), "utf-8")
    except FileNotFoundError:
        committed = None
    if committed is None and requested:
        raise NotFoundError(f"{pointer.name!r} is not in the repository at {here.rev!r}", remedy="Check the revision")
    if committed is None or (committed != on_disk and not requested):
        raise InvalidError(
            f"{pointer.name!r} is not committed as it is on disk", remedy="Commit it, or name a revision with --rev"
        )
    return committed


def _parse(text: str, name: str) -> tuple[Mapping[str, Any], Origin | None]:
    """The one output of a `.dvc` file, and the repository that it was imported from, if it was."""
    try:
        document = yaml.safe_load(text)
        outputs, dependencies = document["outs"], document.get("deps") or [{}]
        output = {"wdir": document.get("wdir", "."), **outputs[0]}
        valid = len(outputs) == 1 and isinstance(output["path"], str) and isinstance(output["md5"], str)
        repository = dependencies[0].get("repo")
        upstream = repository and Origin(
            _public(str(repository["url"])), repository.get("rev"), str(repository["rev_lock"])
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise BadDataError(f"{name!r} is not a .dvc file with one output: {error}") from error
    if not valid:
        raise BadDataError(f"{name!r} is not a .dvc file with one output")
    return output, upstream or None

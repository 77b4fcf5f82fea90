"""Upstream: the Hub repository that a version was imported from, and what it says of itself now.

Nothing here asks the network: a person brings what the Hub answers for a repository (`GET /api/models/ORG/NAME`). Where
it was deleted, renamed or licensed otherwise, or where its name was taken over, that is a finding about each version
that was imported from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from registry.domain.catalog.licences import normalise_licence
from registry.domain.governance.reviews.findings import Finding, Severity
from registry.domain.names import VersionRef
from registry.errors import InvalidError, TooLargeError

HUB = "hf:"
MOST = 1000
"""Repositories of one check."""
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
REPOSITORY = re.compile(rf"(?:{_PART}/)?{_PART}")
_SOURCE = re.compile(rf"({REPOSITORY.pattern})(?:@([0-9a-f]{{40}}))?")
_CACHED = re.compile(r"models--(.+)")
COMMIT = re.compile(r"[0-9a-f]{40}")


def cached_repository(folder: str) -> str:
    """The repository that a folder of the Hub's cache is of (`models--org--name`), by its name; empty for another."""
    named = _CACHED.fullmatch(folder)
    return named[1].replace("--", "/", 1) if named else ""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A repository of the Hub, and the commit that was imported where it is known: `hf:org/name@9f0…`."""

    repository: str
    revision: str = ""

    @classmethod
    def parse(cls, text: str) -> Upstream:
        """Raises: InvalidError."""
        found = _SOURCE.fullmatch(text.removeprefix(HUB)) if text.startswith(HUB) else None
        if found is None:
            raise InvalidError(
                f"{text[:120]!r} is no repository of the Hub",
                remedy="Write hf:ORG/NAME@COMMIT, with the 40 digits of the commit, or hf:ORG/NAME",
            )
        return cls(found[1], found[2] or "")

    @classmethod
    def of_cache(cls, path: Path) -> Upstream | None:
        """What a folder, or a file, of the Hub's own cache came from: `…/models--org--name/snapshots/COMMIT`."""
        for folder in (path, *path.parents):
            repository = cached_repository(folder.parent.parent.name)
            if repository and folder.parent.name == "snapshots" and COMMIT.fullmatch(folder.name):
                return cls(repository, folder.name) if REPOSITORY.fullmatch(repository) else None
        return None

    def __str__(self) -> str:
        return f"{HUB}{self.repository}@{self.revision}" if self.revision else f"{HUB}{self.repository}"


@dataclass(frozen=True, slots=True)
class Pinned:
    """A version with what it was imported from. `licence` is the one that it has here."""

    ref: VersionRef
    upstream: str
    licence: str
    owner: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class UpstreamNow:
    """What a repository says of itself now. `id` is the name that it was asked for by; what is None is not known."""

    id: str
    gone: bool = False
    """It was deleted, made private, or disabled."""
    renamed_to: str = ""
    licence: str | None = None
    author: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UpstreamCheck:
    """What a check of the sources of versions found."""

    versions: int
    """Versions that were imported from a repository that was asked about."""
    raised: Sequence[Finding]
    known: int
    """Differences that a finding says already, open or resolved."""
    unused: Sequence[str]
    """Repositories that no version here was imported from."""


def differences(pinned: Pinned, now: UpstreamNow) -> Iterator[tuple[Severity, str]]:
    """What has changed upstream since the version was imported, each with how much it matters."""
    name = f"{HUB}{now.id}"
    if now.gone:
        yield Severity.MEDIUM, f"The source {name} is gone: it was deleted, made private or disabled"
    elif now.renamed_to:
        yield Severity.LOW, f"The source {name} is called {HUB}{now.renamed_to} now"
    elif took := _taken_over(pinned, now):
        yield Severity.CRITICAL, f"The name of the source {name} was taken over: {took}"
    if now.licence is not None and _differ(pinned.licence, now.licence):
        licence = normalise_licence(now.licence)
        yield Severity.HIGH, f"The source {name} has the licence {licence} now; here it is {pinned.licence}"


def _taken_over(pinned: Pinned, now: UpstreamNow) -> str:
    """Why the repository cannot be the one that was imported; empty where nothing says so."""
    if now.created_at is not None and now.created_at > pinned.imported_at:
        made, taken = (f"{at:%Y-%m-%d %H:%M} UTC" for at in (now.created_at, pinned.imported_at))
        return f"the repository of this name was made at {made}, after the import at {taken}"
    owner, slash, _ = now.id.partition("/")
    if slash and now.author is not None and now.author.casefold() != owner.casefold():
        return f"its author is {now.author}"
    return ""


def _differ(here: str, there: str) -> bool:
    """Two licence expressions that do not have the same words, in whatever order."""
    one, other = (sorted(normalise_licence(text).replace("(", " ").replace(")", " ").split()) for text in (here, there))
    return one != other


def read_upstreams(text: str) -> Sequence[UpstreamNow]:
    """What the Hub answered for one repository, or a list of such answers, with `gone` and `renamed_to` besides.

    Raises: InvalidError, TooLargeError.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidError("The metadata is not valid JSON") from error
    answers = document if isinstance(document, list) else [document]
    if len(answers) > MOST:
        raise TooLargeError(f"The metadata is about {len(answers):,} repositories, and at most {MOST:,} are checked")
    return [_read(one, number) for number, one in enumerate(answers, start=1)]


def _read(answer: object, number: int) -> UpstreamNow:
    one = answer if isinstance(answer, dict) else {}
    name = one.get("id", one.get("modelId"))
    if not isinstance(name, str) or not REPOSITORY.fullmatch(name):
        raise InvalidError(
            f"Number {number} in the metadata names no repository",
            remedy='Give objects with "id": "ORG/NAME", as GET /api/models/ORG/NAME of the Hub answers',
        )
    renamed = _word(one, "renamed_to", name)
    if renamed and not REPOSITORY.fullmatch(renamed):
        raise InvalidError(f"The member renamed_to of {name} names no repository: {renamed[:120]!r}")
    return UpstreamNow(
        name,
        gone=_flag(one, "gone", name) or _flag(one, "disabled", name),
        renamed_to=renamed or "",
        licence=licence_of(one),
        author=_word(one, "author", name),
        created_at=_moment(one, "createdAt", name),
    )


def _word(one: Mapping[str, Any], key: str, name: str) -> str | None:
    value = one.get(key)
    if value is None or (isinstance(value, str) and len(value) <= 200):
        return value
    raise InvalidError(f"The member {key} of {name} is no short text: {str(value)[:80]!r}")


def _moment(one: Mapping[str, Any], key: str, name: str) -> datetime | None:
    text = _word(one, key, name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InvalidError(f"The member {key} of {name} is no time with its zone: {text[:80]!r}")
    return at.astimezone(UTC)


def _flag(one: Mapping[str, Any], key: str, name: str) -> bool:
    value = one.get(key, False)
    if not isinstance(value, bool):
        raise InvalidError(f"The member {key} of {name} is neither true nor false: {str(value)[:80]!r}")
    return value


def licence_of(one: Mapping[str, Any]) -> str | None:
    """The licence that the Hub names for a repository: the card's; where it has none, that of the tags."""
    card, tags = one.get("cardData"), one.get("tags")
    said = card.get("license") if isinstance(card, dict) else None
    names = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    if not names and isinstance(tags, list):
        names = [tag.removeprefix("license:") for tag in tags if isinstance(tag, str) and tag.startswith("license:")]
    words = [str(one)[:100] for one in names if one]
    return " AND ".join(normalise_licence(one) for one in words) if words else None

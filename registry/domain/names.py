"""Names and references: `team/name`, `models:/team/name/3`, `models:/team/name@production`, `datasets:/team/name/1`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from registry.errors import BadNameError, BadReferenceError, NotFoundError

PART = "[a-z0-9]+(?:[-_][a-z0-9]+)*"
ALIAS = "[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"
"""The forms of a team, of a name in it, and of an alias, as regular expressions."""
_PART, _ALIAS = re.compile(PART), re.compile(ALIAS)
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_VERSION = re.compile(r"v?([1-9][0-9]{0,8})")
_PINNED = re.compile(r"(.+)\.v([1-9][0-9]{0,8})")
MAX_NAME = 96


def is_part(text: str) -> bool:
    """True for what can be a team, or the name of something in it."""
    return _PART.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """The name of a registered model or dataset: `team/name`, so also a Hub id, and `team.name` in MLflow.

    Raises: BadNameError.
    """

    team: str
    name: str

    def __post_init__(self) -> None:
        if not (_PART.fullmatch(self.team) and _PART.fullmatch(self.name)) or len(str(self)) > MAX_NAME:
            raise BadNameError(
                f"{str(self)[:120]!r} is not a name",
                remedy="Write team/name in lower-case letters, digits and single - or _ between them, "
                f"{MAX_NAME} characters at most",
            )

    @classmethod
    def parse(cls, text: str) -> Name:
        """Read `team/name`. Raises: BadNameError."""
        return _read(text)

    @property
    def folded(self) -> str:
        """The form under which names are unique: `a-b/c_d` and `a_b/c-d` are one name."""
        return str(self).replace("_", "-")

    def __str__(self) -> str:
        return f"{self.team}/{self.name}"


@lru_cache(maxsize=10_000)  # the names in a hundred rows are mostly those of the hundred before
def _read(text: str) -> Name:
    team, slash, name = text.partition("/")
    if not slash:
        raise BadNameError(f"{text[:120]!r} is not a name", remedy="Write team/name, for example vision/digits")
    return Name(team, name)


def read_pinned(text: str) -> tuple[Name, int | None]:
    """Read `team/name.v3`, the name by which one version alone is given out, or `team/name`. Raises: BadNameError."""
    match = _PINNED.fullmatch(text)
    return (Name.parse(match[1]), int(match[2])) if match else (Name.parse(text), None)


def read_number(text: str) -> int | None:
    """The number of a version that `3` or `v3` names; None for any other word."""
    match = _VERSION.fullmatch(text)
    return int(match[1]) if match else None


class AssetKind(StrEnum):
    """What a reference points at: the scheme of its URI."""

    MODELS = "models"
    DATASETS = "datasets"


_SCHEMES = tuple(kind.value for kind in AssetKind)


@dataclass(frozen=True, slots=True, order=True)
class VersionRef:
    """One version by its number: exact and immutable."""

    kind: AssetKind
    name: Name
    number: int

    @property
    def label(self) -> str:
        """The short form that trees and tables show: `team/name/3`."""
        return f"{self.name}/{self.number}"

    def __str__(self) -> str:
        return f"{self.kind}:/{self.name}/{self.number}"


@dataclass(frozen=True, slots=True)
class Reference:
    """What a person wrote: a name, with a number, an alias, or neither (then the latest version is meant).

    `Reference.parse("models:/vision/digits@production").alias == "production"`
    """

    kind: AssetKind
    name: Name
    number: int | None = None
    alias: str | None = None

    @classmethod
    def to(cls, ref: VersionRef) -> Reference:
        """The reference that names exactly `ref`."""
        return cls(ref.kind, ref.name, ref.number)

    @classmethod
    def parse(cls, text: str, *, kind: AssetKind | None = None) -> Reference:
        """Read a URI, or its short form `team/name[/N|@alias]` where `kind` says what is meant.

        `team.name` (MLflow's form) is read as `team/name`. Raises: BadReferenceError, BadNameError.
        """
        scheme, colon, rest = text.partition(":/")
        if colon:
            if scheme not in _SCHEMES:
                near = next((known for known in _SCHEMES if known.startswith(scheme.lower()[:4])), None)
                raise _bad(text, "the scheme is models: or datasets:", meant=near and f"{near}:/{rest}")
            if kind is not None and kind != scheme:
                given, needed = scheme.removesuffix("s"), kind.removesuffix("s")
                raise BadReferenceError(
                    f"{text[:120]!r} is a {given}, but a {needed} is needed here",
                    remedy=f"Write {kind}:/team/name/1",
                )
            kind = AssetKind(scheme)
        elif text.startswith(tuple(f"{known}:" for known in _SCHEMES)):
            raise _bad(text, "a slash follows the colon", meant=text.replace(":", ":/", 1))
        elif kind is None:
            raise _bad(text, "it must start with models:/ or datasets:/")
        else:
            rest = text
        path, at, alias = rest.partition("@")
        if at and not _ALIAS.fullmatch(alias):
            raise _bad(text, "an alias is a lower-case word")
        parts = path.split("/")
        if len(parts) <= 2 and "." in parts[0]:
            parts[0:1] = parts[0].split(".", 1)
        number: int | None = None
        if len(parts) == 3:
            if at or not _NUMBER.fullmatch(parts[2]):
                raise _bad(text, "a version is a whole number from 1 on; give it or an alias, not both")
            number = int(parts.pop())
        if len(parts) != 2:
            raise _bad(text, "write a team and a name, as in vision/digits")
        return cls(kind, Name(parts[0], parts[1]), number, alias if at else None)

    def __str__(self) -> str:
        tail = f"/{self.number}" if self.number is not None else f"@{self.alias}" if self.alias else ""
        return f"{self.kind}:/{self.name}{tail}"


def model_only(reference: Reference) -> Reference:
    """`reference`, unless it names a dataset: the two share no names. Raises: BadReferenceError."""
    if reference.kind is not AssetKind.MODELS:
        raise BadReferenceError(f"{reference} is not a model", remedy="Write models:/team/name/1")
    return reference


def dataset_only(reference: Reference) -> Reference:
    """`reference`, unless it names a model. Raises: BadReferenceError."""
    if reference.kind is not AssetKind.DATASETS:
        raise BadReferenceError(f"{reference} is not a dataset", remedy="Write datasets:/team/name/1")
    return reference


def no_file(ref: VersionRef, path: str) -> NotFoundError:
    """What to raise for a file that a version does not have."""
    return NotFoundError(f"{ref} has no file {path[:120]!r}", remedy="The version lists its files")


def check_alias(text: str) -> str:
    """`text` if it can be an alias. Raises: BadReferenceError."""
    if not _ALIAS.fullmatch(text) or len(text) > 64:
        raise BadReferenceError(
            f"{text[:80]!r} is not an alias", remedy="Use a lower-case word such as production or champion-eu"
        )
    return text


def _bad(text: str, why: str, *, meant: str | None = None) -> BadReferenceError:
    near = f", did you mean {meant[:120]}?" if meant else ""
    return BadReferenceError(
        f"{text[:120]!r} is not a reference: {why}{near}",
        remedy="Write models:/team/name/3, models:/team/name@alias or datasets:/team/name/1",
    )

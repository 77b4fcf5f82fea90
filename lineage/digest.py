"""Content addresses: the one way bytes and records are named in Forebear."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from lineage.errors import BadDigestError

_HEX = re.compile(r"[0-9a-f]{64}")
_PREFIX = "sha256:"
_BYTES = 32


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A SHA-256 content address: `Digest.of(b"weights").short == "sha256:9a129038d9a0"`.

    Raises: BadDigestError when `hex` is not 64 lower-case hexadecimal digits.
    """

    hex: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise BadDigestError(self.hex)

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """The digest of `data` itself."""
        return cls(hashlib.sha256(data).hexdigest())

    @classmethod
    def raw(cls, data: bytes) -> Digest:
        """The digest whose 32 bytes these are. Raises: BadDigestError."""
        if len(data) != _BYTES:
            raise BadDigestError(data.hex())
        made = cls.__new__(cls)
        object.__setattr__(made, "hex", data.hex())  # always lower-case hexadecimal: a million entries of a log
        return made

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read `sha256:<hex>` or bare hex. Raises: BadDigestError."""
        return cls(text.removeprefix(_PREFIX))

    @property
    def short(self) -> str:
        """The first twelve digits, for people to read."""
        return f"{_PREFIX}{self.hex[:12]}"

    def __str__(self) -> str:
        return f"{_PREFIX}{self.hex}"

"""Erasing a person: a stand-in takes the place of the handle, wherever a document or an entry of the log has it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry.domain.manifests import canonical_json

PREFIX = "erased-"
"""How every stand-in begins; no other handle may."""
NAME = "Erased person"
_ABOUT_THINGS = frozenset(
    (
        "action",
        "adapter",
        "alias",
        "aliases",
        "engine",
        "from",
        "from_stage",
        "gate",
        "kind",
        "level",
        "method",
        "policy",
        "role",
        "roles",
        "split",
        "stage",
        "state",
        "status",
        "target",
        "to",
        "to_stage",
        "type",
    )
)
"""Under these names a word is never a person, even where somebody has it as a handle: `admin`, `validator`."""
_BEFORE_A_HANDLE = ("person:", "rejection-")
"""What stands right before a handle: in subjects of the log, and in the ids of checks."""
_OF_SIGNING_IN = frozenset({"address", "label"})


@dataclass(frozen=True, slots=True)
class Erased:
    """What became of a wish to erase a person. `stand_in` is None until a second person has confirmed it."""

    handle: str
    asked_by: str
    asked_at: datetime
    stand_in: str | None = None
    entries: int = 0
    """Entries of the audit log that named the person."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Puts `stand_in` in the place of a handle and of the person's name.

    `digests` are those of documents that had to change, by what they were.
    """

    handle: str
    name: str
    stand_in: str
    digests: Mapping[str, str] = field(default_factory=dict)

    def of(self, value: Any, key: str = "") -> Any:
        """A JSON value without the person. `key` is the name that it stands under."""
        if isinstance(value, str):
            return value if key in _ABOUT_THINGS else self._text(value)
        if isinstance(value, Mapping):
            return {self._key(one, key): self.of(item, one) for one, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.of(item, key) for item in value]
        return value

    def document(self, body: bytes) -> bytes:
        """A JSON document without the person; the very bytes where it does not name them. Raises: ValueError."""
        if not self.mentioned(body):
            return body
        parts = json.loads(body)
        new = self.of(parts)
        return body if new == parts else canonical_json(new)

    def entry(self, body: bytes) -> bytes:
        """The body of an entry of the audit log without the person; the very bytes where it does not name them.

        Addresses and labels of their sign-ins and tokens go too, and the random number that hid what it said.
        """
        if not self.mentioned(body):
            return body
        parts = json.loads(body)
        mine = parts["subject"] == f"person:{self.handle}"
        new = {**parts, "detail": self.of(parts["detail"])}
        if mine:
            new["subject"] = f"person:{self.stand_in}"
            new["detail"] = {one: "" if one in _OF_SIGNING_IN else item for one, item in new["detail"].items()}
        if parts["actor"] == self.handle:
            new["actor"] = self.stand_in
        if new == parts:
            return body
        return canonical_json({**new, "salt": ""} if "salt" in new else new)

    def mentioned(self, body: bytes) -> bool:
        """Whether these bytes may name the person, or a document that did."""
        words = (self.handle, *([json.dumps(self.name)[1:-1], self.name] if self.name else []), *self.digests)
        return any(word.encode() in body for word in words)

    def _key(self, key: str, above: str) -> str:
        return self.stand_in if key == self.handle and above not in _ABOUT_THINGS else key

    def _text(self, text: str) -> str:
        if text == self.handle:
            return self.stand_in
        for before in _BEFORE_A_HANDLE:
            if text == before + self.handle:
                return before + self.stand_in
        if text in self.digests:
            return self.digests[text]
        if self.name and self.name != self.handle:
            text = text.replace(self.name, NAME)
        return self._prose.sub(self.stand_in, text) if " " in text else text

    @property
    def _prose(self) -> re.Pattern[str]:
        return re.compile(rf"(?<![\w@/.:-]){re.escape(self.handle)}(?![\w@/-]|[:.]\S)")

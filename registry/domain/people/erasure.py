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
_OF_PEOPLE = frozenset(
    [
        "actor",
        "approver",
        "author",
        "by",
        "handle",
        "identity",
        "owner",
        "owners",
        "person",
        "people",
        "reviewer",
        "signer",
        "tester",
        "voter",
    ]
)
"""Fields whose values are handles, and those of which the last word is one of these: `added_by`, `model_owner`."""
_GROUPED = frozenset({"contributors", "signed"})
"""Fields with lists of handles, by what these people did."""
_SAME_AS = "same_as"
_SENTENCES = frozenset({"comment", "message", "note", "reason", "text"})
"""Fields that people write in: a handle may stand there alone, or among other words."""
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
        """A JSON value without the person. `key` is the name that it stands under.

        A value that is the handle and nothing else is a person only in a field for people: elsewhere it is a word.
        """
        if isinstance(value, str):
            return self._text(value, key)
        if isinstance(value, Mapping):
            inside = "people" if key in _GROUPED else ""
            return {self._key(one, key): self.of(item, inside or one) for one, item in value.items()}
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
        return self.stand_in if key == self.handle and above == "people" else key

    def _text(self, text: str, key: str) -> str:
        if text == self.handle:
            return self.stand_in if _is_of_people(key) or key in _SENTENCES else text
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


def _is_of_people(key: str) -> bool:
    return key == _SAME_AS or key.rpartition("_")[2] in _OF_PEOPLE

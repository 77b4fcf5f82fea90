"""Covers in an answer what somebody may not see: lists leave it out, and elsewhere it is a model of a closed team.

What stands for it has a name of its own in each answer (`closed-team/model-1`), so that a graph keeps its shape, and
none of the facts. How much of the ancestry there is can be seen, and nothing else of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from lineage import Digest, Edge, Node, NodeKind
from registry.domain.manifests import FileEntry
from registry.domain.names import Name, Reference, VersionRef
from registry.domain.people.teams import STAND_IN, Sight
from registry.services.sight.ids import ID
from registry.services.sight.mentions import about, about_text, changed, renamed

_KEPT = frozenset({"id", "name", "role", "kind", "split"})
"""Texts that stay where all others of a thing go."""


@dataclass(slots=True)
class Cover:
    """Covers one answer for one person. `subject` says what the thing with an id is about."""

    sight: Sight
    subject: Callable[[str], Name | None]
    drops: bool = False
    """Whether lists at any depth leave out what is hidden, instead of covering it."""
    _names: dict[tuple[Name, int | None], Name] = field(default_factory=dict)
    _ids: dict[str, Name | None] = field(default_factory=dict)
    _others: dict[str, str] = field(default_factory=dict)

    def hides(self, value: object) -> bool:
        """True where a value is about something that the person does not see."""
        found = about_text(value) if type(value) is str else about(value)
        if found is None:
            told = value if type(value) is str else next((getattr(value, one, "") for one in ("subject", "id")), "")
            if type(told) is str and ID.fullmatch(told):
                found = self._about_id(told)
        return found is not None and self.sight.hides(found.team)

    def seen(self, items: Any) -> list[Any]:
        """Those of a list that the person sees, each covered."""
        return [self.of(one) for one in items if not self.hides(one)]

    def of(self, value: Any) -> Any:
        """The same, covered."""
        if isinstance(value, Enum | bytes | datetime | int | float | Digest) or value is None:
            return value
        if isinstance(value, Mapping):
            return {self.of(key): self.of(one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            if self.drops:
                parts = [self.of(one) for one in value if type(one) is str or not self.hides(one)]
            else:
                parts = [self.of(one) for one in value]
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if is_dataclass(value) and not isinstance(value, type | Name | VersionRef | Reference | FileEntry):
            if (nodes := getattr(value, "nodes", None)) is not None:
                value = changed(value, {"nodes": self._nodes(nodes, getattr(value, "edges", ()))})
            blank = self.hides(value)
            if isinstance(value, Node) and blank:
                return changed(value, {"label": self.of(value.label), "digest": None, "facts": {}})
            other = {one.name: self._field(one.name, getattr(value, one.name), blank) for one in fields(value)}
            return changed(value, other)
        if isinstance(value, str):
            value = ID.sub(lambda match: self._id(match[0]), value)
        return renamed(value, self._stand_in)

    def _field(self, name: str, value: Any, blank: bool) -> Any:
        if not blank or name in _KEPT or (is_dataclass(value) and not isinstance(value, Digest)):
            return self.of(value)
        if type(value) is str:
            covered = self.of(value)
            return covered if covered != value else ""
        if isinstance(value, Digest):
            return Digest.of(b"")
        if isinstance(value, Mapping):
            return {}
        return type(value)() if isinstance(value, list | tuple) else self.of(value)

    def _nodes(self, nodes: Any, edges: Any) -> Any:
        """The nodes of a graph; a step that made something hidden, or is to, is as hidden as that."""
        labels = {one.id: one.label for one in nodes if isinstance(one, Node)}
        made = {edge.source: edge.target for edge in edges if isinstance(edge, Edge) and edge.role == "output"}
        return type(nodes)(self._step(one, labels.get(made.get(one.id, 0), "")) for one in nodes)

    def _step(self, node: Node, output: str) -> Node:
        if node.kind is not NodeKind.STEP:
            return node
        found = about(Node(0, NodeKind.MODEL, output)) if output else self._about_id(node.label)
        if found is None or not self.sight.hides(found.team):
            return node
        return Node(node.id, node.kind, self._other(node.label))

    def _about_id(self, public_id: str) -> Name | None:
        if public_id not in self._ids:
            self._ids[public_id] = self.subject(public_id)
        return self._ids[public_id]

    def _id(self, public_id: str) -> str:
        found = self._about_id(public_id)
        return public_id if found is None or not self.sight.hides(found.team) else self._other(public_id)

    def _other(self, public_id: str) -> str:
        """What stands for the id of something hidden."""
        kind = public_id.partition("-")[0]
        return self._others.setdefault(public_id, f"{kind}-{len(self._others):026}")

    def _stand_in(self, name: Name, number: int | None) -> tuple[Name, int | None]:
        if not self.sight.hides(name.team):
            return name, number
        new = self._names.setdefault((name, number), Name(STAND_IN, f"model-{len(self._names) + 1}"))
        return new, None if number is None else 1

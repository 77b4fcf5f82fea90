"""How far texts are read: the limit, what decides it, and how many texts of each role it cuts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

RECIPE = "as max_length says"
POSITIONS = "where the model's positions end"
TOKENIZER = "the limit of the tokenizer"
SOURCE = "as its source was trained"
MOST = "the most that is read"


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that is read of one text. `why` is one of the sentences above, which say what decides it."""

    size: int
    why: str = RECIPE
    unit: str = "tokens"


@dataclass(frozen=True, slots=True)
class Reading:
    """The texts of one role: how many there are, how many were cut, and the longest (in units, after cutting)."""

    texts: int
    cut: int
    longest: int


@dataclass(slots=True)
class TextsRead:
    """What a learner has read so far, by role."""

    limit: Limit
    roles: dict[str, Reading] = field(default_factory=dict)

    def add(self, role: str, reading: Reading) -> None:
        """Keep the first reading of `role`: later ones are of some of its rows."""
        self.roles.setdefault(role, reading)

    def notes(self) -> Iterator[str]:
        """A sentence that says how many texts were cut, if any were."""
        cut = [f"{one.cut:,} of {one.texts:,} in {role}" for role, one in self.roles.items() if one.cut]
        if cut:
            limit = self.limit
            yield f"texts were cut after {limit.size:,} {limit.unit}, {limit.why}: {', '.join(cut)}"

    def facts(self) -> Mapping[str, object]:
        """For the manifest; `text_length` says in words whether the limit or the data decided the length."""
        if not self.roles:
            return {}
        limit, longest = self.limit, max(one.longest for one in self.roles.values())
        whole = not any(one.cut for one in self.roles.values())
        said = (
            f"whole texts, {longest:,} {limit.unit} at most"
            if whole
            else f"{limit.size:,} {limit.unit} at most, {limit.why}"
        )
        roles = {role: {"texts": one.texts, "cut": one.cut} for role, one in self.roles.items()}
        return {
            "text_length": said,
            "texts": {"limit": limit.size, "unit": limit.unit, "longest": longest, "roles": roles},
        }

"""JSON for every frozen value of the domain: one form, and reading it back gives an equal value.

`from_json(T, to_json(value)) == value` for every value `value` of every type `T` in this package. The forms:

| Python | JSON |
|---|---|
| Digest, Name, VersionRef, Reference | its text: `sha256:…`, `team/name`, `models:/team/name/3` |
| datetime | RFC 3339 in UTC with `Z`; a naive time is refused |
| Enum | its value |
| Path | its text with forward slashes |
| bytes | base64 (RFC 4648 section 4) |
| float | a number; `"NaN"`, `"Infinity"`, `"-Infinity"` for what JSON has no number for |
| tuple, Sequence, frozenset | a list; a set is sorted |
| Mapping | an object |
| frozen dataclass | an object of its fields but those `inside`, and the properties in `COMPUTED` |
| `object` | any JSON, as it is |
"""

from registry.domain.codec.read import from_json
from registry.domain.codec.schema import schema_of
from registry.domain.codec.write import COMPUTED, to_json

__all__ = ["COMPUTED", "from_json", "schema_of", "to_json"]

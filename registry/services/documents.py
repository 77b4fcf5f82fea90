"""YAML documents from outside, read strictly: every mistake is a sentence with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from registry.domain.credentials import refuse_credentials
from registry.domain.text import shown
from registry.errors import InvalidError
from registry.services.document_errors import MAX_PROBLEMS, Path, line_of, sentences

M = TypeVar("M", bound=BaseModel)
MAX_BYTES = 262_144
DEEPEST = 32
"""Values within values that a document may have."""
_TOO_DEEP = f"values lie more than {DEEPEST} deep"
UNFOLDED = 2 * MAX_BYTES
"""Characters and values of a document whose aliases are written out."""
_DIGITS = 1000
_MERGE, _TEXT = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:str"
_AMBIGUOUS = re.compile(r"[-+]?0[0-9_]|.*:")
"""Octal and base 60 in YAML 1.1 only: `010` is 8 there, and `1:30` is 90."""
_CAUSES = {
    "mapping values are not allowed here": "a value that holds a colon and a space must be in quotes",
    "found character '\\t' that cannot start any token": "indent with spaces, not tabs",
    "expected <block end>": "the indentation does not fit the lines above",
}
"""What the parser's words for a mistake, by how they begin, most often mean."""


class ShallowLoader(yaml.SafeLoader):
    """SafeLoader that stops at the first value that lies too deep, or stands for too many by its aliases."""

    depth = 0

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.extents: dict[int, tuple[int, int]] = {}
        """By the id of a node, its characters and values with all aliases written out, and how deep they lie."""

    def fetch_flow_collection_start(self, kind: Any) -> None:
        if self.flow_level >= DEEPEST:  # checked while scanning, whose time grows with every open bracket
            mark = self.get_mark()
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=mark)
        super().fetch_flow_collection_start(kind)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=mark)
        alias = self.check_event(yaml.AliasEvent)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if node is not None:
            self._measure(node, alias=alias)
        return node

    def _measure(self, node: yaml.Node, *, alias: bool) -> None:
        """Raises: MarkedYAMLError. An alias that is measured before what it stands for is a part of that itself."""
        if not alias:
            pairs = node.value if isinstance(node, yaml.MappingNode) else ()
            parts = node.value if isinstance(node, yaml.SequenceNode) else [one for pair in pairs for one in pair]
            within = [self.extents[id(one)] for one in parts]
            own = len(node.value) if isinstance(node, yaml.ScalarNode) else 0
            size, deep = 1 + own + sum(one for one, _ in within), 1 + max((one for _, one in within), default=0)
            self.extents[id(node)] = size, deep
        size, deep = self.extents.get(id(node), (UNFOLDED + 1, 0))
        if self.depth + deep > DEEPEST + 1 or (self.anchors and size > UNFOLDED):
            what = (
                _TOO_DEEP
                if size <= UNFOLDED
                else f"with its aliases written out it has more than {UNFOLDED:,} characters"
            )
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark)


class _StrictLoader(ShallowLoader):
    """Also refuses keys given twice, aliases and merge keys, and reads `1e-3` as the number that it is in YAML 1.2."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="anchors and aliases are not supported", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == _MERGE or not isinstance(key, yaml.ScalarNode):
                what = "merge keys (<<) are not supported" if key.tag == _MERGE else "a key must be text"
                raise yaml.MarkedYAMLError(problem=what, problem_mark=key.start_mark)
            if key.tag != _TEXT:
                what = f"the key {key.value[:80]} is not text: put it in quotes"  # `on` is true in YAML 1.1
                raise yaml.MarkedYAMLError(problem=what, problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        number = node.tag.endswith((":int", ":float"))
        if number and len(node.value) > _DIGITS:
            what = f"a number of {len(node.value):,} digits is too long"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark)
        if number and _AMBIGUOUS.match(node.value):
            what = f"{node.value!r} is not a plain number: write one without a leading 0 or :, or put it in quotes"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark)
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # a 13th month
            what = f"{shown(node.value)} cannot be read: {error}"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=node.start_mark) from error


def _refuse_tag(_: yaml.SafeLoader, node: yaml.Node) -> object:
    raise yaml.MarkedYAMLError(problem=f"the tag {node.tag[:80]!r} is not supported", problem_mark=node.start_mark)


_StrictLoader.add_constructor(None, _refuse_tag)


_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)

Found = tuple[tuple[str | int, ...], str]
"""A problem that only the whole document shows: the path to it, and one sentence."""


def read_document(
    text: str,
    model: type[M],
    *,
    error: type[InvalidError],
    what: str,
    check: Callable[[M], Iterable[Found]] | None = None,
    places: Mapping[str, str] = MappingProxyType({}),
) -> M:
    """Parse `text` as YAML into `model`; then `check` looks for names that lead nowhere.

    `places` gives the right place of unknown or misplaced keys: `{"learning_rate": "optimizer.lr"}`.
    Raises: `error`, with one sentence for each mistake, each with its line.
    """
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise error(f"The {what} is larger than {MAX_BYTES:,} bytes")
    refuse_credentials(text, what)  # first, because other sentences quote what was written
    root, data = _read_yaml(text, error, what)
    refuse_credentials(data, what)
    if not isinstance(data, Mapping):
        raise error(f"The {what} is not a mapping of keys", remedy="Start with lines such as `key: value`")
    try:
        document = model.model_validate(data)
    except ValidationError as problems:
        lines = sentences(problems.errors(include_url=False), root, model, places)
        raise error("; ".join(lines), facts={"problems": lines}) from problems
    found = list(islice(check(document), MAX_PROBLEMS + 1)) if check else []
    lines = [f"Line {line_of(root, path)}: {sentence}" for path, sentence in found[:MAX_PROBLEMS]]
    if len(found) > MAX_PROBLEMS:
        lines.append("And more mistakes")
    if lines:
        raise error("; ".join(lines), facts={"problems": lines})
    return document


def lines_of(text: str) -> Callable[[Path], int]:
    """By a path, its line (from 1) in a document that was read before."""
    root, _ = _read_yaml(text, InvalidError, "document")
    return lambda path: line_of(root, path)


def value_of(text: str) -> object:
    """What a document holds that was read before."""
    return _read_yaml(text, InvalidError, "document")[1]


def _read_yaml(text: str, error: type[InvalidError], what: str) -> tuple[yaml.Node | None, object]:
    """The nodes, which know their lines, and the value. Raises: `error`."""
    try:
        loader = _StrictLoader(text)
        try:
            root = loader.get_single_node()
            return root, loader.construct_document(root) if root is not None else None
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as problem:
        line = text.count("\n", 0, problem.position) + 1
        raise error(
            f"Line {line}: the character U+{ord(text[problem.position]):04X} is not allowed in a {what}",
            remedy="Save it as UTF-8 text",
            facts={"line": line},
        ) from problem
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        raise error(f"Line {line}: {_cause(problem)}", facts={"line": line}) from problem


def _cause(problem: yaml.MarkedYAMLError) -> str:
    """The parser's two half sentences as one, or what they most often mean."""
    found = problem.problem or "this is not YAML"
    if problem.context and found.startswith("but "):
        return f"{problem.context}, {found}"
    cause = next((cause for start, cause in _CAUSES.items() if found.startswith(start)), None)
    return cause or (f"{found} {problem.context}" if problem.context else found)


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The YAML between `---` at the head of a card, and the Markdown after it. Raises: InvalidError for no mapping."""
    if not text.startswith("---\n"):
        return {}, text
    head, end, body = text[4:].partition("\n---")
    if not end:
        raise InvalidError("The card's front matter has no closing line ---")
    try:
        data = yaml.load(head, ShallowLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 2
        cause = _cause(error) if isinstance(error, yaml.MarkedYAMLError) else "this is not YAML"
        raise InvalidError(f"The card's front matter is not YAML, line {line}: {cause}") from error
    except ValueError as error:  # a 13th month, a number of 5,000 digits
        raise InvalidError("The card's front matter holds a value that YAML does not have") from error
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise InvalidError("The card's front matter is not a mapping of keys")
    return data, body.removeprefix("-").lstrip("\n")

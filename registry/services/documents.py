"""Outside YAML documents, read strictly: duplicate keys refused, every error with its line, near keys suggested."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from registry.domain.text import nearest
from registry.errors import InvalidError

M = TypeVar("M", bound=BaseModel)
MAX_BYTES = 262_144
DEEPEST = 32
"""Values within values that a document may have."""
_TOO_DEEP = f"values lie more than {DEEPEST} deep"


class ShallowLoader(yaml.SafeLoader):
    """SafeLoader that stops at the first value that lies too deep."""

    depth = 0

    def fetch_flow_collection_start(self, kind: Any) -> None:
        if self.flow_level >= DEEPEST:  # seen to while scanning, which looks at every open bracket again for each word
            mark = self.get_mark()
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=mark)
        super().fetch_flow_collection_start(kind)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > DEEPEST:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _StrictLoader(ShallowLoader):
    """Also refuses a key given twice, aliases and merge keys: a document says what it says once."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="anchors and aliases are not read here", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


Found = tuple[tuple[str | int, ...], str]
"""A problem that only the whole document shows: the path to it, and one sentence."""


def read_document(
    text: str,
    model: type[M],
    *,
    error: type[InvalidError],
    what: str,
    check: Callable[[M], Iterable[Found]] | None = None,
) -> M:
    """Parse `text` as YAML into `model`; then `check` looks for names that lead nowhere.

    Raises: `error`, with one sentence per problem, each with its line: unknown keys come with the nearest known key.
    """
    if len(text.encode()) > MAX_BYTES:
        raise error(f"the {what} is larger than {MAX_BYTES:,} bytes")
    try:
        loader = _StrictLoader(text)
        try:
            root = loader.get_single_node()
            data = loader.construct_document(root) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        raise error(f"line {line}: {problem.problem}", facts={"line": line}) from problem
    except (yaml.YAMLError, ValueError) as problem:
        raise error(f"the {what} is not YAML: {problem}") from problem
    if not isinstance(data, Mapping):
        raise error(f"the {what} is not a mapping of keys", remedy="Start with lines such as `key: value`")
    try:
        document = model.model_validate(data)
    except ValidationError as problems:
        lines = [_sentence(root, item, model) for item in problems.errors(include_url=False)]
        raise error("; ".join(lines), facts={"problems": lines}) from problems
    lines = [f"line {line_of(root, path)}: {sentence}" for path, sentence in (check(document) if check else ())]
    if lines:
        raise error("; ".join(lines), facts={"problems": lines})
    return document


def line_of(root: yaml.Node | None, path: Sequence[str | int]) -> int:
    """The line (from 1) where `path` is, or of the deepest part of it that is there."""
    node, line = root, 0
    for part in path:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line, value
                    break
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
    return line + 1


def _sentence(root: yaml.Node | None, problem: Mapping[str, Any], model: type[BaseModel]) -> str:
    path = tuple(problem["loc"])
    where = ".".join(str(part) for part in path)
    line = line_of(root, path)
    if problem["type"] == "extra_forbidden":
        meant = nearest(str(path[-1]), _keys(model))
        hint = f", did you mean {meant!r}?" if meant else ""
        return f"line {line}: there is no key {where!r}{hint}"
    if problem["type"] == "missing":
        return f"line {line}: the key {where!r} is missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"line {line}: {where}: {message}" if where else f"line {line}: {message}"


def _keys(model: type[BaseModel], seen: frozenset[type] = frozenset()) -> set[str]:
    """Every key that the document may hold at any depth: a misspelt one is close to one of them."""
    keys: set[str] = set()
    for name, field in model.model_fields.items():
        keys.add(field.alias or name)
        for inner in _models_in(field.annotation):
            if inner not in seen:
                keys |= _keys(inner, seen | {model})
    return keys


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in getattr(annotation, "__args__", ()) for m in _models_in(argument)]

"""`docs/policies.md` explains each field of a policy with an example; every example is a policy that is read."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from registry.domain.governance.policies.policy import Policy
from registry.errors import BadPolicyError
from registry.services.governance.policies.document import read_policy
from registry.services.governance.policies.parts import PolicyDocument
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.policies.term_parts import ReattestPart, RenewalPart
from tests.builders import digest

DOCS = Path(__file__).parents[5] / "docs" / "policies.md"
ROW = re.compile(r"^\| `([A-Za-z_.]+)` \| `((?:[^`])+)` \| (.+) \|$", re.MULTILINE)
EXAMPLES = {field: example.replace(r"\|", "|") for field, example, _ in ROW.findall(DOCS.read_text(encoding="utf-8"))}
NAMES = {
    "roles.NAME": "validator",
    "evidence_types.NAME": "validation",
    "evidence_types.NAME.fields.NAME": "note",
    "reattest.STAGE": "production",
}
"""What stands for the names of one's own in the examples."""
FIXED = {
    "apiVersion", "kind", "waivers.scope", "waivers.inherit", "votes.bound_to", "votes.carry_over",
    "transitions.conditional.on_overdue", "reattest.STAGE.on_lapse", "emergency.post_review.on_missing",
}  # fmt: skip
"""Fields of which one value alone is taken today."""
WITHOUT_VALUE = {"metrics"}
"""Fields that only change which conditions are accepted."""
WHOLE = """
risk_tier: [{tier: high, when: 'tier_is_unused || true'}]
waivers: {role: risk-owner}
emergency:
  role: risk-owner
  allowed: [promote]
  post_review: {within: P3D, role: validator}
""".replace("tier_is_unused || true", 'subject.modality == "image"')


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models(part)


def fields(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Each field that holds a value, by its way: not those that only hold further fields."""
    for name, field in model.model_fields.items():
        where = f"{above}{field.alias or name}"
        within = [*models(field.annotation)]
        for one in within:
            yield from fields(one, f"{where}.NAME." if get_origin(field.annotation) is dict else f"{where}.")
        if not within:
            yield where
    if model is ReattestPart:
        yield from fields(RenewalPart, f"{above}STAGE.")


def base() -> dict[str, Any]:
    """The default policy with every block of the language but `reattest`, and one more stage."""
    return copy.deepcopy(_base())


@cache
def _base() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(default_policy_text() + WHOLE)
    document["stages"] += ["superseded"]
    document["transitions"][0]["approvals"] = [{"role": "validator"}]
    document["transitions"][0]["conditional"] = {"max_open_findings": 3}
    document["transitions"][0]["gates"].append({"id": "claims", "require": "lineage.contradicted == 0"})
    document["evidence_types"]["validation"]["fields"]["base_model"] = {"type": "text"}
    return document


def place(document: dict[str, Any], field: str, value: object) -> None:
    """Write `value` where `field` says; of a list of items into its first, of names into the one in `NAMES`."""
    holder: Any = document
    *way, last = field.split(".")
    for number, part in enumerate(way, 1):
        so_far = ".".join(way[:number])
        key = NAMES[so_far] if part in {"NAME", "STAGE"} else part
        if isinstance(holder, list):
            holder = holder[0]
        holder = holder.setdefault(key, {})
    if isinstance(holder, list):
        holder = holder[0]
    holder[last] = value


def prepared(field: str, value: object) -> dict[str, Any]:
    """The base with what an example needs beside itself, and with the example."""
    document = base()
    if field.endswith("emptyIsTrue"):
        place(document, field.replace("emptyIsTrue", "when"), "subject.owners.all(o, o != '')")
    if field == "evidence_types.NAME.media_type":
        del document["evidence_types"]["validation"]["predicate"]
    if field == "evidence_types.NAME.fields.NAME.choices":
        place(document, field.replace("choices", "type"), "choice")
    if field == "transitions.evidence.bound_to":
        place(document, "transitions.evidence.type", "validation")
    if field == "votes.comment_required_for":
        place(document, "votes.values", ["approve", "reject"])
    if field == "transitions.from":
        place(document, "transitions.to", "production")
    if field in {"reattest.STAGE.grace", "reattest.STAGE.on_lapse", "reattest.triggers"}:
        place(document, "reattest.STAGE.tier_low", "P365D")
    place(document, field, value)
    return document


@cache
def _read_base() -> Policy:
    return read(base())


def read(document: dict[str, Any], *, new: bool = True) -> Policy:
    return replace(read_policy(json.dumps(document), new=new), digest=digest("any"))


def test_every_field_of_the_language_is_documented_with_an_example() -> None:
    assert set(EXAMPLES) >= set(fields(PolicyDocument)), "explain the new field in docs/policies.md"
    assert {field for field in EXAMPLES if "." in field} <= set(fields(PolicyDocument)), "there is no such field"


@pytest.mark.parametrize("field", sorted(set(fields(PolicyDocument))))
def test_the_example_of_a_field_is_read_and_changes_the_policy(field: str) -> None:
    value = yaml.safe_load(EXAMPLES[field]) if EXAMPLES[field] != "true" else True
    without, written = prepared(field, value), prepared(field, value)
    remove(without, field)
    policy = read(written, new=True)
    if field in FIXED:
        with pytest.raises(BadPolicyError):
            read(prepared(field, 7))
        return
    if field in WITHOUT_VALUE:
        gate = {"id": "extra", "require": "metrics.bleu > 0.5"}
        for document in (without, written):
            document["transitions"][0]["gates"].append(gate)
        with pytest.raises(BadPolicyError, match="metrics has no 'bleu'"):
            read(without)
        assert read(written)
        return
    assert policy != _read_base(), "the example changes nothing"
    if prepared(field, value) != changed(base(), field, value):  # what it needs beside itself is no change of its own
        with suppress(BadPolicyError):  # the field has to be there
            assert policy != read(without, new=True), "the example changes nothing"


def changed(document: dict[str, Any], field: str, value: object) -> dict[str, Any]:
    """`document` with the example alone."""
    place(document, field, value)
    return document


def remove(document: dict[str, Any], field: str) -> None:
    """Take out what `place` has written."""
    marked = copy.deepcopy(document)
    place(marked, field, "(removed)")

    def same(one: Any, two: Any) -> Any:
        if isinstance(one, dict) and isinstance(two, dict):
            for key in [key for key in one if two.get(key) == "(removed)"]:
                del one[key]
            for key in one:
                same(one[key], two[key])
        elif isinstance(one, list) and isinstance(two, list):
            for first, second in zip(one, two, strict=True):
                same(first, second)
        return one

    same(document, marked)

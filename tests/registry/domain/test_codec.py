"""The JSON of every value of the team, and the way back."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lineage.nodes
import registry.domain.audit
import registry.domain.catalog.models
import registry.domain.data.datasets
import registry.domain.governance.promotion
import registry.domain.manifests
import registry.domain.paging
import registry.domain.people.people
import registry.domain.transfers.steps
import registry.domain.verbs
from lineage import Digest
from registry.domain.audit import AuditReport
from registry.domain.catalog.models import (
    Describing,
    Facet,
    MetricComparison,
    Modality,
    SearchQuery,
    SortKey,
    VersionSummary,
)
from registry.domain.codec import COMPUTED, from_json, schema_of, to_json
from registry.domain.data.datasets import SplitPlan
from registry.domain.governance.promotion import CheckResult, Verdict
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import EpochMetric, Progress, StepSummary
from registry.domain.verbs.catalog import ImportModel
from registry.errors import BadNameError, InvalidError, RegistryError
from tests.registry.json_schema import misfits

MODULES = (
    lineage.nodes,
    registry.domain.audit,
    registry.domain.catalog.models,
    registry.domain.data.datasets,
    registry.domain.manifests,
    registry.domain.paging,
    registry.domain.people.people,
    registry.domain.governance.promotion,
    registry.domain.transfers.steps,
    registry.domain.verbs,
)


def _values_of(module: ModuleType) -> list[type]:
    return [
        item
        for item in vars(module).values()
        if isinstance(item, type) and dataclasses.is_dataclass(item) and item.__module__ == module.__name__
    ]


VALUES: list[Any] = [value for module in MODULES for value in _values_of(module) if value is not Page]
VALUES += [Page[VersionSummary], Page[StepSummary], Digest, Name, VersionRef, Reference, tuple[Facet, ...]]

parts = st.from_regex(r"[a-z0-9]{1,8}([-_][a-z0-9]{1,8})?", fullmatch=True)
numbers = st.integers(1, 999_999_999)
words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20).filter(str.strip)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
names = st.builds(Name, parts, parts)
kinds = st.sampled_from(AssetKind)
clean_paths = st.lists(parts, min_size=1, max_size=3).map("/".join)
tags = st.dictionaries(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,9}", fullmatch=True), words, max_size=2)
zones = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))

for kind, strategy in {
    Digest: st.binary(max_size=4).map(Digest.of),
    Name: names,
    VersionRef: st.builds(VersionRef, kinds, names, numbers),
    Reference: st.builds(Reference, kinds, names, numbers)
    | st.builds(Reference, kinds, names, alias=st.none() | st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True)),
    datetime: st.datetimes(datetime(1970, 1, 2), datetime(2999, 1, 1), timezones=zones),
    Path: clean_paths.map(Path),
    object: json_values,
    float: st.floats(allow_nan=False),
    FileEntry: st.builds(FileEntry, clean_paths),
    PageRequest: st.builds(PageRequest, st.integers(1, 500), st.none() | words),
    SplitPlan: st.builds(
        SplitPlan, st.sampled_from([{"train": 1.0}, {"a": 0.25, "b": 0.75}]), st.integers(), st.none() | words
    ),
    Describing: st.builds(Describing, words, st.sampled_from(Modality), words, words, words, tags),
    SearchQuery: st.builds(SearchQuery, sort=st.just(SortKey.NAME), sort_metric=st.none())
    | st.builds(SearchQuery, sort=st.just(SortKey.METRIC), sort_metric=words),
}.items():
    st.register_type_strategy(kind, strategy)


st.register_type_strategy(
    Page,
    lambda kind: st.builds(
        Page, st.lists(st.from_type(get_args(kind)[0]), max_size=2).map(tuple), st.none() | st.text()
    ),
)


@pytest.mark.parametrize("kind", VALUES, ids=str)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_is_written_reads_back_as_an_equal_value_and_fits_its_schema(kind: Any, data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    text = json.dumps(to_json(value), allow_nan=False)
    assert from_json(kind, json.loads(text)) == value
    assert misfits(json.loads(text), schema_of(kind)) == []


def test_a_step_has_the_form_that_the_documentation_shows() -> None:
    step = StepSummary(
        id="step-01",
        method=Method.FINE_TUNING,
        adapter="torch",
        state=registry.domain.transfers.steps.StepState.SUCCEEDED,
        output=VersionRef(AssetKind.MODELS, Name("vision", "digits"), 3),
        wanted=Name("vision", "digits"),
        created_at=datetime(2026, 11, 23, 5, 30, tzinfo=timezone(timedelta(hours=1))),
        created_by="ana",
        started_at=None,
        ended_at=None,
        epoch=1.5,
        epochs=3,
        error=None,
        metrics={"accuracy": 0.93},
        progress=Progress("train", 30, 60, 480, None, 96.5, math.nan, 5.0, datetime(2026, 11, 23, 4, 31, tzinfo=UTC)),
    )
    assert to_json(step) == {
        "id": "step-01",
        "method": "fine_tuning",
        "adapter": "torch",
        "state": "succeeded",
        "output": "models:/vision/digits/3",
        "wanted": "vision/digits",
        "created_at": "2026-11-23T04:30:00Z",
        "created_by": "ana",
        "started_at": None,
        "ended_at": None,
        "epoch": 1.5,
        "epochs": 3,
        "error": None,
        "metrics": {"accuracy": 0.93},
        "progress": {
            "phase": "train",
            "step": 30,
            "steps": 60,
            "samples": 480,
            "total": None,
            "rate": 96.5,
            "loss": "NaN",
            "seconds_left": 5.0,
            "updated_at": "2026-11-23T04:31:00Z",
        },
    }


def test_a_loss_that_ran_away_is_still_json() -> None:
    point = EpochMetric(1, 10, "loss", "train", math.nan)
    written = json.loads(json.dumps(to_json(point), allow_nan=False))
    assert written["value"] == "NaN"
    assert math.isnan(from_json(EpochMetric, written).value)


def test_a_set_is_written_in_order() -> None:
    assert to_json(frozenset({"b", "a", "c"})) == ["a", "b", "c"]


def test_bytes_are_base64_both_ways() -> None:
    entry = registry.domain.audit.AuditEntry(1, b"\x00\xff", *(Digest.of(b""),) * 3)
    assert to_json(entry)["body"] == "AP8="
    with pytest.raises(InvalidError, match=r"body: this is not base64"):
        from_json(registry.domain.audit.AuditEntry, {**to_json(entry), "body": "!!"})


def test_what_a_verdict_means_is_written_with_it() -> None:
    verdict = Verdict((CheckResult("r1", "gate", passed=False, message="accuracy is 0.7"),))
    written = to_json(verdict)
    assert written["allowed"] is False
    assert written["reasons"] == ["accuracy is 0.7"]
    assert to_json(AuditReport(3, Digest.of(b"")))["intact"] is True


def test_a_verdict_that_contradicts_its_checks_is_refused() -> None:
    written = to_json(Verdict((CheckResult("r1", "gate", passed=False, message="no"),)))
    with pytest.raises(InvalidError, match="allowed: this does not follow"):
        from_json(Verdict, {**written, "allowed": True})
    del written["allowed"], written["reasons"]
    assert not from_json(Verdict, written).allowed


def test_every_computed_property_exists() -> None:
    for kind, properties in COMPUTED.items():
        assert all(isinstance(vars(kind)[name], property) for name in properties)


WANTED: dict[str, object] = {"name": "library/lite0", "source": "/models/lite0"}


def test_a_field_with_a_default_may_be_left_out() -> None:
    assert from_json(ImportModel, WANTED) == ImportModel(Name("library", "lite0"), "/models/lite0")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sourse": "x"}, "sourse: there is no such field. Known: name, source, architecture"),
        ({"source": 3}, "source: expected text, not 3"),
        ({"source": None}, "source: expected text, not null"),
        ({"tags": {"a": 1}}, "tags.a: expected text, not 1"),
        ({"tags": ["a"]}, "tags: expected an object, not a list"),
        ({"parents": ["models:/a/b/1", "a/b"]}, r"parents\[1\]: 'a/b' is not a reference"),
        ({"parents": "models:/a/b"}, "parents: expected a list, not 'models:/a/b'"),
        ({"modality": "smell"}, "modality: 'smell' is not one of image, text"),
        ({"modality": {}}, "modality: a mapping is not one of image, text"),
        ({"name": "Library"}, "name: 'Library' is not a name"),
    ],
)
def test_a_wrong_field_is_named_with_its_place(change: Mapping[str, object], sentence: str) -> None:
    with pytest.raises(RegistryError, match=sentence):
        from_json(ImportModel, {**WANTED, **change})


def test_a_missing_field_is_named_with_its_place() -> None:
    with pytest.raises(InvalidError, match="source: this field is missing"):
        from_json(ImportModel, {"name": "library/lite0"})
    with pytest.raises(InvalidError, match=r"items\[0\].ref: this field is missing") as caught:
        from_json(Page[VersionSummary], {"items": [dict.fromkeys(_required(VersionSummary) - {"ref"}, "x")]})
    assert caught.value.facts == {"place": "items[0].ref"}


def _required(kind: type) -> set[str]:
    return {f.name for f in dataclasses.fields(kind) if f.default is f.default_factory is dataclasses.MISSING}


def test_the_error_of_an_invalid_value_keeps_its_code() -> None:
    with pytest.raises(BadNameError) as caught:
        from_json(ImportModel, {**WANTED, "name": "x"})
    assert caught.value.code == "bad-name"
    assert caught.value.remedy


def test_true_is_not_a_number_and_a_number_is_not_true() -> None:
    with pytest.raises(InvalidError, match="limit: expected a whole number, not true"):
        from_json(PageRequest, {"limit": True})
    with pytest.raises(InvalidError, match="value: expected a number, not true"):
        from_json(MetricComparison, {"metric": "accuracy", "operator": ">", "value": True})
    assert from_json(MetricComparison, {"metric": "accuracy", "operator": ">", "value": 1}).value == 1.0


@pytest.mark.parametrize("text", ["2026-11-23", "2026-11-23T04:00:00", "yesterday"])
def test_a_time_without_a_zone_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        from_json(datetime, text)


def test_a_time_without_a_zone_cannot_be_stored() -> None:
    with pytest.raises(InvalidError, match="no time zone"):
        to_json(datetime(2026, 1, 1))
    assert to_json(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"


def test_a_reference_without_a_number_is_no_version() -> None:
    with pytest.raises(InvalidError, match="names no version number"):
        from_json(VersionRef, "models:/a/b@production")


def test_a_pair_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidError, match=r"counts\[0\]: expected a list of 2, not of 3"):
        from_json(Facet, {"field": "task", "counts": [["image", 1, 2]]})


def test_what_has_no_json_form_is_a_mistake_of_the_programmer() -> None:
    for broken in (lambda: to_json(object()), lambda: from_json(complex, 1), lambda: schema_of(complex)):
        with pytest.raises(TypeError, match="no JSON form"):
            broken()


def test_a_literal_reads_as_one_of_its_values() -> None:
    kind: Any = Literal["up", "down"]
    assert from_json(kind, "up") == "up"
    assert schema_of(kind) == {"enum": ["up", "down"]}
    with pytest.raises(InvalidError, match="'left' is not one of up, down"):
        from_json(kind, "left")


def test_a_choice_of_types_cannot_be_told_apart_in_json() -> None:
    kind: Any = int | str
    with pytest.raises(TypeError, match=r"only `X \| None` has a JSON form"):
        from_json(kind, 1)


def test_what_should_be_an_object_and_is_none_is_refused() -> None:
    wrong: tuple[object, ...] = (None, [], "x", {1: 2})
    for data in wrong:
        with pytest.raises(InvalidError, match="expected an object"):
            from_json(PageRequest, data)


def test_schemas_share_one_place_for_definitions() -> None:
    components: dict[str, Any] = {}
    schema = schema_of(Page[VersionSummary], definitions=components, prefix="#/components/schemas/")
    assert schema == {"$ref": "#/components/schemas/PageOfVersionSummary"}
    assert components["PageOfVersionSummary"]["properties"]["items"]["items"] == {
        "$ref": "#/components/schemas/VersionSummary"
    }
    assert components["VersionSummary"]["additionalProperties"] is False
    schema_of(Verdict, definitions=components, prefix="#/components/schemas/")
    assert components["Verdict"]["properties"]["allowed"] == {"type": "boolean", "readOnly": True}


def test_the_codec_needs_no_framework() -> None:
    code = (
        "import registry.domain.codec, sys; sys.exit(any(m in sys.modules for m in ('pydantic', 'yaml', 'sqlalchemy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

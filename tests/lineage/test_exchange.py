"""What other programs are told of an ancestry is what their own specifications ask for, and all of it is there."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from lineage import Assurance, Edge, Graph, NodeKind
from lineage.exchange import cyclonedx, hub, openlineage, prov, spdx
from lineage.exchange.records import Record, Run, expression, run_id, uri, urn
from registry.domain.ids import new_id
from tests.lineage.official import rebuilt
from tests.lineage.worlds import FAMILY, draw

AT = "2026-03-14T09:26:53.589793+00:00"
STEP = "step-01jd0000000000000000000000"


def record(focus: str = "small", *, state: str = "succeeded", licence: str = "Apache-2.0") -> Record:
    """The family of the small model, as the registry labels and describes it."""
    drawn, ids = draw(FAMILY)
    nodes = []
    for number, node in enumerate(drawn.order()):
        if node.kind is NodeKind.STEP:
            facts = {"method": "import" if "import" in node.label or "add" in node.label else "fine_tuning"}
            nodes.append(replace(node, label=f"{STEP[:-2]}{number:02d}", facts=facts | {"adapter": "torch"}))
        else:
            facts = {"licence": licence, "task": "image-classification", "modality": "vision", "created_at": AT}
            measured = {"stage": "candidate"} if node.kind is NodeKind.MODEL else {"rows": "10"}
            nodes.append(replace(node, label=f"vision/{node.label}/1", facts=facts | measured))
    graph = Graph(nodes, drawn.edges)
    run = Run(state, "ana", AT, AT, "The loss is nan" if state == "failed" else None, {"schema": 1}, {"accuracy": 0.93})
    return Record(graph, ids[focus], {node.id: run for node in nodes if node.kind is NodeKind.STEP}, AT, "0.4.0")


def test_a_step_has_the_uuid_that_its_id_holds() -> None:
    at = datetime.fromisoformat(AT)
    step = replace(next(record().steps()), label=new_id("step", at))
    assert uuid.UUID(run_id(step)).int >> 80 == int(at.timestamp() * 1000)
    assert uuid.UUID(run_id(replace(step, label="step-x"))).version == 5


@pytest.mark.parametrize(
    ("licence", "known"),
    [
        ("MIT", True),
        ("Apache-2.0 AND CC-BY-4.0", True),
        ("(MIT OR Apache-2.0) AND LicenseRef-llama-3", True),
        ("unknown", False),
        ("my own licence", False),
        ("see https://example.org", False),
        ("", False),
    ],
)
def test_only_an_expression_is_given_out_as_one(licence: str, known: bool) -> None:
    assert (expression(licence) == licence) is known


# OpenLineage: the official client's classes refuse keys that the schema lacks, and check what it asks of values.


@pytest.mark.parametrize(("state", "end"), [("succeeded", "COMPLETE"), ("failed", "FAIL"), ("cancelled", "ABORT")])
def test_openlineage_gets_a_start_and_an_end_of_every_step(state: str, end: str) -> None:
    given = record(state=state)
    events = openlineage.events(given)
    assert [event["eventType"] for event in events] == ["START", end] * len(list(given.steps()))
    for event in events:
        rebuilt(event)


def test_openlineage_hears_of_a_step_that_runs_only_its_start() -> None:
    assert {event["eventType"] for event in openlineage.events(record(state="running"))} == {"START"}


def test_openlineage_is_told_what_a_model_was_made_from_and_not_what_it_was_only_measured_on() -> None:
    last: Any = openlineage.events(record())[-1]
    assert {one["name"] for one in last["inputs"]} == {"vision/lite0", "vision/digits"}
    (entry,) = last["job"]["facets"]["lineage"]["entries"]
    assert (entry["name"], {one["name"] for one in entry["inputs"]}) == (
        "vision/small",
        {"vision/lite0", "vision/digits"},
    )
    roles = {one["name"]: one["inputFacets"]["forebear_input"]["assurance"] for one in last["inputs"]}
    assert roles == {"vision/lite0": "declared", "vision/digits": "observed"}
    probe: Any = openlineage.events(record("digits-probe"))
    tested = [
        one for event in probe for one in event["inputs"] if one["inputFacets"]["forebear_input"]["role"] == "test"
    ]
    assert tested


def test_prov_reads_back_what_was_written_with_every_version_step_and_use() -> None:
    from prov.model import ProvDocument

    given = record()
    document = ProvDocument.deserialize(content=json.dumps(prov.document(given)), format="json")
    kinds = [one.get_type().localpart for one in document.get_records()]
    graph = given.graph
    assert kinds.count("Entity") == len(list(given.versions()))
    assert kinds.count("Activity") == len(list(given.steps()))
    uses = [edge for edge in graph.edges if graph.node(edge.target).kind is NodeKind.STEP]
    assert kinds.count("Usage") == len(uses)
    assert kinds.count("Generation") == len(list(graph.edges)) - len(uses)
    again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    assert again == document


def test_prov_has_no_derivation_from_a_parent_that_the_weights_contradict() -> None:
    given = record()
    edges = [
        replace(edge, assurance=Assurance.CONTRADICTED) if edge.role == "teacher" else edge
        for edge in given.graph.edges
    ]
    doubted: Any = prov.document(replace(given, graph=Graph(list(given.graph.nodes.values()), edges)))
    sure: Any = prov.document(given)
    assert len(doubted["wasDerivedFrom"]) == len(sure["wasDerivedFrom"]) - 1
    assert len(doubted["used"]) == len(sure["used"])


@pytest.mark.parametrize("licence", ["Apache-2.0", "my own licence"])
def test_a_bill_of_materials_is_valid_with_its_model_card_and_its_ancestors(licence: str) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    given = record(licence=licence)
    bom: Any = cyclonedx.bom(given)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bom)) is None
    subject = bom["metadata"]["component"]
    assert subject["modelCard"]["quantitativeAnalysis"]["performanceMetrics"] == [{"type": "accuracy", "value": "0.93"}]
    parents = {one["name"]: one for one in subject["pedigree"]["ancestors"]}
    assert set(parents) == {"vision/lite0", "vision/digits"}
    (grandparent,) = parents["vision/digits"]["pedigree"]["ancestors"]
    assert grandparent["name"] == "vision/digits-probe"
    refs = {one["bom-ref"] for one in (subject, *bom["components"])}
    assert {one["ref"] for one in bom["dependencies"]} == refs
    assert {ref for one in bom["dependencies"] for ref in one["dependsOn"]} <= refs
    assert cyclonedx.bom(given) == bom, "the same version gives the same document"


def test_a_family_of_many_generations_gives_a_document_that_does_not_double_with_each() -> None:
    lines = []
    for number in range(1, 30):
        lines += [f"m.v{number - 1} -source-> s.s{number}", f"m.w{number - 1} -source.b-> s.s{number}"]
        lines += [f"s.s{number} -output-> m.v{number}", f"m.v{number - 1} -source-> s.t{number}"]
        lines += [f"m.w{number - 1} -source.b-> s.t{number}", f"s.t{number} -output-> m.w{number}"]
    drawn, ids = draw("\n".join(lines))
    nodes = [one if one.kind is NodeKind.STEP else replace(one, label=f"a/{one.label}/1") for one in drawn.order()]
    runs = {node.id: Run("succeeded", "ana", AT, AT) for node in nodes if node.kind is NodeKind.STEP}
    bom = cyclonedx.bom(Record(Graph(nodes, drawn.edges), ids["v29"], runs, AT, "0.4.0"))
    assert len(json.dumps(bom)) < 100_000


def test_spdx_reads_the_packages_and_their_relations() -> None:
    from spdx_python_model import v3_0_1

    given = record()
    document: Any = spdx.document(given)
    objects = v3_0_1.SHACLObjectSet()
    v3_0_1.JSONLDDeserializer().deserialize_data(document, objects)
    assert objects.link() == set(), "every id that is named is there"
    found: list[Any] = list(objects.foreach_type("Relationship"))
    told = {(one.from_._id, str(one.relationshipType).rpartition("/")[2], to._id) for one in found for to in one.to}
    digits, mnist = "urn:forebear:models:vision/digits:1", "urn:forebear:datasets:vision/mnist:1"
    assert ("urn:forebear:models:vision/small:1", "descendantOf", digits) in told
    assert (digits, "trainedOn", mnist) in told
    assert ("urn:forebear:models:vision/digits-probe:1", "testedOn", mnist) in told
    assert len(list(objects.foreach_type("ai_AIPackage"))) == 5
    assert len(list(objects.foreach_type("dataset_DatasetPackage"))) == 1


def test_a_card_of_the_hub_names_the_direct_parents_and_the_exact_ones_beside_them() -> None:
    from huggingface_hub import ModelCardData

    found: Any = hub.card(record())
    card = ModelCardData(**found)
    assert card.base_model == ["vision/lite0", "vision/digits"]
    assert found["base_model_relation"] == "finetune"
    assert [one["ref"] for one in found["forebear"]["inputs"]] == ["models:/vision/lite0/1", "models:/vision/digits/1"]
    assert all(len(one["digest"].removeprefix("sha256:")) == 64 for one in found["forebear"]["inputs"])


@pytest.mark.parametrize("write", [prov.document, cyclonedx.bom, spdx.document, hub.card])
def test_a_metric_that_is_no_finite_number_is_left_out(write: Callable[[Record], object]) -> None:
    given = record()
    runs = {key: replace(run, metrics={"loss": float("inf"), "accuracy": 0.5}) for key, run in given.runs.items()}
    text = json.dumps(write(replace(given, runs=runs)), allow_nan=False)
    assert "accuracy" in text
    assert "loss" not in text


@pytest.mark.parametrize("write", [openlineage.events, prov.document, cyclonedx.bom, spdx.document, hub.card])
def test_a_version_that_came_from_nowhere_is_written_as_well(write: Callable[[Record], object]) -> None:
    drawn, ids = draw("s.import -output-> m.alone")
    node, step = drawn.node(ids["alone"]), drawn.node(ids["import"])
    graph = Graph([replace(node, label="a/alone/1"), step], [Edge(step.id, node.id, "output")])
    alone = Record(graph, node.id, {step.id: Run("succeeded", "ana")}, AT, "0.4.0")
    assert "a/alone" in json.dumps(write(alone))
    assert (uri(alone.subject), urn(alone.subject)) == ("models:/a/alone/1", "urn:forebear:models:a/alone:1")

"""SPDX 3.0.1 as JSON-LD, profiles Core, AI and Dataset: packages of models and data, and how they are related.

Specification: https://spdx.github.io/spdx-spec/v3.0.1/.
"""

from __future__ import annotations

from lineage.exchange.records import Json, Record, expression, measured_on, parts, stable_id, uri, urn
from lineage.nodes import Edge, Node, NodeKind

CONTEXT = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_CREATION = "_:creation"
_MADE_BY = "urn:forebear:release"


def document(record: Record) -> Json:
    """One document. Times have whole seconds, as SPDX asks."""
    at = record.at[:19] + "Z"
    packages = [_package(record, node, at) for node in record.versions()]
    relations = [one for step in record.steps() for one in _relations(record, step)]
    licences = [one for node in record.versions() for one in _licences(node)]
    root = urn(record.subject)
    name = f"urn:forebear:spdx:{stable_id(uri(record.subject) + at)}"
    elements = [*packages, *licences, *relations]
    whole: Json = {
        "type": "SpdxDocument",
        "spdxId": name,
        "creationInfo": _CREATION,
        "profileConformance": ["core", "software", "ai", "dataset", "simpleLicensing"],
        "rootElement": [root],
        "element": [str(one["spdxId"]) for one in elements],
    }
    made_by = f"{_MADE_BY}:{record.release}"
    creation: Json = {
        "type": "CreationInfo",
        "@id": _CREATION,
        "specVersion": "3.0.1",
        "created": at,
        "createdBy": [made_by],
    }
    agent: Json = {"type": "SoftwareAgent", "spdxId": made_by, "name": "Forebear", "creationInfo": _CREATION}
    return {"@context": CONTEXT, "@graph": [creation, agent, *elements, whole]}


def _package(record: Record, node: Node, at: str) -> Json:
    _, name, number = parts(node)
    found: Json = {
        "type": "ai_AIPackage" if node.kind is NodeKind.MODEL else "dataset_DatasetPackage",
        "spdxId": urn(node),
        "creationInfo": _CREATION,
        "name": name,
        "software_packageVersion": number,
        "software_primaryPurpose": "model" if node.kind is NodeKind.MODEL else "data",
        "software_downloadLocation": f"urn:forebear:{uri(node)}",
        "releaseTime": (node.facts.get("created_at") or at)[:19] + "Z",
    }
    if node.digest is not None:
        found["verifiedUsing"] = [{"type": "Hash", "algorithm": "sha256", "hashValue": node.digest.hex}]
    if node.kind is NodeKind.DATASET:
        found["dataset_datasetType"] = [_kind_of_data(node.facts.get("modality", ""))]
        return found
    if task := node.facts.get("task"):
        found["ai_domain"] = [task]
    if measured := record.metrics(node.id):
        found["ai_metric"] = [
            {"type": "DictionaryEntry", "key": key, "value": str(value)} for key, value in measured.items()
        ]
    return found


def _kind_of_data(modality: str) -> str:
    return {"vision": "image", "text": "text", "tabular": "structured", "audio": "audio"}.get(modality, "noAssertion")


def _licences(node: Node) -> list[Json]:
    """The declared licence of a version: an element for the expression, and the relation to it."""
    licence = node.facts.get("licence")
    known = expression(licence) if licence else None
    if known is None:
        return []
    one = f"{urn(node)}:licence"
    held = {"type": "simplelicensing_LicenseExpression", "spdxId": one, "creationInfo": _CREATION}
    return [
        {**held, "simplelicensing_licenseExpression": known},
        _relation(urn(node), "hasDeclaredLicense", [one], f"{one}:declared"),
    ]


def _relations(record: Record, step: Node) -> list[Json]:
    """For each output of a step: the models that it descends from, and the data that it learnt and was tested on."""
    found = []
    for output in record.outputs(step.id):
        for edge, node in record.inputs(step.id):
            kind = _meaning(edge, node, output)
            key = f"urn:forebear:relation:{stable_id(f'{urn(output)} {kind} {urn(node)} {edge.role} {edge.split}')}"
            note = f"{step.facts.get('method', 'transfer')} as {edge.role}, {edge.assurance.value} ({step.label})"
            found.append(_relation(urn(output), kind, [urn(node)], key, comment=note))
    return found


def _meaning(edge: Edge, node: Node, output: Node) -> str:
    if node.kind is output.kind:
        return "descendantOf"
    if output.kind is NodeKind.DATASET:
        return "generates"
    return "testedOn" if measured_on(edge) else "trainedOn"


def _relation(start: str, kind: str, to: list[str], key: str, *, comment: str = "") -> Json:
    found: Json = {
        "type": "Relationship",
        "spdxId": key,
        "creationInfo": _CREATION,
        "from": start,
        "relationshipType": kind,
        "to": to,
    }
    return found | {"comment": comment} if comment else found

"""A CycloneDX 1.6 bill of materials: the version with its model card, its ancestors and the data it was made from.

Specification: https://cyclonedx.org/docs/1.6/json/ (ECMA-424).
"""

from __future__ import annotations

from lineage.exchange.records import Json, Record, expression, measured_on, parts, stable_id, uri, urn
from lineage.nodes import Edge, Node, NodeId, NodeKind

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
DEPTH = 4
"""Generations that are nested in a pedigree: with two parents each, every further one doubles the document."""


def bom(record: Record) -> Json:
    """One document. Its serial number is that of the version's content, so that the same version gives the same."""
    subject = record.subject
    others = [node for node in record.versions() if node.id != record.focus]
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{stable_id(f'{uri(subject)} {subject.digest}')}",
        "version": 1,
        "metadata": {
            "timestamp": record.at,
            "tools": {"components": [{"type": "application", "name": "forebear", "version": record.release}]},
            "component": _component(record, subject, whole=True),
        },
        "components": [_component(record, node, whole=False) for node in others],
        "dependencies": [_depends(record, node) for node in (subject, *others)],
    }


def _component(record: Record, node: Node, *, whole: bool) -> Json:
    """`whole`: with the ancestors nested in it, for the version that the document is about."""
    _, name, number = parts(node)
    found: Json = {
        "type": "machine-learning-model" if node.kind is NodeKind.MODEL else "data",
        "bom-ref": urn(node),
        "name": name,
        "version": number,
    }
    if node.digest is not None:
        found["hashes"] = [{"alg": "SHA-256", "content": node.digest.hex}]
    if licence := node.facts.get("licence"):
        known = expression(licence)
        found["licenses"] = [{"expression": known} if known else {"license": {"name": licence}}]
    if node.kind is NodeKind.MODEL:
        found["modelCard"] = _card(record, node)
        parents = _parents(record, node)
        if whole and parents:
            found["pedigree"] = {
                "ancestors": [_ancestor(record, edge, parent, frozenset({node.id})) for edge, parent in parents],
                "notes": _how(record, node),
            }
    else:
        found["data"] = [{"type": "dataset", "name": name}]
    found["properties"] = [
        {"name": f"forebear:{key}", "value": value}
        for key in ("stage", "status", "origin")
        if (value := node.facts.get(key))
    ]
    return found


def _ancestor(record: Record, edge: Edge, node: Node, below: frozenset[NodeId]) -> Json:
    """A parent in the pedigree, with its own parents; the full component stands among `components`."""
    _, name, number = parts(node)
    found: Json = {
        "type": "machine-learning-model",
        "name": name,
        "version": number,
        "properties": [
            {"name": "forebear:ref", "value": urn(node)},
            {"name": "forebear:role", "value": edge.role},
            {"name": "forebear:assurance", "value": edge.assurance.value},
        ],
    }
    if node.digest is not None:
        found["hashes"] = [{"alg": "SHA-256", "content": node.digest.hex}]
    further = [(one, parent) for one, parent in _parents(record, node) if parent.id not in below]
    if further and len(below) < DEPTH:
        found["pedigree"] = {
            "ancestors": [_ancestor(record, one, parent, below | {node.id}) for one, parent in further],
            "notes": _how(record, node),
        }
    return found


def _card(record: Record, node: Node) -> Json:
    maker = record.maker(node.id)
    data = [] if maker is None else [n for _, n in record.inputs(maker.id) if n.kind is NodeKind.DATASET]
    parameters: Json = {"datasets": [{"ref": ref} for ref in dict.fromkeys(urn(one) for one in data)]}
    if task := node.facts.get("task"):
        parameters["task"] = task
    if architecture := node.facts.get("architecture"):
        parameters["modelArchitecture"] = architecture
    found: Json = {"modelParameters": parameters}
    if measured := record.metrics(node.id):
        performance = [{"type": name, "value": str(value)} for name, value in measured.items()]
        found["quantitativeAnalysis"] = {"performanceMetrics": performance}
    return found


def _parents(record: Record, node: Node) -> list[tuple[Edge, Node]]:
    maker = record.maker(node.id)
    inputs = [] if maker is None else record.inputs(maker.id)
    return [(edge, parent) for edge, parent in inputs if parent.kind is NodeKind.MODEL and not measured_on(edge)]


def _how(record: Record, node: Node) -> str:
    maker = record.maker(node.id)
    return "" if maker is None else f"{maker.facts.get('method', 'transfer')} ({maker.label})"


def _depends(record: Record, node: Node) -> Json:
    maker = record.maker(node.id)
    inputs = [] if maker is None else [n for edge, n in record.inputs(maker.id) if not measured_on(edge)]
    return {"ref": urn(node), "dependsOn": list(dict.fromkeys(urn(one) for one in inputs))}

"""W3C PROV as PROV-JSON: versions are entities, steps activities, people agents.

Specification: https://www.w3.org/submissions/prov-json/ (PROV-DM: https://www.w3.org/TR/prov-dm/).
"""

from __future__ import annotations

from lineage.exchange.records import Json, Record, measured_on, parts
from lineage.nodes import Assurance, Edge, Node, NodeKind

PREFIXES = {"forebear": "urn:forebear:terms:", "version": "urn:forebear:version:", "person": "urn:forebear:person:"}


def document(record: Record) -> Json:
    """One PROV-JSON document. A claim that the weights contradict is a use, and no derivation."""
    found: dict[str, dict[str, object]] = {"prefix": dict(PREFIXES)}

    def add(kind: str, key: str, value: object) -> None:
        found.setdefault(kind, {})[key] = value

    def relate(kind: str, value: Json) -> None:
        add(kind, f"_:{kind}{len(found.get(kind, ()))}", value)

    for node in record.versions():
        add("entity", _entity(node), _version(record, node))
    for step in record.steps():
        run, activity = record.runs[step.id], _activity(step)
        times = {"prov:startTime": run.began, "prov:endTime": run.ended}
        shown = {"forebear:method": step.facts.get("method"), "forebear:state": run.state}
        add("activity", activity, {name: value for name, value in (times | shown).items() if value})
        add("agent", f"person:{run.by}", {"prov:type": {"$": "prov:Person", "type": "prov:QUALIFIED_NAME"}})
        relate("wasAssociatedWith", {"prov:activity": activity, "prov:agent": f"person:{run.by}"})
        outputs = record.outputs(step.id)
        for edge, node in record.inputs(step.id):
            relate("used", {"prov:activity": activity, "prov:entity": _entity(node), **_how(edge)})
        for output in outputs:
            relate("wasGeneratedBy", {"prov:entity": _entity(output), "prov:activity": activity})
            for edge, node in record.inputs(step.id):
                if not measured_on(edge) and edge.assurance is not Assurance.CONTRADICTED:
                    ends = {"prov:generatedEntity": _entity(output), "prov:usedEntity": _entity(node)}
                    relate("wasDerivedFrom", {**ends, "prov:activity": activity, **_how(edge)})
    return dict(found)


def _entity(node: Node) -> str:
    """A qualified name: `version:models.team.name.3`, without the characters that PROV-N would have escaped."""
    kind, name, number = parts(node)
    return f"version:{kind}.{name.replace('/', '.')}.{number}"


def _activity(step: Node) -> str:
    return f"forebear:{step.label}"


def _version(record: Record, node: Node) -> Json:
    kind = "forebear:Model" if node.kind is NodeKind.MODEL else "forebear:Dataset"
    facts = {name: node.facts.get(name) for name in ("licence", "stage", "status", "task")}
    shown = {f"forebear:{name}": value for name, value in (facts | {"digest": str(node.digest or "")}).items() if value}
    measured = {f"forebear:{name}": value for name, value in record.metrics(node.id).items()}
    return {
        "prov:type": {"$": kind, "type": "prov:QUALIFIED_NAME"},
        "prov:label": node.label,
        **shown,
        **measured,
    }


def _how(edge: Edge) -> Json:
    split = {} if edge.split is None else {"forebear:split": edge.split}
    return {"prov:role": edge.role, "forebear:assurance": edge.assurance.value, **split}

"""OpenLineage run events: START and COMPLETE, FAIL or ABORT for every step of an ancestry.

Specification: https://openlineage.io/spec/2-0-2/OpenLineage.json, the explicit lineage of LineageFacet 1-0-0. Versions
are datasets: models under the namespace `forebear:models`, data under `forebear:datasets`, the number as the version.
"""

from __future__ import annotations

from lineage.exchange.records import Json, Record, measured_on, parts, run_id
from lineage.nodes import Edge, Node

SPEC = "https://openlineage.io/spec"
EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs"
_ENDS = {"succeeded": "COMPLETE", "failed": "FAIL", "cancelled": "ABORT"}


def events(record: Record) -> list[Json]:
    """The events of all steps, inputs before outputs. A step that has not ended has its START only."""
    found = []
    for step in record.steps():
        run = record.runs[step.id]
        began = run.began or run.ended or record.at
        found.append(event(record, step, "START", began))
        if run.state in _ENDS:
            found.append(event(record, step, _ENDS[run.state], run.ended or began))
    return found


def trial(run: str, at: str, release: str) -> Json:
    """An event of the type OTHER that tells of no step, to try a receiver. `run` is a UUID that no step has."""
    return {
        "eventType": "OTHER",
        "eventTime": at,
        "producer": _producer(release),
        "schemaURL": f"{EVENT}/RunEvent",
        "run": {"runId": run, "facets": {}},
        "job": {"namespace": "forebear", "name": "test", "facets": {}},
        "inputs": [],
        "outputs": [],
    }


def event(record: Record, step: Node, kind: str, at: str) -> Json:
    """The event of the type `kind` (START, COMPLETE, FAIL, ABORT) of one step at the time `at` (ISO 8601)."""
    run, producer = record.runs[step.id], _producer(record.release)
    outputs = record.outputs(step.id)
    ended = kind != "START"
    name = parts(outputs[0])[1] if outputs else str(run.recipe.get("output", step.label))
    method = step.facts.get("method", "transfer")
    run_facets: Json = {
        "processing_engine": _facet(
            producer, "facets/1-1-1/ProcessingEngineRunFacet", version=record.release, name="Forebear"
        ),
        "forebear_step": {
            **_base(producer, "RunFacet"),
            "id": step.label,
            "method": method,
            "adapter": step.facts.get("adapter", ""),
            "submittedBy": run.by,
            "recipe": dict(run.recipe),
        },
    }
    if run.error and kind == "FAIL":
        run_facets["errorMessage"] = _facet(
            producer, "facets/1-0-1/ErrorMessageRunFacet", message=run.error, programmingLanguage="Python"
        )
    job_facets: Json = {
        "jobType": _facet(
            producer,
            "facets/2-0-4/JobTypeJobFacet",
            processingType="BATCH",
            integration="FOREBEAR",
            jobType=method.upper(),
        )
    }
    if ended and outputs:
        job_facets["lineage"] = _lineage(producer, record, step, outputs)
    return {
        "eventType": kind,
        "eventTime": at,
        "producer": producer,
        "schemaURL": f"{EVENT}/RunEvent",
        "run": {"runId": run_id(step), "facets": run_facets},
        "job": {"namespace": "forebear", "name": f"{name}:{method}", "facets": job_facets},
        "inputs": [_input(producer, edge, node) for edge, node in record.inputs(step.id)],
        "outputs": [_dataset(producer, node) for node in outputs] if ended else [],
    }


def _lineage(producer: str, record: Record, step: Node, outputs: list[Node]) -> Json:
    """Which inputs each output was made from; what it was only measured on is left out."""
    sources = [{"type": "DATASET", **_name(node)} for edge, node in record.inputs(step.id) if not measured_on(edge)]
    entries = [{"type": "DATASET", **_name(node), "inputs": sources} for node in outputs]
    return _facet(producer, "facets/1-0-0/LineageFacet", "LineageJobFacet", entries=entries)


def _input(producer: str, edge: Edge, node: Node) -> Json:
    facet: Json = {**_base(producer, "InputDatasetFacet"), "role": edge.role, "assurance": edge.assurance.value}
    if edge.split is not None:
        facet["split"] = edge.split
    return {**_dataset(producer, node), "inputFacets": {"forebear_input": facet}}


def _dataset(producer: str, node: Node) -> Json:
    facets: Json = {
        "version": _facet(producer, "facets/1-0-1/DatasetVersionDatasetFacet", datasetVersion=parts(node)[2]),
        "forebear_version": {
            **_base(producer, "DatasetFacet"),
            "digest": str(node.digest or ""),
            "licence": node.facts.get("licence", ""),
            "status": node.facts.get("status", ""),
        },
    }
    return {**_name(node), "facets": facets}


def _name(node: Node) -> Json:
    kind, name, _ = parts(node)
    return {"namespace": f"forebear:{kind}", "name": name}


def _producer(release: str) -> str:
    return f"urn:forebear:release:{release}"


def _base(producer: str, definition: str) -> Json:
    return {"_producer": producer, "_schemaURL": f"{EVENT}/{definition}"}


def _facet(producer: str, where: str, definition: str = "", **values: object) -> Json:
    folder, version, name = where.split("/")
    schema = f"{SPEC}/{folder}/{version}/{name}.json#/$defs/{definition or name}"
    return {"_producer": producer, "_schemaURL": schema, **values}

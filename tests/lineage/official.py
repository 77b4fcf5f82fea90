"""OpenLineage events read with the official client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rebuilt(event: Mapping[str, Any]) -> Any:
    """The event made of the official client's generated classes: those of the specification."""
    from openlineage.client import event_v2, facet_v2

    def facet(kind: Any, value: Mapping[str, Any]) -> Any:
        made = kind(**{key: one for key, one in value.items() if not key.startswith("_")}, producer=value["_producer"])
        assert value["_schemaURL"] == made._get_schema()
        return made

    facets = facet_v2
    run = event["run"]["facets"]
    facet(facets.processing_engine_run.ProcessingEngineRunFacet, run["processing_engine"])
    if "errorMessage" in run:
        facet(facets.error_message_run.ErrorMessageRunFacet, run["errorMessage"])
    facet(facets.job_type_job.JobTypeJobFacet, event["job"]["facets"]["jobType"])
    for data in (*event["inputs"], *event["outputs"]):
        facet(facets.dataset_version_dataset.DatasetVersionDatasetFacet, data["facets"]["version"])
    if (lineage := event["job"]["facets"].get("lineage")) is not None:
        from openlineage.client.generated import lineage as generated

        assert lineage["_schemaURL"] == generated.LineageJobFacet._get_schema()
        for entry in lineage["entries"]:
            inputs = [generated.LineageDatasetInput(**one) for one in entry["inputs"]]
            generated.LineageDatasetEntry(**entry | {"inputs": inputs})
    made = event_v2.RunEvent(
        eventType=getattr(event_v2.RunState, event["eventType"]),
        eventTime=event["eventTime"],
        run=event_v2.Run(event["run"]["runId"]),
        job=event_v2.Job(event["job"]["namespace"], event["job"]["name"]),
        producer=event["producer"],
    )
    assert event["schemaURL"] == made.schemaURL
    return made

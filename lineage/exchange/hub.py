"""The front matter of a Hugging Face model card: parents, how the child relates to them, and data.

Specification: https://huggingface.co/docs/hub/model-cards. `base_model` names direct parents without a version; ours
are exact, so the exact references stand beside them under `forebear`, which the Hub keeps and ignores.
"""

from __future__ import annotations

from lineage.exchange.records import Json, Record, measured_on, parts, uri
from lineage.nodes import NodeKind

RELATIONS = {"adapter": "adapter", "merge": "merge", "quantization": "quantized"}
"""By method, the Hub's word; the others are `finetune`."""


def card(record: Record) -> Json:
    """The front matter as a mapping, keys in the order in which cards have them."""
    subject = record.subject
    maker = record.maker(subject.id)
    inputs = [] if maker is None else record.inputs(maker.id)
    bases = [(edge, node) for edge, node in inputs if node.kind is NodeKind.MODEL and not measured_on(edge)]
    data = [(edge, node) for edge, node in inputs if node.kind is NodeKind.DATASET]
    found: Json = {}
    if licence := subject.facts.get("licence"):
        found["license"] = licence.lower()
    if task := subject.facts.get("task"):
        found["pipeline_tag"] = task
    if bases:
        found["base_model"] = list(dict.fromkeys(parts(node)[1] for _, node in bases))
        method = "" if maker is None else maker.facts.get("method", "")
        found["base_model_relation"] = RELATIONS.get(method, "finetune")
    learnt = [node for edge, node in data if not measured_on(edge)]
    if learnt:
        found["datasets"] = list(dict.fromkeys(parts(node)[1] for node in learnt))
    found["forebear"] = {
        "version": uri(subject),
        "digest": str(subject.digest or ""),
        **({"step": maker.label, "method": maker.facts.get("method", "")} if maker is not None else {}),
        "inputs": [
            {
                "ref": uri(node),
                "digest": str(node.digest or ""),
                "role": edge.role,
                **({} if edge.split is None else {"split": edge.split}),
                "assurance": edge.assurance.value,
            }
            for edge, node in inputs
        ],
        "metrics": dict(record.metrics(subject.id)),
    }
    return found

"""Model cards: Markdown with the Hub's YAML front matter, so that `huggingface_hub.ModelCard` reads every one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from registry.domain.catalog.models import Describing, MetricValue
from registry.domain.credentials import refuse_credentials
from registry.domain.names import VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepInput
from registry.errors import InvalidError
from registry.services.documents import front_matter

MAX_CARD = 256 * 1024
RELATION = {
    Method.FEATURE_EXTRACTION: "finetune",
    Method.FINE_TUNING: "finetune",
    Method.DOMAIN_ADAPTATION: "finetune",
    Method.ADAPTER: "adapter",
    Method.MERGE: "merge",
    Method.QUANTIZATION: "quantized",
}
"""Methods as the Hub's `base_model_relation`; the Hub has no word for the others."""


def split_card(text: str) -> tuple[dict[str, Any], str]:
    """The front matter and the Markdown after it. Raises: InvalidError for a card too long or no YAML mapping."""
    if len(text.encode()) > MAX_CARD:
        raise InvalidError(f"The card is larger than {MAX_CARD:,} bytes", remedy="Link to long material instead")
    refuse_credentials(text, "card")
    data, body = front_matter(text)
    refuse_credentials(data, "front matter of the card")
    return data, body


def card_licence(text: str | None) -> str | None:
    """The licence that a card's front matter names, if it does."""
    value = split_card(text)[0].get("license") if text else None
    return value if isinstance(value, str) and value else None


def source_card(ref: VersionRef, describing: Describing, *, architecture: str, notes: Sequence[str]) -> str:
    """A card for an imported model that came with none."""
    front = _front(describing, model_name=ref.label)
    lines = [
        f"# {ref.name}",
        "",
        describing.description or f"Imported from {describing.origin}.",
        "",
        f"- Architecture: `{architecture}`",
        f"- Origin: {describing.origin}",
        *(f"- Note: {note}" for note in notes),
    ]
    return front + "\n".join(lines) + "\n"


def derived_card(
    ref: VersionRef,
    describing: Describing,
    *,
    method: Method,
    step_id: str,
    inputs: Sequence[StepInput],
    measured: Sequence[MetricValue],
    recipe_text: str,
    heading: str = "Recipe",
) -> str:
    """The machine-written card of a version that a transfer step made; `heading` stands over `recipe_text`."""
    parents = [i for i in inputs if i.ref.kind == "models"]
    datasets = sorted({str(i.ref.name) for i in inputs if i.ref.kind == "datasets"})
    extra: dict[str, object] = {"base_model": [str(p.ref.name) for p in parents], "datasets": datasets}
    if method in RELATION:
        extra["base_model_relation"] = RELATION[method]
    tests = [m for m in measured if m.role == "test"]
    if tests:
        extra["model-index"] = [{"name": str(ref.name), "results": [_result(describing.task, tests)]}]
    lines = [
        f"# {ref.name}, version {ref.number}",
        "",
        describing.description or f"Made by {method.value.replace('_', ' ')}.",
        "",
        f"Made from {', '.join(p.ref.label for p in parents) or 'nothing'} by step `{step_id}`.",
        "The provenance manifest of that step has everything that went in.",
        "",
        *(("| metric | role | data | value |", "|---|---|---|---|") if measured else ()),
        *(f"| {m.name} | {m.role} | {m.data_label} ({m.split}) | {m.value:.4f} |" for m in measured),
        "",
        f"## {heading}",
        "",
        "```yaml",
        recipe_text.rstrip(),
        "```",
    ]
    return _front(describing, model_name=ref.label, **extra) + "\n".join(lines) + "\n"


def _result(task: str, tests: Sequence[MetricValue]) -> Mapping[str, object]:
    first = tests[0]
    return {
        "task": {"type": task},
        "dataset": {"name": first.data_label, "type": first.data_label.partition(" ")[0], "split": first.split},
        "metrics": [{"type": m.name, "value": round(m.value, 6)} for m in tests],
    }


def _front(describing: Describing, **extra: object) -> str:
    data = {
        "license": describing.licence.lower() if describing.licence.isascii() else describing.licence,
        "pipeline_tag": describing.task,
        "tags": sorted({"forebear", *describing.tags}),
        **extra,
    }
    return "---\n" + yaml.safe_dump(data, sort_keys=False, allow_unicode=True) + "---\n\n"

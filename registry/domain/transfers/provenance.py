"""The provenance manifest of a step: what went in, what was done, on what, and what came out.

Written by the program that runs the step, never reconstructed. The manifest is RFC 8785 JSON with the schema name
`forebear/provenance/v1`; its digest binds it to the step. Times are RFC 3339 UTC, durations seconds, FLOPs counts.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lineage import Digest
from registry import __version__
from registry.domain.catalog.models import MetricValue
from registry.domain.manifests import FileEntry, Manifest, canonical_json
from registry.domain.names import VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepInput

SCHEMA = "forebear/provenance/v1"


@dataclass(frozen=True, slots=True)
class Compute:
    """What the step cost and where it ran; zeros and empties for an import."""

    device: str = "none"
    precision: str = "none"
    hardware: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    threads: int = 0
    wall_seconds: float = 0.0
    device_seconds: float = 0.0
    flops: float = 0.0
    flops_method: str = "none"
    trainable: int = 0
    parameters: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    """`python` and `platform` of the program that ran the step, where that is not the one that writes the manifest."""


@dataclass(frozen=True, slots=True)
class Output:
    """One version that the step made."""

    ref: VersionRef
    manifest: Manifest


def write_manifest(
    *,
    step_id: str,
    method: Method,
    adapter: str,
    actor: str,
    inputs: Sequence[StepInput],
    recipe: Mapping[str, object],
    compute: Compute,
    started_at: datetime,
    ended_at: datetime,
    metrics: Sequence[MetricValue],
    outputs: Sequence[Output],
    facts: Mapping[str, object],
) -> tuple[bytes, Digest]:
    """The canonical bytes of the manifest and their digest. Raises: InvalidError for NaN or integers over 2^53."""
    document = {
        "schema": SCHEMA,
        "step": step_id,
        "method": method.value,
        "adapter": adapter,
        "actor": actor,
        "inputs": [
            {
                "ref": str(i.ref),
                "digest": str(i.digest),
                "role": i.role,
                "split": i.split,
                "assurance": i.assurance.value,
            }
            for i in inputs
        ],
        "recipe": dict(recipe),
        "environment": {
            "forebear": __version__,
            "python": platform.python_version(),
            "implementation": sys.implementation.name,
            "platform": platform.platform(),
            "libraries": dict(compute.libraries),
            **compute.environment,
        },
        "hardware": {"device": compute.device, "precision": compute.precision, **compute.hardware},
        "threads": compute.threads,
        "started_at": started_at.isoformat(),
        "ended_at": ended_at.isoformat(),
        "wall_seconds": compute.wall_seconds,
        "device_seconds": compute.device_seconds,
        "flops": {"estimate": float(compute.flops), "method": compute.flops_method},
        "parameters": {
            "trainable": compute.trainable,
            "all": compute.parameters,
            "trainable_share": compute.trainable / compute.parameters if compute.parameters else 0.0,
        },
        "metrics": [
            {"name": m.name, "value": m.value, "role": m.role, "split": m.split, "data": str(m.data)} for m in metrics
        ],
        "outputs": [
            {
                "ref": str(o.ref),
                "digest": str(o.manifest.digest),
                "files": file_list(o.manifest.files),
            }
            for o in outputs
        ],
        "facts": dict(facts),
    }
    body = canonical_json(document)
    return body, Digest.of(body)


def file_list(files: Iterable[FileEntry]) -> list[dict[str, object]]:
    """Files as a provenance manifest names them: path, size in bytes, SHA-256."""
    return [{"path": f.path, "size": f.size, "sha256": str(f.sha256)} for f in files]


def notes_of(manifest: Mapping[str, object] | None) -> tuple[str, ...]:
    """The notes of a manifest: what was seen when a source was read, or a model was judged. Each stands once."""
    parts = [part for key in ("recipe", "facts") if isinstance(part := (manifest or {}).get(key), Mapping)]
    found = [note for part in parts if isinstance(notes := part.get("notes"), list) for note in notes]
    return tuple(dict.fromkeys(str(note) for note in found))


def corrected_since(manifest: Mapping[str, object] | None, inputs: Sequence[StepInput]) -> tuple[str, ...]:
    """What a manifest names as inputs where the ancestry was corrected after it was written; empty where it was not.

    A manifest is never rewritten: its digest, and what was signed over it, stay those of what was declared first.
    """
    named = (manifest or {}).get("inputs")
    if not isinstance(named, list):
        return ()
    declared = [(str(one["ref"]), str(one["role"]), one["split"]) for one in named]
    now = [(str(one.ref), one.role, one.split) for one in inputs]
    gone = [one for one in dict.fromkeys(declared) if one not in now]
    come = [one for one in dict.fromkeys(now) if one not in declared]
    if not gone and not come:
        return ()
    before, after = (" and ".join(map(_input, some)) or "no other input" for some in (gone, come))
    return (f"The manifest says what was declared first, {before}. The ancestry was corrected since: {after}",)


def _input(one: tuple[str, str, object]) -> str:
    ref, role, split = one
    return f"{ref} as {role}" + (f" (split {split})" if split else "")

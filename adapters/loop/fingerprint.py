"""The identity of a job: recipe, digests of inputs, seed. A job resumes only from checkpoints of its own identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from registry.ports.transfers import TransferJob


def fingerprint(job: TransferJob) -> str:
    """Hexadecimal SHA-256 over recipe, source digests, data digests with their splits, and seed."""
    document = {
        "recipe": _plain(job.recipe),
        "sources": [[source.role, str(source.digest)] for source in job.sources],
        "data": {role: [str(data.digest), data.split] for role, data in job.data.items()},
        "seed": job.determinism.seed,
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)

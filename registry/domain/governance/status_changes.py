"""A change of the status of a version in use: a request as for a promotion, with a target like `status:deprecated`."""

from __future__ import annotations

from registry.domain.catalog.models import Status

_PREFIX = "status:"


def status_target(status: Status) -> str:
    """What a request for this status has as its target: `status:deprecated`."""
    return f"{_PREFIX}{status}"


def wanted_status(target: str) -> Status | None:
    """The status that a request with this target asks for; None for a stage, and for what is no status."""
    word = target.removeprefix(_PREFIX)
    return Status(word) if word != target and word in {status.value for status in Status} else None

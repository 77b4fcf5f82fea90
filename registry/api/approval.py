"""The one sentence by which every protocol refuses the files of a version that nobody has approved."""

from __future__ import annotations

from registry.domain.names import VersionRef
from registry.errors import RefusedError


def not_approved(ref: VersionRef, stage: str) -> RefusedError:
    """What to raise for a version that nobody has approved."""
    remedy = f"Ask for its promotion on the page /models/{ref.label}, or choose an approved version"
    return RefusedError(f"{ref} is in the stage {stage}: nobody has approved it", remedy=remedy)

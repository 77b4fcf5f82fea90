"""The stages of MLflow as changes here: Archived is the status `archived`, every other stage is reached by promotion.

A version that is archived stays in its stage: it comes back to that, and to no other. What the policies do not allow is
refused with what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from registry.api.mlflow.showing import ARCHIVED, Shown, read_stage, stage_of
from registry.domain.catalog.models import PRODUCTION, RETIRED, Status, VersionSummary
from registry.domain.governance.promotion import StageOption
from registry.domain.names import Reference
from registry.domain.paging import every
from registry.errors import ConflictError, InvalidError, PolicyRefusedError

_ACTIVE = ("Staging", "Production")
"""The stages that MLflow calls so: going there can archive those that are there."""
_SHOWN = {PRODUCTION: "Production", RETIRED: ARCHIVED}
"""MLflow's names of the stages that it has too."""
_REASON = "Asked for by a client of MLflow"


def transition(shown: Shown, exact: Reference, wanted: str, *, archive: bool) -> None:
    """Bring a version to a stage of MLflow; with `archive` the others that are there are archived before.

    Raises: InvalidError, NotFoundError, PolicyRefusedError, ConflictError.
    """
    stage = read_stage(wanted)
    if archive and stage not in _ACTIVE:
        raise InvalidError(
            f"Model version transition cannot archive existing model versions because {stage!r} is not an Active stage",
            remedy=f"Archive them with a transition to {' or '.join(_ACTIVE)}",
        )
    one = shown.registry.catalog.version(exact).summary
    now = stage_of(one)
    if one.status is Status.ARCHIVED and stage != ARCHIVED:
        _bring_back(shown, one, stage)
    elif stage == ARCHIVED:
        if now != ARCHIVED:
            shown.registry.catalog.set_status(exact, Status.ARCHIVED, _REASON)
        return
    free = None if stage in {now, stage_of(replace(one, status=Status.ACTIVE))} else _free(shown, one, stage)
    for other in _others(shown, one, stage) if archive else ():
        shown.registry.catalog.set_status(Reference.to(other.ref), Status.ARCHIVED, _REASON)
    if free is not None:
        shown.registry.promotions.request(exact, free.stage, comment=_REASON)


def _bring_back(shown: Shown, one: VersionSummary, stage: str) -> None:
    before = stage_of(replace(one, status=Status.ACTIVE))
    if stage != before:
        raise ConflictError(
            f"{one.ref} is archived, and was in the stage {before} before",
            remedy=f"Bring it back to {before} first" if before != ARCHIVED else "Choose another version",
        )
    shown.registry.catalog.set_status(Reference.to(one.ref), Status.ACTIVE, _REASON)


def _free(shown: Shown, one: VersionSummary, stage: str) -> StageOption:
    """The stage here that a promotion reaches at once. Raises: PolicyRefusedError with what is missing."""
    options = shown.registry.promotions.options(Reference.to(one.ref))
    options = [option for option in options if _SHOWN.get(option.stage, "Staging") == stage]
    free = next((option for option in options if not option.reasons), None)
    if free is None:
        raise PolicyRefusedError(f"{one.ref} stays in its stage", _missing(options))
    return free


def _others(shown: Shown, one: VersionSummary, stage: str) -> Sequence[VersionSummary]:
    """The other versions in the stage. Raises: ConflictError where an alias names one, before any is archived."""
    versions = every(lambda page: shown.registry.catalog.versions(one.ref.name, page))
    others = [other for other in versions if other.ref != one.ref and stage_of(other) == stage]
    for other in others:
        if other.aliases:
            raise ConflictError(
                f"{other.ref} is not archived: it is named by {', '.join(other.aliases)}", remedy="Move the alias first"
            )
    return others


def _missing(options: Sequence[StageOption]) -> tuple[str, ...]:
    """What a promotion would still need, under the policy in force."""
    reasons = [f"{option.stage}: {reason}" for option in options for reason in option.reasons]
    return ("stages move by promotion: forebear promote request", *reasons)

"""Measures what a version forgot as soon as its step has made it, where the recipe or a policy asks for that.

It runs on the machine of the step, after the version was published: whatever becomes of the measurement, the version is
kept. What could not be measured then is in the log of the step; `forebear transfer forgetting --measure` measures it
later.
"""

from __future__ import annotations

import gc
import logging

from registry.domain.governance.conditions.presence import places_read
from registry.domain.governance.policies.policy import Policy
from registry.domain.names import AssetKind, VersionRef
from registry.domain.transfers.steps import StepDetail, StepState
from registry.errors import RegistryError
from registry.services.context import Context
from registry.services.governance.dossier import open_dossier
from registry.services.governance.policies.standing import judging
from registry.services.governance.policies.stored import published

FACT = "forgetting"
"""The key of recipes that asks for it, and the facts that conditions of policies read."""
logger = logging.getLogger("forebear.worker")


def measure_where_asked(context: Context, step: StepDetail, *, alone: bool) -> None:
    """Measure what the version that `step` made forgot, where its recipe or a policy that judges it asks for that.

    `alone` is False for a step that runs in several processes: there nothing is measured, and the log says so.
    """
    ref = step.summary.output
    if step.summary.state is not StepState.SUCCEEDED or ref is None or ref.kind is not AssetKind.MODELS:
        return
    asked_by = "the recipe" if step.recipe.get(FACT) is True else asking(context, ref, FACT)
    if not asked_by:
        return
    logger.info("Measuring what %s forgot, which %s asks for", ref, asked_by)
    later = f"Measure it with: forebear transfer forgetting {ref} --measure"
    if not alone:
        logger.warning("What %s forgot is not measured by a step in several processes. %s", ref, later)
        return
    from registry.services.transfers.forgetting import measure  # noqa: PLC0415 - it needs NumPy

    gc.collect()  # the memory of the training, before two models are loaded
    try:
        measure(context, step, logger.info)
    except RegistryError as error:  # the version is published, and the step has succeeded
        logger.warning("What %s forgot was not measured: %s. %s", ref, error.message, later)


def asking(context: Context, ref: VersionRef, fact: str) -> str:
    """The policies that judge `ref` and read `fact`, for people; empty where none does."""
    with context.read() as uow:
        reading = [policy for policy in published(uow) if _reads(policy, fact)]
        if not reading:
            return ""
        judges = judging(open_dossier(uow, ref, requested_by=None), published(uow), context.clock.now())
    return " and ".join(f"policy {policy.name}" for policy in reading if policy in judges)


def _reads(policy: Policy, fact: str) -> bool:
    conditions = [one for transition in policy.transitions for one in transition.conditions]
    return any(place[0] == fact for one in conditions for place in places_read(one.tree))

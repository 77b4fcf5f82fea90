"""Compares the data of a step with what its source learnt from, as soon as it has ended, where a policy asks for that.

It is an ordinary ranking, of the source alone, and is kept as one. Whatever becomes of it, the version is kept; what
could not be measured is in the log of the step.
"""

from __future__ import annotations

import gc
import logging

from registry.domain.names import AssetKind, Reference
from registry.domain.recipes.methods import TRAIN
from registry.domain.transfers.steps import StepDetail, StepState
from registry.domain.verbs.selection import Recommend
from registry.errors import RegistryError
from registry.services.context import Context
from registry.services.governance.similarity import FACT, needed, similarity_of
from registry.services.lineage.obligations import MAX_ANCESTORS
from registry.services.lookup import found
from registry.services.transfers.asked_forgetting import asking

logger = logging.getLogger("forebear.worker")


def compare_where_asked(context: Context, step: StepDetail, *, alone: bool) -> None:
    """Rank each source of `step` for its data, where a policy that judges the version reads `similarity`.

    Not where it is known already, nor (`alone` is False) in a step that runs in several processes: the log says so.
    """
    ref = step.summary.output
    if step.summary.state is not StepState.SUCCEEDED or ref is None or ref.kind is not AssetKind.MODELS:
        return
    if not (asked_by := asking(context, ref, FACT)):
        return
    with context.read() as uow:
        record = found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref)
        wanted = [] if similarity_of(uow, record) else needed(record)
    for source, data, split in wanted:
        later = f"Do it with: forebear recommend {data} --split {split or TRAIN} --model {source}"
        if not alone:
            logger.warning("%s is not compared by a step in several processes. %s", data, later)
            continue
        logger.info("Comparing %s with what %s learnt from, which %s asks for", data, source, asked_by)
        from registry.services.selection.recommending import recommend  # noqa: PLC0415 - it needs NumPy

        gc.collect()  # the memory of the training, before the source is loaded
        try:
            recommend(
                context,
                Recommend(Reference.to(data), split=split or TRAIN, models=(Reference.to(source),)),
                logger.info,
            )
        except RegistryError as error:  # the version is published, and the step has succeeded
            logger.warning("%s was not compared with what %s learnt from: %s. %s", data, source, error.message, later)

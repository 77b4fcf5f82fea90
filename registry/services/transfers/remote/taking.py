"""A worker takes the oldest step that waits and fits it, and is told what goes into it."""

from __future__ import annotations

from collections.abc import Iterator
from secrets import token_hex

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.codec import from_json
from registry.domain.names import AssetKind
from registry.domain.people.teams import Level
from registry.domain.recipes.recipe import Resources
from registry.domain.transfers.adapted import is_adapter
from registry.domain.transfers.steps import StepDetail, StepInput, StepState
from registry.domain.transfers.work import REMOTE, Able, Assignment, GivenData, GivenModel
from registry.errors import RegistryError
from registry.services.artifacts.model_inputs import base_of
from registry.services.bases import may_load
from registry.services.context import Context
from registry.services.lookup import found, refuse_withheld
from registry.services.transfers.ending import threads_of
from registry.services.transfers.leases import LEASE_SECONDS
from registry.services.unit_of_work import UnitOfWork
from registry.services.withholding import refuse_stopped_inputs


def take(context: Context, able: Able) -> Assignment | None:
    """See `WorkVerbs.take`. A step whose inputs cannot be given any more fails, and the next one is taken."""
    while (step_id := _taken(context, able, secret := token_hex(16))) is not None:
        try:
            return _assignment(context, step_id, secret)
        except RegistryError as error:
            _fail(context, step_id, f"[{error.code}] {error}"[:2000])
    return None


def _taken(context: Context, able: Able, secret: str) -> str | None:
    """The id of the oldest step that fits, with the lease for whoever knows `secret`.

    It is looked for before anything is written: idle workers ask every few seconds, and must not keep writers waiting.
    """
    while True:
        with context.read() as uow:
            step = next((one for one in _fitting(uow, able) if _may_work_on(context, uow, one)), None)
        if step is None:
            return None
        if _leased(context, step.summary.id, able, secret):
            return step.summary.id


def _leased(context: Context, step_id: str, able: Able, secret: str) -> bool:
    """False where another worker was faster, or the step does not wait any more."""
    with context.write() as uow:
        step, now = found(uow.steps.get(step_id), step_id), context.clock.now()
        if step.summary.state not in {StepState.QUEUED, StepState.RUNNING}:
            return False
        if not uow.leases.take(step_id, holder(context, secret), able.machine[:200], seconds=LEASE_SECONDS):
            return False
        if step.summary.state is StepState.QUEUED:
            uow.steps.move(step_id, expected=frozenset({StepState.QUEUED}), to=StepState.RUNNING, at=now)
        facts = {"threads": threads_of(step), "worker": context.actor.handle, "machine": able.machine[:200]}
        uow.commit(Event("transfer.started", step_id, facts))
    return True


def _assignment(context: Context, step_id: str, secret: str) -> Assignment:
    with context.read() as uow:
        step = found(uow.steps.get(step_id), step_id)
    parents: dict[str, GivenModel] = {}
    models = tuple(_model(context, one, parents) for one in step.inputs if one.ref.kind is AssetKind.MODELS)
    with context.read() as uow:
        refuse_stopped_inputs(uow, [one.ref for one in step.inputs], now=context.clock.now())
        data = {one.role: _data(uow, one) for one in step.inputs if one.ref.kind is AssetKind.DATASETS}
    return Assignment(step, secret, threads_of(step), models, parents, data)


def _fail(context: Context, step_id: str, sentence: str) -> None:
    running, now = frozenset({StepState.RUNNING}), context.clock.now()
    with context.write() as uow:
        uow.steps.move(step_id, expected=running, to=StepState.FAILED, at=now, error=sentence)
        uow.commit(Event("transfer.failed", step_id, {"error": sentence}))


def holder(context: Context, secret: str) -> str:
    """What the lease names: nobody else's token can use the secret, and the lease does not show it."""
    return Digest.of(f"{context.actor.handle} {secret}".encode()).hex


def _fitting(uow: UnitOfWork, able: Able) -> Iterator[StepDetail]:
    for step_id in uow.leases.waiting(REMOTE):
        step = found(uow.steps.get(step_id), step_id)
        needs = from_json(Resources, step.recipe.get("resources", {}))
        if step.summary.adapter in able.adapters and needs.gpus <= able.gpus and threads_of(step) <= able.cpus:
            yield step


def _may_work_on(context: Context, uow: UnitOfWork, step: StepDetail) -> bool:
    """False for a step that reads from, or makes something in, a closed team that the worker has no such level in.

    What an adapter among its inputs is loaded on is read too.
    """
    sight = context.actor.sight
    inputs = all(sight.allows(one.ref.name, Level.USE) and may_load(uow, sight, one.ref) for one in step.inputs)
    return inputs and sight.allows(step.summary.wanted, Level.CONTRIBUTE)


def _model(context: Context, item: StepInput, parents: dict[str, GivenModel]) -> GivenModel:
    with context.read() as uow:
        detail = found(uow.catalog.version(item.ref), item.ref)
        refuse_withheld(context, uow, detail.summary)
    parent = ""
    if is_adapter(detail.files):
        base = base_of(context, detail)
        parent = base.ref.label
        parents[parent] = _model(context, base, parents)
    return GivenModel(item.ref, detail.summary.digest, item.role, detail.architecture, detail.files, parent)


def _data(uow: UnitOfWork, item: StepInput) -> GivenData:
    detail = found(uow.datasets.version(item.ref), item.ref)
    said = detail.summary
    return GivenData(
        item.ref, said.digest, item.split or "", said.format, detail.dataset.describing.modality, said.labels,
        detail.files,
    )  # fmt: skip

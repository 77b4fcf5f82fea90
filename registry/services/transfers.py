"""The verbs of transfer steps: check a recipe, submit it, watch it, resume it, cancel it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lineage import Assurance, Digest
from registry.domain.audit import Event
from registry.domain.codec import from_json
from registry.domain.ids import is_id, new_id
from registry.domain.manifests import canonical_json
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.domain.people import Permission
from registry.domain.transfers import (
    Method,
    Recipe,
    Resources,
    StepDetail,
    StepInput,
    StepState,
    StepSummary,
)
from registry.errors import BadRecipeError, NotFoundError, StepStateError, UnavailableError, UsageError
from registry.ports import Engine
from registry.services.context import Context
from registry.services.gitstate import git_state
from registry.services.holding import this_host
from registry.services.lookup import found, refuse_as_source, refuse_taken, resolve
from registry.services.publishing import threads_of
from registry.services.recipe_document import RecipeDocument
from registry.services.recipes import complete, read_recipe, recipe_record, resources_of
from registry.services.running import work_folder
from registry.services.tracking import Tracking
from registry.services.unit_of_work import NewStep, UnitOfWork

GOING = frozenset({StepState.QUEUED, StepState.RUNNING})
START_GRACE = 10.0
"""Seconds that a queued step may be without a worker before it counts as interrupted."""
RESUMABLE = frozenset({StepState.RUNNING, StepState.QUEUED, StepState.INTERRUPTED, StepState.FAILED})


@dataclass(frozen=True, slots=True)
class Transfers:
    """Implements `TransferVerbs`; steps run in a process of their own, started by an engine."""

    context: Context

    def check(self, text: str) -> Recipe:
        """The recipe after defaults, every reference pinned to a version that may be used."""
        self.context.actor.require(Permission.EDIT)
        document = read_recipe(text)
        with self.context.read() as uow:
            return self._resolve(uow, document)[0]

    def submit(
        self,
        text: str,
        *,
        recipe_path: Path | None = None,
        background: bool = False,
        engine: str | None = None,
        auto_batch: bool = False,
    ) -> StepDetail:
        """Write the step with its resolved inputs, then start it."""
        self.context.actor.require(Permission.EDIT)
        document, runner = read_recipe(text), self._engine(engine or self.context.settings.engine)
        needs = runner.grant(self._asked(resources_of(document)))
        if auto_batch and needs.gpus > 1:
            raise UsageError(
                "--auto-batch halves the batches of one process, and this recipe asks for several GPUs",
                remedy="Leave one of the two out",
            )
        now, actor = self.context.clock.now(), self.context.actor.handle
        origin = git_state(recipe_path) if recipe_path is not None else {}
        with self.context.write() as uow:
            recipe, inputs = self._resolve(uow, document)
            if uow.catalog.model(recipe.output) is None:
                refuse_taken(uow, AssetKind.MODELS, recipe.output)
            record = recipe_record(recipe)
            identity = {"recipe": record, "inputs": [[str(i.digest), i.role, i.split] for i in inputs]}
            submitted = {"text": text, "git": dict(origin), "threads": max(1, needs.cpus // max(1, needs.gpus))}
            submitted |= {"auto_batch": True} if auto_batch else {}
            step = NewStep(
                id=new_id("step", now),
                digest=Digest.of(canonical_json(identity)),
                kind=AssetKind.MODELS,
                wanted=recipe.output,
                method=recipe.method,
                adapter=recipe.adapter,
                state=StepState.QUEUED,
                recipe={**record, "submitted": submitted},
                inputs=inputs,
                created_at=now,
                created_by=actor,
                epochs=recipe.epochs,
            )
            uow.steps.add(step)
            uow.leases.offer(step.id, runner.name, seconds=START_GRACE)
            Tracking(self.context).queue(uow, step.id)
            uow.commit(
                Event("transfer.submitted", step.id, {"output": str(recipe.output), "method": recipe.method.value})
            )
        return self._started(runner, step.id, needs, background=background)

    def search(
        self,
        *,
        state: StepState | None = None,
        method: Method | None = None,
        output: Name | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[StepSummary]:
        """Steps, newest first. Stored, an interrupted step still runs: it is told apart by looking for its worker."""
        stored = StepState.RUNNING if state is StepState.INTERRUPTED else state
        with self.context.read() as uow:
            steps = uow.steps.search(state=stored, method=method, output=output, page=page)
        seen = [self.step(step.id).summary if step.state in GOING else step for step in steps.items]
        return replace(steps, items=[step for step in seen if state in {None, step.state}])

    def step(self, step_id: str) -> StepDetail:
        """One step; one whose worker is gone before its end shows as interrupted."""
        detail, alive = self._look(_checked(step_id))
        if detail.summary.state in GOING and not _goes_on(detail, alive):
            return replace(detail, summary=replace(detail.summary, state=StepState.INTERRUPTED))
        return detail

    def resume(self, step_id: str, *, background: bool = False, engine: str | None = None) -> StepDetail:
        """Start the worker again; it goes on from the last whole checkpoint, with the thread count it had."""
        seen, alive = self._look(_checked(step_id))
        before = seen.lease.engine if seen.lease is not None else self.context.settings.engine
        runner = self._engine(engine or before)
        needs = runner.grant(_needs(seen))
        with self.context.write() as uow:
            # Judged again while nobody else writes: a worker that took the step since then holds another lease, and
            # what we know of the one before says nothing about it.
            now = found(uow.steps.get(step_id), step_id)
            known = alive if _same_holder(now, seen) else None
            goes_on = now.summary.state in GOING and _goes_on(now, known)
            moment = self.context.clock.now()
            if goes_on or not uow.steps.move(step_id, expected=RESUMABLE, to=StepState.QUEUED, at=moment):
                raise StepStateError(f"{step_id} is {now.summary.state}, so there is nothing to resume")
            uow.leases.offer(step_id, runner.name, seconds=START_GRACE)
            Tracking(self.context).queue(uow, step_id)
            before_that = StepState.INTERRUPTED if now.summary.state in GOING else now.summary.state
            uow.commit(Event("transfer.resumed", step_id, {"from": before_that.value}))
        # One that was only suspended, or whose messages were lost, holds nothing any more; here it can be ended.
        self._stop(before, step_id)
        return self._started(runner, step_id, needs, background=background)

    def cancel(self, step_id: str) -> StepDetail:
        """Mark it cancelled first, so that a worker about to publish cannot; then end the worker and its files."""
        with self.context.write() as uow:
            detail = found(uow.steps.get(_checked(step_id)), step_id)
            now, state = self.context.clock.now(), detail.summary.state
            if not uow.steps.move(step_id, expected=RESUMABLE, to=StepState.CANCELLED, at=now):
                raise StepStateError(f"{step_id} is {state}, so it cannot be cancelled")
            Tracking(self.context).queue(uow, step_id)
            uow.commit(Event("transfer.cancelled", step_id, {"from": state.value}))
        self._stop(self._engine_of(detail), step_id)
        shutil.rmtree(work_folder(self.context.home, step_id), ignore_errors=True)
        return self.step(step_id)

    def log(self, step_id: str) -> str:
        """What its workers have written."""
        with self.context.read() as uow:
            detail = found(uow.steps.get(_checked(step_id)), step_id)
        return self._engine(self._engine_of(detail)).log(step_id, self.context.home)

    def _engine(self, name: str) -> Engine:
        return self.context.plugins.engine(name)

    def _engine_of(self, detail: StepDetail) -> str:
        return self.context.settings.engine if detail.lease is None else detail.lease.engine

    def _started(self, runner: Engine, step_id: str, needs: Resources, *, background: bool) -> StepDetail:
        runner.start(step_id, self.context.home, needs)
        if not background:
            runner.wait(step_id, self.context.home)
        return self.step(step_id)

    def _stop(self, engine: str, step_id: str) -> None:
        """End a worker that has nothing to hold any more."""
        with suppress(UnavailableError):  # out of reach it ends by itself: it can neither renew its lease nor publish
            self._engine(engine).stop(step_id, self.context.home)

    def _look(self, step_id: str) -> tuple[StepDetail, bool | None]:
        """The step as stored, and what its engine knows of its worker."""
        with self.context.read() as uow:
            detail = found(uow.steps.get(step_id), step_id)
        lease = detail.lease
        # A lease answers for a worker elsewhere; one of this machine may be known to be gone long before it runs out.
        elsewhere = lease is not None and lease.worker is not None and lease.machine != this_host()
        if detail.summary.state not in GOING or elsewhere:
            return detail, None
        alive = self._engine(self._engine_of(detail)).alive(step_id, self.context.home)
        # Read after looking at the worker: what a worker that is gone has written is all that there will ever be.
        with self.context.read() as uow:
            now = found(uow.steps.get(step_id), step_id)
        return now, alive if _same_holder(now, detail) else None

    def _asked(self, needs: Resources) -> Resources:
        """With the number of threads that the settings say, where the recipe says none."""
        return needs if needs.cpus else replace(needs, cpus=self.context.settings.threads)

    def _resolve(self, uow: UnitOfWork, document: RecipeDocument) -> tuple[Recipe, tuple[StepInput, ...]]:
        sources = [found(uow.catalog.version(resolve(uow, s.model)), s.model) for s in document.given()]
        for source in sources:
            refuse_as_source(source.summary)
        recipe = complete(document, modality=sources[0].model.modality, offers=self.context.plugins.offers())
        pinned = tuple(
            replace(choice, model=Reference.to(source.summary.ref))
            for choice, source in zip(recipe.sources, sources, strict=True)
        )
        inputs = [
            StepInput(source.summary.ref, source.summary.digest, choice.role, None, Assurance.OBSERVED)
            for choice, source in zip(pinned, sources, strict=True)
        ]
        data = {}
        for role, choice in recipe.data.items():
            ref = resolve(uow, choice.dataset)
            dataset = found(uow.datasets.version(ref), ref)
            _check_split(role, choice.split, dataset.summary.ref, [s.name for s in dataset.summary.splits])
            data[role] = replace(choice, dataset=Reference.to(ref))
            inputs.append(StepInput(ref, dataset.summary.digest, role, choice.split, Assurance.OBSERVED))
        return replace(recipe, sources=pinned, data=data), tuple(inputs)


def _goes_on(detail: StepDetail, alive: bool | None) -> bool:
    """Whether a queued or running step is in somebody's hands, as far as its lease and its engine (`alive`) say."""
    lease = detail.lease
    if lease is None:
        return alive is True
    if detail.summary.state is StepState.QUEUED:
        return alive is True or lease.live
    return lease.live and alive is not False


def _same_holder(one: StepDetail, other: StepDetail) -> bool:
    """Whether what was seen of the worker at one moment holds at the other too."""
    workers = [None if step.lease is None else step.lease.worker for step in (one, other)]
    return one.summary.state is other.summary.state and workers[0] == workers[1]


def _needs(detail: StepDetail) -> Resources:
    """What the step was given when it was submitted: the thread count decides its result."""
    needs = from_json(Resources, detail.recipe.get("resources", {}))
    return needs if needs.cpus else replace(needs, cpus=threads_of(detail) * max(1, needs.gpus))


def _check_split(role: str, split: str, ref: VersionRef, splits: Sequence[str]) -> None:
    if split not in splits:
        raise BadRecipeError(
            f"data.{role}: {ref} has no split {split!r}",
            remedy=f"It has: {', '.join(splits)}",
            facts={"splits": list(splits)},
        )


def _checked(step_id: str) -> str:
    if not is_id(step_id) or not step_id.startswith("step-"):
        raise NotFoundError(f"{step_id[:80]!r} is not the id of a step", remedy="See them: forebear transfer list")
    return step_id

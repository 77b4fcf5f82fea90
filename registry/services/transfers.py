"""The verbs of transfer steps: check a recipe, submit it, watch it, resume it, cancel it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from lineage import Assurance, Digest
from registry.domain.audit import Event
from registry.domain.codec import to_json
from registry.domain.data import DatasetVersionDetail, LabelKind
from registry.domain.ids import is_id, new_id
from registry.domain.manifests import canonical_json
from registry.domain.methods import NEEDS
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.domain.people import Permission
from registry.domain.transfers import (
    Method,
    Recipe,
    StepDetail,
    StepInput,
    StepNews,
    StepState,
    StepSummary,
)
from registry.domain.verdicts import TransferVerdict
from registry.errors import BadRecipeError, NotFoundError, StepStateError
from registry.ports import Engine
from registry.services.arm_recipes import SEEDS, Plan, check_baselines
from registry.services.context import Context
from registry.services.gitstate import git_state
from registry.services.lookup import found, refuse_as_source, resolve
from registry.services.outputs import output_kind, refuse_output
from registry.services.recipe_document import RecipeDocument
from registry.services.recipes import complete, read_recipe, recipe_record, roles_of
from registry.services.running import work_folder
from registry.services.tracking import Tracking
from registry.services.unit_of_work import NewStep, UnitOfWork
from registry.services.verdicts import compute_again

GOING = frozenset({StepState.QUEUED, StepState.RUNNING})
START_GRACE = timedelta(seconds=10)
"""How long a queued step may be without a worker before it counts as interrupted."""
PRODUCTION = "production"
"""The alias of the version that a new one is compared with."""
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
        baselines: bool = False,
        seeds: int = SEEDS,
    ) -> StepDetail:
        """Write the step with its resolved inputs, then start it."""
        self.context.actor.require(Permission.EDIT)
        document = read_recipe(text)
        now, actor = self.context.clock.now(), self.context.actor.handle
        origin = git_state(recipe_path) if recipe_path is not None else {}
        with self.context.write() as uow:
            recipe, inputs = self._resolve(uow, document)
            refuse_output(uow, recipe)
            plan = self._plan(uow, recipe, seeds) if baselines else None
            record = recipe_record(recipe)
            identity = {"recipe": record, "inputs": [[str(i.digest), i.role, i.split] for i in inputs]}
            submitted: dict[str, object] = {"text": text, "git": dict(origin), "threads": self._threads()}
            submitted |= {} if plan is None else {"baselines": to_json(plan)}
            step = NewStep(
                id=new_id("step", now),
                digest=Digest.of(canonical_json(identity)),
                kind=output_kind(recipe),
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
            Tracking(self.context).queue(uow, step.id)
            uow.commit(
                Event("transfer.submitted", step.id, {"output": str(recipe.output), "method": recipe.method.value})
            )
        self._engine(background).start(step.id, self.context.home)
        return self.step(step.id)

    def verdict(self, step_id: str) -> TransferVerdict:
        """Whether the transfer was worth it, computed again from the stored answers of its arms."""
        return compute_again(self.context.blobs, self.step(step_id))

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
        seen = [self._observed(step) for step in steps.items]
        return replace(steps, items=[step for step in seen if state in {None, step.state}])

    def step(self, step_id: str) -> StepDetail:
        """One step; one whose worker is gone before its end shows as interrupted."""
        alive = self._engine(True).alive(_checked(step_id), self.context.home)
        # Read after looking at the worker: what a worker that is gone has written is all that there will ever be.
        with self.context.read() as uow:
            detail = found(uow.steps.get(step_id), step_id)
        if not alive and self._abandoned(detail.summary):
            return replace(detail, summary=replace(detail.summary, state=StepState.INTERRUPTED))
        return detail

    def news(self, step_id: str, *, after: int = 0) -> StepNews:
        """How it stands, then the points: when it has ended, they are all there will be."""
        with self.context.read() as uow:
            summary = found(uow.steps.summary(_checked(step_id)), step_id)
        summary = self._observed(summary)
        with self.context.read() as uow:
            return StepNews(summary, tuple(uow.steps.curve(step_id, after=after)))

    def resume(self, step_id: str, *, background: bool = False) -> StepDetail:
        """Start the worker again; it goes on from the last whole checkpoint, with the thread count it had."""
        state = self.step(step_id).summary.state
        with self.context.write() as uow:
            # Looked at while nobody else writes: a worker that starts now waits for us before it says that it runs, so
            # two who resume at once cannot put a running step back into the queue.
            alive = self._engine(True).alive(step_id, self.context.home)
            now = self.context.clock.now()
            if alive or not uow.steps.move(step_id, expected=RESUMABLE, to=StepState.QUEUED, at=now):
                raise StepStateError(f"{step_id} is {state}, so there is nothing to resume")
            Tracking(self.context).queue(uow, step_id)
            uow.commit(Event("transfer.resumed", step_id, {"from": state.value}))
        self._engine(background).start(step_id, self.context.home)
        return self.step(step_id)

    def cancel(self, step_id: str) -> StepDetail:
        """Mark it cancelled first, so that a worker about to publish cannot; then end the worker and its files."""
        with self.context.write() as uow:
            detail = found(uow.steps.get(_checked(step_id)), step_id)
            now, state = self.context.clock.now(), detail.summary.state
            if not uow.steps.move(step_id, expected=RESUMABLE, to=StepState.CANCELLED, at=now):
                raise StepStateError(f"{step_id} is {state}, so it cannot be cancelled")
            Tracking(self.context).queue(uow, step_id)
            uow.commit(Event("transfer.cancelled", step_id, {"from": state.value}))
        self._engine(True).stop(step_id, self.context.home)
        shutil.rmtree(work_folder(self.context.home, step_id), ignore_errors=True)
        return self.step(step_id)

    def _engine(self, background: bool) -> Engine:
        return self.context.plugins.engine("background" if background else "foreground")

    def _observed(self, step: StepSummary) -> StepSummary:
        if step.state not in GOING or self._engine(True).alive(step.id, self.context.home):
            return step
        return self.step(step.id).summary

    def _abandoned(self, step: StepSummary) -> bool:
        """True for a step that no worker will end; one just queued is given time for its worker to appear."""
        if step.state is StepState.QUEUED:
            return self.context.clock.now() - step.created_at > START_GRACE
        return step.state is StepState.RUNNING

    def _plan(self, uow: UnitOfWork, recipe: Recipe, seeds: int) -> Plan:
        """The seeds of every arm, and the version in production now: pinned, so that a later attempt compares alike."""
        check_baselines(recipe, self.context.plugins.offers()[recipe.adapter], seeds)
        now = uow.catalog.resolve(Reference(AssetKind.MODELS, recipe.output, alias=PRODUCTION))
        return Plan(tuple(recipe.seed + number for number in range(seeds)), now)

    def _threads(self) -> int:
        return self.context.settings.threads or len(os.sched_getaffinity(0))

    def _resolve(self, uow: UnitOfWork, document: RecipeDocument) -> tuple[Recipe, tuple[StepInput, ...]]:
        sources = [found(uow.catalog.version(resolve(uow, s.model)), s.model) for s in document.given()]
        for source in sources:
            refuse_as_source(source.summary)
        refs = {role: resolve(uow, choice.dataset) for role, choice in roles_of(document).items()}
        datasets = {role: found(uow.datasets.version(ref), ref) for role, ref in refs.items()}
        labels = next((dataset.summary.labels for dataset in datasets.values()), LabelKind.CLASS)
        recipe = complete(
            document,
            modality=sources[0].model.modality,
            offers=self.context.plugins.offers(),
            labels=labels,
            rows=_training_rows(document, datasets),
            architecture=sources[0].architecture,
        )
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
            ref, dataset = refs[role], datasets[role]
            _check_split(role, choice.split, dataset.summary.ref, [s.name for s in dataset.summary.splits])
            data[role] = replace(choice, dataset=Reference.to(ref))
            inputs.append(StepInput(ref, dataset.summary.digest, role, choice.split, Assurance.OBSERVED))
        return replace(recipe, sources=pinned, data=data), tuple(inputs)


def _training_rows(document: RecipeDocument, datasets: Mapping[str, DatasetVersionDetail]) -> int | None:
    """Rows of the first role that is learnt from; None where nothing is."""
    for role, choice in roles_of(document).items():
        if role.partition(".")[0] == NEEDS[document.method].first:
            return next((s.rows for s in datasets[role].summary.splits if s.name == choice.split), None)
    return None


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

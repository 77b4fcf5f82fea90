"""The verbs of transfer steps: check a recipe, submit it, watch it, resume it, cancel it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.codec import from_json, to_json
from registry.domain.codec.recipe import recipe_record
from registry.domain.comparison.forgetting import Forgetting
from registry.domain.comparison.verdict import TransferVerdict
from registry.domain.credentials import cleaned_facts, without_credentials
from registry.domain.ids import is_id, new_id
from registry.domain.manifests import canonical_json
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import Page, PageRequest
from registry.domain.people.people import Permission
from registry.domain.recipes.recipe import Method, Recipe, Resources
from registry.domain.transfers.recorded import OWN_CODE, RecordTransfer
from registry.domain.transfers.step_events import GOING
from registry.domain.transfers.steps import StepDetail, StepInput, StepNews, StepState, StepSummary
from registry.domain.transfers.work import REMOTE
from registry.errors import NotFoundError, PermissionDeniedError, StepStateError, UnavailableError, UsageError
from registry.ports.engines import Engine
from registry.services.comparison.arm_recipes import SEEDS, Plan, check_baselines
from registry.services.comparison.forgetting import forgetting_of
from registry.services.comparison.verdicts import compute_again, open_answers
from registry.services.context import Context
from registry.services.lookup import found
from registry.services.recipes.outputs import output_kind, refuse_output
from registry.services.recipes.recipes import read_recipe, recipe_schema, resources_of
from registry.services.recipes.resolving import resolve_recipe
from registry.services.storage.transfers import NewStep
from registry.services.transfers.ending import threads_of
from registry.services.transfers.git_state import git_state
from registry.services.transfers.liveness import engine_of, look
from registry.services.transfers.running import work_folder
from registry.services.transfers.tracking import Tracking
from registry.services.unit_of_work import UnitOfWork

START_GRACE = 10.0
"""Seconds that a queued step may be without a worker before it counts as interrupted."""
PRODUCTION = "production"
"""The alias of the version that a new one is compared with."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """Implements `TransferVerbs`; steps run in a process of their own, started by an engine."""

    context: Context

    def recipe_schema(self) -> Mapping[str, object]:
        """The JSON Schema (draft 2020-12) of recipes."""
        return recipe_schema()

    def check(self, text: str) -> Recipe:
        """The recipe after defaults, every reference pinned to a version that may be used."""
        self.context.actor.require(Permission.EDIT)
        document = read_recipe(text)
        with self.context.read() as uow:
            return resolve_recipe(self.context, uow, document)[0]

    def submit(
        self,
        text: str,
        *,
        recipe_path: Path | None = None,
        background: bool = False,
        engine: str | None = None,
        auto_batch: bool = False,
        baselines: bool = False,
        seeds: int = SEEDS,
    ) -> StepDetail:
        """Write the step with its resolved inputs, then start it."""
        self.context.actor.require(Permission.EDIT)
        document = read_recipe(text)
        runner = self.context.plugins.engine(engine or self.context.settings.engine)
        needs = runner.grant(_asked(self.context, resources_of(document)))
        _refuse_with_several_gpus(needs, auto_batch=auto_batch, baselines=baselines)
        if runner.name == REMOTE:
            _refuse_for_remote(auto_batch=auto_batch, baselines=baselines, forgetting=bool(document.forgetting))
        now, actor = self.context.clock.now(), self.context.actor.handle
        origin = git_state(recipe_path) if recipe_path is not None else {}
        with self.context.write() as uow:
            recipe, inputs = resolve_recipe(self.context, uow, document)
            refuse_output(uow, recipe)
            plan = self._plan(uow, recipe, inputs, seeds) if baselines else None
            record = recipe_record(recipe)
            identity = {"recipe": record, "inputs": [[str(i.digest), i.role, i.split] for i in inputs]}
            threads = max(1, needs.cpus // max(1, needs.gpus))
            submitted: dict[str, object] = {"text": text, "git": cleaned_facts(origin), "threads": threads}
            submitted |= {"auto_batch": True} if auto_batch else {}
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
                token=self.context.actor.token,
            )
            uow.steps.add(step)
            uow.leases.offer(step.id, runner.name, seconds=START_GRACE)
            Tracking(self.context).queue(uow, step.id)
            uow.commit(
                Event("transfer.submitted", step.id, {"output": str(recipe.output), "method": recipe.method.value})
            )
        return self._started(runner, step.id, needs, recipe.adapter, background=background)

    def verdict(self, step_id: str) -> TransferVerdict:
        """Whether the transfer was worth it, computed again from the stored answers of its arms."""
        return compute_again(self.context.blobs, self.step(step_id))

    def answers(self, step_id: str) -> BinaryIO:
        """What every arm answered to every test row, as JSON Lines."""
        return open_answers(self.context.blobs, self.step(step_id))

    def forgetting(self, step_id: str) -> Forgetting:
        """What is on record of how much the version that it made forgot."""
        with self.context.read() as uow:
            return forgetting_of(uow, found(uow.steps.get(checked(step_id)), step_id))

    def measure_forgetting(self, step_id: str, watch: Callable[[str], None] = lambda _: None) -> Forgetting:
        """See `registry.services.transfers.forgetting`."""
        from registry.services.transfers.forgetting import measure  # noqa: PLC0415 - it needs NumPy

        with self.context.read() as uow:
            step = found(uow.steps.get(checked(step_id)), step_id)
        return measure(self.context, step, watch)

    def search(
        self,
        *,
        state: StepState | None = None,
        method: Method | None = None,
        output: Name | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[StepSummary]:
        """Steps, newest first. An interrupted step is stored as running; looking for its worker tells them apart."""
        stored = StepState.RUNNING if state is StepState.INTERRUPTED else state
        with self.context.read() as uow:
            steps = uow.steps.search(state=stored, method=method, output=output, page=page)
        seen = [look(self.context, step.id).shown if step.state in GOING else step for step in steps.items]
        return replace(steps, items=[step for step in seen if state in {None, step.state}])

    def step(self, step_id: str) -> StepDetail:
        """One step; if its worker ended before the step did, its state is interrupted."""
        seen = look(self.context, checked(step_id))
        with self.context.read() as uow:
            detail = found(uow.steps.get(step_id), step_id)
            state = seen.again(uow).state
        return replace(detail, summary=replace(detail.summary, state=state))

    def news(self, step_id: str, *, after: int = 0) -> StepNews:
        """The summary is read before the points, so that those of a step that has ended are complete."""
        summary = look(self.context, checked(step_id)).shown
        with self.context.read() as uow:
            return StepNews(summary, tuple(uow.steps.curve(step_id, after=after)))

    def resume(self, step_id: str, *, background: bool = False, engine: str | None = None) -> StepDetail:
        """Start the worker again; it continues from the last whole checkpoint, with the same number of threads."""
        seen = look(self.context, checked(step_id))
        before = engine_of(self.context, seen.lease)
        with self.context.read() as uow:
            step = found(uow.steps.get(step_id), step_id)
        if step.summary.adapter == OWN_CODE:
            raise StepStateError(
                f"{step_id} was recorded by the program that ran it, so nothing here can resume it",
                remedy="Run that program again",
            )
        needs = _needs(step)
        runner = self.context.plugins.engine(engine or before)
        needs = runner.grant(needs)
        with self.context.write() as uow:
            # Checked again inside the transaction: a worker may have taken the step meanwhile.
            now, moment = seen.again(uow), self.context.clock.now()
            if not now.state.may_resume:
                raise StepStateError(f"{step_id} is {now.state}, so there is nothing to resume")
            uow.steps.move(step_id, expected=frozenset({now.summary.state}), to=StepState.QUEUED, at=moment)
            uow.leases.offer(step_id, runner.name, seconds=START_GRACE)
            Tracking(self.context).queue(uow, step_id)
            uow.commit(Event("transfer.resumed", step_id, {"from": now.state.value}))
        # An old worker that was only suspended or cut off has lost its lease, so it can be ended.
        self._stop(before, step_id)
        return self._started(runner, step_id, needs, step.summary.adapter, background=background)

    def cancel(self, step_id: str) -> StepDetail:
        """Mark it cancelled first, so that a worker about to publish cannot; then end the worker and its files."""
        with self.context.write() as uow:
            detail = found(uow.steps.get(checked(step_id)), step_id)
            now, state = self.context.clock.now(), detail.summary.state
            actor, by = self.context.actor, detail.summary.created_by
            if not detail.summary.may_be_cancelled_by(actor):
                raise PermissionDeniedError(
                    f"{step_id} was submitted by {by}, so {actor.handle} cannot cancel it",
                    remedy="Ask the person who submitted it, or an admin",
                )
            if not state.may_cancel:
                raise StepStateError(f"{step_id} is {state}, so it cannot be cancelled")
            uow.steps.move(step_id, expected=frozenset({state}), to=StepState.CANCELLED, at=now)
            Tracking(self.context).queue(uow, step_id)
            uow.commit(Event("transfer.cancelled", step_id, {"from": state.value}))
        self._stop(engine_of(self.context, detail.lease), step_id)
        shutil.rmtree(work_folder(self.context.home, step_id), ignore_errors=True)
        return self.step(step_id)

    def read_input(self, reference: Reference, reading: str, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """See `registry.services.transfers.readings`."""
        from registry.services.transfers.readings import read_input  # noqa: PLC0415 - not needed to look at a step

        return read_input(self.context, reference, reading, start=start, length=length)

    def record(self, wanted: RecordTransfer) -> StepDetail:
        """See `registry.services.transfers.recording`."""
        self.context.actor.require(Permission.EDIT)
        from registry.services.transfers.recording import record  # noqa: PLC0415 - not needed to look at a step

        with self.context.holding() as held:
            return self.step(record(held, wanted))

    def log(self, step_id: str) -> str:
        """The log of its workers."""
        with self.context.read() as uow:
            detail = found(uow.steps.get(checked(step_id)), step_id)
        log = self.context.plugins.engine(engine_of(self.context, detail.lease)).log(step_id, self.context.home)
        return without_credentials(log)

    def _started(self, runner: Engine, step_id: str, needs: Resources, adapter: str, *, background: bool) -> StepDetail:
        runner.start(step_id, self.context.home, needs, adapter=adapter)
        if not background:
            runner.wait(step_id, self.context.home)
            while runner.name == REMOTE and self.step(step_id).summary.state in GOING:
                time.sleep(1)
        return self.step(step_id)

    def _stop(self, engine: str, step_id: str) -> None:
        """End a worker that has lost its lease."""
        with suppress(
            UnavailableError
        ):  # a worker out of reach ends by itself: it can neither renew its lease nor publish
            self.context.plugins.engine(engine).stop(step_id, self.context.home)

    def _plan(self, uow: UnitOfWork, recipe: Recipe, inputs: Iterable[StepInput], seeds: int) -> Plan:
        """The seeds of every arm, the version now in production, and the count of verdicts on these test rows."""
        check_baselines(recipe, self.context.plugins.offers()[recipe.adapter], seeds)
        now = uow.catalog.resolve(Reference(AssetKind.MODELS, recipe.output, alias=PRODUCTION))
        (test,) = [one for one in inputs if one.role == "test"]
        before = uow.steps.looks_at(test.digest, test.split)
        return Plan(tuple(recipe.seed + number for number in range(seeds)), now, before + 1)


def _asked(context: Context, needs: Resources) -> Resources:
    """With the number of threads in the settings, where the recipe gives none."""
    return needs if needs.cpus else replace(needs, cpus=context.settings.threads)


def _needs(detail: StepDetail) -> Resources:
    """The resources granted at submission; the number of threads affects the result."""
    needs = from_json(Resources, detail.recipe.get("resources", {}))
    return needs if needs.cpus else replace(needs, cpus=threads_of(detail) * max(1, needs.gpus))


def _refuse_with_several_gpus(needs: Resources, **wanted: bool) -> None:
    """Refuse options that only a step in one process supports. Raises: UsageError."""
    for option, is_wanted in wanted.items():
        if is_wanted and needs.gpus > 1:
            raise UsageError(
                f"--{option.replace('_', '-')} works in one process only, and this recipe asks for several GPUs",
                remedy="Leave one of the two out",
            )


def _refuse_for_remote(**wanted: bool) -> None:
    """Refuse what a worker on another machine does not do. Raises: UsageError."""
    for option, is_wanted in wanted.items():
        if is_wanted:
            raise UsageError(
                f"The engine {REMOTE} does not run steps with {option.replace('_', '-')}",
                remedy="Leave one of the two out",
            )


def checked(step_id: str) -> str:
    """`step_id` if it has the form of one. Raises: NotFoundError."""
    if not is_id(step_id) or not step_id.startswith("step-"):
        raise NotFoundError(
            f"{step_id[:80]!r} is not the id of a step", remedy="List the steps: forebear transfer list"
        )
    return step_id

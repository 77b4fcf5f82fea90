"""Measures what a version forgot: it and the models above it are asked about the same rows, those of their test data.

The version answers with its own head where that knows the labels; otherwise both models are probed, with the same head
fitted to the features of each on the rows that the model above learnt from (`domain.comparison.forgetting`). What
cannot be measured says why. All adapters run in this process, on files in a private folder that is removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from lineage import Digest, NodeKind
from registry.domain.audit import Event
from registry.domain.catalog.models import VersionDetail
from registry.domain.comparison.answers import TestRows
from registry.domain.comparison.forgetting import FORGETTING, Forgetting, Forgotten, Way, body_of
from registry.domain.comparison.losing import loss_on
from registry.domain.data.datasets import LabelKind
from registry.domain.governance.case import SYSTEM
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.ids import new_id
from registry.domain.manifests import canonical_json
from registry.domain.names import Reference, VersionRef
from registry.domain.people.people import Permission
from registry.domain.recipes.methods import TEST, TRAIN, split_role
from registry.domain.recipes.recipe import Method, Recipe
from registry.domain.transfers.steps import StepDetail, StepInput
from registry.errors import AdapterError, InvalidError, RegistryError
from registry.ports.transfers import AdapterOffer, DataInput, ModelInput
from registry.services.comparison.arm_recipes import LEARNING, as_it_is, linear_probe
from registry.services.comparison.asking import ask, recipe_of, source_of
from registry.services.comparison.baselines import groups_of, read_answers
from registry.services.comparison.forgetting import forgetting_of, is_measured_here, model_of
from registry.services.context import Context
from registry.services.governance.quality import MAIN
from registry.services.lookup import found, refuse_withheld, resolve
from registry.services.transfers.inputs import lay_out_data
from registry.services.unit_of_work import UnitOfWork
from registry.services.workspace import workspace

MAX_ANCESTORS = 10_000
Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Model:
    """A version with the step that made it."""

    detail: VersionDetail
    step: StepDetail

    @property
    def ref(self) -> VersionRef:
        return self.detail.summary.ref


@dataclass(frozen=True, slots=True)
class _Set:
    """A test set of a model above, with the rows that this model learnt from, where there are some."""

    parent: _Model
    test: StepInput
    learnt: StepInput | None

    def unmeasured(self, reason: str) -> Forgotten:
        ref, test = self.parent.ref, self.test
        return Forgotten(str(ref), test.digest, test.ref.label, test.split or "", reason=reason)


def measure(context: Context, step: StepDetail, watch: Watch) -> Forgetting:
    """Measure the version that `step` made on the test data of every model above it, and record it as evidence.

    A result that is on record already is not written again. Raises: NotFoundError, WithheldError, RecalledError,
    InvalidError where no model above was tested.
    """
    context.actor.require(Permission.EDIT)
    with context.read() as uow:
        ref = model_of(step)
        own = _Model(found(uow.catalog.version(ref), ref), step)
        refuse_withheld(context, uow, own.detail.summary)
        sets = list(_sets(uow, own))
    if not sets:
        raise InvalidError(
            f"No model that {ref} was made from was measured on test data, so there is nothing to have forgotten"
        )
    with workspace(context.home, "forgetting") as folder:
        asking = _Asking(context, own, folder, watch)
        results = [asking.forgotten(one) for one in sets]
    return _record(context, own, results)


def _sets(uow: UnitOfWork, own: _Model) -> Iterator[_Set]:
    """The test sets of the models above, each model once, in order of name."""
    ancestry = found(uow.graph.ancestry(own.ref, limit=MAX_ANCESTORS), own.ref)
    labels = {one.node.id: one.node.label for one in ancestry.members}
    models = {one.node.id for one in ancestry.members if one.node.kind is NodeKind.MODEL and not one.deleted}
    makers = {edge.target: edge.source for edge in ancestry.edges if edge.target in models - {ancestry.focus}}
    tested = uow.governance.tested(list(makers.values()), MAIN)
    for key, maker in sorted(makers.items(), key=lambda pair: labels[pair[0]]):
        places = dict.fromkeys((one.data, one.split) for one in tested.get(maker, ()))
        if not places:
            continue
        ref = resolve(uow, Reference.parse(f"models:/{labels[key]}"))
        step = found(uow.steps.get(labels[maker]), labels[maker])
        parent = _Model(found(uow.catalog.version(ref), ref), step)
        learnt = next((one for role in LEARNING for one in step.inputs if one.role == role), None)
        for one in step.inputs:
            if split_role(one.role)[0] == TEST and (one.digest, one.split or "") in places:
                yield _Set(parent, one, learnt if one.role == TEST else None)


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks models about rows, each time in a new folder below `folder`."""

    context: Context
    own: _Model
    folder: Path
    watch: Watch
    _numbers: count[int] = field(default_factory=count)

    def forgotten(self, one: _Set) -> Forgotten:
        """What the version lost on this test set, or why that cannot be measured."""
        self.watch(
            f"Measuring on {one.test.ref.label}, split {one.test.split}, the test data of {one.parent.ref.label}"
        )
        try:
            test, train = self._read(one)
        except RegistryError as error:
            return one.unmeasured(error.message)
        try:
            return self._compared(one, test, Way.HEAD, lambda model: self._by_head(model, one, train, test))
        except RegistryError as error:
            by_head = error.message
        if train is None or one.learnt is None:
            return one.unmeasured(f"{by_head}; and no training rows of {one.parent.ref.label} are known for a probe")
        learnt = one.learnt
        try:
            result = self._compared(one, test, Way.PROBE, lambda model: self._by_probe(model, one, learnt, train, test))
        except RegistryError as error:
            return one.unmeasured(f"{by_head}; by a probe: {error.message}")
        return replace(result, reason=by_head)

    def _read(self, one: _Set) -> tuple[DataInput, DataInput | None]:
        """The test rows, and those that were learnt from where they have labels. Raises: what reading raises."""
        items = {TEST: one.test} | ({TRAIN: one.learnt} if one.learnt is not None else {})
        with self.context.read() as uow:
            for item in items.values():
                detail = found(uow.datasets.version(item.ref), item.ref)
                refuse_withheld(self.context, uow, detail.summary)
        data = lay_out_data(self.context, items, self._place())
        train = data.get(TRAIN)
        return data[TEST], None if train is None or train.labels is LabelKind.NONE else train

    def _compared(self, one: _Set, test: DataInput, way: Way, ask: Callable[[_Model], tuple[object, ...]]) -> Forgotten:
        after, before = ask(self.own), ask(one.parent)  # the version first: its head may not know the labels
        chosen = test.chosen
        rows = TestRows(
            test.digest,
            test.split,
            test.labels,
            tuple(row.key for row in chosen),
            tuple(row.label or "" for row in chosen),
            groups_of(chosen),
        )
        loss = loss_on(rows, MAIN, before, after)
        return replace(
            one.unmeasured(""),
            way=way,
            metric=loss.metric,
            before=loss.before,
            after=loss.after,
            lost=loss.lost,
            rows=len(chosen),
        )

    def _by_head(self, model: _Model, one: _Set, train: DataInput | None, test: DataInput) -> tuple[object, ...]:
        """What `model` answers with the head that it has: as its own step kept it, or else asked now.

        An imported file with answers is not believed: nobody here saw the model give them.
        """
        source = self._source(model)
        with suppress(AdapterError):
            if model.step.summary.method is not Method.IMPORT:
                return read_answers(source.folder, test)
        recipe, offer = self._recipe(model, Method.FINE_TUNING, one.learnt or one.test, one.test)
        data = {TRAIN: train or test, TEST: test}  # nothing is trained: training rows only give the constant answer
        return self._answers(as_it_is(recipe, offer), source, data)

    def _by_probe(
        self, model: _Model, one: _Set, learnt: StepInput, train: DataInput, test: DataInput
    ) -> tuple[object, ...]:
        recipe, offer = self._recipe(model, Method.FEATURE_EXTRACTION, learnt, one.test)
        probe = linear_probe(recipe, offer, train, 0)
        return self._answers(probe, self._source(model), {TRAIN: train, TEST: test})

    def _recipe(self, model: _Model, method: Method, train: StepInput, test: StepInput) -> tuple[Recipe, AdapterOffer]:
        with self.context.read() as uow:
            labels = found(uow.datasets.version(test.ref), test.ref).summary.labels
        learnt, tested = ((one.ref, one.split or "") for one in (train, test))
        return recipe_of(self.context, model.detail, model.step, method, train=learnt, test=tested, labels=labels)

    def _source(self, model: _Model) -> ModelInput:
        return source_of(self.context, model.detail, self._place() / "model")

    def _answers(self, recipe: Recipe, source: ModelInput, data: dict[str, DataInput]) -> tuple[object, ...]:
        finished = ask(self.context, recipe, source, data, self._place(), seed=recipe.seed)
        return read_answers(finished.folder, data[TEST])

    def _place(self) -> Path:
        place = self.folder / str(next(self._numbers))
        place.mkdir()
        return place


def _record(context: Context, own: _Model, results: list[Forgotten]) -> Forgetting:
    """Write the results as evidence about the version, unless the last measurement found the same."""
    body, subject = body_of(results), own.detail.summary.digest
    digest = Digest.of(canonical_json({"body": body, "subject": str(subject), "type": FORGETTING}))
    with context.write(Permission.EDIT) as uow:
        now = context.clock.now()
        before = [one for one in uow.governance.evidence(own.ref) if is_measured_here(one)]
        if not before or before[-1].digest != digest:
            value = EvidenceValue(
                new_id("ev", now), own.ref, subject, FORGETTING, digest, body, None, None, added_at=now, added_by=SYSTEM
            )
            uow.governance.add_evidence(value)
            detail = {"evidence": value.id, "type": FORGETTING, "digest": str(digest)}
            uow.commit(Event("evidence.added", str(own.ref), detail))
    with context.read() as uow:
        return forgetting_of(uow, own.step)

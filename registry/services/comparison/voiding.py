"""Finds the verdicts on record that cannot be trusted, and marks them void.

Up to revision 0007 running statistics of normalisations were not computed anew before a measurement, and arms were not
checked. A model with running statistics that was trained from scratch for a short time then answered at chance, so that
a transfer seemed to help; `adabn` gave a model statistics that its weights did not fit. A manifest never changes, so
the mark stands beside it. A void verdict stays readable and is never evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from registry.domain.audit import Event
from registry.domain.comparison.answers import ArmAnswers, Arms, read_arms
from registry.domain.comparison.records import answers_of, verdict_of, was_checked
from registry.domain.comparison.validity import same_answer
from registry.domain.comparison.verdict import ArmKind
from registry.domain.names import VersionRef
from registry.errors import RegistryError
from registry.services.artifacts.storing import open_extents
from registry.services.context import Context
from registry.services.storage.transfers import VerdictRecord
from registry.services.unit_of_work import UnitOfWork

STATISTICS = (b"running_mean", b"moving_mean")
"""What names of tensors contain in models with running statistics, of torch and of Keras."""
LONGEST_HEADER = 100_000_000
"""Bytes of a safetensors header, at most: the limit of the format's own reader."""


@dataclass(frozen=True, slots=True)
class VoidVerdict:
    """A verdict that does not count: its step, what the step made, and why, as the end of a sentence."""

    step_id: str
    output: VersionRef | None
    reason: str
    marked: bool = True
    """False for one that `forebear init --upgrade` has still to mark."""

    @property
    def sentence(self) -> str:
        """For people."""
        made = f" on {self.output}" if self.output is not None else ""
        return f"The verdict{made} ({self.step_id}) is void: {self.reason}"


def void_verdicts(context: Context, uow: UnitOfWork) -> Iterator[VoidVerdict]:
    """Every verdict on record that is marked void or cannot be trusted, oldest first; each manifest is read once."""
    for one in uow.steps.with_verdicts():
        if one.void is not None:
            yield VoidVerdict(one.step_id, one.output, one.void)
        elif verdict_of(one.manifest) is not None and not was_checked(one.manifest):
            reason = _adabn(one.manifest) or _one_answer(context, one.manifest) or _statistics(context, uow, one)
            if reason:
                yield VoidVerdict(one.step_id, one.output, reason, marked=False)


def void_untrusted(context: Context) -> Sequence[VoidVerdict]:
    """Mark every verdict that cannot be trusted, all in one transaction with an audit entry for each.

    Answers and weights are read before it, so that no other writer waits for files.
    """
    with context.read() as uow:
        found = [one for one in void_verdicts(context, uow) if not one.marked]
    if not found:
        return found
    with context.write() as uow:
        found = [one for one in found if uow.steps.void_reason(one.step_id) is None]
        for one in found:
            uow.steps.void_verdict(one.step_id, one.reason)
        if found:
            uow.commit(*(Event("verdict.voided", one.step_id, {"reason": one.reason}) for one in found))
    return found


# --- reasons -------------------------------------------------------------------------------------------------------


def _adabn(manifest: Mapping[str, object]) -> str:
    recipe = manifest.get("recipe")
    params = recipe.get("params") if isinstance(recipe, Mapping) else None
    if not isinstance(params, Mapping) or params.get("align") != "adabn":
        return ""
    return "adabn replaced the running statistics of weights that were not trained with statistics of their batches"


def _one_answer(context: Context, manifest: Mapping[str, object]) -> str:
    """Why the answers themselves show it: a seed of the from-scratch baseline gave all rows the same one."""
    arms = _arms(context, manifest)
    if arms is None:
        return "its stored answers cannot be read, so it cannot be checked"
    same = [one for one in arms.arms if one.arm is ArmKind.SCRATCH and same_answer(arms.rows, one.answers)]
    if not same or all(_is_constant(arms, one) for one in arms.arms if one.arm is ArmKind.TRANSFER):
        return ""
    seeds = ", ".join(str(one.seed) for one in same)
    return (
        f"its from-scratch baseline gave every row the same answer (seed {seeds}), "
        "and it was not checked whether the model had learnt"
    )


def _is_constant(arms: Arms, one: ArmAnswers) -> bool:
    return same_answer(arms.rows, one.answers)


def _arms(context: Context, manifest: Mapping[str, object]) -> Arms | None:
    digest = answers_of(manifest)
    if digest is None:
        return None
    try:
        with context.blobs.open(digest) as stream:
            return read_arms(stream.read())
    except RegistryError:
        return None


def _statistics(context: Context, uow: UnitOfWork, one: VerdictRecord) -> str:
    """Why its model cannot be trusted: it has running statistics, or its weights are gone."""
    weights = [] if one.output is None else _headers(context, uow, one.output)
    if not weights:
        return "its weights cannot be read, so it cannot be told whether its from-scratch baseline was trained soundly"
    if not any(word in header for header in weights for word in STATISTICS):
        return ""
    return (
        "its model has running statistics, and they were not computed anew before the from-scratch baseline was "
        "measured, which made that baseline too weak"
    )


def _headers(context: Context, uow: UnitOfWork, ref: VersionRef) -> list[bytes]:
    """The headers of its safetensors files (JSON with the names of the tensors); none if a file cannot be read."""
    headers = []
    for path, extents in uow.catalog.all_extents(ref).items():
        if not path.endswith(".safetensors"):
            continue
        try:
            with open_extents(context.blobs, extents) as stream:
                length = int.from_bytes(stream.read(8), "little")
                headers.append(stream.read(min(length, LONGEST_HEADER)))
        except RegistryError:
            return []
    return headers

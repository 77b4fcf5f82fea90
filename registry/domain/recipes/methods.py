"""What each method takes: how many models in which role, and which data. One table for checks and documentation.

A data role may carry the name of one of several tasks after a dot (`train.digits`), where the method takes tasks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from registry.domain.recipes.recipe import Method
from registry.domain.text import did_you_mean

SOURCE, TEACHER, BASE = "source", "teacher", "base"
TRAIN, VALIDATION, TEST = "train", "validation", "test"
SOURCE_DOMAIN, TARGET_DOMAIN, UNLABELLED = "source-domain", "target-domain", "unlabelled"
MODEL_ROLES = (SOURCE, TEACHER, BASE)
DATA_ROLES = (TRAIN, VALIDATION, TEST, SOURCE_DOMAIN, TARGET_DOMAIN, UNLABELLED)
_TASK = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Needs:
    """What goes into one method. `models` gives how many models play each role, `(at least, at most)`."""

    models: Mapping[str, tuple[int, int]]
    data: frozenset[str]
    """Roles that must be given."""
    also: frozenset[str] = frozenset({VALIDATION, TEST})
    """Roles that may be given."""
    first: str = TRAIN
    """The role that others are filled in from: further splits of the same dataset."""
    tasks: bool = False
    """Roles carry task names."""


_ONE = {SOURCE: (1, 1)}
_TRAIN = frozenset({TRAIN})
NEEDS: Mapping[Method, Needs] = {
    Method.PRETRAINING: Needs(_ONE, _TRAIN),
    Method.FEATURE_EXTRACTION: Needs(_ONE, _TRAIN),
    Method.FINE_TUNING: Needs(_ONE, _TRAIN),
    Method.ADAPTER: Needs(_ONE, _TRAIN),
    Method.EMBEDDING_INITIALISATION: Needs(_ONE, _TRAIN),
    Method.DOMAIN_ADAPTATION: Needs(_ONE, frozenset({SOURCE_DOMAIN, TARGET_DOMAIN}), first=SOURCE_DOMAIN),
    Method.CONTINUED_PRETRAINING: Needs(_ONE, frozenset({UNLABELLED}), first=UNLABELLED),
    Method.MULTI_TASK: Needs(_ONE, _TRAIN, tasks=True),
    Method.DISTILLATION: Needs({SOURCE: (1, 1), TEACHER: (1, 8)}, _TRAIN),
    Method.MERGE: Needs({SOURCE: (1, 32), BASE: (0, 1)}, frozenset(), first=""),
    Method.QUANTIZATION: Needs(_ONE, frozenset(), first=""),
}


def split_role(role: str) -> tuple[str, str]:
    """A data role and the name of its task, which is empty for most methods."""
    kind, _, task = role.partition(".")
    return kind, task


def role_problem(role: str) -> str | None:
    """What is wrong with `role` as the name of a data role; None when nothing is."""
    kind, dot, task = role.partition(".")
    if kind not in DATA_ROLES:
        return f"{role[:80]!r} is not a role of data{did_you_mean(kind, DATA_ROLES)}"
    if dot and not _TASK.fullmatch(task):
        return f"{role[:80]!r}: a task is named by small letters, digits, - and _"
    return None


def misfits(method: Method, models: Iterable[str], data: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What `method` lacks or cannot use, as (the recipe's key, sentence)."""
    needs, models, data = NEEDS[method], list(models), list(data)
    for role, (least, most) in needs.models.items():
        count = models.count(role)
        if not least <= count <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            yield "sources", f"{method} takes {wanted} as {role}, and this recipe has {count}"
    for role in dict.fromkeys(models):
        if role not in needs.models:
            yield "sources", f"{method} has no use for a model as {role}: it takes {', '.join(needs.models)}"
    given = {split_role(role)[0] for role in data}
    for role in sorted(needs.data - given):
        yield "data", f"{method} needs data in the role {role}: add data.{role}{'.TASK' if needs.tasks else ''}"
    for role in data:
        kind, task = split_role(role)
        if kind not in needs.data | needs.also:
            takes = ", ".join(sorted(needs.data | needs.also))
            yield f"data.{role}", f"{method} does not use data in the role {role!r}: it takes {takes}"
        elif bool(task) != needs.tasks:
            how = f"name its task: {kind}.TASK" if needs.tasks else f"write {kind}"
            yield f"data.{role}", f"{method} takes {'several tasks' if needs.tasks else 'one task'}: {how}"

"""`forebear drift watch`: the windows of a dataset that grows, each checked once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry.domain.drift.report import KeptReport
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.names import Reference
from registry.domain.verbs.drift import LEAST_ROWS, CheckDrift
from registry.errors import BadReferenceError
from registry.services.context import Context
from registry.services.drift.checking import check
from registry.services.selection.reading import dataset_of, digests_of


def next_window(
    context: Context, model: Reference, data: Reference, reports: Sequence[KeptReport], watch: Callable[[str], None]
) -> EvidenceValue | None:
    """Check the rows of the newest version that stand in none checked before; None where they are too few.

    Raises: BadReferenceError for one version of a dataset: it never grows.
    """
    if data.number is not None or data.alias is not None:
        raise BadReferenceError(
            f"{data} is one version, which never grows", remedy=f"Name the dataset: datasets:/{data.name}"
        )
    newest = dataset_of(context, data)
    checked = [one.report.data.number for one in reports if one.report.data.name == data.name]
    last = max(checked, default=None)
    ref = newest.summary.ref
    if last is not None and last >= ref.number:
        watch(f"{ref.label} was checked already")
        return None
    after = None if last is None else Reference(data.kind, data.name, last)
    if after is not None:
        earlier = set(digests_of(context, dataset_of(context, after)))
        new = sum(digest not in earlier for digest in digests_of(context, newest))
        if new < LEAST_ROWS:
            watch(f"{new} rows of {ref.label} are new, and {LEAST_ROWS} are needed: they wait for the next version")
            return None
    return check(context, CheckDrift(model, Reference.to(ref), after=after, new_only=True), watch)

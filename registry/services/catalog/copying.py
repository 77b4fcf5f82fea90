"""A version of one registered model as the next version of another: the same stored bytes, and an edge between both.

No byte is read or written, so the weights of the copy are indexed when somebody next looks for a model by weights. What
the source was approved for is not taken along: the copy is in the first stage, where the gates of its name look at it.
"""

from __future__ import annotations

from lineage import Assurance
from registry.domain.catalog.models import Describing, VersionDetail
from registry.domain.governance.upstream import Upstream
from registry.domain.manifests import Manifest
from registry.domain.names import AssetKind, Reference, VersionRef, model_only
from registry.domain.recipes.methods import SOURCE
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.provenance import Compute
from registry.domain.transfers.steps import StepInput
from registry.domain.verbs.catalog import CopyVersion
from registry.machine import this_machine
from registry.services.artifacts.publishing import Asset, Making, ModelContents, publish
from registry.services.catalog.cards import source_card, split_card
from registry.services.context import Context
from registry.services.governance.disagreements import raise_what_disagrees
from registry.services.lookup import found, refuse_as_source, refuse_taken, refuse_withheld, resolve
from registry.services.unit_of_work import UnitOfWork

COPY = "copy"
"""What its step has in place of a format that was read."""


def copy(context: Context, wanted: CopyVersion) -> VersionRef:
    """See `CatalogVerbs.copy`."""
    if wanted.card is not None:
        split_card(wanted.card)
    with context.write() as uow:
        source = found(uow.catalog.version(resolve(uow, model_only(wanted.source))), wanted.source)
        refuse_withheld(context, uow, source.summary)
        refuse_as_source(uow, source.summary, context.clock.now())
        if not uow.catalog.has_model(wanted.name):
            refuse_taken(uow, AssetKind.MODELS, wanted.name)
        latest = uow.catalog.resolve(Reference(AssetKind.MODELS, wanted.name))
        if latest is not None and latest in uow.catalog.versions_with(source.summary.digest):
            return latest
        ref = _publish(context, uow, wanted, source)
    raise_what_disagrees(context, ref)
    return ref


def _publish(context: Context, uow: UnitOfWork, wanted: CopyVersion, source: VersionDetail) -> VersionRef:
    one, model, now = source.summary, source.model, context.clock.now()
    describing = Describing(model.task, model.modality, one.licence, model.origin, model.description)
    text = wanted.card if wanted.card is not None else source.card.text if source.card else None
    upstream = uow.catalog.source_of(one.ref)
    contents = ModelContents(
        Manifest.of(source.files),
        source.architecture,
        lambda ref: text or source_card(ref, describing, architecture=source.architecture, notes=()),
        tags=wanted.tags,
        upstream=Upstream.parse(upstream) if upstream else None,
        generated=not text or (wanted.card is None and source.card is not None and source.card.generated),
    )
    making = Making(
        method=Method.IMPORT,
        adapter=COPY,
        inputs=(StepInput(one.ref, one.digest, SOURCE, None, Assurance.OBSERVED),),
        recipe={"source": str(one.ref), "format": COPY, "architecture": source.architecture, "notes": []},
        compute=Compute(device="cpu", hardware=this_machine(), threads=1),
        started_at=now,
        ended_at=now,
        facts={},
    )
    asset = Asset(wanted.name, describing, contents)
    return publish(context, uow, asset, making, action="model_version.copied", details={"source": str(one.ref)})

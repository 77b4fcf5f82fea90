"""Which versions the card of a draft names as what it was made from: the Hub's `base_model`.

`team/name.v3` is version 3, as models pulled from here say. `team/name` alone is a version only where the model has no
other, or where `adapter_config.json` says the revision; with several versions nothing is guessed. What is no model here
(a repository of the Hub, say) stays in the card, and makes no edge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from registry.domain.catalog.commits import commit_of
from registry.domain.drafts.drafts import Draft
from registry.domain.names import AssetKind, Name, Reference, VersionRef, check_alias, read_number, read_pinned
from registry.errors import BadNameError, BadReferenceError, ConflictError, InvalidError
from registry.services.context import Context
from registry.services.drafts.reading import text_of
from registry.services.lookup import all_versions
from registry.services.unit_of_work import UnitOfWork

ADAPTER = "adapter_config.json"
_FEW = 3


def parents_of(context: Context, draft: Draft, front: Mapping[str, object]) -> tuple[Reference, ...]:
    """The parents that the front matter of the card names, in its order.

    Raises: InvalidError for a `base_model` that is no text or list of texts, ConflictError where a model here is named
    and not which version.
    """
    value = front.get("base_model")
    names = [value] if isinstance(value, str) else value
    if names is None:
        return ()
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise InvalidError("The card's base_model is no name or list of names", remedy="Write base_model: team/name.v3")
    said = _of_adapter(context, draft)
    with context.read() as uow:
        found = [ref for one in names if (ref := _meant(uow, one, said.get(one))) is not None]
    return tuple(Reference.to(ref) for ref in dict.fromkeys(found))


def _of_adapter(context: Context, draft: Draft) -> Mapping[str, str]:
    """The revision of the base model that an adapter's config names, by the name that it has there."""
    text = text_of(context, draft, ADAPTER)
    try:
        document = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}  # the importer says what is wrong with it
    name, revision = (
        (document.get("base_model_name_or_path"), document.get("revision")) if isinstance(document, dict) else ("", "")
    )
    return {name: revision} if isinstance(name, str) and isinstance(revision, str) and revision else {}


def _meant(uow: UnitOfWork, text: str, revision: str | None) -> VersionRef | None:
    """The version that is meant; None for what is no model here. Raises: ConflictError."""
    try:
        name, number = read_pinned(text)
    except BadNameError:
        return None
    if not uow.catalog.has_model(name):
        return None
    if number is not None:
        return VersionRef(AssetKind.MODELS, name, number)
    if revision is not None and (ref := _at(uow, name, revision)) is not None:
        return ref
    versions = all_versions(uow, name)
    if len(versions) == 1:
        return versions[0].ref
    some = ", ".join(f"{name}.v{one.ref.number}" for one in versions[:_FEW])
    raise ConflictError(
        f"The card says base_model: {name}, which has {len(versions)} versions here, and not which of them",
        remedy=f"Name one in the card ({some}), or register with --parent",
    )


def _at(uow: UnitOfWork, name: Name, revision: str) -> VersionRef | None:
    """The version that a revision names as the Hub's clients write it: a number, an alias or a commit id."""
    for one in all_versions(uow, name) if len(revision) == 40 else ():
        detail = uow.catalog.version(one.ref)
        if detail is not None and commit_of(one.ref, str(one.digest), detail.card) == revision:
            return one.ref
    try:
        number = read_number(revision)
        alias = None if number is not None else check_alias(revision)
        return uow.catalog.resolve(Reference(AssetKind.MODELS, name, number, alias))
    except BadReferenceError:
        return None

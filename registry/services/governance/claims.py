"""The base models that a version's card and adapter config name, beside the parents that are on record.

A name of the Hub in a card is no contradiction where the recorded parent, or a model above it, was imported from that
repository, nor where nobody can tell: the parent's source is not on record and the name is registered nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from registry.domain.governance.upstream import HUB, Upstream
from registry.domain.names import Name, VersionRef
from registry.errors import BadNameError, InvalidError
from registry.services.documents import front_matter
from registry.services.unit_of_work import UnitOfWork

CARD, ADAPTER = "The card", "The file adapter_config.json"
CLAIMS = "claims"
"""The fact of a provenance manifest that holds what the files of an import claim."""
MOST = 20
"""Names of one claim, and parents, that are looked at."""
_WEB = ("https://huggingface.co/", "http://huggingface.co/")

Claims = Mapping[str, Sequence[str]]
"""By who says so, the base models that are named."""


def claims_of(card: str | None, manifest: Mapping[str, object] | None) -> Claims:
    """The base models that the newest card names, and those that the adapter config of an import did."""
    facts = (manifest or {}).get("facts")
    recorded = facts.get(CLAIMS) if isinstance(facts, Mapping) else None
    base = recorded.get(ADAPTER) if isinstance(recorded, Mapping) else None
    told = {CARD: _named(_of_card(card)), ADAPTER: _named(base)}
    return {who: names for who, names in told.items() if names}


def _of_card(card: str | None) -> object:
    if card is None or "base_model" not in card:
        return None
    try:
        return front_matter(card)[0].get("base_model")
    except InvalidError:
        return None


def _named(base: object) -> tuple[str, ...]:
    """What can be the name of a repository; paths and other texts name nothing that can be compared."""
    names = []
    for one in (base if isinstance(base, list) else [base])[:MOST]:
        text = one if isinstance(one, str) else ""
        for start in _WEB:
            text = text.removeprefix(start)
        try:
            names.append(Upstream.parse(HUB + text.strip("/")).repository)
        except InvalidError:
            continue
    return tuple(names)


def contradictions(
    uow: UnitOfWork, claims: Claims, parents: Sequence[VersionRef], family: Callable[[], Collection[str]]
) -> tuple[str, ...]:
    """What disagrees, a sentence with both sides each, without its end. `family` gives the names of all ancestors."""
    against = [
        text
        for who, names in claims.items()
        for name in names
        if parents and (text := _against_parents(uow, f"{who} names {name}", name, parents, family)) is not None
    ]
    return (*against, *_between(uow, claims))


def _against_parents(
    uow: UnitOfWork, says: str, name: str, parents: Sequence[VersionRef], family: Callable[[], Collection[str]]
) -> str | None:
    if name.casefold() in {str(one.name) for one in parents} or name.casefold() in family():
        return None
    registered = _registered(uow, name)
    if registered & set(family()):
        return None
    sources = {one: uow.catalog.source_of(one) for one in parents[:MOST]}
    if not registered and not all(sources.values()):
        return None
    known_as = "".join(f", which is registered as {one}" for one in sorted(registered) if one != name.casefold())
    recorded = (f"{one.label} (imported from {source})" if source else one.label for one, source in sources.items())
    return f"{says} as its base model{known_as}, and the recorded parent is {' and '.join(recorded)}"


def _registered(uow: UnitOfWork, name: str) -> set[str]:
    """The registered models of this name, or that were imported from the repository of this name."""
    models = {str(one.ref.name) for one in uow.catalog.pinned_to(name)}
    try:
        own = Name.parse(name.casefold())
    except BadNameError:
        return models
    return models | ({str(own)} if uow.catalog.has_model(own) else set())


def _between(uow: UnitOfWork, claims: Claims) -> Iterator[str]:
    """The adapter config against the card, whether a parent is recorded or not."""
    if claims.keys() >= {CARD, ADAPTER}:
        card, adapter = (
            {name.casefold() for name in claims[who]}.union(*(_registered(uow, name) for name in claims[who]))
            for who in (CARD, ADAPTER)
        )
        if not card & adapter:
            others = " and ".join(claims[CARD])
            yield f"{ADAPTER} names {' and '.join(claims[ADAPTER])} as its base model, and the card names {others}"

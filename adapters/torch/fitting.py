"""Architectures for weights that come without a config: how their tensors are named, and the folder they become."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.torch.architectures import KNOWN
from adapters.torch.networks.table import Entry, shipped_names
from registry.domain.catalog.models import Modality
from registry.errors import InvalidError, MisfitError
from registry.ports.importing import SourceFacts

if TYPE_CHECKING:
    from adapters.torch.networks.candidates import Candidate

Shapes = Mapping[str, tuple[int, ...]]
ADDING = (
    "describe it in an architecture.yaml beside the weights and import the folder "
    "(docs/models.md, 'An architecture of your own')"
)
"""What to do about an architecture that is not in the table."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Our name of each foreign tensor that is used, and the two JSON files of the folder.

    `added` are counters of batches to write as 0. `by_order` when names were matched by order, which needs a proof.
    """

    names: Mapping[str, str]
    architecture: str
    config: Mapping[str, Any]
    preprocessor: Mapping[str, Any]
    headed: bool
    added: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    by_order: bool = False

    def facts(self, format: str) -> SourceFacts:
        """The facts for an importer: all of these are image models."""
        task = "image-classification" if self.headed else "image-feature-extraction"
        return SourceFacts(format=format, architecture=self.architecture, modality=Modality.IMAGE, task=task)

    def write(self, target: Path) -> None:
        """Write config.json and preprocessor_config.json into `target`."""
        for name, document in (("config.json", self.config), ("preprocessor_config.json", self.preprocessor)):
            (target / name).write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def known_architectures() -> str:
    """For messages: every architecture that a bare file of weights can be imported as, and how one is added."""
    return f"{', '.join(sorted({*KNOWN, *shipped_names()}))} or timm:<name>; if it is none of these, {ADDING}"


def fit(architecture: str, shapes: Shapes, *, ordered: bool = False) -> Fitted:
    """Match every tensor of `shapes` with the architecture's own; with `ordered` their order may show what they are.

    Raises: InvalidError for one that is not known or needs more than weights, MisfitError, MissingExtraError.
    """
    if architecture.startswith("timm:"):
        return _fit_timm(architecture, shapes)
    from adapters.torch.networks.candidates import candidates  # noqa: PLC0415 - most imports need no torch

    found = candidates(architecture)
    if not found:
        stock = architecture.startswith("transformers:")
        raise InvalidError(
            f"Weights alone cannot be imported as {architecture[:80]!r}",
            remedy="Put them into one folder with their config.json, and import the folder"
            if stock
            else f"Name one of {known_architectures()}",
        )
    return _fit_first(found, shapes, ordered=ordered)


def fit_entry(entry: Entry, shapes: Shapes, *, ordered: bool = False) -> Fitted:
    """As `fit`, for an architecture that a user describes. Raises: MisfitError, BadArtifactError."""
    from adapters.torch.networks.candidates import of_entry  # noqa: PLC0415 - most imports need no torch

    return _fit_first([of_entry(entry)], shapes, ordered=ordered)


def _fit_first(found: list[Candidate], shapes: Shapes, *, ordered: bool) -> Fitted:
    """By name the whole of a candidate, else its first layers, else by order. Raises: the first candidate's misfit."""
    from adapters.torch.networks.matching import are_known, match  # noqa: PLC0415 - most imports need no torch
    from adapters.torch.networks.ordering import match_by_order  # noqa: PLC0415 - as above

    faults: list[MisfitError] = []
    for partly in (False, True):
        for candidate in found:
            try:
                return _fitted(match(candidate, shapes, partly=partly))
            except MisfitError as error:
                faults.append(error)
    for candidate in found if ordered else ():
        if not are_known(candidate, shapes) and (matched := match_by_order(candidate, shapes)) is not None:
            return _fitted(matched)
    raise faults[len(found) - 1]  # a file of its own says most about what is missing


def _fitted(match: Any) -> Fitted:
    architecture, config = match.candidate.document(match.outputs)
    return Fitted(
        match.names,
        architecture,
        config,
        match.candidate.preprocessor,
        headed=match.outputs is not None,
        added=match.added,
        notes=match.notes,
        by_order=match.by_order,
    )


def fit_timm_folder(document: Mapping[str, Any], shapes: Shapes) -> Fitted:
    """The weights of a folder with timm's own config.json. Raises: as `fit`."""
    return _fit_timm(f"timm:{document['architecture']}", shapes, document)


def _fit_timm(architecture: str, shapes: Shapes, document: Mapping[str, Any] | None = None) -> Fitted:
    from adapters.torch.timm_models import fit_timm  # noqa: PLC0415 - most imports need no torch

    config, preprocessor, headed = fit_timm(architecture, shapes, document)
    return Fitted({name: name for name in shapes}, architecture, config, preprocessor, headed=headed)

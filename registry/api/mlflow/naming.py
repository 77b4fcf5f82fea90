"""What MLflow's clients call a model: `team.name`, or at the address of one team a name without it, as they spell it.

MLflow's names have capitals, spaces and dots, which ours have not. At the address of a team a name is read by folding
it: `Fraud Detector 2` is the model `fraud-detector-2` of that team. The spelling with which a model was created is kept
in a tag of it and shown at that address, if it still folds to the model's name: a tag can never make one model look
like another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.domain.catalog.picking import SPELLING
from registry.domain.names import AssetKind, Name, Reference, is_part
from registry.errors import BadNameError

_BETWEEN = re.compile("[^a-z0-9]+")
_EXACT = re.compile(r"models:/([^/@]+)(?:/([1-9][0-9]{0,8})|@(.+))")


@dataclass(frozen=True, slots=True)
class Naming:
    """The names at one address; `team` is empty where every team's models are."""

    team: str = ""

    def read(self, text: str) -> Name:
        """The model that a client means. Raises: BadNameError."""
        if self.team:
            return Name(self.team, fold(text))
        team, separator, name = text.replace("/", ".", 1).partition(".")
        if not separator:
            raise BadNameError(
                f"{text[:120]!r} is a name without a team",
                remedy="Write team.name, for example vision.digits, or set MLFLOW_REGISTRY_URI to the address of the "
                "team, which ends in /teams/TEAM",
            )
        return Name(team, name)

    def write(self, name: Name, spelling: str = "") -> str:
        """What a client calls the model, whose tag of the spelling has the value `spelling`."""
        if not self.team:
            return f"{name.team}.{name.name}"
        return spelling if spelling and _folds_to(spelling, name) else name.name

    def spelled(self, text: str) -> dict[str, str]:
        """The tag that keeps how a new model was spelled; none where its name is spelled so. Raises: BadNameError."""
        return {SPELLING: text} if self.team and self.read(text).name != text else {}

    def reference(self, text: str) -> Reference:
        """The version that `models:/name/3` means here, or `models:/team/name/3` anywhere.

        Raises: BadReferenceError, BadNameError.
        """
        short = _EXACT.fullmatch(text) if self.team else None
        if short is None:
            return Reference.parse(text, kind=AssetKind.MODELS)
        return Reference(AssetKind.MODELS, self.read(short[1]), int(short[2]) if short[2] else None, short[3])


def fold(text: str) -> str:
    """The name of ours that a name of MLflow's stands for. Raises: BadNameError for one that stands for none."""
    if not text.isascii() or not text.isprintable() or "/" in text or ":" in text:
        raise BadNameError(
            f"{text[:120]!r} is not a name of a model",
            remedy="Use letters, digits, spaces and what stands between words",
        )
    folded = _BETWEEN.sub(lambda run: "_" if set(run[0]) == {"_"} else "-", text.lower()).strip("-_")
    if not is_part(folded):
        raise BadNameError(f"{text[:120]!r} is not a name of a model", remedy="Use letters or digits")
    return folded


def _folds_to(spelling: str, name: Name) -> bool:
    try:
        return fold(spelling) == name.name
    except BadNameError:
        return False

"""MLflow keeps prompts among models, by a tag. Here are none: neither made, nor shown, whatever a filter asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry.api.mlflow.grammar import Clause
from registry.api.mlflow.refusals import not_offered

PROMPT = "mlflow.prompt.is_prompt"
"""The tag of a prompt."""
_ASKING = {("=", "true"), ("!=", "false")}


def refuse_prompts(tags: Iterable[str]) -> None:
    """Raises: MlflowError where a tag would make a prompt."""
    if PROMPT in tags:
        raise not_offered(
            "Prompts are not kept here: they have no weights to govern",
            remedy="Keep them in the registry of your tracking server: mlflow.set_registry_uri",
        )


def without_prompts(clauses: Sequence[Clause]) -> list[Clause] | None:
    """The clauses but for those that only ask for no prompts; None where prompts are asked for."""
    for clause in clauses:
        if clause.tag and clause.key == PROMPT and (clause.operator, str(clause.value).lower()) in _ASKING:
            return None
    return [clause for clause in clauses if not (clause.tag and clause.key == PROMPT)]

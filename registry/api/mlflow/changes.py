"""The routes by which MLflow's clients change something; what the rules do not allow is refused with the reason."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from registry.api.mlflow.prompts import refuse_prompts
from registry.api.mlflow.refusals import not_offered
from registry.api.mlflow.routes import API, MlflowRoute, Showing, Wanted
from registry.api.mlflow.showing import STAGES, Shown, stage_of
from registry.domain.catalog.models import PRODUCTION, RETIRED, Describing
from registry.domain.governance.promotion import StageOption
from registry.domain.names import Reference, check_alias
from registry.errors import (
    InvalidError,
    PolicyRefusedError,
    RefusedError,
)

_RESERVED = re.compile(r"latest|v[0-9]+", re.IGNORECASE)
router = APIRouter(route_class=MlflowRoute, include_in_schema=False)
DONE: dict[str, str] = {}
"""The answer to a change that gives nothing back."""
_SHOWN = {PRODUCTION: "Production", RETIRED: "Archived"}
"""MLflow's names of the stages that it has too."""


@router.patch(f"{API}/registered-models/update", response_model=None)
def update_model(shown: Showing, asked: Wanted) -> Response:
    """Another description."""
    name, catalog = asked.named, shown.registry.catalog
    one = catalog.model(name).summary
    licence = one.version.licence if one.version else "unknown"
    catalog.describe(name, Describing(one.task, one.modality, licence, one.origin, asked.description or "", one.tags))
    return JSONResponse({"registered_model": shown.model(name)})


@router.post(f"{API}/registered-models/rename", response_model=None)
def rename_model(shown: Showing, asked: Wanted) -> Response:
    """Refused: a name means one model for ever."""
    name = asked.named
    asked.need("new_name")
    shown.registry.catalog.model(name)
    raise RefusedError(f"The registered model {name} keeps its name", remedy="Votes, audit entries and cards name it")


@router.delete(f"{API}/registered-models/delete", response_model=None)
def delete_model(shown: Showing, asked: Wanted) -> Response:
    """Delete a model whose versions are not in use."""
    shown.registry.catalog.delete(asked.whole)
    return JSONResponse(DONE)


@router.delete(f"{API}/model-versions/delete", response_model=None)
def delete_version(shown: Showing, asked: Wanted) -> Response:
    """Delete a version that is not in use."""
    shown.registry.catalog.delete(asked.exact)
    return JSONResponse(DONE)


@router.post(f"{API}/registered-models/set-tag", response_model=None)
def set_model_tag(shown: Showing, asked: Wanted) -> Response:
    """Set a tag of a model."""
    return _tag(shown, asked.whole, asked.need("key"), asked.value or "")


@router.post(f"{API}/model-versions/set-tag", response_model=None)
def set_version_tag(shown: Showing, asked: Wanted) -> Response:
    """Set a tag of a version."""
    return _tag(shown, asked.exact, asked.need("key"), asked.value or "")


@router.delete(f"{API}/registered-models/delete-tag", response_model=None)
def delete_model_tag(shown: Showing, asked: Wanted) -> Response:
    """Remove a tag of a model."""
    return _tag(shown, asked.whole, asked.need("key"), None)


@router.delete(f"{API}/model-versions/delete-tag", response_model=None)
def delete_version_tag(shown: Showing, asked: Wanted) -> Response:
    """Remove a tag of a version."""
    return _tag(shown, asked.exact, asked.need("key"), None)


@router.post(f"{API}/registered-models/alias", response_model=None)
def set_alias(shown: Showing, asked: Wanted) -> Response:
    """Move an alias; a protected one follows a promotion, and is refused with the reason."""
    alias = asked.need("alias")
    if _RESERVED.fullmatch(alias):
        raise InvalidError(f"The alias {alias!r} is reserved in MLflow", remedy="Choose another word")
    shown.registry.catalog.set_alias(asked.exact, alias)
    return JSONResponse(DONE)


@router.delete(f"{API}/registered-models/alias", response_model=None)
def delete_alias(shown: Showing, asked: Wanted) -> Response:
    """Remove an alias. One that is not there is no error: MLflow's clients expect none."""
    name, alias = asked.named, check_alias(asked.need("alias"))
    if any(one.alias == alias for one in shown.registry.catalog.model(name).aliases):
        shown.registry.catalog.drop_alias(name, alias)
    return JSONResponse(DONE)


@router.patch(f"{API}/model-versions/update", response_model=None)
def update_version(shown: Showing, asked: Wanted) -> Response:
    """Another card: MLflow's description of a version."""
    shown.registry.catalog.revise_card(asked.exact, asked.description or "")
    return JSONResponse({"model_version": shown.version(asked.exact)})


@router.post(f"{API}/model-versions/transition-stage", response_model=None)
def transition(shown: Showing, asked: Wanted) -> Response:
    """Move as a promotion request does where the policy in force asks for nothing; else refused with what it asks."""
    stage = {one.lower(): one for one in STAGES}.get(asked.need("stage").lower())
    if stage is None:
        raise InvalidError(f"{asked.need('stage')[:80]!r} is not a stage", remedy=f"Give {', '.join(STAGES)}")
    if asked.archive_existing_versions and stage not in {"Staging", "Production"}:
        raise InvalidError("Versions are archived only by a transition to Staging or Production")
    detail = shown.registry.catalog.version(asked.exact)
    if stage_of(detail.summary) == stage and not asked.archive_existing_versions:
        return JSONResponse({"model_version": shown.detailed(detail)})
    options = [one for one in shown.registry.promotions.options(asked.exact) if _shown(one.stage) == stage]
    free = next((one for one in options if not one.reasons), None)
    if free is None or asked.archive_existing_versions:
        raise PolicyRefusedError(f"{detail.summary.ref} stays in its stage", _missing(options))
    shown.registry.promotions.request(asked.exact, free.stage, comment="Asked for by a client of MLflow")
    return JSONResponse({"model_version": shown.version(asked.exact)})


@router.api_route(f"{API}/webhooks", methods=["GET", "POST"], response_model=None)
@router.api_route(f"{API}/webhooks/{{webhook}}", methods=["GET", "PATCH", "DELETE"], response_model=None)
@router.post(f"{API}/webhooks/{{webhook}}/test", response_model=None)
def webhooks() -> Response:
    """Refused: they are not set up in this way."""
    raise not_offered(
        "Webhooks are not set up through MLflow", remedy="Set one up with: forebear webhook add URL --on 'recall.*'"
    )


def _tag(shown: Shown, target: Reference, key: str, value: str | None) -> Response:
    if value is not None:
        refuse_prompts([key])
    shown.registry.catalog.tag(target, {key: value})
    return JSONResponse(DONE)


def _shown(stage: str) -> str:
    return _SHOWN.get(stage, "Staging")


def _missing(options: Sequence[StageOption]) -> tuple[str, ...]:
    """What a promotion would still need, under the policy in force."""
    reasons = [
        f"{option.stage}: {reason}"
        for option in options
        for reason in option.reasons or ("nothing is missing but the request, which archives no other version",)
    ]
    return ("stages move by promotion: forebear promote request", *reasons)

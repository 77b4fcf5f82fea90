"""The routes by which MLflow's clients change something; what the rules do not allow is refused with the reason."""

from __future__ import annotations

import re

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from registry.api.mlflow.prompts import refuse_prompts
from registry.api.mlflow.refusals import not_offered
from registry.api.mlflow.routes import API, MlflowRoute, Showing, Wanted
from registry.api.mlflow.showing import Shown
from registry.api.mlflow.stages import transition as move
from registry.domain.catalog.models import MAX_VALUE, Describing
from registry.domain.catalog.picking import SPELLING
from registry.domain.names import Reference, check_alias
from registry.domain.verbs.catalog import NewModel
from registry.errors import InvalidError

_RESERVED = re.compile(r"latest|v[0-9]+", re.IGNORECASE)
router = APIRouter(route_class=MlflowRoute, include_in_schema=False)
DONE: dict[str, str] = {}
"""The answer to a change that gives nothing back."""


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
    """Another name for a model that has no version; refused for every other, whose name means it for ever."""
    name, before = asked.named, shown.registry.catalog.model(asked.named).summary
    new, spelled = shown.naming.read(asked.need("new_name")), shown.naming.spelled(asked.need("new_name"))
    if new == name and before.tags.get(SPELLING) != spelled.get(SPELLING):
        shown.registry.catalog.tag(asked.whole, {SPELLING: spelled.get(SPELLING)})
    elif new != name:
        tags = {key: value for key, value in before.tags.items() if key != SPELLING} | spelled
        shown.registry.catalog.create(NewModel(new, before.description, tags, instead_of=name))
    return JSONResponse({"registered_model": shown.model(new)})


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
    """Archive, bring back, or move as a promotion request does where the policy in force asks for nothing."""
    move(shown, asked.exact, asked.need("stage"), archive=asked.archive_existing_versions)
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
        if len(value) > MAX_VALUE:
            raise InvalidError(
                f"'value' exceeds the maximum length of {MAX_VALUE} characters", remedy=f"It has {len(value):,}"
            )
    shown.registry.catalog.tag(target, {key: value})
    return JSONResponse(DONE)

"""Where a token that is limited to teams, or to one transfer step, may be used. Every other address is refused.

The limit is checked by the address of a request, before anything else is done with it. What names its object in the
body (a recipe, a request for promotion, MLflow's protocol) is therefore refused, whatever it names. A parameter with a
slash in it may name something too, such as the second version of a comparison.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from registry.domain.transfers.steps import StepState
from registry.domain.verbs.registry import Registry
from registry.errors import PermissionDeniedError

_ALWAYS = frozenset({"/api/v1/me", "/api/v1/openapi.json", "/api/whoami-v2", "/v2/", "/v2"})
"""Who somebody is, and what there is to ask."""
_OF_A_TEAM = tuple(
    re.compile(form)
    for form in (
        "/api/v1/(?:models|datasets)/([^/]+)/.+",
        "/api/(?:models|datasets)/([^/]+)/.+",
        "/([^/]+)/[^/]+/resolve/.+",
        "/datasets/([^/]+)/[^/]+/resolve/.+",
        "/v2/([^/]+)/[^/]+/(?:manifests|blobs|tags|referrers)/.+",
    )
)
_REFERENCE = re.compile("^(?:models|datasets):/")
_VERSION = re.compile("/api/v1/(models|datasets)/([^/]+/[^/]+)/versions/([1-9][0-9]{0,8})(?:/.*)?")

_UPLOAD = re.compile("/api/v1/(?:models|datasets)/([^/]+/[^/]+)/uploads(?:/[0-9a-f]{64})?")


def check_reach(registry: Registry, method: str, path: str, parameters: Iterable[str] = ()) -> None:
    """Raises: PermissionDeniedError where the token of the actor is limited, and this is somewhere else."""
    reach = registry.actor.reach
    if not reach.limited or path in _ALWAYS:
        return
    if reach.enrolment:
        if (method, path) == ("POST", f"/api/v1/people/{registry.actor.handle}/tokens"):
            return
        raise PermissionDeniedError(
            f"This token of {registry.actor.handle} only makes another, and {method} {path[:120]} is something else",
            remedy=f"Make it: forebear token create {registry.actor.handle}",
        )
    named = {_REFERENCE.sub("", one).partition("/")[0] for one in parameters if "/" in one}
    inside = _is_of_step(registry, method, path) if reach.step else _is_of_teams(reach.teams, path)
    if not inside or not named <= set(reach.teams):
        raise PermissionDeniedError(
            f"This token of {registry.actor.handle} is limited to {reach}, and {method} {path[:120]} is outside of it",
            remedy="Use a token without that limit: forebear token create",
            facts={"teams": list(reach.teams), "step": reach.step},
        )


def _is_of_teams(teams: tuple[str, ...], path: str) -> bool:
    """Every team that the address may mean is one of them."""
    meant = {match[1] for form in _OF_A_TEAM if (match := form.fullmatch(path))}
    return bool(meant) and meant <= set(teams)


def _is_of_step(registry: Registry, method: str, path: str) -> bool:
    """The step itself, reading the versions that go into it and come out of it, and while it runs, uploads for it."""
    step = registry.actor.reach.step
    at = f"/api/v1/transfers/{step}"
    if path == at or path.startswith(f"{at}/"):
        return True
    if upload := _UPLOAD.fullmatch(path):
        summary = registry.transfers.step(step).summary
        return summary.state is StepState.RUNNING and upload[1] == str(summary.wanted)
    match = _VERSION.fullmatch(path)
    if match is None or method not in {"GET", "HEAD"}:
        return False
    detail = registry.transfers.step(step)
    known = {str(one.ref) for one in detail.inputs} | {str(detail.summary.output)}
    return f"{match[1]}:/{match[2]}/{match[3]}" in known

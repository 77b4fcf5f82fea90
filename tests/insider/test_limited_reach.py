"""A token that is limited to a team or to one transfer step is refused at every other address, by every protocol."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from registry.domain.names import Reference, VersionRef
from registry.domain.people.people import Actor, Reach, Scope
from registry.domain.transfers.steps import StepDetail
from registry.errors import InvalidError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from registry.services.governance.reviews.own_account import check_sign_in
from registry.services.people.sessions import Sessions
from tests.registry.api.test_attacks import filled, names_of, operations
from tests.registry.services.teams import Team
from tests.serving import ServedRegistry, problem

API = "/api/v1"
OPEN = {f"{API}/me", f"{API}/openapi.json", f"{API}/sign-in/token", f"{API}/device", f"{API}/device/token"}
"""Who somebody is, and where a token that is sent along says nothing."""
OTHERS = ["/api/models", "/api/datasets", "/api/2.0/mlflow/registered-models/search", "/", "/people", "/audit"]


def held(served: ServedRegistry, *teams: str, step: str = "", scope: Scope = Scope.ADMIN) -> ServedRegistry:
    """The same server, with a limited token for ana, who is an admin."""
    people = served.family.registry("ana").people
    made = people.create_token("ana", label="limited", scope=scope, teams=teams, step=step)
    tokens = {**served.family.tokens, "ana": made.secret}
    return replace(served, family=replace(served.family, tokens=tokens))


def made_by(served: ServedRegistry, ref: VersionRef) -> StepDetail:
    """The step that made a version."""
    ana = served.family.registry("ana")
    return ana.transfers.step(ana.catalog.version(Reference.parse(str(ref))).step)


def refused(client: TestClient, method: str, path: str) -> bool:
    answer = client.request(method, path)
    return answer.status_code == 403 and "is limited to" in answer.text


@pytest.mark.parametrize("limit", ["team", "step"])
def test_every_route_outside_of_the_limit_is_refused(own_served: ServedRegistry, limit: str) -> None:
    step = made_by(own_served, own_served.family.child).summary.id
    names = {**names_of(own_served), "team": "vision", "name": "digits"}
    few = held(own_served, "edge") if limit == "team" else held(own_served, step=step)
    client, open_to = few.client("ana"), set[str]()
    before = own_served.client("ana").get(f"{API}/audit/verify").json()["head"]
    for method, path, _ in operations(own_served):
        where = filled(path, **{**names, "step": "step-01kaq000000000000000000000"})
        if where not in OPEN and not refused(client, method.upper(), where):
            open_to.add(f"{method} {path}")
    inputs = {one for one in open_to if one.startswith(("get", "head")) and "/versions/{version}" in one}
    assert open_to == (inputs if limit == "step" else set()), "an address is open to a token of another team or step"
    assert own_served.client("ana").get(f"{API}/audit/verify").json()["head"] == before
    for one in OTHERS:
        assert refused(client, "GET", one), one
    told = (
        {"teams": ["edge"], "step": "", "enrolment": False}
        if limit == "team"
        else {"teams": [], "step": step, "enrolment": False}
    )
    assert client.get(f"{API}/me").json()["reach"] == {**told, "enrolment": False}


def test_a_token_of_a_team_reads_and_changes_what_is_of_that_team_by_every_protocol(own_served: ServedRegistry) -> None:
    vision, edge = held(own_served, "vision").client("ana"), held(own_served, "edge").client("ana")
    for path in (
        f"{API}/models/vision/digits",
        f"{API}/models/vision/digits/versions/1/files/config.json",
        "/api/models/vision/digits/revision/1",
        "/vision/digits/resolve/1/config.json",
        "/v2/vision/digits/tags/list",
    ):
        plain = own_served.client("ana").get(path)
        assert not refused(vision, "GET", path), path
        assert vision.get(path).status_code == plain.status_code, path
        assert refused(edge, "GET", path), path
    assert vision.patch(f"{API}/models/vision/digits/tags", json={"tags": {"a": "b"}}).status_code == 204
    assert edge.patch(f"{API}/models/vision/digits/tags", json={"tags": {"a": "b"}}).status_code == 403


def test_an_address_that_could_mean_two_teams_needs_both(own_served: ServedRegistry) -> None:
    path = "/datasets/vision/resolve/resolve/x"
    assert refused(held(own_served, "vision").client("ana"), "GET", path)
    assert held(own_served, "vision", "datasets").client("ana").get(path).status_code == 404


def test_a_parameter_leads_to_no_other_team(own_served: ServedRegistry) -> None:
    vision = held(own_served, "vision").client("ana")
    path = f"{API}/models/vision/digits/versions/1/difference?weights=false&other="
    assert vision.get(f"{path}models:/vision/digits/2").status_code == 200
    for other in ("models:/edge/digits-small/1", "edge/digits-small/1", "models:/edge/digits-small@x"):
        assert refused(vision, "GET", path + other), other


def test_a_token_of_a_step_reads_the_step_and_the_files_that_go_into_it(own_served: ServedRegistry) -> None:
    step = made_by(own_served, own_served.family.child)
    client = held(own_served, step=step.summary.id, scope=Scope.CONTRIBUTE).client("ana")
    assert client.get(f"{API}/transfers/{step.summary.id}").status_code == 200
    assert refused(client, "GET", f"{API}/transfers/{made_by(own_served, own_served.family.backbone).summary.id}")
    for one in step.inputs:
        assert client.get(f"{API}/{one.ref.kind}/{one.ref.name}/versions/{one.ref.number}").status_code == 200
    assert refused(client, "PATCH", f"{API}/models/vision/digits/versions/1/tags")
    assert refused(client, "GET", f"{API}/models/edge/digits-small/versions/1")


def test_a_limited_token_signs_in_no_browser_and_makes_no_token(own_served: ServedRegistry) -> None:
    few = held(own_served, "vision")
    answer = few.client().post("/sign-in", data={"token": few.family.tokens["ana"]})
    assert answer.status_code == 401
    assert "limited to the team vision, so it is for programs" in answer.text
    said = problem(few.client("ana").post(f"{API}/people/ana/tokens", json={"label": "more"}))
    assert said["facts"]["teams"] == ["vision"]


def test_a_limited_token_is_no_fresh_sign_in(team: Team) -> None:
    made = team.people("ben").create_token("ben", label="ci", teams=["vision"])
    assert Sessions(team.context("root")).authenticate(made.secret) == Actor(
        "ben", frozenset({"validator"}), reach=Reach(("vision",))
    )
    with team.open_uow(actor="ben") as uow, pytest.raises(UnauthenticatedError, match="limited to the team vision"):
        check_sign_in(uow, team.context("ben"), made.secret, "This")
    context = team.context("ben")
    limited = type(team.people("ben"))(context.as_actor(replace(context.actor, reach=Reach(("vision",)))))
    with pytest.raises(PermissionDeniedError, match="limited to the team vision makes and ends no tokens"):
        limited.create_token("ben", label="more")


@pytest.mark.parametrize(
    ("teams", "step", "why"),
    [
        (["Vision"], "", "'Vision' is not the name of a team"),
        (["a,b"], "", "is not the name of a team"),
        ([""], "", "is not the name of a team"),
        (["vision"], "step-01kaq000000000000000000000", "not to both"),
        ([], "tok-01kaq000000000000000000000", "is not the id of a step"),
        ([f"t{one}" for one in range(21)], "", "20 teams at most"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(team: Team, teams: list[str], step: str, why: str) -> None:
    with pytest.raises(InvalidError, match=re.escape(why)):
        team.people("ana").create_token("ana", label="ci", teams=teams, step=step)


def test_a_token_of_a_step_that_does_not_exist_is_not_made(team: Team) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        team.people("ana").create_token("ana", label="gpu", step="step-01kaq000000000000000000000")

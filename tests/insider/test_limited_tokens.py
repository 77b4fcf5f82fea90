"""Who has somebody's limited token gets no further than its scope, whatever that person may do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.domain.people.people import Scope
from registry.errors import PermissionDeniedError
from registry.services.governance.verbs import Promotions
from tests.registry.api.needs import NEEDS
from tests.registry.api.test_attacks import filled, names_of, needed_of, operations, send
from tests.registry.services.teams import Team, bring_to, ref_of
from tests.serving import ServedRegistry, form_token, problem

MODEL = "/api/v1/models/vision/digits/versions/1"
DATA = "/api/v1/datasets/vision/digits/versions/1"
FILES = "/api/v1/models/{team}/{name}/versions/{version}/files/{path}"
PULL = "/api/v1/models/{team}/{name}/versions/{version}/pull"
INPUT = "/api/v1/transfers/inputs/{reading}"
ALLOWED = {"edit": Scope.CONTRIBUTE, "admin": Scope.ADMIN}
"""By what a route needs, the least scope that can be enough."""

DECIDING = ("/suspend", "/recall", "/recalls", "/confirm", "/reverse", "/erasure")
"""What of the deeds of admins those who decide do too."""


def limited(served: ServedRegistry, scope: Scope) -> ServedRegistry:
    """The same server, with a token of this scope for ana, who is an admin and may decide."""
    made = served.family.registry("ana").people.create_token("ana", label=f"only {scope}", scope=scope)
    tokens = {**served.family.tokens, "ana": made.secret}
    return replace(served, family=replace(served.family, tokens=tokens))


@pytest.mark.parametrize("scope", [Scope.READ, Scope.USE, Scope.CONTRIBUTE, Scope.VOTE])
def test_no_route_does_more_than_the_scope_of_the_token_lets_through(own_served: ServedRegistry, scope: Scope) -> None:
    names, held = names_of(own_served), limited(own_served, scope)
    head = own_served.client("ana").get("/api/v1/audit/verify").json()["head"]
    for (method, path), (need, body) in NEEDS.items():
        decides = scope is Scope.VOTE and path.endswith(DECIDING)
        if need in ALLOWED and not scope.includes(ALLOWED[need]) and not decides:
            said = problem(send(held, "ana", method, filled(path, **names), body))
            assert said["status"] == 403, (method, path, said)
    assert own_served.client("ana").get("/api/v1/audit/verify").json()["head"] == head


def test_who_may_only_see_gets_no_bytes_and_everything_else(own_served: ServedRegistry) -> None:
    names, held = names_of(own_served), limited(own_served, Scope.READ).client("ana")
    full, closed = own_served.client("ana"), set[str]()
    for method, path, said in operations(own_served):
        if method == "get" and not path.endswith("/events") and "/token" not in path:
            where, params = filled(path, **names), needed_of(said)
            answer = held.get(where, params=params)
            if answer.status_code != full.get(where, params=params).status_code:
                facts = problem(answer)["facts"]
                assert facts["scope"] == "read"
                if facts["permission"] == "use":
                    closed.add(path)
    assert closed == {FILES, PULL, INPUT}, "one of those that give bytes is open, or another is closed"
    data = full.get(DATA).json()["files"][0]["path"]
    assert (held.get(f"{DATA}/files/{data}").status_code, full.get(f"{DATA}/files/{data}").status_code) == (403, 200)
    assert held.get("/vision/digits/resolve/1/config.json").status_code == 403, "the Hub's door"
    assert held.get("/api/v1/me").json()["scope"] == "read"
    assert limited(own_served, Scope.USE).client("ana").get(f"{MODEL}/files/config.json").status_code == 200


def test_a_session_that_began_with_a_limited_token_is_limited(own_served: ServedRegistry) -> None:
    browser = limited(own_served, Scope.USE).browser("ana")
    csrf = form_token(browser.get("/people").text)
    assert browser.post("/people/roles", data={"csrf": csrf}).status_code != 200
    answer = browser.post("/models/vision/digits/versions/1/status", data={"csrf": csrf, "status": "archived"})
    assert answer.status_code in {403, 404}
    assert own_served.client("ana").get(MODEL).json()["summary"]["status"] == "active"


@pytest.mark.parametrize("scope", [one for one in Scope if one is not Scope.ADMIN])
def test_a_limited_token_makes_no_token_and_ends_none(own_served: ServedRegistry, scope: Scope) -> None:
    held = limited(own_served, scope).client("ana")
    said = problem(held.post("/api/v1/people/ana/tokens", json={"label": "longer", "days": 3650, "scope": scope}))
    assert said["status"] == 403
    mine = own_served.client("ana").get("/api/v1/people/ana/tokens").json()["items"]
    assert problem(held.delete(f"/api/v1/tokens/{mine[-1]['id']}"))["status"] == 403
    assert own_served.client("ana").get("/api/v1/me").status_code == 200


def test_a_token_that_contributes_does_not_vote(team: Team) -> None:
    ref = team.publish("vision/digits")
    bring_to(team, ref, "candidate")
    asked = team.promotions("ana").request(ref_of(ref), "validated")
    ben = team.context("ben")
    contributes = Promotions(replace(ben, actor=replace(ben.actor, scope=Scope.CONTRIBUTE)))
    refused = pytest.raises(PermissionDeniedError, match="has the scope contribute, and this needs the scope vote")
    with refused:
        contributes.approve(asked.summary.id)
    with refused:
        contributes.reject(asked.summary.id, comment="no")
    assert team.promotions("ben").approve(asked.summary.id).summary.state == "promoted"

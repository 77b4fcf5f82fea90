"""Promotions, policies, people and the audit chain over HTTP."""

from __future__ import annotations

import json

from registry.domain.audit import AuditReport
from registry.domain.codec import from_json, schema_of
from registry.domain.governance.promotion import AddedEvidence, PolicyValue, RequestDetail
from registry.domain.people.people import NewToken, Person
from tests.registry.json_schema import misfits
from tests.serving import ServedRegistry, problem

API = "/api/v1"


def test_two_people_agree_and_the_version_moves(own_served: ServedRegistry) -> None:
    path = f"{API}/promotions/{own_served.family.request.summary.id}"
    asked = from_json(RequestDetail, own_served.client("ben").get(path).json())
    assert not asked.verdict.allowed
    assert misfits(own_served.client("ben").get(path).json(), schema_of(RequestDetail)) == []
    own = problem(own_served.client("dev").post(f"{path}/approve", json={"comment": "mine"}))
    assert (own["status"], own["code"]) == (403, "policy-refused")
    done = from_json(RequestDetail, own_served.client("ben").post(f"{path}/approve", json={"comment": "good"}).json())
    assert done.summary.state == "promoted"
    version = own_served.client("vic").get(f"{API}/models/vision/digits/versions/2").json()
    assert version["summary"]["stage"] == "validated"
    again = problem(own_served.client("ben").post(f"{path}/approve", json={}))
    assert again["status"] in {403, 409}


def test_what_may_follow_for_a_version_and_what_may_be_added_about_it(own_served: ServedRegistry) -> None:
    client, query = own_served.client("dev"), {"reference": "models:/vision/digits/2"}
    (option,) = client.get(f"{API}/promotions/options", params=query).json()
    assert (option["stage"], option["request"]) == ("validated", own_served.family.request.summary.id)
    types = client.get(f"{API}/promotions/evidence-types", params=query).json()
    assert [one["name"] for one in types] == ["model_card", "other"], "whoever made a version does not validate it"
    found = client.get(f"{API}/promotions", params=query).json()["items"]
    assert {one["ref"] for one in found} == {"models:/vision/digits/2"}


def test_a_refusal_carries_every_reason(own_served: ServedRegistry) -> None:
    wanted = {"reference": "models:/vision/digits/1", "to_stage": "production"}
    body = problem(own_served.client("dev").post(f"{API}/promotions", json=wanted))
    assert (body["status"], body["code"]) == (403, "policy-refused")
    assert body["facts"]["reasons"]


def test_a_request_is_rejected_or_withdrawn(own_served: ServedRegistry) -> None:
    path = f"{API}/promotions/{own_served.family.request.summary.id}"
    assert problem(own_served.client("vic").post(f"{path}/withdraw"))["status"] == 403
    withdrawn = own_served.client("dev").post(f"{path}/withdraw").json()
    assert withdrawn["summary"]["state"] == "withdrawn"
    wanted = {"reference": "models:/vision/digits/2", "to_stage": "validated"}
    opened = own_served.client("dev").post(f"{API}/promotions", json=wanted)
    assert opened.status_code == 201
    path = f"{API}/promotions/{opened.json()['summary']['id']}"
    rejected = own_served.client("ben").post(f"{path}/reject", json={"comment": "4 and 9"}).json()
    assert (rejected["summary"]["state"], rejected["votes"][0]["comment"]) == ("rejected", "4 and 9")
    closed = own_served.client("vic").get(f"{API}/promotions", params={"name": "vision/digits", "state": "rejected"})
    assert [one["id"] for one in closed.json()["items"]] == [opened.json()["summary"]["id"]]


def test_evidence_comes_as_facts_or_with_a_file(own_served: ServedRegistry) -> None:
    client, path = own_served.client("ben"), f"{API}/models/vision/digits/versions/2/evidence"
    before = len(client.get(path).json())
    facts = client.post(path, json={"type": "validation", "body": {"result": "pass"}})
    assert (facts.status_code, from_json(AddedEvidence, facts.json()).body) == (201, {"result": "pass"})
    details = (None, json.dumps({"type": "validation", "body": {"result": "pass"}}))
    sent = client.post(path, files=[("details", details), ("file", ("report.pdf", b"%PDF-1.7"))])
    assert (sent.status_code, sent.json()["file_name"]) == (201, "report.pdf")
    assert len(client.get(path).json()) == before + 2
    two = client.post(path, files=[("details", details), ("file", ("a", b"1")), ("file", ("b", b"2"))])
    assert problem(two)["code"] == "bad-request"


def test_policies_are_checked_published_and_shown(own_served: ServedRegistry) -> None:
    client = own_served.client("ana")
    value = from_json(PolicyValue, client.get(f"{API}/policies/default").json())
    assert [one["name"] for one in client.get(f"{API}/policies").json()] == ["default"]
    text = value.text.replace("version: 3", "version: 4", 1)
    assert client.post(f"{API}/policies/check", content=text).json()["version"] == 4
    wrong = problem(client.post(f"{API}/policies/check", content=text.replace("quorum: 1", "quroum: 1", 1)))
    assert wrong["code"] == "bad-policy"
    assert "Line " in wrong["detail"]
    assert "quorum" in wrong["detail"]
    assert problem(own_served.client("ben").post(f"{API}/policies", content=text))["code"] == "permission-denied"
    assert client.post(f"{API}/policies", content=text).status_code == 201
    assert problem(client.post(f"{API}/policies", content=text))["status"] == 409
    assert client.get(f"{API}/policies/default", params={"version": 3}).json()["version"] == 3
    assert problem(client.post(f"{API}/policies/check", content=b"\xff\xfe"))["code"] == "bad-request"


def test_people_roles_and_tokens(own_served: ServedRegistry) -> None:
    admin = own_served.client("ana")
    assert admin.post(f"{API}/people", json={"handle": "eve", "name": "Eve"}).status_code == 201
    person = from_json(Person, admin.put(f"{API}/people/eve/roles/developer").json())
    assert person.roles == ("developer",)
    made = admin.post(f"{API}/people/eve/tokens", json={"label": "laptop", "days": 3})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    token = from_json(NewToken, made.json())
    eve = own_served.client()
    eve.headers["Authorization"] = f"Bearer {token.secret}"
    told = {"handle": "eve", "roles": ["developer"], "service": False, "token": token.summary.id, "scope": "admin"}
    assert eve.get(f"{API}/me").json() == {**told, "reach": {"teams": [], "step": "", "enrolment": False}}
    mine = eve.get(f"{API}/tokens", params={"person": "eve"})
    assert token.secret not in mine.text
    assert problem(eve.get(f"{API}/tokens"))["code"] == "permission-denied"
    assert problem(eve.put(f"{API}/people/eve/roles/admin"))["code"] == "permission-denied"
    assert eve.delete(f"{API}/tokens/{token.summary.id}").json()["revoked_at"]
    assert problem(eve.get(f"{API}/me"))["status"] == 401
    assert admin.delete(f"{API}/people/eve/roles/developer").json()["roles"] == []
    assert {one["handle"] for one in admin.get(f"{API}/people").json()["items"]} >= {"ana", "eve"}


def test_a_role_that_votes_is_offered_by_one_person_and_confirmed_by_another(own_served: ServedRegistry) -> None:
    admin = own_served.client("ana")
    admin.post(f"{API}/people", json={"handle": "eve", "name": "Eve"})
    offered = from_json(Person, admin.put(f"{API}/people/eve/roles/validator").json())
    assert (offered.roles, offered.offered) == ((), ("validator",))
    assert problem(admin.post(f"{API}/people/eve/roles/validator/confirm"))["status"] == 403
    confirmed = own_served.client("ben").post(f"{API}/people/eve/roles/validator/confirm")
    assert from_json(Person, confirmed.json()).roles == ("validator",)


def test_the_chain_is_searched_verified_and_exported(served: ServedRegistry) -> None:
    client = served.client("ana")
    report = from_json(AuditReport, client.get(f"{API}/audit/verify").json())
    assert report.intact
    found = client.get(f"{API}/audit", params={"action": "promotion.requested"}).json()["items"]
    assert {one["subject"] for one in found} == {"models:/vision/digits/2"}
    export = client.get(f"{API}/audit/export")
    lines = [json.loads(line) for line in export.text.splitlines()]
    assert len(lines) == report.entries
    assert export.headers["content-type"] == "application/jsonl"


def test_an_id_that_cannot_be_one_is_not_found(served: ServedRegistry) -> None:
    client = served.client("ana")
    for path in ("promotions/req-1", "promotions/..%2f..", "transfers/step-x", "promotions/req-" + "0" * 27):
        assert problem(client.get(f"{API}/{path}"))["code"] == "not-found"
    assert problem(client.get(f"{API}/transfers/step-{'0' * 26}"))["code"] == "not-found"


def test_a_second_token_acts_as_the_same_person(own_served: ServedRegistry) -> None:
    """dev asked for the promotion; another token, a session, and a vote after a vote add nobody."""
    path = f"/api/v1/promotions/{own_served.family.request.summary.id}/approve"
    dev = own_served.client("dev")
    for label in ("second", "third"):
        secret = dev.post("/api/v1/people/dev/tokens", json={"label": label}).json()["secret"]
        second = own_served.client()
        refused = problem(second.post(path, json={}, headers={"Authorization": f"Bearer {secret}"}))
        assert "nobody approves their own work" in refused["detail"]
    assert dev.get(path.removesuffix("/approve")).json()["votes"] == []


def test_what_a_decision_was_made_on_cannot_be_changed_unseen(own_served: ServedRegistry) -> None:
    request = own_served.family.request.summary.id
    ben, path = own_served.client("ben"), f"/api/v1/promotions/{request}"
    assert ben.post(f"{path}/approve", json={}).json()["summary"]["state"] == "promoted"
    entry = ben.get("/api/v1/audit", params={"subject": request, "action": "promotion.decided"}).json()["items"][0]
    name = entry["detail"]["case"].removeprefix("sha256:")
    (blob,) = (
        one for one in (own_served.family.home / "blobs").rglob("*") if one.is_file() and name.endswith(one.name)
    )
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes().replace(b'"ben"', b'"eve"'))
    assert problem(ben.get(path))["code"] == "integrity"

"""Entity tags: what is read has one, and a change may say which state of a thing it is about."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant

from registry.api.conditions import STATE
from tests.registry.api.needs import DESCRIBING, NEEDS
from tests.registry.api.test_attacks import filled, names_of, send
from tests.registry.api.test_uploads import BOUNDARY
from tests.serving import ServedRegistry, problem

MODEL = "/api/v1/models/vision/digits"
WRITES_NOTHING = {
    f"/api/v1/{path}"
    for path in (
        "models/{team}/{name}/uploads",
        "datasets/{team}/{name}/uploads",
        "recipes/check",
        "policies/check",
        "policies/test",
        "policies/diff",
        "policies/cases",
        "recalls/preview",
        "recalls/advisory",
        "lineage/identify",
        "webhooks/{webhook_id}/test",
        "people/{handle}/email/test",
        "sign-in/token",
        "device",
        "device/token",
    )
}


def states(served: ServedRegistry) -> dict[tuple[str, str], str]:
    """(method, path) of every route under conditions, and the address whose GET they are about."""
    found: dict[tuple[str, str], str] = {}
    routes: list[Any] = list(served.app.routes)
    for route in routes:
        contexts = route.effective_route_contexts() if hasattr(route, "effective_route_contexts") else (route,)
        for one in contexts:
            for of in conditions_of(getattr(one, "dependant", None)):
                found |= {(method.lower(), one.path): of for method in one.methods}
    return found


def conditions_of(dependant: Dependant | None) -> Iterator[str]:
    for inner in dependant.dependencies if dependant else ():
        if (of := getattr(inner.call, STATE, None)) is not None:
            yield of
        yield from conditions_of(inner)


def test_every_route_that_changes_something_knows_the_state_that_if_match_is_about(served: ServedRegistry) -> None:
    known = states(served)
    assert {(method, path) for method, path in NEEDS if path not in WRITES_NOTHING} == set(known)
    offered = served.app.openapi()["paths"]
    assert [of for of in known.values() if "get" not in offered[f"/api/v1{of}"]] == []


def test_a_change_of_what_has_changed_meanwhile_is_refused_and_changes_nothing(own_served: ServedRegistry) -> None:
    ana, names = own_served.client("ana"), names_of(own_served)
    before = ana.get("/api/v1/audit/verify").json()["head"]
    for method, path in states(own_served):
        sent = send(own_served, "ana", method, filled(path, **names), NEEDS[method, path][1], {"If-Match": '"old"'})
        said = problem(sent)
        assert (said["status"], said["code"]) == (412, "precondition-failed"), (method, path, said)
    assert ana.get("/api/v1/audit/verify").json()["head"] == before


def test_the_tag_that_get_gave_lets_every_change_through(own_served: ServedRegistry) -> None:
    names, let_through = names_of(own_served), []
    for (method, path), of in states(own_served).items():
        read = send(own_served, "ana", "get", filled(f"/api/v1{of}", **names), None)
        if read.status_code != 200:
            continue
        tag = read.headers["etag"]
        sent = send(own_served, "ana", method, filled(path, **names), NEEDS[method, path][1], {"If-Match": tag})
        assert sent.status_code != 412, (method, path, sent.text)
        let_through.append(path)
    assert len(let_through) > 20


def test_of_many_changes_of_the_same_state_one_is_made(own_served: ServedRegistry) -> None:
    tag = own_served.client("dev").get(MODEL).headers["etag"]

    def describe(number: int) -> int:
        body = DESCRIBING | {"description": f"By number {number}"}
        return own_served.client("dev").put(MODEL, json=body, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(describe, range(8))) == [200] + [412] * 7


def test_an_answer_that_the_client_has_already_is_not_sent_again(own_served: ServedRegistry) -> None:
    dev = own_served.client("dev")
    first = dev.get(MODEL)
    for known in (first.headers["etag"], f'"x", W/{first.headers["etag"]}', "*"):
        again = dev.get(MODEL, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    dev.patch(MODEL + "/tags", json={"tags": {"reviewed": "yes"}})
    changed = dev.get(MODEL, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


def test_if_none_match_with_a_star_moves_no_alias_that_was_ever_set(own_served: ServedRegistry) -> None:
    dev, path = own_served.client("dev"), MODEL + "/tags"
    refused = dev.patch(path, json={"tags": {"a": "b"}}, headers={"If-None-Match": "*"})
    assert problem(refused)["code"] == "precondition-failed"
    assert dev.patch(path, json={"tags": {"a": "b"}}, headers={"If-None-Match": '"old"'}).status_code == 204


def test_a_weak_tag_never_allows_a_change(own_served: ServedRegistry) -> None:
    dev = own_served.client("dev")
    weak = "W/" + dev.get(MODEL).headers["etag"]
    assert dev.put(MODEL, json=DESCRIBING, headers={"If-Match": weak}).status_code == 412


# --- digests -------------------------------------------------------------------------------------------------------

GOOD = "sha-256=:RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=:"  # of {}
OTHER = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"


def test_a_body_that_is_not_what_its_digest_says_is_refused(own_served: ServedRegistry) -> None:
    dev, path = own_served.client("dev"), f"/api/v1/promotions/{own_served.family.request.summary.id}/withdraw"
    said = problem(dev.post(path, content=b"{}", headers={"Content-Digest": OTHER}))
    assert (said["status"], said["code"]) == (422, "digest-mismatch")
    assert said["facts"] == {"expected": {"sha-256": OTHER[8:]}, "actual": {"sha-256": GOOD[8:]}} or said["facts"] == {
        "expected": {"sha-256": OTHER},
        "actual": {"sha-256": GOOD},
    }
    assert dev.post(path, content=b"{}", headers={"Content-Digest": GOOD}).status_code == 200


@pytest.mark.parametrize("header", ["sha-256=x", "md5=:AAAA:", "sha-256=:a:", "", ",", "sha-256=:AAAA:, x"])
def test_a_digest_that_cannot_be_checked_is_refused(served: ServedRegistry, header: str) -> None:
    sent = served.client("dev").put(MODEL, json=DESCRIBING, headers={"Content-Digest": header})
    assert "Content-Digest" in problem(sent)["detail"]


def upload(digest: str | None, content: bytes = b"text,label\na,x\nb,y\n" * 9) -> dict[str, Any]:
    told = f"\r\nContent-Digest: {digest}" if digest else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"{told}\r\n\r\n'
    details = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="details"\r\n\r\n{{"licence": "MIT"}}\r\n'
    body = details.encode() + head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    return {"content": body, "headers": {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}}


def test_a_file_of_an_upload_that_was_changed_on_the_way_is_refused(own_served: ServedRegistry) -> None:
    dev, path = own_served.client("dev"), "/api/v1/datasets/data/words/versions"
    said = problem(dev.post(path, **upload(OTHER)))
    assert said["code"] == "digest-mismatch"
    assert "a.csv" in said["detail"]
    assert dev.get(path).status_code == 404
    assert dev.post(path, **upload(said["facts"]["actual"]["sha-256"])).status_code == 201
    whole = upload(None)
    whole["headers"] |= {"Content-Digest": OTHER}
    assert problem(dev.post(path, **whole))["code"] == "digest-mismatch"


def test_a_download_says_its_digest(served: ServedRegistry) -> None:
    got = served.client("dev").get(MODEL + "/versions/2/files/config.json")
    assert got.headers["repr-digest"].startswith("sha-256=:")

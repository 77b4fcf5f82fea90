"""Requests that are sent twice: an `Idempotency-Key` gives them one effect and the same answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.registry.api.test_conditions import GOOD, upload
from tests.registry.api.test_uploads import BOUNDARY
from tests.serving import ServedRegistry, problem

MODEL = "/api/v1/models/vision/digits"
CARDS = MODEL + "/versions/2/cards"
KEY = {"Idempotency-Key": "6f1c2d9e-7d7c-4b0c-9a0e-0d7d0f1f4a11"}


def test_a_request_sent_again_with_its_key_has_one_effect_and_the_same_answer(own_served: ServedRegistry) -> None:
    dev = own_served.client("dev")
    before = len(dev.get(CARDS).json())
    first = dev.post(CARDS, json={"text": "# once"}, headers=KEY)
    again = dev.post(CARDS, json={"text": "# once"}, headers=KEY)
    assert (first.status_code, first.headers.get("idempotent-replayed")) == (201, None)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert len(dev.get(CARDS).json()) == before + 1


def test_a_key_belongs_to_one_request_of_one_person(own_served: ServedRegistry) -> None:
    dev, ben = own_served.client("dev"), own_served.client("ben")
    dev.post(CARDS, json={"text": "# once"}, headers=KEY)
    head = own_served.client("ana").get("/api/v1/audit/verify").json()["head"]
    for said in (
        problem(dev.post(CARDS, json={"text": "# other"}, headers=KEY)),
        problem(dev.patch(MODEL + "/tags", json={"tags": {"a": "b"}}, headers=KEY)),
    ):
        assert (said["status"], said["code"]) == (422, "idempotency-key-reused")
    assert own_served.client("ana").get("/api/v1/audit/verify").json()["head"] == head
    assert ben.post(CARDS, json={"text": "# of ben"}, headers=KEY).headers.get("idempotent-replayed") is None


def test_the_same_request_sent_by_many_at_once_has_one_effect(own_served: ServedRegistry) -> None:
    before = len(own_served.client("dev").get(CARDS).json())

    def send(_: int) -> bytes:
        sent = own_served.client("dev").post(CARDS, json={"text": "# once"}, headers=KEY)
        assert sent.status_code == 201, sent.text
        return sent.content

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(send, range(8)))) == 1
    assert len(own_served.client("dev").get(CARDS).json()) == before + 1


def test_a_refused_request_takes_no_key(own_served: ServedRegistry) -> None:
    dev = own_served.client("dev")
    body = {"text": "---\nno closing line"}
    assert problem(dev.post(CARDS, json=body, headers=KEY))["status"] == 422
    assert dev.post(CARDS, json={"text": "# right"}, headers=KEY).status_code == 201


def test_a_repeated_request_whose_state_has_changed_by_itself_is_answered_as_before(own_served: ServedRegistry) -> None:
    dev = own_served.client("dev")
    headers = KEY | {"If-Match": dev.get(CARDS).headers["etag"]}
    first, again = (dev.post(CARDS, json={"text": "# once"}, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)


@pytest.mark.parametrize(
    ("path", "body"),
    [("/people/ana/tokens", {"label": "laptop"}), ("/webhooks", {"url": "https://93.184.215.14/", "events": ["*"]})],
)
def test_the_secret_of_a_token_or_a_webhook_is_not_kept_to_be_given_again(
    own_served: ServedRegistry, path: str, body: dict[str, object]
) -> None:
    ana = own_served.client("ana")
    secret = ana.post(f"/api/v1{path}", json=body, headers=KEY).json()["secret"]
    said = problem(ana.post(f"/api/v1{path}", json=body, headers=KEY))
    assert (said["status"], said["code"], said["facts"]["status"]) == (409, "request-repeated", 201)
    written = [path.read_bytes() for path in own_served.family.home.rglob("registry.db*")]
    assert written
    assert not any(secret.encode() in one for one in written)


def test_an_upload_sent_again_with_another_boundary_is_the_same_request(own_served: ServedRegistry) -> None:
    dev, path = own_served.client("dev"), "/api/v1/datasets/data/words/versions"
    first = upload(None)
    other = {
        "content": first["content"].replace(BOUNDARY.encode(), b"another-boundary"),
        "headers": {"Content-Type": "multipart/form-data; boundary=another-boundary"},
    }
    made = dev.post(path, content=first["content"], headers=first["headers"] | KEY)
    again = dev.post(path, content=other["content"], headers=other["headers"] | KEY)
    assert (made.status_code, again.status_code, again.headers["idempotent-replayed"]) == (201, 201, "true")
    assert again.content == made.content
    changed = upload(None, b"text,label\na,x\nb,z\n" * 9)
    said = problem(dev.post(path, content=changed["content"], headers=changed["headers"] | KEY))
    assert said["code"] == "idempotency-key-reused"


def test_what_was_changed_on_the_way_takes_no_key(own_served: ServedRegistry) -> None:
    dev = own_served.client("dev")
    wrong = KEY | {"Content-Digest": GOOD}
    assert problem(dev.post(CARDS, json={"text": "# once"}, headers=wrong))["code"] == "digest-mismatch"
    assert dev.post(CARDS, json={"text": "# once"}, headers=KEY).status_code == 201


def test_a_key_that_is_no_visible_text_is_refused(served: ServedRegistry) -> None:
    for key in ("", '""', "a b", "x" * 300):
        said = problem(served.client("dev").post(CARDS, json={"text": "# x"}, headers={"Idempotency-Key": key}))
        assert said["status"] == 400, key

"""What an attacker sends: hostile text in every parameter, bodies of every wrong shape, and verbs above one's role."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import pytest

from registry.services.governance.policies.stored import default_policy_text
from tests.registry.api.needs import HOLDERS, NEEDS, RECALL
from tests.registry.api.test_uploads import BOUNDARY, multipart
from tests.serving import ServedRegistry, copy_of, problem

T = TypeVar("T")
CANARY = "canary-7c1f: outside the home"
HOSTILE = (
    *("../", "../../../etc/passwd", "..\\", "%2e%2e%2f", "%252e%252e%252f", "..%c0%af", "%c0%ae%c0%ae/"),
    *("/etc/passwd", "//host/share", "C:\\", "C:x", "file:", "file:///etc/passwd", "file://localhost/etc/passwd"),
    *("dbfs:/x", "http://h#/../", "?/../", "a#b", "a?b=c", "\x00", "a\x00b", "a\nb", "a\r\nSet-Cookie: a=b", "x."),
    *("CON", "a" * 300, "a/" * 2500, "\u00e9", "e\u0301", "Vision", "\u202egnp", ".", "..", "", " ", "x ", "'", '"'),
    *("%", "*", "-1", "0", "1e9", "9" * 30, "NaN", "[]", "{}", "${x}", "{{7*7}}", "<script>", "' OR 1=1--"),
    *("models:/a/b/1#x", "models://u:p@h/a/b", "MODELS:/vision/digits/1", "datasets:/vision/digits/1/../2", "a.sig"),
)  # fmt: skip
GOOD = {
    "at": "2099-01-01",
    "team": "vision",
    "name": "digits",
    "version": "2",
    "path": "config.json",
    "alias": "best",
    "to": "vision/copied",
    "handle": "vic",
    "role": "validator",
    "step": "step-00000000000000000000000000",
    "request_id": "req-00000000000000000000000000",
    "report_id": "sel-00000000000000000000000000",
    "token": "tok-00000000000000000000000000",
    "webhook_id": "whk-00000000000000000000000000",
    "code": "WDJB-MJHT",
    "format": "prov",
    "reading": "0" * 32,
    "sha256": "0" * 64,
    "size": "1",
    "relation": "siblings",
    **dict.fromkeys(("target", "reference", "one"), "models:/vision/digits/2"),
    **dict.fromkeys(("source", "other"), "models:/library/lite0/1"),
}


def operations(served: ServedRegistry) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(method, path, what is said of it) of everything in the OpenAPI document."""
    for path, methods in served.app.openapi()["paths"].items():
        for method, said in methods.items():
            yield method, path, said


def filled(template: str, **other: str) -> str:
    for name, value in (GOOD | other).items():
        template = template.replace("{" + name + "}", quote(value, safe=""))
    return template


def needed_of(said: Mapping[str, Any]) -> dict[str, str]:
    """The query parameters that an operation cannot do without."""
    return {p["name"]: GOOD[p["name"]] for p in said.get("parameters", ()) if p.get("required") and p["in"] == "query"}


@pytest.fixture(scope="module")
def spare(served: ServedRegistry, tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    """A copy for attacks, should one of them succeed."""
    return copy_of(served, tmp_path_factory.mktemp("attacked") / "home")


def rows_of(home: Path) -> dict[str, int]:
    """Every file of the home but the database's own, with its size."""
    return {
        str(path.relative_to(home)): path.stat().st_size
        for path in home.rglob("*")
        if path.is_file() and not path.name.startswith("registry.db")
    }


def somewhere(texts: Sequence[str], places: Sequence[T]) -> Iterator[tuple[str, T]]:
    """Each text at one place in 24, and at each place one text in 24: the slow tests try all at all."""
    for i, text in enumerate(texts):
        for place in places[i % 24 :: 24]:
            yield text, place


Parameter = tuple[str, str, Mapping[str, Any], Mapping[str, Any]]
"""(method, path, what is said of the operation, what is said of the parameter)."""


def parameters(served: ServedRegistry) -> list[Parameter]:
    return [(*of, one) for of in operations(served) for one in of[2].get("parameters", ())]


def assert_no_parameter_leads_anywhere(spare: ServedRegistry, tries: Iterable[tuple[str, Parameter]]) -> None:
    client, home = spare.client("ana"), spare.family.home
    canary = home.parent / "canary"
    canary.write_text(CANARY, encoding="utf-8")
    kept, around = rows_of(home), sorted(path.name for path in home.parent.iterdir())
    for text, (method, path, said, one) in tries:
        if one["in"] == "path":
            answer = client.request(method, filled(path, **{one["name"]: text}))
        else:
            answer = client.request(method, filled(path), params=needed_of(said) | {one["name"]: text})
        assert answer.status_code < 500, (method, path, one["name"], text[:40], answer.text[:200])
        assert CANARY not in answer.text
        assert "root:x:" not in answer.text
        assert "set-cookie" not in answer.headers
    assert (rows_of(home), sorted(path.name for path in home.parent.iterdir())) == (kept, around)


def test_no_parameter_leads_anywhere_or_breaks_anything(spare: ServedRegistry) -> None:
    tries = list(somewhere(HOSTILE, parameters(spare)))
    assert {text for text, _ in tries} == set(HOSTILE)
    assert_no_parameter_leads_anywhere(spare, tries)


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:40]))
def test_no_parameter_at_all_leads_anywhere_or_breaks_anything(spare: ServedRegistry, text: str) -> None:
    places = parameters(spare)
    assert len(places) > 50
    assert_no_parameter_leads_anywhere(spare, ((text, place) for place in places))


DEEP, LONG = "[" * 100 + "]" * 100, "9" * 30
BODIES = (
    *("[]", "null", "1", '"x"', "", "{", "\ufeff{}", "[" * 3000, '{"a":' * 3000, DEEP, '{"x": 1}'),
    *('{"text": "\\ud800"}', '{"text": "\\u0000"}', '{"tags": {"\\ud800": "x"}}', '{"tags": {"a": "\\u0000"}}'),
    *(f'{{"tags": {DEEP}}}', '{"version": 1e400}', '{"version": true}', f'{{"version": {LONG}}}'),
    *(f'{{"version": {"9" * 5000}}}', '{"reason": "\\ud800"}', '{"comment": "\\ud800"}'),
    *('{"label": "x", "days": 1e9}', f'{{"label": "x", "days": {LONG}}}', '{"handle": "\\ud800", "name": "x"}'),
    *('{"handle": "x", "name": "\\ud800"}', '{"reference": "models:/vision/digits/2", "to_stage": "\\ud800"}'),
    *('{"reference": 1, "to_stage": 1}', '{"type": "model_card", "body": 1}'),
    *("a: &a [*a]", "a: !!python/object/apply:os.system [ls]", "a: " + "[" * 1500, "a: 2021-99-99", "a: " + "9" * 6000),
)  # fmt: skip


Taker = tuple[str, str, str]
"""(method, path, media type of the body)."""

ASKS_FOR_NOTHING = ("/api/v1/me/token",)
NOTHING = ("", "\ufeff{}")
"""An operation that asks for nothing takes these: no body is an empty object, and a byte order mark no part of it."""


def takers(served: ServedRegistry) -> list[Taker]:
    """Every operation that takes a body, once for each media type."""
    kinds = ("application/json", f"multipart/form-data; boundary={BOUNDARY}")
    return [
        (method, path, kind)
        for method, path, said in operations(served)
        if "requestBody" in said
        for kind in kinds[: 1 if "application/yaml" in said["requestBody"]["content"] else 2]
    ]


def assert_each_body_is_a_problem(served: ServedRegistry, tries: Iterable[tuple[str, Taker]]) -> None:
    client = served.client("ana")
    for body, (method, path, kind) in tries:
        if body in NOTHING and path in ASKS_FOR_NOTHING:
            continue
        answer = client.request(method, filled(path), content=body.encode(), headers={"Content-Type": kind})
        assert 400 <= answer.status_code < 500, (method, path, kind, body[:40], answer.text[:200])
        problem(answer)


def test_no_body_of_a_wrong_shape_breaks_anything(served: ServedRegistry) -> None:
    tries = list(somewhere(BODIES, takers(served)))
    assert {body for body, _ in tries} == set(BODIES)
    assert {taker for _, taker in tries} == set(takers(served))
    assert_each_body_is_a_problem(served, tries)


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES, ids=lambda body: ascii(body[:40]))
def test_no_body_of_a_wrong_shape_breaks_any_operation(served: ServedRegistry, body: str) -> None:
    assert_each_body_is_a_problem(served, ((body, taker) for taker in takers(served)))


def test_a_boundary_longer_than_the_standard_s_is_refused(served: ServedRegistry) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=" + "x" * 300}
    answer = served.client("ana").post("/api/v1/models/a/b/versions", content=b"--x--", headers=kind)
    assert problem(answer)["status"] == 400


def test_a_condition_is_repeated_a_few_times_at_most(served: ServedRegistry) -> None:
    for name in ("tag", "metric"):
        for path in ("/api/v1/models", "/api/v1/models/facets"):
            answer = served.client("vic").get(path, params={name: ["metrics.accuracy > 0"] * 2000})
            assert name in problem(answer)["detail"]


BODY = '{"type": "other", "body": {"a": VALUE}}'


def test_evidence_that_could_not_be_read_back_is_not_taken(own_served: ServedRegistry) -> None:
    dev, path = own_served.client("dev"), "/api/v1/models/vision/digits/versions/2/evidence"
    before = dev.get(path).json()
    for value in (DEEP, "[" * 32 + "]" * 32, '"\\ud800"', '"\\u0000"', "NaN", "1e999", "9007199254740993"):
        body = BODY.replace("VALUE", value)
        assert problem(dev.post(path, content=body))["status"] == 422, value[:40]
        upload = multipart([("card.md", b"# card")], json.loads(body))
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        assert problem(dev.post(path, content=upload, headers=kind))["status"] == 422, value[:40]
    assert dev.get(path).json() == before
    deepest = BODY.replace("VALUE", "[" * 31 + "]" * 31)
    taken = dev.post(path, content=deepest).json()
    taken.pop("warnings")
    assert dev.get(path).json() == [*before, taken]
    request = own_served.family.request.summary.id
    approved = own_served.client("ben").post(f"/api/v1/promotions/{request}/approve", json={"comment": "read"})
    assert approved.json()["summary"]["state"] == "promoted"


# --- who may do what -----------------------------------------------------------------------------------------------


def with_zed(served: ServedRegistry) -> ServedRegistry:
    """The served, and in it zed, who has a token and no role."""
    ana = served.family.registry("ana")
    ana.people.add("zed", "Zed")
    served.family.tokens["zed"] = ana.people.create_token("zed", label="new").secret
    return served


def names_of(served: ServedRegistry) -> dict[str, str]:
    """Ids that are there: what a stranger might have found out."""
    cleo = served.client("cleo").get("/api/v1/tokens", params={"person": "cleo"}).json()["items"][0]["id"]
    ana = served.client("ana")
    if not (proposed := ana.get("/api/v1/policy-proposals", params={"state": "open"}).json()):
        text = default_policy_text().replace("version: 3", "version: 4", 1)
        yaml = {"Content-Type": "application/yaml"}
        proposed = [ana.post("/api/v1/policies", content=text, headers=yaml).json()]
    step = served.client("ana").get("/api/v1/transfers").json()["items"][0]["id"]
    return {
        "other": "ben",
        "proposal_id": proposed[0]["id"],
        "handle": "cleo",
        "token": cleo,
        "step": step,
        "request_id": served.family.request.summary.id,
        "finding_id": finding_of(served),
        "emergency_id": "emg-00000000000000000000000000",
        "waiver_id": "wai-00000000000000000000000000",
        "correction_id": "cor-00000000000000000000000000",
        "recall_id": recall_of(served),
        "webhook_id": GOOD["webhook_id"],
    }


def finding_of(served: ServedRegistry) -> str:
    """The id of a finding, which ana has raised."""
    ana = served.client("ana")
    if not (there := ana.get("/api/v1/findings").json()["items"]):
        there = [ana.post("/api/v1/findings", json=NEEDS["post", "/api/v1/findings"][1]).json()]
    return str(there[0]["id"])


def recall_of(served: ServedRegistry) -> str:
    """The id of a recall that withholds nothing."""
    ana = served.client("ana")
    if not (there := ana.get("/api/v1/recalls").json()["items"]):
        there = [ana.post("/api/v1/recalls", json=RECALL).json()["recall"]]
    return str(there[0]["id"])


def send(
    served: ServedRegistry, who: str, method: str, path: str, body: object, headers: Mapping[str, str] | None = None
) -> Any:
    client = served.client(who)
    client.headers.update(headers or {})
    about_one = ("e/checks", "e/compute", "e/marks", "e/corrections", "e/count")
    client.params = {"target": GOOD["target"]} if path.endswith(about_one) else {}
    if path.endswith("/copies"):
        client.params = {"to": "vision/copied"}
    if path.startswith("/api/v1/recalls/") and "/tasks" in path:
        client.params = {"reference": "models:/vision/digits/1"}
    if "/uploads/" in path and method == "patch":
        client.params = {"size": 1}
        kind = {"Content-Type": "application/partial-upload", "Upload-Offset": "0"}
        return client.request(method, path, content=b"x", headers=kind)
    if isinstance(body, tuple):
        kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return client.request(method, path, content=body[1], headers=kind)
    if isinstance(body, str):
        return client.request(method, path, content=body, headers={"Content-Type": "application/yaml"})
    return client.request(method, path, json=body)


def test_every_unsafe_route_says_what_it_needs(served: ServedRegistry) -> None:
    assert {(method, path) for method, path, _ in operations(served) if method != "get"} == set(NEEDS)


@pytest.mark.parametrize("who", ["zed", "vic", "dev", "ben"])
def test_nobody_does_what_their_role_does_not_allow(own_served: ServedRegistry, who: str) -> None:
    """zed has no role, vic only looks, dev and ben edit, and only ana is an admin. A refusal writes nothing."""
    names = names_of(with_zed(own_served))
    head = own_served.client("ana").get("/api/v1/audit/verify").json()["head"]
    for (method, path), (need, body) in NEEDS.items():
        if who in HOLDERS[need]:
            continue
        said = problem(send(own_served, who, method, filled(path, **names), body))
        assert said["status"] == (404 if need == "own" and who != "zed" else 403), (method, path, said)
    assert own_served.client("ana").get("/api/v1/audit/verify").json()["head"] == head


def test_who_has_no_role_reads_nothing(own_served: ServedRegistry) -> None:
    names, zed = names_of(with_zed(own_served)), own_served.client("zed")
    for method, path, said in operations(own_served):
        if method == "get" and path not in {"/api/v1/me", "/api/v1/recipes/schema"}:
            assert problem(zed.get(filled(path, **names), params=needed_of(said)))["status"] == 403, path
    assert zed.get("/api/v1/me").json()["roles"] == []


def test_tokens_of_others_are_neither_seen_nor_ended(served: ServedRegistry) -> None:
    theirs = served.client("ana").get("/api/v1/tokens", params={"person": "ana"}).json()["items"][0]["id"]
    for who in ("ben", "dev", "vic"):
        client = served.client(who)
        assert problem(client.get("/api/v1/tokens"))["status"] == 403
        assert problem(client.get("/api/v1/tokens", params={"person": "ana"}))["status"] == 403
        gone, never = client.delete(f"/api/v1/tokens/{theirs}"), client.delete(f"/api/v1/tokens/{GOOD['token']}")
        assert problem(gone)["status"] == problem(never)["status"] == 404
    assert served.client("ana").get("/api/v1/me").status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/models/vision/new", "/api/repos/create", "/api/2.0/mlflow/registered-models/create"]
)
def test_a_body_that_is_packed_is_not_unpacked(spare: ServedRegistry, path: str) -> None:
    packed = gzip.compress(json.dumps({"name": "vision.new", "description": "x" * 10_000_000}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert spare.client("dev").post(path, content=packed, headers=headers).status_code == 400

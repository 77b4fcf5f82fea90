"""The Xet protocol: chunks and shards come with the caller's own token, and make files that commits name."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage import Digest
from tests.registry.domain.drafts.xet.building import NAME, chunk, shard
from tests.serving import HOST, ServedRegistry, copy_of

BODY = b"one" * 50 + b"two" * 60
TOKEN = "/api/models/vision/digits/xet-write-token/main"


@pytest.fixture(scope="module")
def own(served: ServedRegistry, tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    return copy_of(served, tmp_path_factory.mktemp("xet") / "home")


def test_chunks_and_a_shard_make_a_file(own: ServedRegistry) -> None:
    dev = own.client("dev")
    told = dev.get(TOKEN)
    assert told.json()["accessToken"] == told.headers["x-xet-access-token"] == own.family.tokens["dev"]
    assert told.headers["cache-control"] == "no-store"
    cas = told.headers["x-xet-cas-url"].removeprefix(HOST)
    assert cas == "/api/xet/dev/0"
    assert dev.get(f"{cas}/v1/chunks/default/{NAME}").status_code == 404
    assert dev.post(f"{cas}/v1/xorb-grants/default/{NAME}").status_code == 404
    assert dev.post(f"{cas}/v2/shards", content=b"x").status_code == 404
    sent = dev.post(f"{cas}/v1/xorbs/default/{NAME}", content=chunk(BODY[:150], 2) + chunk(BODY[150:]))
    assert (sent.status_code, sent.json()) == (200, {"was_inserted": True})
    body = shard([([(NAME, len(BODY), 0, 2)], Digest.of(BODY))])
    made = dev.post(f"{cas}/v1/shards", content=body)
    assert (made.status_code, made.json()) == (200, {"result": 1})
    oid = {"oid": Digest.of(BODY).hex, "size": len(BODY)}
    assert dev.post("/vision/digits.git/info/lfs/objects/verify", json=oid).status_code == 200
    folder: Path = own.family.home
    assert not list((folder / "uploads").iterdir())


def test_what_cannot_be_is_refused_at_once_and_never_with_a_status_that_is_tried_again(own: ServedRegistry) -> None:
    dev, vic, cas = own.client("dev"), own.client("vic"), "/api/xet/dev/0"
    for answer, status in (
        (vic.get(TOKEN), 403),
        (own.browser("dev").get(TOKEN), 401),
        (dev.get("/api/models/vision/digits/xet-write-token/v1"), 404),
        (vic.get(f"{cas}/v1/chunks/default/{NAME}"), 403),
        (vic.post(f"{cas}/v1/xorbs/default/{NAME}", content=b"x"), 403),
        (vic.post(f"{cas}/v1/shards", content=b"x"), 403),
        (dev.post(f"{cas}/v1/xorbs/default/{NAME}", content=b"no chunk"), 422),
        (dev.post(f"{cas}/v1/xorbs/default/short", content=chunk(b"x")), 400),
        (dev.post(f"{cas}/v1/shards", content=b"no shard"), 422),
        (dev.post(f"{cas}/v1/shards", content=shard([([("a" * 64, 1, 0, 1)], None)])), 422),
    ):
        assert answer.status_code == status, answer.text
        assert answer.headers["x-error-message"]

"""Who downloaded what was taken back, through whatever door."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.domain.governance.recalls import Level, NewRecall
from registry.domain.names import Reference
from registry.errors import PermissionDeniedError
from registry.services.downloads import write_downloads
from tests.serving import ServedRegistry, problem

WEIGHTS = "/api/v1/models/vision/digits/versions/2/files/weights/model.safetensors"


def test_what_was_read_through_any_door_is_listed_for_who_may_recall(own_served: ServedRegistry) -> None:
    vic, dev, ana = (own_served.client(who) for who in ("vic", "dev", "ana"))
    for client, path in (
        (vic, WEIGHTS),
        (vic, WEIGHTS),
        (dev, "/vision/digits/resolve/2/config.json"),
        (dev, "/api/v1/models/vision/digits/versions/2"),
    ):
        assert client.get(path).status_code == 200
    wish = {"target": "models:/vision/digits/2", "level": "recall", "reason": "poisoned"}
    recall = ana.post("/api/v1/recalls", json=wish).json()["recall"]["id"]
    assert vic.get(WEIGHTS).status_code == 410
    told = ana.get(f"/api/v1/recalls/{recall}/downloads").json()["items"]
    found = {one["person"]: one for one in told if one["ref"] == "models:/vision/digits/2"}
    assert (found["vic"]["reads"], set(found)) == (2, {"vic", "dev"})
    assert found["vic"]["token"] == vic.get("/api/v1/me").json()["token"]
    assert problem(vic.get(f"/api/v1/recalls/{recall}/downloads"))["status"] == 403
    again = ana.get(f"/api/v1/recalls/{recall}/downloads?limit=1").json()
    assert (len(again["items"]), again["next_cursor"] is not None) == (1, len(told) > 1)


def test_a_pull_on_the_own_machine_is_one_read_and_later_ones_are_added(
    own_served: ServedRegistry, tmp_path: Path
) -> None:
    dev, ana = own_served.family.registry("dev"), own_served.family.registry("ana")
    child = Reference.to(own_served.family.grandchild)
    for number in range(2):
        dev.catalog.pull(child, tmp_path / str(number))
        write_downloads(dev.context)
    recall = ana.recalls.open(NewRecall(str(child), Level.RECALL, "poisoned")).recall.id
    (told,) = [one for one in ana.recalls.downloads(recall).items if one.ref == own_served.family.grandchild]
    assert (told.person, told.token, told.reads) == ("dev", "", 2)
    with pytest.raises(PermissionDeniedError):
        dev.recalls.downloads(recall)


def test_a_person_who_was_erased_is_not_named(own_served: ServedRegistry) -> None:
    assert own_served.client("vic").get(WEIGHTS).status_code == 200
    ana, ben = own_served.family.registry("ana"), own_served.family.registry("ben")
    recall = own_served.client("ana").post(
        "/api/v1/recalls", json={"target": "models:/vision/digits/2", "level": "recall", "reason": "poisoned"}
    ).json()["recall"]["id"]  # fmt: skip
    before = own_served.client("ana").get(f"/api/v1/recalls/{recall}/downloads").json()["items"]
    assert "vic" in {one["person"] for one in before}
    ana.people.erase("vic", reason="left")
    stand_in = ben.people.erase("vic", reason="").stand_in
    after = own_served.client("ana").get(f"/api/v1/recalls/{recall}/downloads").json()["items"]
    assert stand_in in {one["person"] for one in after}
    assert "vic" not in {one["person"] for one in after}

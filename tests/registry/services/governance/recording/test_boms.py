"""The bill of materials as evidence counts what a version was made from, and says the same until that changes."""

from __future__ import annotations

import json

from lineage import Digest
from registry.services.governance.recording.boms import bom_evidence
from tests.builders import digest
from tests.registry.services.teams import Team


def test_it_counts_models_data_and_what_is_not_known_of_them(team: Team) -> None:
    base = team.publish("library/base", licence="")
    ref = team.publish(parents=[base], data={"train": team.add_data()})
    with team.open_uow(actor="root") as uow:
        value, document = bom_evidence(uow, ref, digest("files"), team.clock.now())
        team.clock.forward(days=1)
        again, _ = bom_evidence(uow, ref, digest("files"), team.clock.now())
    assert {name: value.body[name] for name in ("models", "datasets", "without_digest")} == {
        "models": 2,
        "datasets": 1,
        "without_digest": 0,
    }
    assert value.body["without_licence"] == 1
    assert (value.file, value.file_name, value.added_by) == (Digest.of(document), "mlbom.cdx.json", "system")
    assert json.loads(document)["bomFormat"] == "CycloneDX"
    assert (again.body, again.file) != (value.body, value.file)
    assert again.body == value.body, "the time of the document does not count"

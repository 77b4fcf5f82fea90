"""A registry whose stored objects can be damaged: two models, a dataset, evidence, answers, a decision and a card."""

from __future__ import annotations

import io
from dataclasses import dataclass

from lineage import Digest
from registry.domain.codec import to_json
from registry.domain.comparison.records import BASELINES
from registry.domain.manifests import canonical_json
from registry.domain.names import VersionRef
from registry.services.artifacts.verbs import Store
from tests.registry.services.teams import Team, bring_to, ref_of
from tests.verdicts import a_verdict

ANSWERS = b'{"arm":"transfer"}\n'


@dataclass(frozen=True)
class StoredWorld:
    """What is in it.

    `parts` are objects that only the digits need, by place; `cases` those of the decisions about the other model.
    """

    team: Team
    digits: VersionRef
    other: VersionRef
    data: VersionRef
    parts: dict[str, Digest]
    cases: frozenset[Digest]

    @property
    def store(self) -> Store:
        """The verbs, for an admin."""
        return Store(self.team.context("root"))

    def actions(self, ref: VersionRef) -> list[str]:
        """Damage and restoring of a version, from the audit log."""
        return [one for one in self.team.actions(str(ref)) if one.rpartition(".")[2] in {"damaged", "restored"}]


def stored_world(team: Team) -> StoredWorld:
    """Fill `team`: the digits have everything that a version can have in the store."""
    digits, other, data = team.publish(), team.publish("vision/other"), team.add_data()
    answers, _ = team.blobs.put(io.BytesIO(ANSWERS))
    with team.open_uow(actor="ana", write=True) as uow:
        version = uow.catalog.version(digits)
        assert version is not None
        record = {"verdict": to_json(a_verdict()), "answers": {"digest": str(answers)}}
        manifest = canonical_json({"schema": "forebear/provenance/v1", "facts": {BASELINES: record}})
        uow.steps.set_manifest(version.step, manifest, Digest.of(manifest))
        uow.commit_unaudited()
    before = set(team.blobs.kept)
    bring_to(team, other, "validated")
    cases = frozenset(set(team.blobs.kept) - before)
    added = team.promotions("ana").add_evidence(
        ref_of(digits), "model_card", {}, file=io.BytesIO(b"# report"), file_name="report.md"
    )
    assert added.file is not None
    return StoredWorld(
        team,
        digits,
        other,
        data,
        {
            "weights/model.safetensors": Digest.of(str(digits).encode()),
            f"evidence {added.id}": added.file,
            "answers of its baselines": answers,
        },
        cases,
    )

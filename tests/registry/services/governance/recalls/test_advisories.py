"""An advisory meets the registry: its hits are what a recall would take back, and nothing is changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lineage import Digest, WeightIndex
from registry.domain.catalog.models import VersionDetail
from registry.domain.governance.advisories import Advisory, AdvisoryMatch
from registry.domain.governance.recalls import Level, NewRecall
from registry.domain.people.teams import Sight
from registry.errors import InvalidError, RefusedError
from registry.services.context import Context
from registry.services.governance.recalls.verbs import Recalls
from registry.services.lineage.verbs import Lineage
from tests.builders import manifest
from tests.registry.services.governance.recalls.worlds import WEIGHTS, World
from tests.registry.services.lineage.test_identifying import trained, unknown
from tests.registry.services.lineage.test_kinship import blobs, bring, context, weights  # noqa: F401 - fixtures

Import = Callable[..., VersionDetail]


def test_a_hit_names_the_versions_with_the_file_and_counts_what_was_made_from_them(world: World) -> None:
    held = next(one.sha256 for one in manifest(str(world.child)).files if one.path == WEIGHTS)
    found = world.recalls("guest").advisory(f"{'0' * 64}\n{held.hex}  {WEIGHTS}\n")
    (hit,) = found.hits
    assert (hit.digest, hit.targets, hit.descendants) == (str(held), [world.child], 1)
    assert len(found.advisory.digests) == 2
    assert set(world.statuses().values()) == {"active"}


def test_what_a_closed_team_has_is_no_hit_and_is_not_counted(world: World) -> None:
    def eve(*hidden: str) -> Recalls:
        guest = world.team.context("guest")
        return Recalls(replace(guest, actor=replace(guest.actor, sight=Sight(dict.fromkeys(hidden), "eve"))))

    def weights_of(ref: object) -> str:
        return next(one.sha256.hex for one in manifest(str(ref)).files if one.path == WEIGHTS)

    text = weights_of(world.child)
    assert (eve("vision").advisory(text).hits, len(eve("data").advisory(text).hits)) == ([], 1)
    (hit,) = eve("data").advisory(weights_of(world.base)).hits
    assert hit.descendants == 3, "not the dataset of the closed team"


def test_a_tensor_that_several_versions_hold_is_a_hit_on_all_of_them(world: World) -> None:
    tensor = Digest.of(b"a tensor")
    with world.team.open_uow(actor="root", write=True) as uow:
        for ref in (world.child, world.pupil):
            uow.weights.add(ref, WeightIndex(None, {tensor: 4096}))
        uow.commit_unaudited()
    found = world.recalls("guest").advisory(f"{tensor}\n")
    (hit,) = found.hits
    assert (set(hit.targets), hit.descendants) == ({world.child, world.pupil}, 1)
    assert ["not known yet" in note for note in found.notes] == [True]  # the others have no index


def test_what_is_no_advisory_is_refused(world: World) -> None:
    with pytest.raises(InvalidError, match="No digest is listed"):
        world.recalls("guest").advisory("")


def test_the_tensors_of_weights_are_found_by_the_digest_that_the_guide_describes_and_do_not_return(
    context: Context,  # noqa: F811
    bring: Import,  # noqa: F811
) -> None:
    """Also in a model that has another head: as bytes, no file of it is the same."""
    bring("bad", weights(1))
    name, array = max(weights(1).items(), key=lambda one: one[1].size)
    digest = hashlib.sha256(f"F32 {array.shape}\n".encode() + array.tobytes()).hexdigest()
    admin = Recalls(context)
    (hit,) = admin.advisory(digest).hits
    assert [ref.label for ref in hit.targets] == ["vision/bad/1"], name
    assert admin.preview(NewRecall(hit.digest, Level.QUARANTINE)).hits[0].ref == hit.targets[0]
    recall = admin.open(NewRecall(hit.digest, Level.QUARANTINE, "poisoned")).recall.id
    other = weights(1) | {"head.weight": weights(2)["head.weight"]}
    with pytest.raises(RefusedError, match=f"tensor with the digest .* was taken back by {recall}"):
        bring("new", other)
    admin.reverse(recall, reason="it was clean")
    assert bring("again", other).summary.ref.number == 1


def test_weights_at_hand_are_matched_by_kinship_and_strangers_are_no_hits(
    context: Context,  # noqa: F811
    bring: Import,  # noqa: F811
    tmp_path: Path,
) -> None:
    bring("stranger", weights(3))
    bring("tuned", trained(weights(1)))
    nothing = AdvisoryMatch(Advisory("", "weights", ()), ())
    found = Lineage(context).identify(unknown(tmp_path, weights(1))).added_to(nothing)
    (one,) = found.kin
    assert (one.ref.label, one.shared, bool(one.reason)) == ("vision/tuned/1", 0.0, True)
    assert any("kin" in note for note in found.notes)
    assert replace(found, kin=(), notes=()) == nothing


def test_of_many_digests_that_are_found_the_first_hundred_are_listed_and_the_rest_is_said(world: World) -> None:
    tensors = [Digest.of(str(number).encode()) for number in range(103)]
    with world.team.open_uow(actor="root", write=True) as uow:
        uow.weights.add(world.pupil, WeightIndex(None, dict.fromkeys(tensors, 4096)))
        uow.commit_unaudited()
    found = world.recalls("guest").advisory("\n".join(map(str, tensors)))
    assert [hit.digest for hit in found.hits] == [str(one) for one in tensors[:100]]
    assert "103 of the digests are found here" in found.notes[0]

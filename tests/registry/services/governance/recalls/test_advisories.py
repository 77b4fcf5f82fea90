"""An advisory meets the registry: its hits are what a recall would take back, and nothing is changed."""

from __future__ import annotations

from registry.domain.governance.advisories import match, read_advisory
from tests.builders import manifest
from tests.registry.services.governance.recalls.worlds import WEIGHTS, World


def test_a_hit_names_the_versions_with_the_file_and_counts_what_was_made_from_them(world: World) -> None:
    weights = next(one.sha256 for one in manifest(str(world.child)).files if one.path == WEIGHTS)
    found = match(read_advisory(f"{'0' * 64}\n{weights.hex}  {WEIGHTS}\n"), world.recalls("guest").preview)
    (hit,) = found.hits
    assert (hit.digest, hit.targets, hit.descendants) == (str(weights), [world.child], 1)
    assert len(found.advisory.digests) == 2
    assert set(world.statuses().values()) == {"active"}

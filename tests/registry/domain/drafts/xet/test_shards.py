"""A shard says of which chunks its files are."""

from __future__ import annotations

import pytest

from lineage import Digest
from registry.domain.drafts.xet.shards import AssembledFile, Segment, files_in
from registry.errors import BadArtifactError
from tests.registry.domain.drafts.xet.building import NAME, shard

SHA = Digest.of(b"a file")
GOOD = shard([([(NAME, 10, 0, 2), (NAME, 5, 7, 8)], SHA), ([(NAME, 1, 3, 4)], None)])


def test_the_files_of_a_shard_are_read() -> None:
    assert files_in(GOOD) == [
        AssembledFile((Segment(NAME, 0, 2, 10), Segment(NAME, 7, 8, 5)), SHA),
        AssembledFile((Segment(NAME, 3, 4, 1),), None),
    ]
    assert files_in(shard([])) == []


def test_what_is_no_shard_is_refused() -> None:
    for wrong in (b"", GOOD[:40], GOOD[:200], GOOD[:-60], bytes(80), shard([([(NAME, 1, 3, 3)], None)])):
        with pytest.raises(BadArtifactError):
            files_in(wrong)

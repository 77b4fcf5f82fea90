"""Bits flip anywhere in the store: no wrong byte is served or pulled, and no damaged version is promoted."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from lineage import Digest
from registry.domain.names import VersionRef
from registry.domain.objects import Form
from registry.errors import DamagedError, IntegrityError
from registry.services.artifacts.verbs import Store
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.storage.artifacts.blobs import FolderBlobs
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, bring_to, populate, ref_of

FLIPS = int(os.environ.get("STORE_FLIPS", "30"))
"""`make store-flips` flips 10,000."""
WEIGHTS = "weights/model.safetensors"
SIZES = {"vision/small": 40, "vision/middle": 70_000, "vision/large": 2_500_000}
"""Bytes of weights; the last are three blocks."""


class Registry:
    """Three versions whose promotion to validated needs one more vote, over blobs in a folder."""

    def __init__(self, open_uow: SqlUnitOfWorkFactory, clock: FakeClock, folder: Path) -> None:
        self.folder, self.blobs = folder, FolderBlobs(folder / "blobs")
        self.team = populate(Team(open_uow, clock, folder, cast("Any", self.blobs)))
        self.right: dict[VersionRef, bytes] = {}
        self.requests: dict[VersionRef, str] = {}
        for name, size in SIZES.items():
            content = "".join(random.Random(size).choices("abcdefgh", k=size))
            ref = self.team.publish(name, content=content)
            bring_to(self.team, ref, "candidate")
            self.right[ref] = content.encode()
            self.requests[ref] = self.team.promotions("ana").request(ref_of(ref), "validated").summary.id

    @property
    def context(self) -> Context:
        return self.team.context("ana")

    def file_of(self, ref: VersionRef, suffix: str = "") -> Path:
        digest = Digest.of(self.right[ref]).hex
        return self.blobs.root / digest[:2] / digest[2:4] / (digest + suffix)

    def served(self, ref: VersionRef, start: int, length: int) -> bool:
        """True when all was given; whatever was given must be right, else this fails."""
        given = b""
        try:
            with Catalog(self.context).open_file(ref_of(ref), WEIGHTS, start=start, length=length) as stream:
                while chunk := stream.read(65_536):
                    given += chunk
        except (DamagedError, IntegrityError):
            pass
        assert self.right[ref][start : start + length].startswith(given), "a wrong byte was served"
        return len(given) == length

    def pulled(self, ref: VersionRef) -> bool:
        target = self.folder / "pulled"
        try:
            write_all(self.context, ref, target)
        except (DamagedError, IntegrityError):
            assert not target.exists()
            return False
        assert (target / WEIGHTS).read_bytes() == self.right[ref], "a wrong byte was pulled"
        shutil.rmtree(target)
        return True

    def promoted(self, ref: VersionRef) -> bool:
        """Cast the last vote."""
        try:
            self.team.promotions("ben").approve(self.requests[ref])
        except DamagedError:
            return False
        return True

    def forget(self, ref: VersionRef) -> None:
        """Take the mark away: the bytes were put right."""
        with self.team.open_uow(actor="root", write=True) as uow:
            uow.objects.unmark(Form.OBJECT, [Digest.of(self.right[ref])])
            uow.commit_unaudited()


def write_all(context: Context, ref: VersionRef, target: Path) -> None:
    """What a pull writes, without the definition of an architecture that no plug-in has."""
    from registry.folders import new_folder
    from registry.services.artifacts.storing import write_files

    detail = Catalog(context).version(ref_of(ref))
    with new_folder(target) as staged:
        write_files(context, ref, detail.files, staged)


def flip(path: Path, bit: int) -> None:
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(bit // 8)
        (byte,) = file.read(1)
        file.seek(bit // 8)
        file.write(bytes([byte ^ (1 << bit % 8)]))


@pytest.mark.timeout(0)
def test_no_flipped_bit_is_served_pulled_or_promoted(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    registry, draw, seen = Registry(open_uow, clock, tmp_path), random.Random(FLIPS), Counter[str]()
    for number in range(FLIPS):
        ref = draw.choice(sorted(registry.right))
        size = len(registry.right[ref])
        beside = registry.file_of(ref, ".blocks")
        path = beside if beside.exists() and draw.random() < 0.1 else registry.file_of(ref)
        kept, bit = path.read_bytes(), draw.randrange(8 * path.stat().st_size)
        flip(path, bit)
        start = draw.randrange(size)
        seen["whole refused"] += not registry.served(ref, 0, size)
        seen["range refused"] += not registry.served(ref, start, draw.randrange(size - start) + 1)
        if path is not beside:
            if number % 5 == 0:
                assert not registry.pulled(ref)
            seen["promoted"] += registry.promoted(ref)
            assert not registry.served(ref, 0, size), "it is marked by now"
            seen["objects"] += 1
        path.unlink()
        path.write_bytes(kept)
        registry.forget(ref)
    print(f"{FLIPS:,} bits flipped: {dict(seen)}, 0 wrong bytes served or pulled")
    assert seen["promoted"] == 0
    assert seen["whole refused"] == seen["objects"]
    assert Store(registry.team.context("root")).verify().damage == ()
    assert all(registry.pulled(ref) and registry.promoted(ref) for ref in registry.right)
    assert {registry.team.stage(ref) for ref in registry.right} == {"validated"}

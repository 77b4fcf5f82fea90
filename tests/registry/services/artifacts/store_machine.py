"""A registry at work, step by step in any order: publishing, deleting, dying, collecting, damaging and repairing.

A model of plain sets says which objects must be there after every step. Time passes by moving the times of all files
back. Blobs and database are real; only the plug-ins, of which nothing here uses any, are left out.
"""

from __future__ import annotations

import atexit
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.ids import new_id
from registry.domain.names import VersionRef
from registry.domain.people.people import Actor
from registry.domain.transfers.steps import StepState
from registry.errors import NoSpaceError
from registry.services.artifacts.verbs import Store
from registry.services.context import Context
from registry.storage.artifacts.blobs import FolderBlobs
from registry.storage.database import default_url, open_database
from tests.builders import add_version, digest, step, step_input, store
from tests.fakes.clock import FakeClock
from tests.registry.services.registries import open_context

CONTENTS = st.sampled_from([f"weights {number}" for number in range(40)])
"""Few enough that the same bytes are published, deleted and published again."""
HOUR = 3600


@dataclass
class Publication:
    """One that has stored its bytes and has not committed yet."""

    content: str
    context: Context
    stack: ExitStack


@dataclass
class Model:
    """What must be there, by what needs it."""

    versions: dict[VersionRef, str] = field(default_factory=dict)
    evidence: set[Digest] = field(default_factory=set)
    inputs: dict[str, str] = field(default_factory=dict)
    """By step that can still run, the content of the version that goes into it."""
    open: list[Publication] = field(default_factory=list)
    broken: set[Digest] = field(default_factory=set)
    """Objects that were damaged and not repaired yet."""

    def needed(self) -> set[Digest]:
        contents = [*self.versions.values(), *self.inputs.values(), *(one.content for one in self.open)]
        found = {digest(content) for content in contents} | self.evidence
        return found | ({digest("{}")} if contents else set())


class StoreMachine(RuleBasedStateMachine):
    """The steps. `steps` counts them over all runs."""

    steps = 0

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        folder = Path(tempfile.mkdtemp(prefix="forebear-store-"))
        self.stack.callback(shutil.rmtree, folder)
        self.home, self.backup = folder / "home", folder / "backup"
        for made in (self.home, self.backup):
            made.mkdir()
        shutil.copy(empty_database(), self.home / "registry.db")
        self.clock = FakeClock()
        database = self.stack.enter_context(open_database(default_url(self.home)))
        blobs = FolderBlobs(self.home / "blobs")
        context = open_context(database.factory(self.clock), self.clock, self.home)
        self.context = replace(context, blobs=blobs, actor=Actor("root", frozenset({"admin"})))
        self.blobs, self.store, self.model = blobs, Store(self.context), Model()

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            for one in self.model.open:
                one.stack.close()
            self.stack.close()

    @rule(content=CONTENTS)
    def start_publishing(self, content: str) -> None:
        if len(self.model.open) < 3:
            stack = ExitStack()
            context = stack.enter_context(self.context.holding())
            self._put(context, content)
            self.model.open.append(Publication(content, context, stack))

    @precondition(lambda self: self.model.open)
    @rule(which=st.integers(0, 9))
    def commit(self, which: int) -> None:
        one = self.model.open.pop(which % len(self.model.open))
        with one.stack, one.context.write() as uow:
            ref = add_version(uow, f"team/name-{which}", content=one.content)
            uow.commit(Event("model_version.imported", str(ref)))
        self.model.versions[ref] = one.content

    @precondition(lambda self: self.model.open)
    @rule(which=st.integers(0, 9))
    def die_while_publishing(self, which: int) -> None:
        """The hold ends with the process, and its bytes stay."""
        self.model.open.pop(which % len(self.model.open)).stack.close()

    @rule(content=CONTENTS)
    def run_out_of_space(self, content: str) -> None:
        before, broken = set(self.blobs.list()), set(self.model.broken)
        try:
            with self.context.holding() as context:
                self._put(context, content)
                raise NoSpaceError("The disk is full")
        except NoSpaceError:
            assert set(self.blobs.list()) == before, "what a failed add stored is given back"
            self.model.broken |= broken - before

    @precondition(lambda self: self.model.versions)
    @rule(which=st.integers(0, 99))
    def delete(self, which: int) -> None:
        ref = self._one(which)
        with self.context.write() as uow:
            uow.catalog.delete_version(ref, at=self.clock.now())
            uow.commit(Event("model_version.deleted", str(ref)))
        del self.model.versions[ref]

    @precondition(lambda self: self.model.versions)
    @rule(which=st.integers(0, 99), content=CONTENTS)
    def add_evidence(self, which: int, content: str) -> None:
        ref = self._one(which)
        with self.context.holding() as context:
            file, _ = context.blobs.put(io.BytesIO(f"report on {content}".encode()))
            now = self.clock.now()
            value = EvidenceValue(new_id("ev", now), ref, file, "report", file, {}, file, "r.txt", now, "ana")
            with context.write() as uow:
                uow.governance.add_evidence(value)
                uow.commit(Event("evidence.added", str(ref)))
        self.model.evidence.add(file)
        self.model.broken.discard(file)
        self._copy(file)

    @precondition(lambda self: self.model.versions)
    @rule(which=st.integers(0, 99))
    def submit_a_step(self, which: int) -> None:
        ref = self._one(which)
        new = step("team/later", inputs=[step_input(ref, role="source")], state=StepState.QUEUED)
        with self.context.write() as uow:
            uow.steps.add(new)
            uow.commit(Event("transfer.submitted", new.id))
        self.model.inputs[new.id] = self.model.versions[ref]

    @precondition(lambda self: len(self.model.inputs) > 2)
    @rule(which=st.integers(0, 99))
    def cancel_a_step(self, which: int) -> None:
        step_id = sorted(self.model.inputs)[which % len(self.model.inputs)]
        with self.context.write() as uow:
            uow.steps.move(step_id, expected=frozenset({StepState.QUEUED}), to=StepState.CANCELLED, at=self.clock.now())
            uow.commit(Event("transfer.cancelled", step_id))
        del self.model.inputs[step_id]

    @rule(hours=st.sampled_from([1, 5, 30]))
    def wait(self, hours: int) -> None:
        self.clock.forward(hours=hours)
        for path in _files(self.home / "blobs"):
            then = path.stat().st_mtime - hours * HOUR
            os.utime(path, (then, then))

    @rule(grace=st.sampled_from([0, 0, 1, 24]), delete=st.sampled_from([True, True, True, False]))
    def collect(self, grace: int, delete: bool) -> None:
        report = self.store.collect(grace=timedelta(hours=grace), delete=delete)
        if delete and grace == 0 and not self.model.open:
            assert set(self.blobs.list()) <= self.model.needed() | self._fresh(), "what nothing needs is gone"
        assert report.deleted is (delete and report.objects > 0)

    @precondition(lambda self: self.model.versions)
    @rule(which=st.integers(0, 99), flip=st.booleans())
    def damage(self, which: int, flip: bool) -> None:
        wanted = digest(self.model.versions[self._one(which)])
        path = self.home / "blobs" / wanted.hex[:2] / wanted.hex[2:4] / wanted.hex
        if flip and path.exists():
            path.chmod(0o644)
            path.write_bytes(b"?" + path.read_bytes()[1:])
        else:
            path.unlink(missing_ok=True)
        self.model.broken.add(wanted)

    @rule()
    def verify(self) -> None:
        found = {one.digest for one in self.store.verify(restart=True).damage}
        live = {digest(content) for content in self.model.versions.values()}
        assert found == self.model.broken & live

    @rule()
    def repair(self) -> None:
        marked = {one.digest for one in self.store.verify(restart=True).damage}
        assert self.store.repair(self.backup).damage == ()
        self.model.broken -= marked

    @invariant()
    def nothing_that_is_needed_is_lost(self) -> None:
        type(self).steps += 1
        if hasattr(self, "model"):
            lost = [one for one in self.model.needed() - self.model.broken if not self.blobs.exists(one)]
            assert not lost

    def _put(self, context: Context, content: str) -> None:
        store(context.blobs, content)
        self.model.broken.discard(digest(content))
        self._copy(digest(content))
        self._copy(digest("{}"))

    def _copy(self, wanted: Digest) -> None:
        with self.blobs.open(wanted) as stream:
            (self.backup / wanted.hex).write_bytes(stream.read())

    def _one(self, which: int) -> VersionRef:
        refs = sorted(self.model.versions)
        return refs[which % len(refs)]

    def _fresh(self) -> set[Digest]:
        """Put in the same tick of the file system's clock as the collection."""
        now = self.blobs.moment()
        return {one for one in self.blobs.list() if self.blobs.put_at(one) > now - 1}


@cache
def empty_database() -> Path:
    """A SQLite file at the newest revision, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="forebear-empty-"))
    atexit.register(shutil.rmtree, folder)
    with open_database(default_url(folder)) as database:
        database.create_or_upgrade()
    return folder / "registry.db"


def _files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file()) if root.is_dir() else iter(())

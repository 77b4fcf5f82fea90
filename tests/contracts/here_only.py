"""Calls of the verbs that work on the machine of the registry folder alone, for `test_verbs`."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

from lineage import Digest
from registry.domain.catalog.picking import Picked
from registry.domain.drafts.drafts import Commit
from registry.domain.people.identities import Identity
from registry.domain.verbs.drift import CheckDrift
from registry.domain.verbs.registry import Registry
from registry.domain.verbs.selection import CompareDatasets
from tests.contracts.verb_calls import CHILD, DATA, DIGITS, LATEST

HERE_ONLY: Mapping[str, Callable[[Registry, Path], object]] = {
    "sessions.authenticate": lambda r, _: r.sessions.authenticate("fbr_x"),
    "sessions.begin": lambda r, _: r.sessions.begin("fbr_x", "::1"),
    "sessions.visit": lambda r, _: r.sessions.visit("x"),
    "sessions.still": lambda r, _: r.sessions.still("ses-x"),
    "sessions.holder": lambda r, _: r.sessions.holder("tok-x"),
    "sessions.prove": lambda r, _: r.sessions.prove("x"),
    "sessions.end": lambda r, _: r.sessions.end("ses-x"),
    "catalog.given_file": lambda r, _: r.catalog.given_file(CHILD, "config.json"),
    "catalog.list_models": lambda r, _: r.catalog.list_models(Picked()),
    "catalog.list_versions": lambda r, _: r.catalog.list_versions(Picked()),
    "passwords.begin": lambda r, _: r.passwords.begin("ana", "x", "::1"),
    "identities.begin": lambda r, _: r.identities.begin(Identity("https://id.example", "u"), Digest.of(b""), "::1"),
    "identities.bind": lambda r, _: r.identities.bind(Identity("https://id.example", "u"), Digest.of(b"")),
    "selection.compare": lambda r, _: r.selection.compare(CompareDatasets(DATA, DATA)),
    "drift.watch": lambda r, _: r.drift.watch(CHILD, DATA),
    "drift.check": lambda r, _: r.drift.check(CheckDrift(CHILD, DATA)),
    "cascades.run": lambda r, _: r.cascades.run(r.cascades.plan(LATEST)),
    "transfers.measure_forgetting": lambda r, _: r.transfers.measure_forgetting("step-01kaq000000000000000000000"),
    "notifications.deliver": lambda r, _: r.notifications.deliver(),
    "drafts.begin": lambda r, _: r.drafts.begin(DIGITS),
    "drafts.sent": lambda r, _: r.drafts.sent(DIGITS, []),
    "drafts.receive": lambda r, _: r.drafts.receive(io.BytesIO()),
    "drafts.check_room": lambda r, _: r.drafts.check_room(1),
    "drafts.commit": lambda r, _: r.drafts.commit(DIGITS, Commit()),
    "drafts.check_card": lambda r, _: r.drafts.check_card("# x"),
    "drafts.card": lambda r, _: r.drafts.card(DIGITS),
    "drafts.epoch": lambda r, _: r.drafts.epoch(),
    "drafts.receive_xorb": lambda r, _: r.drafts.receive_xorb("0" * 64, io.BytesIO()),
    "drafts.assemble": lambda r, _: r.drafts.assemble(b""),
    "uploads.lay_out": lambda r, folder: r.uploads.lay_out(LATEST, [], folder),
    "uploads.end": lambda r, _: r.uploads.end(LATEST, []),
    "store.repair": lambda r, folder: r.store.repair(folder),
    "backups.create": lambda r, folder: r.backups.create(folder / "backup"),
    "audit.rotate_key": lambda r, _: r.audit.rotate_key(),
}

"""Each change writes one entry of the audit log; every route, form and command that changes something is listed here.

A new one fails until it is listed with its verb, and the verb with the entries that it writes.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

from fastapi.routing import APIRoute

import registry.web
from registry.cli import reference
from registry.domain.paging import every
from registry.domain.verbs.registry import Registry
from tests.contracts.here_only import HERE_ONLY
from tests.contracts.test_verbs import PROTOCOLS
from tests.contracts.verb_calls import READS
from tests.contracts.verb_stories import changes
from tests.registry.api.changing import API, COMMANDS, FORMS, OF_THE_WHOLE, READING, ROUTES
from tests.serving import ServedRegistry

WRITTEN: Mapping[str, list[str]] = {
    "catalog.create": ["model.created", "model.renamed"],
    "catalog.copy": ["model_version.copied"],
    "catalog.revise_card": ["card.revised"],
    "catalog.describe": ["model.described"],
    "catalog.tag": ["tags.set", "tags.set"],
    "catalog.set_alias": ["alias.moved", "alias.moved"],
    "catalog.drop_alias": ["alias.dropped"],
    "catalog.set_status": ["model_version.suspended", "dataset_version.deprecated"],
    "catalog.set_status, lifted": ["model_version.restored"],
    "catalog.mark": ["mark.added", "mark.removed"],
    "lineage.verify": ["lineage.verified"],
    "lineage.declare_compute": ["compute.declared"],
    "promotions.add_evidence": ["evidence.added", "evidence.added"],
    "promotions.request": ["promotion.requested", "model_version.promoted", "promotion.decided"],
    "reviews.add_finding": ["finding.raised"],
    "reviews.resolve_finding": ["finding.resolved"],
    "promotions.reject": ["promotion.rejected", "promotion.decided"],
    "promotions.overrule": ["promotion.overruled"],
    "promotions.withdraw": ["promotion.requested", "promotion.withdrawn"],
    "promotions.veto": ["promotion.requested"],
    "promotions.approve": ["promotion.approved", "model_version.promoted", "promotion.decided"],
    "recalls.open": ["recall.opened"],
    "recalls.dispose": ["recall.disposed"],
    "recalls.confirm": ["recall.confirmed"],
    "recalls.reverse": ["recall.reversed"],
    "upstreams.pin": ["upstream.pinned"],
    "upstreams.check": ["finding.raised", "finding.raised"],
    "reviews.promote_in_emergency": ["token.created"],
    "reviews.agree_to_emergency": ["token.created"],
    "reviews.report_for_attestation": ["attestation.reported"],
    "promotions.publish_policy": ["policy.proposed"],
    "promotions.vote_on_policy": ["policy.withdrawn"],
    "teams.open": ["team.opened"],
    "teams.close": ["team.closed", "team.member_added"],
    "teams.add_member": ["team.member_added"],
    "teams.remove_member": ["team.member_removed", "team.opened"],
    "people.add": ["person.added", "person.added"],
    "people.set_key": ["token.created", "person.key_set"],
    "people.grant": ["role.granted", "role.offered"],
    "people.confirm": ["role.granted"],
    "people.enrol": ["enrolment.offered"],
    "people.confirm_enrolment": ["enrolment.confirmed"],
    "people.revoke": ["role.revoked"],
    "people.link": ["person.linked"],
    "people.erase": ["person.erasure_asked", "role.revoked", "person.erased"],
    "people.withdraw_erasure": ["person.erasure_asked", "person.erasure_withdrawn"],
    "notifications.add_webhook": ["webhook.added"],
    "notifications.remove_webhook": ["webhook.removed"],
    "notifications.set_address": ["person.email_set"],
    "people.create_token": ["token.created"],
    "people.revoke_token": ["token.revoked"],
    "devices.allow": ["device.allowed"],
    "devices.poll": ["token.created"],
    "sessions.end_all": ["session.all_ended"],
    "catalog.delete": ["model_version.deleted"],
    "transfers.record": ["transfer.failed"],
    "store.verify": ["store.verified", "store.verified"],
    "store.collect": ["store.collected"],
}
"""What each part of the story `changes` writes, one entry for each change in it; every other part writes nothing."""
TOLD_ELSEWHERE = {
    "audit.rotate_key": "tests/registry/services/audit/test_checkpoints.py",
    "catalog.import_model": "tests/registry/services/artifacts/test_publishing.py",
    "datasets.add": "tests/registry/services/artifacts/test_publishing.py",
    **dict.fromkeys(("sessions.begin", "sessions.end"), "tests/registry/services/people/test_sessions.py"),
    **dict.fromkeys(
        ("identities.begin", "identities.bind", "identities.unbind"),
        "tests/registry/services/people/test_identities.py",
    ),
    **dict.fromkeys(
        ("people.renew_token", "sessions.prove"), "tests/registry/services/governance/reviews/test_proofs.py"
    ),
    **dict.fromkeys(
        ("devices.begin", "devices.refuse"),
        "tests/registry/services/people/test_devices.py",
    ),
    **dict.fromkeys(
        ("passwords.begin", "passwords.remove", "passwords.set", "passwords.token"),
        "tests/registry/services/people/test_passwords.py",
    ),
    **dict.fromkeys(("promotions.complete", "promotions.veto"), "tests/registry/services/governance"),
    **dict.fromkeys(
        (
            "drafts.assemble",
            "drafts.begin",
            "drafts.commit",
            "drafts.discard",
            "drafts.receive",
            "drafts.receive_xorb",
            "drafts.register",
            *("uploads.append", "uploads.discard", "uploads.end"),
        ),
        "tests/registry/services/drafts",
    ),
    "reviews.attest": "tests/registry/services/governance/reviews",
    "reviews.approve_waiver": "tests/registry/services/governance/reviews",
    "reviews.ask_for_waiver": "tests/registry/services/governance/reviews",
    "reviews.end_waiver": "tests/registry/services/governance/reviews",
    "reviews.review_emergency": "tests/registry/services/governance/reviews",
    "reviews.roll_back": "tests/registry/services/governance/reviews",
    "reviews.tick": "tests/registry/services/governance/reviews",
    **dict.fromkeys(("corrections.ask", "corrections.decide"), "tests/registry/services/governance/corrections"),
    "cascades.run": "tests/registry/services/cascade/test_running.py",
    **dict.fromkeys(("drift.check", "drift.watch"), "tests/registry/services/drift/test_verbs.py"),
    "selection.start": "tests/registry/services/selection/test_ranking.py",
    "selection.recommend": "tests/registry/services/selection/test_verbs.py",
    "notifications.deliver": "tests/registry/services/notifications/test_delivering.py",
    "notifications.resume_webhook": "tests/registry/services/notifications/test_delivering.py",
    "store.repair": "tests/registry/services/artifacts",
    "lineage.count_leakage": "tests/registry/services/lineage/test_counting_leakage.py",
    "transfers.measure_forgetting": "tests/registry/services/transfers/test_forgetting.py",
    **dict.fromkeys(
        ("work.take", "work.report", "work.give_up", "work.hand_over"), "tests/registry/services/transfers/remote"
    ),
    **dict.fromkeys(("transfers.cancel", "transfers.resume", "transfers.submit"), "tests/registry/services/transfers"),
}
"""Verbs whose entries need a longer story, and where it is."""
UNCHANGING = {
    *("catalog.given_file", "catalog.list_models", "catalog.list_versions"),
    "teams.show",
    *("selection.compare", "selection.ranking"),
    "notifications.test_mail", "notifications.test_webhook", "notifications.webhook",
    "corrections.show",
    *("lineage.identify", "lineage.leakage_count", "recalls.advisory"),
    "audit.checkpoint", "backups.create", "catalog.pull", "datasets.pull", "sessions.visit",
    *("passwords.of", "devices.show"),
    "sessions.still", "sessions.holder", "sessions.authenticate", "promotions.explain", "promotions.policy_proposal",
    *("drafts.card", "drafts.check_card", "drafts.check_room", "drafts.epoch"),
    *("drafts.list", "drafts.sent", "drafts.show", "uploads.standing", "uploads.lay_out"),
    "recalls.downloads", "recalls.show", "recalls.tasks", "reports.statement",
    "reviews.attestations",
    "reviews.emergencies", "reviews.emergency", "reviews.finding", "reviews.waiver", "reviews.waivers",
    "transfers.answers", "transfers.verdict", "work.rows",
}  # fmt: skip
"""Verbs besides those of `READS` that change nothing in the registry."""


def entries(registry: Registry) -> list[tuple[int, str]]:
    return sorted((one.seq, one.action) for one in every(lambda page: registry.audit.search(page=page)))


def test_each_change_writes_exactly_its_entries_and_nothing_else_does(
    own_served: ServedRegistry, tmp_path: Path
) -> None:
    ana = own_served.family.registry("ana")
    before = entries(ana)
    written = {}
    for name, _ in changes(own_served.family.registry, tmp_path):
        now = entries(ana)
        assert now[: len(before)] == before, f"{name} changed what was written"
        if new := [action for _, action in now[len(before) :]]:
            written[name] = new
        before = now
    assert written == dict(WRITTEN)


def test_what_reads_writes_no_entry(own_served: ServedRegistry) -> None:
    ana = own_served.family.registry("ana")
    before = entries(ana)
    for read in READS.values():
        read(ana)
    assert entries(ana) == before


def test_every_verb_is_known_to_write_entries_or_to_change_nothing() -> None:
    declared = {
        f"{subject}.{name}"
        for subject, protocol in PROTOCOLS.items()
        for name, _ in inspect.getmembers(protocol, inspect.isfunction)
        if name[0] != "_"
    }
    reading = {name.partition(",")[0] for name in READS} | UNCHANGING
    writing = {name.partition(",")[0] for name in WRITTEN} | set(TOLD_ELSEWHERE)
    assert declared ^ {name for name in reading | writing if "." in name} == set()
    assert reading & writing == set()
    assert set(HERE_ONLY) <= declared
    assert all(Path(place).exists() for place in TOLD_ELSEWHERE.values())


def test_every_route_form_and_command_that_changes_something_is_listed_with_its_verb(served: ServedRegistry) -> None:
    routes = {
        f"{method.upper()} {path.removeprefix(API)}"
        for path, methods in served.app.openapi()["paths"].items()
        for method in methods
        if method not in {"get", "head"}
    }
    rooms = [import_module(one.name) for one in walk_packages(registry.web.__path__, "registry.web.")]
    pages = [route for room in rooms if hasattr(room, "router") for route in room.router.routes]
    forms = {
        f"{method} {route.path}"
        for route in (*served.app.routes, *pages)
        if isinstance(route, APIRoute)
        for method in set(route.methods or ()) - {"GET", "HEAD"}
    } | {"POST /sign-out"}
    commands = {words.removeprefix("forebear ") for words, _ in reference.commands()}
    assert routes ^ set(ROUTES) == set()
    assert forms ^ set(FORMS) == set()
    assert commands ^ (set(COMMANDS) | READING | OF_THE_WHOLE) == set()
    writing = {name.partition(",")[0] for name in WRITTEN} | set(TOLD_ELSEWHERE)
    reading = {name.partition(",")[0] for name in READS} | UNCHANGING
    assert {*ROUTES.values(), *FORMS.values(), *COMMANDS.values()} - writing - reading == set()

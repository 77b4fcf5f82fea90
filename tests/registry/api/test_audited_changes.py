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
from tests.contracts.test_verbs import HERE_ONLY, PROTOCOLS, changes
from tests.contracts.verb_calls import READS
from tests.serving import ServedRegistry

WRITTEN: Mapping[str, list[str]] = {
    "catalog.revise_card": ["card.revised"],
    "catalog.describe": ["model.described"],
    "catalog.tag": ["tags.set", "tags.set"],
    "catalog.set_alias": ["alias.moved", "alias.moved"],
    "catalog.drop_alias": ["alias.dropped"],
    "catalog.set_status": ["model_version.suspended", "dataset_version.deprecated"],
    "catalog.set_status, lifted": ["model_version.restored"],
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
    "people.add": ["person.added", "person.added"],
    "people.set_key": ["token.created", "person.key_set"],
    "people.grant": ["role.granted", "role.offered"],
    "people.confirm": ["role.granted"],
    "people.revoke": ["role.revoked"],
    "people.link": ["person.linked"],
    "people.erase": ["person.erasure_asked", "role.revoked", "person.erased"],
    "people.withdraw_erasure": ["person.erasure_asked", "person.erasure_withdrawn"],
    "notifications.add_webhook": ["webhook.added"],
    "notifications.remove_webhook": ["webhook.removed"],
    "notifications.set_address": ["person.email_set"],
    "people.create_token": ["token.created"],
    "people.revoke_token": ["token.revoked"],
    "catalog.delete": ["model_version.deleted"],
    "store.verify": ["store.verified", "store.verified"],
    "store.collect": ["store.collected"],
}
"""What each part of the story `changes` writes, one entry for each change in it; every other part writes nothing."""
TOLD_ELSEWHERE = {
    "audit.rotate_key": "tests/registry/services/audit/test_checkpoints.py",
    "catalog.import_model": "tests/registry/services/artifacts/test_publishing.py",
    "datasets.add": "tests/registry/services/artifacts/test_publishing.py",
    **dict.fromkeys(("people.begin_session", "people.end_session"), "tests/registry/services/people/test_verbs.py"),
    **dict.fromkeys(("promotions.complete", "promotions.veto"), "tests/registry/services/governance"),
    "reviews.attest": "tests/registry/services/governance/reviews",
    "reviews.approve_waiver": "tests/registry/services/governance/reviews",
    "reviews.ask_for_waiver": "tests/registry/services/governance/reviews",
    "reviews.end_waiver": "tests/registry/services/governance/reviews",
    "reviews.review_emergency": "tests/registry/services/governance/reviews",
    "reviews.roll_back": "tests/registry/services/governance/reviews",
    "reviews.tick": "tests/registry/services/governance/reviews",
    "cascades.run": "tests/registry/services/cascade/test_running.py",
    **dict.fromkeys(("drift.check", "drift.watch"), "tests/registry/services/drift/test_verbs.py"),
    "selection.start": "tests/registry/services/selection/test_ranking.py",
    "selection.recommend": "tests/registry/services/selection/test_verbs.py",
    "notifications.deliver": "tests/registry/services/notifications/test_delivering.py",
    "notifications.resume_webhook": "tests/registry/services/notifications/test_delivering.py",
    "store.repair": "tests/registry/services/artifacts",
    "transfers.measure_forgetting": "tests/registry/services/transfers/test_forgetting.py",
    **dict.fromkeys(("transfers.cancel", "transfers.resume", "transfers.submit"), "tests/registry/services/transfers"),
}
"""Verbs whose entries need a longer story, and where it is."""
UNCHANGING = {
    *("selection.compare", "selection.ranking"),
    "notifications.test_mail", "notifications.test_webhook", "notifications.webhook",
    *("lineage.identify", "recalls.advisory"),
    "audit.checkpoint", "backups.create", "catalog.pull", "datasets.pull", "people.actor_of_token",
    "people.authenticate", "promotions.explain", "promotions.policy_proposal",
    "recalls.downloads", "recalls.show", "recalls.tasks", "reports.statement",
    "reviews.attestations",
    "reviews.emergencies", "reviews.emergency", "reviews.finding", "reviews.waiver", "reviews.waivers",
    "transfers.answers", "transfers.verdict",
}  # fmt: skip
"""Verbs besides those of `READS` that change nothing in the registry."""
API = "/api/v1"
ROUTES: Mapping[str, str] = {
    "POST /attestations": "reviews.attest",
    "POST /attestations/report": "reviews.report_for_attestation",
    "POST /emergencies": "reviews.promote_in_emergency",
    "POST /emergencies/{emergency_id}/agree": "reviews.agree_to_emergency",
    "POST /emergencies/{emergency_id}/review": "reviews.review_emergency",
    "POST /policies/cases": "promotions.test_policy_cases",
    "POST /policies/diff": "promotions.diff_policies",
    "POST /policies/test": "promotions.test_policy",
    "POST /recalls": "recalls.open",
    "POST /recalls/preview": "recalls.preview",
    "POST /recalls/advisory": "recalls.advisory",
    "POST /recalls/{recall_id}/reverse": "recalls.reverse",
    "POST /recalls/{recall_id}/tasks": "recalls.dispose",
    "POST /recalls/{recall_id}/tasks/confirm": "recalls.confirm",
    "POST /rollbacks": "reviews.roll_back",
    "POST /upstreams": "upstreams.pin",
    "POST /upstreams/check": "upstreams.check",
    "DELETE /models/{team}/{name}": "catalog.delete",
    "DELETE /models/{team}/{name}/aliases/{alias}": "catalog.drop_alias",
    "DELETE /models/{team}/{name}/versions/{version}": "catalog.delete",
    "DELETE /people/{handle}/roles/{role}": "people.revoke",
    "DELETE /tokens/{token}": "people.revoke_token",
    "PATCH /models/{team}/{name}/tags": "catalog.tag",
    "PATCH /models/{team}/{name}/versions/{version}/tags": "catalog.tag",
    "POST /audit/checkpoints": "audit.checkpoint",
    "POST /datasets/{team}/{name}/versions": "datasets.add",
    "POST /datasets/{team}/{name}/versions/{version}/archive": "catalog.set_status",
    "POST /datasets/{team}/{name}/versions/{version}/deprecate": "catalog.set_status",
    "POST /datasets/{team}/{name}/versions/{version}/recall": "catalog.set_status",
    "POST /datasets/{team}/{name}/versions/{version}/restore": "catalog.set_status",
    "POST /datasets/{team}/{name}/versions/{version}/suspend": "catalog.set_status",
    "POST /findings": "reviews.add_finding",
    "POST /findings/{finding_id}/resolve": "reviews.resolve_finding",
    "POST /lineage/checks": "lineage.verify",
    "POST /lineage/compute": "lineage.declare_compute",
    "POST /lineage/identify": "lineage.identify",
    "POST /models/{team}/{name}/versions": "catalog.import_model",
    "POST /models/{team}/{name}/versions/{version}/archive": "catalog.set_status",
    "POST /models/{team}/{name}/versions/{version}/cards": "catalog.revise_card",
    "POST /models/{team}/{name}/versions/{version}/deprecate": "catalog.set_status",
    "POST /models/{team}/{name}/versions/{version}/evidence": "promotions.add_evidence",
    "POST /models/{team}/{name}/versions/{version}/recall": "catalog.set_status",
    "POST /models/{team}/{name}/versions/{version}/restore": "catalog.set_status",
    "POST /models/{team}/{name}/versions/{version}/suspend": "catalog.set_status",
    "POST /people": "people.add",
    "POST /people/{handle}/erasure": "people.erase",
    "DELETE /people/{handle}/erasure": "people.withdraw_erasure",
    "POST /people/{handle}/roles/{role}/confirm": "people.confirm",
    "POST /people/{handle}/tokens": "people.create_token",
    "POST /policies": "promotions.publish_policy",
    "POST /policies/check": "promotions.check_policy",
    "POST /policy-proposals/{proposal_id}/approve": "promotions.vote_on_policy",
    "POST /policy-proposals/{proposal_id}/reject": "promotions.vote_on_policy",
    "POST /promotions": "promotions.request",
    "POST /promotions/{request_id}/approve": "promotions.approve",
    "POST /promotions/{request_id}/complete": "promotions.complete",
    "POST /promotions/{request_id}/overrule": "promotions.overrule",
    "POST /promotions/{request_id}/reject": "promotions.reject",
    "POST /promotions/{request_id}/veto": "promotions.veto",
    "POST /promotions/{request_id}/withdraw": "promotions.withdraw",
    "POST /recipes/check": "transfers.check",
    "POST /store/check": "store.verify",
    "POST /store/collect": "store.collect",
    "POST /tick": "reviews.tick",
    "POST /people/{handle}/email/test": "notifications.test_mail",
    "PUT /people/{handle}/key": "people.set_key",
    "PUT /people/{handle}/email": "notifications.set_address",
    "DELETE /webhooks/{webhook_id}": "notifications.remove_webhook",
    "POST /webhooks": "notifications.add_webhook",
    "POST /webhooks/{webhook_id}/resume": "notifications.resume_webhook",
    "POST /webhooks/{webhook_id}/test": "notifications.test_webhook",
    "POST /selections": "selection.start",
    "POST /transfers": "transfers.submit",
    "POST /transfers/{step}/cancel": "transfers.cancel",
    "POST /transfers/{step}/resume": "transfers.resume",
    "POST /waivers": "reviews.ask_for_waiver",
    "POST /waivers/{waiver_id}/approve": "reviews.approve_waiver",
    "POST /waivers/{waiver_id}/end": "reviews.end_waiver",
    "PUT /models/{team}/{name}": "catalog.describe",
    "PUT /models/{team}/{name}/aliases/{alias}": "catalog.set_alias",
    "PUT /people/{handle}/roles/{role}": "people.grant",
    "PUT /people/{handle}/same-as/{other}": "people.link",
}
"""Every route that is not safe, and its verb."""
FORMS: Mapping[str, str] = {
    "POST /recalls": "recalls.open",
    "POST /recalls/{recall_id}/reverse": "recalls.reverse",
    "POST /recalls/{recall_id}/tasks": "recalls.dispose",
    "POST /recalls/{recall_id}/tasks/confirm": "recalls.confirm",
    "POST /emergencies": "reviews.promote_in_emergency",
    "POST /emergencies/{emergency_id}/agree": "reviews.agree_to_emergency",
    "POST /emergencies/{emergency_id}/review": "reviews.review_emergency",
    "POST /rollbacks": "reviews.roll_back",
    "POST /advisories": "recalls.advisory",
    "POST /evidence": "promotions.add_evidence",
    "POST /findings": "reviews.add_finding",
    "POST /findings/{finding_id}/resolve": "reviews.resolve_finding",
    "POST /people/{handle}/{role}/confirm": "people.confirm",
    "POST /policies": "promotions.publish_policy",
    "POST /policies/{proposal_id}/{vote}": "promotions.vote_on_policy",
    "POST /promotions": "promotions.request",
    "POST /promotions/{request_id}/approve": "promotions.approve",
    "POST /promotions/{request_id}/approve-with-condition": "promotions.approve",
    "POST /promotions/{request_id}/complete": "promotions.complete",
    "POST /promotions/{request_id}/overrule": "promotions.overrule",
    "POST /promotions/{request_id}/reject": "promotions.reject",
    "POST /promotions/{request_id}/veto": "promotions.veto",
    "POST /promotions/{request_id}/withdraw": "promotions.withdraw",
    "POST /sign-in": "people.begin_session",
    "POST /sign-out": "people.end_session",
    "POST /inbox": "notifications.set_address",
    "POST /status": "catalog.set_status",
    "POST /webhooks": "notifications.add_webhook",
    "POST /webhooks/{webhook_id}/{deed}": "notifications.remove_webhook",
    "POST /start/data": "datasets.add",
    "POST /start/ranking": "selection.start",
    "POST /start/run": "transfers.submit",
    "POST /steps/{step}/cancel": "transfers.cancel",
    "POST /steps/{step}/resume": "transfers.resume",
    "POST /waivers": "reviews.ask_for_waiver",
    "POST /waivers/{waiver_id}/{deed}": "reviews.approve_waiver",
}
"""Every form of the pages."""
COMMANDS: Mapping[str, str] = {
    "attest": "reviews.attest",
    "attestation report": "reviews.report_for_attestation",
    "emergency promote": "reviews.promote_in_emergency",
    "emergency agree": "reviews.agree_to_emergency",
    "emergency review": "reviews.review_emergency",
    "promote rollback": "reviews.roll_back",
    "cascade run": "cascades.run",
    "drift check": "drift.check",
    "drift watch": "drift.watch",
    "recommend": "selection.recommend",
    "start": "transfers.submit",
    "transfer forgetting": "transfers.measure_forgetting",
    "recall confirm": "recalls.confirm",
    "recall dispose": "recalls.dispose",
    "recall open": "recalls.open",
    "recall reverse": "recalls.reverse",
    "upstream pin": "upstreams.pin",
    "upstream check": "upstreams.check",
    "audit rotate-key": "audit.rotate_key",
    "dataset add": "datasets.add",
    "dataset archive": "catalog.set_status",
    "dataset deprecate": "catalog.set_status",
    "dataset recall": "catalog.set_status",
    "dataset restore": "catalog.set_status",
    "dataset suspend": "catalog.set_status",
    "evidence add": "promotions.add_evidence",
    "finding add": "reviews.add_finding",
    "finding resolve": "reviews.resolve_finding",
    "lineage verify": "lineage.verify",
    "lineage declare-compute": "lineage.declare_compute",
    "model alias": "catalog.set_alias",
    "model archive": "catalog.set_status",
    "model card": "catalog.revise_card",
    "model delete": "catalog.delete",
    "model deprecate": "catalog.set_status",
    "model describe": "catalog.describe",
    "model import": "catalog.import_model",
    "model import-all": "catalog.import_model",
    "model import-mlflow": "catalog.import_model",
    "model recall": "catalog.set_status",
    "model restore": "catalog.set_status",
    "model suspend": "catalog.set_status",
    "model tag": "catalog.tag",
    "person add": "people.add",
    "person erase": "people.erase",
    "person key": "people.set_key",
    "person link": "people.link",
    "person withdraw-erasure": "people.withdraw_erasure",
    "policy approve": "promotions.vote_on_policy",
    "policy publish": "promotions.publish_policy",
    "policy reject": "promotions.vote_on_policy",
    "promote approve": "promotions.approve",
    "promote complete": "promotions.complete",
    "promote overrule": "promotions.overrule",
    "promote reject": "promotions.reject",
    "promote request": "promotions.request",
    "promote veto": "promotions.veto",
    "promote withdraw": "promotions.withdraw",
    "role confirm": "people.confirm",
    "role grant": "people.grant",
    "role revoke": "people.revoke",
    "store gc": "store.collect",
    "store repair": "store.repair",
    "store verify": "store.verify",
    "tick": "reviews.tick",
    "token create": "people.create_token",
    "token revoke": "people.revoke_token",
    "transfer cancel": "transfers.cancel",
    "transfer resume": "transfers.resume",
    "transfer run": "transfers.submit",
    "mail address": "notifications.set_address",
    "mail test": "notifications.test_mail",
    "webhook add": "notifications.add_webhook",
    "webhook remove": "notifications.remove_webhook",
    "webhook resume": "notifications.resume_webhook",
    "webhook test": "notifications.test_webhook",
    "waiver approve": "reviews.approve_waiver",
    "waiver end": "reviews.end_waiver",
    "waiver request": "reviews.ask_for_waiver",
}
"""Every command that changes something."""
READING = {
    "mail list",
    "annex-iv", "as-of", "attestation list", "audit checkpoint", "audit export", "audit prove", "audit show",
    "audit verify", "backup create", "backup verify", "cascade plan", "dataset compare", "dataset list",
    "dataset pull", "dataset show", "dataset versions", "doctor", "drift list", "drift show", "emergency list",
    "evidence list", "evidence types", "finding list", "history", "inbox", "inventory", "lineage common",
    "lineage compute", "lineage export", "lineage identify", "lineage leakage", "lineage notice",
    "lineage obligations", "lineage path",
    "lineage relatives", "lineage show", "login", "logout", "model diff", "model list", "model pull", "model search",
    "model show", "model versions", "person list", "policy check", "policy diff", "policy explain", "policy history",
    "policy proposal", "policy proposals", "policy reach", "policy show", "policy test", "promote list",
    "promote show", "promote statement", "recall advisory", "recall downloads", "recall list", "recall preview",
    "recall show", "recall tasks", "recipe check", "recipe schema", "remote list", "remote use", "role offers",
    "serve", "store stats", "store status", "token list", "transfer list", "transfer logs", "transfer show",
    "transfer verdict", "upstream list", "waiver list", "webhook deliveries", "webhook list", "whoami",
}  # fmt: skip
"""Commands that write no entry."""
OF_THE_WHOLE = {"init", "backup restore"}
"""Commands that make a registry: its first entries (`person.added`, …), and `registry.restored`."""


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

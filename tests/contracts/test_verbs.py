"""The verbs have one meaning: a registry on the own disk and one behind a server answer every one of them alike.

What only reads is asked of one registry in both ways. What changes something is done to two copies of it, one in each
way; of the answers, ids, times and secrets alone may differ.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from registry.client.registry import RemoteRegistry
from registry.client.transport.connection import Connection
from registry.domain import verbs
from registry.domain.codec import to_json
from registry.domain.drafts.uploads import UploadVerbs
from registry.domain.drafts.verbs import DraftVerbs
from registry.domain.notifications.verbs import NotificationVerbs
from registry.domain.transfers.work import WorkVerbs
from registry.domain.verbs.registry import Registry
from registry.errors import NotRemoteError, RegistryError
from registry.services.governance.policies.stored import default_policy_text
from registry.storage.database import default_url, open_database
from tests.contracts.here_only import HERE_ONLY
from tests.contracts.test_plans import collected, scanned
from tests.contracts.verb_calls import (
    CHILD,
    ERRORS,
    READS,
    Verb,
)
from tests.contracts.verb_stories import Story, changes, uploads
from tests.serving import HOST, ServedRegistry, copy_of, serve_family


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    """A filled registry that tests only read."""
    return serve_family(tmp_path_factory.mktemp("verbs") / "home")


def remote(served: ServedRegistry, handle: str = "ana") -> RemoteRegistry:
    token = served.family.tokens[handle]
    return RemoteRegistry(Connection(HOST, token, http=served.client(), sleep=lambda _: None))


@pytest.fixture(scope="module")
def both(served: ServedRegistry) -> tuple[Registry, Registry]:
    return served.family.registry("ana"), remote(served)


def fails(verb: Verb, registry: Registry) -> RegistryError:
    with pytest.raises(RegistryError) as failed:
        verb(registry)
    return failed.value


JUDGED = frozenset({"recall", "waiver"})
COMPARED = ("doctor", "audit.verify")
"""These compare everything."""
WHOLE: Mapping[str, frozenset[str]] = {
    # What is asked for is all of it.
    "lineage.impact": frozenset({"edge"}),  # compiled once
    "selection.backtest": frozenset({"metric"}),
    "store.stats": frozenset({"version", "dataset_version", "evidence"}),
    "teams.list": frozenset({"team"}),
    # A row is what somebody decided: there are some hundreds of them.
    "catalog.pull_plan": JUDGED,
    "promotions.evidence_types": JUDGED,
    "promotions.options": JUDGED,
    "promotions.request_detail": JUDGED,
    "promotions.policy_reach": JUDGED,
    "promotions.test_policy": JUDGED,
    "promotions.policy_proposals": frozenset({"policy_proposal"}),
    "recalls.list": frozenset({"recall"}),
    "reviews.inbox": JUDGED | {"edge_correction", "emergency"},
    # Pages in the order of an index, of which some rows are passed over.
    "upstreams.list": frozenset({"upstream"}),
    # It says which versions have no index of their weights, so that they cannot be found by them.
    "recalls.advisory": frozenset({"version"}),
}
"""The tables that other verbs read from end to end on SQLite."""


@pytest.mark.parametrize("name", READS)
def test_both_give_the_same_value_and_no_table_is_read_whole_but_what_is_named_here(
    both: tuple[Registry, Registry], served: ServedRegistry, name: str
) -> None:
    here, there = both
    with collected() as statements:
        local = to_json(READS[name](here))
    assert to_json(READS[name](there)) == local
    assert local is not None or name == "store.last_check"
    if name not in COMPARED:
        with open_database(default_url(served.family.home)) as database, database.engine.connect() as connection:
            read = set[str]().union(*(scanned(connection, text, given) for text, given in statements.items()))
        assert read <= WHOLE.get(name, frozenset())


@pytest.mark.parametrize("name", ERRORS)
def test_both_fail_with_the_same_error(both: tuple[Registry, Registry], name: str) -> None:
    local, far = (fails(ERRORS[name], registry) for registry in both)
    assert (type(far), far.code, str(far)) == (type(local), local.code, str(local))
    assert to_json(far.facts) == to_json(local.facts)


@pytest.mark.parametrize("handle", ["vic", "dev"])
def test_both_refuse_what_roles_do_not_allow_with_the_same_error(served: ServedRegistry, handle: str) -> None:
    for verb in (
        lambda r: r.people.add("eve", "Eve"),
        lambda r: r.notifications.webhooks(),
        lambda r: r.store.verify(),
        lambda r: r.store.collect(),
        lambda r: r.catalog.delete(CHILD),
        lambda r: r.promotions.publish_policy(default_policy_text()),
    ):
        local, far = fails(verb, served.family.registry(handle)), fails(verb, remote(served, handle))
        assert (type(far), str(far), far.facts) == (type(local), str(local), local.facts)


def test_what_works_on_the_own_disk_alone_says_so(both: tuple[Registry, Registry], tmp_path: Path) -> None:
    far = both[1]
    for call in HERE_ONLY.values():
        with pytest.raises(NotRemoteError):
            call(far, tmp_path)
    with pytest.raises(NotRemoteError):
        far.as_actor(far.actor)
    assert list(tmp_path.iterdir()) == []


# --- what changes something ------------------------------------------------------------------------------------------

_VOLATILE = re.compile(r'(?<=["/ ])[a-z]+-[0-9a-z]{26}|\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)|fbr_\w+|fbr_…|whsec_[\w+/=]+')


def steady(value: object) -> object:
    """A value as JSON without ids, times, secrets, digests of those, and the folder of the copy."""
    text = _VOLATILE.sub("*", json.dumps(to_json(value)))
    text = re.sub(r'"(last_four|id|made_with|evidence|position)": "[^"]*"', r'"\1": "*"', text)
    return json.loads(re.sub(r"/[^\" ]*/(local|far)/", "/FOLDER/", text))


SMALL_ENOUGH = JUDGED | {"team", "emergency", "policy_proposal", "draft", "device_request", "upstream"}
"""What somebody decided, or what waits: no table of these grows with the library."""
EVERYTHING = ("people.erase", "store.verify", "store.collect", "store.repair", "doctor", "audit.verify")
"""These go through everything."""
WHOLE_IN_CHANGES: Mapping[str, frozenset[str]] = {
    # Versions without an index of their weights are named, since they cannot be found by them.
    "lineage.identify": frozenset({"version"}),
    # An alias in use does not lose its protection by a new policy.
    "promotions.publish_policy": frozenset({"alias"}),
    # Every approval that ends is asked for, or listed.
    "reviews.tick": frozenset({"attestation"}),
    "reviews.attestations": frozenset({"attestation"}),
}
"""The tables that verbs which change something read from end to end on SQLite."""


def done_in(way: str, story: Story, served: ServedRegistry, folder: Path) -> dict[str, object]:
    """What each verb of `story` gave, done to a copy of the registry."""
    folder.mkdir()
    own = copy_of(served, folder / "home")

    def opened(handle: str) -> Registry:
        return own.family.registry(handle) if way == "local" else remote(own, handle)

    found, told = dict[str, object](), story(opened, folder)
    with open_database(default_url(own.family.home)) as database, database.engine.connect() as connection:
        while True:
            with collected() as statements:
                step = next(told, None)
            if step is None:
                return found
            name, given = step
            if name not in EVERYTHING:
                read = set[str]().union(*(scanned(connection, text, of) for text, of in statements.items()))
                connection.rollback()
                assert read <= SMALL_ENOUGH | WHOLE_IN_CHANGES.get(name, frozenset()), name
            found[name] = steady(given)


@pytest.mark.parametrize("story", [changes, pytest.param(uploads, marks=pytest.mark.slow)])
def test_both_change_the_same_things(served: ServedRegistry, tmp_path: Path, story: Story) -> None:
    local, far = (done_in(way, story, served, tmp_path / way) for way in ("local", "far"))
    assert list(far) == list(local)
    for name, given in local.items():
        assert far[name] == given, name


def test_every_verb_is_tried_in_both_ways() -> None:
    declared = set()
    for subject, protocol in PROTOCOLS.items():
        declared |= {
            f"{subject}.{name}" for name, _ in inspect.getmembers(protocol, inspect.isfunction) if name[0] != "_"
        }
    changing = set(re.findall(r'yield "([a-z]+\.[a-z_]+)', inspect.getsource(changes) + inspect.getsource(uploads)))
    failing = {"transfers.verdict", "transfers.answers", "selection.recommend", "selection.start", "selection.ranking"}
    tried = {name.partition(",")[0] for name in READS} | changing | failing | set(HERE_ONLY)
    assert declared - tried == set()


PROTOCOLS: Mapping[str, type] = {
    "catalog": verbs.catalog.CatalogVerbs,
    "datasets": verbs.data.DatasetVerbs,
    "transfers": verbs.transfers.TransferVerbs,
    "work": WorkVerbs,
    "lineage": verbs.lineage.LineageVerbs,
    "promotions": verbs.governance.PromotionVerbs,
    "reports": verbs.reports.ReportVerbs,
    "reviews": verbs.reviews.ReviewVerbs,
    "recalls": verbs.recalls.RecallVerbs,
    "corrections": verbs.corrections.CorrectionVerbs,
    "upstreams": verbs.recalls.UpstreamVerbs,
    "selection": verbs.selection.SelectionVerbs,
    "drift": verbs.drift.DriftVerbs,
    "cascades": verbs.cascade.CascadeVerbs,
    "drafts": DraftVerbs,
    "uploads": UploadVerbs,
    "notifications": NotificationVerbs,
    "people": verbs.people.PeopleVerbs,
    "teams": verbs.people.TeamVerbs,
    "sessions": verbs.people.SessionVerbs,
    "passwords": verbs.signing_in.PasswordVerbs,
    "identities": verbs.signing_in.IdentityVerbs,
    "devices": verbs.signing_in.DeviceVerbs,
    "audit": verbs.audit.AuditVerbs,
    "store": verbs.store.StoreVerbs,
    "backups": verbs.backups.BackupVerbs,
}

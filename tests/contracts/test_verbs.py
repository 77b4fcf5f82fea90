"""The verbs have one meaning: a registry on the own disk and one behind a server answer every one of them alike.

What only reads is asked of one registry in both ways. What changes something is done to two copies of it, one in each
way; of the answers, ids, times and secrets alone may differ.
"""

from __future__ import annotations

import inspect
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.client import Connection, RemoteRegistry
from registry.domain import verbs
from registry.domain.catalog.models import Describing, MetricComparison, Modality, SearchQuery, SortKey, Status
from registry.domain.codec import to_json
from registry.domain.governance.policy_changes import ProposalState
from registry.domain.governance.promotion import RequestState, VoteValue
from registry.domain.names import Name, Reference
from registry.domain.paging import Page, PageRequest, every
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.domain.verbs.lineage import Use
from registry.domain.verbs.registry import Registry
from registry.errors import NotRemoteError, RegistryError
from registry.services.governance.policies.stored import default_policy_text
from tests.importing import importing_here
from tests.journeys import worlds
from tests.serving import HOST, ServedRegistry, copy_of, serve_family

Verb = Callable[[Registry], object]
Story = Callable[[Callable[[str], Registry], Path], Iterator[tuple[str, object]]]
"""Verbs that change something, one after another; given what opens the registry for a person, and a folder."""
DIGITS = Name("vision", "digits")
CHILD, GRANDCHILD, CHAMPION = (
    Reference.parse(f"models:/{text}") for text in ("vision/digits/1", "vision/digits/2", "vision/digits@champion")
)
LATEST, DATA, BASE = (
    Reference.parse(text) for text in ("models:/vision/digits", "datasets:/vision/digits/1", "models:/library/lite0/1")
)
NOWHERE = Reference.parse("models:/no/where/1")
RECIPE = "schema: forebear/recipe/v1\noutput: vision/new\nmethod: fine_tuning\nsource: models:/library/lite0/1\n"
RECIPE += "data: {train: datasets:/vision/digits/1, validation: {dataset: datasets:/vision/digits/1, split: test}}\n"
HERE_ONLY = {
    "people.authenticate", "people.begin_session", "people.end_session", "people.actor_of_token", "store.repair",
    "backups.create",
}  # fmt: skip
"""Verbs that work on the machine of the registry folder alone; a test below reads why from their error."""


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


def step_of(registry: Registry) -> str:
    return registry.catalog.version(GRANDCHILD).step


def request_of(registry: Registry) -> str:
    return registry.promotions.requests(state=RequestState.OPEN).items[0].id


def listed(page: Callable[[PageRequest], Page[Any]]) -> Sequence[object]:
    """All of a list, one at a time: the cursors of one way are good in the other."""
    found: list[object] = []
    request = PageRequest(1)
    while True:
        one = page(request)
        found += one.items
        if one.next_cursor is None:
            return found
        request = PageRequest(1, one.next_cursor)


def bytes_of(stream: Any) -> bytes:
    with stream:
        content: bytes = stream.read()
    return content


SEARCHES = (
    SearchQuery(text="digits"),
    SearchQuery(tags=("team=vision",), modality=Modality.IMAGE, status=Status.ACTIVE, licence="Apache-2.0"),
    SearchQuery(metrics=(MetricComparison.parse("metrics.accuracy > 9e-1"),), owner="dev", stage="registered"),
    SearchQuery(sort=SortKey.METRIC, sort_metric="accuracy", descending=False, task="image-classification"),
    SearchQuery(sort=SortKey.NAME, descending=True, origin="internal"),
)
DAY = datetime(2026, 1, 1, tzinfo=UTC)
FAR = DAY + timedelta(days=9999)
READS: Mapping[str, Verb] = {
    "actor": lambda r: r.actor,
    "doctor": lambda r: [one.check for one in r.doctor()],
    "catalog.search": lambda r: [r.catalog.search(query) for query in SEARCHES],
    "catalog.search, paged": lambda r: listed(lambda page: r.catalog.search(SearchQuery(page=page))),
    "catalog.facets": lambda r: [r.catalog.facets(query) for query in SEARCHES],
    "catalog.model": lambda r: r.catalog.model(DIGITS),
    "catalog.versions": lambda r: listed(lambda page: r.catalog.versions(DIGITS, page)),
    "catalog.version": lambda r: [r.catalog.version(one) for one in (CHILD, CHAMPION, LATEST)],
    "catalog.open_file": lambda r: bytes_of(r.catalog.open_file(CHILD, "weights/model.safetensors")),
    "catalog.open_file, a range": lambda r: bytes_of(
        r.catalog.open_file(CHILD, "weights/model.safetensors", start=7, length=999)
    ),
    "catalog.open_file, to its end": lambda r: bytes_of(
        r.catalog.open_file(CHILD, "weights/model.safetensors", start=9999)
    ),
    "catalog.pull_plan": lambda r: r.catalog.pull_plan(CHILD),
    "catalog.cards": lambda r: r.catalog.cards(CHILD),
    "catalog.alias_history": lambda r: r.catalog.alias_history(DIGITS, "champion"),
    "catalog.history": lambda r: listed(lambda page: r.catalog.history(DIGITS, page)),
    "datasets.search": lambda r: [
        *listed(lambda page: r.datasets.search("", page)), r.datasets.search("film", PageRequest()),
    ],
    "datasets.versions": lambda r: r.datasets.versions(DIGITS, PageRequest()),
    "datasets.version": lambda r: r.datasets.version(DATA),
    "transfers.recipe_schema": lambda r: r.transfers.recipe_schema(),
    "transfers.check": lambda r: r.transfers.check(RECIPE),
    "transfers.search": lambda r: [
        r.transfers.search(state=StepState.SUCCEEDED, method=Method.FINE_TUNING, output=DIGITS),
        listed(lambda page: r.transfers.search(page=page)),
    ],
    "transfers.step": lambda r: r.transfers.step(step_of(r)),
    "transfers.news": lambda r: [r.transfers.news(step_of(r)), r.transfers.news(step_of(r), after=10**9)],
    "transfers.log": lambda r: r.transfers.log(step_of(r)),
    "lineage.show": lambda r: [r.lineage.show(str(GRANDCHILD)), r.lineage.show(str(BASE), up=0, down=1, limit=5)],
    "lineage.path": lambda r: [r.lineage.path(str(BASE), str(GRANDCHILD)), r.lineage.path(str(GRANDCHILD), str(BASE))],
    "lineage.obligations": lambda r: r.lineage.obligations(GRANDCHILD, use=Use.COMMERCIAL),
    "lineage.checks": lambda r: r.lineage.checks(GRANDCHILD),
    "promotions.evidence": lambda r: r.promotions.evidence(GRANDCHILD),
    "promotions.evidence_types": lambda r: r.promotions.evidence_types(GRANDCHILD),
    "promotions.options": lambda r: r.promotions.options(CHILD),
    "promotions.request_detail": lambda r: r.promotions.request_detail(request_of(r)),
    "promotions.requests": lambda r: [
        r.promotions.requests(name=DIGITS), r.promotions.requests(reference=GRANDCHILD, state=RequestState.OPEN),
        listed(lambda page: r.promotions.requests(page=page)),
    ],
    "promotions.policy_proposals": lambda r: [
        r.promotions.policy_proposals(), r.promotions.policy_proposals(ProposalState.OPEN),
    ],
    "promotions.policies": lambda r: r.promotions.policies(),
    "promotions.policy": lambda r: r.promotions.policy(r.promotions.policies()[0].name, 3),
    "promotions.check_policy": lambda r: r.promotions.check_policy(default_policy_text()).digest,
    "people.search": lambda r: listed(r.people.search),
    "people.person": lambda r: r.people.person("ben"),
    "people.offers": lambda r: r.people.offers(),
    "people.tokens": lambda r: [
        r.people.tokens("ben", PageRequest()), listed(lambda page: r.people.tokens(None, page)),
    ],
    "people.token": lambda r: r.people.token(r.people.tokens("ben", PageRequest()).items[0].id),
    "audit.search": lambda r: [
        r.audit.search(subject="models:/vision/*", action="alias.moved", actor="ana", since=DAY, until=FAR),
        listed(lambda page: r.audit.search(page=page)),
    ],
    "audit.verify": lambda r: [r.audit.verify(), r.audit.verify(state=True).intact],
    "audit.export": lambda r: b"".join(r.audit.export()),
    "store.last_check": lambda r: r.store.last_check(),
    "store.stats": lambda r: r.store.stats(),
}  # fmt: skip
"""What only reads. An entry may be called `VERB, AND WHAT OF IT`."""

ERRORS: Mapping[str, Verb] = {
    "a model that is not there": lambda r: r.catalog.model(Name("no", "where")),
    "a version that is not there": lambda r: r.catalog.version(NOWHERE),
    "a dataset where a model is meant": lambda r: r.catalog.version(DATA),
    "a model where a dataset is meant": lambda r: r.datasets.version(CHILD),
    "a file that is not there": lambda r: r.catalog.open_file(CHILD, "nothing.bin"),
    "a plan for nothing": lambda r: r.catalog.pull_plan(NOWHERE),
    "a card that is not YAML": lambda r: r.catalog.revise_card(CHILD, "---\na: [\n---\n"),
    "no tags": lambda r: r.catalog.tag(CHILD, {}),
    "a word that is no alias": lambda r: r.catalog.set_alias(CHILD, "Not One"),
    "a protected alias": lambda r: r.catalog.set_alias(CHILD, "production"),
    "a status without a reason": lambda r: r.catalog.set_status(CHILD, Status.RECALLED, ""),
    "a version that an alias names": lambda r: r.catalog.delete(CHILD),
    "a model with descendants": lambda r: r.catalog.delete(Reference.parse("models:/no/where")),
    "a cursor of something else": lambda r: r.catalog.versions(DIGITS, PageRequest(5, "AAAA")),
    "a recipe with mistakes": lambda r: r.transfers.check("method: nothing\nlearning_rte: 1\n"),
    "a step that is not there": lambda r: r.transfers.step("step-01kaq000000000000000000000"),
    "a verdict of a step without baselines": lambda r: r.transfers.verdict(step_of(r)),
    "the answers of a step without baselines": lambda r: r.transfers.answers(step_of(r)),
    "a step that has ended": lambda r: r.transfers.cancel(step_of(r)),
    "nothing to resume": lambda r: r.transfers.resume(step_of(r)),
    "an engine that is not there": lambda r: r.transfers.submit(RECIPE, engine="no-such-engine"),
    "a target that is not there": lambda r: r.lineage.show("models:/no/where/1"),
    "a path from nowhere": lambda r: r.lineage.path("models:/no/where/1", str(CHILD)),
    "a parent of a dataset": lambda r: r.lineage.verify(DATA),
    "evidence of no type": lambda r: r.promotions.add_evidence(CHILD, "no-such-type", {}),
    "a stage that does not follow": lambda r: r.promotions.request(CHILD, "production"),
    "a vote for one's own": lambda r: r.promotions.reject(request_of(r), comment=""),
    "a request that is not there": lambda r: r.promotions.request_detail("req-01kaq000000000000000000000"),
    "nothing to overrule": lambda r: r.promotions.overrule(request_of(r), comment="no"),
    "a policy with mistakes": lambda r: r.promotions.check_policy("version: x\nstagges: []\n"),
    "a policy that is no policy": lambda r: r.promotions.publish_policy("a: ["),
    "a proposal that is not there": lambda r: r.promotions.policy_proposal("pol-01kaq000000000000000000000"),
    "a policy that is not there": lambda r: r.promotions.policy("nothing"),
    "a person that is there": lambda r: r.people.add("ben", "Ben"),
    "a handle that is none": lambda r: r.people.add("Ben!", "Ben"),
    "a role that is none": lambda r: r.people.grant("ben", "no-such-role"),
    "a person that is not there": lambda r: r.people.person("nobody"),
    "a token that is not there": lambda r: r.people.token("tok-01kaq000000000000000000000"),
    "a token for ever": lambda r: r.people.create_token("ana", label="x", days=100_000),
    "a source that is not there": lambda r: r.catalog.import_model(ImportModel(Name("a", "b"), "/no/such/file")),
    "data that are not there": lambda r: r.datasets.add(AddDataset(Name("a", "b"), "/no/such/file")),
}
"""What fails, for each subject and each family of errors that a verb has."""


def fails(verb: Verb, registry: Registry) -> RegistryError:
    with pytest.raises(RegistryError) as failed:
        verb(registry)
    return failed.value


@pytest.mark.parametrize("name", READS)
def test_both_give_the_same_value(both: tuple[Registry, Registry], name: str) -> None:
    local, far = (to_json(READS[name](registry)) for registry in both)
    assert far == local
    assert local is not None or name == "store.last_check"


@pytest.mark.parametrize("name", ERRORS)
def test_both_fail_with_the_same_error(both: tuple[Registry, Registry], name: str) -> None:
    local, far = (fails(ERRORS[name], registry) for registry in both)
    assert (type(far), far.code, str(far)) == (type(local), local.code, str(local))
    assert to_json(far.facts) == to_json(local.facts)


@pytest.mark.parametrize("handle", ["vic", "dev"])
def test_both_refuse_what_roles_do_not_allow_with_the_same_error(served: ServedRegistry, handle: str) -> None:
    for verb in (
        lambda r: r.people.add("eve", "Eve"),
        lambda r: r.store.verify(),
        lambda r: r.store.collect(),
        lambda r: r.catalog.delete(CHILD),
        lambda r: r.promotions.publish_policy(default_policy_text()),
    ):
        local, far = fails(verb, served.family.registry(handle)), fails(verb, remote(served, handle))
        assert (type(far), str(far), far.facts) == (type(local), str(local), local.facts)


def test_what_works_on_the_own_disk_alone_says_so(both: tuple[Registry, Registry], tmp_path: Path) -> None:
    far = both[1]
    refused: Mapping[str, Callable[[], object]] = {
        "people.authenticate": lambda: far.people.authenticate("fbr_x"),
        "people.begin_session": lambda: far.people.begin_session("fbr_x", "::1"),
        "people.end_session": lambda: far.people.end_session("tok-x", "x", DAY),
        "people.actor_of_token": lambda: far.people.actor_of_token("tok-x"),
        "store.repair": lambda: far.store.repair(tmp_path),
        "backups.create": lambda: far.backups.create(tmp_path / "backup"),
        "as_actor": lambda: far.as_actor(far.actor),
    }
    assert set(refused) >= HERE_ONLY
    for call in refused.values():
        with pytest.raises(NotRemoteError):
            call()
    assert list(tmp_path.iterdir()) == []


# --- what changes something ------------------------------------------------------------------------------------------

DESCRIBED = Describing("image-classification", Modality.IMAGE, "MIT", "internal", "All new", {"a": "b"})
NEXT_POLICY = default_policy_text().replace("version: 3", "version: 4", 1)


def changes(of: Callable[[str], Registry], folder: Path) -> Iterator[tuple[str, object]]:
    """Each verb that changes something, with what it gave. `of` opens the registry for a person."""
    ana, ben, dev, vic = of("ana"), of("ben"), of("dev"), of("vic")
    yield "catalog.revise_card", dev.catalog.revise_card(CHILD, "# Another\n")
    yield "catalog.describe", dev.catalog.describe(DIGITS, DESCRIBED)
    dev.catalog.tag(CHILD, {"x": "y"})
    dev.catalog.tag(LATEST, {"x": "y", "a": None})
    yield "catalog.tag", [dev.catalog.version(CHILD).tags, dev.catalog.model(DIGITS)]
    yield "catalog.set_alias", [dev.catalog.set_alias(CHAMPION, "eu"), dev.catalog.set_alias(LATEST, "us")]
    dev.catalog.drop_alias(DIGITS, "eu")
    yield "catalog.drop_alias", dev.catalog.alias_history(DIGITS, "eu")
    yield "catalog.set_status", [
        ana.catalog.set_status(CHILD, Status.SUSPENDED, "look"), ana.catalog.set_status(DATA, Status.DEPRECATED, "old"),
    ]  # fmt: skip
    with pytest.raises(RegistryError) as withheld:
        dev.catalog.pull(CHILD, folder / "withheld")
    yield "catalog.pull, withheld", [str(withheld.value), (folder / "withheld").exists()]
    yield "catalog.set_status, lifted", ana.catalog.set_status(CHILD, Status.ACTIVE, "well")
    pulled = vic.catalog.pull(CHAMPION, folder / "digits")
    yield "catalog.pull", [pulled.ref, pulled.files, pulled.size, pulled.notice, content_of(folder / "digits")]
    assert_fails_with(lambda: vic.catalog.pull(CHILD, folder / "digits"), "conflict")
    data = vic.datasets.pull(DATA, folder / "data")
    yield "datasets.pull", [data.ref, data.files, data.size, data.notice, content_of(folder / "data")]
    yield "lineage.verify", outcome(lambda: dev.lineage.verify(GRANDCHILD))
    evidence = dev.promotions.add_evidence(CHILD, "other", {"a": 1})
    file = dev.promotions.add_evidence(CHILD, "model_card", {}, file=io.BytesIO(b"# card"), file_name="my card.md")
    yield "promotions.add_evidence", [evidence, file]
    yield "promotions.request", dev.promotions.request(CHILD, "candidate", comment="please")
    waiting = request_of(dev)
    yield "promotions.reject", ben.promotions.reject(waiting, comment="no")
    yield "promotions.overrule", outcome(lambda: ben.promotions.overrule(waiting, comment="yes"))
    second = dev.promotions.request(GRANDCHILD, "validated", comment="again").summary.id
    yield "promotions.withdraw", dev.promotions.withdraw(second)
    third = dev.promotions.request(GRANDCHILD, "validated", comment="and again").summary.id
    yield "promotions.approve", ben.promotions.approve(third, comment="fine")
    proposal = ana.promotions.publish_policy(NEXT_POLICY)
    yield "promotions.publish_policy", [proposal, ana.promotions.policy_proposal(proposal.id)]
    yield "promotions.policy_proposal", ana.promotions.policy_proposal(proposal.id)
    yield "promotions.vote_on_policy", ana.promotions.vote_on_policy(proposal.id, VoteValue.REJECT, comment="typo")
    yield "people.add", [ana.people.add("eve", "Eve"), ana.people.add("robot", "Robot", service=True)]
    yield "people.grant", [ana.people.grant("eve", "viewer"), ana.people.grant("eve", "validator")]
    yield "people.confirm", ben.people.confirm("eve", "validator")
    yield "people.revoke", ana.people.revoke("eve", "viewer")
    yield "people.link", ana.people.link("eve", "vic")
    token = vic.people.create_token("vic", label="mine", days=3)
    yield "people.create_token", token
    yield "people.revoke_token", vic.people.revoke_token(token.summary.id)
    ana.catalog.delete(Reference.parse("models:/edge/digits-small/1"), reason="old")
    yield "catalog.delete", outcome(lambda: ana.catalog.version(Reference.parse("models:/edge/digits-small/1")))
    yield "store.verify", [ana.store.verify(restart=True, rate=10**9), ana.store.verify(seconds=5)]
    yield "store.collect", [ana.store.collect(grace=timedelta()), ana.store.collect(grace=timedelta(), delete=True)]
    yield "transfers.submit", outcome(lambda: dev.transfers.submit(RECIPE, background=True, engine="none-such"))
    yield "transfers.resume", outcome(lambda: dev.transfers.resume(step_of(dev)))
    yield "transfers.cancel", outcome(lambda: dev.transfers.cancel(step_of(dev)))
    yield "audit", [entry.action for entry in every(lambda page: ana.audit.search(page=page))]
    yield "audit.verify", ana.audit.verify(state=True).intact


def uploads(of: Callable[[str], Registry], folder: Path) -> Iterator[tuple[str, object]]:
    """Each verb that takes files, with what it gave."""
    dev = of("dev")
    table = folder / "t.csv"
    table.write_text("text,label\ngood,a\nbad,b\nworse,b\nbetter,a\n", encoding="utf-8")
    added = dev.datasets.add(AddDataset(Name("text", "new"), str(table), licence="MIT", task="text-classification"))
    yield "datasets.add", [added.summary.digest, added.files, added.summary.ref]
    source = worlds.write_source(folder / "pretrained")
    with importing_here():
        wanted = ImportModel(
            Name("library", "new"), str(source), task="feature-extraction", licence="MIT", tags={"k": "v"},
            parents=(BASE,),
        )  # fmt: skip
        made = dev.catalog.import_model(wanted)
    yield "catalog.import_model", [made.summary.digest, made.files, made.architecture, made.summary.licence]


def outcome(call: Callable[[], object]) -> object:
    """What a call gave, or the error that it ended with: either is part of the meaning of a verb."""
    try:
        return call()
    except RegistryError as error:
        return [error.code, error.message, error.facts]


def assert_fails_with(call: Callable[[], object], code: str) -> None:
    with pytest.raises(RegistryError) as failed:
        call()
    assert failed.value.code == code


def content_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().hex()[:4000]
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip


_VOLATILE = re.compile(
    r'(?<=["/ ])(step|req|pol|tok|ev|vote|note)-[0-9a-z]{26}|\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)|fbr_\w+|fbr_…'
)


def steady(value: object) -> object:
    """A value as JSON without ids, times, secrets, digests of those, and the folder of the copy."""
    text = _VOLATILE.sub("*", json.dumps(to_json(value)))
    text = re.sub(r'"(last_four|id|evidence|position)": "[^"]*"', r'"\1": "*"', text)
    return json.loads(re.sub(r"/[^\" ]*/(local|far)/", "/FOLDER/", text))


def done_in(way: str, story: Story, served: ServedRegistry, folder: Path) -> dict[str, object]:
    """What each verb of `story` gave, done to a copy of the registry."""
    folder.mkdir()
    own = copy_of(served, folder / "home")

    def opened(handle: str) -> Registry:
        return own.family.registry(handle) if way == "local" else remote(own, handle)

    return {name: steady(given) for name, given in story(opened, folder)}


@pytest.mark.parametrize("story", [changes, pytest.param(uploads, marks=pytest.mark.slow)])
def test_both_change_the_same_things(served: ServedRegistry, tmp_path: Path, story: Story) -> None:
    local, far = (done_in(way, story, served, tmp_path / way) for way in ("local", "far"))
    assert list(far) == list(local)
    for name, given in local.items():
        assert far[name] == given, name


def test_every_verb_is_tried_in_both_ways() -> None:
    declared = set()
    for subject in ("catalog", "datasets", "transfers", "lineage", "promotions", "people", "audit", "store", "backups"):
        protocol = PROTOCOLS[subject]
        declared |= {
            f"{subject}.{name}" for name, _ in inspect.getmembers(protocol, inspect.isfunction) if name[0] != "_"
        }
    changing = set(re.findall(r'yield "([a-z]+\.[a-z_]+)', inspect.getsource(changes) + inspect.getsource(uploads)))
    failing = {"transfers.verdict", "transfers.answers"}
    tried = {name.partition(",")[0] for name in READS} | changing | failing | HERE_ONLY
    assert declared - tried == set()


PROTOCOLS: Mapping[str, type] = {
    "catalog": verbs.catalog.CatalogVerbs,
    "datasets": verbs.data.DatasetVerbs,
    "transfers": verbs.transfers.TransferVerbs,
    "lineage": verbs.lineage.LineageVerbs,
    "promotions": verbs.governance.PromotionVerbs,
    "people": verbs.people.PeopleVerbs,
    "audit": verbs.audit.AuditVerbs,
    "store": verbs.store.StoreVerbs,
    "backups": verbs.backups.BackupVerbs,
}

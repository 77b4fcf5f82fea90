"""Calls of every verb that only reads, and calls that fail, for `test_verbs`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lineage import Assurance
from registry.domain.catalog.licences import LicenceClass
from registry.domain.catalog.models import MetricComparison, Modality, SearchQuery, SortKey, Status
from registry.domain.governance.policies.changes import ProposalState
from registry.domain.governance.promotion import RequestState
from registry.domain.governance.recalls import Level, NewRecall
from registry.domain.names import Name, Reference
from registry.domain.paging import Page, PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.corrections import NewCorrection
from registry.domain.transfers.recorded import RecordTransfer, UsedInput
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.domain.verbs.lineage import Exchange, Kin, Only, Reach, Use
from registry.domain.verbs.registry import Registry
from registry.domain.verbs.selection import Recommend
from registry.services.governance.policies.stored import default_policy_text

Verb = Callable[[Registry], object]
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

FILTERS = (
    Only(stage="candidate"),
    Only(status=Status.ACTIVE, method=Method.FINE_TUNING),
    Only(assurance=Assurance.OBSERVED, licence=LicenceClass.PERMISSIVE),
)


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
TRIED = default_policy_text().replace("version: 3", "version: 4", 1)
CASES = "cases: [{name: A version that nobody checked, from: candidate, to: validated, expect: promoted}]"
FAR = DAY + timedelta(days=9999)
READS: Mapping[str, Verb] = {
    "actor": lambda r: replace(r.actor, token=None),  # only a server has one
    "doctor": lambda r: [one.check for one in r.doctor()],
    "catalog.search": lambda r: [r.catalog.search(query) for query in SEARCHES],
    "catalog.search, paged": lambda r: listed(lambda page: r.catalog.search(SearchQuery(page=page))),
    "catalog.spelling": lambda r: [r.catalog.spelling(query) for query in (*SEARCHES, SearchQuery(text="digitz"))],
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
    "catalog.difference": lambda r: [
        r.catalog.difference(CHILD, GRANDCHILD), r.catalog.difference(BASE, CHILD, weights=False),
    ],
    "catalog.cards": lambda r: r.catalog.cards(CHILD),
    "catalog.alias_history": lambda r: r.catalog.alias_history(DIGITS, "champion"),
    "catalog.history": lambda r: listed(lambda page: r.catalog.history(DIGITS, page)),
    "datasets.search": lambda r: [
        *listed(lambda page: r.datasets.search("", page)), r.datasets.search("film", PageRequest()),
    ],
    "datasets.versions": lambda r: r.datasets.versions(DIGITS, PageRequest()),
    "datasets.version": lambda r: r.datasets.version(DATA),
    "datasets.look": lambda r: r.datasets.look(DATA),
    "transfers.recipe_schema": lambda r: r.transfers.recipe_schema(),
    "transfers.check": lambda r: r.transfers.check(RECIPE),
    "transfers.search": lambda r: [
        r.transfers.search(state=StepState.SUCCEEDED, method=Method.FINE_TUNING, output=DIGITS),
        listed(lambda page: r.transfers.search(page=page)),
    ],
    "transfers.step": lambda r: r.transfers.step(step_of(r)),
    "transfers.news": lambda r: [r.transfers.news(step_of(r)), r.transfers.news(step_of(r), after=10**9)],
    "transfers.forgetting": lambda r: r.transfers.forgetting(step_of(r)),
    "transfers.log": lambda r: r.transfers.log(step_of(r)),
    "transfers.read_input": lambda r: [
        bytes_of(r.transfers.read_input(one, "0" * 32)) for one in (CHILD, CHAMPION, DATA)
    ],
    "transfers.read_input, a part": lambda r: bytes_of(r.transfers.read_input(CHILD, "0" * 32, start=7, length=99)),
    "lineage.show": lambda r: [r.lineage.show(str(GRANDCHILD)), r.lineage.show(str(BASE), up=0, down=1, limit=5)],
    "lineage.near": lambda r: [
        r.lineage.near(str(GRANDCHILD)),
        r.lineage.near(str(BASE), Reach(up=0, down=1, each=1, limit=5), as_of=datetime(2099, 1, 1, tzinfo=UTC)),
        r.lineage.near(str(BASE), Reach(up=0, down=1, group="fine_tuning", after=1)),
        *(r.lineage.near(str(BASE), Reach(limit=5), only=only) for only in FILTERS),
    ],
    "lineage.path": lambda r: [r.lineage.path(str(BASE), str(GRANDCHILD)), r.lineage.path(str(GRANDCHILD), str(BASE))],
    "lineage, as of a time": lambda r: [
        r.lineage.path(str(BASE), str(GRANDCHILD), as_of=FAR),
        r.lineage.common(str(CHILD), str(GRANDCHILD), as_of=FAR),
        *(r.lineage.relatives(str(GRANDCHILD), kin, as_of=FAR) for kin in Kin),
        r.lineage.obligations(GRANDCHILD, as_of=FAR),
    ],
    "lineage.common": lambda r: [r.lineage.common(str(CHILD), str(GRANDCHILD)), r.lineage.common(str(DATA), str(BASE))],
    "lineage.relatives": lambda r: [r.lineage.relatives(str(GRANDCHILD), kin, limit=1) for kin in Kin],
    "lineage.impact": lambda r: [r.lineage.impact(str(one)) for one in (BASE, DATA, step_of(r))]
    + [r.lineage.impact(str(BASE), as_of=FAR)],
    "lineage.affected": lambda r: [
        r.lineage.affected(str(BASE), ways=True), listed(lambda page: r.lineage.affected(str(DATA), page=page)),
        r.lineage.affected(str(BASE), ways=True, as_of=FAR), list(r.lineage.every_affected(str(BASE), as_of=FAR)),
    ],
    "lineage.every_affected": lambda r: [
        list(r.lineage.every_affected(str(one), ways=ways)) for one in (BASE, DATA) for ways in (False, True)
    ],
    "corrections.of": lambda r: [r.corrections.of(one) for one in (GRANDCHILD, DATA)],
    "lineage.notice": lambda r: r.lineage.notice(GRANDCHILD),
    "lineage.obligations": lambda r: r.lineage.obligations(GRANDCHILD, use=Use.COMMERCIAL),
    "lineage.marks": lambda r: r.lineage.marks(GRANDCHILD),
    "lineage.compute": lambda r: r.lineage.compute(GRANDCHILD),
    "lineage.export": lambda r: [r.lineage.export(GRANDCHILD, one) for one in (Exchange.HUB, Exchange.PROV)],
    "lineage.leakage": lambda r: r.lineage.leakage(GRANDCHILD),
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
    "promotions.policy_history": lambda r: r.promotions.policy_history("default"),
    "promotions.policy_reach": lambda r: r.promotions.policy_reach("default"),
    "promotions.test_policy": lambda r: [
        r.promotions.test_policy(TRIED), r.promotions.test_policy(TRIED, against=GRANDCHILD),
    ],
    "promotions.test_policy_cases": lambda r: r.promotions.test_policy_cases(TRIED, CASES),
    "promotions.diff_policies": lambda r: r.promotions.diff_policies(default_policy_text(), TRIED),
    "promotions.check_policy": lambda r: r.promotions.check_policy(default_policy_text()).digest,
    "reviews.as_of": lambda r: r.reviews.as_of(Reference.parse(f"{CHILD}"), r.audit.search().items[0].at),
    "recalls.preview": lambda r: r.recalls.preview(NewRecall(str(DATA), Level.RECALL)),
    "recalls.advisory": lambda r: r.recalls.advisory(f"{r.datasets.version(DATA).files[0].sha256}\n{'0' * 64}"),
    "reports.inventory": lambda r: [r.reports.inventory(), r.reports.inventory(stage="candidate", tier="high")],
    "reports.named_then": lambda r: r.reports.named_then("production", r.audit.search().items[0].at),
    "reports.annex_iv": lambda r: r.reports.annex_iv(GRANDCHILD).points,
    "upstreams.list": lambda r: r.upstreams.list(),
    "recalls.list": lambda r: r.recalls.list(),
    "reviews.inbox": lambda r: r.reviews.inbox(),
    "reviews.findings": lambda r: r.reviews.findings(reference=CHILD),
    "notifications.webhooks": lambda r: r.notifications.webhooks(),
    "notifications.deliveries": lambda r: listed(lambda page: r.notifications.deliveries(page=page)),
    "notifications.address": lambda r: r.notifications.address("ana"),
    "notifications.mails": lambda r: [r.notifications.mails("ana"), r.notifications.mails()],
    "teams.list": lambda r: r.teams.list(),
    "people.search": lambda r: listed(r.people.search),
    "people.person": lambda r: r.people.person("ben"),
    "people.offers": lambda r: r.people.offers(),
    "people.tokens": lambda r: [
        r.people.tokens("ben", PageRequest()), listed(lambda page: r.people.tokens(None, page)),
    ],
    "identities.of": lambda r: r.identities.of("ben"),
    "sessions.of": lambda r: [r.sessions.of("ben", PageRequest()), listed(lambda page: r.sessions.of("ana", page))],
    "people.token": lambda r: r.people.token(r.people.tokens("ben", PageRequest()).items[0].id),
    "audit.search": lambda r: [
        r.audit.search(subject="models:/vision/*", action="alias.moved", actor="ana", since=DAY, until=FAR),
        listed(lambda page: r.audit.search(page=page)),
    ],
    "audit.verify": lambda r: [r.audit.verify(), r.audit.verify(state=True).intact],
    "audit.export": lambda r: b"".join(r.audit.export()),
    "audit.checkpoints": lambda r: r.audit.checkpoints(),
    "audit.keys": lambda r: r.audit.keys(),
    "audit.verifier": lambda r: r.audit.verifier(),
    "audit.prove": lambda r: [r.audit.prove(1), r.audit.prove(since=r.audit.checkpoints()[0].entries)],
    "selection.backtest": lambda r: r.selection.backtest(),
    "cascades.plan": lambda r: r.cascades.plan(LATEST),
    "drift.reports": lambda r: r.drift.reports(CHILD),
    "selection.reports": lambda r: [r.selection.reports(), r.selection.reports(DATA)],
    "selection.report": lambda r: [r.selection.report(one.id) for one in r.selection.reports()],
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
    "a ranking that is not there": lambda r: r.selection.report("sel-01kaq000000000000000000000"),
    "a ranking that was not started": lambda r: r.selection.ranking("sel-01kaq000000000000000000000"),
    "a ranking of no data": lambda r: r.selection.recommend(Recommend(Reference.parse("datasets:/no/data/1"))),
    "a ranking of a split that is not there": lambda r: r.selection.start(Recommend(DATA, split="no")),
    "a cascade of what has no children": lambda r: r.cascades.plan(CHILD),
    "drift of a model that is not there": lambda r: r.drift.reports(Reference.parse("models:/no/model/1")),
    "a ranking for a model": lambda r: r.selection.reports(CHILD),
    "a proof of nothing": lambda r: r.audit.prove(),
    "a proof of an entry that is not there": lambda r: r.audit.prove(10**9),
    "no tags": lambda r: r.catalog.tag(CHILD, {}),
    "a word that is no alias": lambda r: r.catalog.set_alias(CHILD, "Not One"),
    "a protected alias": lambda r: r.catalog.set_alias(CHILD, "production"),
    "a status without a reason": lambda r: r.catalog.set_status(CHILD, Status.RECALLED, ""),
    "a version whose children are promoted": lambda r: r.catalog.delete(CHILD),
    "a model with descendants": lambda r: r.catalog.delete(Reference.parse("models:/no/where")),
    "a cursor of something else": lambda r: r.catalog.versions(DIGITS, PageRequest(5, "AAAA")),
    "a recipe with mistakes": lambda r: r.transfers.check("method: nothing\nlearning_rte: 1\n"),
    "a step that is not there": lambda r: r.transfers.step("step-01kaq000000000000000000000"),
    "a verdict of a step without baselines": lambda r: r.transfers.verdict(step_of(r)),
    "the answers of a step without baselines": lambda r: r.transfers.answers(step_of(r)),
    "a reading that is none": lambda r: r.transfers.read_input(CHILD, "no id"),
    "an input of a version that is not there": lambda r: r.transfers.read_input(NOWHERE, "0" * 32),
    "a recorded step with an input that is not there": lambda r: r.transfers.record(
        RecordTransfer(DIGITS, Method.FINE_TUNING, (UsedInput(NOWHERE, "source"),), error="stopped")
    ),
    "a step that has ended": lambda r: r.transfers.cancel(step_of(r)),
    "nothing to resume": lambda r: r.transfers.resume(step_of(r)),
    "an engine that is not there": lambda r: r.transfers.submit(RECIPE, engine="no-such-engine"),
    "a target that is not there": lambda r: r.lineage.show("models:/no/where/1"),
    "a neighbourhood of nothing": lambda r: r.lineage.near("models:/no/where/1"),
    "a group that is none": lambda r: r.lineage.near(str(BASE), Reach(up=0, down=1, group="sideways")),
    "an impact of nothing": lambda r: r.lineage.impact("models:/no/where/1"),
    "a stream of nothing": lambda r: list(r.lineage.every_affected("models:/no/where/1")),
    "a cursor of no impact": lambda r: r.lineage.affected(str(BASE), page=PageRequest(5, "AAAA")),
    "a path from nowhere": lambda r: r.lineage.path("models:/no/where/1", str(CHILD)),
    "a correction that is not there": lambda r: r.corrections.show("cor-00000000000000000000000000"),
    "a correction that says nothing": lambda r: r.corrections.ask(CHILD, NewCorrection(BASE, "why")),
    "a correction of what was seen": lambda r: r.corrections.ask(CHILD, NewCorrection(BASE, "why", withdrawn=True)),
    "the compute of a dataset": lambda r: r.lineage.compute(DATA),
    "a parent of a dataset": lambda r: r.lineage.verify(DATA),
    "evidence of no type": lambda r: r.promotions.add_evidence(CHILD, "no-such-type", {}),
    "a stage that does not follow": lambda r: r.promotions.request(CHILD, "production"),
    "a vote for one's own": lambda r: r.promotions.reject(request_of(r), comment=""),
    "a request that is not there": lambda r: r.promotions.request_detail("req-01kaq000000000000000000000"),
    "a veto that the policy does not have": lambda r: r.promotions.veto(request_of(r), comment="no"),
    "nothing to complete": lambda r: r.promotions.complete(request_of(r)),
    "nothing to explain": lambda r: r.promotions.explain(request_of(r)),
    "a history of no days": lambda r: r.promotions.test_policy(TRIED, days=0),
    "cases with mistakes": lambda r: r.promotions.test_policy_cases(TRIED, "cases: []"),
    "a statement about what is still open": lambda r: r.reports.statement(request_of(r)),
    "nothing to overrule": lambda r: r.promotions.overrule(request_of(r), comment="no"),
    "a policy with mistakes": lambda r: r.promotions.check_policy("version: x\nstagges: []\n"),
    "a policy that is no policy": lambda r: r.promotions.publish_policy("a: ["),
    "a proposal that is not there": lambda r: r.promotions.policy_proposal("pol-01kaq000000000000000000000"),
    "a policy that is not there": lambda r: r.promotions.policy("nothing"),
    "the history of a policy that is not there": lambda r: r.promotions.policy_history("nothing"),
    "the reach of a policy that is not there": lambda r: r.promotions.policy_reach("nothing"),
    "a person that is there": lambda r: r.people.add("ben", "Ben"),
    "a handle that is none": lambda r: r.people.add("Ben!", "Ben"),
    "a role that is none": lambda r: r.people.grant("ben", "no-such-role"),
    "a person that is not there": lambda r: r.people.person("nobody"),
    "a webhook that is not there": lambda r: r.notifications.webhook("whk-01kaq000000000000000000000"),
    "messages of a webhook that is not there": lambda r: r.notifications.deliveries("whk-01kaq000000000000000000000"),
    "a webhook without encryption": lambda r: r.notifications.add_webhook("http://93.184.215.14/", ["*"]),
    "a webhook into the own network": lambda r: r.notifications.add_webhook("https://10.0.0.1/", ["*"]),
    "an address that is none": lambda r: r.notifications.set_address("ana", "ana"),
    "a test of e-mail without a mail server": lambda r: r.notifications.test_mail("ana"),
    "a webhook for nothing": lambda r: r.notifications.add_webhook("https://93.184.215.14/", ["Nothing"]),
    "a token that is not there": lambda r: r.people.token("tok-01kaq000000000000000000000"),
    "a token for ever": lambda r: r.people.create_token("ana", label="x", days=100_000),
    "a source in a Hub where none is set": lambda r: r.catalog.import_model(ImportModel(Name("a", "b"), "hf:a/b")),
    "an origin of a source in a Hub": lambda r: r.catalog.import_model(
        ImportModel(Name("a", "b"), "hf:a/b", origin="us")
    ),
    "a source on a tracking server where none is set": lambda r: r.catalog.import_model(
        ImportModel(Name("a", "b"), "mlflow:track.example/runs/1f/model")
    ),
    "an origin of a source on a tracking server": lambda r: r.catalog.import_model(
        ImportModel(Name("a", "b"), "mlflow:track.example/runs/1f/model", origin="us")
    ),
    "a source that is not there": lambda r: r.catalog.import_model(ImportModel(Name("a", "b"), "/no/such/file")),
    "an advisory that names nothing": lambda r: r.recalls.advisory("{}"),
    "a source that is no repository": lambda r: r.upstreams.pin(CHILD, "acme/bert"),
    "data that are not there": lambda r: r.datasets.add(AddDataset(Name("a", "b"), "/no/such/file")),
}
"""What fails, for each subject and each family of errors that a verb has."""

"""Verbs that change something, one after another, with what each gave: told of a registry here and of one far away."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lineage import Digest
from registry.domain.catalog.compute import NewCompute
from registry.domain.catalog.marks import NewMark
from registry.domain.catalog.models import Describing, Modality, Status
from registry.domain.drafts.drafts import RegisterDraft
from registry.domain.drafts.uploads import Announced
from registry.domain.governance.promotion import VoteValue
from registry.domain.governance.recalls import Disposition, Level, NewDisposition, NewRecall, RecallState
from registry.domain.governance.reviews.findings import NewFinding, Severity
from registry.domain.governance.reviews.waivers import NewWaiver
from registry.domain.governance.upstream import UpstreamNow
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import every
from registry.domain.people import teams
from registry.domain.people.devices import DeviceWish
from registry.domain.people.keys import new_key, public_key
from registry.domain.people.signing_in import AskedToken
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.corrections import NewCorrection
from registry.domain.transfers.recorded import RecordTransfer, UsedInput
from registry.domain.transfers.work import Able, Outcome, WorkReport
from registry.domain.verbs.catalog import CopyVersion, ImportModel, NewModel
from registry.domain.verbs.data import AddDataset
from registry.domain.verbs.registry import Registry
from registry.errors import RegistryError
from registry.services.governance.policies.stored import default_policy_text
from tests.contracts.verb_calls import (
    BASE,
    CHAMPION,
    CHILD,
    DATA,
    DAY,
    DIGITS,
    GRANDCHILD,
    LATEST,
    RECIPE,
    request_of,
    step_of,
)
from tests.importing import importing_here
from tests.journeys import worlds

Story = Callable[[Callable[[str], Registry], Path], Iterator[tuple[str, object]]]
"""Verbs that change something, one after another; given what opens the registry for a person, and a folder."""
ANSWERS = [UpstreamNow("acme/digits", renamed_to="acme/numbers", licence="MIT", created_at=DAY), UpstreamNow("acme/x")]
OUTCOME = Outcome("cpu", "fp32", {}, {}, 1, 1, 1, 1, 0, "test:net", 0.0, 0.0, "none", ())
NEW = Name("vision", "letters")
NO_EMERGENCY = "emg-00000000000000000000000000"
NO_WEBHOOK = "whk-00000000000000000000000000"
NO_CORRECTION = "cor-00000000000000000000000000"
NO_WAIVER = "wai-00000000000000000000000000"


DESCRIBED = Describing("image-classification", Modality.IMAGE, "MIT", "internal", "All new", {"a": "b"})
NEXT_POLICY = default_policy_text().replace("version: 3", "version: 4", 1)


def changes(of: Callable[[str], Registry], folder: Path) -> Iterator[tuple[str, object]]:
    """Each verb that changes something, with what it gave. `of` opens the registry for a person."""
    ana, ben, dev, vic = of("ana"), of("ben"), of("dev"), of("vic")
    before = dev.catalog.create(NewModel(Name("vision", "leters"))).summary.name
    yield "catalog.create", dev.catalog.create(NewModel(NEW, "Reads letters", {"a": "b"}, instead_of=before))
    yield "catalog.copy", dev.catalog.copy(CopyVersion(CHILD, NEW, tags={"c": "d"}))
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
    marked = dev.catalog.mark(BASE, NewMark("export:EAR99", "classified")), dev.lineage.marks(CHILD)
    yield "catalog.mark", [*marked, ana.catalog.mark(BASE, NewMark("export:EAR99", "another", present=False))]
    yield "lineage.verify", outcome(lambda: dev.lineage.verify(GRANDCHILD))
    yield "lineage.count_leakage", outcome(lambda: dev.lineage.count_leakage(GRANDCHILD))
    yield "lineage.leakage_count", outcome(lambda: vic.lineage.leakage_count(GRANDCHILD))
    yield "lineage.declare_compute", dev.lineage.declare_compute(BASE, NewCompute("card", 1e22, gpai=False))
    wrong = NewCorrection(BASE, "the log says so", withdrawn=True)
    yield "corrections.ask", outcome(lambda: dev.corrections.ask(CHILD, wrong))
    yield "corrections.decide", outcome(lambda: ana.corrections.decide(NO_CORRECTION, agree=True))
    yield "corrections.show", outcome(lambda: ana.corrections.show(NO_CORRECTION))
    save_file({"head.weight": np.arange(600, dtype=np.float32).reshape(20, 30)}, folder / "found.safetensors")
    checkpoint = folder / "checkpoint"
    (checkpoint / "last").mkdir(parents=True)
    for name in ("model.safetensors", "last/model.safetensors"):
        save_file({"body.weight": np.arange(600, dtype=np.float32).reshape(30, 20)}, checkpoint / name)
    (checkpoint / "optimizer.pt").write_bytes(b"\x80")
    sources = (folder / "found.safetensors", checkpoint, checkpoint / "optimizer.pt")
    yield "lineage.identify", [outcome(partial(dev.lineage.identify, str(one))) for one in sources]
    evidence = dev.promotions.add_evidence(CHILD, "other", {"a": 1})
    file = dev.promotions.add_evidence(CHILD, "model_card", {}, file=io.BytesIO(b"# card"), file_name="my card.md")
    yield "promotions.add_evidence", [evidence, file]
    yield "promotions.request", dev.promotions.request(CHILD, "candidate", comment="please")
    finding = dev.reviews.add_finding(CHILD, NewFinding("Blurred digits", Severity.HIGH, "dev", "2099-01-01"))
    yield "reviews.add_finding", [finding, dev.reviews.finding(finding.id), dev.reviews.findings(owner="dev")]
    yield "reviews.finding", dev.reviews.finding(finding.id)
    yield "reviews.resolve_finding", ben.reviews.resolve_finding(finding.id, comment="Sharper now")
    yield "reviews.tick", outcome(ana.reviews.tick)
    wish = NewWaiver("no-worse", "the test set is mended", "2099-01-01")
    yield "reviews.ask_for_waiver", outcome(lambda: dev.reviews.ask_for_waiver(CHILD, wish))
    yield "reviews.approve_waiver", outcome(lambda: ben.reviews.approve_waiver(NO_WAIVER))
    yield "reviews.end_waiver", outcome(lambda: ben.reviews.end_waiver(NO_WAIVER, comment="no"))
    yield "reviews.waiver", outcome(lambda: ben.reviews.waiver(NO_WAIVER))
    yield "reviews.attest", outcome(lambda: ben.reviews.attest(CHILD))
    yield "reviews.attestations", [ben.reviews.attestations(), ben.reviews.attestations(CHILD)]
    yield "reviews.report_for_attestation", dev.reviews.report_for_attestation(CHILD, "drift_alert", reason="moved")
    yield "reviews.roll_back", outcome(lambda: ben.reviews.roll_back(CHILD, comment="slower"))
    yield "reviews.promote_in_emergency", [in_emergency(ben, "none"), in_emergency(ben, ben_token(ben))]
    agree = ben.reviews.agree_to_emergency
    yield "reviews.agree_to_emergency", [outcome(lambda: agree(NO_EMERGENCY, token=ben_token(ben)))]
    ben_key = public_key(new_key())
    yield "people.set_key", ben.people.set_key("ben", ben_key, token=ben_token(ben)).key == ben_key
    yield "reviews.review_emergency", outcome(lambda: ben.reviews.review_emergency(NO_EMERGENCY, comment="seen"))
    yield "reviews.emergency", outcome(lambda: ben.reviews.emergency(NO_EMERGENCY))
    yield "reviews.emergencies", [ben.reviews.emergencies(), ben.reviews.emergencies(CHILD)]
    yield "reviews.waivers", [ben.reviews.waivers(), ben.reviews.waivers(CHILD)]
    recall = ana.recalls.open(NewRecall("datasets:/vision/digits", Level.ADVISORY, "look"))
    yield "recalls.open", [recall, dev.recalls.list(state=RecallState.OPEN)]
    yield "recalls.show", dev.recalls.show(recall.recall.id)
    board = [dev.recalls.tasks(recall.recall.id, unsettled=flag) for flag in (True, False)]
    yield "recalls.tasks", board
    disputed, why = Reference.to(board[0].items[0].ref), NewDisposition(Disposition.DISPUTE, "other rows")
    yield "recalls.downloads", ana.recalls.downloads(recall.recall.id).next_cursor  # who read what is told apart
    yield "recalls.dispose", dev.recalls.dispose(recall.recall.id, disputed, why)
    yield "recalls.confirm", ana.recalls.confirm(recall.recall.id, disputed)
    yield "recalls.reverse", of("cleo").recalls.reverse(recall.recall.id, reason="wrong")
    yield "upstreams.pin", [dev.upstreams.pin(CHILD, "hf:acme/digits"), vic.upstreams.list()]
    yield "upstreams.check", [dev.upstreams.check(ANSWERS), dev.upstreams.check(ANSWERS).known]
    waiting = request_of(dev)
    yield "promotions.reject", ben.promotions.reject(waiting, comment="no")
    yield "promotions.overrule", outcome(lambda: ben.promotions.overrule(waiting, comment="yes"))
    second = dev.promotions.request(GRANDCHILD, "validated", comment="again").summary.id
    yield "promotions.withdraw", dev.promotions.withdraw(second)
    third = dev.promotions.request(GRANDCHILD, "validated", comment="and again").summary.id
    yield "promotions.veto", outcome(lambda: ben.promotions.veto(third, comment="no"))
    yield "promotions.complete", outcome(lambda: dev.promotions.complete(third))
    yield "promotions.approve", ben.promotions.approve(third, comment="fine")
    yield "reports.statement", sorted(vic.reports.statement(third))
    yield "promotions.explain", vic.promotions.explain(third).replayed
    proposal = ana.promotions.publish_policy(NEXT_POLICY)
    yield "promotions.publish_policy", [proposal, ana.promotions.policy_proposal(proposal.id)]
    yield "promotions.policy_proposal", ana.promotions.policy_proposal(proposal.id)
    yield "promotions.vote_on_policy", ana.promotions.vote_on_policy(proposal.id, VoteValue.REJECT, comment="typo")
    yield "teams.open", ana.teams.open("notes").team.closed
    yield "teams.close", [ana.teams.close("notes").members, ben.teams.list(), ana.teams.list()]
    yield "teams.add_member", ana.teams.add_member("notes", "ben", teams.Level.USE)
    yield "teams.show", [ana.teams.show("notes"), ben.teams.show("notes")]
    yield "teams.remove_member", [ana.teams.remove_member("notes", "ben").members, ana.teams.open("notes").team.closed]
    yield "people.add", [ana.people.add("eve", "Eve"), ana.people.add("robot", "Robot", service=True)]
    yield "people.grant", [ana.people.grant("eve", "viewer"), ana.people.grant("eve", "validator")]
    yield "people.confirm", ben.people.confirm("eve", "validator")
    enrolment = ana.people.enrol("eve").summary
    yield "people.enrol", [enrolment.person, enrolment.reach, enrolment.confirmed_by]
    yield "people.confirm_enrolment", ben.people.confirm_enrolment("eve").confirmed_by
    yield "people.revoke", ana.people.revoke("eve", "viewer")
    yield "people.link", ana.people.link("eve", "vic")
    ana.people.erase("eve", reason="left")
    yield "people.withdraw_erasure", ana.people.withdraw_erasure("eve")
    asked, gone = ana.people.erase("eve", reason="left"), ben.people.erase("eve", reason="")
    yield "people.erase", [asked.handle, asked.stand_in, gone.asked_by, gone.entries]
    hook = ana.notifications.add_webhook("https://93.184.215.14/hook", ["promotion.*", "person.added"])
    yield "notifications.add_webhook", [hook, ana.notifications.webhooks()]
    yield "notifications.webhook", ana.notifications.webhook(hook.webhook.id)
    yield "notifications.resume_webhook", ana.notifications.resume_webhook(hook.webhook.id)
    yield "notifications.test_webhook", outcome(lambda: ana.notifications.test_webhook(NO_WEBHOOK))
    yield "notifications.remove_webhook", ana.notifications.remove_webhook(hook.webhook.id)
    yield "notifications.set_address", vic.notifications.set_address("vic", "vic@example.org")
    yield "notifications.test_mail", outcome(lambda: vic.notifications.test_mail("vic"))
    token = vic.people.create_token("vic", label="mine", days=3)
    yield "people.create_token", token
    yield "drafts.list", dev.drafts.list()
    yield "drafts.show", outcome(lambda: dev.drafts.show(DIGITS))
    yield "drafts.register", outcome(lambda: dev.drafts.register(RegisterDraft(DIGITS)))
    yield "drafts.discard", outcome(lambda: dev.drafts.discard(DIGITS))
    body = bytes(2 * 1024**2)
    announced, target = Announced(Digest.of(body), len(body)), Reference(AssetKind.MODELS, DIGITS)
    yield "uploads.append", dev.uploads.append(target, announced, 0, io.BytesIO(body[: 1024**2]))
    yield "uploads.append, again", outcome(lambda: dev.uploads.append(target, announced, 0, io.BytesIO(body)))
    yield "uploads.append, too short", outcome(lambda: dev.uploads.append(target, announced, 1024**2, io.BytesIO(b"x")))
    yield "uploads.standing", dev.uploads.standing(target, [announced])
    dev.uploads.discard(target, announced.sha256)
    yield "uploads.discard", None
    yield "uploads.standing, then", dev.uploads.standing(target, [announced])
    yield "people.revoke_token", vic.people.revoke_token(token.summary.id)
    yield "people.renew_token", outcome(lambda: vic.people.renew_token(0))
    yield "identities.unbind", outcome(lambda: vic.identities.unbind("vic"))
    begun = vic.devices.begin(DeviceWish("a machine", "x"), "")
    yield "devices.begin", [begun.expires_in, begun.interval]
    yield "devices.show", vic.devices.show(begun.user_code).machine
    yield "devices.allow", dev.devices.allow(begun.user_code).machine
    yield "devices.refuse", outcome(lambda: dev.devices.refuse("WDJB-MJHT"))
    granted = vic.devices.poll(begun.device_code)
    yield "devices.poll", [granted.state, granted.token.summary.person if granted.token else ""]
    yield "passwords.of", outcome(lambda: vic.passwords.of("vic"))
    yield "passwords.set", outcome(lambda: vic.passwords.set("vic", "heron kettle orbit", proof="fbr_x"))
    yield "passwords.remove", outcome(lambda: vic.passwords.remove("vic"))
    yield "passwords.token", outcome(lambda: vic.passwords.token("vic", "heron kettle", AskedToken("x"), ""))
    yield "sessions.end_all", vic.sessions.end_all("vic")
    ana.catalog.delete(Reference.parse("models:/edge/digits-small/1"), reason="old")
    yield "catalog.delete", outcome(lambda: ana.catalog.version(Reference.parse("models:/edge/digits-small/1")))
    yield "store.verify", [ana.store.verify(restart=True, rate=10**9), ana.store.verify(seconds=5)]
    yield "store.collect", [ana.store.collect(grace=timedelta()), ana.store.collect(grace=timedelta(), delete=True)]
    yield "transfers.submit", outcome(lambda: dev.transfers.submit(RECIPE, background=True, engine="none-such"))
    yield "transfers.resume", outcome(lambda: dev.transfers.resume(step_of(dev)))
    own = RecordTransfer(Name("vision", "own"), Method.FINE_TUNING, (UsedInput(CHILD, "source"),), error="No luck")
    yield "transfers.record", dev.transfers.record(own)
    able, step, key = Able("box", ("torch",), 8, 1), step_of(dev), "0" * 32
    yield "work.take", outcome(lambda: dev.work.take(able))
    yield "work.rows", outcome(lambda: dev.work.rows(step, key, "train"))
    yield "work.report", outcome(lambda: dev.work.report(step, key, WorkReport()))
    yield "work.give_up", outcome(lambda: dev.work.give_up(step, key, "No luck"))
    made = folder / "made"
    made.mkdir()
    (made / "a.txt").touch()
    yield "work.hand_over", outcome(lambda: dev.work.hand_over(step, key, OUTCOME, made))
    yield "transfers.cancel", outcome(lambda: dev.transfers.cancel(step_of(dev)))
    yield "audit", [entry.action for entry in every(lambda page: ana.audit.search(page=page))]
    yield "audit.verify", ana.audit.verify(state=True).intact
    yield "audit.checkpoint", ana.audit.checkpoint().entries


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
        own = RecordTransfer(Name("library", "own"), Method.FINE_TUNING, (UsedInput(BASE, "source"),), str(source))
        step = dev.transfers.record(own)
    yield "transfers.record, with an output", [step.summary.output, step.inputs, step.manifest is not None]
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


def in_emergency(registry: Registry, token: str) -> object:
    """What a promotion in an emergency with this token gives: the policy has none."""
    promote = registry.reviews.promote_in_emergency
    return outcome(lambda: promote(CHILD, "candidate", incident="INC-1", reason="down", token=token))


def ben_token(ben: Registry) -> str:
    """A token of his own, with which he signs in anew."""
    return ben.people.create_token("ben", label="again").secret

"""A check of sources raises each change once, for the owner, in the way that gates and reviewers see findings."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.governance.reviews.findings import Finding, FindingState, Severity
from registry.domain.governance.upstream import UpstreamNow
from registry.domain.names import Reference, VersionRef
from registry.errors import InvalidError, NotFoundError, PermissionDeniedError, TooLargeError
from registry.services.catalog.verbs import Catalog
from registry.services.governance.reviews.verbs import Reviews
from registry.services.governance.upstreams.verbs import Upstreams
from tests.builders import add_version
from tests.registry.services.teams import Team, ref_of

COMMIT = "c" * 40
GONE, TAKEN = UpstreamNow("acme/bert", gone=True), UpstreamNow("ACME/Bert", author="mallory")


@pytest.fixture
def bert(team: Team) -> VersionRef:
    with team.open_uow(actor="ana", write=True) as uow:
        ref = add_version(uow, "library/bert", licence="Apache-2.0", by="ana")
        uow.commit_unaudited()
    Upstreams(team.context("ana")).pin(ref_of(ref), f"hf:acme/bert@{COMMIT}")
    return ref


def findings(team: Team, ref: VersionRef) -> list[Finding]:
    return list(Reviews(team.context("guest")).findings(reference=ref_of(ref)).items)


def test_a_source_that_changed_is_one_finding_for_the_owner_however_often_it_is_checked(
    team: Team, bert: VersionRef
) -> None:
    before = len(team.actions())
    done = Upstreams(team.context("ben")).check([GONE, UpstreamNow("acme/other", gone=True)])
    assert (done.versions, len(done.raised), done.known, done.unused) == (1, 1, 0, ["acme/other"])
    again = Upstreams(team.context("ben")).check([GONE])
    assert (again.versions, again.raised, again.known) == (1, [], 1)
    (finding,) = findings(team, bert)
    assert (finding.severity, finding.owner, finding.raised_by) == (Severity.MEDIUM, "ana", "system")
    assert finding.due_at - team.clock.now() <= timedelta(days=61)
    assert team.actions()[before:] == ["finding.raised"]
    assert not Reviews(team.context("ben")).findings(state=FindingState.OVERDUE).items


def test_what_was_resolved_is_not_raised_again_and_what_is_new_is(team: Team, bert: VersionRef) -> None:
    upstreams = Upstreams(team.context("ana"))
    (gone,) = upstreams.check([GONE]).raised
    Reviews(team.context("ben")).resolve_finding(gone.id, comment="our copy is complete")
    assert upstreams.check([GONE]).raised == []
    (taken,) = upstreams.check([TAKEN]).raised
    assert (taken.ref, taken.severity) == (bert, Severity.CRITICAL)


def test_who_made_the_version_cannot_check_its_source_to_resolve_the_finding(team: Team, bert: VersionRef) -> None:
    (taken,) = Upstreams(team.context("ana")).check([TAKEN]).raised
    with pytest.raises(PermissionDeniedError, match="made the version"):
        Reviews(team.context("ana")).resolve_finding(taken.id, comment="fine")


def test_a_deleted_version_is_not_watched(team: Team, bert: VersionRef) -> None:
    Catalog(team.context("root")).delete(ref_of(bert))
    upstreams = Upstreams(team.context("ana"))
    assert upstreams.list().items == []
    assert upstreams.check([GONE]).unused == ["acme/bert"]


def test_the_source_of_a_version_is_what_was_said_last(team: Team, bert: VersionRef) -> None:
    upstreams = Upstreams(team.context("ana"))
    before = team.actions(str(bert))
    assert upstreams.pin(ref_of(bert), f"hf:acme/bert@{COMMIT}").ref == bert
    assert team.actions(str(bert)) == before  # nothing changed
    upstreams.pin(ref_of(bert), "hf:acme/roberta")
    (one,) = upstreams.list().items
    assert (one.ref, one.upstream, one.licence) == (bert, "hf:acme/roberta", "Apache-2.0")
    assert Catalog(team.context("guest")).version(ref_of(bert)).upstream == "hf:acme/roberta"
    assert upstreams.check([GONE]).versions == 0


def test_who_only_looks_neither_pins_nor_checks(team: Team, bert: VersionRef) -> None:
    guest = Upstreams(team.context("guest"))
    with pytest.raises(PermissionDeniedError):
        guest.pin(ref_of(bert), "hf:acme/x")
    with pytest.raises(PermissionDeniedError):
        guest.check([GONE])


def test_a_source_that_is_none_a_version_that_is_not_there_and_too_many_are_refused(
    team: Team, bert: VersionRef
) -> None:
    upstreams = Upstreams(team.context("ana"))
    with pytest.raises(InvalidError, match="no repository"):
        upstreams.pin(ref_of(bert), "acme/bert")
    with pytest.raises(NotFoundError):
        upstreams.pin(Reference.parse("models:/library/bert/9"), "hf:acme/bert")
    with pytest.raises(TooLargeError):
        upstreams.check([GONE] * 1001)

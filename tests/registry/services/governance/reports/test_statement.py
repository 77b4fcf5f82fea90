"""Other tools read what a promotion found out: a signed in-toto statement that names only what held."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from registry.domain.names import VersionRef
from registry.domain.verifier import PublicKey
from registry.errors import ConflictError, NotFoundError
from registry.services.audit.verbs import Audit
from registry.services.catalog.verbs import Catalog
from registry.services.governance.reports.verbs import Reports
from registry.storage.audit.checkpoints import Rule
from registry.storage.database import Database
from tests.registry.services.audit.test_checkpoints import team_with
from tests.registry.services.governance.reviews.test_emergencies import WITH_EMERGENCY, declared
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of


@pytest.fixture
def signing(sqlite_database: Database, tmp_path: Path) -> Team:
    return team_with(sqlite_database, tmp_path, Rule(0, 0))


def promoted(team: Team, stage: str = "production") -> tuple[VersionRef, str]:
    """A version that was promoted, and the request that let it into `stage`."""
    ref = team.publish()
    bring_to(team, ref, stage)
    return ref, team.promotions("guest").requests().items[0].id


def authenticated(envelope: Any) -> bytes:
    """PAE(type, payload) as the standard of DSSE 1.0 spells it."""
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    return b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload])


def test_a_statement_names_the_version_its_files_the_policy_and_each_check_that_held(signing: Team) -> None:
    version, request = promoted(signing)
    envelope: Any = Reports(signing.context("guest")).statement(request)
    said = json.loads(base64.b64decode(envelope["payload"]))
    assert (said["_type"], said["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://in-toto.io/attestation/svr/v0.2",
    )
    explained = signing.promotions("guest").explain(request)
    first, *files = said["subject"]
    assert first["name"] == str(version)
    assert all(set(one["digest"]) == {"sha256"} and len(one["digest"]["sha256"]) == 64 for one in said["subject"])
    stored = Catalog(signing.context("guest")).version(ref_of(version)).files
    assert [(one["name"], one["digest"]["sha256"]) for one in files] == [(o.path, o.sha256.hex) for o in stored]
    predicate = said["predicate"]
    (policy,) = predicate["verifier"]["policies"]
    assert policy == {"uri": "urn:forebear:policy:default/3", "digest": {"sha256": explained.policy_digest.hex}}
    assert predicate["properties"][0] == "forebear:stage:production"
    assert {"forebear:gate:validation-passed", "forebear:approval:risk-owner"} <= set(predicate["properties"])


def test_the_public_key_of_the_audit_log_checks_it_and_nothing_else_does(signing: Team) -> None:
    _, request = promoted(signing, "candidate")
    envelope: Any = Reports(signing.context("guest")).statement(request)
    (signature,) = envelope["signatures"]
    key = PublicKey.parse(Audit(signing.context("guest")).keys()[-1])
    assert signature["keyid"] == f"{key.name}+{key.id.hex()}"
    public, made = Ed25519PublicKey.from_public_bytes(key.raw), base64.b64decode(signature["sig"])
    public.verify(made, authenticated(envelope))
    other = envelope | {"payload": base64.b64encode(base64.b64decode(envelope["payload"]) + b" ").decode()}
    with pytest.raises(InvalidSignature):
        public.verify(made, authenticated(other))


def test_what_an_emergency_passed_over_is_not_named(signing: Team) -> None:
    put_in_force(signing, WITH_EMERGENCY)
    _, done, _ = declared(signing)
    envelope: Any = Reports(signing.context("guest")).statement(done.summary.id)
    said = json.loads(base64.b64decode(envelope["payload"]))["predicate"]["properties"]
    assert {"forebear:stage:production", "forebear:gate:no-recall"} <= set(said)
    passed_over = {"evidence:validation", "gate:validation-passed", "approval:validator", "approval:risk-owner"}
    assert not {f"forebear:{one}" for one in passed_over} & set(said)


def test_nothing_is_stated_about_what_was_not_promoted(signing: Team) -> None:
    ref = signing.publish()
    bring_to(signing, ref, "candidate")
    request = signing.promotions("ana").request(ref_of(ref), "validated").summary.id
    reports = Reports(signing.context("guest"))
    with pytest.raises(ConflictError, match="it is open"):
        reports.statement(request)
    signing.promotions("ben").reject(request, comment="no")
    with pytest.raises(ConflictError, match="it is rejected"):
        reports.statement(request)
    with pytest.raises(NotFoundError):
        reports.statement("req-00000000000000000000000000")

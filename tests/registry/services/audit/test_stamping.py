"""Checkpoints with a timestamp by RFC 3161, asked for by Forebear and by hand, from an authority that is made here."""

from __future__ import annotations

import base64
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.audit import SignedCheckpoint
from registry.errors import AuditBrokenError, UnavailableError
from registry.services.audit.verbs import Audit
from registry.services.governance.reviews.due import tick
from registry.settings import Settings
from registry.storage.audit.checkpoints import Rule
from registry.storage.database import Database
from tests.receiving import HOST, receiving
from tests.registry.services.audit.test_checkpoints import team_with
from tests.registry.services.teams import Team

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
PAGE = Path(__file__).parents[4] / "docs" / "audit.md"
AUTHORITY = """
[tsa]
default_tsa = here
[here]
serial = ./serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
[stamping]
extendedKeyUsage = critical,timeStamping
[req]
distinguished_name = name
[name]
"""


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(shlex.split(line), cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the key, the certificate and the settings of an authority."""
    folder = tmp_path_factory.mktemp("authority")
    (folder / "tsa.cnf").write_text(AUTHORITY)
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out tsa.pem"
    assert run(f"{make} -subj /CN=time -config tsa.cnf -extensions stamping", folder).returncode == 0
    return folder


def answering(authority: Path) -> Callable[[bytes], bytes]:
    """What the authority answers to a request."""

    def reply(request: bytes) -> bytes:
        (authority / "request.tsq").write_bytes(request)
        line = "openssl ts -reply -config tsa.cnf -queryfile request.tsq -signer tsa.pem -inkey key.pem -out reply.tsr"
        assert run(line, authority).returncode == 0
        return (authority / "reply.tsr").read_bytes()

    return reply


@pytest.fixture
def anchored(sqlite_database: Database, tmp_path: Path) -> Team:
    (tmp_path / "anchors").mkdir()
    (tmp_path / "home").mkdir(exist_ok=True)
    return team_with(sqlite_database, tmp_path / "home", Rule(0, 0, (tmp_path / "anchors",)))


def audit_of(team: Team, url: str | None, roots: Path | None, who: str = "root") -> Audit:
    return Audit(replace(team.context(who), settings=Settings(timestamp_url=url, timestamp_roots=roots)))


def stamped(team: Team, authority: Path) -> SignedCheckpoint:
    with receiving(200, reply=answering(authority)) as server:
        return audit_of(team, server.url, authority / "tsa.pem").checkpoint()


def test_an_authority_vouches_for_a_checkpoint_and_openssl_agrees(
    anchored: Team, authority: Path, tmp_path: Path
) -> None:
    one = stamped(anchored, authority)
    token, name = base64.b64decode(one.timestamp), f"{one.entries:012d}"
    assert (tmp_path / f"home/audit/timestamps/{name}.tsr").read_bytes() == token
    assert (tmp_path / f"anchors/{name}.tsr").read_bytes() == token
    shutil.copy(authority / "tsa.pem", tmp_path / "anchors")
    (line,) = (one for one in PAGE.read_text("utf-8").splitlines() if one.startswith("openssl ts -verify"))
    assert run(line.replace("000000001000", name), tmp_path / "anchors").returncode == 0
    reader = audit_of(anchored, None, authority / "tsa.pem", "guest")
    assert [listed.timestamp for listed in reader.checkpoints()] == [one.timestamp]
    assert (reader.verify().intact, reader.verify().timestamps) == (True, 1)


def test_the_authority_is_asked_once_about_each_checkpoint(anchored: Team, authority: Path) -> None:
    with receiving(200, reply=answering(authority)) as server:
        audit = audit_of(anchored, server.url, authority / "tsa.pem")
        assert audit.checkpoint() == audit.checkpoint()
        tick(audit.context)
        assert len(server.got) == 1
        anchored.publish()
        audit_of(anchored, None, None).checkpoint()
        tick(audit.context)
        assert len(server.got) == 2
        assert server.got[0].headers["Content-Type"] == "application/timestamp-query"
    assert audit_of(anchored, None, authority / "tsa.pem").verify().timestamps == 2


def test_an_answer_about_something_else_is_not_kept(anchored: Team, authority: Path, tmp_path: Path) -> None:
    reply = answering(authority)
    (tmp_path / "other").write_bytes(b"other")
    assert run("openssl ts -query -data other -sha256 -cert -out other.tsq", tmp_path).returncode == 0
    other = reply((tmp_path / "other.tsq").read_bytes())
    for answer in (lambda _: other, lambda _: b"no answer", lambda asked: reply(asked)[:-9]):
        with receiving(200, reply=answer) as server, pytest.raises(AuditBrokenError, match="does not verify"):
            audit_of(anchored, server.url, authority / "tsa.pem").checkpoint()
    assert audit_of(anchored, None, None).checkpoint().timestamp == ""
    assert not (tmp_path / "home/audit/timestamps").exists()


def test_an_authority_that_others_vouch_for_is_not_believed(anchored: Team, authority: Path, tmp_path: Path) -> None:
    (tmp_path / "tsa.cnf").write_text(AUTHORITY)
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out tsa.pem"
    assert run(f"{make} -subj /CN=other -config tsa.cnf -extensions stamping", tmp_path).returncode == 0
    with receiving(200, reply=answering(authority)) as server, pytest.raises(AuditBrokenError, match="not verify"):
        audit_of(anchored, server.url, tmp_path / "tsa.pem").checkpoint()
    stamped(anchored, authority)
    report = audit_of(anchored, None, tmp_path / "tsa.pem").verify()
    assert report.first_bad is not None
    assert "the timestamp of the checkpoint of" in str(report.reason)


def test_a_timestamp_that_was_changed_or_moved_is_found(anchored: Team, authority: Path, tmp_path: Path) -> None:
    one = stamped(anchored, authority)
    file = tmp_path / f"home/audit/timestamps/{one.entries:012d}.tsr"
    whole, audit = file.read_bytes(), audit_of(anchored, None, authority / "tsa.pem")
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert audit.verify().first_bad == one.entries
    file.unlink()
    file.with_name("000000009999.tsr").write_bytes(whole)
    assert audit.verify().reason == "there is a timestamp of a checkpoint of 9999 entries, and no such checkpoint"


def test_an_authority_that_gives_nothing_leaves_the_checkpoint_signed(
    anchored: Team, authority: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with receiving(500) as server:
        audit = audit_of(anchored, server.url, authority / "tsa.pem")
        with pytest.raises(UnavailableError, match=r"gave no timestamp: The receiver answered 500"):
            audit.checkpoint()
        tick(audit.context)
    assert "A checkpoint of the audit log has no timestamp" in caplog.text
    assert len(audit.checkpoints()) == 1
    with (
        receiving(200, reply=lambda _: b"x" * 70_000) as server,
        pytest.raises(UnavailableError, match="more than 65,536 bytes"),
    ):
        audit_of(anchored, server.url, authority / "tsa.pem").checkpoint()


def test_settings_that_do_not_go_together_are_told(
    anchored: Team, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnavailableError, match="FOREBEAR_TIMESTAMP_ROOTS is not"):
        audit_of(anchored, f"http://{HOST}:9/", None).checkpoint()
    (tmp_path / "no.pem").write_text("no certificate")
    with pytest.raises(UnavailableError, match=r"no\.pem cannot be read as certificates"):
        audit_of(anchored, f"http://{HOST}:9/", tmp_path / "no.pem").checkpoint()
    stamped(anchored, authority)
    (warning,) = (one for one in audit_of(anchored, None, None).verify().warnings if "timestamps" in one)
    assert warning.startswith("The timestamps were not verified: FOREBEAR_TIMESTAMP_ROOTS names no certificates")
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(UnavailableError, match="Timestamps need a library that is not installed") as missing:
        audit_of(anchored, f"http://{HOST}:9/", authority / "tsa.pem").checkpoint()
    assert missing.value.remedy == 'Run: pip install "forebear[timestamps]"'


def test_whoever_asks_by_hand_gets_what_verifies_that_checkpoint_and_no_other(
    anchored: Team, authority: Path, tmp_path: Path
) -> None:
    anchors, signed = tmp_path / "anchors", audit_of(anchored, None, None).checkpoint()
    name = f"{signed.entries:012d}"
    page = PAGE.read_text(encoding="utf-8").replace("000000001000", name)
    verifying, asking = (line for line in page.splitlines() if line.startswith("openssl ts"))
    for one in ("tsa.cnf", "tsa.pem", "key.pem"):
        shutil.copy(authority / one, anchors)
    assert run(asking, anchors).returncode == 0
    reply = f"openssl ts -reply -config tsa.cnf -queryfile request.tsq -signer tsa.pem -inkey key.pem -out {name}.tsr"
    assert run(reply, anchors).returncode == 0
    assert run(verifying, anchors).returncode == 0
    file = anchors / f"{name}.txt"
    assert str(signed.note) in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace(f"\n{signed.entries}\n", f"\n{signed.entries + 1}\n"), "utf-8")
    assert run(verifying, anchors).returncode != 0

"""A checkpoint with a timestamp by RFC 3161, as docs/audit.md has it, from an authority that is made here."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from registry.services.audit.verbs import Audit
from registry.storage.audit.checkpoints import Rule
from registry.storage.database import Database
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, populate

MISSING = shutil.which("openssl") is None
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


@pytest.mark.skipif(MISSING, reason="there is no openssl here")
def test_a_timestamp_authority_vouches_for_a_checkpoint_and_for_no_other(
    sqlite_database: Database, tmp_path: Path
) -> None:
    anchors, clock = tmp_path / "anchors", FakeClock()
    anchors.mkdir()
    team = populate(Team(sqlite_database.factory(clock, tmp_path, Rule(0, 0, (anchors,))), clock, tmp_path))
    signed = Audit(team.context("root")).checkpoint()
    name = f"{signed.entries:012d}"
    page = PAGE.read_text(encoding="utf-8").replace("000000001000", name)
    asking, verifying = (line for line in page.splitlines() if line.startswith("openssl ts"))

    (anchors / "tsa.cnf").write_text(AUTHORITY)
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out tsa.pem"
    assert run(f"{make} -subj /CN=time -config tsa.cnf -extensions stamping", anchors).returncode == 0
    assert run(asking, anchors).returncode == 0
    reply = f"openssl ts -reply -config tsa.cnf -queryfile request.tsq -signer tsa.pem -inkey key.pem -out {name}.tsr"
    assert run(reply, anchors).returncode == 0

    assert run(verifying, anchors).returncode == 0
    file = anchors / f"{name}.txt"
    assert str(signed.note) in file.read_text("utf-8")
    file.write_text(file.read_text("utf-8").replace(f"\n{signed.entries}\n", f"\n{signed.entries + 1}\n"), "utf-8")
    assert run(verifying, anchors).returncode != 0

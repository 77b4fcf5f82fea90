"""The registry signs what is on record once; `policies/test_example.py` shows what it refuses to sign again."""

from __future__ import annotations

import pytest

from registry.errors import UnavailableError
from registry.services.governance.dossier import open_dossier
from registry.services.governance.recording.signing import signature_evidence
from tests.registry.services.teams import Team


def test_a_database_without_a_registry_folder_has_no_key_to_sign_with(team: Team) -> None:
    ref = team.publish()
    with team.open_uow(actor="root") as uow:
        dossier = open_dossier(uow, ref, requested_by=None)
        assert dossier.keys == {}
        with pytest.raises(UnavailableError, match="has no registry folder, where the key that signs is kept"):
            signature_evidence(uow, dossier, team.clock.now())

"""What licences ask, and how far it reaches."""

from __future__ import annotations

import pytest

from registry.domain.catalog import clauses
from registry.domain.catalog.licences import HUB_IDS, is_known, licence_clauses, normalise_licence

PLAIN_HUB_IDS = """
apache-2.0 mit afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear cc0-1.0 cc-by-2.0 cc-by-2.5
cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 isc lppl-1.3c ms-pl mpl-2.0 osl-3.0
postgresql ofl-1.1 ncsa unlicense zlib
"""


@pytest.mark.parametrize("hub_id", [*PLAIN_HUB_IDS.split(), *HUB_IDS])
def test_every_licence_that_a_hub_card_may_name_is_known_clause_by_clause(hub_id: str) -> None:
    found = normalise_licence(hub_id)
    assert is_known(found)
    assert not licence_clauses(found) & {clauses.UNKNOWN, clauses.UNLISTED}


@pytest.mark.parametrize(
    "text", ["other", "cc", "my own", "LicenseRef-scancode-unknown", "LicenseRef-scancode-proprietary-license"]
)
def test_a_licence_that_nobody_could_tell_is_unknown(text: str) -> None:
    assert not is_known(normalise_licence(text))
    assert licence_clauses(text) == {clauses.UNKNOWN}


def test_a_known_licence_without_a_row_is_said_to_be_unlisted() -> None:
    assert licence_clauses("Sleepycat") == {clauses.UNLISTED}


def test_alternatives_count_together_until_somebody_elects_one() -> None:
    assert licence_clauses("MIT OR CC-BY-NC-4.0") == licence_clauses("MIT AND CC-BY-NC-4.0")
    assert licence_clauses("GPL-2.0-only WITH Classpath-exception-2.0") == licence_clauses("GPL-2.0-only")


@pytest.mark.parametrize("licence", clauses.CLAUSES)
@pytest.mark.parametrize("way", [clauses.WEIGHTS, clauses.DATA, clauses.OUTPUTS])
def test_every_clause_has_a_meaning_wherever_it_arrives(licence: str, way: str) -> None:
    for clause in licence_clauses(licence):
        assert clauses.meaning(clause)
        arrived = clauses.carried(clause, way)
        assert arrived is None or arrived.removeprefix("review:").partition(":")[0] in clauses.MEANINGS


def test_what_the_texts_leave_open_is_for_a_lawyer_and_the_rest_is_carried() -> None:
    assert clauses.carried(clauses.SHARE_ALIKE, clauses.WEIGHTS) == clauses.SHARE_ALIKE
    assert clauses.carried(clauses.SHARE_ALIKE, clauses.DATA) == "review:share-alike"
    assert clauses.carried(clauses.NO_COMMERCE, clauses.OUTPUTS) == clauses.NO_COMMERCE
    assert clauses.carried("monthly-users:700000000", clauses.DATA) is None

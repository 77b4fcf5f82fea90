"""The standard texts of licences: of every licence of the table, or the name under which its author published it."""

from __future__ import annotations

from registry.domain.catalog import clauses
from registry.domain.catalog.notices import PUBLISHED
from registry.services.lineage.standard_texts import standard_texts


def test_every_licence_of_the_table_has_a_standard_text_or_the_name_of_one() -> None:
    listed = [one for one in clauses.CLAUSES if not one.startswith("LicenseRef-")]
    texts = standard_texts(listed)
    assert texts is not None
    assert set(texts) == set(listed)
    assert all(len(text) > 200 for text in texts.values())
    nameless = set(clauses.CLAUSES) - set(listed) - set(PUBLISHED)
    assert nameless == {"LicenseRef-h-research"}, "the Hub's page does not say whose licence this is"


def test_without_the_package_of_texts_nothing_is_made_up() -> None:
    assert standard_texts(["MIT"], package="no-such-package-of-texts") is None

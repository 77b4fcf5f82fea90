"""The base models that cards and adapter configs name; how they are compared with edges is in test_disagreements."""

from __future__ import annotations

from registry.services.governance.claims import ADAPTER, CARD, claims_of


def test_a_card_that_is_no_yaml_claims_nothing() -> None:
    assert claims_of("---\nbase_model: [\n---\n", None) == {}
    assert claims_of("base_model: a/b", {"facts": {"claims": {ADAPTER: "/home/me/base"}}}) == {}
    assert claims_of("---\nbase_model: a/b\n---\n", {"facts": None}) == {CARD: ("a/b",)}

"""Every verb says what it needs in a closed team."""

from __future__ import annotations

import typing

from registry.domain.verbs import registry as verbs
from registry.services.sight.rules import RULES


def test_every_verb_has_a_rule_and_no_rule_is_for_nothing() -> None:
    for subject, one in vars(verbs.Registry).items():
        if isinstance(one, property) and subject != "actor":
            kind = typing.get_type_hints(one.fget, vars(verbs))["return"]
            known = {verb for verb, call in vars(kind).items() if verb[0] != "_" and callable(call)}
            assert set(RULES[subject]) == known, subject

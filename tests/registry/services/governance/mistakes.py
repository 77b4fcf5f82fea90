"""A mistake in the default policy, and the line that the refusal names."""

from __future__ import annotations

import pytest

from registry.errors import BadPolicyError
from registry.services.governance.policies.document import read_policy
from registry.services.governance.policies.stored import default_policy_text

DEFAULT = default_policy_text()


def refused_with_its_line(old: str, new: str, sentence: str) -> None:
    """Check that the default policy with `new` for `old` is refused: with `sentence`, and the line of the change."""
    assert old in DEFAULT
    text = DEFAULT.replace(old, new, 1)
    with pytest.raises(BadPolicyError) as refusal:
        read_policy(text, new=True)
    message = refusal.value.message
    assert sentence in message
    both = zip(DEFAULT.splitlines(), text.splitlines(), strict=False)
    line = next(number for number, (one, two) in enumerate(both, 1) if one != two)
    assert f"Line {line}: " in message or f"Line {line + 1}: " in message

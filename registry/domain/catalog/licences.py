"""Licence expressions: SPDX where there is an SPDX id, the Hub's ids read as what they mean.

An unknown licence is kept as it was written; a policy can refuse unknown ones.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from registry.errors import ConflictError

HUB_IDS = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd-2-clause": "BSD-2-Clause",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc0-1.0": "CC0-1.0",
    "pddl": "PDDL-1.0",
    "gemma": "LicenseRef-scancode-gemma-tou-2024-04-01",
    "llama3": "LicenseRef-scancode-llama-3-license-agreement-2024",
    "openrail": "LicenseRef-scancode-bigscience-open-rail-m",
}
"""Ids of Hub cards that are not SPDX ids, or differ in case."""
_UNKNOWN = {"", "other", "unknown", "noassertion", "none"}


def normalise_licence(text: str) -> str:
    """`text` as an SPDX expression where it can be read as one (`mit` -> `MIT`), else `text` itself, trimmed."""
    text = " ".join(text.split())
    text = HUB_IDS.get(text.lower(), text)
    parsed = _parse(text)
    return str(parsed) if parsed is not None else text


def is_known(text: str) -> bool:
    """True when every part of the expression is a licence that the SPDX or ScanCode list knows."""
    return text.strip().lower() not in _UNKNOWN and _parse(text) is not None


def licence_notes(text: str) -> tuple[str, ...]:
    """What a person should know who gave this licence: that it counts as unknown, where it does."""
    if is_known(text):
        return ()
    return (
        f"The licence {text!r} is not an SPDX expression, so it counts as unknown. "
        "The default policy promotes no model of unknown licence, and none made from it",
    )


def check_recorded_licence(what: object, recorded: str, given: str | None) -> None:
    """Whether the licence that is `given` for known bytes is the one recorded for `what`. Raises: ConflictError."""
    if given is not None and normalise_licence(given) != recorded:
        raise ConflictError(
            f"{what} holds the same bytes and is registered with the licence {recorded!r}, not {given!r}",
            remedy="Leave the licence out to keep the recorded one; no new version is made of the same bytes",
            facts={"recorded": recorded, "given": given},
        )


def combine_licences(licences: list[str]) -> str:
    """The licence of a child: those of all its parents joined by AND, each once, in order."""
    unique = list(dict.fromkeys(licences))
    return " AND ".join(f"({one})" if " OR " in one and len(unique) > 1 else one for one in unique)


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing  # noqa: PLC0415 - half a second that few commands need

    return get_spdx_licensing()


def _parse(text: str) -> object | None:
    from license_expression import ExpressionError  # noqa: PLC0415 - as above

    try:
        parsed = _licensing().parse(text, validate=True)
    except (ExpressionError, TypeError, ValueError):
        return None
    return parsed  # type: ignore[no-any-return]

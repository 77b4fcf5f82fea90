"""Licence expressions: SPDX where there is an SPDX id, the Hub's ids read as what they mean.

An unknown licence is kept as it was written; a policy can refuse unknown ones.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any

from registry.domain.catalog.clauses import (
    ATTRIBUTION,
    CLAUSES,
    NO_COMMERCE,
    NOTICE,
    SHARE_ALIKE,
    UNKNOWN,
    UNLISTED,
    base,
    clauses_of,
)
from registry.errors import ConflictError

HUB_IDS = {
    "bsd": "BSD-3-Clause",
    "bsl-1.0": "BSL-1.0",
    "gpl": "GPL-3.0-or-later",
    "gpl-2.0": "GPL-2.0-only",
    "gpl-3.0": "GPL-3.0-only",
    "lgpl": "LGPL-3.0-or-later",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-3.0": "LGPL-3.0-only",
    "lgpl-lr": "LGPLLR",
    "agpl-3.0": "AGPL-3.0-only",
    "gfdl": "GFDL-1.3-or-later",
    "odc-by": "ODC-By-1.0",
    "odbl": "ODbL-1.0",
    "pddl": "PDDL-1.0",
    "c-uda": "C-UDA-1.0",
    "openmdw-1.0": "LicenseRef-scancode-openmdw-1.0",
    "openrail": "LicenseRef-scancode-bigscience-open-rail-m",
    "bigscience-openrail-m": "LicenseRef-scancode-bigscience-open-rail-m",
    "bigscience-bloom-rail-1.0": "LicenseRef-scancode-bigscience-rail-1.0",
    "bigcode-openrail-m": "LicenseRef-scancode-bigcode-open-rail-m-v1",
    "creativeml-openrail-m": "LicenseRef-scancode-stable-diffusion-2022-08-22",
    "openrail++": "LicenseRef-openrail-plus-plus-m",
    "llama2": "LicenseRef-scancode-llama-2-license-2023",
    "llama3": "LicenseRef-llama-3",
    "llama3.1": "LicenseRef-scancode-llama-3.1-license-2024",
    "llama3.2": "LicenseRef-scancode-llama-3.2-license-2024",
    "llama3.3": "LicenseRef-scancode-llama-3.3-license-2024",
    "llama4": "LicenseRef-scancode-llama-4-cla-2025",
    "gemma": "LicenseRef-scancode-gemma-tou-2024-04-01",
    "deepfloyd-if-license": "LicenseRef-deepfloyd-if",
    "apple-amlr": "LicenseRef-apple-amlr",
    "apple-ascl": "LicenseRef-apple-ascl",
    "intel-research": "LicenseRef-intel-research",
    "h-research": "LicenseRef-h-research",
    "fair-noncommercial-research-license": "LicenseRef-fair-noncommercial-research",
    "grok2-community": "LicenseRef-grok2-community",
}
"""Ids of Hub cards that are no SPDX ids. Those that differ from one in case only (`mit`) need no row."""
_UNKNOWN = {"", "other", "unknown", "noassertion", "none", "cc"}
_NOT_TOLD = ("unknown", "proprietary-license")
"""Ends of the ids that ScanCode gives to a licence that it could not tell."""


def normalise_licence(text: str) -> str:
    """`text` as an SPDX expression where it can be read as one (`mit` -> `MIT`), else `text` itself, trimmed."""
    text = " ".join(text.split())
    text = HUB_IDS.get(text.lower(), text)
    parsed = _parse(text)
    return str(parsed) if parsed is not None else text


def is_known(text: str) -> bool:
    """True when every part of the expression is a licence that the SPDX or ScanCode list, or the table here, knows."""
    if text.strip().lower() in _UNKNOWN:
        return False
    parts = _keys(text)
    return parts is not None and not any(part.endswith(_NOT_TOLD) for part in parts)


def licence_clauses(text: str) -> frozenset[str]:
    """What the licence `text` asks: the union over all its parts, an OR included until somebody elects a branch."""
    parts = _keys(text) if is_known(text) else None
    return frozenset({UNKNOWN}) if parts is None else clauses_of(parts)


class LicenceClass(StrEnum):
    """What a licence asks, in one word: the last of these that is true of it."""

    PERMISSIVE = "permissive"
    """Name the authors and pass on the text, or nothing."""
    SHARE_ALIKE = "share-alike"
    RESTRICTED = "restricted"
    """Forbidden uses, no derivatives, or other terms of its own."""
    NON_COMMERCIAL = "non-commercial"
    UNKNOWN = "unknown"


def licence_class(text: str) -> LicenceClass:
    """The class of an expression: that of its strictest part."""
    asked = {base(one) for one in licence_clauses(text)}
    if asked & {UNKNOWN, UNLISTED}:
        return LicenceClass.UNKNOWN
    if NO_COMMERCE in asked:
        return LicenceClass.NON_COMMERCIAL
    if asked - {ATTRIBUTION, NOTICE, SHARE_ALIKE}:
        return LicenceClass.RESTRICTED
    return LicenceClass.SHARE_ALIKE if SHARE_ALIKE in asked else LicenceClass.PERMISSIVE


def licence_ids(text: str) -> frozenset[str]:
    """The ids of all licences that the expression names; empty when it is none."""
    return frozenset(_keys(normalise_licence(text)) or ())


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
    from license_expression import (  # noqa: PLC0415 - half a second that few commands need
        LicenseSymbol,
        Licensing,
        get_spdx_licensing,
    )

    listed = get_spdx_licensing()
    own = [LicenseSymbol(key) for key in CLAUSES if key not in listed.known_symbols]
    return Licensing([*listed.known_symbols.values(), *own]) if own else listed


def _keys(text: str) -> list[str] | None:
    """The ids of the licences in an expression, exceptions left out; None when it is none."""
    parsed: Any = _parse(text)
    return (
        None
        if parsed is None
        else [one.key for one in _licensing().license_symbols(parsed, decompose=True) if not one.is_exception]
    )


def _parse(text: str) -> object | None:
    from license_expression import ExpressionError  # noqa: PLC0415 - as above

    try:
        parsed = _licensing().parse(text, validate=True)
    except (ExpressionError, TypeError, ValueError):
        return None
    return parsed  # type: ignore[no-any-return]

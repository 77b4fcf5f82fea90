"""What licences ask of whoever uses, changes or passes on what stands under them, clause by clause.

The table was written for this project from the texts of the licences; it is no legal advice. `VERSION` grows with each
change of a row. A licence that is known and has no row has the clause `unlisted`: what it asks is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

VERSION = 1

ATTRIBUTION, NOTICE, NO_COMMERCE, NO_DERIVATIVES, SHARE_ALIKE = (
    "attribution", "notice", "no-commercial-use", "no-derivatives", "share-alike",
)  # fmt: skip
OWN_TERMS, UNKNOWN, UNLISTED = "own-terms", "unknown", "unlisted"
MEANINGS: Mapping[str, str] = {
    ATTRIBUTION: "Name the authors and keep their copyright lines",
    NOTICE: "Pass on the text of the licence and its notices",
    NO_COMMERCE: "No commercial use",
    NO_DERIVATIVES: "Nothing may be made from it and passed on",
    SHARE_ALIKE: "What is made from it must stand under the same licence",
    "use-restrictions": "The list of forbidden uses binds everyone downstream, and must be passed on",
    "display": "This text must be shown",
    "name-prefix": "The name of a model made from it, or from its output, must begin so",
    "monthly-users": "More monthly users than this need a licence of their own",
    "no-improving-others": "Its output may not be used to improve other models",
    "territory": "Not licensed in this territory",
    "review": "A lawyer should decide whether this clause reaches so far",
    OWN_TERMS: "Terms of its own that no clause here describes: read them",
    UNLISTED: "The table of clauses has no row for this licence: read it",
    UNKNOWN: "Nobody knows what it asks",
}
"""What a clause means; the part behind a colon is its value."""


def _rail(name: str) -> tuple[str, ...]:
    return (ATTRIBUTION, NOTICE, f"use-restrictions:{name}")


def _llama(name: str, display: str, prefix: str, *more: str) -> tuple[str, ...]:
    shown = (f"display:{display}", f"name-prefix:{prefix}") if display else ()
    return (ATTRIBUTION, NOTICE, f"use-restrictions:{name}", "monthly-users:700000000", *shown, *more)


_COPYLEFT = (ATTRIBUTION, NOTICE, SHARE_ALIKE)
CLAUSES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("CC0-1.0", "PDDL-1.0", "Unlicense", "WTFPL", "MIT-0", "0BSD", "Zlib"), ()),
    **dict.fromkeys(
        ("MIT", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Clear", "ISC", "NCSA", "PostgreSQL", "BSL-1.0", "MS-PL",
         "CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0", "ODC-By-1.0", "etalab-2.0", "CDLA-Permissive-1.0"),
        (ATTRIBUTION,),
    ),
    **dict.fromkeys(("Apache-2.0", "AFL-3.0", "Artistic-2.0", "ECL-2.0"), (ATTRIBUTION, NOTICE)),
    **dict.fromkeys(("CDLA-Permissive-2.0", "LicenseRef-scancode-openmdw-1.0"), (NOTICE,)),
    **dict.fromkeys(
        ("CC-BY-SA-3.0", "CC-BY-SA-4.0", "CDLA-Sharing-1.0", "ODbL-1.0", "OFL-1.1"), (ATTRIBUTION, SHARE_ALIKE)
    ),
    **dict.fromkeys(("CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0"), (ATTRIBUTION, NO_COMMERCE)),
    **dict.fromkeys(
        ("CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"), (ATTRIBUTION, NO_COMMERCE, SHARE_ALIKE)
    ),
    **dict.fromkeys(("CC-BY-ND-3.0", "CC-BY-ND-4.0"), (ATTRIBUTION, NO_DERIVATIVES)),
    **dict.fromkeys(("CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0"), (ATTRIBUTION, NO_COMMERCE, NO_DERIVATIVES)),
    **dict.fromkeys(
        ("GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-2.1-only", "LGPL-2.1-or-later",
         "LGPL-3.0-only", "LGPL-3.0-or-later", "AGPL-3.0-only", "AGPL-3.0-or-later", "MPL-2.0", "EPL-1.0", "EPL-2.0",
         "EUPL-1.1", "EUPL-1.2", "OSL-3.0", "LPPL-1.3c", "GFDL-1.3-or-later", "LGPLLR"),
        _COPYLEFT,
    ),
    "C-UDA-1.0": (NOTICE, "use-restrictions:C-UDA"),
    "LicenseRef-scancode-bigscience-open-rail-m": _rail("BigScience OpenRAIL-M"),
    "LicenseRef-scancode-bigscience-rail-1.0": _rail("BigScience RAIL"),
    "LicenseRef-scancode-bigcode-open-rail-m-v1": _rail("BigCode OpenRAIL-M"),
    "LicenseRef-scancode-stable-diffusion-2022-08-22": _rail("CreativeML OpenRAIL-M"),
    "LicenseRef-openrail-plus-plus-m": _rail("CreativeML OpenRAIL++-M"),
    "LicenseRef-scancode-llama-2-license-2023": _llama("Llama 2", "", "", "no-improving-others"),
    "LicenseRef-llama-3": _llama("Llama 3", "Built with Meta Llama 3", "Llama 3", "no-improving-others"),
    "LicenseRef-scancode-llama-3.1-license-2024": _llama("Llama 3.1", "Built with Llama", "Llama"),
    "LicenseRef-scancode-llama-3.2-license-2024": _llama(
        "Llama 3.2", "Built with Llama", "Llama", "territory:not the EU, if it reads pictures"
    ),
    "LicenseRef-scancode-llama-3.3-license-2024": _llama("Llama 3.3", "Built with Llama", "Llama"),
    "LicenseRef-scancode-llama-4-cla-2025": _llama("Llama 4", "Built with Llama", "Llama", "territory:not the EU"),
    "LicenseRef-scancode-gemma-tou-2024-04-01": (NOTICE, "use-restrictions:Gemma"),
    "LicenseRef-deepfloyd-if": (ATTRIBUTION, NOTICE, NO_COMMERCE, "use-restrictions:DeepFloyd IF"),
    "LicenseRef-apple-amlr": (ATTRIBUTION, NO_COMMERCE),
    "LicenseRef-apple-ascl": (ATTRIBUTION, NOTICE),
    "LicenseRef-intel-research": (ATTRIBUTION, NO_COMMERCE),
    "LicenseRef-h-research": (ATTRIBUTION, NO_COMMERCE),
    "LicenseRef-fair-noncommercial-research": (ATTRIBUTION, NO_COMMERCE, "use-restrictions:FAIR research"),
    "LicenseRef-grok2-community": (OWN_TERMS,),
}  # fmt: skip
"""By the canonical id of a licence."""

WEIGHTS, DATA, OUTPUTS = "weights", "data", "outputs"
"""How a thing went into another: its weights were changed, it was learnt from, or its answers were."""


def base(clause: str) -> str:
    """A clause without its value."""
    return clause.partition(":")[0]


def meaning(clause: str) -> str:
    """What a clause means, with its value."""
    kind, _, value = clause.partition(":")
    return f"{MEANINGS[kind]}: {value}" if value else MEANINGS[kind]


def carried(clause: str, way: str) -> str | None:
    """What becomes of a clause of something that went into a model in this `way`; None where it ends.

    Conservative: what the texts leave open stays as a clause `review:…`.
    """
    kind = base(clause)
    if way != WEIGHTS and kind in {NO_DERIVATIVES, SHARE_ALIKE}:
        return f"review:{kind}"
    if way == DATA and kind == "monthly-users":
        return None
    return clause


def clauses_of(licences: Iterable[str]) -> frozenset[str]:
    """The clauses of licences that all hold, given by their canonical ids."""
    return frozenset(clause for one in licences for clause in CLAUSES.get(one, (UNLISTED,)))

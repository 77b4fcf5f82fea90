"""Annex IV of the EU AI Act, point by point: what it asks, what is on record about a version, and what is not.

The wording of what is asked is shortened from Annex IV of Regulation (EU) 2024/1689, `SOURCE`. Facts are quoted from
what is recorded, each with where it is recorded; nothing is written for a point that nothing is recorded about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lineage import Digest
from registry.domain.names import VersionRef

SOURCE = "Regulation (EU) 2024/1689, Article 11(1) and Annex IV (OJ L, 2024/1689, 12.7.2024)"
EVIDENCE = "annex_iv_"
"""Evidence of this type and a point, such as `annex_iv_1b` or `annex_iv_9`, is what people say about that point."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something recorded: what it is, its value, and where it is recorded."""

    what: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that a point asks for, with what is on record about it. Without facts it is a gap."""

    text: str
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """One point of Annex IV."""

    number: str
    title: str
    asked: tuple[Asked, ...]

    @property
    def gaps(self) -> tuple[str, ...]:
        """What it asks for and nothing on record answers."""
        return tuple(one.text for one in self.asked if not one.facts)


@dataclass(frozen=True, slots=True)
class AnnexIv:
    """The technical documentation of one version, as far as it is on record at `at`."""

    ref: VersionRef
    digest: Digest
    at: datetime
    points: tuple[Point, ...]
    source: str = SOURCE

    @property
    def gaps(self) -> int:
        """How many things are asked for and not on record."""
        return sum(len(one.gaps) for one in self.points)


ASKED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "1(a)",
        "Purpose, provider and version",
        ("Intended purpose", "Name of the provider", "Relation to earlier versions"),
    ),
    ("1(b)", "Interaction with other hardware and software", ("How the system interacts with what is not part of it",)),
    ("1(c)", "Software versions", ("Versions of relevant software", "Requirements for version updates")),
    ("1(d)", "Forms in which it is placed on the market", ("Packages, downloads, APIs or other forms",)),
    ("1(e)", "Hardware that it is intended to run on", ("Description of that hardware",)),
    ("1(f)", "Products that it is a component of", ("Photographs or illustrations, where it is a component",)),
    ("1(g)", "User interface", ("Basic description of the interface for the deployer",)),
    ("1(h)", "Instructions for use", ("Instructions for the deployer",)),
    (
        "2(a)",
        "Methods and steps of development",
        ("Methods and steps performed", "Pre-trained systems and tools of third parties, and how they were used"),
    ),
    (
        "2(b)",
        "Design specifications",
        (
            "General logic of the system and its algorithms",
            "Key design choices with their rationale and assumptions",
            "What it optimises for, and the relevance of the parameters",
            "Expected output and its quality",
            "Decisions about trade-offs",
        ),
    ),
    ("2(c)", "Architecture and computational resources", ("System architecture", "Resources for training and testing")),
    (
        "2(d)",
        "Data requirements",
        (
            "Training data sets, their provenance and main characteristics",
            "How the data was obtained and selected",
            "Labelling procedures",
            "Cleaning of the data",
        ),
    ),
    ("2(e)", "Human oversight", ("Assessment of the measures needed by Article 14",)),
    ("2(f)", "Pre-determined changes", ("Changes to the system that were determined in advance",)),
    (
        "2(g)",
        "Validation and testing",
        (
            "Validation and testing data and their main characteristics",
            "Metrics of accuracy and robustness",
            "Potentially discriminatory impacts",
            "Test reports, dated and signed by the responsible persons",
        ),
    ),
    ("2(h)", "Cybersecurity", ("Measures put in place",)),
    (
        "3",
        "Monitoring, functioning and control",
        (
            "Capabilities and limitations, and accuracy for specific groups of persons",
            "Foreseeable unintended outcomes and sources of risk",
            "Human oversight measures",
            "Specifications of input data",
        ),
    ),
    ("4", "Performance metrics", ("Why the metrics are appropriate for this system",)),
    ("5", "Risk management", ("The risk management system of Article 9", "Risks that were found, and what was done")),
    ("6", "Changes through the lifecycle", ("Relevant changes made by the provider",)),
    ("7", "Standards", ("Harmonised standards applied, or the solutions adopted instead",)),
    ("8", "Declaration of conformity", ("Copy of the EU declaration of conformity of Article 47",)),
    ("9", "Post-market monitoring", ("The system to evaluate performance after placing on the market, and its plan",)),
)
"""Each point: its number, its subject, and what it asks for."""


def as_markdown(found: AnnexIv) -> str:
    """The documentation as a Markdown document, gaps first."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: AnnexIv) -> Iterator[str]:
    yield f"# Technical documentation of {found.ref}"
    yield ""
    yield f"By {found.source}. Content digest `{found.digest}`, as recorded on {found.at:%Y-%m-%d %H:%M} UTC."
    yield ""
    yield "Every statement is quoted from the registry, with where it is recorded. It is no assessment of conformity."
    yield ""
    yield f"## Not on record ({found.gaps})"
    yield ""
    for point in found.points:
        for gap in point.gaps:
            yield f"- **{point.number}** {gap}"
    yield ""
    yield (
        f"To fill a gap, add evidence of the type `{EVIDENCE}` and the number of the point, which the policy declares "
        f"under `evidence_types`: `forebear evidence add {found.ref} {EVIDENCE}9 --set text=…`"
    )
    for point in found.points:
        yield ""
        yield f"## {point.number} {point.title}"
        for asked in point.asked:
            yield ""
            yield f"### {asked.text}"
            yield ""
            if not asked.facts:
                yield "Not on record."
            for fact in asked.facts:
                yield from _fact(fact)


def _fact(fact: Fact) -> Iterator[str]:
    first, *rest = fact.value.strip().splitlines() or [""]
    if not rest:
        yield f"- {fact.what}: {first} ({fact.source})"
        return
    yield f"- {fact.what} ({fact.source}):"
    yield ""
    yield from (f"  > {line}".rstrip() for line in (first, *rest))
    yield ""

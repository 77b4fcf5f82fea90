"""How sure a verdict has to be when its test data has been used for others before.

Whoever tries twenty recipes on one test set and keeps the best verdict finds a lucky one. The chance of error is
therefore spent over the looks (online alpha-spending: Foster and Stine 2008; Tian and Ramdas 2021): the k-th verdict on
the same test rows has one-sided errors of 5 % / (k (k + 1)), which sum to 5 % k / (k + 1). The first has an interval of
95 %, the second of 98.3 %, the third of 99.2 %. However many looks there are, the chance that any of them calls a
transfer positive that changes nothing is at most 5 %, and so is that of negative.
"""

from __future__ import annotations

ALPHA = 0.05
"""The chance of a wrong positive, and of a wrong negative, over all looks at one test set."""
MOST = 20
"""Looks after which nothing is concluded any more: 10,000 draws cannot tell how rare a rarer error is."""


def level_of(look: int) -> float:
    """The level of the intervals of the `look`-th verdict on the same test rows, counted from 1."""
    return 1 - 2 * ALPHA / (look * (look + 1))


def spent(looks: int) -> float:
    """How much of the chance of error the verdicts so far have used."""
    return ALPHA * looks / (looks + 1)


def used_up(look: int) -> str:
    """Why nothing is concluded, as the end of a sentence; empty if something may be."""
    if look <= MOST:
        return ""
    return (
        f"this is verdict {look} on the same test rows, and after {MOST} the chance of an error by repetition is too "
        "large to be corrected: use test rows that are new"
    )


def said(look: int) -> str:
    """The count and what it costs, as a sentence; empty at the first look."""
    if look == 1:
        return ""
    return (
        f"This is verdict {look} on the same test rows, so its intervals are of {100 * level_of(look):.4g} %; "
        f"{100 * spent(look):.3g} % of the {100 * ALPHA:.0f} % chance of a wrong positive are spent."
    )

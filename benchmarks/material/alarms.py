"""How often tests raise an alarm over many drawn worlds, and the bars that they are held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping

LEVEL, SPREAD, POWER = 0.05, 0.01, 0.8
"""The rate of false alarms that is wanted, how far from it one may be, and the least power."""


def rates(worlds: int, alarms_of: Callable[[int], Mapping[str, bool]]) -> dict[str, float]:
    """The share of worlds in which each test raises an alarm; `alarms_of` draws the world of a number."""
    alarms: Counter[str] = Counter()
    for number in range(worlds):
        alarms.update({name: int(alarm) for name, alarm in alarms_of(number).items()})
    return {name: count / worlds for name, count in alarms.items()}


def missed(false: Mapping[str, float], power: Mapping[str, float], *, bounded: Collection[str] = ()) -> list[str]:
    """The bars that are missed, which are printed; those `bounded` may raise fewer false alarms than is wanted."""
    found = [name for name, rate in false.items() if name not in bounded and abs(rate - LEVEL) > SPREAD]
    found += [name for name in bounded if false[name] > LEVEL + SPREAD]
    found += [f"power of {name}" for name, share in power.items() if share < POWER]
    if found:
        print(f"Bars missed (5 % +- 1 %, power 0.8): {', '.join(found)}")
    return found

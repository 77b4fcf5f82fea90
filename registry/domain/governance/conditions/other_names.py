"""Names that other policy languages have for facts that have a name here: the one table, and how it is applied.

`canonical("eval.f1 >= 0.8")` is `metrics.macro_f1 >= 0.8`. What is read, judged and shown has the names of Forebear.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from registry.domain.governance.conditions.syntax import Token, Walk, nodes, parse, spaced_tokens

VARIABLES = {"scan": "evidence.scan", "eval": "metrics"}
"""Variables."""
METRICS = {"f1": "macro_f1"}
"""Names of metrics in `eval`, and in `baseline` beside it: `metrics.f1` stays what it is."""
CLASSES = {
    "use_restricted": "use-restrictions",
    "no_commercial_use": "no-commercial-use",
    "share_alike": "share-alike",
}
"""Classes of clauses of licences, where a condition compares `class`."""
PHRASES = {"licence.conflicts(subject.use)": "(licence.conflicts.commercial + licence.conflicts.derivatives)"}
"""Whole calls. A declared use is free text to the registry, so every use that it knows of is counted."""
MEASURED_ELSEWHERE = frozenset({"worst_group_gap"})
"""Metrics that other policy languages take for known and that no adapter of Forebear measures: the largest difference
between groups of people. A version whose step did not record it has none, and a condition that reads it fails."""
_PHRASES = {tuple(token.text for token in spaced_tokens(theirs)): ours for theirs, ours in PHRASES.items()}
_COMPARED = frozenset({"==", "!=", "in"})


def canonical(text: str, own_metrics: Collection[str] = ()) -> str:
    """`text` with the names of Forebear. `own_metrics` are names of metrics that the policy gives a meaning itself.

    Variables that a walk binds keep their names. Raises: BadPolicyError when it is no expression.
    """
    bound = {node.variable for node in nodes(parse(text)) if isinstance(node, Walk)}
    tokens = list(spaced_tokens(text))
    return "".join(_renamed(tokens, bound, own_metrics))


def _renamed(tokens: Sequence[Token], bound: Collection[str], own_metrics: Collection[str]) -> Iterator[str]:
    """The texts of `tokens`, space included, each as it is named here."""
    classes, variable, place = _class_literals(tokens), "", 0
    named_theirs = {"eval", "baseline"} if any(token.text == "eval" for token in tokens) else set[str]()
    while place < len(tokens):
        token, member = tokens[place], _previous(tokens, place) == "."
        ours, length = ("", 0) if member else _phrase(tokens, place)
        if length:
            yield ours
            place += length
            continue
        if token.kind == "name" and not member:
            variable = token.text if token.text not in bound else ""
            yield VARIABLES.get(variable, token.text)
        elif token.kind == "name" and variable in named_theirs and token.text not in own_metrics:
            yield METRICS.get(token.text, token.text)
        elif place in classes:
            yield f"{token.text[0]}{CLASSES[token.text[1:-1]]}{token.text[0]}"
        else:
            yield token.text
        place += 1


def _phrase(tokens: Sequence[Token], place: int) -> tuple[str, int]:
    """What a whole phrase that begins at `place` is here, and its length in tokens; 0 for none."""
    for theirs, ours in _PHRASES.items():
        solid = [number for number in range(place, len(tokens)) if tokens[number].kind != "space"][: len(theirs)]
        if solid[:1] == [place] and tuple(tokens[number].text for number in solid) == theirs:
            return ours, solid[-1] + 1 - place
    return "", 0


def _previous(tokens: Sequence[Token], place: int) -> str:
    """The text of what stands before, space left out; empty at the beginning."""
    return next((token.text for token in reversed(tokens[:place]) if token.kind != "space"), "")


def _class_literals(tokens: Sequence[Token]) -> set[int]:
    """The places of texts that a `class` is compared with: `r.class == "…"`, or a list after `in`."""
    solid = [place for place, token in enumerate(tokens) if token.kind != "space"]
    texts = [tokens[place].text for place in solid]
    found: set[int] = set()
    for number in range(len(solid) - 3):
        if texts[number] == "." and texts[number + 1] == "class" and texts[number + 2] in _COMPARED:
            end = texts.index("]", number) if texts[number + 3] == "[" and "]" in texts[number:] else number + 3
            found.update(solid[number + 3 : end + 1])
    return {place for place in found if tokens[place].kind == "text" and tokens[place].text[1:-1] in CLASSES}

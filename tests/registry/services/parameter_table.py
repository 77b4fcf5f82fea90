"""The table of parameters in docs/recipes.md, as the code has them; run as a module it writes them there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from adapters.gensim.offer import OFFER as GENSIM
from adapters.transformers.offer import OFFER as TRANSFORMERS
from registry.domain.recipes.params import METHOD_PARAMS, SUPERVISED, TRAINING, Param

PAGE = Path(__file__).resolve().parents[3] / "docs" / "recipes.md"
BEGIN = "<!-- parameters: made by `python -m tests.registry.services.parameter_table` -->\n"
END = "<!-- end of parameters -->\n"


def table() -> str:
    """One row for each parameter; what many methods know comes first, what one adapter has of its own last."""
    rows = ["| method | parameter | default | may be | meaning | from |", "|---|---|---|---|---|---|"]
    shared: dict[str, Mapping[str, Param]] = {"every one that trains": TRAINING, "every one with labels": SUPERVISED}
    known: set[tuple[str, str]] = set()
    for method, params in (*shared.items(), *((m.value, p) for m, p in METHOD_PARAMS.items())):
        for name, param in params.items():
            told = (name, param.meaning)
            if told not in known:
                rows.append(_row(method, name, param))
            if method in shared:
                known.add(told)
    for offer in (TRANSFORMERS, GENSIM):
        for method_of_one, own in offer.params.items():
            rows += [_row(f"{method_of_one.value}, {offer.name}", name, param) for name, param in own.items()]
    return "\n".join(rows) + "\n"


def _row(method: str, name: str, param: Param) -> str:
    if param.words:
        may = ", ".join(_said(word) for word in param.words)
    elif isinstance(param.default, bool):
        may = "true, false"
    elif isinstance(param.default, int | float):
        may = param.limits + (", or a list or one by name" if param.each else "")
    else:
        may = "text"
    return f"| {method} | `{name}` | {_said(param.default)} | {may} | {param.meaning} | {param.source} |"


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    PAGE.write_text(head + BEGIN + "\n" + table() + "\n" + END + rest.partition(END)[2], encoding="utf-8")

"""What a model just loaded does with a few random tokens, before any row is read.

Whether a model of any family can be used as these adapters use it is found by running it, not by a list of families:
does it read bare tokens, does it repeat its answers, are they the same when the text is padded, and is a head that is
trained apart from its encoder the same function as the stock model?
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from adapters.transformers.texts.tokens import Tokens
from registry.errors import BadRecipeError

Answer = Callable[[dict[str, Tensor]], Tensor]
SHORT, PADDED = 5, 11
"""Tokens of the text that is tried, and its length when padded."""
ALIKE = 1e-3
"""Difference of two answers, relative to the largest one, that counts as rounding."""


def sample(model: Any, tokens: Tokens) -> dict[str, Tensor]:
    """One text of random tokens that ends with the token for an end, if the model has one (1 x at most `SHORT`)."""
    rows, end = tokens.rows or int(getattr(model.config, "vocab_size", 0) or 32), model.config.eos_token_id
    ends = {end} if isinstance(end, int) else set(end or ())
    usual = [n for n in range(rows) if n not in {*ends, model.config.pad_token_id}][: 8 * SHORT : 8] or [0]
    ids = (usual * SHORT)[: max(2, min(SHORT, tokens.max_length)) - 1]
    last = min(ends, default=usual[0])
    found = torch.tensor([[*ids, last if last < rows else usual[0]]])
    return {"input_ids": found, "attention_mask": torch.ones_like(found)}


def check(answer: Answer, model: Any, tokens: Tokens, *, trains: bool) -> None:
    """Run one text, in training mode too if the model `trains`.

    Raises: BadRecipeError if the model cannot read bare tokens, gives another answer each time, or, as Reformer,
    trains only on texts of certain lengths.
    """
    text = sample(model, tokens)
    if not alike(_answer(answer, model, text), _answer(answer, model, text)):
        raise BadRecipeError(
            f"{type(model).__name__} answers the same text differently each time, so no result could be repeated",
            remedy="Use a model of another family",
        )
    if trains:
        learn = partial(_learn, answer, model)
        _answer(learn, model, text, "trained")  # in evaluation mode, as when its cost is counted
        with torch.random.fork_rng(devices=[]):
            model.train()
            try:
                _answer(learn, model, text, "trained on texts of any length")
            finally:
                model.eval()


def padding_counts(answer: Answer, model: Any, tokens: Tokens) -> bool:
    """True if `answer` (N x outputs, or N x tokens x outputs) of a text changes when the text is padded."""
    text = sample(model, tokens)
    more = min(PADDED, tokens.max_length) - text["input_ids"].shape[1]
    if more <= 0:
        return False
    ends = (more, 0) if tokens.left else (0, more)
    padded = {
        "input_ids": pad(text["input_ids"], ends, value=tokens.padding),
        "attention_mask": pad(text["attention_mask"], ends),
    }
    plain, found = _answer(answer, model, text), _answer(answer, model, padded)
    if found.dim() == 3:  # an answer for each token
        found = found[:, padded["attention_mask"][0] == 1]
    return not alike(plain, found)


def _learn(answer: Answer, model: Any, text: dict[str, Tensor]) -> Tensor:
    """The answer, after its gradient was computed."""
    with torch.enable_grad():
        found = answer(text)
        if found.requires_grad:
            learning = [p for p in model.parameters() if p.requires_grad]
            torch.autograd.grad(found.sum(), learning, allow_unused=True)
    return found.detach()


def alike(one: Tensor, two: Tensor) -> bool:
    """True for two answers that differ by rounding only."""
    if one.shape != two.shape:
        return False
    size = float(torch.maximum(one.abs().max(), two.abs().max()))
    return float((one - two).abs().max()) <= ALIKE * max(size, 1e-12)


def _answer(answer: Answer, model: Any, text: dict[str, Tensor], what: str = "run on tokens alone") -> Tensor:
    try:
        with torch.no_grad():
            return answer(dict(text))
    except (ValueError, TypeError, RuntimeError, AttributeError, KeyError, IndexError, AssertionError) as error:
        raise BadRecipeError(
            f"{type(model).__name__} cannot be {what}: {str(error)[:300]}",
            remedy="Use a model of another family, one that reads nothing but text",
        ) from error


def by_length(answer: Answer, inputs: dict[str, Tensor]) -> Tensor:
    """`answer` of a padded batch, each text without its padding; outputs of padding (N x tokens x outputs) are zero."""
    mask = inputs["attention_mask"].bool()
    lengths, found = mask.sum(dim=1), None
    for length in lengths.unique().tolist():
        rows = (lengths == length).nonzero()[:, 0]
        there = mask[rows[0]]
        part = answer({name: tensor[rows][:, there] for name, tensor in inputs.items()})
        if part.dim() == 3:
            spots = there.nonzero()[:, 0]
            part = part.new_zeros(len(rows), mask.shape[1], part.shape[2]).index_copy(1, spots, part)
        found = part.new_zeros(len(mask), *part.shape[1:]) if found is None else found
        found = found.index_copy(0, rows, part)
    assert found is not None  # noqa: S101 -- a batch has a text: for the type checker
    return found

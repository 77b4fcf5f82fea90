"""Checks that a written model gives the outputs that were recorded, by loading its folder as its user would.

A model whose files say something else than what was trained (another crop, another class, a tensor under another name)
would answer differently wherever it is used, so such a folder is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from adapters.loop.machine.device import Device
from adapters.loop.machine.process_group import ProcessGroup
from adapters.loop.tasks.metrics import Logits
from adapters.loop.tasks.roles import Role, Roles
from adapters.loop.training.evaluate import evaluate
from adapters.loop.training.learner import Framework, Learner, Reloaded
from registry.errors import EffectError, NotReproducedError

ROWS = 4
"""Rows that are compared, spread evenly over the test rows (without any: validation or training rows)."""
LARGEST = 4 * 1024**3
"""Bytes of a folder above which nothing is compared: a second copy might not fit into memory."""
SHARE = 0.02
"""Allowed difference, as a share of the range of the recorded outputs. Other implementations of the same resizing
differ by a level or two of 255; a wrong crop or normalisation changes outputs by tens of per cent."""
ROUNDING = 1e-4
"""Allowed in addition, as a share of the largest recorded output: single precision, summed in another order."""

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda outputs: outputs,
    "sigmoid": torch.sigmoid,
    "softmax": lambda outputs: outputs.softmax(dim=-1),
}
REMEDY = (
    "Check config.json and preprocessor_config.json of the source and import it again; if they are right, this is an "
    "error of the adapter: please report it with the recipe"
)


def check_written(
    folder: Path, framework: Framework, learner: Learner, roles: Roles, test: Logits | None, device: Device
) -> dict[str, object]:
    """Compare the model in `folder` with `learner`; `test` are the recorded outputs for the test rows (rows first).

    Returns the fact `reproduced` for the manifest; nothing where the framework knows no other way to load this folder,
    or where it is too large. Raises: NotReproducedError.
    """
    role = roles.test or roles.validation or roles.train
    chosen = np.unique(np.linspace(0, len(role.rows) - 1, ROWS).astype(np.int64))
    sample = role.take(chosen)
    if sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) > LARGEST:
        return {}
    found = _reloaded(folder, framework, learner.architecture, sample)
    if found is None:
        return {}
    recorded = on_cpu(learner, sample) if test is None or device.is_gpu else test[chosen]
    recorded = ACTIVATIONS[found.activation](torch.from_numpy(recorded)).numpy()
    return {"reproduced": compare(found, recorded, sample)}


@runtime_checkable
class Adapted(Protocol):
    """A learner with an adapter in it."""

    def without_adapter(self) -> AbstractContextManager[None]:
        """While it lasts, the adapter adds nothing; the head stays as it was trained."""
        ...


def check_adapter(learner: Learner, roles: Roles) -> dict[str, object]:
    """Prove that an adapter changes the outputs of some rows; the fact to record, nothing for other learners.

    Raises: EffectError.
    """
    if not isinstance(learner, Adapted):
        return {}
    role = roles.test or roles.validation or roles.train
    sample = role.take(np.unique(np.linspace(0, len(role.rows) - 1, ROWS).astype(np.int64)))
    adapted = on_cpu(learner, sample)
    with learner.without_adapter():
        plain = on_cpu(learner, sample)
    largest = float(np.abs(adapted - plain).max())
    if largest == 0:
        raise EffectError(
            f"The adapter changes no output of {len(sample.rows)} rows, so it is not published",
            remedy="Check optimizer.lr, epochs and params of the adapter",
            facts={"rows": [row.key for row in sample.rows]},
        )
    return {"adapter_changes": {"rows": len(sample.rows), "largest_difference": largest}}


def compare(found: Reloaded, recorded: Logits, sample: Role) -> dict[str, object]:
    """The fact to record. Raises: NotReproducedError naming the row with the largest difference."""
    if found.outputs.shape != recorded.shape:
        raise NotReproducedError(
            f"The written model gives outputs of shape {found.outputs.shape} when {found.library} loads it, and "
            f"{recorded.shape} were recorded, so it is not published",
            remedy=REMEDY,
        )
    differences = np.abs(found.outputs - recorded).reshape(len(recorded), -1).max(axis=1)
    largest = float(differences.max())
    allowed = SHARE * float(recorded.max() - recorded.min()) + ROUNDING * float(np.abs(recorded).max())
    if not largest <= allowed:  # also true of NaN
        row = sample.rows[int(differences.argmax())]
        raise NotReproducedError(
            f"The written model does not give the recorded outputs when {found.library} loads it: they differ by "
            f"{largest:.4g} on row {row.key} of {sample.data.label} ({allowed:.4g} is allowed), so it is not published",
            remedy=REMEDY,
            facts={"largest_difference": largest, "allowed": allowed, "rows": [row.key for row in sample.rows]},
        )
    return {"by": found.library, "rows": len(recorded), "largest_difference": largest}


def _reloaded(folder: Path, framework: Framework, architecture: str, sample: Role) -> Reloaded | None:
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            return framework.reload(folder, architecture, sample)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        raise NotReproducedError(
            f"The written model cannot be loaded again from its folder, so it is not published: {error}", remedy=REMEDY
        ) from error


def on_cpu(learner: Learner, sample: Role) -> Logits:
    """The outputs of the trained model on the CPU, without autocast: in bf16 they would differ by rounding."""
    learner.module.cpu()
    plain = Device(torch.device("cpu"), "fp32", {})
    compiled = getattr(learner.module, "_compiled_call_impl", None) is not None
    eager: AbstractContextManager[object] = torch.compiler.set_stance("force_eager") if compiled else nullcontext()
    with eager:
        items = learner.items(sample)
        return evaluate(learner.predict, learner.module, items, sample.targets, plain, ProcessGroup())

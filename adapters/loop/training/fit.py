"""Runs the training loop over epochs: measurements, selection of the best epoch, checkpoints and resuming."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from adapters.loop.machine.determinism import random_states, restore_random_states, seed_everything
from adapters.loop.machine.device import Device
from adapters.loop.machine.process_group import ProcessGroup
from adapters.loop.tasks.metrics import Targets, merit
from adapters.loop.training.checkpoints import Checkpoint, Checkpoints
from adapters.loop.training.effect import Effect
from adapters.loop.training.feed import feed
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs, Objective, Step, train
from adapters.loop.training.order import epoch_order
from adapters.loop.training.schedule import rate
from adapters.loop.training.statistics import keep_frozen
from registry.domain.recipes.recipe import Recipe
from registry.errors import DivergedError
from registry.ports.transfers import Advanced, Determinism, Measured, Saved, TransferEvent

LOSS_EVERY = 10
"""On a GPU the loss is read at every tenth progress event only, because reading it waits for the device."""


@dataclass(slots=True)
class Progress:
    """The counters of a run; all of them are saved in its checkpoints."""

    step: int = 0
    epoch: int = 0
    """Finished epochs."""
    within: int = 0
    """Finished batches of the current epoch."""
    samples: int = 0
    best_epoch: int = 0
    best_merit: tuple[float, float] | None = None
    seconds: float = 0.0
    """Time on the device up to the last checkpoint, over all attempts."""


@dataclass(frozen=True, slots=True)
class ModelSelector:
    """Selects the best epoch: `measure` gives values on held-out data, and `metric` names the one that decides."""

    measure: Callable[[], Mapping[str, float]]
    metric: str
    role: str = "validation"
    patience: int = 0
    """Epochs without improvement after which training stops; 0: never."""


@dataclass(slots=True)
class Fit:
    """Fits one module to one set of items. After `run`, `module` has the weights of the best epoch.

    `module` holds everything that is trained, `objective` gives the loss of a batch. With a `selector` the best epoch
    has the best selection metric (ties: lower loss, then earlier); without, it is the last one. Test data is not passed
    in, so it cannot influence the selection.
    """

    recipe: Recipe
    fix: Determinism
    objective: Objective
    module: nn.Module
    frozen: list[nn.Module]
    optimizer: torch.optim.Optimizer
    items: Items
    targets: Targets
    selector: ModelSelector | None
    device: Device
    group: ProcessGroup
    checkpoints: Checkpoints
    fingerprint: str
    """Identifies recipe and inputs; saved in checkpoints."""
    steps: int
    """Planned optimiser steps."""
    since: float
    """When this attempt began (`time.perf_counter`)."""
    settle: Callable[[], None] | None = None
    """Recomputes running statistics before each measurement; None if training uses no batch statistics."""
    before_epoch: Callable[[int], None] = lambda _: None
    """Called before each epoch with the number of finished ones, also after resuming."""
    progress: Progress = field(default_factory=Progress)
    best: dict[str, Tensor] = field(default_factory=dict)
    effect: Effect | None = None
    """What training is to change, and what not; None proves nothing."""
    changes: Mapping[str, object] = field(default_factory=dict)
    """What the proof found, after `run`."""
    _total: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))

    @property
    def least(self) -> int:
        """The smallest batch: two items per process."""
        return 2 * self.group.size

    @property
    def seconds(self) -> float:
        """Time on the device so far, over all attempts."""
        return self.progress.seconds + time.perf_counter() - self.since

    def train_mode(self) -> None:
        """Put `module` into the mode in which it is trained: frozen parts, and norms that stay, in evaluation mode."""
        keep_frozen(self.module, self.frozen, batch_statistics=self.settle is not None)

    def run(self) -> Iterator[TransferEvent]:
        """Train from `progress` on. Raises: EffectError; DivergedError: the last checkpoint is then a finite one."""
        self._total = self._total.to(self.device.target)
        if not self.group.first:
            seed_everything(
                self.fix.seed + self.group.rank + self.progress.step
            )  # a different dropout mask per process
        loss_module = self.group.wrap(_LossModule(self.module, self.objective))
        while self.progress.epoch < self.recipe.epochs and not self._patience_exhausted:
            self.before_epoch(self.progress.epoch)
            yield from self._epoch(loss_module)
        if self.best:
            self.module.load_state_dict(self.best, strict=False)
        if self.effect is not None:
            self.changes = self.effect.proved(self.module)
        self.module.eval()

    def _epoch(self, loss_module: nn.Module) -> Iterator[TransferEvent]:
        p, recipe = self.progress, self.recipe
        order = epoch_order(
            len(self.items),
            recipe.batch_size,
            seed=recipe.seed,
            epoch=p.epoch,
            lengths=self.items.lengths,
            least=self.least,
        )
        shares = [self.group.share(batch) for batch in order[p.within :]]
        batches = feed(self.items, self.targets, (part for part, _ in shares), self.device)
        weighted = zip(batches, (weight for _, weight in shares), strict=True)
        factor, every = rate(recipe.schedule, self.steps), max(1, min(50, self.steps // 100))
        self.train_mode()
        optimizer, clip = self.optimizer, recipe.optimizer.clip
        steps = train(loss_module, weighted, optimizer, factor, self.device, start=p.step, clip=clip)
        for step, batch in zip(steps, order[p.within :], strict=True):
            p.step, p.within, p.samples = step.number, p.within + 1, p.samples + len(batch)
            # Each process weights its loss so that the mean over processes is the mean over the batch.
            self._total += step.loss * (len(batch) / self.group.size)
            if step.number % every == 0:
                yield self._advanced(step, len(order), every)
            if recipe.checkpoint_every and step.number % recipe.checkpoint_every == 0:
                yield self._save()
        self._check()
        p.epoch, p.within = p.epoch + 1, 0
        yield from self._measure()
        if not recipe.checkpoint_every or p.epoch == recipe.epochs or self._patience_exhausted:
            yield self._save()

    @property
    def _patience_exhausted(self) -> bool:
        """True if the selection metric has not improved for `patience` epochs."""
        p = self.progress
        return (
            self.selector is not None
            and 0 < self.selector.patience <= p.epoch - p.best_epoch
            and p.best_merit is not None
        )

    def _advanced(self, step: Step, per_epoch: int, every: int) -> Advanced:
        reads = not self.device.is_gpu or (step.number // every) % LOSS_EVERY == 0
        loss = step.loss.item() if reads else None
        if loss is not None and not math.isfinite(loss):
            raise self._diverged()
        epoch = self.progress.epoch + self.progress.within / per_epoch
        return Advanced(step.number, epoch, "train", loss, self.progress.samples)

    def _measure(self) -> Iterator[Measured]:
        p = self.progress
        mean = self.group.total(self._total.item()) / len(self.items)
        self._total.zero_()
        yield Measured("loss", mean, "train", p.epoch, p.step)
        if self.settle is not None:
            self.settle()
        if self.selector is None:
            p.best_epoch = p.epoch
            return
        values = self.selector.measure()
        for name, value in values.items():
            yield Measured(name, value, self.selector.role, p.epoch, p.step)
        if p.best_merit is None or merit(self.selector.metric, values) > p.best_merit:
            p.best_epoch, p.best_merit, self.best = (
                p.epoch,
                merit(self.selector.metric, values),
                self._trained_weights(),
            )

    def _trained_weights(self) -> dict[str, Tensor]:
        """A copy of everything that training can change."""
        learning = {id(parameter) for parameter in _parameters(self.optimizer)}
        still = {name for name, parameter in self.module.named_parameters() if id(parameter) not in learning}
        state = self.module.state_dict()
        return {name: t.detach().to("cpu", copy=True) for name, t in state.items() if name not in still}

    def _check(self) -> None:
        if not math.isfinite(self._total.item()):
            raise self._diverged()

    def _diverged(self) -> DivergedError:
        kept = "the last checkpoint before that is kept" if self.checkpoints.newest() else "there was no checkpoint yet"
        return DivergedError(
            f"The loss is no longer finite at step {self.progress.step} of {self.steps}; {kept}",
            remedy=f"Lower optimizer.lr (now {self.recipe.optimizer.lr:g}), add schedule.warmup, "
            f"or clip gradients harder (optimizer.clip, now {self.recipe.optimizer.clip:g})",
        )

    def _save(self) -> Saved:
        self._check()
        p = self.progress
        current = p.within == 0 and p.best_epoch == p.epoch
        tensors = {f"model.{name}": t for name, t in self.module.state_dict().items()}
        tensors |= {f"rng.{name}": t for name, t in random_states().items()} | {"total": self._total}
        tensors |= {} if current else {f"best.{name}": t for name, t in self.best.items()}
        for n, parameter in enumerate(_parameters(self.optimizer)):
            for name, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer.{n}.{name}"] = value
        state = {
            "fingerprint": self.fingerprint,
            "seed": self.fix.seed,
            "threads": self.fix.threads,
            "best_is_model": current and bool(self.best),
            **{name: getattr(p, name) for name in Progress.__slots__},
            "seconds": self.seconds,
        }
        path = self.checkpoints.folder
        if self.group.first:
            path = self.checkpoints.save(p.step, tensors, state)
        self.group.wait()
        return Saved(path, p.step)

    def restore(self, found: Checkpoint) -> None:
        """Restore the state saved in `found`, exactly."""
        state = dict(found.state)
        self.module.load_state_dict(found.part("model"))
        moments = found.part("optimizer")
        for n, parameter in enumerate(_parameters(self.optimizer)):
            own = {name.partition(".")[2]: t for name, t in moments.items() if name.startswith(f"{n}.")}
            self.optimizer.state[parameter] = {name: _like(parameter, t) for name, t in own.items()}
        best_merit = state.pop("best_merit")
        self.progress = Progress(
            **{name: state[name] for name in Progress.__slots__ if name != "best_merit"},  # type: ignore[arg-type]
            best_merit=(best_merit[0], best_merit[1]) if isinstance(best_merit, list) else None,
        )
        self.best = self._trained_weights() if state["best_is_model"] else found.part("best")
        self._total = found.tensors["total"]
        restore_random_states(found.part("rng"))


class _LossModule(nn.Module):
    """Maps inputs and targets to the loss, as one module, so that it can be wrapped for gradient averaging."""

    def __init__(self, module: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.module = module
        self.objective = objective

    def forward(self, inputs: Inputs, targets: Tensor) -> Tensor:
        """The mean loss of a batch."""
        return self.objective(inputs, targets)


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """`value` on the parameter's device; a moment also gets its memory layout, which fused kernels require."""
    if value.shape != parameter.shape:
        return value.to(parameter.device)
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [p for group in optimizer.param_groups for p in group["params"]]

"""Records a transfer that a program of your own runs: `with forebear.log_transfer(registry, "team/name") as run:`."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator, Mapping
from contextvars import Token
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from forebear.data import Dataset
from forebear.models import Version
from forebear.reading import READING, Reading
from forebear.registry import Registry
from forebear.work import Transfer
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.recipes.methods import SOURCE, TRAIN
from registry.domain.recipes.recipe import Method
from registry.domain.text import did_you_mean
from registry.domain.transfers.recorded import Environment, RecordTransfer, UsedInput
from registry.domain.transfers.steps import EpochMetric
from registry.errors import RegistryError, UsageError
from registry.machine import this_machine

LIBRARIES = (
    "accelerate", "datasets", "jax", "keras", "numpy", "pandas", "peft", "safetensors", "sentence_transformers",
    "sklearn", "tensorflow", "timm", "torch", "torchvision", "transformers",
)  # fmt: skip
"""Libraries whose versions are recorded, where the program has imported them."""


def log_transfer(
    registry: Registry,
    output: str,
    *,
    method: str = "fine_tuning",
    parameters: Mapping[str, object] | None = None,
    architecture: str | None = None,
    task: str | None = None,
    licence: str | None = None,
    description: str = "",
    tags: Mapping[str, str] | None = None,
) -> Recording:
    """A block in which your own program makes the next version of `output`; the step is recorded when it ends.

    `method` is one of Forebear's words, such as `fine_tuning` or `distillation`. Without `licence` the output has those
    of its parents; without `task`, that of its files or of the first parent. A block that ends in an error records a
    failed step, and the error goes on. Raises: UsageError, BadNameError.
    """
    methods = [one.value for one in Method if one is not Method.IMPORT]
    if method not in methods:
        raise UsageError(
            f"{method[:80]!r} is not a method{did_you_mean(method, methods)}", remedy=f"Methods: {', '.join(methods)}"
        )
    described = RecordTransfer(
        Name.parse(output),
        Method(method),
        (),
        parameters=parameters or {},
        architecture=architecture,
        task=task,
        licence=licence,
        description=description,
        tags=tags or {},
    )
    return Recording(registry, described)


@dataclass(slots=True)
class Recording:
    """A transfer that is running in your program. After the block, `transfer` is its step and `version` what it made.

    An input is `observed` where you pulled or loaded it inside the block, for then the registry gave out its bytes for
    this very step; any other is `declared`.
    """

    registry: Registry
    described: RecordTransfer = field(repr=False)
    transfer: Transfer | None = None
    _reading: Reading | None = field(default=None, repr=False)
    _token: Token[Reading | None] | None = field(default=None, repr=False)
    _used: list[UsedInput] = field(default_factory=list, repr=False)
    _curve: dict[tuple[str, str, int, int], EpochMetric] = field(default_factory=dict, repr=False)
    _metrics: dict[str, float] = field(default_factory=dict, repr=False)
    _folder: Path | None = field(default=None, repr=False)
    _begun: float = field(default=0.0, repr=False)

    def __enter__(self) -> Self:
        if self._token is not None or self.transfer is not None:
            raise UsageError("A recording is used once", remedy="Call log_transfer again")
        self._begun = time.monotonic()
        self._reading = Reading(self.registry.verbs)
        self._token = READING.set(self._reading)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            READING.reset(self._token)
        if error is None:
            if self._folder is None:
                raise UsageError("The block ended without an output", remedy="Call run.output(FOLDER) in it")
            self._record(source=str(self._folder))
        elif isinstance(error, Exception | KeyboardInterrupt):
            try:
                self._record(error=f"{type(error).__name__}: {error}"[:2000])
            except RegistryError as refused:
                error.add_note(f"Forebear could not record the failed step: {refused}")

    def uses(self, thing: Version | Dataset | str, role: str | None = None, *, split: str | None = None) -> None:
        """Record an input: a version of a model, or (a split of) a version of a dataset, in a role.

        Without `role`, a model is the `source` and a dataset the `train` data. What was pulled or loaded in the block
        is an input in that role by itself; say it for any other role. Raises: NotFoundError, InvalidError.
        """
        reference = self._exact(thing)
        default = TRAIN if reference.kind is AssetKind.DATASETS else SOURCE
        self._used.append(UsedInput(reference, role or default, split))

    def log(
        self, metrics: Mapping[str, float] | None = None, *, step: int, epoch: int = 0, role: str = TRAIN, **more: float
    ) -> None:
        """Add points of the learning curve: `run.log(step=100, epoch=1, loss=0.31)`."""
        for name, value in {**(metrics or {}), **more}.items():
            self._curve[name, role, epoch, step] = EpochMetric(epoch, step, name, role, float(value))

    def measure(self, metrics: Mapping[str, float] | None = None, **more: float) -> None:
        """Say what the finished model reaches. It is recorded as your statement; no policy reads it as measured."""
        self._metrics |= {name: float(value) for name, value in {**(metrics or {}), **more}.items()}

    def output(self, folder: str | Path) -> None:
        """The folder with what was made, for example by `save_pretrained`. It is read when the block ends."""
        self._folder = Path(folder)

    @property
    def version(self) -> Version:
        """The version that was made. Raises: UsageError inside the block, StepStateError after an error."""
        if self.transfer is None:
            raise UsageError("The step is recorded when the block ends", remedy="Ask for the version after the block")
        return self.transfer.output()

    def _record(self, *, source: str = "", error: str = "") -> None:
        assert self._reading is not None  # noqa: S101 - set where the block began
        wanted = replace(
            self.described,
            inputs=tuple(self._inputs(self._reading)),
            source=source,
            error=error,
            reading=self._reading.id,
            metrics=dict(self._metrics),
            curve=tuple(self._curve.values()),
            environment=environment(),
            seconds=time.monotonic() - self._begun,
        )
        self.transfer = Transfer(self.registry.verbs.transfers.record(wanted), self.registry.verbs)

    def _inputs(self, reading: Reading) -> Iterator[UsedInput]:
        yield from self._used
        named = {Reference.to(ref) for ref in reading.whole} - {one.reference for one in self._used}
        for reference in sorted(named, key=str):
            yield UsedInput(reference, TRAIN if reference.kind is AssetKind.DATASETS else SOURCE)

    def _exact(self, thing: Version | Dataset | str) -> Reference:
        if isinstance(thing, str):
            asked = Reference.parse(thing, kind=None if ":/" in thing else AssetKind.MODELS)
            thing = self.registry.dataset(thing) if asked.kind is AssetKind.DATASETS else self.registry.version(thing)
        return Reference.to(thing.detail.summary.ref)


def environment() -> Environment:
    """Where this program runs: Python, the libraries that it has imported, the machine."""
    found = {name: getattr(sys.modules[name], "__version__", None) for name in LIBRARIES if name in sys.modules}
    return Environment(
        platform.python_version(),
        platform.platform(),
        {name: str(version) for name, version in found.items() if version is not None},
        this_machine(),
    )

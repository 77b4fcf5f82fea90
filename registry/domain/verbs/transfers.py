"""Verbs of recipes and transfer steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

from registry.domain.comparison.forgetting import Forgetting
from registry.domain.comparison.verdict import TransferVerdict
from registry.domain.names import Name, Reference
from registry.domain.paging import Page, PageRequest
from registry.domain.recipes.recipe import Method, Recipe
from registry.domain.transfers.recorded import RecordTransfer
from registry.domain.transfers.steps import StepDetail, StepNews, StepState, StepSummary


class TransferVerbs(Protocol):
    """Recipes and transfer steps."""

    def recipe_schema(self) -> Mapping[str, object]:
        """The JSON Schema (draft 2020-12) of recipes, for editors and other programs."""
        ...

    def check(self, text: str) -> Recipe:
        """The recipe after defaults, with every reference resolvable. Raises: BadRecipeError, NotFoundError."""
        ...

    def submit(
        self,
        text: str,
        *,
        recipe_path: Path | None = None,
        background: bool = False,
        engine: str | None = None,
        auto_batch: bool = False,
        baselines: bool = False,
        seeds: int = 3,
    ) -> StepDetail:
        """Resolve every input to a digest, write the step as queued, start it through the engine.

        In the foreground it returns when the step has ended. With `auto_batch` a step that runs out of memory starts
        again with half the batch size. With `baselines` the step also runs what the transfer is compared with, each
        trained arm with `seeds` seeds. Raises: BadRecipeError, NotFoundError, RefusedError, UnavailableError for
        resources that the engine never has.
        """
        ...

    def verdict(self, step_id: str) -> TransferVerdict:
        """Whether the transfer was worth it, computed again from the stored answers.

        Raises: NotFoundError for a step without baselines, IntegrityError when it is not what the manifest says.
        """
        ...

    def answers(self, step_id: str) -> BinaryIO:
        """What every arm of a step with baselines answered to every test row, as JSON Lines. Raises: NotFoundError."""
        ...

    def forgetting(self, step_id: str) -> Forgetting:
        """What is on record of how much the version that a step made lost on the test data of the models above it.

        Raises: NotFoundError for a step that made no model.
        """
        ...

    def measure_forgetting(self, step_id: str, watch: Callable[[str], None] = lambda _: None) -> Forgetting:
        """Measure it, and record it as evidence about the version; `watch` is told what is being done.

        Raises: NotFoundError, InvalidError where no model above was tested, WithheldError, RecalledError.
        """
        ...

    def search(
        self,
        *,
        state: StepState | None = None,
        method: Method | None = None,
        output: Name | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[StepSummary]: ...
    def step(self, step_id: str) -> StepDetail: ...
    def news(self, step_id: str, *, after: int = 0) -> StepNews:
        """How the step stands now, and its curve points with a number above `after`. Cheap enough to call often.

        Once the step has ended, the points are complete. Raises: NotFoundError.
        """
        ...

    def resume(self, step_id: str, *, background: bool = False, engine: str | None = None) -> StepDetail:
        """Continue from the last whole checkpoint, with its engine. Raises: NotFoundError, StepStateError."""
        ...

    def cancel(self, step_id: str) -> StepDetail:
        """Stop it and keep only the record. Raises: NotFoundError, StepStateError."""
        ...

    def read_input(self, reference: Reference, reading: str, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """The bytes of all files of a version, one after the other in the order of their manifest.

        What is read so is written down under the id `reading` (32 hexadecimal digits that the caller chose), for
        `record`. Raises: NotFoundError, InvalidError, WithheldError, RecalledError, DamagedError.
        """
        ...

    def record(self, wanted: RecordTransfer) -> StepDetail:
        """Record a step that somebody's own program ran, with what it made, or with the error that it ended with.

        An input is `observed` if all its bytes were given out to the same person in `wanted.reading`, else `declared`.
        Raises: NotFoundError, NameTakenError, RefusedError for an input that nothing new is made from, InvalidError,
        UnsafeArtifactError, BadArtifactError, MisfitError, NoSpaceError; then nothing is recorded.
        """
        ...

    def log(self, step_id: str) -> str:
        """What the workers of the step have written. Raises: NotFoundError."""
        ...

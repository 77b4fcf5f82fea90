"""The registry: all verbs over one context, for one actor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Self

from registry.domain.people.people import Actor
from registry.domain.verbs.registry import Problem
from registry.services.audit.verbs import Audit
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.doctor import examine
from registry.services.governance.verbs import Promotions
from registry.services.lineage.verbs import Lineage
from registry.services.people.verbs import People
from registry.services.transfers.verbs import Transfers


@dataclass
class LocalRegistry:
    """Implements `Registry` on this machine's own storage; `close`, or leaving a `with`, gives its connections back."""

    context: Context
    close: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.context.actor

    def as_actor(self, actor: Actor) -> LocalRegistry:
        """The same house for someone else."""
        return LocalRegistry(self.context.as_actor(actor), self.close)

    @cached_property
    def catalog(self) -> Catalog:
        """Registered models."""
        return Catalog(self.context)

    @cached_property
    def datasets(self) -> Datasets:
        """Datasets."""
        return Datasets(self.context)

    @cached_property
    def transfers(self) -> Transfers:
        """Recipes and steps."""
        return Transfers(self.context)

    @cached_property
    def lineage(self) -> Lineage:
        """Walks of the graph."""
        return Lineage(self.context)

    @cached_property
    def promotions(self) -> Promotions:
        """Evidence, requests, votes, policies."""
        return Promotions(self.context)

    @cached_property
    def people(self) -> People:
        """People, roles, tokens."""
        return People(self.context)

    @cached_property
    def audit(self) -> Audit:
        """The audit chain."""
        return Audit(self.context)

    def doctor(self) -> Sequence[Problem]:
        """What is wrong with this home and this installation, and what is fine."""
        return examine(self.context)

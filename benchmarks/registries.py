"""A new registry for a benchmark, whose steps run in the benchmark's own process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from registry import bootstrap
from registry.domain.recipes.recipe import Resources
from registry.domain.transfers.steps import StepDetail, StepState
from registry.domain.verbs.registry import Registry
from registry.plugins import EntryPointPlugins
from registry.ports.engines import Engine
from registry.services.context import Context
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.settings import Settings


class Idle:
    """An engine that leaves a step queued: the benchmark runs it in its own process."""

    name = "idle"

    def grant(self, needs: Resources) -> Resources:
        return replace(needs, cpus=needs.cpus or 1)

    def start(self, step_id: str, home: Path, needs: Resources, *, adapter: str = "") -> None: ...
    def wait(self, step_id: str, home: Path) -> None: ...
    def alive(self, step_id: str, home: Path) -> bool | None:
        return None

    def stop(self, step_id: str, home: Path) -> bool:
        return False

    def log(self, step_id: str, home: Path) -> str:
        return ""


class OwnProcess(EntryPointPlugins):
    """The installed plug-ins, with the idle engine."""

    def engine(self, name: str) -> Engine:
        return Idle()


def new_registry(folder: Path) -> tuple[Registry, Context]:
    """An empty registry in `folder/home`, without MLflow; its steps compute on one thread of the CPU."""
    settings = Settings(mlflow_uri="off", threads=1, device="cpu")
    bootstrap.init(folder / "home", settings=settings, actor="bench")
    registry = bootstrap.open(folder / "home", settings=settings, actor="bench")
    return registry, replace(registry.context, plugins=OwnProcess(0, 600))


def run_here(context: Context, recipe: str) -> StepDetail:
    """A step from submission to publication. Raises: SystemExit with its error when it fails."""
    transfers = Transfers(context)
    step = transfers.submit(recipe).summary.id
    run_step(context, step)
    done = transfers.step(step)
    if done.summary.state is not StepState.SUCCEEDED:
        raise SystemExit(f"{done.summary.wanted}: {done.summary.error}")
    return done

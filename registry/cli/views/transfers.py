"""How recipes and transfer steps are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from registry.cli.printing import facts, heading, hint, moment, plain, table, tell
from registry.cli.streams import write_document
from registry.cli.tables import Pieces
from registry.domain.transfers.metrics import remarks
from registry.domain.transfers.provenance import corrected_since, notes_of
from registry.presenting.formats import duration, number

if TYPE_CHECKING:
    from rich.text import Text

    from registry.domain.catalog.models import MetricValue
    from registry.domain.comparison.verdict import TransferVerdict
    from registry.domain.recipes.recipe import Recipe
    from registry.domain.transfers.steps import EpochMetric, Lease, StepDetail, StepSummary

STATE_COLOURS = {
    "queued": "yellow",
    "running": "cyan",
    "succeeded": "green",
    "failed": "bold red",
    "interrupted": "yellow",
    "cancelled": "dim",
}


def show_recipe(recipe: Recipe) -> None:
    """A recipe with every default filled in, as YAML that can be run as it is."""
    from registry.domain.codec.recipe import recipe_record
    from registry.presenting.documents import as_yaml

    write_document(as_yaml(recipe_record(recipe)))


def show_steps(steps: Sequence[StepSummary]) -> None:
    """Steps, one a line."""
    rows = [
        (
            step.id,
            _state(step.state),
            step.method,
            step.output or f"{step.wanted} (not yet)",
            f"{step.epoch:.3g}/{step.epochs}" if step.epochs else "",
            Pieces([f"{name} {number(value)}" for name, value in list(step.metrics.items())[:3]]),
            f"{moment(step.created_at)} by {step.created_by}",
        )
        for step in steps
    ]
    columns = ("Step", "State", "Method", "Makes", ">Epoch", "Metrics", "Submitted")
    table(columns, rows, empty="No transfer step found.", drop=("Submitted", "Metrics", "Epoch", "Method"))


def show_step(step: StepDetail) -> None:
    """One step: what went in, what came out, how it went, and its mirror."""
    found = step.summary
    facts(
        found.id,
        {
            "state": _state(found.state),
            "error": found.error or "",
            "method": f"{found.method} by {found.adapter}",
            "makes": found.output or f"{found.wanted} (not yet)",
            "submitted": f"{moment(found.created_at)} by {found.created_by}",
            "ran": _ran(found.started_at, found.ended_at),
            "worker": _worker(step.lease),
            "progress": _progress(found),
            **_provenance(step),
            "manifest": step.manifest_digest or "",
            "mirror": " ".join(filter(None, (step.mirror.state, step.mirror.run_id, step.mirror.error))),
        },
    )
    heading("Inputs")
    inputs = [(i.role, i.ref, i.split or "", i.assurance, i.digest.short) for i in step.inputs]
    table(
        ("Role", "Input", "Split", "Assurance", "SHA-256"),
        inputs,
        empty="There are no inputs.",
        drop=("SHA-256", "Assurance"),
    )
    if step.measured:
        heading("Measured")
        show_measured(step.measured)
    _warn(step)
    if found_verdict := _verdict(step):
        from registry.cli.views.verdict import show_verdict

        heading("Comparison with the baselines")
        show_verdict(found_verdict)
    if step.curve:
        heading("Learning curves")
        _draw_curves(step)
        _show_curve(step.curve)
    recipe = {key: value for key, value in step.recipe.items() if key != "submitted"}
    if recipe:
        heading("Resolved recipe")
        from registry.presenting.documents import as_yaml

        write_document(as_yaml(_plain_tree(recipe)))


def show_log(text: str) -> None:
    """What the workers wrote, as they wrote it."""
    write_document(text)


def _warn(step: StepDetail) -> None:
    """What was corrected since, what its manifest notes of how the model was trained, and what it reaches."""
    notes = notes_of({"facts": _part(step.manifest or {}, "facts")})
    corrected = corrected_since(step.manifest, step.inputs)
    for sentence in dict.fromkeys((*corrected, *notes, *remarks(step.measured))):
        tell(f"Warning: {sentence}")


def _verdict(step: StepDetail) -> TransferVerdict | None:
    if step.manifest is None:
        return None
    from registry.domain.comparison.records import verdict_of

    return verdict_of(step.manifest, step.verdict_void)


def _provenance(step: StepDetail) -> dict[str, object]:
    """Where and with what a step ran, from its manifest; less is known of an import and of an unfinished step."""
    manifest, git = step.manifest or {}, _part(_part(step.recipe, "submitted"), "git")
    hardware, environment = _part(manifest, "hardware"), _part(manifest, "environment")
    flops, parameters = _part(manifest, "flops"), _part(manifest, "parameters")
    result: dict[str, object] = {}
    if hardware.get("device", "none") != "none":
        result["ran on"] = f"{hardware['device']}, {hardware.get('precision')}, {manifest.get('threads')} threads"
    if manifest:
        wall, device = (float(str(manifest.get(key) or 0)) for key in ("wall_seconds", "device_seconds"))
        result["took"] = duration(wall) + (f", of which {duration(device)} on the device" if device else "")
    if flops.get("estimate"):
        result["FLOPs"] = f"{float(str(flops['estimate'])):.3g} ({flops.get('method')})"
    if parameters.get("trainable"):
        share = float(str(parameters["trainable_share"]))
        trainable, whole = (number(int(str(parameters[key]))) for key in ("trainable", "all"))
        result["trains"] = f"{trainable} of {whole} parameters ({share:.2%})"
    if git.get("commit"):
        result["git"] = (
            f"{str(git['commit'])[:12]}{', with local changes' if git.get('dirty') else ''}, {git.get('path')}"
        )
    if length := _part(manifest, "facts").get("text_length"):
        result["reads"] = length
    versions = {"forebear": environment.get("forebear"), "python": environment.get("python")}
    versions |= _part(environment, "libraries")
    result["libraries"] = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    return result


def _part(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    """The object under `key`; empty where there is none."""
    found = document.get(key)
    return found if isinstance(found, Mapping) else {}


def show_measured(measured: Sequence[MetricValue]) -> None:
    """Final values, one a line."""
    rows = [(m.name, m.value, m.role, m.data_label or m.data.short, m.split) for m in measured]
    table(("Metric", ">Value", "Role", "Data", "Split"), rows, empty="Nothing was measured.", drop=("Split", "Role"))


def say_started(step: StepDetail) -> None:
    """The state of a step that runs in the background or has ended without a model."""
    tell(f"{step.summary.id} is {step.summary.state}")
    hint(f"See it: forebear transfer show {step.summary.id}")


def say_outcome(step: StepDetail) -> None:
    """How a step ended that this command has watched, and where to look next."""
    found = step.summary
    if found.output is None:
        say_started(step)
        return
    tell(f"Created {found.output} {_ran(found.started_at, found.ended_at)}".rstrip())
    show_measured(step.measured)
    _warn(step)
    if found_verdict := _verdict(step):
        from registry.cli.views.verdict import show_verdict

        show_verdict(found_verdict)
    word = "dataset" if found.output.kind == "datasets" else "model"
    hint(f"Next: forebear {word} show {found.output}, or forebear lineage show {found.output}")


def say_ended(step: StepDetail) -> None:
    """How a step that we followed ended: its curves and, where it made something, what."""
    _draw_curves(step)
    if step.summary.output is not None:
        say_outcome(step)


def _draw_curves(step: StepDetail) -> None:
    from registry.cli.printing import out
    from registry.cli.views.charts import draw
    from registry.presenting.curves import best

    draw(out(), step.curve, best(step))


def _progress(step: StepSummary) -> str:
    """How far a step that goes on is."""
    from registry.cli.views.progress import counted, paced, time_left

    progress = step.progress
    if step.ended_at is not None or progress is None:
        return ""
    return ", ".join(filter(None, (progress.phase, counted(progress), paced(progress), time_left(progress))))


def _show_curve(curve: Sequence[EpochMetric]) -> None:
    names = list(dict.fromkeys(f"{point.role} {point.name}" for point in curve))
    epochs: dict[int, dict[str, float]] = {}
    for point in curve:
        epochs.setdefault(point.epoch, {})[f"{point.role} {point.name}"] = point.value
    rows = [(epoch, *(values.get(name) for name in names)) for epoch, values in epochs.items()]
    table((">Epoch", *(f">{name}" for name in names)), rows, empty="")


def _worker(lease: Lease | None) -> str:
    if lease is None:
        return ""
    return f"{lease.engine} on {lease.machine}" if lease.machine else f"{lease.engine}, not started yet"


def _ran(start: datetime | None, end: datetime | None) -> str:
    if start is None:
        return ""
    return f"since {moment(start)}" if end is None else f"in {duration((end - start).total_seconds())}"


def _plain_tree(value: object) -> object:
    """What YAML can write: mappings and lists of plain values."""
    if isinstance(value, Mapping):
        return {str(key): _plain_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain_tree(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else plain(value)


def _state(state: str) -> Text:
    from rich.text import Text

    return Text(state, style=STATE_COLOURS.get(state, ""))

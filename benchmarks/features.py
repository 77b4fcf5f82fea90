"""What the feature cache saves: a 10-epoch probe on cached features against the frozen backbone run in every epoch.

On EfficientNet-Lite0's real ImageNet weights and scikit-learn's digits. The uncached loop computes features without
gradients, on prepared tensors, at the same batch size, and neither tests nor saves. The adapter does all of it: cold
(features are computed once) and warm (another recipe finds them in the cache). Counted is the CPU time of whole jobs.
`--check` exits non-zero when a bar is missed. Run it as `python -m benchmarks.features`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field

from adapters.inputs.images import read_images
from adapters.loop.training.order import epoch_order
from adapters.torch.models import load_image_model
from adapters.torch.transfer import TorchTransfers
from benchmarks.material import workload
from registry.domain.recipes.recipe import Method, Optimizer
from registry.ports.transfers import DataInput, Finished, ModelInput, TransferJob

COLD_BAR, WARM_BAR = 8.0, 50.0
EPOCHS, BATCH, SIDE = 10, 32, 96
ROWS = {"train": 512}


def timed(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def uncached(source: ModelInput, data: DataInput) -> None:
    """The frozen loop: backbone and head on every batch of every epoch."""
    torch.manual_seed(0)
    classes = tuple(sorted({str(row.label) for row in data.rows}))
    model = load_image_model(source.folder, source.architecture).with_head(classes)
    items = read_images(data.chosen, data, model.preprocess.resized(SIDE))
    labels = torch.tensor([classes.index(str(row.label)) for row in data.chosen])
    optimizer = torch.optim.AdamW(model.head.parameters(), lr=1e-2, fused=True)
    model.module.eval()
    for epoch in range(EPOCHS):
        for part in epoch_order(len(items), BATCH, seed=0, epoch=epoch):
            with torch.no_grad():
                features = model.features(items.batch(part))
            loss = F.cross_entropy(model.head(features), labels[torch.from_numpy(part)])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()


def probe(job: TransferJob, *, computed: int) -> None:
    """The adapter's whole job. The cache must have been as cold or as warm as is claimed."""
    *_, done = TorchTransfers().run(job)
    assert isinstance(done, Finished)
    assert done.facts["features_computed"] == computed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    given = parser.parse_args()
    torch.set_num_threads(1)
    taken: dict[str, list[float]] = {"uncached": [], "cold": [], "warm": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, data = workload.lite0(folder / "source"), workload.digits(folder, ROWS)
        for turn in range(given.repeats):

            def job(work: str, lr: float, turn: int = turn) -> TransferJob:
                return workload.job(
                    folder / str(turn),
                    work,
                    source,
                    data,
                    Method.FEATURE_EXTRACTION,
                    epochs=EPOCHS,
                    batch_size=BATCH,
                    image_size=SIDE,
                    optimizer=Optimizer(lr=lr),
                )

            taken["uncached"].append(timed(lambda: uncached(source, data)))
            taken["cold"].append(timed(lambda: probe(job("cold", 1e-2), computed=ROWS["train"])))
            taken["warm"].append(timed(lambda: probe(job("warm", 3e-3), computed=0)))
    middle = {name: median(times) for name, times in taken.items()}
    held = True
    print(f"{'10-epoch probe':<24}{'CPU s':>9}{'faster':>9}  bar")
    for name, bar in (("uncached", None), ("cold", COLD_BAR), ("warm", WARM_BAR)):
        gain = middle["uncached"] / middle[name]
        held &= bar is None or gain >= bar
        verdict = "" if bar is None else f">= {bar:.0f}x: {'held' if gain >= bar else 'MISSED'}"
        print(f"{name:<24}{middle[name]:>9.2f}{gain:>8.1f}x  {verdict}")
    print(f"\n{ROWS['train']} digits at {SIDE} pixels, batch {BATCH}, medians of {given.repeats}, 1 thread, ", end="")
    print(f"load {os.getloadavg()[0]:.1f}")
    return 1 if given.check and not held else 0


if __name__ == "__main__":
    sys.exit(main())

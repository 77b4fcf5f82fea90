"""Checkpoints are written atomically and contain everything that a run needs to resume."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from adapters.loop.training import checkpoints as module
from adapters.loop.training.checkpoints import Checkpoints


def tensors(step: int) -> dict[str, torch.Tensor]:
    weight = torch.full((3, 4), float(step))
    return {"model.w": weight, "model.tied": weight, "best.w": weight.bfloat16(), "rng.torch": torch.get_rng_state()}


@pytest.fixture
def store(tmp_path: Path) -> Checkpoints:
    kept = Checkpoints(tmp_path / "checkpoints")
    for step in (1, 2, 3):
        kept.save(step, tensors(step), {"step": step})
    return kept


def test_the_newest_is_found_with_every_tensor_and_number(store: Checkpoints) -> None:
    found = store.newest()
    assert found is not None
    assert found.state == {"step": 3}
    assert {name: t.dtype for name, t in found.tensors.items()} == {k: t.dtype for k, t in tensors(3).items()}
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in tensors(3).items())
    assert set(found.part("model")) == {"w", "tied"}


def test_the_last_two_are_kept(store: Checkpoints) -> None:
    assert sorted(p.name for p in store.folder.iterdir()) == [
        "step-000000002.safetensors",
        "step-000000003.safetensors",
    ]


@pytest.mark.parametrize("harm", ["cut", "flip", "empty", "garbage"])
def test_a_damaged_newest_is_passed_over(store: Checkpoints, harm: str) -> None:
    path = store.folder / "step-000000003.safetensors"
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    harmed = {"cut": bytes(data[: len(data) // 2]), "flip": bytes(data), "empty": b"", "garbage": b"x" * 99}
    path.write_bytes(harmed[harm])
    found = store.newest()
    assert found is not None
    assert found.state == {"step": 2}


def test_a_folder_without_a_whole_checkpoint_has_none(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none").newest() is None
    (tmp_path / "step-000000001.safetensors").write_bytes(b"{}")
    assert Checkpoints(tmp_path).newest() is None


def test_a_full_disk_leaves_the_checkpoint_before(store: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "sync", full)
    with pytest.raises(OSError, match="No space"):
        store.save(4, tensors(4), {"step": 4})
    found = store.newest()
    assert found is not None
    assert found.state == {"step": 3}
    assert not list(store.folder.glob(".*"))


def test_clearing_removes_every_checkpoint(store: Checkpoints) -> None:
    store.clear()
    assert store.newest() is None

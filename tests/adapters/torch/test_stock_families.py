"""Image families of transformers, small and with random weights: imported as Hub folders, probed and fine-tuned.

The children are loaded again in a process that knows only transformers, or the one file that is pulled with them. This
tests the code, not accuracy.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from adapters.torch.backbones import load_stock
from adapters.torch.models import load_image_model
from adapters.torch.taps import tap_at
from adapters.transformers.importer import HuggingFaceImporter
from benchmarks.families import kind_of, try_family
from benchmarks.image_families import Material, families, hub_folder, model_class
from registry.domain.recipes.recipe import Method
from registry.errors import BadRecipeError, InvalidError, MisfitError, MissingExtraError
from tests.adapters.loop.worlds import CLASSES, World, finish
from tests.house.tree import ROOT

SAMPLE = ["clip", "convnext", "dinov3_vit", "owlvit", "resnet", "vit_mae"]
"""One of each way: a tower with a classifier of its own, a head and a backbone, no classifier, a tower without one, a
crop, another class."""
REFUSED: frozenset[str] = frozenset(
    {
        "cosmos3_edge_vision",
        "efficientloftr",
        "gemma4_vision",
        "glm_image_vision",
        "grounding-dino",
        "hunyuan_vl_vision",
        "imagegpt",
        "inkling2_vision",
        "kimi_k25_vision",
        "kosmos-2",
        "lfm3_vl_vision",
        "lightglue",
        "mgp-str",
        "minicpm_ocr_vision",
        "minicpmv4_7_vision",
        "mm-grounding-dino",
        "muse_glimmer_vision",
        "muse_spark_vision",
        "omdet-turbo",
        "oneformer",
        "perceiver",
        "seggpt",
        "shieldgemma2",
        "timesformer",
        "video_llama_3_vision",
        "videomae",
        "vivit",
    }
)
"""Types whose models take more than a picture, or something else."""
NEEDS = {"dinat": "natten"} | dict.fromkeys(
    ("edgetam", "edgetam_vision_model", "gemma3n_vision", "timm_wrapper"), "timm"
)
"""Types for which transformers needs another library: only these may be left untried."""

IMAGES = kind_of("images")


def check(kind: str) -> None:
    found = try_family(IMAGES, kind)
    if found[0].reason.startswith("not tried"):
        assert kind in NEEDS, found
        pytest.skip(found[0].reason)
    if kind in REFUSED:
        assert {one.refused for one in found[1:]} == {True}, found
        return
    assert [one.reason for one in found] == ["", "", ""]


@pytest.mark.parametrize("kind", SAMPLE)
def test_children_of_a_family_are_predicted_alike_by_a_process_with_transformers_alone(kind: str) -> None:
    check(kind)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_children_of_every_family_are_predicted_alike_by_a_process_with_transformers_alone(
    subtests: pytest.Subtests,
) -> None:
    """No list of parameters: the types are known only once every class of transformers was imported (5 s)."""
    for kind in sorted(set(families()) - set(SAMPLE)):
        with subtests.test(kind):
            check(kind)


@pytest.mark.slow
def test_the_documentation_says_of_every_type_what_works() -> None:
    page = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    section = page[page.index("## Image models") :].partition("\n## ")[0]
    assert [kind for kind in families() if f"`{kind}`" not in section] == []


def imported(folder: Path, kind: str) -> World:
    """The small model of a type, imported, and pictures of bars."""
    return Material.imported(folder, kind).world


@pytest.mark.parametrize("kind", ["vit", "dinov2", "efficientnet"])
def test_a_child_has_the_tensor_names_of_its_parent_and_a_probe_its_bits(kind: str, tmp_path: Path) -> None:
    world = imported(tmp_path, kind)
    before = load_file(world.source.folder / "model.safetensors")
    for method in (Method.FEATURE_EXTRACTION, Method.FINE_TUNING):
        done, _ = finish(world, world.job(method.value, method=method, epochs=2))
        assert load_image_model(done.folder, done.architecture).classes == CLASSES
        after = load_file(done.folder / "model.safetensors")
        names = [name for name in before if not name.startswith("pooler.")]  # which no classifier has
        prefix = {"vit": "vit", "dinov2": "dinov2", "efficientnet": "efficientnet"}[kind]
        kept = [torch.equal(after[f"{prefix}.{name}"], before[name]) for name in names]
        assert all(kept) == (method is Method.FEATURE_EXTRACTION), "by the names that the parent's file has"


def test_a_backbone_without_classifier_keeps_its_bits_and_can_be_a_source_again(tmp_path: Path) -> None:
    world = imported(tmp_path, "dinov3_vit")
    before = load_file(world.source.folder / "model.safetensors")
    probe, _ = finish(world, world.job("probe", method=Method.FEATURE_EXTRACTION))
    after = load_file(probe.folder / "model.safetensors")
    ours = load_stock(world.source.folder).trunk.state_dict()
    assert all(torch.equal(after[f"backbone.{name.removeprefix('stock.')}"], t) for name, t in ours.items())
    assert len(ours) == len(before)
    grown = world.child(probe)
    again, _ = finish(grown, grown.job("again", method=Method.FINE_TUNING))
    assert again.facts["head_kept"] is True
    fresh, _ = finish(grown, grown.job("fresh", method=Method.PRETRAINING))
    assert fresh.architecture == "transformers_mlp"


def test_continued_pretraining_of_a_backbone_gives_a_folder_that_its_own_class_loads(tmp_path: Path) -> None:
    from transformers import AutoModel

    world = imported(tmp_path, "dinov3_vit")
    job = world.job("simclr", method=Method.CONTINUED_PRETRAINING, roles=())
    data = {"unlabelled": replace(world.data, split="train")}
    done, _ = finish(world, replace(job, data=data))
    assert done.architecture == "transformers:DINOv3ViTModel"
    model, report = AutoModel.from_pretrained(done.folder, output_loading_info=True)
    assert type(model).__name__ == "DINOv3ViTModel"
    assert not any(report.values())


def test_deit_with_its_teacher_token_is_used_by_its_class_token(tmp_path: Path) -> None:
    from transformers import AutoConfig, DeiTForImageClassificationWithTeacher

    plain = imported(tmp_path, "deit")
    settings = AutoConfig.from_pretrained(plain.source.folder)
    DeiTForImageClassificationWithTeacher(settings).save_pretrained(plain.source.folder)
    (tmp_path / "distilled").mkdir()
    converted = HuggingFaceImporter().convert(plain.source.folder, tmp_path / "distilled", architecture=None)
    assert converted.facts.architecture == "transformers:DeiTForImageClassificationWithTeacher"
    source = replace(plain.source, folder=converted.folder, architecture=str(converted.facts.architecture))
    world = replace(plain, source=source)
    done, _ = finish(world, world.job(method=Method.FEATURE_EXTRACTION))
    assert done.architecture == "transformers:DeiTForImageClassification"


def test_weights_that_the_backbone_lacks_are_named(tmp_path: Path) -> None:
    for kind in ("vit", "dinov3_vit"):
        (tmp_path / kind).mkdir()
        folder = hub_folder(tmp_path / kind / "hub", kind)
        tensors = load_file(folder / "model.safetensors")
        gone = next(name for name in tensors if "layer" in name and name.endswith("weight"))
        del tensors[gone]
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(MisfitError, match="missing"):
            load_stock(folder)


def test_without_a_preprocessor_the_size_is_that_of_the_config(tmp_path: Path) -> None:
    for kind in ("vit", "clip"):
        folder = hub_folder(tmp_path / kind, kind)
        (folder / "preprocessor_config.json").unlink()
        assert load_image_model(folder, f"transformers:{model_class(kind)}").preprocess.size == 64


def test_a_size_that_the_model_does_not_take_is_refused(tmp_path: Path) -> None:
    world = imported(tmp_path, "vit")
    with pytest.raises(BadRecipeError, match="'image_size' is 96, but test/parent/1 does not take pictures of 96"):
        finish(world, world.job(image_size=96))


def test_a_video_model_is_refused_with_its_reason(tmp_path: Path) -> None:
    folder = hub_folder(tmp_path, "videomae")
    with pytest.raises(InvalidError, match="VideoMAEModel gives no features of a picture by itself"):
        load_stock(folder)


@pytest.mark.parametrize(
    ("kind", "used"),
    [
        ("mask2former", "Mask2FormerModel"),
        ("pixtral", "PixtralVisionModel"),
        ("pp_lcnet", "PPLCNetForImageClassification"),
        ("sam", "SamVisionModel"),
        ("sam3_tracker", "Sam3VisionModel"),
    ],
)
def test_the_features_of_a_picture_do_not_depend_on_the_pictures_beside_it(
    kind: str, used: str, tmp_path: Path
) -> None:
    trunk = load_stock(hub_folder(tmp_path, kind)).trunk.eval()
    assert type(trunk.stock).__name__ == used
    pictures = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        together, alone = trunk(pictures), torch.cat([trunk(picture[None]) for picture in pictures])
    assert together.shape[0] == 3
    small = 1e-3 * float(alone.std())  # the features of these random models are small
    torch.testing.assert_close(together, alone, rtol=0, atol=small)
    assert not torch.allclose(alone[0], alone[1], rtol=0, atol=small)


def test_a_layer_that_gives_one_row_for_all_pictures_is_refused(tmp_path: Path) -> None:
    model = load_image_model(hub_folder(tmp_path, "pixtral"), "transformers:PixtralVisionModel")
    with pytest.raises(BadRecipeError, match=r"transformer\.layers\.0.* gives no features"):
        tap_at(model, "mean", 64)


@pytest.mark.parametrize(("kind", "library"), [("detr", "timm"), ("dinat", "natten")])
def test_a_library_that_transformers_needs_for_a_model_is_named(kind: str, library: str, tmp_path: Path) -> None:
    if find_spec(library) is not None:
        pytest.skip(f"{library} is installed")
    folder = hub_folder(tmp_path / "hub", "vit")
    config = {"model_type": kind, "architectures": [model_class(kind)]}
    (folder / "config.json").write_text(json.dumps(config))
    (tmp_path / "out").mkdir()
    with pytest.raises(MissingExtraError, match=f"transformers needs {library} for {model_class(kind)}"):
        HuggingFaceImporter().convert(folder, tmp_path / "out", architecture=None)
    with pytest.raises(MissingExtraError, match=f"transformers needs {library} for {model_class(kind)}"):
        load_stock(folder)


def test_a_turned_photograph_is_read_upright_in_training_and_by_the_definition(tmp_path: Path) -> None:
    from adapters.inputs.pictures import open_picture
    from adapters.torch.definitions import transformers_mlp

    upright = Image.linear_gradient("L").resize((40, 30)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn
    upright.rotate(90, expand=True).save(tmp_path / "turned.png", exif=exif)
    hub = hub_folder(tmp_path / "hub", "dinov3_vit")
    model = load_image_model(hub, "transformers:DINOv3ViTModel").with_head(("a", "b"))
    model.save(tmp_path / "out")
    read = open_picture(tmp_path / "turned.png", "turned.png")
    assert read.size == (40, 30)
    wanted = model.preprocess.apply(upright)
    assert torch.allclose(model.preprocess.apply(read), wanted)
    with Image.open(tmp_path / "turned.png") as raw:
        assert torch.allclose(transformers_mlp.preprocess(raw, tmp_path / "out"), wanted)

"""Archives of a model's folder are opened in the converting process, and only when nothing in them is strange."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from registry.errors import BadArtifactError, UnsafeArtifactError
from registry.sandbox.archives import MAX_FILES, is_folder_archive, unpack
from registry.sandbox.parent import convert_in_subprocess
from tests.adapters.files import safetensors
from tests.importing import importing_here

Members = dict[str, bytes]
LARGEST = 64 * 1024


def zipped(path: Path, members: Members) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: Members) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


MAKERS = [pytest.param(zipped, id="zip"), pytest.param(tarred, id="tar.gz")]


@pytest.mark.parametrize(
    ("make", "lead", "process"),
    [(zipped, "bert-tiny/", nullcontext), (tarred, "./", importing_here)],
    ids=["zip", "tar.gz"],
)
def test_an_archive_of_a_folder_is_imported_as_the_folder(
    make: Callable[..., Path], lead: str, process: Callable[[], AbstractContextManager[None]], tmp_path: Path
) -> None:
    import transformers

    config = transformers.BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=30
    )
    transformers.BertModel(config).save_pretrained(tmp_path / "bert")
    members = {f"{lead}{path.name}": path.read_bytes() for path in (tmp_path / "bert").iterdir()}
    members |= {"__MACOSX/._x": b"strange"} if lead == "bert-tiny/" else {}
    source = make(tmp_path / "model.bin", members)
    with process():
        converted = convert_in_subprocess(
            source, tmp_path / "out", architecture=None, pickles=True, memory=0, seconds=120
        )
    assert converted.facts.architecture == "transformers:BertModel"
    assert converted.notes[0] == "opened the archive model.bin"
    original = (tmp_path / "bert/model.safetensors").read_bytes()
    assert (tmp_path / "out/model.safetensors").read_bytes() == original


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "name",
    ["../out", "a/../../out", "/etc/out", "a\\..\\out", "C:out", "a//out", "a" * 300, "/".join("abcdefghijklmnop")],
)
def test_a_name_that_leads_out_of_the_archive_is_refused(make: Callable[..., Path], name: str, tmp_path: Path) -> None:
    source = make(tmp_path / "a", {"fine.json": b"{}", name: b"out"})
    (tmp_path / "in").mkdir()
    with pytest.raises(UnsafeArtifactError, match="may lead out of it"):
        unpack(source, tmp_path / "in/folder", largest=LARGEST)
    written = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(written) in (["a", "fine.json"], ["a"])


@pytest.mark.parametrize("kind", ["symbolic link", "hard link", "device", "pipe"])
def test_links_and_devices_in_a_tar_are_refused(kind: str, tmp_path: Path) -> None:
    types = {
        "symbolic link": tarfile.SYMTYPE,
        "hard link": tarfile.LNKTYPE,
        "device": tarfile.CHRTYPE,
        "pipe": tarfile.FIFOTYPE,
    }
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("weights.bin")
        member.type, member.linkname = types[kind], "/etc/passwd"
        archive.addfile(member)
    assert is_folder_archive(tmp_path / "a.tar")
    with pytest.raises(UnsafeArtifactError, match=r"'weights\.bin' is a link or a device"):
        unpack(tmp_path / "a.tar", tmp_path / "folder", largest=LARGEST)


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        member = zipfile.ZipInfo("weights.bin")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(UnsafeArtifactError, match="is a link or a device"):
        unpack(tmp_path / "a.zip", tmp_path / "folder", largest=LARGEST)


@pytest.mark.parametrize("make", MAKERS)
def test_an_archive_that_unpacks_to_too_much_is_stopped_on_the_way(make: Callable[..., Path], tmp_path: Path) -> None:
    source = make(tmp_path / "a", {"zeros": bytes(50_000_000)})
    assert source.stat().st_size < LARGEST
    with pytest.raises(UnsafeArtifactError, match=r"unpacks to more than 65,536 bytes"):
        unpack(source, tmp_path / "folder", largest=LARGEST)
    assert sum(path.stat().st_size for path in (tmp_path / "folder").iterdir()) <= LARGEST


def test_a_zip_that_lies_about_its_size_is_stopped_all_the_same(tmp_path: Path) -> None:
    source = zipped(tmp_path / "a.zip", {"zeros": bytes(1_000_000)})
    content = source.read_bytes().replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    source.write_bytes(content)
    with pytest.raises((BadArtifactError, UnsafeArtifactError)):
        unpack(source, tmp_path / "folder", largest=LARGEST)
    assert sum(path.stat().st_size for path in (tmp_path / "folder").iterdir()) <= LARGEST


def test_a_tar_whose_header_is_a_bomb_is_stopped(tmp_path: Path) -> None:
    """A header of extended fields is read whole by tarfile, as large as it says it is."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 200_000_000
    with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
        file.write(header.tobuf())
        for _ in range(200):
            file.write(bytes(1_000_000))
    with pytest.raises(UnsafeArtifactError, match="unpacks to more than"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "folder", largest=LARGEST)


@pytest.mark.parametrize("make", MAKERS)
def test_too_many_files_are_refused(make: Callable[..., Path], tmp_path: Path) -> None:
    source = make(tmp_path / "a", {f"{n}": b"" for n in range(MAX_FILES + 1)})
    with pytest.raises(UnsafeArtifactError, match="more than 10,000 files"):
        unpack(source, tmp_path / "folder", largest=LARGEST)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("names", [("a", "A"), ("a", "a/b"), ("x/y", "x/./y")])
def test_members_that_would_overwrite_one_another_are_refused(
    make: Callable[..., Path], names: tuple[str, str], tmp_path: Path
) -> None:
    source = make(tmp_path / "archive", dict.fromkeys(names, b"x"))
    with pytest.raises(UnsafeArtifactError):
        unpack(source, tmp_path / "folder", largest=LARGEST)


@pytest.mark.parametrize("make", MAKERS)
def test_a_damaged_archive_is_named_as_one(make: Callable[..., Path], tmp_path: Path) -> None:
    import random

    source = make(tmp_path / "archive", {"weights": random.Random(1).randbytes(40_000)})
    source.write_bytes(source.read_bytes()[:20_000])
    with pytest.raises(BadArtifactError, match="'archive' is a damaged archive"):
        unpack(source, tmp_path / "folder", largest=LARGEST)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    source = zipped(tmp_path / "a.zip", {"w": b"content"})
    raw = bytearray(source.read_bytes())
    central = raw.index(b"PK\x01\x02")
    raw[6] |= 1
    raw[central + 8] |= 1
    source.write_bytes(bytes(raw))
    with pytest.raises(BadArtifactError, match="is encrypted"):
        unpack(source, tmp_path / "folder", largest=LARGEST)


def test_formats_that_are_archives_themselves_are_not_opened(tmp_path: Path) -> None:
    import numpy as np
    import torch

    torch.save({"w": torch.zeros(2)}, tmp_path / "w.pt")
    np.savez(tmp_path / "a.npz", x=np.zeros(2))
    zipped(tmp_path / "m.keras", {"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": b""})
    safetensors(tmp_path / "w.safetensors")
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"cat 1 2 3\n" * 200))
    assert [path.name for path in sorted(tmp_path.iterdir()) if is_folder_archive(path)] == []


def test_a_pickle_in_an_archive_is_refused_as_one_beside_it_is(tmp_path: Path) -> None:
    import pickle

    from tests.adapters.files import Bomb

    canary = tmp_path / "canary"
    source = zipped(tmp_path / "a.zip", {"model/w.bin": pickle.dumps(Bomb(canary))})
    with pytest.raises(UnsafeArtifactError, match="plain pickle"):
        convert_in_subprocess(source, tmp_path / "out", architecture="vgg11", pickles=True, memory=0, seconds=120)
    assert not canary.exists()


@pytest.mark.parametrize("make", MAKERS)
def test_where_pickles_are_not_taken_no_archive_is_opened(make: Callable[..., Path], tmp_path: Path) -> None:
    source = make(tmp_path / "a", {"config.json": b"{}"})
    with pytest.raises(UnsafeArtifactError, match="a pickle or an archive"):
        convert_in_subprocess(source, tmp_path / "out", architecture=None, pickles=False, memory=0, seconds=60)

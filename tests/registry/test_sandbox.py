"""Conversion in a process of its own: limits hold, errors come back as themselves, and nothing is left behind."""

from __future__ import annotations

import json
import os
import pickle
import socket
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.errors import (
    AdapterError,
    BadArtifactError,
    InvalidError,
    MisfitError,
    MissingExtraError,
    NoSpaceError,
    RegistryError,
    UnavailableError,
    UnsafeArtifactError,
)
from registry.ports.importing import ConvertedSource
from registry.sandbox import parent
from registry.sandbox.parent import convert_in_subprocess
from registry.sandbox.wire import decode_answer, encode_answer
from tests.adapters.files import Bomb, safetensors

# An importer that lives in a distribution of its own, as a third party's would. It does what its source asks for.
ODD = """
import os, pathlib, socket, subprocess, sys, time
from registry.errors import MisfitError
from registry.ports.importing import ConvertedSource, SourceFacts

class OddImporter:
    name = "odd"

    def detect(self, source):
        text = source.read_text() if source.is_file() and source.suffix == ".odd" else None
        return SourceFacts("odd", "x", None, None) if text else None

    def convert(self, source, target, *, architecture):
        (target / "model.safetensors").write_bytes(b"half")
        exec(source.read_text())
        return ConvertedSource(target, SourceFacts("odd", "x", None, None), 1, 2, ("done",))
"""
ROOT = Path(__file__).parents[2]
Ask = Callable[..., ConvertedSource]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Convert a source of the odd importer's, which runs the given lines."""
    site = tmp_path / "site"
    (site / "odd-1.dist-info").mkdir(parents=True)
    (site / "odd-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n")
    (site / "odd-1.dist-info/entry_points.txt").write_text("[forebear.importers]\nodd = odd_importer:OddImporter\n")
    (site / "odd_importer.py").write_text(ODD)
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{ROOT}")

    def asking(lines: str, *, seconds: int = 60, memory: int = 0) -> ConvertedSource:
        source = tmp_path / "source.odd"
        source.write_text(lines)
        return convert(source, tmp_path / "target", seconds=seconds, memory=memory)

    return asking


def convert(
    source: Path,
    target: Path,
    *,
    architecture: str | None = None,
    pickles: bool = True,
    seconds: int = 60,
    memory: int = 0,
    owned: bool = False,
) -> ConvertedSource:
    return convert_in_subprocess(
        source, target, architecture=architecture, pickles=pickles, memory=memory, seconds=seconds, owned=owned
    )


def test_a_source_is_converted_and_its_facts_come_back(ask: Ask, tmp_path: Path) -> None:
    converted = ask("pass")
    assert converted.folder == (tmp_path / "target").resolve()
    assert (converted.tensors, converted.parameters, converted.notes[0]) == (1, 2, "done")


def test_a_safetensors_file_goes_through_the_real_importers(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "w.safetensors")
    converted = convert(file, tmp_path / "target", pickles=False)
    assert converted.facts.format == "safetensors"
    assert converted.facts.architecture == "generic"
    kept = tmp_path / "target/model.safetensors"
    assert (kept.is_symlink(), kept.samefile(file), kept.read_bytes()) == (False, False, file.read_bytes())


def test_a_file_of_our_own_that_needs_no_conversion_is_not_copied(tmp_path: Path) -> None:
    file = safetensors(tmp_path / "w.safetensors")
    convert(file, tmp_path / "target", pickles=False, owned=True)
    kept = tmp_path / "target/model.safetensors"
    assert (kept.is_symlink(), kept.samefile(file)) == (False, True)


@pytest.mark.parametrize(
    ("lines", "error", "words"),
    [
        ("raise MisfitError('no', facts={'missing': ['a.b']})", MisfitError, "no"),
        ("raise ZeroDivisionError('odd')", AdapterError, "ZeroDivisionError: odd"),
        ("raise OSError(28, 'No space left on device')", NoSpaceError, "disk is full"),
        ("raise MemoryError", UnavailableError, "FOREBEAR_IMPORT_MEMORY"),
        ("os.kill(os.getpid(), 11)", UnavailableError, "SIGSEGV: it crashed"),
        ("os.kill(os.getpid(), 9)", UnavailableError, "SIGKILL: it ran out"),
        ("os._exit(3)", AdapterError, "failed"),
        ("os._exit(0)", AdapterError, "no answer"),
        ("(target / 'model.pkl').write_bytes(b'')", UnsafeArtifactError, r"model\.pkl"),
        ("(target / 'a.txt').symlink_to('/etc/passwd')", UnsafeArtifactError, r"a\.txt"),
        (
            "os.symlink('/etc/passwd', target / 'b.safetensors')",
            UnsafeArtifactError,
            r"b\.safetensors, which is a link",
        ),
        ("os.symlink(source, target / 'a.txt')", UnsafeArtifactError, r"a\.txt"),
        ("os.symlink(source.parent, target / 'b.safetensors')", UnsafeArtifactError, r"b\.safetensors"),
        ("os.symlink('nothing', target / 'b.safetensors')", UnsafeArtifactError, r"b\.safetensors"),
        ("(target / 'model.safetensors').unlink()", AdapterError, "wrote nothing"),
    ],
)
def test_every_failure_is_one_clear_error_and_leaves_nothing(
    lines: str, error: type[RegistryError], words: str, ask: Ask, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words) as caught:
        ask(lines)
    assert type(caught.value) is error
    assert not (tmp_path / "target").exists()
    if error is MisfitError:
        assert caught.value.facts == {"missing": ["a.b"]}


@pytest.mark.slow
def test_a_process_that_takes_too_long_is_ended_with_all_it_started(ask: Ask, tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(4); pathlib.Path({str(mark)!r}).touch()"
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="longer than 2 seconds"):
        ask(f"subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)", seconds=2)
    assert time.monotonic() - began < 20
    time.sleep(4)
    assert not mark.exists()


@pytest.mark.slow
def test_killing_the_import_ends_the_converting_process_too(ask: Ask, tmp_path: Path) -> None:
    source, begun, mark = tmp_path / "source.odd", tmp_path / "begun", tmp_path / "alive"
    source.write_text(f"pathlib.Path({str(begun)!r}).touch(); time.sleep(3); pathlib.Path({str(mark)!r}).touch()")
    lines = (
        "from pathlib import Path; from registry.sandbox.parent import convert_in_subprocess as convert; "
        f"convert(Path({str(source)!r}), Path({str(tmp_path / 'target')!r}), "
        "architecture=None, pickles=True, memory=0, seconds=60)"
    )
    importing = subprocess.Popen([sys.executable, "-c", lines])
    deadline = time.monotonic() + 30
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    importing.kill()
    importing.wait()
    assert begun.exists()
    time.sleep(4)
    assert not mark.exists()


def test_memory_beyond_the_limit_is_refused(ask: Ask) -> None:
    with pytest.raises(UnavailableError, match="more memory than it may use"):
        ask("bytearray(2_000_000_000)", memory=500_000_000)
    ask("bytearray(50_000_000)", memory=500_000_000)


def test_without_a_setting_memory_is_limited_by_the_size_of_the_source(ask: Ask) -> None:
    with pytest.raises(UnavailableError, match="more memory than it may use"):
        ask("bytearray(2_200_000_000)")
    ask("bytearray(2_200_000_000)\n" + "#" * 60_000_000)


def test_a_source_that_grows_without_end_is_stopped(ask: Ask) -> None:
    with pytest.raises(BadArtifactError, match="grows far beyond"):
        ask("open(target / 'b.txt', 'wb').truncate(10**12)")


def test_no_secret_of_ours_reaches_the_process(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBEAR_SECRET", "s3cret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    ask("assert 's3cret' not in str(os.environ), 'seen'; assert os.environ['HF_HUB_OFFLINE'] == '1'")


def test_the_process_has_no_network_or_says_that_it_had(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        reach = f"socket.create_connection(('127.0.0.1', {port}), timeout=2).close()"
        converted = ask(f"try: {reach}; (target / 'reached.txt').touch()\nexcept OSError: pass")
    reached = (converted.folder / "reached.txt").exists()
    assert reached == any("with the network reachable" in note for note in converted.notes)


def test_what_the_importer_prints_does_not_disturb_the_answer(ask: Ask) -> None:
    assert ask("print('{\"error\": 1}'); sys.stderr.write('x' * 100_000)").tensors == 1


def test_an_importer_whose_library_is_absent_is_named_with_the_extra_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution = tmp_path / "site/far-1.dist-info"
    distribution.mkdir(parents=True)
    (distribution / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: far\nVersion: 1\nProvides-Extra: far\nRequires-Dist: afar; extra == 'far'\n"
    )
    (distribution / "entry_points.txt").write_text("[forebear.importers]\nfar = far_importer:Importer\n")
    (tmp_path / "site/far_importer.py").write_text("import afar\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}{os.pathsep}{ROOT}")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(MissingExtraError, match=r"far \(No module named 'afar'\)") as caught:
        convert(tmp_path / "notes.txt", tmp_path / "target")
    assert caught.value.remedy == 'Install what reads this format: pip install "far[far]"'


# --- what is refused before anybody reads it -----------------------------------------------------------------------


def test_something_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(BadArtifactError, match=r"notes\.txt is not a model in a known format"):
        convert(tmp_path / "notes.txt", tmp_path / "target")
    with pytest.raises(BadArtifactError, match="There is no"):
        convert(tmp_path / "absent", tmp_path / "target")


@pytest.mark.parametrize("length", [128, 384, 640])
def test_a_safetensors_header_that_begins_like_a_pickle_is_none(length: int, tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(length)
    file.write_bytes(struct.pack("<Q", length) + header + bytes(4))
    with file.open("rb") as opened:
        assert opened.read(1) == b"\x80"
    assert convert(file, tmp_path / "target", pickles=False).tensors == 1


@pytest.mark.parametrize("kind", ["pickle", "zip", "tar", "renamed"])
def test_where_pickles_are_not_taken_none_is_read(kind: str, tmp_path: Path) -> None:
    canary, folder = tmp_path / "canary", tmp_path / "source"
    folder.mkdir()
    safetensors(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    bomb = pickle.dumps(Bomb(canary))
    if kind == "zip":
        with zipfile.ZipFile(folder / "archive.bin", "w") as archive:
            archive.writestr("archive/data.pkl", bomb)
    elif kind == "tar":
        (folder / "old.tar").write_bytes(b"\0" * 257 + b"ustar" + b"\0" * 250)
    else:
        (folder / ("notes.txt" if kind == "renamed" else "w.pkl")).write_bytes(bomb)
    with pytest.raises(UnsafeArtifactError, match="is a pickle or an archive, and this server accepts neither"):
        convert(folder, tmp_path / "target", pickles=False)
    assert not canary.exists()
    assert not (tmp_path / "target").exists()


def test_a_pickle_that_runs_code_is_refused_as_unsafe_and_never_runs(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (tmp_path / "w.pt").write_bytes(pickle.dumps(Bomb(canary)))
    with pytest.raises(UnsafeArtifactError, match="plain pickle"):
        convert(tmp_path / "w.pt", tmp_path / "target", architecture="mobilenet_v2")
    assert not canary.exists()


def test_weights_without_a_named_architecture_are_invalid(tmp_path: Path) -> None:
    import torch

    torch.save({"w": torch.zeros(2)}, tmp_path / "w.pt")
    with pytest.raises(InvalidError, match="efficientnet_lite0"):
        convert(tmp_path / "w.pt", tmp_path / "target")


@pytest.mark.parametrize("trap", ["pipe", "link to a file", "link to a folder", "broken link"])
def test_a_folder_with_traps_is_refused_at_once(trap: str, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    safetensors(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "secret.txt").write_text("secret")
    if trap == "pipe":
        os.mkfifo(folder / "vocab.txt")
    else:
        to = {"link to a file": "../secret.txt", "link to a folder": "..", "broken link": "nowhere"}[trap]
        (folder / "vocab.txt").symlink_to(to)
    with pytest.raises(BadArtifactError, match=r"vocab\.txt is (not a regular file|a link that leads out)"):
        convert(folder, tmp_path / "target", seconds=20)


def test_links_of_the_hubs_own_cache_are_followed(tmp_path: Path) -> None:
    """`snapshots/<revision>/x` there is a link to `blobs/<hash>`."""
    blobs, snapshot = tmp_path / "models--a--b/blobs", tmp_path / "models--a--b/snapshots/abc"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    safetensors(blobs / "1234")
    (snapshot / "model.safetensors").symlink_to("../../blobs/1234")
    assert convert(snapshot, tmp_path / "target").tensors == 2
    assert not (tmp_path / "target/model.safetensors").is_symlink()


def test_an_empty_target_is_used_and_a_failed_one_removed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    convert(safetensors(tmp_path / "w.safetensors"), tmp_path / "target")
    with pytest.raises(BadArtifactError):
        convert(safetensors(tmp_path / "bad.safetensors", tail=b"x"), tmp_path / "other")
    assert not (tmp_path / "other").exists()


# --- the answer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"converted": {}}', '{"error": {"code": "x"}}', "null", '{"error": 5}']
)
def test_an_unreadable_answer_is_an_error_of_the_adapter(text: str, tmp_path: Path) -> None:
    with pytest.raises(AdapterError):
        decode_answer(text, tmp_path)


def test_an_error_comes_out_of_the_subprocess_with_remedy_and_facts(tmp_path: Path) -> None:
    error = MisfitError("m", remedy="r", facts={"missing": ["x"]})
    with pytest.raises(MisfitError) as caught:
        decode_answer(encode_answer(error), tmp_path)
    assert (caught.value.message, caught.value.remedy, caught.value.facts) == ("m", "r", {"missing": ["x"]})


def test_what_converting_writes_lies_in_the_work_folder_that_is_swept_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[Path]()

    def run(_: object, scratch: Path) -> None:
        seen.append(scratch)
        raise UnavailableError("It was killed")

    monkeypatch.setattr(parent, "_run", run)
    (tmp_path / "source").mkdir()
    target = tmp_path / "work" / "converted"
    with pytest.raises(UnavailableError):
        parent.convert_in_subprocess(tmp_path / "source", target, architecture=None, pickles=False, memory=0, seconds=1)
    assert [one.parent for one in seen] == [target.parent]
    assert list(target.parent.iterdir()) == []

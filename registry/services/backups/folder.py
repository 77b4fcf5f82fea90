"""The folder of a backup.

| in the folder | what |
|---|---|
| `backup.json` | `registry.domain.backups.Backup` as JSON; it is written last and names the files below by digest |
| `registry-….db` | the database, a SQLite file whatever the registry uses |
| `objects-….sha256` | a line for each object: `sha256sum -c` reads it |
| `blobs/ab/cd/…` | the objects, each named by its SHA-256 |
| `checkpoints-….txt`, `public-keys-….txt` | the signed checkpoints of the audit log, and what checks them |
| `timestamps-….json` | by the entries of a checkpoint, what a timestamp authority answered about it, as Base64 |
| `signing-key-….pem` | the private key that signs them; only where it was asked for |
| `.lock` | locked while a backup is made; it also says that the folder is one of backups |

A backup that replaces an earlier one adds files under other names and then replaces `backup.json` in one step.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from lineage import Digest
from registry.domain.backups import FORMAT, Backup, Signatures
from registry.domain.codec import from_json, to_json
from registry.domain.verifier import read_checkpoints, read_keys, written_checkpoints, written_keys
from registry.errors import BackupBrokenError, ConflictError, IntegrityError, NotFoundError, RegistryError
from registry.files import write_whole

_CHUNK = 1024 * 1024
_LARGEST = 16 * 1024**2
"""Bytes that are read of `backup.json`."""


class BackupFolder:
    """The files of a backup in the folder `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()
        self._manifest = self.root / "backup.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder, closed to others, and lock it for the `with`. Raises: ConflictError."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = self.root / ".lock"
        if not lock.exists() and any(self.root.iterdir()):
            raise ConflictError(
                f"The folder {self.root} is not empty and has no backup", remedy="Give a new folder, or an empty one"
            )
        self.root.chmod(0o700)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise ConflictError(f"Another backup into {self.root} is being made") from None
        finally:
            os.close(handle)

    def read(self) -> tuple[Backup, Digest] | None:
        """The backup and the digest of its manifest; None where there is no complete one. Raises: BackupBrokenError."""
        try:
            with self._manifest.open("rb") as file:
                data = file.read(_LARGEST)
            backup = from_json(Backup, json.loads(data))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError, RegistryError) as error:
            raise BackupBrokenError(f"{self._manifest} cannot be read as a backup: {error}") from error
        if backup.format != FORMAT:
            raise BackupBrokenError(
                f"The backup has format {backup.format} and this program reads {FORMAT}",
                remedy="Use the version of Forebear that made it",
            )
        return backup, Digest.of(data)

    def require(self) -> tuple[Backup, Digest]:
        """The backup. Raises: NotFoundError, BackupBrokenError."""
        found = self.read()
        if found is None:
            raise NotFoundError(f"There is no complete backup in {self.root}")
        return found

    def write(self, backup: Backup) -> Digest:
        """Make `backup` the one of this folder, and remove what only an earlier one needed."""
        data = json.dumps(to_json(backup), indent=2, sort_keys=True).encode() + b"\n"
        write_whole(self._manifest, data, private=True)
        files = {self.named(name, one) for name, one in signature_files(backup).items()}
        keep = {self._manifest, self.root / ".lock", self.database(backup.database), self._list(backup.listed), *files}
        for path in self.root.iterdir():
            if path.is_file() and path not in keep:
                path.unlink()
        return Digest.of(data)

    def database(self, digest: Digest) -> Path:
        """The copy of the database with this digest."""
        return self.named("registry.db", digest)

    def named(self, name: str, digest: Digest) -> Path:
        """Where the file `name` with this digest is."""
        stem, suffix = name.split(".")
        return self.root / f"{stem}-{digest.hex[:16]}.{suffix}"

    def write_signatures(self, backup: Backup, signatures: Signatures) -> Backup:
        """Write their files; give the backup that names them."""
        data = {
            "checkpoints.txt": written_checkpoints(signatures.checkpoints).encode(),
            "public-keys.txt": written_keys(signatures.keys).encode(),
            "signing-key.pem": signatures.private,
            "timestamps.json": _written(signatures.timestamps) if signatures.timestamps else None,
        }
        written = dict[str, Digest]()
        for name, content in data.items():
            if content is not None:
                written[name] = Digest.of(content)
                write_whole(self.named(name, written[name]), content, private=True)
        return replace(
            backup,
            checkpoints=written["checkpoints.txt"],
            public_keys=written["public-keys.txt"],
            signing_key=written.get("signing-key.pem"),
            timestamps=written.get("timestamps.json"),
        )

    def signatures(self, backup: Backup) -> Signatures | None:
        """The checkpoints and keys; None for a backup without them. Raises: BackupBrokenError."""
        content = dict[str, bytes]()
        for name, digest in signature_files(backup).items():
            path = self.named(name, digest)
            try:
                content[name] = path.read_bytes()
            except FileNotFoundError as error:
                raise BackupBrokenError(f"The file {path.name} is missing") from error
            if Digest.of(content[name]) != digest:
                raise BackupBrokenError(f"The file {path.name} was changed")
        if not content:
            return None
        try:
            checkpoints = read_checkpoints(content["checkpoints.txt"].decode())
            keys = read_keys(content["public-keys.txt"].decode())
            timestamps = _read(content.get("timestamps.json", b"{}"))
        except (KeyError, ValueError) as error:
            raise BackupBrokenError(f"The checkpoints of the audit log cannot be read: {error}") from error
        return Signatures(tuple(checkpoints), tuple(keys), content.get("signing-key.pem"), timestamps)

    def incoming(self, suffix: str) -> Path:
        """A new name for a file that is being written."""
        return self.root / f".{secrets.token_hex(8)}{suffix}"

    def write_list(self, objects: Iterable[Digest]) -> Digest:
        """Write the list of objects; give its digest."""
        data = "".join(f"{one.hex}  {self.object(one).relative_to(self.root)}\n" for one in objects).encode()
        digest = Digest.of(data)
        write_whole(self._list(digest), data, private=True)
        return digest

    def objects(self, backup: Backup) -> list[Digest]:
        """The objects that are in the list, in order of digest. Raises: BackupBrokenError for a changed list."""
        path = self._list(backup.listed)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise BackupBrokenError(f"The list of objects {path.name} is missing") from error
        if Digest.of(data) != backup.listed:
            raise BackupBrokenError(f"The list of objects {path.name} was changed")
        return [Digest(line.split()[0]) for line in data.decode().splitlines()]

    def size(self, digest: Digest) -> int | None:
        """Bytes of an object; None where there is none."""
        try:
            return self.object(digest).stat().st_size
        except FileNotFoundError:
            return None

    def object(self, digest: Digest) -> Path:
        """Where an object is."""
        return self.root / "blobs" / digest.hex[:2] / digest.hex[2:4] / digest.hex

    def add(self, digest: Digest, stream: BinaryIO) -> int:
        """Copy an object from `stream`, and give its size. It is on the disk after `os.sync`.

        Raises: IntegrityError when the bytes are others; nothing of them is kept then.
        """
        target = self.object(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{secrets.token_hex(8)}.part")
        hashed, size = hashlib.sha256(), 0
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0) as out:
                while chunk := stream.read(_CHUNK):
                    hashed.update(chunk)
                    size += len(chunk)
                    view = memoryview(chunk)
                    while view:
                        view = view[out.write(view) :]
            if hashed.hexdigest() != digest.hex:
                raise IntegrityError(f"The bytes of {digest.short} were changed")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return size

    def prune(self, objects: Iterable[Digest]) -> None:
        """Remove the objects that are not among these, and the parts of those that were being copied by the killed."""
        keep = {one.hex for one in objects}
        for path in self.root.glob("blobs/??/??/*"):
            if path.name not in keep:
                path.unlink()

    def _list(self, digest: Digest) -> Path:
        return self.named("objects.sha256", digest)


def signature_files(backup: Backup) -> Mapping[str, Digest]:
    """The files of checkpoints and keys that a backup has, with their digests."""
    found = {
        "checkpoints.txt": backup.checkpoints,
        "public-keys.txt": backup.public_keys,
        "signing-key.pem": backup.signing_key,
        "timestamps.json": backup.timestamps,
    }
    return {name: digest for name, digest in found.items() if digest is not None}


def _written(timestamps: Mapping[int, bytes]) -> bytes:
    return json.dumps({str(size): base64.b64encode(one).decode() for size, one in timestamps.items()}).encode()


def _read(content: bytes) -> Mapping[int, bytes]:
    return {int(size): base64.b64decode(one) for size, one in json.loads(content).items()}


def digest_of(file: Path) -> Digest:
    """The SHA-256 of a file. Raises: OSError."""
    with file.open("rb", buffering=0) as stream:
        return Digest(hashlib.file_digest(stream, "sha256").hexdigest())

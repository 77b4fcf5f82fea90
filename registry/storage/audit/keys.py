"""The key that signs checkpoints of the audit log: a private Ed25519 key, and the public keys of all times.

The private key is for its owner only (0600). It lies in the registry folder: who holds that folder can sign. What was
signed before, kept elsewhere, still contradicts a log that is rewritten later.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from registry.domain.verifier import Checkpoint, PublicKey, read_keys, written_keys
from registry.errors import AuditBrokenError
from registry.files import write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRIVATE, PUBLIC = "signing-key.pem", "public-keys.txt"


class KeyFiles:
    """The keys in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def public(self) -> list[PublicKey]:
        """Every public key, the present one last. Raises: AuditBrokenError."""
        file = self._folder / PUBLIC
        try:
            return read_keys(file.read_text("utf-8"))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise AuditBrokenError(f"{file} cannot be read as public keys") from error

    def ensure(self) -> None:
        """Make the first key where there is none yet. Raises: OSError, AuditBrokenError."""
        if not self.public():
            self._make(f"forebear.registry/{secrets.token_hex(6)}")

    def rotate(self) -> PublicKey:
        """Make a new key, which signs from now on. The former public ones are kept. Raises: as `ensure`."""
        known = self.public()
        return self._make(known[-1].name if known else f"forebear.registry/{secrets.token_hex(6)}")

    def sign(self, size: int, root: bytes) -> Checkpoint:
        """A checkpoint that the present key has signed. Raises: OSError, AuditBrokenError without a key."""
        self.ensure()
        key = self.public()[-1]
        _, private = self._pair(key)
        unsigned = Checkpoint(key.name, size, root)
        return Checkpoint(key.name, size, root, ((key.name, key.id, private.sign(unsigned.text.encode())),))

    def signature(self, text: bytes) -> bytes:
        """The signature of the present key over `text`. Raises: OSError, AuditBrokenError without a key."""
        return self._pair(self.public()[-1])[1].sign(text)

    def private(self) -> bytes:
        """The private key of the present public one, as PEM. Raises: OSError, AuditBrokenError without one."""
        self.ensure()
        return self._pair(self.public()[-1])[0]

    def adopt(self, public: Sequence[PublicKey], private: bytes | None) -> None:
        """Make these the keys of a folder without keys. Raises: OSError."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if private is not None:
            write_whole(self._folder / PRIVATE, private, private=True)
        write_whole(self._folder / PUBLIC, written_keys(public).encode(), private=True)

    def _pair(self, key: PublicKey) -> tuple[bytes, Ed25519PrivateKey]:
        """The private key of `key`, as PEM and to sign with. Raises: OSError, AuditBrokenError."""
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - 70 ms
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

        file = self._folder / PRIVATE
        try:
            pem = file.read_bytes()
            private = load_pem_private_key(pem, password=None)
        except (FileNotFoundError, ValueError, TypeError) as error:
            raise AuditBrokenError(f"The key that signs checkpoints is missing: {file}", remedy=_ROTATE) from error
        if not isinstance(private, ed25519.Ed25519PrivateKey) or private.public_key().public_bytes_raw() != key.raw:
            raise AuditBrokenError(f"{file} is not the private key of {key}", remedy=_ROTATE)
        return pem, private

    def _make(self, name: str) -> PublicKey:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 70 ms
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as above

        self._folder.mkdir(mode=0o700, exist_ok=True)
        private = Ed25519PrivateKey.generate()
        key = PublicKey(name, private.public_key().public_bytes_raw())
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        known = self.public()
        write_whole(self._folder / PRIVATE, pem, private=True)
        write_whole(self._folder / PUBLIC, written_keys((*known, key)).encode())
        return key


_ROTATE = "Bring it back from a copy, or make a new one: forebear audit rotate-key"

"""The key that signs checkpoints of the audit log: a private Ed25519 key, and the public keys of all times.

The private key is for its owner only (0600). It lies in the registry folder: who holds that folder can sign. What was
signed before, kept elsewhere, still contradicts a log that is rewritten later.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from registry.domain.verifier import Checkpoint, PublicKey, read_keys
from registry.errors import AuditBrokenError
from registry.files import write_whole

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
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - 70 ms
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - as above

        self.ensure()
        key, file = self.public()[-1], self._folder / PRIVATE
        try:
            private = load_pem_private_key(file.read_bytes(), password=None)
        except (FileNotFoundError, ValueError, TypeError) as error:
            raise AuditBrokenError(f"The key that signs checkpoints is missing: {file}", remedy=_ROTATE) from error
        if not isinstance(private, Ed25519PrivateKey) or private.public_key().public_bytes_raw() != key.raw:
            raise AuditBrokenError(f"{file} is not the private key of {key}", remedy=_ROTATE)
        unsigned = Checkpoint(key.name, size, root)
        return Checkpoint(key.name, size, root, ((key.name, key.id, private.sign(unsigned.text.encode())),))

    def _make(self, name: str) -> PublicKey:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - 70 ms
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as above

        self._folder.mkdir(mode=0o700, exist_ok=True)
        private = Ed25519PrivateKey.generate()
        key = PublicKey(name, private.public_key().public_bytes_raw())
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        lines = "".join(f"{one}\n" for one in (*self.public(), key))
        write_whole(self._folder / PRIVATE, pem, private=True)
        write_whole(self._folder / PUBLIC, lines.encode())
        return key


_ROTATE = "Bring it back from a copy, or make a new one: forebear audit rotate-key"

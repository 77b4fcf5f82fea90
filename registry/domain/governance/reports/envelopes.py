"""Signed envelopes of in-toto statements: DSSE 1.0.

The signature is over the type and the bytes of the payload, so that nothing has to be canonical.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

STATEMENT = "https://in-toto.io/Statement/v1"
PAYLOAD = "application/vnd.in-toto+json"


def authenticated(payload: bytes) -> bytes:
    """The bytes that a signature of a DSSE envelope is over: `PAE(type, payload)`."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)


def envelope(payload: bytes, key: str, sign: Callable[[bytes], bytes]) -> Mapping[str, object]:
    """The DSSE envelope as a JSON object; `sign` gives the signature of the key with the id `key` over some bytes."""
    signature = base64.b64encode(sign(authenticated(payload))).decode()
    return {
        "payloadType": PAYLOAD,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key, "sig": signature}],
    }

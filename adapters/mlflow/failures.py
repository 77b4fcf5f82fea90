"""Every exception of MLflow as an error of ours, without the password of an address."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from registry.errors import AdapterError, RegistryError


@contextmanager
def declared(uri: str) -> Iterator[None]:
    """Turn every exception into AdapterError, and silence MLflow's warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except RegistryError:
        raise
    except Exception as error:  # each store lets out errors of its own library: SQLAlchemy, requests, boto…
        reason = " ".join(str(error).split())[:500] or type(error).__name__
        raise AdapterError(f"MLflow at {_public(uri)} says: {reason.replace(uri, _public(uri))}") from error


def _public(uri: str) -> str:
    """`uri` without a password."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri

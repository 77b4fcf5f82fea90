"""Sends one HTTP POST to an address that was checked: no proxy, no redirect, and of the answer only what is wanted."""

from __future__ import annotations

import http.client
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from registry import __version__
from registry.errors import RegistryError
from registry.outgoing.connecting import connect, problem_of, target_of
from registry.outgoing.deadlines import Deadline

SECONDS = 10.0
"""For all of it: looking up the name, connecting, sending, and the header of the answer."""
GONE = 410
_REDIRECTS = range(300, 400)
_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a message. `problem` is empty when it was accepted; `status` is None when nothing answered."""

    status: int | None
    problem: str
    seconds: float
    retry_after: float = 0.0
    """Seconds that the receiver asks to wait."""
    body: bytes = b""
    """What it answered, where that was asked for."""

    @property
    def accepted(self) -> bool:
        """True when the receiver has taken it."""
        return not self.problem


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allowed: Collection[str] = (),
    seconds: float = SECONDS,
    most: int = 0,
) -> Outcome:
    """Send `body`; nothing that the receiver or the network does raises an error. `allowed`: see `places_of`.

    With `most`, the body of a good answer is read, and one of more bytes than that is refused.
    """
    began = time.monotonic()
    with Deadline(seconds) as deadline:
        try:
            outcome = _posted(url, body, headers, allowed, deadline, most)
        except RegistryError as error:
            outcome = Outcome(None, error.message, 0.0)
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = deadline.over or isinstance(error, TimeoutError)  # time limits of sockets end with it
            outcome = Outcome(
                None, f"No answer within {seconds:g} s" if late else problem_of(error, "the receiver"), 0.0
            )
    return replace(outcome, seconds=time.monotonic() - began)


def _posted(
    url: str, body: bytes, headers: Mapping[str, str], allowed: Collection[str], deadline: Deadline, most: int
) -> Outcome:
    parts = urlsplit(url)
    connection = connect(parts, deadline, allowed=allowed)
    connection.request("POST", target_of(parts), body, {"User-Agent": f"forebear/{__version__}", **headers})
    answer = connection.getresponse()
    problem = _refusal_of(answer.status)
    content = answer.read(most + 1) if most and not problem else b""
    if deadline.over:  # what was broken off looks whole
        raise TimeoutError
    if len(content) > most:
        problem = f"The receiver answered with more than {most:,} bytes"
    return Outcome(answer.status, problem, 0.0, _seconds_of(answer.getheader("Retry-After")), content)


def _seconds_of(text: str | None) -> float:
    """`Retry-After` in seconds; a date is not read: the wait that is due anyhow is taken."""
    return float(text) if text is not None and text.isdecimal() and len(text) < 9 else 0.0


def _refusal_of(status: int) -> str:
    if status in _GOOD:
        return ""
    if status in _REDIRECTS:
        return f"The receiver answered {status}, a redirect, which is not followed"
    return f"The receiver answered {status}"

"""Bodies of requests that come too slowly are refused: they would keep connections open."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

SLOWEST = 500
"""Bytes a second that a body must bring on average, after a first allowance of `Settings.body_seconds`."""


class TimedBody:
    """Passes the parts of a body on, and waits for the client only so long: slow bodies would keep connections open.

    It waits at most `seconds` for each part, and for all parts together at most as long and a second for each
    `SLOWEST` bytes that came.
    """

    def __init__(self, receive: Receive, seconds: int) -> None:
        self.receive, self.seconds, self.whole = receive, seconds, False
        self.left = float(seconds)

    async def __call__(self) -> Message:
        if self.whole:
            return await self.receive()  # waits for the client to go away
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(min(self.seconds, self.left)):  # `wait_for` would begin a task for each part
                message = await self.receive()
        except TimeoutError:
            raise HTTPException(
                408, f"The body came too slowly: {self.seconds} s without a part, or less than {SLOWEST} bytes a second"
            ) from None
        self.left += len(message.get("body", b"")) / SLOWEST - (clock() - began)
        self.whole = not message.get("more_body", False)
        return message

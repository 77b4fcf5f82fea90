"""Routes of the protocols of other tools: their errors are told in the words of the protocol."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.requests import Request

from registry.api import problems

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ProtocolRoute(APIRoute):
    """A route whose errors `told` answers. `own` are those of the protocol itself, which it takes as they are."""

    own: ClassVar[type[Exception]]

    @staticmethod
    def reworded(error: Exception, request: Request) -> Exception:  # noqa: ARG004 - for protocols that need it
        """`error` as the protocol says it of this request."""
        return error

    @staticmethod
    @abstractmethod
    def told(raised: Any, status: int | None = None) -> Response:
        """The answer to an error of ours or of the protocol; `status` is given where the framework refused."""

    def inner(self) -> Handler:
        """What answers, before its errors are told."""
        return super().get_route_handler()

    def get_route_handler(self) -> Handler:
        """What handles a request at this address."""
        handle = self.inner()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except self.own as error:
                return self.told(error)
            except Exception as error:  # noqa: BLE001 - told in the client's words; what nobody foresaw is logged
                return self.told(*problems.as_error(self.reworded(error, request), request))

        return handled

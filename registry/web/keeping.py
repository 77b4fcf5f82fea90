"""Pages that a browser may keep and ask about again: their entity tag is of what they show to one session.

The token of forms is another text in each answer, so that its length and compression tell nothing of it, and good as
long as the session lasts. The tag is of the page without it: a page that shows the same is the same.
"""

from __future__ import annotations

import hashlib

from fastapi.responses import HTMLResponse
from starlette.requests import Request


def kept(request: Request, page: HTMLResponse, token: str) -> HTMLResponse:
    """The page with its entity tag, or 304 for the browser that has it; as it is where nobody is signed in by a cookie.

    A page stays in the browser of the person, which asks each time (`private, no-cache`); another session has other
    tags.
    """
    session = getattr(request.state, "session", None)
    if session is None or request.method != "GET" or page.status_code != 200 or not token:
        return page
    shown = hashlib.sha256(f"{session.id}\n".encode())
    shown.update(bytes(page.body).replace(token.encode(), b""))
    tag = f'W/"{shown.hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Cookie"}
    if tag in {one.strip() for one in request.headers.get("if-none-match", "").split(",")}:
        return HTMLResponse(status_code=304, headers=headers)
    page.headers.update(headers)
    return page

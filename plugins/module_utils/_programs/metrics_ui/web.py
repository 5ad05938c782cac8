# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web side, on port 4000: the page, the JSON API, the live stream, and the text for Prometheus.

Built on Starlette and uvicorn, which the role ``metrics_ui`` brings to the server as wheels. Only this file and
:mod:`.serving` know them.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import prometheus
from .files import PageFiles
from .hosts import Names
from .live import Live
from .marks import MarkRefused
from .receiver import Receiver
from .views import Views, WrongQuery

BODY_LIMIT = 4096
"""Bytes of a mark that is posted."""

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_PIECES = 50


class Web:
    """The application."""

    def __init__(self, receiver: Receiver, files: PageFiles, token: str, browsers: int, names: Names) -> None:
        """.

        :param token: what whoever posts a mark has to know.
        :param browsers: how many live streams there may be at a time.
        :param names: under which it may be asked for.
        """
        self._receiver = receiver
        self._store = receiver.store
        self._files = files
        self._token = token.encode()
        self._views = Views(self._store, receiver.problems)
        self.live = Live(self._store, self._encoded, browsers)
        get = ["GET"]
        routes = [
            Route("/", self._page, methods=get),
            Route("/static/{name}", self._static, methods=get),
            Route("/metrics", self._metrics, methods=get),
            Route("/api/stream", self._stream, methods=get),
            Route("/api/marks", self._marks, methods=get),
            Route("/api/marks", self._post_mark, methods=["POST"]),
            Route("/api/openapi.json", self._openapi, methods=get),
            Route("/api/{view}", self._view, methods=get),
        ]
        handlers: Any = {404: _not_found, 405: _not_allowed, Exception: _broken}
        whole = _under_its_names(Starlette(routes=routes, exception_handlers=handlers), names)
        self.application: ASGIApp = _with_security_headers(whole)

    async def _page(self, request: Request) -> Response:
        return self._file("index.html", request)

    async def _static(self, request: Request) -> Response:
        return self._file(request.path_params["name"], request)

    async def _openapi(self, request: Request) -> Response:
        return self._file("openapi.json", request)

    def _file(self, name: str, request: Request) -> Response:
        found = self._files.get(name)
        if found is None:
            return _error(f"there is no {name[:80]}", 404)
        # Asked for again each time, so that a page is never made of old and new files.
        headers = {"ETag": found.tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        return Response(found.content, media_type=found.type, headers=headers)

    def _encoded(self, name: str, query: dict[str, str]) -> bytes:
        return json.dumps(self._views.view(name, query), separators=(",", ":")).encode()

    async def _view(self, request: Request) -> Response:
        try:
            data = self._encoded(request.path_params["view"], dict(request.query_params))
        except WrongQuery as error:
            return _error(str(error), 400)
        return Response(data, media_type="application/json", headers={"Cache-Control": "no-store"})

    async def _stream(self, request: Request) -> Response:
        query = dict(request.query_params)
        name = query.pop("view", "")
        try:
            self._encoded(name, query)
        except WrongQuery as error:
            return _error(str(error), 400)
        if request.method == "HEAD":
            # Nothing would ever be sent, and so nobody would notice that whoever asked has gone.
            return Response(media_type="text/event-stream")
        if self.live.full:
            return _error(f"{self.live.limit} pages are open already; close some, or raise --browsers", 503)
        return _LiveResponse(self.live, name, query)

    async def _marks(self, request: Request) -> Response:
        return JSONResponse({"marks": self._store.marks.between(0, float("inf"))})

    async def _post_mark(self, request: Request) -> Response:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token):
            return _error("marks need the token of this run: Authorization: Bearer ...", 401, "Bearer")
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_LIMIT:
                    return _error(f"a mark has at most {BODY_LIMIT} bytes", 413)
        except ClientDisconnect:
            # Who went before it was all there reads no answer.
            return _error("the mark did not come to its end", 400)
        try:
            mark, is_new = self._store.marks.post(json.loads(body), self._store.clock())
        except (MarkRefused, ValueError, RecursionError) as error:
            return _error(str(error) or "a mark is JSON", 400)
        self._store.version += 1
        return JSONResponse(mark.to_dict(), status_code=201 if is_new else 200)

    async def _metrics(self, request: Request) -> Response:
        return StreamingResponse(_gently(prometheus.exposition(self._receiver)), media_type=prometheus.CONTENT_TYPE)


class _LiveResponse(Response):
    """Server-sent events for one browser."""

    def __init__(self, live: Live, view: str, query: dict[str, str]) -> None:
        super().__init__()
        self._live, self._view, self._query = live, view, query

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

        async def send_event(event: bytes) -> None:
            await send({"type": "http.response.body", "body": event, "more_body": True})

        async def closed() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        if await self._live.serve(self._view, self._query, send_event, closed):
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gently(pieces: Iterable[str]) -> AsyncIterator[bytes]:
    held: list[str] = []
    for piece in pieces:
        held.append(piece)
        if len(held) >= _PIECES:
            yield "".join(held).encode()
            held = []
            # Thousands of series take a while: workers are listened to in between.
            await asyncio.sleep(0)
    yield "".join(held).encode()


def _with_security_headers(application: ASGIApp) -> ASGIApp:
    extra = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *extra]}
            await send(message)

        await application(scope, receive, send_with_headers)

    return wrapped


def _under_its_names(application: ASGIApp, names: Names) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        host = b"".join(value for name, value in scope.get("headers", []) if name == b"host").decode("latin-1")
        if scope["type"] == "http" and not names.includes(host):
            refused = _error(
                f"this server is not known as {host[:80]!r}: ask for it by its number, as localhost through an SSH "
                "tunnel, or name it in metrics_ui_names",
                421,
            )
            await refused(scope, receive, send)
            return
        await application(scope, receive, send)

    return wrapped


def _error(sentence: str, status: int, challenge: str = "") -> Response:
    headers = {"WWW-Authenticate": challenge} if challenge else None
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


async def _not_found(request: Request, _problem: Exception) -> Response:
    return _error(f"there is no {request.url.path[:80]}", 404)


async def _not_allowed(request: Request, _problem: Exception) -> Response:
    return _error(f"{request.method} is not possible here", 405)


async def _broken(_request: Request, _problem: Exception) -> Response:
    return _error("this failed; the log of the metrics UI tells why", 500)

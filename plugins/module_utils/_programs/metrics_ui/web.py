# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web side, on port 4000: the page, the JSON API, the live stream, and the text for Prometheus."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Optional
from urllib.parse import parse_qsl, unquote

from . import prometheus, verdict
from .files import PageFiles
from .hosts import Names
from .http_request import Request
from .http_server import Answer, Closed, Send, data, encoded, problem
from .live import Live
from .posted import PostRefused
from .receiver import Receiver
from .views import Problems, Views, WrongQuery

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_PIECES = 50

Handler = Callable[[Request], Answer]


class Web:
    """Answers what is asked."""

    def __init__(
        self,
        receiver: Receiver,
        files: PageFiles,
        token: str,
        browsers: int,
        names: Names,
        problems: Sequence[Problems] = (),
    ) -> None:
        """.

        :param token: what whoever posts a mark has to know.
        :param browsers: how many live streams there may be at a time.
        :param names: under which it may be asked for.
        :param problems: what users should know beside what the store and the receiver tell.
        """
        self._receiver = receiver
        self._store = receiver.store
        self._files = files
        self._token = token.encode()
        self._names = names
        tellers = (receiver.problems, *problems)
        self._views = Views(self._store, lambda: [sentence for told in tellers for sentence in told()])
        self.live = Live(self._store, self._encoded, browsers)
        self._routes: dict[str, dict[str, Handler]] = {
            "/": {"GET": partial(self._file, "index.html")},
            "/metrics": {"GET": self._metrics},
            "/api/stream": {"GET": self._stream},
            "/api/marks": {"GET": self._marks, "POST": partial(self._posted, self._post_mark)},
            "/api/verdict": {"GET": self._verdict, "POST": partial(self._posted, self._post_verdict)},
            "/api/openapi.json": {"GET": partial(self._file, "openapi.json")},
        }

    def answer(self, request: Request) -> Answer:
        """The answer to a request."""
        host = request.headers.get("host", "")
        if not self._names.includes(host):
            return problem(
                421,
                f"this server is not known as {host[:80]!r}: ask for it by its number, as localhost through an SSH "
                "tunnel, or name it in metrics_ui_names",
            )
        path = unquote(request.path)
        handlers = self._handlers(path)
        if handlers is None:
            return problem(404, f"there is no {path[:80]}")
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            allowed = ", ".join(["HEAD", *handlers])
            return problem(405, f"{request.method} is not possible here", Allow=allowed)
        return handler(request)

    def _handlers(self, path: str) -> Optional[dict[str, Handler]]:
        """What answers at a path, by method."""
        if path in self._routes:
            return self._routes[path]
        room, _slash, name = path.rpartition("/")
        if name and room in ("/static", "/api"):
            return {"GET": partial(self._file if room == "/static" else self._view, name)}
        return None

    def _file(self, name: str, request: Request) -> Answer:
        found = self._files.get(name)
        if found is None:
            return problem(404, f"there is no {name[:80]}")
        # Asked for again each time, so that a page is never made of old and new files.
        headers = {"ETag": found.tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == found.tag:
            return Answer(304, headers=headers)
        return Answer(200, found.content, found.type, headers)

    def _encoded(self, name: str, query: dict[str, str]) -> bytes:
        return json.dumps(self._views.view(name, query), separators=(",", ":")).encode()

    def _view(self, name: str, request: Request) -> Answer:
        try:
            return encoded(self._encoded(name, _query(request)), Cache_Control="no-store")
        except WrongQuery as error:
            return problem(400, str(error))

    def _stream(self, request: Request) -> Answer:
        query = _query(request)
        name = query.pop("view", "")
        try:
            self._encoded(name, query)
        except WrongQuery as error:
            return problem(400, str(error))
        if self.live.full and request.method != "HEAD":
            return problem(503, f"{self.live.limit} pages are open already; close some, or raise --browsers")
        # The last: while it is sent nothing else is read.
        return Answer(
            200,
            type="text/event-stream; charset=utf-8",
            headers={"Cache-Control": "no-store"},
            stream=partial(self.live.serve, name, query),
            last=True,
        )

    def _marks(self, _request: Request) -> Answer:
        return data({"marks": self._store.marks.between(0, float("inf"))})

    def _verdict(self, _request: Request) -> Answer:
        known = self._store.verdict
        return data({"verdict": known.to_dict() if known else None})

    def _posted(self, take: Callable[[object], Answer], request: Request) -> Answer:
        scheme, _unused, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token):
            sentence = "what is posted needs the token of this run: Authorization: Bearer ..."
            return problem(401, sentence, WWW_Authenticate="Bearer")
        try:
            answer = take(json.loads(request.body))
        except PostRefused as error:
            return problem(400, str(error))
        except (ValueError, RecursionError):
            return problem(400, "what is posted is JSON")
        self._store.version += 1
        return answer

    def _post_mark(self, given: object) -> Answer:
        mark, is_new = self._store.marks.post(given, self._store.clock())
        return data(mark.to_dict(), 201 if is_new else 200)

    def _post_verdict(self, given: object) -> Answer:
        self._store.verdict = verdict.read(given, self._store.clock())
        return data(self._store.verdict.to_dict(), 201)

    def _metrics(self, _request: Request) -> Answer:
        return Answer(200, type=prometheus.CONTENT_TYPE, stream=self._exposed)

    async def _exposed(self, send: Send, _closed: Closed) -> bool:
        held: list[str] = []
        for piece in prometheus.exposition(self._receiver):
            held.append(piece)
            if len(held) >= _PIECES:
                await send("".join(held).encode())
                held = []
                # Thousands of series take a while: workers are listened to in between.
                await asyncio.sleep(0)
        await send("".join(held).encode())
        return True


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query, keep_blank_values=True))

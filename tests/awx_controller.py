# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for an AWX: as much of its REST API as the modules of awx.awx use, with a record of every write.

It keeps what it is given and gives it back; it decides nothing. That AWX accepts surveys and finds playbooks is tested
apart, by its rules.
"""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Optional
from urllib.parse import parse_qsl, urlparse

TYPES = {
    "organizations": "organization",
    "projects": "project",
    "inventories": "inventory",
    "inventory_sources": "inventory_source",
    "credentials": "credential",
    "credential_types": "credential_type",
    "execution_environments": "execution_environment",
    "labels": "label",
    "job_templates": "job_template",
    "workflow_job_templates": "workflow_job_template",
    "workflow_job_template_nodes": "workflow_job_template_node",
    "workflow_approval_templates": "workflow_approval_template",
}
VERSION = "24.6.1"


class Controller:
    """A running stand-in; a context manager."""

    def __init__(self) -> None:
        self.items: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.links: dict[str, list[int]] = defaultdict(list)
        """``job_templates/7/labels`` -> ids."""
        self.surveys: dict[str, Any] = {}
        self.writes: list[tuple[str, str, Any]] = []
        """Method, path and body of every request that was no question."""
        self.tokens: set[str] = set()
        self._lock = threading.Lock()
        for name in ("Machine", "Source Control"):
            self._create("credential_types", {"name": name})
        controller = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or b"null")
                controller.tokens.add(str(self.headers.get("Authorization")))
                with controller._lock:
                    code, data = controller._handle(self.command, self.path, body)
                payload = b"" if data is None else json.dumps(data).encode()
                self.send_response(code)
                self.send_header("X-API-Product-Version", VERSION)
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  # as http.server calls them

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Controller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def named(self, collection: str, name: str) -> dict[str, Any]:
        """One thing by its name."""
        (found,) = [one for one in self.items[collection] if one.get("name") == name or one.get("identifier") == name]
        return found

    def linked(self, collection: str, number: int, kind: str) -> list[int]:
        """The ids that one thing is associated with."""
        return self.links[f"{collection}/{number}/{kind}"]

    def _handle(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        parsed = urlparse(target)
        parts = [part for part in parsed.path.split("/") if part][2:]
        if method != "GET":
            self.writes.append((method, "/".join(parts), body))
        if not parts or parts[0] in ("ping", "config"):
            return 200, {"version": VERSION}
        if len(parts) == 1:
            if method == "GET":
                return 200, self._page(self._search(parts[0], dict(parse_qsl(parsed.query))))
            return 201, self._create(parts[0], body)
        item = self._item(parts[0], parts[1])
        if item is None:
            return 404, {"detail": "Not found."}
        if len(parts) == 2:
            if method == "PATCH":
                item.update(body)
            return 200, item
        return self._below(method, parts, item, body)

    def _below(self, method: str, parts: list[str], item: dict[str, Any], body: Any) -> tuple[int, Any]:
        path = "/".join(parts)
        if parts[2] == "survey_spec":
            if method == "POST":
                self.surveys[path] = body
            return 200, self.surveys.get(path, {})
        if parts[2] == "create_approval_template":
            made = self._create("workflow_approval_templates", body)
            item["related"]["unified_job_template"] = made["url"]
            item["unified_job_template"] = made["id"]
            return 201, made
        if method == "GET":
            kind = "workflow_job_template_nodes" if parts[2].endswith("_nodes") else parts[2]
            return 200, self._page([one for one in self.items[kind] if one["id"] in self.links[path]])
        if body.get("disassociate"):
            self.links[path].remove(body["id"])
        else:
            self.links[path].append(body["id"])
        return 204, None

    def _search(self, collection: str, wanted: dict[str, str]) -> list[dict[str, Any]]:
        kinds = [collection]
        if collection == "unified_job_templates":
            kinds = ["job_templates", "projects", "inventory_sources", "workflow_job_templates"]
        found = [one for kind in kinds for one in self.items[kind]]
        either = {key[4:]: value for key, value in wanted.items() if key.startswith("or__")}
        all_of = {key: value for key, value in wanted.items() if not key.startswith("or__") and key != "page_size"}
        found = [one for one in found if all(str(one.get(key)) == value for key, value in all_of.items())]
        return [one for one in found if not either or any(str(one.get(key)) == value for key, value in either.items())]

    def _item(self, collection: str, number: str) -> Optional[dict[str, Any]]:
        if not re.fullmatch(r"\d+", number):
            return None
        return next((one for one in self.items[collection] if one["id"] == int(number)), None)

    def _create(self, collection: str, body: dict[str, Any]) -> dict[str, Any]:
        number = sum(len(items) for items in self.items.values()) + 1
        url = f"/api/v2/{collection}/{number}/"
        item = {
            "id": number,
            "type": TYPES.get(collection, collection),
            "url": url,
            "related": {"survey_spec": f"{url}survey_spec/"},
            "summary_fields": {},
            "scm_revision": "0",
            **body,
        }
        self.items[collection].append(item)
        return item

    @staticmethod
    def _page(found: list[dict[str, Any]]) -> dict[str, Any]:
        return {"count": len(found), "next": None, "previous": None, "results": found}

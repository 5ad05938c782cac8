# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for an AWX: as much of its REST API as the modules of awx.awx use, with a record of every write.

It keeps what it is given and gives it back; it decides nothing. That AWX accepts surveys and finds playbooks is tested
apart, by its rules. Of jobs it knows what is needed to launch one, to wait for it, and to tell how it has ended.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Optional
from urllib.parse import parse_qsl, urlparse

from tests import awx_notifying

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
    "notification_templates": "notification_template",
    "jobs": "job",
}
SECRETS = ("token", "password")
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
        self.run: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]] = lambda _template, _variables: {}
        """What a launched job does: of its template and the variables given, to its ``failed`` and ``artifacts``."""
        self.told: list[tuple[str, str]] = []
        """The message and the body of each notification."""
        self._jobs: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
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
        for job in self._jobs:
            job.join()
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

    def _launch(self, template: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """As AWX does: the answer comes at once, and the job ends when it ends."""
        job = self._create("jobs", {"name": template["name"], "status": "running", "finished": None, "failed": False})

        def work() -> None:
            try:
                ended = self.run(template, given.get("extra_vars") or {})
            except BaseException:
                ended = {"failed": True}
                raise
            finally:
                with self._lock:
                    failed = bool(ended.setdefault("failed", False))
                    job.update({"artifacts": {}, "status": "failed" if failed else "successful", **ended})
                    kind = f"notification_templates_{'error' if failed else 'success'}"
                    for number in self.linked("job_templates", template["id"], kind):
                        notification = self._item("notification_templates", str(number))
                        self.told.append(awx_notifying.told(notification, job, f"{self.url}/#/jobs/{job['id']}"))
                    job["finished"] = True

        self._jobs.append(threading.Thread(target=work, daemon=True))
        self._jobs[-1].start()
        return job

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
            if method == "DELETE":
                self.items[parts[0]].remove(item)
                return 204, None
            if method == "PATCH":
                item.update(body)
            return 200, item
        return self._below(method, parts, item, body)

    def _below(self, method: str, parts: list[str], item: dict[str, Any], body: Any) -> tuple[int, Any]:
        path = "/".join(parts)
        if parts[2] == "launch":
            return 201, self._launch(item, body)
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
            kind = re.sub(r"^.*_nodes$", "workflow_job_template_nodes", parts[2])
            kind = re.sub(r"^(notification_templates)_.*$", r"\1", kind)
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
        all_of = {
            key: value for key, value in wanted.items() if key[:4] != "or__" and key not in ("page_size", "order_by")
        }
        if wanted.get("order_by") == "-id":
            found.sort(key=lambda one: -one["id"])
        found = [one for one in found if all(str(one.get(key)) == value for key, value in all_of.items())]
        return [one for one in found if not either or any(str(one.get(key)) == value for key, value in either.items())]

    def _item(self, collection: str, number: str) -> Optional[dict[str, Any]]:
        if not re.fullmatch(r"\d+", number):
            return None
        return next((one for one in self.items[collection] if one["id"] == int(number)), None)

    def _create(self, collection: str, body: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        url = f"/api/v2/{collection}/{number}/"
        item = {
            "id": number,
            "type": TYPES.get(collection, collection),
            "url": url,
            "related": {"survey_spec": f"{url}survey_spec/", "launch": f"{url}launch/"},
            "summary_fields": {},
            "scm_revision": "0",
            **({"token": "made-for-a-password"} if collection == "tokens" else {}),
            **body,
        }
        if "notification_configuration" in item:
            # AWX shows no secret again.
            shown = {
                key: "$encrypted$" if key in SECRETS else told
                for key, told in item["notification_configuration"].items()
            }
            item["notification_configuration"] = shown
        self.items[collection].append(item)
        return item

    @staticmethod
    def _page(found: list[dict[str, Any]]) -> dict[str, Any]:
        return {"count": len(found), "next": None, "previous": None, "results": found}

/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The frame of the page: routes behind the hash, breadcrumb, focus, connection status.
 */

import { announce } from "/static/announce.js";
import { mountApplications } from "/static/applications.js";
import { mountDetail } from "/static/detail.js";
import { keyed, make, setAttribute, setHidden, setText } from "/static/dom.js";
import { ALL, RANGES, clock, pageHash, shown } from "/static/format.js";
import { mountOverview } from "/static/overview.js";
import { openStream } from "/static/stream.js";

const SITE = "Wallaroo metrics";
const KINDS = { pipeline: "Pipeline", worker: "Worker", computation: "Computation" };
const byId = (id) => document.getElementById(id);

/** The route of a hash; null when the hash is none. */
function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  if (path === "") {
    return { page: "applications", view: "applications", query: {}, all: query === "all" };
  }
  let parts;
  try {
    parts = path.split("/").map(decodeURIComponent);
  } catch {
    return null;
  }
  const [application, kind, name, ...rest] = parts;
  if (application === "" || rest.length > 0) {
    return null;
  }
  const given = new URLSearchParams(query);
  const range = Object.hasOwn(RANGES, given.get("range") ?? "") ? given.get("range") : "5m";
  const at = /^\d{1,12}(\.\d{1,9})?$/.test(given.get("at") ?? "") ? Number(given.get("at")) : null;
  const time = at === null ? { range } : { at };
  if (kind === undefined) {
    return { page: "overview", view: "overview", application, range, at, query: { application, ...time } };
  }
  if (!Object.hasOwn(KINDS, kind) || !name) {
    return null;
  }
  return { page: "detail", view: "detail", application, kind, name, range, at, query: { application, kind, name, ...time } };
}

const sameBut = (one, other) => one !== null && other !== null && ["page", "application", "kind", "name", "all"].every((part) => one[part] === other[part]);

let taken = null; // The hash that the page shown is of.
let route = null;
let page = null;
let closeStream = null;

function headings() {
  const trail = [["Applications", ALL]];
  if (route?.application !== undefined) {
    trail.push([shown(route.application), pageHash(route.application, null, null, route.kind ? {} : route)]);
  }
  if (route?.kind) {
    trail.push([`${KINDS[route.kind]} ${shown(route.name)}`, pageHash(route.application, route.kind, route.name, route)]);
  }
  if (route === null) {
    trail.push(["Unknown page", ALL]);
  }
  byId("crumb-list").replaceChildren(
    ...trail.map(([text, hash], index) => make("li", {}, make("a", { href: hash, "aria-current": index === trail.length - 1 ? "page" : null }, text))),
  );
  const kind = route?.kind ? KINDS[route.kind] : route?.application !== undefined ? "Application" : "";
  const name = route === null ? "Unknown page" : shown(route.name ?? route.application ?? "Applications");
  setText(byId("title-kind"), kind);
  setHidden(byId("title-kind"), kind === "");
  setText(byId("title-name"), name);
  document.title = [...trail.slice(1).map(([text]) => text).reverse(), ...(trail.length === 1 ? ["Applications"] : []), SITE].join(" – ");
}

const problemNodes = new Map();

function problems(sentences) {
  setHidden(byId("problems"), sentences.length === 0);
  keyed(byId("problem-list"), problemNodes, sentences, (sentence) => sentence, (sentence) => ({ node: make("li", {}, shown(sentence)) }), () => {});
}

function connection(state, now = null) {
  setAttribute(byId("clock"), "data-state", state);
  setText(byId("status"), state === "lost" ? "Connection lost, trying again" : "");
  setHidden(byId("clock"), state === "lost");
  if (state === "lost") {
    setAttribute(byId("page"), "data-stale", "true");
  } else if (state === "live") {
    setAttribute(byId("page"), "data-stale", null);
    setText(byId("clock-text"), `Live, ${clock(now)}`);
  } else {
    setText(byId("clock-text"), "Connecting");
  }
}

function refusal(sentence) {
  setText(byId("refusal"), sentence ? `The server answered: ${sentence}` : "");
  setHidden(byId("refusal"), !sentence);
}

function listen() {
  closeStream?.();
  closeStream = openStream(route.view, route.query, {
    onView(view) {
      if (location.hash !== taken) {
        return; // Somebody goes elsewhere, and the event that says so comes next: this page leads nowhere any more.
      }
      connection("live", view.now);
      refusal(null);
      problems(view.problems ?? []);
      announce(view);
      page.update(view);
    },
    onLost: () => connection("lost"),
    onRefused: refusal,
  });
}

function go(first) {
  taken = location.hash;
  if (location.hash !== "" && !location.hash.startsWith("#/")) {
    return; // A place within the page, not another page.
  }
  const next = parse(location.hash);
  if (!first && sameBut(route, next)) {
    const moved = route.range !== next.range || route.at !== next.at;
    route = next;
    if (moved) {
      headings();
      page.range(route);
      listen();
    }
    return;
  }
  closeStream?.();
  closeStream = null;
  page?.close();
  page = null;
  route = next;
  headings();
  refusal(null);
  problems([]);
  const root = byId("page");
  root.replaceChildren();
  setAttribute(root, "data-stale", null);
  setAttribute(root, "data-page", route?.page ?? "unknown");
  if (route === null) {
    root.append(make("p", { class: "card empty" }, "There is no such page. ", make("a", { href: ALL }, "All applications")));
    connection("none");
  } else {
    const mount = { applications: mountApplications, overview: mountOverview, detail: mountDetail }[route.page];
    page = mount(root, route);
    connection("connecting");
    listen();
  }
  if (!first) {
    scrollTo(0, 0);
    byId("title").focus({ preventScroll: true });
  }
}

byId("skip").addEventListener("click", (event) => {
  event.preventDefault(); // The hash is taken by the routes.
  byId("main").focus();
});
addEventListener("hashchange", () => go(false));
addEventListener("pagehide", () => closeStream?.());
addEventListener("pageshow", (event) => {
  if (event.persisted && route !== null) {
    listen();
  }
});
go(true);

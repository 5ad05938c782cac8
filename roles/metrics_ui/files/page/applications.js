/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The page that lists the applications heard of. Where there is only one, it leads there.
 */

import { byName, moment, pageHash, rate } from "/static/format.js";
import { make, setHidden } from "/static/dom.js";
import { makeTable, nameColumn } from "/static/table.js";
import { makeVerdict } from "/static/verdict.js";

/** Mounts the page; update(view) shows a view of it. With route.all it stays though there is only one application. */
export function mountApplications(root, route) {
  let now = 0;
  const count = (id, label) => ({ id, label, group: "Workers", data: `workers ${label}`, number: true, value: (row) => rate(row.workers[id]), raw: (row) => row.workers[id] });
  const table = makeTable({
    id: "applications-table",
    caption: "Applications, with their throughput in messages per second and the states of their workers",
    attributes: (row) => ({ "data-name": row.name, "data-application": row.name }),
    columns: [
      nameColumn("Application", (row) => pageHash(row.name)),
      { id: "throughput", label: "Throughput, messages/s", data: "throughput, messages/s", number: true, value: (row) => rate(row.throughput), raw: (row) => row.throughput },
      count("sending", "sending"),
      count("idle", "idle"),
      count("gone", "gone"),
      { id: "heard", label: "Last heard", data: "last heard", number: true, value: (row) => moment(row.heard, now), raw: (row) => row.heard },
    ],
  });
  const verdict = makeVerdict();
  const card = make("section", { class: "card", id: "applications", "aria-labelledby": "title" }, table.node);
  const empty = make(
    "div",
    { class: "card empty", id: "empty", hidden: true },
    make("h2", {}, "Nothing has come yet"),
    make("p", {}, "Workers send their metrics to port 5001 of this host when they are started with ", make("code", {}, "-m"), ", and they send only while messages flow. This page shows the first of them by itself."),
  );
  const wait = make("p", { class: "none", id: "waiting" }, "Waiting for the first answer.");
  const filled = make("div", { class: "stack", hidden: true }, verdict.node, card);
  root.append(wait, empty, filled);
  return {
    update(view) {
      now = view.now;
      if (view.applications.length === 1 && !route.all) {
        // In the place of this page, so that "back" leads out.
        location.replace(pageHash(view.applications[0].name));
        return;
      }
      verdict.update(view.verdict, now);
      setHidden(wait, true);
      setHidden(empty, view.applications.length > 0);
      setHidden(filled, view.applications.length === 0);
      table.update([...view.applications].sort(byName));
    },
    close: table.close,
  };
}

/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The page that lists the applications heard of.
 */

import { byName, moment, pageHash, rate } from "/static/format.js";
import { make, setHidden } from "/static/dom.js";
import { makeTable, nameColumn } from "/static/table.js";

/** Mounts the page; update(view) shows a view of it. */
export function mountApplications(root) {
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
  const card = make("section", { class: "card", id: "applications", "aria-labelledby": "title", hidden: true }, table.node);
  const empty = make(
    "div",
    { class: "card empty", id: "empty", hidden: true },
    make("h2", {}, "Nothing has come yet"),
    make("p", {}, "Workers send their metrics to port 5001 of this host when they are started with ", make("code", {}, "-m"), ", and they send only while messages flow. This page shows the first of them by itself."),
  );
  const wait = make("p", { class: "none", id: "waiting" }, "Waiting for the first answer.");
  root.append(wait, empty, card);
  return {
    update(view) {
      now = view.now;
      setHidden(wait, true);
      setHidden(empty, view.applications.length > 0);
      setHidden(card, view.applications.length === 0);
      table.update([...view.applications].sort(byName));
    },
    close: table.close,
  };
}

/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The overview of one application: throughput by worker, marks, and the tables.
 */

import { byName, shown } from "/static/format.js";
import { make, setAttribute, setHidden, valueBox } from "/static/dom.js";
import { makeMarks } from "/static/marks.js";
import { rowsSection, stateBadge } from "/static/table.js";
import { ThroughputChart } from "/static/throughput.js";

/** Mounts the page of route.application; update(view) shows a view of it. */
export function mountOverview(root, { application }) {
  let now = 0;
  const chart = new ThroughputChart("throughput", "Throughput by worker");
  const marks = makeMarks();
  const chartCard = make("section", { class: "card", id: "throughput-card", "aria-labelledby": "throughput-title" }, make("h2", { id: "throughput-title" }, "Throughput by worker"), chart.node);
  chart.details.before(marks.node);
  const state = {
    id: "state",
    label: "State",
    data: "state",
    build(cell) {
      const badge = stateBadge();
      cell.append(badge.node);
      return (row) => {
        setAttribute(cell.parentNode, "data-state", row.state);
        badge.update(row.state, row.since, now);
      };
    },
  };
  const server = {
    id: "server",
    label: "Server",
    data: "server",
    build(cell) {
      const show = valueBox(cell);
      return (row) => show(row.server ? shown(row.server) : null);
    },
  };
  const words = "the last 5 minutes";
  const sections = {
    workers: rowsSection({ id: "workers", title: "Workers", one: "Worker", kind: "worker", application, columns: [state, server], words }),
    pipelines: rowsSection({ id: "pipelines", title: "Pipelines", one: "Pipeline", kind: "pipeline", application, words }),
    computations: rowsSection({ id: "computations", title: "Computations", one: "Computation", kind: "computation", application, words }),
  };
  const wait = make("p", { class: "none", id: "waiting" }, "Waiting for the first answer.");
  const unknown = make(
    "div",
    { class: "card empty", id: "unknown", hidden: true },
    make("h2", {}, "Nothing has come of this application"),
    make("p", {}, `No metrics of “${shown(application)}” are known. The page keeps listening and shows them as soon as they come.`),
  );
  const filled = make("div", { class: "stack", id: "overview", hidden: true }, chartCard, ...Object.values(sections).map((section) => section.node));
  root.append(wait, unknown, filled);
  return {
    update(view) {
      now = view.now;
      setHidden(wait, true);
      setHidden(unknown, view.known);
      setHidden(filled, !view.known);
      if (!view.known) {
        return;
      }
      chart.update({ ...view.chart, settled: view.settled, now: view.now, marks: marks.update(view.marks) });
      for (const [which, section] of Object.entries(sections)) {
        section.update([...view[which]].sort(byName));
      }
    },
    close() {
      chart.close();
      Object.values(sections).forEach((section) => section.close());
    },
  };
}

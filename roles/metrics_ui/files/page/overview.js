/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The overview of one application: the verdict, throughput and latency over time, marks, and the tables.
 */

import { byName, shown } from "/static/format.js";
import { make, setAttribute, setHidden, valueBox } from "/static/dom.js";
import { chartCard } from "/static/figure.js";
import { makeMarks } from "/static/marks.js";
import { UNTIMED, delays, messages } from "/static/measures.js";
import { makeRanges } from "/static/ranges.js";
import { rowsSection, stateBadge } from "/static/table.js";
import { TimeChart } from "/static/time_chart.js";
import { makeVerdict } from "/static/verdict.js";

/** Mounts the page of route.application; update(view) shows a view of it, range(route) another stretch of time. */
export function mountOverview(root, route) {
  const { application } = route;
  let now = 0;
  let at = route.at;
  const verdict = makeVerdict();
  const ranges = makeRanges(route);
  const marks = makeMarks(ranges.place);
  const onMark = ranges.look;
  const total = new TimeChart("total", "Total throughput", messages, { single: true, hint: true, onMark });
  const delay = new TimeChart("delay", "Latency from source to sink", delays, { onMark });
  const noDelay = make("p", { class: "none", id: "no-delay", hidden: true }, UNTIMED);
  const byWorker = new TimeChart("throughput", "Throughput by worker", messages, { onMark });
  const charts = make("div", { class: "pair" }, chartCard("total", "Total throughput", total.node), chartCard("delay", "Latency from source to sink", noDelay, delay.node));
  const state = {
    id: "state",
    label: "State",
    data: "state",
    build(cell) {
      const badge = stateBadge();
      cell.append(badge.node);
      return (row) => {
        setAttribute(cell.parentNode, "data-state", row.state);
        badge.update(row, now);
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
  const filled = make(
    "div",
    { class: "stack", id: "overview", hidden: true },
    verdict.node,
    make("div", { class: "detail-head" }, ranges.node),
    charts,
    marks.node,
    chartCard("throughput", "Throughput by worker", byWorker.node),
    ...Object.values(sections).map((section) => section.node),
  );
  root.append(wait, unknown, filled);
  ranges.show(route);
  return {
    range(next) {
      at = next.at;
      ranges.show(next);
    },
    update(view) {
      now = view.now;
      setHidden(wait, true);
      setHidden(unknown, view.known);
      setHidden(filled, !view.known);
      if (!view.known) {
        return;
      }
      verdict.update(view.verdict, now);
      const common = { settled: view.settled, marks: marks.update(view.marks, at), left_out: 0 };
      total.update({ ...common, ...view.total, lines: [{ name: "total", values: view.total.values }] });
      delay.update({ ...common, ...view.delay });
      const counted = view.pipelines.filter((row) => row.count > 0);
      const untimed = counted.length > 0 && counted.every((row) => row.percentiles["50"] === null);
      setHidden(noDelay, !untimed);
      setHidden(delay.node, untimed);
      byWorker.update({ ...common, ...view.chart });
      for (const [which, section] of Object.entries(sections)) {
        section.update([...view[which]].sort(byName));
      }
    },
    close() {
      [total, delay, byWorker].forEach((chart) => chart.close());
      Object.values(sections).forEach((section) => section.close());
    },
  };
}

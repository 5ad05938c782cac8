/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The page of one pipeline, worker or computation: stats, throughput, latency, and its parts.
 */

import { atMost, byName, latency, pageHash, rangeWords, rate, shown } from "/static/format.js";
import { keyed, make, setAttribute, setHidden, setText, valueBox } from "/static/dom.js";
import { LatencyChart } from "/static/latency.js";
import { makeMarks } from "/static/marks.js";
import { PERCENTILES, rowsSection, stateBadge } from "/static/table.js";
import { ThroughputChart } from "/static/throughput.js";

const RANGES = [["5m", "5 minutes"], ["1h", "1 hour"]];

/** A list of named values. entries: [id, label, formatted(view), raw(view)] */
function statList(id, title, entries) {
  const list = make("dl", { class: "stats" });
  const updates = entries.map(([name, label, formatted, raw]) => {
    const value = make("dd", { "data-stat": name });
    const show = valueBox(value);
    list.append(make("div", { class: "stat" }, make("dt", {}, label), value));
    return (view) => {
      show(formatted(view));
      setAttribute(value, "data-value", raw(view));
    };
  });
  const node = make("section", { class: "card stat-card", id, "aria-labelledby": `${id}-title` }, make("h2", { id: `${id}-title` }, title), list);
  return { node, update: (view) => updates.forEach((update) => update(view)) };
}

/** Mounts the page of route.kind and route.name; update(view) shows a view of it, range(route) another range. */
export function mountDetail(root, route) {
  const { application, kind, name } = route;
  const throughput = (which) => [which, which, (view) => rate(view.throughput[which]), (view) => view.throughput[which]];
  const stats = [
    statList("stat-throughput", "Throughput, messages/s", ["now", "min", "median", "max"].map(throughput)),
    statList("stat-latency", "Latency", [
      ["minimum", "smallest", (view) => latency(view.latency.minimum), (view) => view.latency.minimum],
      ...PERCENTILES.map((which) => [`p${which}`, `${which} %`, (view) => atMost(view.latency.percentiles[which]), (view) => view.latency.percentiles[which]]),
      ["maximum", "largest", (view) => latency(view.latency.maximum), (view) => view.latency.maximum],
      ["count", "messages", (view) => rate(view.latency.count), (view) => view.latency.count],
    ]),
  ];

  const badge = stateBadge();
  const server = make("span", { class: "server" });
  const state = make("p", { class: "state-line", id: "worker-state", hidden: true }, badge.node, server);
  const buttons = RANGES.map(([range, words]) => {
    const button = make("button", { type: "button", "data-range": range, "aria-pressed": "false" }, words);
    button.addEventListener("click", () => {
      location.hash = pageHash(application, kind, name, range);
    });
    return button;
  });
  const choice = make("div", { class: "ranges", id: "ranges", role: "group", "aria-label": "Time range" }, ...buttons);
  const head = make("div", { class: "detail-head" }, state, choice);

  const chart = new ThroughputChart("throughput", `Throughput of ${kind} ${shown(name)}`, true);
  const marks = makeMarks();
  chart.details.before(marks.node);
  const bars = new LatencyChart("latency", `Latency of ${kind} ${shown(name)}`);
  const noLatency = make("p", { class: "none", id: "no-latency", hidden: true }, "No latencies in this range.");
  const charts = make(
    "div",
    { class: "pair" },
    make("section", { class: "card", id: "throughput-card", "aria-labelledby": "throughput-title" }, make("h2", { id: "throughput-title" }, "Throughput"), chart.node),
    make("section", { class: "card", id: "latency-card", "aria-labelledby": "latency-title" }, make("h2", { id: "latency-title" }, "Latency by power of two"), noLatency, bars.node),
  );
  const parts = make("div", { class: "stack", id: "parts" });
  const partNodes = new Map();
  let words = "";

  const wait = make("p", { class: "none", id: "waiting" }, "Waiting for the first answer.");
  const unknown = make(
    "div",
    { class: "card empty", id: "unknown", hidden: true },
    make("h2", {}, `Nothing has come of this ${kind}`),
    make("p", {}, `No metrics of the ${kind} “${shown(name)}” of “${shown(application)}” are known. The page keeps listening and shows them as soon as they come.`),
  );
  const filled = make("div", { class: "stack", id: "detail", hidden: true }, head, make("div", { class: "stat-cards" }, ...stats.map((stat) => stat.node)), charts, parts);
  root.append(wait, unknown, filled);

  function press(range) {
    for (const button of buttons) {
      setAttribute(button, "aria-pressed", button.dataset.range === range ? "true" : "false");
    }
  }
  press(route.range);

  return {
    range: (next) => press(next.range),
    update(view) {
      setHidden(wait, true);
      setHidden(unknown, view.known);
      setHidden(filled, !view.known);
      if (!view.known) {
        return;
      }
      setHidden(state, kind !== "worker");
      if (kind === "worker") {
        badge.update(view.state, view.since, view.now);
        setText(server, view.server ? `on ${shown(view.server)}` : "");
      }
      stats.forEach((stat) => stat.update(view));
      const { begin, step, values } = view.throughput;
      chart.update({ lines: [{ name, values }], begin, step, settled: view.settled, now: view.now, range: view.range, left_out: 0, marks: marks.update(view.marks) });
      setHidden(noLatency, view.latency.bars.length > 0);
      setHidden(bars.node, view.latency.bars.length === 0);
      bars.update({ ...view.latency, range: view.range });
      words = `the last ${rangeWords(view.range)}`;
      keyed(
        parts,
        partNodes,
        view.parts,
        (part) => part.title,
        (part) => rowsSection({ id: `part-${partNodes.size + 1}`, title: part.title, one: part.kind ? part.kind[0].toUpperCase() + part.kind.slice(1) : "Name", kind: part.kind, application, words }),
        (section, part) => section.update([...part.rows].sort(byName)),
      );
    },
    close() {
      chart.close();
      bars.close();
      partNodes.forEach((section) => section.close());
    },
  };
}

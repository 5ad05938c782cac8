/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The page of one pipeline, worker or computation: stats, throughput, latency, and its parts.
 */

import { atMost, byName, latency, rate, shown } from "/static/format.js";
import { keyed, make, setAttribute, setHidden, setText, valueBox } from "/static/dom.js";
import { chartCard } from "/static/figure.js";
import { LatencyChart } from "/static/latency.js";
import { makeMarks } from "/static/marks.js";
import { UNTIMED, delays, messages } from "/static/measures.js";
import { makeRanges } from "/static/ranges.js";
import { PERCENTILES, rowsSection, stateBadge } from "/static/table.js";
import { TimeChart } from "/static/time_chart.js";
import { makeVerdict } from "/static/verdict.js";

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

/** Mounts the page of route.kind and route.name; update(view) shows a view of it, range(route) another stretch of time. */
export function mountDetail(root, route) {
  const { application, kind, name } = route;
  let at = route.at;
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
  const ranges = makeRanges(route);
  const head = make("div", { class: "detail-head" }, ranges.node, state);

  const verdict = makeVerdict();
  const marks = makeMarks(ranges.place);
  const onMark = ranges.look;
  const chart = new TimeChart("throughput", `Throughput of ${kind} ${shown(name)}`, messages, { single: true, hint: true, onMark });
  const delay = new TimeChart("delay", `Latency over time of ${kind} ${shown(name)}`, delays, { onMark });
  const bars = new LatencyChart("latency", `Latency of ${kind} ${shown(name)}`);
  const noLatency = make("p", { class: "none", id: "no-latency", hidden: true });
  const noDelay = make("p", { class: "none", id: "no-delay", hidden: true }, UNTIMED);
  const charts = make("div", { class: "pair" }, chartCard("throughput", "Throughput", chart.node), chartCard("delay", "Latency over time", noDelay, delay.node));
  const histogram = chartCard("latency", "Latency by power of two", noLatency, bars.node);
  const parts = make("div", { class: "stack", id: "parts" });
  const partNodes = new Map();

  const wait = make("p", { class: "none", id: "waiting" }, "Waiting for the first answer.");
  const unknown = make(
    "div",
    { class: "card empty", id: "unknown", hidden: true },
    make("h2", {}, `Nothing has come of this ${kind}`),
    make("p", {}, `No metrics of the ${kind} “${shown(name)}” of “${shown(application)}” are known. The page keeps listening and shows them as soon as they come.`),
  );
  const filled = make("div", { class: "stack", id: "detail", hidden: true }, verdict.node, head, make("div", { class: "stat-cards" }, ...stats.map((stat) => stat.node)), charts, marks.node, histogram, parts);
  root.append(wait, unknown, filled);

  ranges.show(route);

  return {
    range(next) {
      at = next.at;
      ranges.show(next);
    },
    update(view) {
      setHidden(wait, true);
      setHidden(unknown, view.known);
      setHidden(filled, !view.known);
      if (!view.known) {
        return;
      }
      setHidden(state, kind !== "worker");
      if (kind === "worker") {
        badge.update(view, view.now);
        setText(server, view.server ? `on ${shown(view.server)}` : "");
      }
      verdict.update(view.verdict, view.now);
      stats.forEach((stat) => stat.update(view));
      const common = { settled: view.settled, marks: marks.update(view.marks, at), left_out: 0 };
      chart.update({ ...common, ...view.throughput, lines: [{ name, values: view.throughput.values }] });
      delay.update({ ...common, ...view.delay });
      const untimed = view.latency.count > 0 && view.latency.bars.length === 0;
      setHidden(noDelay, !untimed);
      setHidden(delay.node, untimed);
      setText(noLatency, untimed ? UNTIMED : "No latencies in this stretch of time.");
      setHidden(noLatency, view.latency.bars.length > 0);
      setHidden(bars.node, view.latency.bars.length === 0);
      bars.update({ ...view.latency, range: view.range, from: view.throughput.from });
      keyed(
        parts,
        partNodes,
        view.parts,
        (part) => part.title,
        (part) => rowsSection({ id: `part-${partNodes.size + 1}`, title: part.title, one: part.kind ? part.kind[0].toUpperCase() + part.kind.slice(1) : "Name", kind: part.kind, application, words: "the last 5 minutes" }),
        (section, part) => section.update([...part.rows].sort(byName)),
      );
    },
    close() {
      [chart, delay].forEach((one) => one.close());
      bars.close();
      partNodes.forEach((section) => section.close());
    },
  };
}

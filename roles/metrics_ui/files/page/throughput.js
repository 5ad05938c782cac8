/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Throughput over time, one line for each name, with marks.
 */

import { drawMarks, timeTicks } from "/static/axis_marks.js";
import { RANGE_SECONDS, byName, clock, hourMinute, markText, rangeWords, rate, shown } from "/static/format.js";
import { drawn, keyed, make, setAttribute, setHidden, setText } from "/static/dom.js";
import { Figure, path, px, roundSteps } from "/static/figure.js";
import { makeTable } from "/static/table.js";

const MARKERS = 12; // How many markers a line has, about.
const NAMES_FROM = 640; // Pixels of a chart from which on there is room for names beside it.

// What tells lines apart beside their colours, drawn around a point.
const SHAPES = [
  "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
  "m-3.5-3.5h7v7h-7z",
  "m0-4.4l4.6 8h-9.2z",
  "m0-5l5 5l-5 5l-5-5z",
  "m-3.5-3.5l7 7m0-7l-7 7",
  "m0-4.5v9m-4.5-4.5h9",
  "m0-5v10m-5-5h10m-8.5-3.5l7 7m0-7l-7 7",
  "m-2-4h4a2 2 0 0 1 2 2v4a2 2 0 0 1-2 2h-4a2 2 0 0 1-2-2v-4a2 2 0 0 1 2-2z",
];

/** A name for which there is little room. */
const short = (name) => {
  const text = shown(name);
  return text.length > 16 ? `${text.slice(0, 15)}…` : text;
};

/** A piece of a line with its shape, for the legend and the readout. */
const icon = (index) => drawn("svg", { viewBox: "0 0 28 12", width: 28, height: 12, class: `line-${index + 1}` }, drawn("path", { d: "M0 6h28", class: "key-line" }), drawn("path", { d: `M14 6${SHAPES[index]}`, class: "key-shape" }));

/** Lowers and lifts what would overlap, from the largest value down to the smallest. entries: [{y}] */
function apart(entries, top, bottom, high) {
  entries.sort((one, other) => other.y - one.y);
  let below = bottom + high;
  for (const entry of entries) {
    entry.y = Math.min(entry.y, below - high);
    below = entry.y;
  }
  let above = top - high / 2;
  for (const entry of entries.reverse()) {
    entry.y = Math.max(entry.y, above + high);
    above = entry.y;
  }
  return entries;
}

export class ThroughputChart extends Figure {
  constructor(id, title, single = false) {
    super(id, title);
    this.single = single;
    this.styles = new Map(); // name -> index of colour and shape, kept as long as the page is shown
    this.legendNodes = new Map();
    this.legend = make("ul", { class: "legend", role: "list", "aria-label": "Legend", hidden: single });
    this.more = make("p", { class: "hint", hidden: true });
    this.hint = make("p", { class: "hint" }, "The dashed end of a line is not settled: the newest seconds may still grow.");
    this.details.before(this.legend, this.more, this.hint);
  }

  style(name) {
    if (!this.styles.has(name)) {
      const used = new Set(this.view.lines.map((line) => this.styles.get(line.name)));
      let index = 0;
      while (index < SHAPES.length - 1 && used.has(index)) {
        index += 1;
      }
      this.styles.set(name, index);
    }
    return this.styles.get(name);
  }

  /** view: {lines, begin, step, settled, now, range, left_out, marks (numbered)} */
  update(view) {
    const changed = this.view?.range !== view.range || this.view.lines.length !== view.lines.length;
    this.view = { ...view, lines: [...view.lines].sort(byName) };
    this.view.lines.forEach((line) => this.style(line.name));
    setText(this.more, view.left_out === 1 ? "1 more worker is not drawn." : `${view.left_out} more workers are not drawn.`);
    setHidden(this.more, !view.left_out);
    this.keys();
    this.draw();
    this.label(changed);
    this.fill();
  }

  axes(width) {
    const { lines } = this.view;
    const most = Math.max(1, ...lines.flatMap((line) => line.values));
    this.named = !this.single && width >= NAMES_FROM && lines.length > 0;
    const right = this.named ? Math.ceil(Math.max(...lines.map((line) => this.width(short(line.name), "line-name")))) + 16 : 8;
    return { values: roundSteps(most), text: rate, unit: "messages/s", top: 40, right, bottom: 30 };
  }

  content(area) {
    const { lines, now, range, marks } = this.view;
    const from = now - (RANGE_SECONDS[range] ?? RANGE_SECONDS["5m"]);
    this.x = (time) => area.left + ((time - from) / (now - from)) * (area.right - area.left);
    const times = timeTicks(from, now, area.right - area.left);
    const text = (time) => (range === "1h" ? hourMinute(time) : clock(time));
    const half = this.width(text(now)) / 2;
    const axis = drawn(
      "g",
      { class: "axis-x", "data-min": from, "data-max": now, "data-left": area.left, "data-right": area.right },
      ...times.map((time) => drawn("line", { x1: px(this.x(time)), x2: px(this.x(time)), y1: area.top, y2: area.bottom + 4, class: "grid" })),
      ...times.map((time) => drawn("text", { x: px(Math.min(this.x(time), area.width - half)), y: area.bottom + 17, class: "tick of-x" }, text(time))),
    );
    // What is older than the axis is cut off at its left end; lines and shapes on its other ends are whole.
    const clip = `${this.node.id}-clip`;
    const window = drawn("clipPath", { id: clip }, drawn("rect", { x: area.left, y: area.top - 6, width: area.right - area.left + 6, height: area.bottom - area.top + 12 }));
    return [
      axis,
      window,
      drawn("g", { "clip-path": `url(#${clip})` }, ...lines.map((line) => this.line(line, area))),
      ...drawMarks(marks, this.x, area),
      ...(this.named ? this.names(area) : []),
    ];
  }

  /** The places of a line's values; those that have not come yet have none. */
  places({ values }, area) {
    const { begin, step } = this.view;
    return values.map((value, index) => [this.x(begin + (index + 0.5) * step), value === null ? null : area.y(value)]);
  }

  line(line, area) {
    const index = this.style(line.name);
    const places = this.places(line, area);
    const complete = this.complete();
    const every = Math.max(1, Math.round(places.length / MARKERS));
    const shift = Math.round((index * every) / SHAPES.length);
    const first = Math.round(this.view.begin / this.view.step);
    const shapes = places.filter(([, y], number) => !this.single && y !== null && (first + number + shift) % every === 0);
    const settled = places.slice(0, complete);
    return drawn(
      "g",
      { class: `line line-${index + 1}`, "data-line": line.name },
      this.single && settled.length > 0 ? drawn("path", { d: `${path(places)}V${area.bottom}H${px(places[0][0])}z`, class: "fill" }) : null,
      drawn("path", { d: path(settled), class: "settled" }),
      drawn("path", { d: path(places.slice(Math.max(0, complete - 1))), class: "unsettled" }),
      drawn("path", { d: shapes.map(([x, y]) => `M${px(x)} ${px(y)}${SHAPES[index]}`).join(""), class: "shapes" }),
    );
  }

  /** The names at the right ends of their lines. */
  names(area) {
    const ends = this.view.lines.map((line) => ({ line, y: area.y(line.values[this.complete() - 1] ?? line.values.at(-1) ?? 0) }));
    return apart(ends, area.top, area.bottom, 15).map(({ line, y }) => drawn("text", { x: area.right + 8, y: px(y), class: `line-name line-${this.style(line.name) + 1}` }, short(line.name)));
  }

  readout(pointed, area) {
    const { lines, begin, step } = this.view;
    const count = Math.max(0, ...lines.map((line) => line.values.length));
    const wide = this.x(begin + step) - this.x(begin);
    const first = Math.max(0, Math.ceil((area.left - this.x(begin)) / wide - 0.5));
    const index = Math.min(count - 1, Math.max(first, Math.floor((pointed - this.x(begin)) / wide)));
    const known = lines.filter((line) => typeof line.values[index] === "number");
    if (known.length === 0) {
      return null;
    }
    const x = this.x(begin + (index + 0.5) * step);
    return {
      x,
      title: `${clock(begin + index * step)} to ${clock(begin + (index + 1) * step)}`,
      rows: known.map((line) => [icon(this.style(line.name)), `${short(line.name)}: ${rate(line.values[index])} messages/s`]),
      points: known.map((line) => [`line-${this.style(line.name) + 1}`, x, area.y(line.values[index])]),
    };
  }

  keys() {
    keyed(
      this.legend,
      this.legendNodes,
      this.single ? [] : this.view.lines,
      (line) => line.name,
      ({ name }) => ({ node: make("li", { class: "key", "data-line": name }, icon(this.style(name)), make("span", { class: "key-name" }, shown(name))) }),
      () => {},
    );
  }

  /** How many values are settled. */
  complete() {
    const { begin, step, settled } = this.view;
    return Math.max(0, Math.floor((settled - begin) / step + 0.001));
  }

  summary() {
    const { lines, range, marks } = this.view;
    const complete = this.complete();
    const each = lines.map(({ name, values }) => {
      const past = values.slice(0, complete);
      return past.length ? `${name}: last ${rate(past.at(-1))}, between ${rate(Math.min(...past))} and ${rate(Math.max(...past))} messages per second.` : `${name}: no data yet.`;
    });
    const those = marks.map((mark) => `${mark.number} ${markText(mark)} at ${clock(mark.time)}`);
    return [`${this.title}, the last ${rangeWords(range)}.`, ...(each.length ? each : ["No data yet."]), those.length ? `Marks: ${those.join(", ")}.` : ""].join(" ").trim();
  }

  fill() {
    if (!this.details.open || !this.view) {
      return;
    }
    const { lines, begin, step, now, range } = this.view;
    const names = JSON.stringify(lines.map((line) => line.name));
    let place = null;
    if (this.headed !== names) {
      this.headed = names;
      this.table?.close();
      if (this.table) {
        const { node } = this.table;
        place = { left: node.scrollLeft, top: node.scrollTop, focused: node.contains(document.activeElement) };
      }
      this.table = makeTable({
        id: `${this.node.id}-table`,
        caption: `${this.title}, messages per second, newest first`,
        stacked: false,
        tall: true,
        key: (row) => row.key,
        columns: [
          { id: "time", label: "From", head: true, value: (row) => row.time },
          ...lines.map((line, index) => ({ id: `line-${index}`, label: shown(line.name), number: true, value: (row) => rate(row.values[index]), raw: (row) => row.values[index] })),
          { id: "settled", label: "Settled", value: (row) => (row.settled ? "yes" : "not yet") },
        ],
      });
      this.numbers.replaceChildren(this.table.node);
    }
    const complete = this.complete();
    const rows = [];
    for (let index = Math.max(0, ...lines.map((line) => line.values.length)) - 1; index >= 0; index -= 1) {
      const time = begin + index * step;
      if (time >= now - RANGE_SECONDS[range] - step) {
        rows.push({ key: Math.round(time * 1000), time: clock(time), settled: index < complete, values: lines.map((line) => line.values[index]) });
      }
    }
    this.table.update(rows);
    if (place) {
      // A column more or less: whoever reads is left where they are.
      this.table.node.scrollTo(place.left, place.top);
      if (place.focused) {
        setAttribute(this.table.node, "tabindex", "0");
        this.table.node.focus({ preventScroll: true });
      }
    }
  }
}

/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Values over time, one line for each name, with marks.
 */

import { drawMarks, markAt, timeTicks } from "/static/axis_marks.js";
import { byName, clock, hourMinute, markText, rangeWords } from "/static/format.js";
import { drawn, keyed, make, setHidden, setText } from "/static/dom.js";
import { Figure, path, px } from "/static/figure.js";
import { SHAPES, apart, lineIcon, short } from "/static/lines.js";
import { TimeTable } from "/static/time_table.js";

const MARKERS = 12; // How many markers a line has, about.
const NAMES_FROM = 640; // Pixels of a chart from which on there is room for names beside it.

const numbers = (values) => values.filter((value) => typeof value === "number");

export class TimeChart extends Figure {
  /** measure: of measures.js; single: whether there is one line, which needs no name; onMark(mark): a flag was clicked. */
  constructor(id, title, measure, { single = false, hint = false, onMark = () => {} } = {}) {
    super(id, title);
    this.measure = measure;
    this.single = single;
    this.styles = new Map(); // name -> index of colour and shape, kept as long as the page is shown
    this.legendNodes = new Map();
    this.legend = make("ul", { class: "legend", role: "list", "aria-label": "Legend", hidden: single });
    this.more = make("p", { class: "hint", hidden: true });
    this.hint = make("p", { class: "hint", hidden: true }, "The dashed end of a line is not settled: the newest seconds may still grow.");
    this.hints = hint;
    this.table = new TimeTable(`${id}-table`, title, measure, this.numbers);
    this.details.before(this.legend, this.more, this.hint);
    this.listenToFlags(onMark);
  }

  /** Not to clicks: what was pressed is drawn anew before it is let go. */
  listenToFlags(onMark) {
    let pressed = null;
    const flag = ({ clientX, clientY }) => {
      const { left, top } = this.svg.getBoundingClientRect();
      return this.area && markAt(this.view.marks, this.x, this.area, clientX - left, clientY - top);
    };
    this.svg.addEventListener("pointerdown", (event) => {
      pressed = flag(event);
    });
    this.svg.addEventListener("pointerup", (event) => {
      const mark = flag(event);
      if (mark && mark.id === pressed?.id) {
        onMark(mark);
      }
    });
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

  /** view: {lines, begin, step, from, to, settled, range, left_out, marks (numbered)} */
  update(view) {
    const changed = this.view?.range !== view.range || this.view.lines.length !== view.lines.length;
    this.view = { ...view, lines: [...view.lines].sort(byName) };
    this.view.lines.forEach((line) => this.style(line.name));
    setText(this.more, view.left_out === 1 ? "1 more worker is not drawn." : `${view.left_out} more workers are not drawn.`);
    setHidden(this.more, !view.left_out);
    setHidden(this.hint, !this.hints || !this.view.lines.some((line) => line.values.length > this.complete()));
    this.keys();
    this.draw();
    this.label(changed);
    this.fill();
  }

  axes(width) {
    const { lines } = this.view;
    this.named = !this.single && width >= NAMES_FROM && lines.length > 0;
    const right = this.named ? Math.ceil(Math.max(...lines.map((line) => this.width(short(this.measure.name(line.name)), "line-name")))) + 16 : 8;
    return { ...this.measure.axis(lines.flatMap((line) => numbers(line.values))), unit: this.measure.unit, top: 40, right, bottom: 30 };
  }

  content(area) {
    const { lines, from, to, range, marks } = this.view;
    this.x = (time) => area.left + ((time - from) / (to - from)) * (area.right - area.left);
    const times = timeTicks(from, to, area.right - area.left);
    const text = (time) => (range === "1h" ? hourMinute(time) : clock(time));
    const half = this.width(text(to)) / 2;
    const axis = drawn(
      "g",
      { class: "axis-x", "data-min": from, "data-max": to, "data-left": area.left, "data-right": area.right },
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
    const [lowest] = this.measure.axis(this.view.lines.flatMap((line) => numbers(line.values))).values;
    const ends = this.view.lines.map((line) => ({ line, y: area.y(line.values[this.complete() - 1] ?? line.values.at(-1) ?? lowest) }));
    return apart(ends, area.top, area.bottom, 15).map(({ line, y }) => drawn("text", { x: area.right + 8, y: px(y), class: `line-name line-${this.style(line.name) + 1}` }, short(this.measure.name(line.name))));
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
    const { name, text } = this.measure;
    return {
      x,
      title: `${clock(begin + index * step)} to ${clock(begin + (index + 1) * step)}`,
      rows: known.map((line) => [lineIcon(this.style(line.name)), `${short(name(line.name))}: ${text(line.values[index])}`]),
      points: known.map((line) => [`line-${this.style(line.name) + 1}`, x, area.y(line.values[index])]),
    };
  }

  keys() {
    keyed(
      this.legend,
      this.legendNodes,
      this.single ? [] : this.view.lines,
      (line) => line.name,
      ({ name }) => ({ node: make("li", { class: "key", "data-line": name }, lineIcon(this.style(name)), make("span", { class: "key-name" }, this.measure.name(name))) }),
      () => {},
    );
  }

  /** How many values are settled. */
  complete() {
    const { begin, step, settled } = this.view;
    return Math.max(0, Math.floor((settled - begin) / step + 0.001));
  }

  summary() {
    const { lines, range, from, marks } = this.view;
    const { name, plain, spoken } = this.measure;
    const complete = this.complete();
    const each = lines.map((line) => {
      const past = numbers(line.values.slice(0, complete));
      return past.length ? `${name(line.name)}: last ${plain(past.at(-1))}, between ${plain(Math.min(...past))} and ${plain(Math.max(...past))} ${spoken}`.trim() + "." : `${name(line.name)}: no data yet.`;
    });
    const those = marks.map((mark) => `${mark.number} ${markText(mark)} at ${clock(mark.time)}`);
    return [`${this.title}, ${rangeWords(range, from)}.`, ...(each.length ? each : ["No data yet."]), those.length ? `Marks: ${those.join(", ")}.` : ""].join(" ").trim();
  }

  fill() {
    if (this.details.open && this.view) {
      this.table.update(this.view, this.complete());
    }
  }
}

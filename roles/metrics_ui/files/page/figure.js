/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What all charts share: an SVG as large as its box with a grid, a readout of what is pointed at, a summary for screen
 * readers, and the numbers as a table. Colours are those of page.css.
 */

import { drawn, make, setAttribute, setHidden } from "/static/dom.js";

const LABEL_PAUSE = 10000; // A chart's summary for screen readers is renewed no more often than this.
const ASIDE = 14; // Pixels between what is pointed at and the readout.

/** A number of pixels, as it stands in an attribute. */
export const px = (number) => Number(number.toFixed(2));

/** A path through points [x, y]; it has a gap where y is null. */
export function path(points) {
  let begun = false;
  return points
    .map(([x, y], index) => {
      // A point between two gaps is a dot.
      const dot = !begun && (points[index + 1]?.[1] ?? null) === null ? "h0" : "";
      const step = y === null ? "" : `${begun ? "L" : "M"}${px(x)} ${px(y)}${dot}`;
      begun = y !== null;
      return step;
    })
    .join("");
}

/** 0 and further values for an axis up to an end: in steps of 1, 2 or 5 times a power of ten, no more than six of them. */
export function roundSteps(end) {
  const least = end / 6;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9)) * power;
  return Array.from({ length: Math.ceil(end / step - 1e-9) + 1 }, (_, index) => index * step);
}

/** A card with a heading for a chart. */
export const chartCard = (id, title, ...nodes) => make("section", { class: "card", id: `${id}-card`, "aria-labelledby": `${id}-title` }, make("h2", { id: `${id}-title` }, title), ...nodes);

/**
 * A chart. Who extends it has a view, and draws it with
 *   axes(width): {values, text(value), unit, top, right, bottom, share?}, the values of the y axis, the room beside it, and
 *     share(value), how far up a value is, from 0 to 1, where that is not in proportion,
 *   content(area): the nodes in an area {left, right, top, bottom, y(value)},
 *   readout(x, area): {x, title, rows: [[icon, text]], points: [[class, x, y]]} at a place, or null,
 *   summary(): sentences, and fill(): the table.
 */
export class Figure {
  constructor(id, title) {
    this.title = title;
    this.svg = drawn("svg", { id: `${id}-plot`, class: "plot", role: "img", "aria-label": `${title}: no data yet`, "aria-hidden": null });
    this.tip = make("div", { class: "tip", "aria-hidden": "true", hidden: true });
    this.box = make("div", { class: "chart-box" }, this.svg, this.tip);
    this.numbers = make("div", { class: "numbers" });
    this.details = make("details", { class: "as-table", id: `${id}-numbers` }, make("summary", {}, "Numbers as a table"), this.numbers);
    this.node = make("div", { class: "chart", id }, this.box, this.details);
    this.view = null;
    this.table = null;
    this.area = null;
    this.pointed = null; // Where somebody points, in pixels from the left.
    this.labelled = -Infinity;
    this.details.addEventListener("toggle", () => this.fill());
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.box);
    this.listening = new AbortController();
    this.listen(this.listening);
  }

  listen({ signal }) {
    const point = (event) => this.point(event.clientX - this.box.getBoundingClientRect().left);
    this.svg.addEventListener("pointermove", point, { signal });
    this.svg.addEventListener("pointerdown", point, { signal });
    // A finger that is lifted leaves what it has shown.
    this.svg.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && this.point(null), { signal });
    document.addEventListener("pointerdown", (event) => !this.svg.contains(event.target) && this.point(null), { signal });
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.point(null), { signal });
  }

  point(x) {
    if (x !== this.pointed) {
      this.pointed = x;
      this.draw();
    }
  }

  /** How wide a text is that has a class of its own, or is a tick. */
  width(text, name = "tick") {
    const ruler = drawn("text", { class: name }, text);
    this.svg.append(ruler);
    const wide = ruler.getComputedTextLength();
    ruler.remove();
    return wide;
  }

  /** Draws the view, all of it: there are few nodes, and this is how no two of them tell of different moments. */
  draw() {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (this.view === null || width === 0 || height === 0) {
      return;
    }
    const { values, text, unit, top, right, bottom, share = (value) => value / values.at(-1) } = this.axes(width);
    const texts = values.map(text);
    const left = 28 + Math.ceil(Math.max(...texts.map((one) => this.width(one))));
    const low = height - bottom;
    this.area = { left, right: width - right, top, bottom: low, width, height, y: (value) => low - share(value) * (low - top) };
    const grid = values.map((value) => drawn("line", { x1: left, x2: width - right, y1: px(this.area.y(value)), y2: px(this.area.y(value)), class: value === values[0] ? "zero" : "grid" }));
    const ticks = values.map((value, index) => drawn("text", { x: left - 8, y: px(this.area.y(value)), class: "tick of-y" }, texts[index]));
    const middle = px((top + low) / 2);
    const name = drawn("text", { x: 12, y: middle, class: "tick of-x", transform: `rotate(-90 12 ${middle})` }, unit);
    const axis = drawn("g", { class: "axis-y", "data-min": values[0], "data-max": values.at(-1), "data-top": top, "data-bottom": low }, ...grid, ...ticks, name);
    this.svg.replaceChildren(axis, ...this.content(this.area));
    this.readOut(width);
  }

  readOut(width) {
    const found = this.pointed === null ? null : this.readout(this.pointed, this.area);
    setHidden(this.tip, found === null);
    if (found === null) {
      return;
    }
    const { x, title, rows, points } = found;
    this.svg.append(
      drawn("line", { x1: px(x), x2: px(x), y1: this.area.top, y2: this.area.bottom, class: "guide" }),
      ...points.map(([name, at, y]) => drawn("circle", { cx: px(at), cy: px(y), r: 5, class: `spot ${name}` })),
    );
    this.tip.replaceChildren(make("p", { class: "tip-title" }, title), ...rows.map(([icon, words]) => make("p", { class: "tip-row" }, icon, words)));
    const wide = this.tip.offsetWidth;
    const beside = x + ASIDE + wide <= width ? x + ASIDE : x - ASIDE - wide;
    this.tip.style.left = `${Math.max(0, Math.min(beside, width - wide))}px`;
    this.tip.style.top = `${this.area.top + 4}px`;
  }

  label(at_once) {
    const now = performance.now();
    if (at_once || now - this.labelled >= LABEL_PAUSE) {
      this.labelled = now;
      setAttribute(this.svg, "aria-label", this.summary());
    }
  }

  close() {
    this.listening.abort();
    this.observer.disconnect();
    this.table?.close();
  }
}

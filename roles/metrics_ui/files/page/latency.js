/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Latency: the share of each power of two as bars, and the percentile line over the same axis.
 */

import { atMost, latency, percent, rangeWords, rate } from "/static/format.js";
import { drawn, make } from "/static/dom.js";
import { Figure, path, px } from "/static/figure.js";
import { makeTable } from "/static/table.js";

const SHARES = [0, 20, 40, 60, 80, 100];
const BAR = 0.88; // How much of its place a bar takes.

const icons = {
  bar: () => drawn("rect", { x: 8, y: 0, width: 12, height: 12, rx: 2, class: "key-shape" }),
  sum: () => drawn("path", { d: "M0 6h28M14 2a4 4 0 1 0 0 8a4 4 0 1 0 0-8z", class: "key-shape" }),
};
const icon = (name) => drawn("svg", { viewBox: "0 0 28 12", width: 28, height: 12, class: `key-${name}` }, icons[name]());

export class LatencyChart extends Figure {
  constructor(id, title) {
    super(id, title);
    this.rows = [];
    const keys = [["bar", "Share of the messages"], ["sum", "That long or shorter (cumulative)"]];
    this.legend = make("ul", { class: "legend", role: "list", "aria-label": "Legend" }, ...keys.map(([name, text]) => make("li", { class: "key" }, icon(name), make("span", { class: "key-name" }, text))));
    this.details.before(this.legend);
  }

  /** view: {bars, line, percentiles, count, range, from} */
  update(view) {
    const first = this.view === null || this.view.range !== view.range;
    this.view = view;
    this.rows = view.bars.map((bar) => {
      const sum = view.line.find(({ up_to }) => up_to === bar.up_to)?.percent ?? null;
      return { key: bar.up_to, short: latency(bar.up_to), words: `${latency(bar.from)} to ${latency(bar.up_to)}`, count: bar.count, share: bar.percent, sum };
    });
    this.draw();
    this.label(first);
    this.fill();
  }

  axes(width) {
    this.widest = Math.ceil(Math.max(0, ...this.rows.map((row) => this.width(row.short))));
    // About as much as there will be beside the other axis: texts that do not fit are turned.
    this.turned = this.widest + 8 > (width - 70) / Math.max(1, this.rows.length);
    const bottom = 36 + (this.turned ? Math.ceil((this.widest + 12) * Math.SQRT1_2) : 12);
    return { values: SHARES, text: (value) => `${value}\u00a0%`, unit: "% of messages", top: 10, right: 8, bottom };
  }

  content(area) {
    const band = (area.right - area.left) / Math.max(1, this.rows.length);
    this.middle = (index) => area.left + (index + 0.5) * band;
    const every = this.turned ? Math.ceil(16 / band) : 1;
    const down = area.bottom + 15;
    const texts = this.rows.map(({ short }, index) => {
      const x = px(this.middle(index));
      const turn = this.turned ? { class: "tick of-y", transform: `rotate(-45 ${x} ${down})` } : { class: "tick of-x" };
      return index % every === 0 ? drawn("text", { x, y: down, ...turn }, short) : null;
    });
    const middle = px((area.left + area.right) / 2);
    const unit = drawn("text", { x: middle, y: area.height - 8, class: "tick of-x" }, "latency, less than");
    const bars = this.rows.map(({ share, short }, index) => {
      const high = area.bottom - area.y(share);
      const rx = Math.min(3, high / 2, (band * BAR) / 2);
      return drawn("rect", { x: px(this.middle(index) - (band * BAR) / 2), y: px(area.y(share)), width: px(band * BAR), height: px(high), rx: px(rx), class: "bar", "data-label": short, "data-value": share });
    });
    const sums = this.rows.map((row, index) => ({ ...row, x: this.middle(index), y: row.sum === null ? null : area.y(row.sum) }));
    const points = sums.filter(({ y }) => y !== null);
    return [
      drawn("g", { class: "axis-x" }, ...texts.filter(Boolean), unit),
      ...bars,
      drawn("path", { d: path(sums.map(({ x, y }) => [x, y])), class: "sum" }),
      ...points.map(({ short, sum, x, y }) => drawn("circle", { cx: px(x), cy: px(y), r: 3, class: "sum-point", "data-label": short, "data-value": sum })),
    ];
  }

  readout(pointed, area) {
    const index = Math.floor(((pointed - area.left) / (area.right - area.left)) * this.rows.length);
    const row = this.rows[Math.max(0, Math.min(index, this.rows.length - 1))];
    if (!row) {
      return null;
    }
    const x = this.middle(this.rows.indexOf(row));
    const rows = [["sum", `cumulative: ${percent(row.sum)}`], ["bar", `share: ${percent(row.share)}, ${rate(row.count)} messages`]];
    return { x, title: row.words, rows: rows.map(([name, text]) => [icon(name), text]), points: row.sum === null ? [] : [["key-sum", x, area.y(row.sum)]] };
  }

  summary() {
    const { percentiles, count, range, from } = this.view;
    if (!count || this.rows.length === 0) {
      return `${this.title}: no data in ${rangeWords(range, from)}.`;
    }
    const most = this.rows.reduce((one, other) => (other.share > one.share ? other : one));
    const each = Object.entries(percentiles).filter(([, value]) => value !== null).map(([which, value]) => `${which} percent ${atMost(value)}`);
    return `${this.title}, ${rangeWords(range, from)}. ${rate(count)} messages. Most often ${most.words}, ${percent(most.share)}. Percentiles: ${each.join(", ")}.`;
  }

  fill() {
    if (!this.details.open || !this.view) {
      return;
    }
    if (!this.table) {
      this.table = makeTable({
        id: `${this.node.id}-table`,
        caption: `${this.title}: messages by power of two`,
        stacked: false,
        tall: true,
        key: (row) => row.key,
        columns: [
          { id: "latency", label: "Latency", head: true, value: (row) => row.words },
          { id: "count", label: "Messages", number: true, value: (row) => rate(row.count), raw: (row) => row.count },
          { id: "share", label: "Share", number: true, value: (row) => percent(row.share), raw: (row) => row.share },
          { id: "sum", label: "That long or shorter", number: true, value: (row) => percent(row.sum), raw: (row) => row.sum },
        ],
      });
      this.numbers.replaceChildren(this.table.node);
    }
    this.table.update(this.rows);
  }
}

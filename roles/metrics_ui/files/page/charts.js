/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The charts: throughput over time with marks, and latency by power of two; each with its numbers as a table.
 */

import { RANGE_SECONDS, atMost, byName, clock, hourMinute, latency, markText, percent, rangeWords, rate, shown } from "/static/format.js";
import { drawn, keyed, make, setAttribute, setHidden, setText } from "/static/dom.js";
import { makeTable } from "/static/table.js";

const LABEL_PAUSE = 10000; // A chart's summary for screen readers is renewed no more often than this.
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const MARKERS = 12; // How many markers a line has, about.

// The shapes as Chart.js names them, and the same for the legend in a box of 12 by 12.
const SHAPES = [
  ["circle", "M6 2a4 4 0 1 0 0 8a4 4 0 1 0 0-8z"],
  ["rect", "M2.5 2.5h7v7h-7z"],
  ["triangle", "M6 1.6L10.6 9.6H1.4z"],
  ["rectRot", "M6 1L11 6L6 11L1 6z"],
  ["crossRot", "M2.5 2.5l7 7M9.5 2.5l-7 7"],
  ["cross", "M6 1.5v9M1.5 6h9"],
  ["star", "M6 1v10M1 6h10M2.5 2.5l7 7M9.5 2.5l-7 7"],
  ["rectRounded", "M4 2h4a2 2 0 0 1 2 2v4a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2z"],
];

const figures = new Set();

function recolour() {
  for (const chart of figures) {
    chart.recolour();
  }
}
for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)"]) {
  matchMedia(query).addEventListener("change", recolour);
}

/** A colour of page.css. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** What both kinds of charts share: canvas, summary, table of numbers, colours. */
class Figure {
  constructor(id, title) {
    this.title = title;
    this.canvas = make("canvas", { id: `${id}-canvas`, role: "img", "aria-label": `${title}: no data yet` });
    this.box = make("div", { class: "chart-box" }, this.canvas);
    this.numbers = make("div", { class: "numbers" });
    this.details = make("details", { class: "as-table", id: `${id}-numbers` }, make("summary", {}, "Numbers as a table"), this.numbers);
    this.node = make("div", { class: "chart", id }, this.box, this.details);
    this.table = null;
    this.chart = null;
    this.labelled = -Infinity;
    this.details.addEventListener("toggle", () => this.fill());
    figures.add(this);
  }

  /** Draws with Chart.js; without it (it did not load) there is still the table. */
  draw(configuration) {
    if (!globalThis.Chart) {
      this.box.replaceChildren(make("p", { class: "none" }, "The chart cannot be drawn: its library did not load."));
      return;
    }
    this.chart = new globalThis.Chart(this.canvas, configuration);
  }

  recolour() {
    if (this.chart) {
      this.paint();
      this.chart.update("none");
    }
  }

  label(sentence, at_once = false) {
    const now = performance.now();
    if (at_once || now - this.labelled >= LABEL_PAUSE) {
      this.labelled = now;
      setAttribute(this.canvas, "aria-label", sentence());
    }
  }

  close() {
    figures.delete(this);
    this.table?.close();
    this.chart?.destroy();
  }
}

/** Colours of axes, grid and tooltip, the same for both. */
function paintAxes(chart) {
  const { scales, plugins } = chart.options;
  for (const scale of Object.values(scales)) {
    scale.ticks.color = colour("muted");
    scale.title.color = colour("muted");
    scale.grid.color = colour("grid");
    scale.border.color = colour("line");
  }
  Object.assign(plugins.tooltip, {
    backgroundColor: colour("tip"),
    titleColor: colour("tip-ink"),
    bodyColor: colour("tip-ink"),
    borderColor: colour("line"),
    borderWidth: 1,
  });
}

const COMMON = {
  animation: false,
  responsive: true,
  maintainAspectRatio: false,
  parsing: false,
  normalized: true,
  interaction: { mode: "index", intersect: false },
};

/** Ticks at round local times. */
function timeTicks(scale) {
  const { min, max } = scale;
  const room = Math.max(2, Math.floor(scale.width / 90));
  const steps = max - min > 1000 ? [300, 600, 900, 1200, 1800] : [30, 60, 120, 150, 300];
  const step = steps.find((wanted) => (max - min) / wanted <= room) ?? steps.at(-1);
  const shift = new Date(max * 1000).getTimezoneOffset() * 60;
  const ticks = [];
  for (let time = Math.ceil((min - shift) / step) * step + shift; time <= max; time += step) {
    ticks.push({ value: time });
  }
  scale.ticks = ticks;
}

/** The marks: vertical lines, with numbered flags spread out above so that none hides another. */
const marksPlugin = {
  id: "marks",
  afterDatasetsDraw(chart) {
    const { marks } = chart.own;
    const { left, right, top, bottom } = chart.chartArea;
    const scale = chart.scales.x;
    const seen = marks.filter((mark) => mark.time >= scale.min && mark.time <= scale.max);
    if (seen.length === 0) {
      return;
    }
    const size = 18;
    const gap = Math.min(size + 3, (right - left) / seen.length);
    const places = seen.map((mark) => scale.getPixelForValue(mark.time));
    // Flags as near to their lines as they can be: groups that would overlap are centred together.
    const groups = [];
    places.forEach((place, index) => {
      groups.push({ first: index, count: 1, sum: place });
      while (groups.length > 0) {
        const last = groups.at(-1);
        const half = (last.count * gap) / 2;
        last.centre = Math.min(Math.max(last.sum / last.count, left + half - size / 2), right - half + size / 2);
        const before = groups.at(-2);
        if (!before || before.centre + (before.count * gap) / 2 <= last.centre - half) {
          break;
        }
        groups.pop();
        before.count += last.count;
        before.sum += last.sum;
      }
    });
    const flags = groups.flatMap(({ count, centre }) => Array.from({ length: count }, (_, index) => centre + (index - (count - 1) / 2) * gap));
    const { ctx } = chart;
    ctx.save();
    ctx.lineWidth = 1.5;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.font = `600 11px ${FONT}`;
    seen.forEach((mark, index) => {
      const x = places[index];
      const flag = flags[index];
      ctx.strokeStyle = ctx.fillStyle = colour(`mark-${mark.kind}`) || colour("muted");
      ctx.setLineDash(mark.kind === "crash" || mark.kind === "resumed" ? [] : [5, 3]);
      ctx.beginPath();
      ctx.moveTo(x, bottom);
      ctx.lineTo(x, top);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(flag, top - 12);
      ctx.stroke();
      ctx.beginPath();
      ctx.roundRect(flag - size / 2, top - 12 - size, size, size, 4);
      ctx.fill();
      ctx.fillStyle = colour("mark-ink");
      ctx.fillText(String(mark.number), flag, top - 11.5 - size / 2);
    });
    ctx.restore();
  },
};

/** The names at the right ends of their lines, pushed apart. */
const namesPlugin = {
  id: "names",
  afterDatasetsDraw(chart) {
    if (chart.options.layout.padding.right < 20) {
      return;
    }
    const { top, bottom, right } = chart.chartArea;
    const high = 15;
    const labels = chart.data.datasets
      .map((set) => ({ set, y: chart.scales.y.getPixelForValue((set.data.findLast((point) => point.x + point.width / 2 <= chart.own.settled) ?? set.data.at(-1))?.y ?? 0) }))
      .sort((one, other) => other.y - one.y);
    let below = bottom + high;
    for (const entry of labels) {
      entry.y = Math.min(entry.y, below - high);
      below = entry.y;
    }
    let above = top - high / 2;
    for (const entry of labels.reverse()) {
      entry.y = Math.max(entry.y, above + high);
      above = entry.y;
    }
    const { ctx } = chart;
    ctx.save();
    ctx.font = `600 12px ${FONT}`;
    ctx.textBaseline = "middle";
    for (const { set, y } of labels) {
      ctx.fillStyle = set.borderColor;
      ctx.fillText(short(set.label), right + 8, y);
    }
    ctx.restore();
  },
};

/** A name for which there is little room. */
const short = (name) => {
  const text = shown(name);
  return text.length > 16 ? `${text.slice(0, 15)}…` : text;
};

/** Throughput over time, one line for each name. */
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
    this.view = null;
    this.draw({
      type: "line",
      data: { datasets: [] },
      plugins: single ? [marksPlugin] : [marksPlugin, namesPlugin],
      options: {
        ...COMMON,
        layout: { padding: { top: 36, right: 8 } },
        onResize: (chart) => this.fit(chart),
        scales: {
          x: {
            type: "linear",
            min: 0,
            max: 1,
            afterBuildTicks: timeTicks,
            grid: { tickLength: 4 },
            border: {},
            title: {},
            ticks: { autoSkip: false, maxRotation: 0, font: { family: FONT, size: 12 }, callback: (time) => (this.view?.range === "1h" ? hourMinute(time) : clock(time)) },
          },
          y: {
            beginAtZero: true,
            suggestedMax: 1,
            grid: {},
            border: { display: false },
            title: { display: true, text: "messages/s", font: { family: FONT, size: 12 } },
            ticks: { maxTicksLimit: 6, font: { family: FONT, size: 12 }, callback: (value) => rate(value) },
          },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            padding: 10,
            usePointStyle: true,
            titleFont: { family: FONT },
            bodyFont: { family: FONT },
            callbacks: {
              title: (items) => (items.length ? `${clock(items[0].raw.x - items[0].raw.width / 2)} to ${clock(items[0].raw.x + items[0].raw.width / 2)}` : ""),
              label: (item) => ` ${short(item.dataset.label)}: ${rate(item.raw.y)} messages/s`,
            },
          },
        },
      },
    });
    if (this.chart) {
      this.chart.own = { marks: [], settled: Infinity };
    }
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
    const { lines, begin, step, settled, now, range } = this.view;
    lines.forEach((line) => this.style(line.name));
    setText(this.more, view.left_out === 1 ? "1 more worker is not drawn." : `${view.left_out} more workers are not drawn.`);
    setHidden(this.more, !view.left_out);
    this.keys();
    if (this.chart) {
      this.chart.own = { marks: view.marks, settled };
      const before = new Map(this.chart.data.datasets.map((set) => [set.label, set]));
      this.chart.data.datasets = lines.map(({ name, values }) => {
        const set = before.get(name) ?? this.dataset(name);
        set.data = values.map((value, index) => ({ x: begin + (index + 0.5) * step, y: value, width: step }));
        return set;
      });
      const { x } = this.chart.options.scales;
      x.max = now;
      x.min = now - (RANGE_SECONDS[range] ?? RANGE_SECONDS["5m"]);
      this.fit(this.chart);
      this.paint();
      this.chart.update("none");
    }
    this.label(() => this.summary(), changed);
    this.fill();
  }

  dataset(name) {
    const index = this.style(name);
    const marker = (context) => {
      const every = Math.max(1, Math.round(context.dataset.data.length / MARKERS));
      const place = Math.round((context.raw?.x ?? 0) / (context.raw?.width || 1) - 0.5);
      return !this.single && (place + Math.round((index * every) / SHAPES.length)) % every === 0;
    };
    return {
      label: name,
      data: [],
      borderWidth: 2,
      tension: 0,
      borderJoinStyle: "round",
      pointStyle: SHAPES[index][0],
      pointRadius: (context) => (marker(context) ? 4.5 : 0),
      pointHoverRadius: 5,
      pointBorderWidth: 1.5,
      fill: this.single ? "origin" : false,
      segment: { borderDash: ({ p1 }) => (p1.raw ?? p1.parsed).x + (this.view.step ?? 0) / 2 > this.view.settled + 0.001 ? [3, 4] : undefined },
    };
  }

  /** The room at the right for the names, where there is any. */
  fit(chart) {
    const names = !this.single && chart.width >= 640 ? chart.data.datasets.map((set) => short(set.label)) : [];
    chart.ctx.save();
    chart.ctx.font = `600 12px ${FONT}`;
    chart.options.layout.padding.right = names.length ? Math.ceil(Math.max(...names.map((name) => chart.ctx.measureText(name).width))) + 16 : 8;
    chart.ctx.restore();
  }

  paint() {
    paintAxes(this.chart);
    for (const set of this.chart.data.datasets) {
      const line = colour(`line-${this.style(set.label) + 1}`);
      set.borderColor = set.pointBorderColor = set.pointBackgroundColor = line;
      set.backgroundColor = this.single ? colour("fill-1") : line;
    }
  }

  keys() {
    keyed(
      this.legend,
      this.legendNodes,
      this.single ? [] : this.view.lines,
      (line) => line.name,
      ({ name }) => {
        const index = this.style(name);
        const icon = drawn("svg", { viewBox: "0 0 28 12", width: 28, height: 12 }, drawn("path", { d: "M0 6h28", class: "key-line" }), drawn("path", { d: SHAPES[index][1], class: "key-shape", transform: "translate(8 0)" }));
        return { node: make("li", { class: `key line-${index + 1}`, "data-line": name }, icon, make("span", { class: "key-name" }, shown(name))) };
      },
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
    if (this.names !== names) {
      this.names = names;
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

/** Latency: the share of each power of two as bars, and the percentile line over the same axis. */
export class LatencyChart extends Figure {
  constructor(id, title) {
    super(id, title);
    this.rows = [];
    this.words = "";
    const icons = [
      ["Share of the messages", "bar", drawn("rect", { x: 8, y: 0, width: 12, height: 12, rx: 2, class: "key-shape" })],
      ["That long or shorter (cumulative)", "sum", drawn("path", { d: "M0 6h28M14 2a4 4 0 1 0 0 8a4 4 0 1 0 0-8z", class: "key-shape" })],
    ];
    this.legend = make("ul", { class: "legend", role: "list", "aria-label": "Legend" }, ...icons.map(([text, name, shape]) => make("li", { class: `key key-${name}` }, drawn("svg", { viewBox: "0 0 28 12", width: 28, height: 12 }, shape), make("span", { class: "key-name" }, text))));
    this.details.before(this.legend);
    const axis = { grid: {}, border: {}, ticks: { font: { family: FONT, size: 12 } } };
    this.draw({
      type: "bar",
      data: {
        labels: [],
        datasets: [
          { type: "line", label: "cumulative", data: [], borderWidth: 2, pointRadius: 3, pointStyle: "circle", tension: 0, clip: 6 },
          { type: "bar", label: "share", data: [], borderWidth: 1, borderRadius: 3, categoryPercentage: 0.94, barPercentage: 0.94 },
        ],
      },
      options: {
        ...COMMON,
        parsing: undefined,
        normalized: false,
        layout: { padding: { top: 8, right: 8 } },
        scales: {
          x: { ...axis, type: "category", grid: { display: false }, title: { display: true, text: "latency, up to", font: { family: FONT, size: 12 } }, ticks: { ...axis.ticks, maxRotation: 60, autoSkipPadding: 8 } },
          y: { ...axis, min: 0, max: 100, border: { display: false }, title: { display: true, text: "% of messages", font: { family: FONT, size: 12 } }, ticks: { ...axis.ticks, stepSize: 20, callback: (value) => `${value}\u00a0%` } },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            padding: 10,
            titleFont: { family: FONT },
            bodyFont: { family: FONT },
            callbacks: {
              title: (items) => (items.length ? (this.rows[items[0].dataIndex]?.words ?? "") : ""),
              label: (item) => ` ${item.dataset.label}: ${percent(item.parsed.y)}`,
            },
          },
        },
      },
    });
  }

  /** view: {bars, line, percentiles, count, range} */
  update(view) {
    const first = this.view === undefined || this.view.range !== view.range;
    this.view = view;
    this.rows = view.bars.map((bar) => {
      // Bars end where the line may have no point: before its first nothing has come, after its last all has.
      const point = view.line.findLast(({ up_to }) => bar.up_to === null || up_to <= bar.up_to);
      const sum = view.line.length > 0 ? (point?.percent ?? 0) : null;
      const longer = bar.up_to === null;
      return {
        key: longer ? "longer" : bar.up_to,
        short: longer ? `>\u00a0${latency(bar.from)}` : latency(bar.up_to),
        words: longer ? `longer than ${latency(bar.from)}` : `${latency(bar.from)} to ${latency(bar.up_to)}`,
        share: bar.percent,
        sum,
      };
    });
    if (this.chart) {
      const { data } = this.chart;
      data.labels = this.rows.map((row) => row.short);
      data.datasets[0].data = this.rows.map((row) => row.sum);
      data.datasets[1].data = this.rows.map((row) => row.share);
      this.paint();
      this.chart.update("none");
    }
    this.label(() => this.summary(), first);
    this.fill();
  }

  paint() {
    paintAxes(this.chart);
    const [line, bars] = this.chart.data.datasets;
    line.borderColor = line.pointBorderColor = line.backgroundColor = line.pointBackgroundColor = colour("sum");
    bars.backgroundColor = colour("bar");
    bars.borderColor = colour("bar-edge");
  }

  summary() {
    const { percentiles, count, range } = this.view;
    if (!count || this.rows.length === 0) {
      return `${this.title}: no data in the last ${rangeWords(range)}.`;
    }
    const most = this.rows.reduce((one, other) => (other.share > one.share ? other : one));
    const each = Object.entries(percentiles).filter(([, value]) => value !== null).map(([which, value]) => `${which} percent ${atMost(value)}`);
    return `${this.title}, the last ${rangeWords(range)}. ${rate(count)} messages. Most often ${most.words}, ${percent(most.share)}. Percentiles: ${each.join(", ")}.`;
  }

  fill() {
    if (!this.details.open || !this.view) {
      return;
    }
    if (!this.table) {
      this.table = makeTable({
        id: `${this.node.id}-table`,
        caption: `${this.title}: percent of the messages`,
        stacked: false,
        tall: true,
        key: (row) => row.key,
        columns: [
          { id: "latency", label: "Latency", head: true, value: (row) => row.words },
          { id: "share", label: "Share", number: true, value: (row) => percent(row.share), raw: (row) => row.share },
          { id: "sum", label: "That long or shorter", number: true, value: (row) => percent(row.sum), raw: (row) => row.sum },
        ],
      });
      this.numbers.replaceChildren(this.table.node);
    }
    this.table.update(this.rows);
  }
}

/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Tables whose rows are keyed by name and changed in place.
 */

import { atMost, pageHash, rate, shown, stateText } from "/static/format.js";
import { drawn, keyed, make, scrollable, setAttribute, setText, valueBox } from "/static/dom.js";

const ICONS = {
  sending: [["circle", { cx: 6, cy: 6, r: 5, class: "filled" }]],
  idle: [["circle", { cx: 6, cy: 6, r: 4.5, class: "hollow" }], ["path", { d: "M4.7 4v4M7.3 4v4", class: "hollow" }]],
  gone: [["path", { d: "M3.7.6h4.6l3.1 3.1v4.6l-3.1 3.1H3.7L.6 8.3V3.7z", class: "filled" }], ["path", { d: "M4 4l4 4M8 4l-4 4", class: "cut" }]],
};

/** A worker's state: a shape, a colour, and always words. */
export function stateBadge() {
  const icon = drawn("svg", { viewBox: "0 0 12 12", width: 12, height: 12 });
  const text = make("span", { class: "state-text" });
  const node = make("span", { class: "state" }, icon, text);
  return {
    node,
    /** crashed: the verdict of a run that has crashed this worker, and of what came out then. */
    update({ state, since, crashed = null }, now) {
      const doubt = crashed === "pass" ? null : crashed;
      setAttribute(node, "data-doubt", doubt);
      if (node.dataset.state !== state) {
        node.dataset.state = state;
        icon.replaceChildren(...(ICONS[state] ?? []).map(([tag, attributes]) => drawn(tag, attributes)));
      }
      setText(text, stateText(state, since, now) + (doubt ? `, verdict ${doubt}` : ""));
    },
  };
}

/**
 * A table. Columns: {id, label, group?, data (label on a narrow screen), number?, head?, build?(cell) -> update(row), value?(row) -> text or null, raw?(row)}.
 */
export function makeTable({ id, caption, columns, key = (row) => row.name, attributes = () => ({}), stacked = true, tall = false }) {
  const body = make("tbody", { role: "rowgroup" });
  const first = make("tr", { role: "row" });
  const second = make("tr", { role: "row" });
  let group = null;
  for (const column of columns) {
    const cell = make("th", { scope: "col", role: "columnheader", class: column.number ? "num" : null }, column.label);
    if (!column.group) {
      if (columns.some((other) => other.group)) {
        cell.rowSpan = 2;
      }
      first.append(cell);
      group = null;
    } else {
      if (group?.textContent !== column.group) {
        group = make("th", { scope: "colgroup", role: "columnheader", class: "group", colspan: 0 }, column.group);
        group.colSpan = columns.filter((other) => other.group === column.group).length;
        first.append(group);
        cell.classList.add("group-start");
      }
      second.append(cell);
    }
  }
  const head = make("thead", { role: "rowgroup" }, first, second.childElementCount ? second : null);
  const table = make("table", { role: "table", id, class: stacked ? "stacked" : "plain" }, make("caption", {}, caption), head, body);
  const node = make("div", { class: tall ? "scroll tall" : "scroll" }, table);
  const observer = scrollable(node, caption);
  const rows = new Map();

  function create(row) {
    const tr = make("tr", { role: "row", ...attributes(row) });
    let last = null;
    const updates = columns.map((column) => {
      const cell = make(column.head ? "th" : "td", {
        role: column.head ? "rowheader" : "cell",
        scope: column.head ? "row" : null,
        class: column.number ? "num" : null,
        "data-label": column.data ?? column.label,
        "data-column": column.id,
      });
      if (column.group && column.group !== last) {
        cell.classList.add("group-start");
      }
      last = column.group ?? null;
      tr.append(cell);
      if (column.build) {
        return column.build(cell, row);
      }
      const show = valueBox(cell);
      return (item) => {
        show(column.value(item));
        if (column.raw) {
          setAttribute(cell, "data-value", column.raw(item));
        }
      };
    });
    return { node: tr, updates };
  }

  return {
    node,
    update(items) {
      keyed(body, rows, items, key, create, (entry, row) => entry.updates.forEach((update) => update(row)));
    },
    close: () => observer.disconnect(),
  };
}

/** The column with a row's name, a link to its page where there is one. */
export const nameColumn = (label, hash) => ({
  id: "name",
  label,
  data: label,
  head: true,
  build(cell, row) {
    cell.append(hash ? make("a", { href: hash(row) }, shown(row.name)) : shown(row.name));
    return () => {};
  },
});

export const PERCENTILES = ["50", "95", "99", "99.9", "99.99"];

/** The columns that every row of the contract has. */
export const measureColumns = () => [
  ...["now", "min", "median", "max"].map((which) => ({
    id: which,
    label: which,
    data: `${which}, messages/s`,
    group: "Throughput, messages/s",
    number: true,
    value: (row) => rate(row.throughput?.[which]),
    raw: (row) => row.throughput?.[which],
  })),
  ...PERCENTILES.map((which) => ({
    id: `p${which}`,
    label: `${which}\u00a0%`,
    data: `latency ${which} %`,
    group: "Latency percentiles",
    number: true,
    value: (row) => atMost(row.percentiles?.[which]),
    raw: (row) => row.percentiles?.[which],
  })),
];

/** A section with a heading and one table of rows of the contract. */
export function rowsSection({ id, title, one, kind, application, columns = [], words }) {
  const heading = make("h2", { id: `${id}-title` }, title);
  const table = makeTable({
    id: `${id}-table`,
    caption: `${title}: throughput and latency percentiles of ${words}`,
    columns: [nameColumn(one, kind ? (row) => pageHash(application, kind, row.name) : null), ...columns, ...measureColumns()],
    attributes: (row) => ({ "data-name": row.name, ...(kind ? { [`data-${kind}`]: row.name } : {}) }),
  });
  const none = make("p", { class: "none" }, "None yet.");
  const node = make("section", { class: "card", id, "aria-labelledby": `${id}-title` }, heading, none, table.node);
  return {
    node,
    update(rows) {
      none.hidden = rows.length > 0;
      table.node.hidden = rows.length === 0;
      table.update(rows);
    },
    close: table.close,
  };
}

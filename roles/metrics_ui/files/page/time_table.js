/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The numbers of a chart over time, as a table with a column for each line, newest first.
 */

import { clock } from "/static/format.js";
import { setAttribute } from "/static/dom.js";
import { makeTable } from "/static/table.js";

export class TimeTable {
  /** id: of the table; box: where it is put. */
  constructor(id, title, measure, box) {
    Object.assign(this, { id, title, measure, box, table: null, headed: null });
  }

  /** view: {lines, begin, step, from}; complete: how many values are settled. */
  update(view, complete) {
    const { lines, begin, step, from } = view;
    const names = JSON.stringify(lines.map((line) => line.name));
    const place = this.headed === names ? null : this.renew(names, lines);
    const rows = [];
    for (let index = Math.max(0, ...lines.map((line) => line.values.length)) - 1; index >= 0; index -= 1) {
      const time = begin + index * step;
      if (time >= from - step) {
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

  /** Makes a table with other columns; returns where somebody was in the one before. */
  renew(names, lines) {
    const { unit, name, plain } = this.measure;
    const before = this.table?.node;
    const place = before ? { left: before.scrollLeft, top: before.scrollTop, focused: before.contains(document.activeElement) } : null;
    this.headed = names;
    this.close();
    this.table = makeTable({
      id: this.id,
      caption: `${this.title}, ${unit}, newest first`,
      stacked: false,
      tall: true,
      key: (row) => row.key,
      columns: [
        { id: "time", label: "From", head: true, value: (row) => row.time },
        ...lines.map((line, index) => ({ id: `line-${index}`, label: name(line.name), number: true, value: (row) => plain(row.values[index]), raw: (row) => row.values[index] })),
        { id: "settled", label: "Settled", value: (row) => (row.settled ? "yes" : "not yet") },
      ],
    });
    this.box.replaceChildren(this.table.node);
    return place;
  }

  close() {
    this.table?.close();
  }
}

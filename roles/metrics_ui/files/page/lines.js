/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What tells the lines of a chart apart beside their colours: shapes, and names at their ends.
 */

import { shown } from "/static/format.js";
import { drawn } from "/static/dom.js";

// Drawn around a point.
export const SHAPES = [
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
export const short = (name) => {
  const text = shown(name);
  return text.length > 16 ? `${text.slice(0, 15)}…` : text;
};

/** A piece of a line with its shape, for the legend and the readout. */
export const lineIcon = (index) => drawn("svg", { viewBox: "0 0 28 12", width: 28, height: 12, class: `line-${index + 1}` }, drawn("path", { d: "M0 6h28", class: "key-line" }), drawn("path", { d: `M14 6${SHAPES[index]}`, class: "key-shape" }));

/** Lowers and lifts what would overlap, from the largest value down to the smallest. entries: [{y}] */
export function apart(entries, top, bottom, high) {
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

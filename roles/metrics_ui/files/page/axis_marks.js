/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What stands on a time axis: round local times, and marks as vertical lines with numbered flags above them.
 */

import { drawn } from "/static/dom.js";
import { px } from "/static/figure.js";

const SIZE = 18; // Of a flag.

/** Round local times between two, so many that each has 90 pixels. */
export function timeTicks(from, to, width) {
  const room = Math.max(2, Math.floor(width / 90));
  const steps = to - from > 1000 ? [300, 600, 900, 1200, 1800] : [5, 10, 15, 30, 60, 120, 150, 300];
  const step = steps.find((wanted) => (to - from) / wanted <= room) ?? steps.at(-1);
  const shift = new Date(to * 1000).getTimezoneOffset() * 60;
  const ticks = [];
  for (let time = Math.ceil((from - shift) / step) * step + shift; time <= to; time += step) {
    ticks.push(time);
  }
  return ticks;
}

/** The middles of flags as near to their places as they can be: groups that would overlap are centred together. */
function spread(places, left, right) {
  const gap = Math.min(SIZE + 3, (right - left) / places.length);
  const groups = [];
  for (const place of places) {
    groups.push({ count: 1, sum: place });
    while (groups.length > 0) {
      const last = groups.at(-1);
      const half = (last.count * gap) / 2;
      last.centre = Math.min(Math.max(last.sum / last.count, left + half - SIZE / 2), right - half + SIZE / 2);
      const before = groups.at(-2);
      if (!before || before.centre + (before.count * gap) / 2 <= last.centre - half) {
        break;
      }
      groups.pop();
      before.count += last.count;
      before.sum += last.sum;
    }
  }
  return groups.flatMap(({ count, centre }) => Array.from({ length: count }, (_, index) => centre + (index - (count - 1) / 2) * gap));
}

/** What is seen of marks: each with its place and the middle of its flag. */
function flagged(marks, x, { left, right }) {
  const seen = marks.filter((mark) => x(mark.time) >= left && x(mark.time) <= right);
  const flags = spread(seen.map((mark) => x(mark.time)), left, right);
  return seen.map((mark, index) => ({ mark, place: x(mark.time), flag: flags[index] }));
}

/** The mark whose flag is at a place, or null. */
export function markAt(marks, x, area, atX, atY) {
  const within = ({ flag }) => Math.abs(flag - atX) <= SIZE / 2 + 2 && atY < area.top - 8;
  return flagged(marks, x, area).find(within)?.mark ?? null;
}

/** Numbered marks at places x(time) of an area, so that no flag hides another. */
export function drawMarks(marks, x, area) {
  const { top, bottom } = area;
  return flagged(marks, x, area).map(({ mark, place: exact, flag: middle }) => {
    const [place, flag] = [px(exact), px(middle)];
    const certain = mark.kind === "crash" || mark.kind === "resumed";
    return drawn(
      "g",
      { class: "axis-mark", "data-kind": mark.kind, "data-place": place },
      drawn("line", { x1: place, x2: place, y1: bottom, y2: top, class: certain ? "mark-line" : "mark-line dashed" }),
      drawn("line", { x1: place, x2: flag, y1: top, y2: top - 12, class: "mark-line" }),
      drawn("rect", { x: flag - SIZE / 2, y: top - 12 - SIZE, width: SIZE, height: SIZE, rx: 4, class: "mark-flag" }),
      drawn("text", { x: flag, y: top - 11.5 - SIZE / 2, class: "mark-number" }, String(mark.number)),
    );
  });
}

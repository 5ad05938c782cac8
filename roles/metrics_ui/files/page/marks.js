/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The marks of a migration: their numbers, and the list below the charts.
 */

import { clockTenths, duration, markText, shown } from "/static/format.js";
import { keyed, make, setAttribute, setHidden, setText } from "/static/dom.js";

const WORDS = { crash: "Crash", copy: "Copy", start: "Start", resumed: "Resumed" };

/** Numbers and lists marks. A mark keeps its number as long as any mark is shown. place(mark): where one looks at it closely. */
export function makeMarks(place) {
  const numbers = new Map();
  const nodes = new Map();
  const list = make("ol", { class: "marks", id: "marks", role: "list" });
  const node = make("section", { class: "card", "aria-labelledby": "marks-title", hidden: true }, make("h2", { id: "marks-title" }, "Marks in the charts"), list);
  const key = (mark) => `${mark.id} ${mark.time}`;

  function create(mark) {
    const number = make("span", { class: "flag" });
    const time = make("time", { class: "mark-time" });
    const words = make("span", { class: "mark-text" });
    const gap = make("span", { class: "mark-gap" });
    const kind = make("span", { class: "mark-kind" }, WORDS[mark.kind] ?? mark.kind);
    const numbered = make("span", { class: "vh" });
    const closer = make("a", { class: "mark-closer", href: place(mark) }, "Look closely", numbered);
    return {
      node: make("li", { class: "mark", "data-kind": mark.kind, "data-id": mark.id, "data-worker": mark.worker, "data-server": mark.server }, number, time, kind, words, gap, closer),
      number,
      time,
      words,
      gap,
      numbered,
      closer,
    };
  }

  /** "worker2 on server2", then the mark's own text where it says more. */
  function details(mark) {
    const where = [mark.worker, mark.server ? `on ${mark.server}` : null].filter(Boolean).join(" ");
    const own = markText(mark);
    const plain = [`${mark.kind} ${where}`, mark.kind, where].map((text) => text.trim().toLowerCase());
    return plain.includes(own.toLowerCase()) ? where : [where, own].filter(Boolean).join(": ");
  }

  return {
    node,
    /** Shows the marks and returns them with their numbers, for the charts; at: the moment that is looked at. */
    update(marks, at = null) {
      if (marks.length === 0) {
        numbers.clear();
      }
      for (const mark of marks) {
        if (!numbers.has(key(mark))) {
          numbers.set(key(mark), numbers.size + 1);
        }
      }
      let crash = null;
      setHidden(node, marks.length === 0);
      keyed(list, nodes, marks, key, create, (entry, mark) => {
        if (mark.kind === "crash") {
          crash = mark;
        }
        setText(entry.number, String(numbers.get(key(mark))));
        setText(entry.time, clockTenths(mark.time));
        setText(entry.words, shown(details(mark)));
        setText(entry.numbered, ` at mark ${numbers.get(key(mark))}`);
        setAttribute(entry.closer, "aria-current", mark.time === at ? "true" : null);
        setText(entry.gap, crash && crash !== mark ? `${duration(mark.time - crash.time)} after the crash` : "");
      });
      return marks.map((mark) => ({ ...mark, number: numbers.get(key(mark)) }));
    },
  };
}

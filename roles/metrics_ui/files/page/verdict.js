/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the last run has found: whether what came out is what should have.
 */

import { moment, rate, shown } from "/static/format.js";
import { drawn, make, setAttribute, setHidden, setText } from "/static/dom.js";

const ICONS = {
  pass: [["circle", { cx: 12, cy: 12, r: 11, class: "filled" }], ["path", { d: "M7 12.5l3.5 3.5L17.5 8.5", class: "cut" }]],
  fail: [["path", { d: "M8 1h8l7 7v8l-7 7H8l-7-7V8z", class: "filled" }], ["path", { d: "M8 8l8 8M16 8l-8 8", class: "cut" }]],
  unknown: [["path", { d: "M12 1.5L23.5 22H.5z", class: "filled" }], ["path", { d: "M12 9v6M12 18v1.5", class: "cut" }]],
  none: [["circle", { cx: 12, cy: 12, r: 10, class: "hollow" }], ["path", { d: "M12 11v6M12 7v1.5", class: "hollow" }]],
};

const NOTHING = "No run has verified yet what came out. That workers are busy does not show that nothing was lost: the playbook verify.yml does.";

const several = (names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}` : names[0]);

/** "21,990 of 22,000 messages came out, 3 violations"; empty when nobody has counted. */
export function countsText({ received, expected, violations }) {
  if (received === null || expected === null) {
    return "";
  }
  const broken = violations ? `, ${rate(violations)} ${violations === 1 ? "violation" : "violations"}` : "";
  return `${rate(received)} of ${rate(expected)} messages came out${broken}`;
}

/** The verdict in a word, with an icon. */
function badge() {
  const icon = drawn("svg", { viewBox: "0 0 24 24", width: 24, height: 24 });
  const word = make("span", {});
  return {
    nodes: [icon, word],
    update(verdict) {
      const which = verdict ?? "none";
      if (icon.dataset.icon !== which) {
        icon.dataset.icon = which;
        icon.replaceChildren(...ICONS[which].map(([tag, attributes]) => drawn(tag, attributes)));
      }
      setText(word, verdict ? `Verdict: ${verdict}` : "Not verified yet");
    },
  };
}

/** The card of a page; update(verdict, now), where the verdict may be null. */
export function makeVerdict() {
  const mark = badge();
  const counts = make("p", { class: "verdict-counts" });
  const reason = make("p", { class: "verdict-reason" });
  const since = make("p", { class: "verdict-since" });
  const source = make("p", { class: "none" });
  const heading = make("h2", { id: "verdict-title" }, ...mark.nodes);
  const node = make("section", { class: "card verdict", id: "verdict", "aria-labelledby": "verdict-title" }, heading, counts, reason, since, source);
  const show = (box, text) => {
    setText(box, shown(text));
    setHidden(box, text === "");
  };
  return {
    node,
    update(verdict, now) {
      setAttribute(node, "data-verdict", verdict?.verdict ?? "none");
      mark.update(verdict?.verdict ?? null);
      show(counts, verdict ? countsText(verdict) : "");
      show(reason, verdict ? verdict.reason : NOTHING);
      const crashed = verdict?.crashed_since ?? [];
      show(since, crashed.length > 0 ? `Since then ${several(crashed)} ${crashed.length > 1 ? "have" : "has"} crashed, and nothing was verified.` : "");
      setAttribute(node, "data-old", crashed.length > 0 ? "true" : null);
      show(source, verdict ? `${verdict.run ? `${verdict.run}, ` : ""}${moment(verdict.time, now)}` : "");
    },
  };
}

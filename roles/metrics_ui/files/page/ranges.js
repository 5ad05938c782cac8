/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The stretch of time that is shown: the last minutes, or those around a moment. It stands in the address.
 */

import { RANGES, clockTenths, pageHash } from "/static/format.js";
import { make, setAttribute, setHidden, setText } from "/static/dom.js";

/** Buttons for the ranges; show(route) presses that of a route. look(mark) leads to the moment of a mark, place(mark) is its address. */
export function makeRanges({ application, kind = null, name = null }) {
  const place = (mark) => pageHash(application, kind, name, { at: mark.time });
  const buttons = Object.entries(RANGES).map(([range, words]) => {
    const button = make("button", { type: "button", "data-range": range, "aria-pressed": "false" }, words);
    button.addEventListener("click", () => {
      location.hash = pageHash(application, kind, name, { range });
    });
    return button;
  });
  const around = make("button", { type: "button", "data-range": "around", "aria-pressed": "true", hidden: true });
  return {
    node: make("div", { class: "ranges", id: "ranges", role: "group", "aria-label": "Time range" }, ...buttons, around),
    place,
    look: (mark) => {
      location.hash = place(mark);
    },
    show({ range, at }) {
      for (const button of buttons) {
        setAttribute(button, "aria-pressed", at === null && button.dataset.range === range ? "true" : "false");
      }
      setText(around, at === null ? "" : `Around ${clockTenths(at)}`);
      setHidden(around, at === null);
    },
  };
}

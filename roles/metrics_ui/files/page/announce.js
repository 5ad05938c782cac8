/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is said aloud: a worker gone, a worker back, a new mark, a new verdict, and nothing else.
 */

import { markText, shown } from "/static/format.js";

const states = new Map(); // application -> worker -> state
let newest = null; // The newest mark of which was told, or which was there at first.
let judged; // When the last verdict came; undefined before the first view.
let waiting = [];
let timer = null;

function say(sentence) {
  waiting.push(sentence);
  if (timer === null) {
    timer = setTimeout(() => {
      timer = null;
      document.getElementById("announcer").textContent = shown(waiting.join(" "));
      waiting = [];
    }, 500);
  }
}

function worker(known, name, state) {
  const before = known.get(name);
  known.set(name, state);
  if (before === undefined || before === state) {
    return;
  }
  if (state === "gone") {
    say(`${name} is gone.`);
  } else if (before === "gone") {
    say(`${name} is back.`);
  }
}

/** Looks through a view for something to say. What was there at first is not news. */
export function announce(view) {
  const time = view.verdict?.time ?? null;
  if (judged !== undefined && time !== null && time !== judged) {
    say(`Verdict: ${view.verdict.verdict}. ${view.verdict.reason}`);
  }
  judged = time ?? judged ?? null;
  if (view.application !== undefined) {
    if (!states.has(view.application)) {
      states.set(view.application, new Map());
    }
    const known = states.get(view.application);
    for (const row of view.workers ?? []) {
      worker(known, row.name, row.state);
    }
    if (view.kind === "worker" && view.known) {
      worker(known, view.name, view.state);
    }
  }
  if (view.marks === undefined) {
    return;
  }
  // A metrics UI that was started anew counts from the beginning.
  newest = newest === null ? view.newest_mark : Math.min(newest, view.newest_mark);
  for (const mark of view.marks) {
    if (mark.id > newest) {
      say(`Mark: ${markText(mark)}.`);
    }
  }
  newest = view.newest_mark;
}

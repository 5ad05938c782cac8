/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What is said aloud: a worker gone, a worker back, a new mark, and nothing else.
 */

import { markText, shown } from "/static/format.js";

const states = new Map(); // application -> worker -> state
const marks = new Set();
let begin = null;
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

const EARLIER = 240; // Every view shows marks of five minutes: an unknown one that is older has come with a longer range.

/** Looks through a view for something to say. What was there at first is not news. */
export function announce(view) {
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
  for (const mark of view.marks) {
    const key = `${mark.id} ${mark.time}`;
    if (!marks.has(key)) {
      marks.add(key);
      if (begin !== null && mark.time >= begin - EARLIER) {
        say(`Mark: ${markText(mark)}.`);
      }
    }
  }
  begin ??= view.now;
}

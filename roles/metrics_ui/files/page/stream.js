/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The live connection: one EventSource for the view that is shown, renewed when it falls silent.
 */

const SILENCE = 10000; // The server sends at least every two seconds.
const PAUSE = 2000;

/**
 * Opens the stream of a view. Calls onView(data), onLost() and onRefused(sentence) until it is closed.
 */
export function openStream(view, query, { onView, onLost, onRefused }) {
  const address = `/api/stream?${new URLSearchParams({ view, ...query })}`;
  let source = null;
  let closed = false;
  let heard = performance.now();
  let timer = null;

  function renew() {
    timer = null;
    source?.close();
    if (closed) {
      return;
    }
    heard = performance.now();
    source = new EventSource(address);
    const mine = source;
    mine.addEventListener("view", (event) => {
      if (closed || mine !== source) {
        return;
      }
      heard = performance.now();
      let data = null;
      try {
        data = JSON.parse(event.data);
      } catch {
        onLost();
        return;
      }
      onView(data);
    });
    mine.addEventListener("error", () => {
      if (closed || mine !== source) {
        return;
      }
      onLost();
      // Closed: the server answered with an error, after which an EventSource does not try again.
      if (mine.readyState === EventSource.CLOSED && timer === null) {
        timer = setTimeout(renew, PAUSE);
        ask();
      }
    });
  }

  // An EventSource does not tell what the server answered; the same by fetch does.
  async function ask() {
    const enough = new AbortController();
    try {
      const answer = await fetch(address, { cache: "no-store", signal: enough.signal });
      if (answer.ok) {
        enough.abort(); // It streams: the next EventSource will do.
        return;
      }
      const { error } = await answer.json();
      if (!closed && typeof error === "string") {
        onRefused(error);
      }
    } catch {
      // No connection; the status says so already.
    }
  }

  const watch = setInterval(() => {
    if (timer === null && performance.now() - heard > SILENCE) {
      onLost();
      renew();
    }
  }, 1000);

  renew();
  return () => {
    closed = true;
    clearInterval(watch);
    clearTimeout(timer);
    source?.close();
  };
}

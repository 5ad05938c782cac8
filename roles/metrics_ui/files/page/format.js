/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * How times, rates, latencies and names are written for people.
 */

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const hundredths = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const collator = new Intl.Collator("en", { numeric: true });

const two = (number) => String(number).padStart(2, "0");
const known = (number) => typeof number === "number" && Number.isFinite(number);

/** The ranges a page can show, in words. */
export const RANGES = { "5m": "5 minutes", "1h": "1 hour" };

/** A range in words, as in "the last 5 minutes"; from: where it begins. */
export function rangeWords(range, from) {
  if (range === "around") {
    return `the minute from ${clock(from)}`;
  }
  return `the last ${range === "1h" ? "hour" : "5 minutes"}`;
}

// What leaves no trace on the screen, and what turns the direction of all that follows.
const INVISIBLE = /^[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]*$/u;
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;

/** A name, or a sentence with names, as it is shown: it can be seen and clicked, and changes nothing around it. */
export const shown = (text) => (INVISIBLE.test(text) ? "(blank)" : text.replace(TURNING, (character) => `\\u${character.charCodeAt(0).toString(16)}`));

/** worker2 comes before worker10. */
export const byName = (one, other) => collator.compare(one.name, other.name);

/** 12:03:04, local time. */
export function clock(seconds) {
  const date = new Date(seconds * 1000);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** 12:03, local time. */
export const hourMinute = (seconds) => clock(seconds).slice(0, 5);

/** 12:03:04.5, local time, for things that come close together. */
export function clockTenths(seconds) {
  const tenth = Math.floor(seconds * 10 + 1e-6);
  return `${clock(tenth / 10)}.${tenth % 10}`;
}

/** 12:03:04, or with the date before it when that is not the day of now. */
export function moment(seconds, now) {
  const date = new Date(seconds * 1000);
  const today = new Date(now * 1000);
  if (date.toDateString() === today.toDateString()) {
    return clock(seconds);
  }
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(seconds)}`;
}

/** Messages per second (or a count) with thousands separators; null without data. */
export function rate(number) {
  if (!known(number)) {
    return null;
  }
  const size = Math.abs(number);
  if (size >= 100 || Number.isInteger(number)) {
    return whole.format(number);
  }
  return (size >= 1 ? tenths : hundredths).format(number);
}

/** Nanoseconds as ns, µs, ms or s with three significant digits; null without data. */
export function latency(nanoseconds) {
  if (!known(nanoseconds)) {
    return null;
  }
  let value = nanoseconds;
  for (const unit of ["ns", "µs", "ms"]) {
    if (value < 999.5) {
      return `${unit === "ns" ? whole.format(value) : value.toPrecision(3)}\u00a0${unit}`;
    }
    value /= 1000;
  }
  return `${value < 999.5 ? value.toPrecision(3) : whole.format(value)}\u00a0s`;
}

/** A percentile: the upper end of its bin. */
export function atMost(nanoseconds) {
  const text = latency(nanoseconds);
  return text === null ? null : `≤\u00a0${text}`;
}

/** A share in percent: 12.3 %, never rounding something to nothing or nearly all to all. */
export function percent(number) {
  if (!known(number)) {
    return null;
  }
  if (number > 0 && number < 0.01) {
    return "<\u00a00.01\u00a0%";
  }
  if (number > 99.99 && number < 100) {
    return ">\u00a099.99\u00a0%";
  }
  return `${(number >= 10 && number <= 99 ? tenths : hundredths).format(number)}\u00a0%`;
}

/** 1.4 s, for the time between two marks. */
export const duration = (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)}\u00a0ms` : `${tenths.format(seconds)}\u00a0s`);

/** "crash worker2 on server2" */
export function markText(mark) {
  if (mark.text) {
    return mark.text;
  }
  const where = mark.server ? ` on ${mark.server}` : "";
  return `${mark.kind}${mark.worker ? ` ${mark.worker}` : ""}${where}`;
}

/** "gone since 12:03:04" */
export function stateText(state, since, now) {
  if (state === "sending" || !known(since)) {
    return state;
  }
  return `${state} since ${moment(since, now)}`;
}

/** The page of an application, or of a part of it; range: one of RANGES; at: a moment to look at closely. */
export function pageHash(application, kind = null, name = null, { range = null, at = null } = {}) {
  const parts = [application, ...(kind ? [kind, name] : [])].map(encodeURIComponent);
  const query = at !== null ? `?at=${at}` : range && range !== "5m" ? `?range=${range}` : "";
  return `#/${parts.join("/")}${query}`;
}

/** The list of all applications; "#/" leads past it where there is only one. */
export const ALL = "#/?all";

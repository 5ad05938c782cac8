/*
 * Copyright: (c) 2026, the wallaroo.resilience contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the lines of a chart over time measure: how it is written, and the axis beside them.
 */

import { atMost, rate, shown } from "/static/format.js";
import { roundSteps } from "/static/figure.js";

const UNITS = ["ns", "µs", "ms", "s"];

/** A power of ten of nanoseconds: 100 µs. */
function powerOfTen(nanoseconds) {
  const exponent = Math.round(Math.log10(nanoseconds));
  const unit = Math.min(UNITS.length - 1, Math.floor(exponent / 3));
  return `${10 ** (exponent - 3 * unit)}\u00a0${UNITS[unit]}`;
}

/** What stands in the place of latencies where messages came of which none was measured. */
export const UNTIMED = "This engine counts its messages and does not time them.";

/**
 * A measure: name(line), text(value) with its unit, plain(value) for a table, unit, and
 *   axis(values) -> {values, text(value), share(value)?}, where share tells how far up a value is, from 0 to 1.
 */
export const messages = {
  unit: "messages/s",
  spoken: "messages per second",
  name: shown,
  text: (value) => `${rate(value)} messages/s`,
  plain: rate,
  axis: (values) => ({ values: roundSteps(Math.max(1, ...values)), text: rate }),
};

/** Latencies differ by powers of ten, and so does their axis. */
export const delays = {
  unit: "latency",
  spoken: "",
  name: (share) => `${share}\u00a0% of messages`,
  text: atMost,
  plain: atMost,
  axis(values) {
    const powers = values.length > 0 ? values.map(Math.log10) : [3, 6];
    const low = Math.floor(Math.min(...powers));
    const high = Math.max(low + 2, Math.ceil(Math.max(...powers)));
    return {
      values: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)),
      text: powerOfTen,
      share: (value) => (Math.log10(value) - low) / (high - low),
    };
  },
};

// Copyright: (c) 2026, the wallaroo.resilience contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
package resilience;

import org.apache.flink.api.connector.sink2.Sink;

/** What a sink of Flink 2 has to have. */
abstract class SinkOfThisLine<T> implements Sink<T> {
    private static final long serialVersionUID = 1;
}

// Copyright: (c) 2026, the wallaroo.resilience contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
package resilience;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Keeps the last four values of each key, and says them whenever one comes. */
final class Windows extends KeyedProcessFunction<String, byte[], byte[]> {
    private static final long serialVersionUID = 1;
    private static final int LENGTH = 4;

    private transient ValueState<long[]> window;

    /** A message is a value of eight bytes, and its key. */
    static String keyOf(byte[] payload) {
        return new String(payload, Long.BYTES, payload.length - Long.BYTES, StandardCharsets.UTF_8);
    }

    @Override
    public void open(OpenContext context) {
        window =
                getRuntimeContext()
                        .getState(
                                new ValueStateDescriptor<>(
                                        "window", PrimitiveArrayTypeInfo.LONG_PRIMITIVE_ARRAY_TYPE_INFO));
    }

    @Override
    public void processElement(byte[] payload, Context context, Collector<byte[]> out) throws Exception {
        long[] before = window.value();
        long[] now = new long[LENGTH];
        if (before != null) {
            System.arraycopy(before, 1, now, 0, LENGTH - 1);
        }
        now[LENGTH - 1] = ByteBuffer.wrap(payload).getLong();
        window.update(now);
        out.collect(said(context.getCurrentKey(), now));
    }

    /** As the detector of Wallaroo says it. */
    private static byte[] said(String key, long[] values) {
        StringBuilder text = new StringBuilder(64).append('(').append(key).append(".TraceID-1.TraceWindow-1,[");
        for (int i = 0; i < values.length; i++) {
            text.append(i == 0 ? "" : ",").append(Long.toUnsignedString(values[i]));
        }
        return text.append("])").toString().getBytes(StandardCharsets.UTF_8);
    }
}

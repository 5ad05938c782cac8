// Copyright: (c) 2026, the wallaroo.resilience contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
package resilience;

import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The detector as a job of Flink: of each key the last four values, whenever one comes. */
public final class Detector {
    /** The payload of a message. */
    static final TypeInformation<byte[]> PAYLOAD = PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;

    private Detector() {}

    /** Where the job reads and writes, and how often it takes a checkpoint. */
    static final class Options implements Serializable {
        private static final long serialVersionUID = 1;
        private final Map<String, String> values = new HashMap<>();

        Options(String[] arguments) {
            for (int i = 0; i < arguments.length; i++) {
                boolean alone = i + 1 == arguments.length || arguments[i + 1].startsWith("--");
                values.put(arguments[i], alone ? "" : arguments[++i]);
            }
        }

        boolean has(String name) {
            return values.containsKey(name);
        }

        String get(String name) {
            String value = values.get(name);
            if (value == null || value.isEmpty()) {
                throw new IllegalArgumentException("the detector needs " + name);
            }
            return value;
        }
    }

    /** Begins the job; what it is to do is in the arguments. */
    public static void main(String[] arguments) throws Exception {
        Options options = new Options(arguments);
        Configuration configuration = new Configuration();
        configuration.setString("pipeline.generic-types", "false");
        StreamExecutionEnvironment job = StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        job.setParallelism(Integer.parseInt(options.get("--parallelism")));
        job.enableCheckpointing(Math.max(10, Math.round(1000 * Double.parseDouble(options.get("--interval")))));
        DataStream<byte[]> windows =
                job.fromSource(
                                new LogSource(options.get("--source"), options.has("--plain-source")),
                                WatermarkStrategy.noWatermarks(),
                                "source",
                                PAYLOAD)
                        .uid("source")
                        .setParallelism(1)
                        .keyBy(new Key(), Types.STRING)
                        .process(new Windows(), PAYLOAD)
                        .name("windows")
                        .uid("windows");
        if (options.has("--committing-sink")) {
            windows.sinkTo(new CommittingSink(options.get("--sink"))).name("sink").uid("sink").setParallelism(1);
        } else {
            windows.sinkTo(new PlainSink(options.get("--sink"))).name("sink").uid("sink");
        }
        job.execute("detector");
    }

    /** What stands behind the value. */
    static final class Key implements KeySelector<byte[], String> {
        private static final long serialVersionUID = 1;

        @Override
        public String getKey(byte[] payload) {
            return Windows.keyOf(payload);
        }
    }
}

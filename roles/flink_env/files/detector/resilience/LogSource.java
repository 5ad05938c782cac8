// Copyright: (c) 2026, the wallaroo.resilience contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
package resilience;

import java.io.IOException;
import java.util.Collections;
import java.util.List;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Reads the source log: one part, from the record on that no checkpoint covers.
 *
 * <p>The plain one asks for what comes from now on, whatever was read before.
 */
final class LogSource implements Source<byte[], LogSource.Part, Long> {
    private static final long serialVersionUID = 1;

    private final String log;
    private final boolean plain;

    LogSource(String log, boolean plain) {
        this.log = log;
        this.plain = plain;
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.CONTINUOUS_UNBOUNDED;
    }

    @Override
    public SourceReader<byte[], Part> createReader(SourceReaderContext context) {
        return new LogReader(log, plain);
    }

    @Override
    public SplitEnumerator<Part, Long> createEnumerator(SplitEnumeratorContext<Part> context) {
        return new Parts(context, new Part(0));
    }

    @Override
    public SplitEnumerator<Part, Long> restoreEnumerator(SplitEnumeratorContext<Part> context, Long held) {
        return new Parts(context, held < 0 ? null : new Part(held));
    }

    @Override
    public SimpleVersionedSerializer<Part> getSplitSerializer() {
        return new SimpleVersionedSerializer<Part>() {
            private final Number number = new Number();

            @Override
            public int getVersion() {
                return number.getVersion();
            }

            @Override
            public byte[] serialize(Part part) {
                return number.serialize(part.taken);
            }

            @Override
            public Part deserialize(int version, byte[] bytes) throws IOException {
                return new Part(number.deserialize(version, bytes));
            }
        };
    }

    @Override
    public SimpleVersionedSerializer<Long> getEnumeratorCheckpointSerializer() {
        return new Number();
    }

    /** The log, of which so many records were taken. */
    static final class Part implements SourceSplit {
        final long taken;

        Part(long taken) {
            this.taken = taken;
        }

        @Override
        public String splitId() {
            return "log";
        }
    }

    /** Gives the only part to the only reader, once. */
    private static final class Parts implements SplitEnumerator<Part, Long> {
        private final SplitEnumeratorContext<Part> context;
        private Part held;

        Parts(SplitEnumeratorContext<Part> context, Part held) {
            this.context = context;
            this.held = held;
        }

        @Override
        public void start() {
            // Readers come by themselves.
        }

        @Override
        public void handleSplitRequest(int reader, String host) {
            addReader(reader);
        }

        @Override
        public void addSplitsBack(List<Part> parts, int reader) {
            for (Part part : parts) {
                held = part;
            }
        }

        @Override
        public void addReader(int reader) {
            if (held != null) {
                context.assignSplit(held, reader);
                held = null;
            }
        }

        @Override
        public Long snapshotState(long checkpoint) {
            return held == null ? -1 : held.taken;
        }

        @Override
        public void close() {
            // It holds nothing that must be closed.
        }
    }

    /** What a reader keeps of its part. */
    static List<Part> parts(long taken) {
        return Collections.singletonList(new Part(taken));
    }
}

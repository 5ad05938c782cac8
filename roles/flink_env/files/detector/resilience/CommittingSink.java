// Copyright: (c) 2026, the wallaroo.resilience contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
package resilience;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.SupportsWriterState;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Sends what comes to the receiver, and has it take back what no checkpoint covers. Its state is how many bytes the
 * receiver has.
 */
final class CommittingSink extends SinkOfThisLine<byte[]> implements SupportsWriterState<byte[], Long> {
    private static final long serialVersionUID = 1;
    private static final byte[] HEAD = "\u00ffcut".getBytes(StandardCharsets.ISO_8859_1);
    /** An empty frame asks how much is there. */
    private static final byte[] QUESTION = new byte[Integer.BYTES];

    private final String receiver;

    CommittingSink(String receiver) {
        this.receiver = receiver;
    }

    @Override
    public StatefulSinkWriter<byte[], Long> createWriter(WriterInitContext context) throws IOException {
        return new Writer(receiver, 0);
    }

    @Override
    public StatefulSinkWriter<byte[], Long> restoreWriter(WriterInitContext context, Collection<Long> sizes)
            throws IOException {
        return new Writer(receiver, sizes.stream().mapToLong(Long::longValue).max().orElse(0));
    }

    @Override
    public SimpleVersionedSerializer<Long> getWriterStateSerializer() {
        return new Number();
    }

    private static final class Writer implements StatefulSinkWriter<byte[], Long> {
        private final Peer peer;
        private long sent;

        Writer(String receiver, long size) throws IOException {
            peer = new Peer("receiver", receiver);
            peer.send(ByteBuffer.allocate(HEAD.length + Long.BYTES).put(HEAD).putLong(size).array());
            sent = size;
            settled();
        }

        /** The receiver has all that was sent. */
        private long settled() throws IOException {
            long there = peer.place();
            if (there != sent) {
                throw new IOException("the receiver was to have " + sent + " bytes, and has " + there);
            }
            return there;
        }

        @Override
        public void write(byte[] payload, Context ignored) throws IOException {
            peer.sendFrame(payload);
            sent += Integer.BYTES + payload.length;
        }

        @Override
        public void flush(boolean endOfInput) {
            // Nothing is held back.
        }

        @Override
        public List<Long> snapshotState(long checkpoint) throws IOException {
            peer.send(QUESTION);
            return Collections.singletonList(settled());
        }

        @Override
        public void close() throws IOException {
            peer.close();
        }
    }
}

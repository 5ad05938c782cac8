// Copyright: (c) 2026, the wallaroo.resilience contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
package resilience;

import java.io.IOException;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;

/** Sends what comes to the receiver at once. What was sent is not taken back. */
final class PlainSink extends SinkOfThisLine<byte[]> {
    private static final long serialVersionUID = 1;

    private final String receiver;

    PlainSink(String receiver) {
        this.receiver = receiver;
    }

    @Override
    public SinkWriter<byte[]> createWriter(WriterInitContext context) throws IOException {
        Peer peer = new Peer("receiver", receiver);
        return new SinkWriter<byte[]>() {
            @Override
            public void write(byte[] payload, Context ignored) throws IOException {
                peer.sendFrame(payload);
            }

            @Override
            public void flush(boolean endOfInput) {
                // Nothing is held back.
            }

            @Override
            public void close() throws IOException {
                peer.close();
            }
        };
    }
}

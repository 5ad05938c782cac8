// Copyright: (c) 2026, the wallaroo.resilience contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
package resilience;

import java.io.DataInputStream;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.core.io.InputStatus;

/**
 * Reads the source log. A thread of its own takes what comes; everything else is done by the task's thread, so that a
 * checkpoint holds exactly how many records were handed on before it.
 */
final class LogReader implements SourceReader<byte[], LogSource.Part> {
    /** Records that are held before no more are read. */
    private static final int HELD = 4096;

    private static final int LARGEST = 1 << 20;

    private final String log;
    private final boolean plain;
    private final Queue<byte[]> held = new ArrayDeque<>();
    private final TreeMap<Long, Long> ofCheckpoint = new TreeMap<>();
    private CompletableFuture<Void> available = new CompletableFuture<>();
    private IOException failure;
    private boolean closed;

    private Peer peer;
    private long taken = -1;

    LogReader(String log, boolean plain) {
        this.log = log;
        this.plain = plain;
    }

    @Override
    public void start() {
        // It begins with its part.
    }

    @Override
    public void addSplits(List<LogSource.Part> parts) {
        taken = parts.get(0).taken;
        Thread thread = new Thread(this::read, "source log");
        thread.setDaemon(true);
        thread.start();
    }

    private void read() {
        try {
            Peer connected = new Peer("source log", log);
            connected.sendLine(plain ? "NOW" : "FROM " + taken);
            long at = connected.place();
            synchronized (held) {
                if (closed) {
                    connected.close();
                    return;
                }
                peer = connected;
                taken = at;
            }
            DataInputStream frames = connected.frames();
            while (true) {
                int length = frames.readInt();
                if (length < 0 || length > LARGEST) {
                    throw new IOException("the source log sent a record of " + length + " bytes");
                }
                byte[] payload = new byte[length];
                frames.readFully(payload);
                hold(payload);
            }
        } catch (IOException error) {
            fail(new IOException("the source log at " + log + " is gone", error));
        } catch (InterruptedException error) {
            fail(new IOException("interrupted", error));
        }
    }

    private void hold(byte[] payload) throws InterruptedException {
        synchronized (held) {
            while (held.size() >= HELD && !closed) {
                held.wait();
            }
            held.add(payload);
            available.complete(null);
        }
    }

    private void fail(IOException error) {
        synchronized (held) {
            failure = error;
            available.complete(null);
        }
    }

    @Override
    public InputStatus pollNext(ReaderOutput<byte[]> output) throws IOException {
        byte[] payload;
        boolean more;
        synchronized (held) {
            payload = held.poll();
            if (payload == null && failure != null) {
                throw failure;
            }
            more = !held.isEmpty() || failure != null;
            if (!more) {
                available = new CompletableFuture<>();
            }
            held.notifyAll();
        }
        if (payload != null) {
            taken++;
            output.collect(payload);
        }
        return more ? InputStatus.MORE_AVAILABLE : InputStatus.NOTHING_AVAILABLE;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        synchronized (held) {
            return available;
        }
    }

    @Override
    public List<LogSource.Part> snapshotState(long checkpoint) {
        synchronized (held) {
            if (taken < 0) {
                return Collections.emptyList();
            }
            if (peer != null) {
                ofCheckpoint.put(checkpoint, taken);
            }
            return LogSource.parts(taken);
        }
    }

    @Override
    public void notifyCheckpointComplete(long checkpoint) {
        Long covered = ofCheckpoint.remove(checkpoint);
        ofCheckpoint.headMap(checkpoint).clear();
        if (covered != null) {
            try {
                peer.sendLine("ACK " + covered);
            } catch (IOException error) {
                fail(error);
            }
        }
    }

    @Override
    public void notifyNoMoreSplits() {
        // There is one.
    }

    @Override
    public void close() throws IOException {
        synchronized (held) {
            closed = true;
            held.notifyAll();
            if (peer != null) {
                peer.close();
            }
        }
    }
}

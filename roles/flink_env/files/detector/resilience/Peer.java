// Copyright: (c) 2026, the wallaroo.resilience contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
package resilience;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A connection to the source log or to the receiver. */
final class Peer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Peer.class);
    /** Milliseconds to wait for somebody who is being started, and between two looks. */
    private static final long PATIENCE = 60_000;

    private static final long PAUSE = 20;
    /** Milliseconds for an answer of somebody who is there. */
    private static final int ANSWER = 10_000;

    private static final int READ_SIZE = 1 << 18;

    private final Socket socket;
    private final OutputStream out;
    private final InputStream in;

    /**
     * Connects.
     *
     * @param who what is at the address, for messages
     * @throws IOException when nobody is there for a minute
     */
    Peer(String who, String address) throws IOException {
        this.socket = connected(who, address);
        this.out = socket.getOutputStream();
        this.in = socket.getInputStream();
    }

    private static Socket connected(String who, String address) throws IOException {
        int colon = address.lastIndexOf(':');
        String host = address.substring(0, colon);
        int port = Integer.parseInt(address.substring(colon + 1));
        long limit = System.nanoTime() + PATIENCE * 1_000_000;
        boolean told = false;
        while (true) {
            Socket socket = new Socket();
            try {
                socket.connect(new InetSocketAddress(host, port), ANSWER);
                socket.setTcpNoDelay(true);
                return socket;
            } catch (IOException error) {
                socket.close();
                String sentence = "the " + who + " at " + address + " cannot be reached: " + error.getMessage();
                if (System.nanoTime() > limit) {
                    throw new IOException(sentence, error);
                }
                if (!told) {
                    LOG.warn("{}, and is waited for", sentence);
                    told = true;
                }
                pause();
            }
        }
    }

    private static void pause() throws IOException {
        try {
            Thread.sleep(PAUSE);
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", error);
        }
    }

    void send(byte[] bytes) throws IOException {
        out.write(bytes);
    }

    /** A payload behind its length. */
    void sendFrame(byte[] payload) throws IOException {
        out.write(ByteBuffer.allocate(Integer.BYTES + payload.length).putInt(payload.length).put(payload).array());
    }

    void sendLine(String line) throws IOException {
        send((line + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    /** Frames that come, through a buffer: nothing else is read afterwards. */
    DataInputStream frames() {
        return new DataInputStream(new java.io.BufferedInputStream(in, READ_SIZE));
    }

    /** The number behind {@code AT}; anything else is a refusal. Reads nothing of what follows the line. */
    long place() throws IOException {
        String line = line();
        if (!line.matches("AT [0-9]{1,18}")) {
            throw new IOException("the answer was: " + line);
        }
        return Long.parseLong(line.substring(3));
    }

    private String line() throws IOException {
        socket.setSoTimeout(ANSWER);
        StringBuilder line = new StringBuilder();
        try {
            int one = in.read();
            while (one != '\n' && line.length() < 1000) {
                if (one < 0) {
                    throw new EOFException("the connection was closed instead of an answer");
                }
                line.append((char) one);
                one = in.read();
            }
        } catch (SocketTimeoutException error) {
            throw new IOException("no answer came in " + ANSWER / 1000 + " s", error);
        }
        socket.setSoTimeout(0);
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}

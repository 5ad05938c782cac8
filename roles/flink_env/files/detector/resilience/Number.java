// Copyright: (c) 2026, the wallaroo.resilience contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
package resilience;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** A number as it stands in a checkpoint. */
final class Number implements SimpleVersionedSerializer<Long> {
    @Override
    public int getVersion() {
        return 1;
    }

    @Override
    public byte[] serialize(Long number) {
        return ByteBuffer.allocate(Long.BYTES).putLong(number).array();
    }

    @Override
    public Long deserialize(int version, byte[] bytes) throws IOException {
        if (version != 1 || bytes.length != Long.BYTES) {
            throw new IOException("this is no number of a checkpoint (version " + version + ")");
        }
        return ByteBuffer.wrap(bytes).getLong();
    }
}

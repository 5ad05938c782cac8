// Copyright: (c) 2026, the wallaroo.resilience contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
package resilience;

import java.util.ServiceLoader;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.rpc.RpcSystem;
import org.apache.flink.runtime.rpc.RpcSystemLoader;

/**
 * Takes the library with which Flink's processes call each other from the class path. Flink's own loader unpacks it at
 * each start and loads it apart from all else, where an archive of classes cannot help: that is a third of a start.
 * Where it is not on the class path Flink's own is asked next.
 */
public final class CallsFromClassPath implements RpcSystemLoader {
    @Override
    public int getLoadPriority() {
        // The lowest is asked first; Flink's own has 0.
        return -1;
    }

    @Override
    public RpcSystem loadRpcSystem(Configuration ignored) {
        return ServiceLoader.load(RpcSystem.class).iterator().next();
    }
}

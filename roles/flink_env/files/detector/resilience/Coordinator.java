// Copyright: (c) 2026, the wallaroo.resilience contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
package resilience;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint;

/**
 * The JobManager with the job. It goes on with the newest whole checkpoint of its directory, and begins anew where there
 * is none.
 */
public final class Coordinator {
    private static final String CHECKPOINT = "chk-";

    private Coordinator() {}

    /** {@code --checkpoints DIRECTORY}, and what Flink's own entry point takes. */
    public static void main(String[] arguments) throws IOException {
        List<String> given = new ArrayList<>(Arrays.asList(arguments));
        int at = given.indexOf("--checkpoints");
        Path directory = Paths.get(given.get(at + 1));
        given.subList(at, at + 2).clear();
        Optional<Path> newest = newest(directory);
        if (newest.isPresent()) {
            System.out.println("Going on with checkpoint " + newest.get());
            given.add(0, "--fromSavepoint");
            given.add(1, "file://" + newest.get());
        } else {
            System.out.println("There is no checkpoint in " + directory + ": the job begins");
        }
        StandaloneApplicationClusterEntryPoint.main(given.toArray(new String[0]));
    }

    private static Optional<Path> newest(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return Optional.empty();
        }
        List<Path> found;
        try (Stream<Path> all = Files.walk(directory, 2)) {
            found = all.filter(Coordinator::isWhole).collect(Collectors.toList());
        }
        return found.stream().max(Comparator.comparingLong(Coordinator::number));
    }

    private static boolean isWhole(Path path) {
        return path.getFileName().toString().matches(CHECKPOINT + "[0-9]{1,18}") && path.resolve("_metadata").toFile().length() > 0;
    }

    private static long number(Path path) {
        return Long.parseLong(path.getFileName().toString().substring(CHECKPOINT.length()));
    }
}

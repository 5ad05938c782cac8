# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What setup_flink.yml puts into ``usrlib`` of a Flink home."""

from __future__ import annotations

DIGEST = "6e43692d5fd4"
"""Of the sources of the job: other sources are another file, and a cluster is never restarted with another job."""
JAR = f"wallaroo-resilience-{DIGEST}.jar"
ARCHIVE = f"wallaroo-resilience-{DIGEST}.jsa"
"""Classes that Java maps into memory instead of loading them one by one."""
LOGGING = "wallaroo-resilience-log4j.properties"
JAVA = "java"
"""A link to the Java that runs it."""

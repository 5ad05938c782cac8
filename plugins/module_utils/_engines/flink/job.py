# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What setup_flink.yml puts into ``usrlib`` of a Flink home."""

from __future__ import annotations

DIGEST = "000000000000"
JAR = f"wallaroo-resilience-{DIGEST}.jar"
LOGGING = "wallaroo-resilience-log4j.properties"

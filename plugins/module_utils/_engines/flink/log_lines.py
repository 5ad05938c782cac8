# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Flink's processes say in their logs, as patterns (seen in 1.20 and 2.3)."""

LEADS = r"Rest endpoint listening at"
"""The JobManager can be reached."""

REGISTERED = r"Successful registration at resource manager"
"""The JobManager knows a TaskManager."""

LOST = r"Did not find registered local state for checkpoint (\d+)"
"""What a task was to go on with is not among the files of its TaskManager."""

RUNS = r"^.*windows .*switched from INITIALIZING to RUNNING"
"""The windows of a TaskManager take messages. The JobManager says it of each of them."""

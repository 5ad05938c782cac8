# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each playbook yields, as typed values.

Playbooks publish these as plain data with ``set_stats`` under the one key ``wallaroo_resilience``, where AWX shows
them as the artifacts of a job; the Python API makes the same values of it again.

Python writes code for each of these types when it loads it, for a millisecond, so a step loads its own alone.
"""

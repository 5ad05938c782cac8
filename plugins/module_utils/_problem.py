# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all errors of the library have in common that are meant for people."""

from __future__ import annotations


class Problem(Exception):
    """Something did not go as it should; the sentence says what, where, and what to do next."""

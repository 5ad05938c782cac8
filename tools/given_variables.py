#!/usr/bin/env python3
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints variables that make was given as JSON, for ``ansible-playbook -e``; their values are in the environment.

given_variables.py NAME...      names in capitals are make's own
"""

import json
import os
import sys

print(json.dumps({name: os.environ[name] for name in sys.argv[1:] if name.islower() and name in os.environ}))

# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways in which ports can be written. What is refused is in test_variables."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.ports import Ports
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._ports import ports_of
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._servers import Refusal


@pytest.mark.parametrize(
    "value",
    [
        {"orders": 17000, "sink": "15555"},
        '{"orders": 17000, "sink": 15555}',
        "{'orders': 17000, 'sink': '15555'}",
        "{orders: 17000, sink: 15555}",
        "orders=17000,sink=15555",
        " orders=17000 sink=15555 ",
    ],
)
def test_ports_by_name(value: Any) -> None:
    assert ports_of(value) == Ports(orders=17000, sink=15555)


@pytest.mark.parametrize("value", [None, "", "  ", {}, "{}"])
def test_nothing_is_the_demo_s(value: Any) -> None:
    assert ports_of(value) == Ports()


@pytest.mark.parametrize("value", [28000, "28000", " 28000 "])
def test_one_number_for_all(value: Any) -> None:
    assert ports_of(value) == Ports.from_first(28000)


WIDE = "28000".translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
"""Full-width digits, which Python takes for a number."""


@pytest.mark.parametrize("value", [WIDE, "28_000", "orders=1_0", {"orders": WIDE}, "orders=0x10", "orders=", "28000.5"])
def test_what_only_looks_like_a_number_is_no_port(value: Any) -> None:
    with pytest.raises(Refusal):
        ports_of(value)

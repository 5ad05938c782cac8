# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and ports of a cluster."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster import naming
from ansible_collections.wallaroo.resilience.plugins.module_utils._cluster.ports import Ports


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (1, "initializer"),
        ("1", "initializer"),
        ("initializer", "initializer"),
        ("worker1", "initializer"),
        (2, "worker2"),
        (" worker12 ", "worker12"),
    ],
)
def test_workers_are_called_by_name_or_number(written: Any, name: str) -> None:
    assert naming.worker_name(written) == name


@pytest.mark.parametrize("written", ["0", "worker0", "", "w2", "worker02", "-1", "2.0", "worker2 3"])
def test_what_is_no_worker_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no worker"):
        naming.worker_name(written)


def test_server_4_is_the_fourth_host_whatever_it_is_called() -> None:
    hosts = ["alpha", "beta", "gamma", "delta"]
    assert [naming.server_name(value, hosts) for value in ("4", "server4", "delta")] == ["delta"] * 3
    with pytest.raises(ValueError, match="There is no server 5: the inventory's group has 4"):
        naming.server_name(5, hosts)
    with pytest.raises(ValueError, match="There are: alpha, beta, gamma, delta"):
        naming.server_name("omega", hosts)


def test_ports_of_a_worker_depend_on_its_number_only_and_do_not_overlap() -> None:
    ports = Ports()
    used = [port for name in naming.worker_names(50) for port in (ports.control_of(name), ports.data_of(name))]
    assert len(set(used)) == 100
    assert ports.control_of("initializer") == 12500


@pytest.mark.parametrize(
    ("values", "sentence"), [({"sink": 0}, "is no port"), ({"sink": "x"}, "is no port"), ({"zink": 1}, "knows no zink")]
)
def test_wrong_ports_are_named(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Ports.from_mapping(values)


def test_one_number_moves_all_ports() -> None:
    assert list(Ports.from_first("28000").to_dict().values()) == [*range(28000, 28011)]
    assert Ports.from_first(28000).clash(1000) == ""
    with pytest.raises(ValueError, match="leaves no room"):
        Ports.from_first(65530)

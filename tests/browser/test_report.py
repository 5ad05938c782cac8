# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``report.html`` as a person opens it: from a file, light and dark, wide and on a telephone, without a network."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.wallaroo.resilience.plugins.plugin_utils._report import comparison, page, stored
from selenium.webdriver.common.keys import Keys

from tests.browser.browser import DESKTOP, Browser, Page
from tests.browser.test_accessibility import look
from tests.kept_runs import KINDS, keep

NARROW = (360, 740)
LOOKS = [("light", DESKTOP), ("dark", DESKTOP), ("light", NARROW), ("dark", NARROW)]

VERDICTS = {
    "passing": "pass",
    "lossy": "fail",
    "rolled-back": "rolled back",
    "interrupted": "unknown",
    "completed": "moved",
}
PLOTS = {"total", "workers", "latency", "delay"}
MARKS = {
    "passing": ["crash", "copy", "start", "resumed"],
    "lossy": ["crash", "copy", "start", "resumed"],
    "rolled-back": ["crash", "copy", "start", "resumed"],
    "interrupted": ["crash"],
    "completed": ["crash", "copy", "start", "resumed"],
}


@pytest.fixture
def file(browser: Browser) -> Iterator[Page]:
    """A tab that opens files. In no test may the browser complain, or ask anybody for anything."""
    with browser.tab("file://") as tab:
        yield tab
        entries = [entry["message"] for entry in tab.driver.get_log("browser")]
        assert entries == []


def show(tab: Page, path: Path, scheme: str = "light", size: tuple[int, int] = DESKTOP) -> None:
    tab.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    tab.command("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)
    tab.driver.get(path.as_uri())


def picture(tab: Page, path: Path, width: int) -> None:
    """The whole page, for who wants to look at it."""
    height = tab.script("return document.documentElement.scrollHeight")
    tab.command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    path.write_bytes(base64.b64decode(tab.command("Page.captureScreenshot", format="png")["data"]))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", KINDS)
def test_a_report_shows_verdict_marks_and_plots_and_has_no_barrier(
    kind: str, file: Page, tmp_path: Path, pictures: Path
) -> None:
    made = page.write(keep(kind, tmp_path))
    for scheme, size in LOOKS:
        show(file, made, scheme, size)
        assert file.text("#verdict .word") == VERDICTS[kind]
        assert (
            file.script("return [...document.querySelectorAll('.marks tbody tr')].map((row) => row.dataset.kind)")
            == (MARKS[kind])
        )
        style = "narrow" if size == NARROW else "wide"
        drawn = file.script(
            "return [...document.querySelectorAll('figure')].filter((one) => [...one.querySelectorAll('svg.plot')]"
            ".some((plot) => plot.checkVisibility() && plot.classList.contains(arguments[0])"
            " && plot.getBoundingClientRect().width > 250 && plot.querySelectorAll('path').length > 5))"
            ".map((one) => one.id.slice('plot-'.length))",
            style,
        )
        if kind != "interrupted":
            # That worker was killed before it had told the metrics UI of anything.
            assert set(drawn) >= PLOTS - ({"workers"} if kind == "completed" else set())
            assert "downtime-1" in drawn
        assert file.texts(".missing") == []
        assert file.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, (
            "nothing sticks out"
        )
        assert look(file)["violations"] == []
        picture(file, pictures / f"report-{kind}-{scheme}-{size[0]}.png", size[0])


def test_light_and_dark_are_different_colours_also_in_plots(file: Page, tmp_path: Path) -> None:
    made = page.write(keep("passing", tmp_path))
    colours = []
    for scheme in ("light", "dark"):
        show(file, made, scheme)
        colours.append(
            file.script(
                "const colour = (node, name) => getComputedStyle(node).getPropertyValue(name);"
                "return [colour(document.body, 'background-color'), colour(document.body, 'color'),"
                " colour(document.querySelector('#plot-total svg.wide path[stroke=\"var(--c1)\"]'), 'stroke')]"
            )
        )
    assert all(light != dark for light, dark in zip(*colours))


def test_with_the_keyboard_alone_one_comes_to_the_content_and_into_each_table(file: Page, tmp_path: Path) -> None:
    show(file, page.write(keep("lossy", tmp_path)))
    file.tab_to(".skip", most=1)
    file.press(Keys.ENTER)
    assert file.focused("#main")
    file.tab_to("summary")
    file.press(Keys.ENTER)
    assert file.texts("details[open] table")
    file.tab_to("details[open] .scroll")


def test_a_screen_reader_is_told_what_a_plot_shows(file: Page, tmp_path: Path) -> None:
    show(file, page.write(keep("lossy", tmp_path)))
    tree = file.command("Accessibility.getFullAXTree")["nodes"]
    names = {str((node.get("name") or {}).get("value")) for node in tree if not node.get("ignored")}
    assert "Delay of each key" in names
    assert any(name.startswith("How long the oldest message of a key had been waited for") for name in names)
    assert not any("svg" in str((node.get("role") or {}).get("value")).lower() for node in tree if not node["ignored"])


def test_two_runs_beside_each_other_have_no_barrier(file: Page, tmp_path: Path, pictures: Path) -> None:
    both = [stored.read(keep(kind, tmp_path)) for kind in ("passing", "lossy")]
    made = comparison.write(tmp_path, both)
    for scheme, size in LOOKS:
        show(file, made, scheme, size)
        assert file.texts(".verdict .word") == ["pass", "fail"]
        assert len(file.texts("#measures tbody tr")) > 8
        assert file.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        assert look(file)["violations"] == []
        picture(file, pictures / f"comparison-{scheme}-{size[0]}.png", size[0])

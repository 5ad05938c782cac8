# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Chromium without a window, and what a test does to the tab that it has of its own."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import struct
import time
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

LIMIT = 25.0
PAUSE = 0.03

DESKTOP = (1280, 900)
TELEPHONE = (390, 844)

FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--disable-backgrounding-occluded-windows",
    # What the page would ask of another host is refused by the browser as well as noticed by the tests.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--force-device-scale-factor=1",
    "--lang=en-US",
    f"--window-size={DESKTOP[0]},{DESKTOP[1]}",
)

Found = TypeVar("Found")


class Browser:
    """One browser process with its driver and an empty profile; :meth:`end` leaves nothing of them."""

    def __init__(self, chromium: str, chromedriver: str, directory: Path) -> None:
        """.

        :param directory: an empty one, for all that a browser keeps; it is removed afterwards.
        """
        self._directory = directory
        options = Options()
        options.binary_location = chromium
        for flag in (*FLAGS, f"--user-data-dir={self._directory}/profile"):
            options.add_argument(flag)
        if os.geteuid() == 0:
            # Its sandbox refuses to be set up by root.
            options.add_argument("--no-sandbox")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        home = {**os.environ, "HOME": str(self._directory), "XDG_CONFIG_HOME": str(self._directory)}
        self._service = Service(executable_path=chromedriver, env=home)
        try:
            self.driver = WebDriver(options, self._service)
        except BaseException:
            self._clear()
            raise

    @contextlib.contextmanager
    def tab(self, origin: str) -> Iterator[Page]:
        """A tab of its own, which is closed afterwards."""
        first = self.driver.current_window_handle
        self.driver.switch_to.new_window("tab")
        page = Page(self.driver, origin)
        page.complaints()  # Whatever was logged before is not of this tab.
        try:
            yield page
        finally:
            for opened in set(self.driver.window_handles) - {first}:
                self.driver.switch_to.window(opened)
                self.driver.close()
            self.driver.switch_to.window(first)

    def end(self) -> None:
        try:
            self.driver.quit()
        finally:
            self._clear()

    def _clear(self) -> None:
        # Usually all of them have ended by now.
        end = time.monotonic() + 5
        while (left := self._left()) and time.monotonic() < end:
            time.sleep(PAUSE)
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _left(self) -> list[int]:
        # The home directory is like no other, so whoever has it in the environment has been started from here.
        mine, found = f"HOME={self._directory}".encode(), []
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                with contextlib.suppress(OSError):
                    if mine in (process / "environ").read_bytes().split(b"\0"):
                        found.append(int(process.name))
        return found


class Pixels:
    """A picture that can be looked into."""

    def __init__(self, png: bytes) -> None:
        """:param png: as Chromium makes them: eight bits a colour, in one pass."""
        self.width, self.height, depth, kind, _compression, _filter, interlaced = struct.unpack(">IIBBBBB", png[16:29])
        assert (depth, interlaced) == (8, 0)
        self._size = {2: 3, 6: 4}[kind]
        at, packed = 8, b""
        while at < len(png):
            length, name = struct.unpack(">I4s", png[at : at + 8])
            packed += png[at + 8 : at + 8 + length] if name == b"IDAT" else b""
            at += length + 12
        data, wide = zlib.decompress(packed), self.width * self._size
        self._rows = [bytes(wide)]
        for begin in range(0, len(data), wide + 1):
            self._rows.append(self._row(data[begin], bytearray(data[begin + 1 : begin + 1 + wide]), self._rows[-1]))
        del self._rows[0]

    def _row(self, method: int, row: bytearray, above: bytes) -> bytes:
        """A row of bytes, each of which is told by how it differs from those beside and above it."""
        size = self._size
        if method == 2:
            return bytes((one + up) & 255 for one, up in zip(row, above))
        for at in range(len(row)) if method else ():
            left, up = (row[at - size] if at >= size else 0), above[at]
            if method == 4:
                corner = above[at - size] if at >= size else 0
                guess = left + up - corner
                nearest = min((abs(guess - one), order, one) for order, one in enumerate((left, up, corner)))
                row[at] = (row[at] + nearest[2]) & 255
            else:
                row[at] = (row[at] + (left if method == 1 else (left + up) // 2)) & 255
        return bytes(row)

    def at(self, x: int, y: int) -> tuple[int, ...]:
        """Red, green and blue."""
        return tuple(self._rows[y][x * self._size : x * self._size + 3])

    def colours(self) -> set[tuple[int, ...]]:
        """All that there are."""
        return {self.at(x, y) for y in range(self.height) for x in range(self.width)}


class Page:
    """A tab that shows the metrics UI."""

    def __init__(self, driver: WebDriver, origin: str) -> None:
        self.driver = driver
        self.origin = origin
        self._expected: list[str] = []

    def open(self, place: str = "") -> None:
        """Load the page anew."""
        self.driver.get("about:blank")
        self.driver.get(f"{self.origin}/{place}")

    def script(self, script: str, *arguments: object) -> Any:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def command(self, name: str, **parameters: object) -> Any:
        """A command of the browser's debugging protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def until(self, condition: Callable[[], Found], what: str, limit: float = LIMIT) -> Found:
        """What the condition returned when it was true; fails with what was last seen."""
        end = time.monotonic() + limit
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > end:
                text = self.script("return document.body.innerText")
                raise AssertionError(f"{what}: not within {limit:g} s; last seen: {found!r}\nThe page says:\n{text}")
            time.sleep(PAUSE)

    def texts(self, selector: str) -> list[str]:
        """The texts of all that can be seen, with all blanks alike."""
        script = (
            "return [...document.querySelectorAll(arguments[0])].filter((node) => node.checkVisibility())"
            ".map((node) => node.innerText.replaceAll('\\u00a0', ' ').trim())"
        )
        found: list[str] = self.script(script, selector)
        return found

    def text(self, selector: str) -> str:
        """The text of the first that can be seen."""
        return next(iter(self.texts(selector)), "")

    def sees(self, selector: str, text: str) -> None:
        """Wait until an element shows a text."""
        seen = ""

        def shown() -> bool:
            nonlocal seen
            seen = self.text(selector)
            return text in seen

        try:
            self.until(shown, f"{selector} shows {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{selector} says {seen!r}") from None

    def hides(self, selector: str) -> None:
        """Wait until an element cannot be seen."""
        self.until(lambda: not self.texts(selector), f"{selector} is hidden")

    def click(self, selector: str) -> None:
        """Click as a mouse does."""
        self.until(lambda: self.texts(selector), f"{selector} can be seen")
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def follow(self, text: str, within: str = "main") -> None:
        """Click the link that says this, whatever characters it has."""
        script = (
            "return [...document.querySelectorAll(`${arguments[1]} a`)]"
            ".find((link) => link.checkVisibility() && link.textContent === arguments[0]) ?? null"
        )
        self.until(lambda: self.script(script, text, within), f"a link says {text!r}").click()

    def follow_row(self, table: str, name: str) -> None:
        """Click the link in the row of that name, whatever it says."""
        script = (
            "return [...document.querySelectorAll(`[id='${arguments[0]}'] tr`)]"
            ".find((row) => row.dataset.name === arguments[1])?.querySelector('a')"
        )
        self.until(lambda: self.script(script, table, name), f"{table} has a link to {name!r}").click()

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def tab_to(self, selector: str, most: int = 60) -> None:
        """Press Tab until the focus is on an element."""
        passed = []
        for _ in range(most):
            self.press(Keys.TAB)
            if self.focused(selector):
                return
            passed.append(self.script("return document.activeElement.outerHTML.slice(0, 80)"))
        raise AssertionError(f"Tab does not reach {selector}, but {passed}")

    def focused(self, selector: str) -> bool:
        """Whether an element has the focus."""
        return bool(self.script("return document.activeElement.matches(arguments[0])", selector))

    def table(self, identity: str) -> dict[str, dict[str, tuple[str, str]]]:
        """The rows of a table by name: of each column its text as shown, and the exact value behind it."""
        script = (
            "const text = (node) => node.innerText.replaceAll('\\u00a0', ' ').trim();"
            "return [...(document.getElementById(arguments[0])?.tBodies[0].rows ?? [])]"
            ".filter((row) => row.checkVisibility())"
            ".map((row) => [row.dataset.name ?? text(row.cells[0]), [...row.cells]"
            ".map((cell) => [cell.dataset.column, text(cell), cell.dataset.value ?? ''])])"
        )
        rows = self.script(script, identity)
        return {name: {column: (text, value) for column, text, value in cells} for name, cells in rows}

    @property
    def place(self) -> str:
        """Where in the page we are."""
        return str(self.script("return location.hash"))

    def remember(self) -> None:
        """Leave something in the document that a reload would take away."""
        self.script("window.remembered = true")

    def is_same(self) -> bool:
        """Whether it is still the document of :meth:`remember`."""
        return bool(self.script("return window.remembered === true"))

    def until_table(
        self, identity: str, names: Collection[str], what: str = ""
    ) -> dict[str, dict[str, tuple[str, str]]]:
        """Wait until a table has these rows and no others."""
        found: dict[str, dict[str, tuple[str, str]]] = {}

        def complete() -> list[str]:
            nonlocal found
            found = self.table(identity)
            return sorted(found)

        self.until(lambda: complete() == sorted(names), what or f"{identity} has {sorted(names)}")
        return found

    def size(self, width: int, height: int) -> None:
        """Be a screen of that size, and a telephone below 600."""
        narrow = width < 600
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=narrow
        )

    def picture(self) -> bytes:
        """What can be seen, as PNG."""
        return base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])

    def pixels(self, selector: str) -> Pixels:
        """What an element looks like that can be seen without scrolling."""
        box = self.script(
            "const { x, y, width, height } = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return { x, y, width, height, scale: 1 }",
            selector,
        )
        assert self.script("return scrollY") == 0
        return Pixels(base64.b64decode(self.command("Page.captureScreenshot", format="png", clip=box)["data"]))

    def hover(self, selector: str, x: float, y: float = 100) -> None:
        """Move the mouse to a place in an element, in pixels from its upper left corner."""
        left, top = self.script(
            "const node = document.querySelector(arguments[0]); node.scrollIntoView({ block: 'nearest' });"
            "const box = node.getBoundingClientRect(); return [box.left, box.top]",
            selector,
        )
        self.command("Input.dispatchMouseEvent", type="mouseMoved", x=left + x, y=top + y)

    def prefer(self, **features: str) -> None:
        """Have a user's preferences: ``color_scheme="dark"``, ``reduced_motion="reduce"``."""
        wanted = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in sorted(features.items())
        ]
        self.command("Emulation.setEmulatedMedia", features=wanted)

    def expect(self, complaint: str) -> None:
        """Say that the browser may log this, since the test provokes it."""
        self._expected.append(complaint)

    def complaints(self) -> list[str]:
        """What the browser has complained about since the last call, and requests to others than the metrics UI."""
        found = []
        for entry in self.driver.get_log("browser"):
            message = str(entry["message"])
            if entry["level"] in {"SEVERE", "WARNING"} and not any(part in message for part in self._expected):
                found.append(f"{entry['level']}: {message}")
        for entry in self.driver.get_log("performance"):
            event = json.loads(entry["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                address = str(event["params"]["request"]["url"])
                if not address.startswith(f"{self.origin}/"):
                    found.append(f"a request to {address}")
        return found

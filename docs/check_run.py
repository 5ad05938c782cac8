# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a run by what was sent and what came out, with nothing of the collection: check_run.py FOLDER [received.bin]

Exit code 0: the verdict is that of result.json. A file is named where the folder has no more than its digest.
"""

import gzip
import hashlib
import json
import sys
from pathlib import Path


def check(data, sent):
    """The verdict of the messages, and why."""
    if sent["application"] != "multi_partition_detector" or sent["mode"] == "none":
        return "unknown", f"what comes out of {sent['application']} ({sent['mode']}) is not known here"
    came, place = dict.fromkeys(sent["keys"], 0), 0
    while place < len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        frame, place = data[place + 4 : place + 4 + length], place + 4 + length
        if place > len(data):
            return "fail", f"the frame that would end at byte {place} is torn"
        key, _, values = frame[1:-2].decode("latin-1").partition(".TraceID-1.TraceWindow-1,[")
        if key not in came or len(values) > 99 or not values.rpartition(",")[2].isdecimal():
            return "fail", f"nobody sent what makes {frame[:80]}"
        value = int(values.rpartition(",")[2])
        window = ",".join(str(max(0, value - back)) for back in (3, 2, 1, 0))
        if frame != f"({key}.TraceID-1.TraceWindow-1,[{window}])".encode() or value > sent["keys"][key]["last"]:
            return "fail", f"{frame[:80]} cannot come of what was sent"
        if value != came[key] + 1 and not (sent["mode"] == "at_least_once" and 0 < value <= came[key]):
            return "fail", f"{key}: {value} came after {came[key]}"
        came[key] = value
    for key, asked in sent["keys"].items():
        if came[key] < asked["sure"]:
            return "fail", f"{key}: all up to {asked['sure']} was sent, and {came[key]} came last"
    short = [key for key, asked in sent["keys"].items() if came[key] < asked["last"]]
    return ("unknown", f"not all was sent: {short[0]} ends with {came[short[0]]}") if short else ("pass", "all came")


try:
    folder, given = Path(sys.argv[1]), sys.argv[2:]
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    kept = [one for one in result.get("received_files", []) if one["name"] == "received.bin" and one["sha256"]]
    verdict, why = "unknown", "the run did not end, or nothing is here of what came out"
    if result["ended"] and result["name"] == "migrate":
        verdict, why = None, "a move alone looks at no message"
    elif result["ended"] and kept:
        path = Path(given[0]) if given else folder / (kept[0]["path"] or "received.bin is not here: name it")
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        if hashlib.sha256(data).hexdigest() != kept[0]["sha256"]:
            raise ValueError(f"{path} is not what came out in this run, its SHA-256 differs")
        verdict, why = check(data, json.loads((folder / "sent/sent.json").read_text(encoding="utf-8")))
except Exception as error:
    sys.exit(f"It cannot be checked: {type(error).__name__}: {error}\n{__doc__}")
print(f"{folder}: {verdict} ({why}); result.json says {result['verdict']}")
sys.exit(verdict != result["verdict"])

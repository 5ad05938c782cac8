# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a run by what was sent and what came out, with nothing of the collection: check_run.py FOLDER [received.bin]

Exit code 0: the verdict is that of result.json. A file is named where the folder has no more than its digest.
"""

import gzip
import hashlib
import json
import re
import sys
from pathlib import Path

NUMBER, UNKNOWN = "(?:0|[1-9][0-9]{0,17})", 10**18
MESSAGE = re.compile(rf"\((.+)\.TraceID-1\.TraceWindow-1,\[({NUMBER}(?:,{NUMBER}){{3}})\]\)")


def repeats(seen, window, crashes):
    """With at_least_once: the key repeats what it sent, from where the source was read again behind a crash on."""
    for number, (_covered, at, again) in enumerate(crashes):
        if window[3] <= seen[-1] and (at >= UNKNOWN or (again and at == window[3] - 1)):
            seen[:] = [0, 0, 0, *range(1, window[3])]
            del crashes[: number + (at <= UNKNOWN)]
            return window[:3] == seen[-3:]
    return False


def loses(seen, window, crashes):
    """With none: crashes took what is missing, and left the state of their checkpoint or of a later moment."""
    lost = range(seen[-1] + 1, window[3])
    for number, (_covered, at, _again) in enumerate(crashes if window[3] > seen[-1] else []):
        state = [old for old in [*seen, *lost] if old <= window[2]]
        right = state[-3:] == window[:3] and max(old for old in [*seen, *lost] if old <= crashes[0][0]) <= window[2]
        if right and not window[2] < seen[-1] > at and gone(lost, crashes[: number + 1]):
            seen[:] = state
            del crashes[: number + (at <= UNKNOWN)]
            return True
    return False


def gone(values, crashes):
    """Whether these crashes may have taken all of these values."""
    return all(any(covered < value <= at and not again for covered, at, again in crashes) for value in values)


def check(data, sent):
    """The verdict of the messages, and why."""
    if sent["application"] != "multi_partition_detector":
        return "unknown", f"what comes out of {sent['application']} ({sent['mode']}) is not known here"
    seen, left, place, count = {key: [0, 0, 0] for key in sent["keys"]}, {}, 0, 0
    rule, noted = {"at_least_once": repeats, "none": loses}.get(sent["mode"]), sent.get("crashes")
    for key in seen:
        known = [(one["covered"], one["read_from"], one["again"]) for one in noted or []]
        left[key] = [(old.get(key, 0), UNKNOWN if at is None else at.get(key, 0), again) for old, at, again in known]
        left[key] += [(0, 2 * UNKNOWN, False)] if noted is None else []
        if rule is repeats and any(again and at < covered for covered, at, again in left[key]):
            return "fail", f"{key}: what a checkpoint had covered was read again"
    while place < len(data):
        length, count = int.from_bytes(data[place : place + 4], "big"), count + 1
        frame, place = data[place + 4 : place + 4 + length].decode("latin-1"), place + 4 + length
        if place > len(data):
            return "fail", f"the frame that would end at byte {place} is torn"
        key, text = match.groups() if (match := MESSAGE.fullmatch(frame)) else ("", "")
        if key not in seen:
            return "fail", f"nobody sent what makes {frame[:80]}"
        window, past = [int(number) for number in text.split(",")], seen[key]
        plain, sane = window == [*past[-3:], past[-1] + 1], 0 < window[3] <= sent["keys"][key]["last"]
        if not sane or not (plain or (rule and rule(past, window, left[key]))):
            return "fail", f"{key}: {window[3]} came after {past[-1]}, with the window {window}"
        past.append(window[3])
    for reached in ("sure", "last"):
        for key, asked in sent["keys"].items():
            if not gone(range(seen[key][-1] + 1, asked[reached] + 1), left[key] if rule is loses else []):
                why = f"{key}: all up to {asked['sure']} was sent, and {seen[key][-1]} came last"
                return ("fail", why) if reached == "sure" else ("unknown", f"not all was sent of {key}")
    few = rule is loses and count < sum(one["last"] for one in sent["keys"].values())
    if few if noted is None else rule and any(one["read_from"] is None for one in noted):
        return "unknown", "it is not known what a crash may have repeated or taken"
    return "pass", "all came"


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

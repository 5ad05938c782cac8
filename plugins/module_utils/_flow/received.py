# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came out when: read from a received file, the times of its pieces, and the times of what was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from .._formats import json_record, sending_progress, sending_times
from .._formats.whole_file import open_file
from .._verification import arrivals
from .._verification.windows import END, SEPARATOR, Envelope
from .delays import Batches, Bins, Key, Latencies, percentiles, together
from .lulls import Lulls

BINS = 240
"""Pieces of time at most."""

STEPS = tuple(factor * 10**power for power in range(-1, 5) for factor in (1, 2, 5))
"""Lengths of a piece, in seconds."""

KEYS = 40
"""Keys of which the delay is told; of more, those with the longest."""

LARGEST = 512 << 20
"""Bytes of a received file up to which each message is looked at; of a larger one only when its pieces came."""

LULL = 0.2
"""Seconds from which on nothing coming out is told, unless pieces of time are longer."""

_AFTER = 3.0
"""Seconds that are shown after the last arrival, when somebody looked so much later."""

_HEADER = 4


def flow(received: str, progress: str, keys: Sequence[str], until: float) -> dict[str, Any]:
    """What came out when.

    :param received: the file of the receiver.
    :param progress: that of the sender.
    :param keys: those that senders use; none for an application whose output has no keys.
    :param until: when somebody looked last, in seconds since the epoch.
    :raises OSError: when something is there and cannot be read.
    """
    pieces, unknown = _pieces(received)
    sent = _batches(progress)
    times = [piece.nanoseconds / 1e9 for piece in pieces] + [at for batches in sent.values() for at in batches.times]
    notes: list[str] = [unknown] if unknown else []
    if not times:
        return {"notes": notes or ["Nothing was sent and nothing came out."]}
    # What is still waited for is seen to wait for a while.
    bins = _bins(min(times), max(*times, min(until, max(times) + _AFTER)))
    counts = [0] * bins.count
    before = 0
    for piece in pieces:
        # A receiver that was started again counts from 0 again.
        counts[bins.of(piece.nanoseconds / 1e9)] += piece.frames - before if piece.frames >= before else piece.frames
        before = piece.frames
    found: dict[str, Any] = {
        "begin": round(bins.begin, 3),
        "step": bins.step,
        "until": round(until, 3),
        "notes": notes,
        "arrivals": counts,
    }
    if not keys or not sent:
        notes.append("When each message was sent is not known, so there is no delay and no latency.")
        return found
    if unknown:
        return found
    if pieces and pieces[-1].bytes > LARGEST:
        notes.append(f"More than {LARGEST >> 20} MiB came out, so delays of keys were not looked at.")
        return found
    return {**found, **_of_keys(received, pieces, sent, _groups(progress), keys, bins, until)}


def _pieces(received: str) -> tuple[list[arrivals.Arrival], str]:
    """When what came, and a sentence when that does not tell of the whole file: of the rest it would look as if it had
    not come.
    """
    size = _size(received)
    pieces = list(arrivals.iterate(received))
    if _covered(pieces) < size:
        # A receiver that runs notes a piece after it has written it.
        pieces = list(arrivals.iterate(received))
    covered = _covered(pieces)
    if size <= covered <= _size(received):
        return pieces, ""
    name, times = Path(received).name, Path(arrivals.path_of(received))
    told = f"tells of {covered:,} bytes and {name} has {size:,}" if times.exists() else "is missing"
    return pieces, f"When what came out came is not known, so there is no delay and no latency: {times.name} {told}."


def _covered(pieces: Sequence[arrivals.Arrival]) -> int:
    return pieces[-1].bytes if pieces else 0


def _size(received: str) -> int:
    path = Path(received)
    return path.stat().st_size if path.exists() else 0


def _of_keys(
    received: str,
    pieces: Sequence[arrivals.Arrival],
    sent: Mapping[int, Batches],
    groups: Mapping[str, int],
    keys: Sequence[str],
    bins: Bins,
    until: float,
) -> dict[str, Any]:
    known = {key: Key(sent.get(groups.get(key, -1), Batches()), bins) for key in keys}
    members: dict[int, list[Key]] = {}
    for key, one in known.items():
        members.setdefault(groups.get(key, -1), []).append(one)
    latencies = [Latencies() for _unused in range(bins.count)]
    out = [0] * bins.count
    lulls = Lulls(max(LULL, bins.step))
    batches = sorted((at, number, last) for number, one in sent.items() for at, last in zip(one.times, one.lasts))
    come_to: dict[int, int] = {}
    upcoming = 0
    for at, values in _arrivals(received, pieces, keys):
        while upcoming < len(batches) and batches[upcoming][0] <= at:
            moment, number, last = batches[upcoming]
            out[bins.of(moment)] += (last - come_to.get(number, 0)) * len(members.get(number, []))
            come_to[number] = last
            lulls.sent(moment)
            upcoming += 1
        for key, value in values.items():
            for latency, count in known[key].came(value, at):
                latencies[bins.of(at)].add(latency, count)
        waiting = any((since := one.waits_since) is not None and since <= at for one in known.values())
        lulls.came(at, waiting)
    for moment, number, last in batches[upcoming:]:
        out[bins.of(moment)] += (last - come_to.get(number, 0)) * len(members.get(number, []))
        come_to[number] = last
        lulls.sent(moment)
    if any(one.waits_since is not None for one in known.values()):
        lulls.came(until, waiting=False, ended=True)
    for one in known.values():
        one.end(until)
    whole = together(latencies)
    worst = sorted(known, key=lambda name: -known[name].longest)[:KEYS]
    return {
        "sent": out,
        "latency": {
            "50": percentiles(latencies, 0.5),
            "99": percentiles(latencies, 0.99),
            "all": {name: whole.percentile(float(name) / 100) for name in ("50", "95", "99", "99.9", "100")},
        },
        "keys": {key: _told(known[key]) for key in keys if key in set(worst)},
        "keys_left_out": len(known) - len(worst),
        "lulls": lulls.told(),
    }


def _told(key: Key) -> dict[str, Any]:
    return {
        "sent": key.sent,
        "received": key.come_to,
        "longest": round(key.longest, 4),
        "longest_at": round(key.longest_at, 3) or None,
        "delay": [round(delay, 3) for delay in key.delays],
    }


def _bins(begin: float, end: float) -> Bins:
    length = max(end - begin, 0.1)
    step = next((step for step in STEPS if length / step <= BINS), length / BINS)
    return Bins(begin, step, int(length / step) + 1)


def _batches(progress: str) -> dict[int, Batches]:
    found: dict[int, Batches] = {}
    for batch in sending_times.iterate(progress):
        found.setdefault(batch.connection, Batches()).add(batch.last, batch.nanoseconds / 1e9)
    return found


def _groups(progress: str) -> dict[str, int]:
    """The connection of each key."""
    try:
        sending = sending_progress.read(Path(progress))
    except json_record.Damaged:
        sending = None
    return {key: number for number, keys in enumerate(sending.groups if sending else []) for key in keys}


def _arrivals(
    received: str, pieces: Sequence[arrivals.Arrival], keys: Sequence[str]
) -> Iterator[tuple[float, dict[str, int]]]:
    """When what came: of each piece its time, and the highest value of each of its keys."""
    named = {Envelope(key).text: key for key in keys}
    held, offset = b"", 0
    with open_file(received) as stream:
        for piece in pieces:
            data = held + stream.read(max(0, piece.bytes - offset))
            offset = max(offset, piece.bytes)
            frames = data.split(END)
            # A piece is made of whole frames, but what is damaged may have no end.
            held = frames.pop()[-(1 << 13) :]
            yield piece.nanoseconds / 1e9, _values(frames, named)


def _values(frames: Sequence[bytes], named: Mapping[bytes, str]) -> dict[str, int]:
    # The head has the length, so that of equal heads the greatest text has the greatest value.
    greatest: dict[bytes, bytes] = {}
    for frame in frames:
        head, _unused, tail = frame.partition(SEPARATOR)
        if tail > greatest.get(head, b""):
            greatest[head] = tail
    values: dict[str, int] = {}
    for head, tail in greatest.items():
        key, text = named.get(head[_HEADER:]), tail[tail.rfind(b",") + 1 :]
        if key is not None and text.isdigit() and len(text) <= 20:
            values[key] = max(values.get(key, 0), int(text))
    return values


def moments(received: str, offsets: Sequence[int]) -> dict[str, Optional[float]]:
    """When the byte at each offset came, in seconds since the epoch; None where that is not known."""
    wanted = sorted(set(offsets))
    found: dict[str, Optional[float]] = dict.fromkeys(map(str, wanted))
    for piece in arrivals.iterate(received):
        while wanted and wanted[0] < piece.bytes:
            found[str(wanted.pop(0))] = round(piece.nanoseconds / 1e9, 3)
        if not wanted:
            break
    return found

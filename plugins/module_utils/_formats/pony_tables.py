# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of addresses as the Pony runtime serialises them: ``Map[String, Map[String, (String, String)]]``.

Objects stand one behind the other, **nothing is aligned**, and they point to one another by offsets from the beginning
of the bytes. All numbers are 64 bits, little-endian:

======== ====================================================================================
map      type, number of its entries, array
array    type, number of its buckets, the same again, buckets; a bucket is a pointer
empty    type; the one object to which all empty buckets point
title    type, text, map: a bucket of the outer map
row      type, the texts of name, host and port: a bucket of an inner map
text     type, its length, its length and 1, its bytes; these end with a zero
======== ====================================================================================

The order is that in which the runtime meets the objects. What an object points to is placed when the object is
visited, and the one that was placed last is visited next; titles and rows are visited at once. Types are numbers of
the executable. Since the order is known, what was read is certain: it is encoded again and must give the same bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Optional, Union

_WORD = struct.Struct("<Q")
_FEWEST_BUCKETS = 8
_LONGEST_TEXT = 1000


class TablesError(ValueError):
    """The bytes are no such tables."""


@dataclass(eq=False)
class _Text:
    value: str


@dataclass(eq=False)
class Row:
    """An entry of a table."""

    _name: _Text
    _host: _Text
    _port: _Text

    @property
    def name(self) -> str:
        """Of the worker."""
        return self._name.value

    @property
    def host(self) -> str:
        """Where it is."""
        return self._host.value

    @property
    def port(self) -> str:
        """Where it listens."""
        return self._port.value

    def set_host(self, host: str) -> None:
        """Give this row another host; a row that shares the text with it keeps its own."""
        self._host = _Text(host)


@dataclass(eq=False)
class _Title:
    text: _Text
    table: _Map


@dataclass(eq=False)
class _Map:
    """A table, or the table of the tables. Its buckets are all rows or all titles."""

    buckets: list[Union[Row, _Title, None]]

    @property
    def entries(self) -> list[Union[Row, _Title]]:
        return [bucket for bucket in self.buckets if bucket is not None]


class _Kinds(NamedTuple):
    """The types' numbers; these are those of the recorded executable of ``multi_partition_detector`` 0.5.4."""

    outer_map: int = 0x353
    outer_array: int = 0x351
    title: int = 0x152
    inner_map: int = 0x73
    inner_array: int = 0x71
    row: int = 0x16
    text: int = 7
    empty: int = 0x2F


class Tables:
    """All tables."""

    def __init__(self, root: _Map, kinds: _Kinds) -> None:
        self._root = root
        self._kinds = kinds

    @property
    def titles(self) -> list[str]:
        """The names of the tables."""
        return [title.text.value for title in self._titles()]

    def rows(self, title: str) -> list[Row]:
        """The entries of a table."""
        return [
            row
            for found in self._titles()
            if found.text.value == title
            for row in found.table.entries
            if isinstance(row, Row)
        ]

    def encode(self) -> bytes:
        """The bytes."""
        return _Writer(self._kinds).write(self._root)

    def _titles(self) -> list[_Title]:
        return [title for title in self._root.entries if isinstance(title, _Title)]


def decode(data: bytes) -> Tables:
    """Read tables.

    :raises TablesError: when they are none, or anything in them is not as a Pony runtime writes it.
    """
    tables = _Reader(data).read()
    if tables.encode() != data:
        raise TablesError("its objects are not in the order in which they are known to be written")
    return tables


def build(tables: Mapping[str, Iterable[tuple[str, str, str]]]) -> bytes:
    """Serialise tables of (name, host, port)."""
    root = _map(
        [
            _Title(_Text(title), _map([Row(_Text(name), _Text(host), _Text(port)) for name, host, port in rows]))
            for title, rows in tables.items()
        ]
    )
    return Tables(root, _Kinds()).encode()


def _map(entries: list[Union[Row, _Title]]) -> _Map:
    count = _FEWEST_BUCKETS
    # A map grows when more than three quarters of its buckets are taken.
    while 4 * len(entries) > 3 * count:
        count *= 2
    return _Map([None, *entries, *[None] * (count - 1 - len(entries))])


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._texts: dict[int, _Text] = {}
        self._kinds: dict[str, int] = {}
        self._left = len(data) // _WORD.size
        """No more buckets than this can be true; pointers may lead round in circles."""

    def read(self) -> Tables:
        # The one object whose place is known. All others are found from it.
        root = self._map(0, "outer")
        # Without an empty bucket, which a Pony map always has, its type does not matter.
        return Tables(root, _Kinds(**{"empty": 0, **self._kinds}))

    def _map(self, offset: int, level: str) -> _Map:
        kind, count, array = self._words(offset, 3)
        self._is(f"{level}_map", kind)
        kind, size, room, start = self._words(array, 4)
        self._is(f"{level}_array", kind)
        self._left -= size
        if size != room or self._left < 0:
            raise TablesError(f"{size} buckets at byte {array}")
        buckets = [self._bucket(pointer, level) for pointer in self._words(start, size)]
        if sum(bucket is not None for bucket in buckets) != count:
            raise TablesError(f"the map at byte {offset} does not have the {count} entries that it announces")
        return _Map(buckets)

    def _bucket(self, offset: int, level: str) -> Union[Row, _Title, None]:
        (kind,) = self._words(offset, 1)
        if kind == self._kinds.get("empty"):
            return None
        name = "title" if level == "outer" else "row"
        if kind != self._kinds.get(name) and not self._begins_with_texts(offset, 1 if level == "outer" else 3):
            self._is("empty", kind)
            return None
        self._is(name, kind)
        if level == "outer":
            _kind, text, table = self._words(offset, 3)
            return _Title(self._text(text), self._map(table, "inner"))
        return Row(*(self._text(pointer) for pointer in self._words(offset, 4)[1:]))

    def _begins_with_texts(self, offset: int, count: int) -> bool:
        try:
            for pointer in self._words(offset, 1 + count)[1:]:
                self._text_at(pointer)
        except TablesError:
            return False
        return True

    def _text(self, offset: int) -> _Text:
        if offset not in self._texts:
            kind, value = self._text_at(offset)
            self._is("text", kind)
            self._texts[offset] = _Text(value)
        return self._texts[offset]

    def _text_at(self, offset: int) -> tuple[int, str]:
        kind, size, room, start = self._words(offset, 4)
        if size > _LONGEST_TEXT or room != size + 1 or start + room > len(self._data) or self._data[start + size] != 0:
            raise TablesError(f"there is no text at byte {offset}")
        try:
            value = self._data[start : start + size].decode("ascii")
        except UnicodeDecodeError:
            raise TablesError(f"the text at byte {offset} is no ASCII") from None
        if not value.isprintable():
            raise TablesError(f"the text at byte {offset} cannot be printed")
        return kind, value

    def _words(self, offset: int, count: int) -> tuple[int, ...]:
        if offset + count * _WORD.size > len(self._data):
            raise TablesError(f"a pointer leads to byte {offset}, and there are {len(self._data)}")
        return struct.unpack_from(f"<{count}Q", self._data, offset)

    def _is(self, name: str, kind: int) -> None:
        if self._kinds.setdefault(name, kind) != kind:
            raise TablesError(f"type {kind:#x} where {self._kinds[name]:#x} was expected")


class _Writer:
    def __init__(self, kinds: _Kinds) -> None:
        self._kinds = kinds
        self._data = bytearray()
        self._offsets: dict[Union[_Map, _Text, _Array], int] = {}
        self._empty: Optional[int] = None
        self._waiting: list[tuple[Union[_Map, _Text, _Array], int]] = []

    def write(self, root: _Map) -> bytes:
        self._place(root, 3)
        self._visit_waiting("outer")
        return bytes(self._data)

    def _visit_waiting(self, level: str) -> None:
        while self._waiting:
            found, offset = self._waiting.pop()
            # The outer map is visited first, and its array after it; all others are inner ones.
            if isinstance(found, _Map):
                array = _Array(found)
                kind = self._kinds.outer_map if level == "outer" else self._kinds.inner_map
                self._put(offset, kind, len(found.entries), self._place(array, 4))
            elif isinstance(found, _Array):
                kind = self._kinds.outer_array if level == "outer" else self._kinds.inner_array
                count, start = len(found.map.buckets), len(self._data)
                self._put(offset, kind, count, count, start)
                self._data += bytes(count * _WORD.size)
                for index, bucket in enumerate(found.map.buckets):
                    self._put(start + index * _WORD.size, self._bucket(bucket))
                level = "inner"
            else:
                size = len(found.value)
                self._put(offset, self._kinds.text, size, size + 1, len(self._data))
                self._data += found.value.encode("ascii") + b"\0"

    def _bucket(self, bucket: Union[Row, _Title, None]) -> int:
        if bucket is None:
            if self._empty is None:
                self._empty = self._reserve(1)
                self._put(self._empty, self._kinds.empty)
            return self._empty
        if isinstance(bucket, _Title):
            offset = self._reserve(3)
            self._put(offset, self._kinds.title, self._place(bucket.text, 4), self._place(bucket.table, 3))
        else:
            offset = self._reserve(4)
            texts = (bucket._name, bucket._host, bucket._port)
            self._put(offset, self._kinds.row, *[self._place(text, 4) for text in texts])
        return offset

    def _place(self, found: Union[_Map, _Text, _Array], words: int) -> int:
        if found not in self._offsets:
            self._offsets[found] = self._reserve(words)
            self._waiting.append((found, self._offsets[found]))
        return self._offsets[found]

    def _reserve(self, words: int) -> int:
        offset = len(self._data)
        self._data += bytes(words * _WORD.size)
        return offset

    def _put(self, offset: int, *words: int) -> None:
        struct.pack_into(f"<{len(words)}Q", self._data, offset, *words)


@dataclass(eq=False)
class _Array:
    """The buckets of a map."""

    map: _Map = field()

# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of this collection: small JSON files, each read alone, whatever stands in its place.

A record is damaged when it cannot be read, or does not say what it must. It is then named with its path, with what is
wrong and with what to do, and never hides another one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Optional, TypeVar, Union, get_args, get_origin, get_type_hints

from .whole_file import open_file

Kind = TypeVar("Kind")

MOST_BYTES = 16 << 20
"""More than any record has."""

_PART_BYTES = 64 << 10

_HIGHEST = 1 << 63


class Damaged(ValueError):
    """A record that cannot be understood; the sentence says where it is, what is wrong and what to do."""

    def __init__(self, path: Path, what: str, do: str, settled: bool = False) -> None:
        """.

        :param do: what to do, as the rest of a sentence.
        :param settled: what it would say is known otherwise, so nobody has to refuse anything.
        """
        self.path, self.what, self.do, self.settled = str(path), " ".join(what.split()), do, settled
        super().__init__(f"{self.path} cannot be read ({self.what}); {do}")


def read_object(path: Path, do: str) -> Optional[dict[str, Any]]:
    """The JSON object in a file; None when there is no such file.

    :param do: what to do about a damaged one.
    :raises Damaged: when it cannot be understood.
    """
    try:
        data = bytes_of(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Damaged(path, error.strerror or str(error), do) from error
    try:
        found = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Damaged(path, f"byte {error.start} is not UTF-8", do) from error
    except RecursionError as error:
        raise Damaged(path, "it is nested too deeply", do) from error
    except ValueError as error:
        raise Damaged(path, str(error) if data else "it is empty", do) from error
    if not isinstance(found, dict):
        raise Damaged(path, f"it holds no object but {type(found).__name__}", do)
    return found


def made(kind: type[Kind], data: object) -> Kind:
    """A dataclass from plain data, with every name and type checked.

    :raises ValueError: when something is missing, unknown, or of another type than it must be.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"it is {_shown(data)} and no object")
    hints = get_type_hints(kind)
    known = {one.name: one for one in fields(kind)}  # type: ignore[arg-type]  # only dataclasses are given
    unknown = [name for name in data if name not in known]
    if unknown:
        raise ValueError(f"{_shown(unknown[0])} is unknown")
    needed = [one.name for one in known.values() if one.default is MISSING and one.default_factory is MISSING]
    missing = [name for name in needed if name not in data]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    return kind(**{name: _value(hints[name], data[name], name) for name in data})


def bytes_of(path: Path) -> bytes:
    """All of a small file.

    :raises OSError: when it cannot be read, or is no such file.
    """
    with open_file(path) as stream:
        data = bytearray()
        # In parts: the whole limit asked for at once is so much memory taken for any file.
        while part := stream.read(_PART_BYTES):
            data += part
            if len(data) > MOST_BYTES:
                raise OSError(0, "it is larger than any record")
    return bytes(data)


def _value(hint: Any, value: object, name: str) -> Any:
    outer, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if is_dataclass(hint) and isinstance(hint, type):
        return made(hint, value)
    if outer is Union:
        return None if value is None else _value(inner[0], value, name)
    if outer is dict:
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return {key: _value(inner[1], one, f"{name}.{key}") for key, one in value.items()}
    elif outer in (list, tuple):
        if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            return outer(_value(inner[0], one, name) for one in value)
    elif hint is float:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    elif hint is int:
        if isinstance(value, int) and not isinstance(value, bool) and -_HIGHEST <= value < _HIGHEST:
            return value
    elif hint is str:
        if isinstance(value, str) and "\0" not in value:
            return value
    elif isinstance(value, hint):
        return value
    raise ValueError(f"{name} is {_shown(value)}")


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."

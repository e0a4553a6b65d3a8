"""The file of tests in quarantine, which is committed with the project.

[[quarantine]]
nodeid = "tests/test_shop.py::test_checkout"
owner = "ana@example.com"
reason = "races with the mailer, see ticket 512"
expires = 2027-01-31
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from itertools import pairwise
from typing import Final

from pytest_orchestra.history.judgement.quarantine import Entry
from pytest_orchestra.model.problem import Problem

_TABLE: Final = "quarantine"
_TEXTS: Final = ("nodeid", "owner", "reason")
_KEYS: Final = (*_TEXTS, "expires")
_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")
#: What some editors on Windows put before the text.
_MARK: Final = "\ufeff"
_HEADER: Final = re.compile(rf"{_MARK}?\s*\[\[\s*quarantine\s*\]\]\s*(#.*)?$")
_SPECIAL: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_HEAD: Final = (
    "# Tests in quarantine: they run and are reported, and fail the run only when they behave\n"
    "# unlike themselves. After the day in `expires` an entry holds no longer.\n"
)


def read_entries(text: str, source: str) -> tuple[tuple[Entry, ...], tuple[Problem, ...]]:
    """Return the sound entries in ``text``, and a problem for each mistake in it.

    ``source`` is the file that problems name.
    """
    try:
        document = tomllib.loads(text.removeprefix(_MARK))
    except tomllib.TOMLDecodeError as error:
        line = _LINE.search(str(error))
        where = f"{source}:{line[1]}" if line else source
        return (), (Problem(f"is not valid TOML: {error}", "mend the line, or write TOML", where),)
    problems = [_unknown(key, (_TABLE,), "", source) for key in document if key != _TABLE]
    tables = document.get(_TABLE, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        remedy = f"write [[{_TABLE}]] above each entry"
        problems.append(Problem(f"{_TABLE} is not a list of tables", remedy, source))
        return (), tuple(problems)
    found: dict[str, Entry] = {}
    lines = _header_lines(text, len(tables))
    for number, (table, begins) in enumerate(zip(tables, lines, strict=True), 1):
        where = f"{source}:{begins}" if begins else source
        _read_entry(table, f"{_TABLE} entry {number}", (where, begins), found, problems)
    return tuple(found.values()), tuple(problems)


def _header_lines(text: str, tables: int) -> list[int]:
    """Return the lines on which so many ``tables`` begin; 0 for all if they are written otherwise."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _HEADER.match(line)]
    return lines if len(lines) == tables else [0] * tables


def write_entries(entries: Iterable[Entry]) -> str:
    """Return the text of the file with ``entries``, sorted by node id so that it merges well."""
    return "\n".join([_HEAD, *map(_write, sorted(entries, key=lambda entry: entry.nodeid))])


def add_entry(text: str, entry: Entry) -> str:
    """Return the ``text`` of the file with one more entry at its end; all else stays as it is."""
    ends = "\r\n" if "\r\n" in text else "\n"
    more = f"\n\n{_write(entry)}".replace("\n", ends)
    return (text.rstrip() or _HEAD.rstrip()) + more


def remove_entries(text: str, entries: Iterable[Entry]) -> str:
    """Return the ``text`` of the file without some of its ``entries``; all else stays as it is.

    Comments right above an entry go with it. Raises ValueError if an entry does not stand below a
    header of its own.
    """
    gone = {entry.line for entry in entries}
    if 0 in gone:
        raise ValueError(f"its entries do not stand each below a [[{_TABLE}]] of its own")
    lines = text.splitlines(keepends=True)
    heads = [number for number, line in enumerate(lines, 1) if _HEADER.match(line)]
    begins = [*(_with_comments(lines, head) for head in heads), len(lines) + 1]
    kept = lines[: begins[0] - 1]
    for head, (begin, end) in zip(heads, pairwise(begins), strict=True):
        if head not in gone:
            kept += lines[begin - 1 : end - 1]
    return "".join(kept)


def _with_comments(lines: list[str], head: int) -> int:
    """Return the line on which the comments right above the one at ``head`` begin."""
    while head > 1 and lines[head - 2].lstrip().startswith("#"):
        head -= 1
    return head


def _write(entry: Entry) -> str:
    return (
        f"[[{_TABLE}]]\n"
        f"nodeid = {_quote(entry.nodeid)}\n"
        f"owner = {_quote(entry.owner)}\n"
        f"reason = {_quote(entry.reason)}\n"
        f"expires = {entry.expires.isoformat()}\n"
    )


def _read_entry(
    table: Mapping[str, object],
    name: str,
    place: tuple[str, int],
    found: dict[str, Entry],
    problems: list[Problem],
) -> None:
    source, line = place
    nodeid = table.get("nodeid")
    if isinstance(nodeid, str) and nodeid.strip():
        name = f"{name} ({nodeid})"
    mistakes = [_unknown(key, _KEYS, f"{name}: ", source) for key in table if key not in _KEYS]
    mistakes += [
        Problem(f"{name} has no {key}", f'write {key} = "..."', source)
        for key in _TEXTS
        if not _is_text(table.get(key))
    ]
    expires = table.get("expires")
    if not isinstance(expires, date) or isinstance(expires, datetime):
        what = "has no expires" if expires is None else f"expires {expires!r}, which is no day"
        mistakes.append(Problem(f"{name} {what}", "write expires = 2027-01-31, unquoted", source))
    elif nodeid in found:
        mistakes.append(Problem(f"{name} is there twice", "leave one of them", source))
    elif not mistakes:
        nodeid, owner, reason = (str(table[key]) for key in _TEXTS)
        entry = Entry(nodeid, owner, reason, expires, line)
        found[entry.nodeid] = entry
    problems += mistakes


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _unknown(key: str, known: tuple[str, ...], prefix: str, source: str) -> Problem:
    near = get_close_matches(key, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return Problem(f"{prefix}unknown key {key!r}", hint, source)


def _quote(text: str) -> str:
    """Return ``text`` as a basic string of TOML, which may not have control characters as such."""
    return '"' + "".join(map(_escape, text)) + '"'


def _escape(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if character < " " or character == "\x7f":
        return f"\\u{ord(character):04x}"
    return character

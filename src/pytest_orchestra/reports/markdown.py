"""GitHub-flavoured Markdown in which no text can break out of its place.

Text of tests stands in code spans, fences and the HTML of a ``<summary>``, never in tables: in those a
bar ends a cell even inside code, and there is no way to write one that all renderers agree on.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

from pytest_orchestra.reports.text import cut, one_line, visible

_TICKS: Final = re.compile(r"`+")
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9 .,%/-]")

#: Of a name so many characters are shown.
MOST_NAME: Final = 300
#: Of a traceback.
MOST_FENCED: Final = 4000


def code(text: str, most: int = MOST_NAME) -> str:
    """Return ``text`` as code in a line, in a fence of backticks that it does not have."""
    line = one_line(text, most) or " "
    ticks = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def fenced(text: str, most: int = MOST_FENCED) -> str:
    """Return ``text`` as a block of code."""
    block = visible(cut(text, most))
    ticks = "`" * max(3, _longest_run(block) + 1)
    return f"{ticks}text\n{block}\n{ticks}"


def details(summary: str, note: str, body: str) -> str:
    """Return Markdown ``body`` folded away under one line: ``summary`` as code, then ``note``."""
    line = f"<code>{_escaped(summary)}</code> {_escaped(note)}".rstrip()
    return f"<details><summary>{line}</summary>\n\n{body}\n\n</details>\n"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, its first column to the left and the others to the right."""
    lines = [
        _row([_cell(each) for each in headings]),
        _row([":--", *["--:"] * (len(headings) - 1)]),
        *(_row([_cell(each) for each in row]) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Return ``text`` with everything that could mean something written as a number."""
    return _NOT_PLAIN.sub(lambda found: f"&#{ord(found[0])};", one_line(text))


def _escaped(text: str) -> str:
    return html.escape(one_line(text, MOST_NAME))


def _longest_run(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)

"""Reads XML one testcase at a time, and trusts nobody who wrote it.

A file may be larger than memory. Entities, which may stand for gigabytes or for files of this machine,
are refused where they are declared; nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET
from xml.parsers import expat

from pytest_orchestra.errors import ForeignFileError, ReportError

#: Bytes that are read at a time.
_CHUNK: Final = 1 << 20

_CASE: Final = "testcase"
_ROOTS: Final = frozenset({"testsuites", "testsuite"})


class Elements:
    """Hears what is in a file of JUnit's.

    ``enter`` and ``leave`` are called for every suite, ``note`` for each property of one, and ``case``
    with each testcase as a whole, once it is read.
    """

    def __init__(
        self,
        enter: Callable[[dict[str, str]], None],
        leave: Callable[[], None],
        note: Callable[[str, str], None],
        case: Callable[[ET.Element], None],
    ) -> None:
        self._enter = enter
        self._leave = leave
        self._note = note
        self._case = case
        self._builder: ET.TreeBuilder | None = None
        self._depth = 0
        self._is_root = True

    def read(self, path: Path, tell: Callable[[int], None]) -> None:
        """Read the file; ``tell`` gets how many bytes were read each time. Raises ReportError."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._refuse
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    parser.Parse(chunk, False)  # noqa: FBT003 - it takes nothing by name
                    tell(len(chunk))
            parser.Parse(b"", True)  # noqa: FBT003 - as above
        except OSError as error:
            raise ReportError(f"{path} cannot be read: {error.strerror}") from error
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise ReportError(
                f"{path} is not sound XML: {error}; write it again, with the tool that made it"
            ) from error
        except _RefusedError as error:
            raise ReportError(f"{path} {error}") from None
        except _OtherRootError as error:
            raise ForeignFileError(f"{path} {error}") from None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._is_root and tag not in _ROOTS:
            raise _OtherRootError(f"is XML, but not JUnit's: its first element is <{tag}>")
        self._is_root = False
        if self._builder is not None:
            self._depth += 1
            self._builder.start(tag, attributes)
        elif tag == _CASE:
            self._builder = ET.TreeBuilder()
            self._builder.start(tag, attributes)
        elif tag in _ROOTS:
            self._enter(attributes)
        elif tag == "property":
            self._note(attributes.get("name", ""), attributes.get("value", ""))

    def _end(self, tag: str) -> None:
        if self._builder is None:
            if tag in _ROOTS:
                self._leave()
            return
        self._builder.end(tag)
        if self._depth:
            self._depth -= 1
            return
        whole = self._builder.close()
        self._builder = None
        self._case(whole)

    def _text(self, text: str) -> None:
        if self._builder is not None:
            self._builder.data(text)

    @staticmethod
    def _refuse(name: str, *_: object) -> None:
        raise _RefusedError(
            f"declares an entity of its own (&{name};), which no test tool does: it is not read"
        )


class _RefusedError(Exception):
    """Why a file is not read on, in words that go on from its path."""


class _OtherRootError(Exception):
    """What a file is instead, in words that go on from its path."""

"""HTML that is escaped by construction: a text becomes part of a page only through here."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Final, TypeAlias

#: Elements that have no end tag.
_VOID: Final = frozenset({"meta", "link", "input", "br", "hr", "img"})

#: What HTML forbids, what cannot be encoded, and what would turn the text around it about.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(1 << 16, 17 << 16, 1 << 16)
    )
    + "]"
)

#: Colours and styles that programs send to a terminal.
_STYLING: Final = re.compile("\x1b\\[[0-9;]*m")


class Markup(str):  # noqa: SLOT000 - str has no slots of its own to add to
    """Text that is HTML already."""

    def __html__(self) -> str:
        """Return itself, as template engines ask for it."""
        return str(self)


#: What may stand in an element; None for nothing.
Content: TypeAlias = "str | Markup | Iterable[Content] | None"


def visible(text: str) -> str:
    r"""Return ``text`` with what cannot be seen, or cannot be written, as escapes such as ``\x1b``."""
    return _UNSEEN.sub(_escape, text)


def one_line(text: str) -> str:
    r"""Return ``text`` as ``visible`` does, and with ``\n`` and ``\t`` for line feeds and tabs."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def plain(text: str) -> str:
    """Return what a program printed without the colours that it meant for a terminal."""
    return _STYLING.sub("", text).replace("\r\n", "\n")


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code <= 0xFF:  # noqa: PLR2004
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004


def escaped(content: Content) -> Markup:
    """Return ``content`` as HTML, one after the other; texts that are not Markup are escaped."""
    if content is None:
        return Markup()
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup(html.escape(visible(content), quote=False))
    return Markup("".join(map(escaped, content)))


def el(name: str, /, *content: Content, **attributes: str | float | bool | None) -> Markup:
    """Return the element ``name``.

    An attribute's trailing ``_`` is dropped (``class_``), others become ``-``. True is an attribute without a
    value, False and None are none.
    """
    start = f"<{name}{''.join(_attribute(*each) for each in attributes.items())}>"
    if name in _VOID:
        return Markup(start)
    return Markup(f"{start}{escaped(content)}</{name}>")


def _attribute(name: str, value: str | float | bool | None) -> str:  # noqa: FBT001
    if value is None or value is False:
        return ""
    key = name.rstrip("_").replace("_", "-")
    if value is True:
        return f" {key}"
    text = value if isinstance(value, str) else number(value)
    return f' {key}="{html.escape(visible(text))}"'


def number(value: float) -> str:
    """Return ``value`` with at most two decimals, as short as can be."""
    text = f"{value:.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

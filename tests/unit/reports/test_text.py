"""Texts of tests, made fit for files."""

from __future__ import annotations

import pytest

from pytest_orchestra.reports.text import cut, encodable, one_line, shorten, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain äöü \U0001f600\t\n", "plain äöü \U0001f600\t\n"),
        ("nul\0 esc\x1b del\x7f", "nul#x00 esc#x1B del#x7F"),
        ("half \ud800, non \ufffe\uffff", "half #xD800, non #xFFFE#xFFFF"),
    ],
)
def test_what_xml_forbids_is_written_out(text: str, shown: str) -> None:
    """Nothing is lost, and nothing else is touched."""
    assert visible(text) == shown


def test_lone_surrogates_are_written_out() -> None:
    """A text can be encoded afterwards; control characters, which can be, stay."""
    assert encodable("a\x1b\udfffä").encode() == "a\x1b#xDFFFä".encode()


def test_long_texts_lose_their_middle() -> None:
    """What begins and what ends a text stays, and how much is missing is said."""
    text = "a" * 60 + "b" * 940 + "c" * 1000
    assert cut(text, 100) == f"{'a' * 50}\n[... 1,900 characters left out ...]\n{'c' * 50}"
    assert cut(text, 2000) is text


def test_messages_are_shortened() -> None:
    """Dots say that something is missing, within the length."""
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abc..."


def test_one_line_has_no_breaks() -> None:
    """Whatever breaks lines somewhere is a space."""
    assert one_line(" a\r\n\tb\u2028c\x85d\x0b\0 ") == "a b c d #x00"

from __future__ import annotations

import pytest

from pytest_orchestra.reports.html.markup import (
    Markup,
    el,
    escaped,
    number,
    one_line,
    plain,
    visible,
)


def test_text_is_escaped_and_markup_is_not() -> None:
    """Whoever wants a tag has to make it."""
    assert el("p", "<b>&", el("b", "x")) == "<p>&lt;b&gt;&amp;<b>x</b></p>"


def test_attributes_are_escaped() -> None:
    """A quote does not end an attribute, and a name may be a word of Python."""
    assert (
        el("a", class_="\"' <>", data_id="x") == '<a class="&quot;&#x27; &lt;&gt;" data-id="x"></a>'
    )


def test_attributes_that_are_absent_or_have_no_value() -> None:
    """None and False are left out, True is the bare name, a number is short."""
    assert (
        el("rect", x=1.50, y=0, open=True, id=None, hidden=False)
        == '<rect x="1.5" y="0" open></rect>'
    )


def test_void_elements_have_no_end() -> None:
    """As HTML wants it."""
    assert el("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_content_may_be_nested_and_absent() -> None:
    """Sections give what they have."""
    assert escaped(["a", None, ["<", Markup("<hr>")]]) == "a&lt;<hr>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\0\x1b[1m\x9b", r"a\x00\x1b[1m\x9b"),
        ("\ud800 \ufffe \U0001ffff", r"\ud800 \ufffe \U0001ffff"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("line\n\ttab é 漢 🎻", "line\n\ttab é 漢 🎻"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    """Control characters, lone surrogates, noncharacters, and what turns text about; nothing else."""
    assert visible(text) == shown


def test_one_line_has_no_line_feeds_or_tabs() -> None:
    """The list of tests has a line for each, and tabs between its columns."""
    assert one_line("a\nb\tc\r") == r"a\nb\tc\x0d"


def test_plain_drops_colours_of_a_terminal() -> None:
    """They say nothing without one; line ends of other systems are line ends."""
    assert plain("\x1b[31mred\x1b[0m\r\nnext") == "red\nnext"


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (10.0, "10"), (100, "100"), (1.256, "1.26"), (0.5, "0.5")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    """Two decimals at most, and no zeros behind them."""
    assert number(value) == text

"""Whatever text is put into a page, a parser finds that text there, and nothing else."""

from __future__ import annotations

import html5lib
from hypothesis import given
from hypothesis import strategies as st

from pytest_orchestra.reports.html.markup import el, one_line, visible

#: All of Unicode, lone surrogates included, and more of what is special in HTML.
TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=()),
        st.sampled_from("<>&\"'/!-=]\n\t\r\0`"),
    )
)


@given(TEXTS)
def test_text_stays_text(text: str) -> None:
    """In an element and in an attribute, without an error of the parser."""
    page = f"<!DOCTYPE html><title>t</title>{el('p', el('b', text), data_x=text)}"
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    (paragraph,) = tree.find("body")
    (bold,) = paragraph
    assert (bold.text or "") == visible(text)
    assert paragraph.attrib == {"data-x": visible(text)}


@given(TEXTS)
def test_what_is_visible_can_be_written(text: str) -> None:
    """It can be encoded, is not changed by being made visible again, and one line is one."""
    shown = visible(text)
    assert shown.encode().decode() == shown
    assert visible(shown) == shown
    assert len(one_line(text).splitlines()) <= 1 + sum(each in text for each in "\u2028\u2029")

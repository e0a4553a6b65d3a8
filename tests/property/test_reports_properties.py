"""Reports of any run: what is written can be read, and says what pytest would."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints
from xml.etree import ElementTree as ET

from _pytest.junitxml import mangle_test_address
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_orchestra.model.run import RunRecord
from pytest_orchestra.reports.names import junit_names
from pytest_orchestra.reports.record_file import read_record, write_record
from pytest_orchestra.reports.text import cut, visible

#: What a configuration may have as a number.
FINITE = st.floats(allow_nan=False, allow_infinity=False)

#: Any text, lone surrogates included.
TEXTS = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    float: st.floats(allow_nan=False),
    int: st.integers(),
    bool: st.booleans(),
    date: st.dates(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for all values of a type that records are made of."""
    if kind in PLAIN:
        return PLAIN[kind]
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{each.name: values(hints[each.name]) for each in fields(kind)})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    return _of_several(*get_args(kind), origin=get_origin(kind))


def _of_several(first: Any, *rest: Any, origin: Any) -> st.SearchStrategy[Any]:
    if origin is Mapping:
        return st.dictionaries(values(first), values(*rest), max_size=2)
    if {first, *rest} == {str, int, float, bool}:
        scalar: st.SearchStrategy[Any] = TEXTS | st.integers() | st.booleans() | FINITE
        return scalar
    kept = {tuple: tuple, frozenset: frozenset}.get(origin)  # else it is this or None
    if kept is not None and rest in ((), (...,)):
        return st.lists(values(first), max_size=2).map(kept)
    return st.tuples(*map(values, (first, *rest))) if kept else st.none() | values(first)


@settings(max_examples=60, deadline=None)
@given(values(RunRecord))
def test_records_are_kept_whole(record: RunRecord) -> None:
    """Whatever is in a record is in what is read back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "record.json.gz")
        write_record(record, path)
        assert read_record(path) == record


@given(st.text("ab/.:[]-py", max_size=30).map(lambda text: f"a/b.py::{text}"))
def test_names_are_those_of_pytest(nodeid: str) -> None:
    """Whatever stands in parameters, classes and files."""
    *classname, name = mangle_test_address(nodeid)
    assert junit_names(nodeid) == (".".join(classname), name)


@given(st.text("ab/.[]-py", max_size=20))
def test_files_have_the_names_of_pytest(path: str) -> None:
    """Brackets in the name of a file or directory are its own."""
    for nodeid in (path, f"{path}::test[1]"):
        *classname, name = mangle_test_address(nodeid)
        assert junit_names(nodeid) == (".".join(classname), name)


@given(TEXTS)
def test_what_is_visible_is_xml(text: str) -> None:
    """Any text can stand in an XML file, and is not read as something else."""
    element = ET.Element("a", b=visible(text))
    element.text = visible(text)
    read = ET.fromstring(ET.tostring(element))  # noqa: S314 - we wrote it
    assert read.get("b") == visible(text)
    assert (read.text or "") == visible(text).replace("\r\n", "\n").replace("\r", "\n")


@given(TEXTS, st.integers(2, 20))
def test_what_is_cut_keeps_its_ends(text: str, most: int) -> None:
    """As many characters as were allowed are those of the text."""
    kept = cut(text, most)
    assert kept == text or (
        kept.startswith(text[: most // 2]) and kept.endswith(text[most // 2 - most :])
    )

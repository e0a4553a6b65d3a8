"""Names of folders for what tests leave behind."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_orchestra.running.artifacts import folder_name

SAFE = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*-[0-9a-f]{10}")


@given(st.text(st.characters()))
def test_any_node_id_gives_a_short_and_safe_name(nodeid: str) -> None:
    """No dot, blank or control character, nothing that some system reserves, and no more than 51 characters."""
    name = folder_name(nodeid)
    assert SAFE.fullmatch(name)
    assert len(name) <= 51


def test_names_that_some_file_systems_take_for_the_same_differ() -> None:
    """Also where capitals do not count."""
    names = {folder_name(f"a.py::test[{each}]").lower() for each in ("a", "A", "a/", "a-", "")}
    assert len(names) == 5


@pytest.mark.parametrize(
    ("nodeid", "start"),
    [
        ("t/test_a.py::TestA::test_b[x y]", "TestA-test-b-x-y-"),
        ("t/test_a.py", "t-test-a-py-"),
        ("a.py::\u00e4\u00f6", "test-"),
        ("", "test-"),
    ],
)
def test_names_can_be_recognised(nodeid: str, start: str) -> None:
    """They begin with what the test is called."""
    assert folder_name(nodeid).startswith(start)
